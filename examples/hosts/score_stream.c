/* score_stream FIT: reads a table from the standard input row by row, and writes ln P(y) of each row as soon as it is there.
 *
 *   lvmc run examples/gmm.lvm examples/data/faithful.csv --set K=2 --out fit
 *   tail -f eruptions.csv | score_stream fit/fit.lvmfit
 *
 * The first line names the columns; those that the fit does not know are passed over. An empty cell, or NA, is a missing one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lvm/lvm.h>

enum { most_columns = 256, most_line = 1 << 16 };

static int fail(const char *what, lvm_report *report) {
  fprintf(stderr, "score_stream: %s\n%s", what, lvm_report_text(report));
  lvm_report_free(report);
  return 1;
}

/* Cuts a line at its commas, in place. */
static size_t cut(char *line, char **cells) {
  size_t count = 0;
  line[strcspn(line, "\r\n")] = '\0';
  for (char *at = line; at != NULL && count < most_columns;) {
    char *comma = strchr(at, ',');
    if (comma != NULL) *comma++ = '\0';
    cells[count++] = at;
    at = comma;
  }
  return count;
}

/* A number, or one of the categories of the column, of which the scorer wants the place. */
static int read_cell(const lvm_scorer *scorer, size_t column, const char *cell, double *value) {
  const int64_t levels = lvm_scorer_level_count(scorer, column);
  char *end;
  if (*cell == '\0' || strcmp(cell, "NA") == 0) {
    *value = NAN;
    return 1;
  }
  for (int64_t i = 0; i < levels; ++i) {
    *value = (double)i;
    if (strcmp(cell, lvm_scorer_level(scorer, column, i)) == 0) return 1;
  }
  if (levels > 0) return 0;
  *value = strtod(cell, &end);
  return end != cell && *end == '\0';
}

int main(int count, char **arguments) {
  static char line[most_line];
  char *cells[most_columns];
  double row[most_columns];
  lvm_report *report;
  lvm_fit *fit;
  lvm_scorer *scorer;
  int status = 0;
  if (count != 2) {
    fputs("usage: score_stream FIT < rows.csv\n", stderr);
    return 2;
  }
  if (lvm_fit_load(arguments[1], &fit, &report) != LVM_OK) return fail("the fit cannot be used", report);
  lvm_report_free(report);
  if (fgets(line, sizeof line, stdin) == NULL) {
    lvm_fit_free(fit);
    fputs("score_stream: the first line names the columns, and there is none\n", stderr);
    return 1;
  }
  {
    const size_t columns = cut(line, cells);
    const int made = lvm_fit_scorer(fit, (const char *const *)cells, columns, &scorer, &report);
    lvm_fit_free(fit); /* the scorer keeps what it needs */
    if (made != LVM_OK) return fail("the columns do not fit", report);
    lvm_report_free(report);
    for (long number = 2; status == 0 && fgets(line, sizeof line, stdin) != NULL; ++number) {
      double value;
      size_t good = 0;
      if (cut(line, cells) != columns) {
        fprintf(stderr, "score_stream: line %ld has another number of cells than the first\n", number);
        status = 1;
        break;
      }
      while (good < columns && read_cell(scorer, good, cells[good], &row[good])) ++good;
      if (good < columns) {
        fprintf(stderr, "score_stream: line %ld: `%s` is no %s\n", number, cells[good],
                lvm_scorer_level_count(scorer, good) > 0 ? "category that the fit knows" : "number");
        status = 1;
      } else if (lvm_scorer_score(scorer, row, &value, &report) != LVM_OK) {
        fprintf(stderr, "score_stream: line %ld\n", number);
        status = fail("the row cannot be scored", report);
      } else {
        printf("%.17g\n", value);
        if (fflush(stdout) != 0) break; /* the reader has gone away */
      }
    }
  }
  lvm_scorer_free(scorer);
  return status;
}
