#ifndef LVM_LVM_H
#define LVM_LVM_H
/* lvm from C: compile a model, bind columns where they lie, fit, and ask the fit.
 *
 *   lvm_model *model; lvm_table *table; lvm_fit *fit; lvm_report *report;
 *   if (lvm_model_compile(text, NULL, 0, &model, &report) != LVM_OK) puts(lvm_report_text(report));
 *   lvm_table_make(columns, 2, rows, &table, NULL);
 *   lvm_model_fit(model, table, NULL, &fit, NULL);
 *   lvm_fit_score(fit, table, 0, values, &total, NULL);
 *
 * Every call that can fail returns a status, and fills `*report`, where a place for one is given, with what
 * there is to say: errors where the status is not LVM_OK, else warnings, or NULL where there are none. What a
 * call gives is owned by the caller and freed by the function of its kind, which takes NULL too; where a call
 * fails, it gives NULL. Texts and arrays that a handle gives out live as long as the handle.
 *
 * Any handle may be read by several threads at once. Only lvm_fit_update changes one: calls beside it see the
 * fit before or behind it. A table reads the host's memory in place: it must stay where it is, unchanged,
 * until the table is freed. No other handle keeps it.
 */
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define LVM_EXPORT __attribute__((visibility("default")))
#else
#define LVM_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when something is added; the soname changes when something is taken away or changes its meaning. */
#define LVM_API_VERSION 1

enum {
  LVM_OK = 0,
  LVM_INVALID = 1, /* the model, the data or the question is wrong: the report says how */
  LVM_USAGE = 2,   /* the call itself is: a NULL, an unknown option */
  LVM_FILES = 4,   /* a file cannot be read or written */
  LVM_STOPPED = 5, /* the progress callback asked to stop; the best fit so far is given */
  LVM_MEMORY = 12,
  LVM_INTERNAL = 70 /* a fault of lvm */
};

typedef struct lvm_report lvm_report; /* what a call has to say */
typedef struct lvm_model lvm_model;   /* a compiled model */
typedef struct lvm_table lvm_table;   /* columns */
typedef struct lvm_fit lvm_fit;       /* a fitted model */
typedef struct lvm_scorer lvm_scorer; /* a fitted model that is asked row by row */
typedef struct lvm_result lvm_result; /* columns of answers */

/* "0.1.0", and LVM_API_VERSION of the library that is loaded. */
LVM_EXPORT const char* lvm_version(void);
LVM_EXPORT int lvm_api_version(void);
/* The long text of a diagnostic such as "E0412"; NULL for an unknown one. Free it with lvm_string_free. */
LVM_EXPORT char* lvm_explain(const char* code);
LVM_EXPORT void lvm_string_free(char* text);

/* ---- diagnostics ---- */

/* One thing that is said. Places count from 1, ends are exclusive, 0 is no place. Texts that do not apply are
 * "". */
typedef struct lvm_message {
  const char* code; /* "E0412" */
  int32_t error;    /* 0: a warning */
  const char *text, *rule, *label,
      *hint;        /* what was seen, what holds everywhere, the words beside the place, a way out */
  const char* file; /* of the model */
  uint32_t line, column, end_line, end_column;
  const char* table; /* of the data */
  int64_t row;
  const char *column_name, *cell;
} lvm_message;

LVM_EXPORT size_t lvm_report_count(const lvm_report* report);
LVM_EXPORT int lvm_report_message(const lvm_report* report, size_t index, lvm_message* message);
/* As lvmc shows it: never NULL. */
LVM_EXPORT const char* lvm_report_text(const lvm_report* report);
/* One object: `ok`, `errors`, `warnings`. */
LVM_EXPORT const char* lvm_report_json(const lvm_report* report);
LVM_EXPORT void lvm_report_free(lvm_report* report);

/* ---- models ---- */

/* The size of an axis, a constant or a fit setting: {"K", "3"}, {"fit.method", "gradient"}. */
typedef struct lvm_setting {
  const char *name, *value;
} lvm_setting;

/* `text` is the model itself, UTF-8. */
LVM_EXPORT int lvm_model_compile(const char* text, const lvm_setting* settings, size_t count,
                                 lvm_model** model, lvm_report** report);
LVM_EXPORT int lvm_model_compile_file(const char* path, const lvm_setting* settings, size_t count,
                                      lvm_model** model, lvm_report** report);
LVM_EXPORT const char* lvm_model_name(const lvm_model* model);
/* An array of `block`, `kind`, `solver`, `exact`, `reason`. */
LVM_EXPORT const char* lvm_model_plan_json(const lvm_model* model);
/* The bound, the plan with reasons, each update. */
LVM_EXPORT const char* lvm_model_explanation(const lvm_model* model);
LVM_EXPORT void lvm_model_free(lvm_model* model);

/* ---- tables ---- */

enum {
  LVM_F64 = 0,
  LVM_F32 = 1,
  LVM_I64 = 2,
  LVM_I32 = 3,
  LVM_I16 = 4,
  LVM_I8 = 5,
  LVM_U64 = 6,
  LVM_U32 = 7,
  LVM_U16 = 8,
  LVM_U8 = 9
};

/* The cell of row r stands at `(const char *)values + r * stride`. Whole numbers beyond 2^53 are refused: no
 * double holds them. */
typedef struct lvm_column {
  const char* name;
  const void* values;
  int64_t stride; /* bytes from a row to the next, of either sign; 0: they stand side by side */
  int32_t type;   /* LVM_F64, … */
  /* A bit a row, the least significant of a byte first: 0 where the cell is missing. NULL: none is. NaN is a
   * missing cell too. */
  const uint8_t* validity;
  int64_t validity_offset; /* the bit of row 0 */
  /* Of categories that are texts: cells are whole numbers from 0 that stand for these. NULL: cells are
   * numbers. */
  const char* const* levels;
  int64_t level_count;
} lvm_column;

LVM_EXPORT int lvm_table_make(const lvm_column* columns, size_t count, int64_t rows, lvm_table** table,
                              lvm_report** report);
/* CSV or TSV with a header, .npy or IDX, each also as gzip. */
LVM_EXPORT int lvm_table_read(const char* path, lvm_table** table, lvm_report** report);

/* The Arrow C data interface, as its specification has it. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
struct ArrowSchema {
  const char *format, *name, *metadata;
  int64_t flags, n_children;
  struct ArrowSchema **children, *dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  int64_t length, null_count, offset, n_buffers, n_children;
  const void** buffers;
  struct ArrowArray **children, *dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
#endif
/* A record batch: a struct whose children are the columns, of numbers, booleans, texts or dictionaries of
 * texts. The table takes both over, also where the call fails, and releases them when it is freed. Cells are
 * read in place; of plain texts codes are kept beside them. */
LVM_EXPORT int lvm_table_from_arrow(struct ArrowSchema* schema, struct ArrowArray* array, lvm_table** table,
                                    lvm_report** report);

LVM_EXPORT int64_t lvm_table_rows(const lvm_table* table);
LVM_EXPORT void lvm_table_free(lvm_table* table);

/* ---- fits ---- */

typedef struct lvm_progress {
  int64_t restart, restarts; /* counted from 1 */
  int64_t iteration;
  double objective; /* total over rows, in nats */
  double change;    /* since the iteration before */
  double remaining; /* nats still to gain, by an estimate; NaN: not known yet */
  double seconds;
} lvm_progress;
/* Called after every objective, perhaps from another thread, never twice at once. Not 0: go on. */
typedef int (*lvm_progress_function)(const lvm_progress* progress, void* context);

/* Fill it by lvm_fit_options_init, then set what is to be other than the model's `fit { … }` says. */
typedef struct lvm_fit_options {
  size_t size;        /* of this struct: set by lvm_fit_options_init */
  int64_t iterations; /* -1: the model's */
  int64_t restarts;   /* -1: the model's */
  double tolerance;   /* nats of remaining gain; below 0: the model's */
  int64_t seed;       /* -1: the model's */
  int32_t threads;    /* 0: as many as the machine has; results do not depend on it */
  int32_t accelerate; /* -1: the model's; leaps of SQUAREM where they gain */
  int32_t updatable;  /* keep the sums over the rows, so that lvm_fit_update may add rows to them */
  int32_t reserved;
  lvm_progress_function progress;
  void* context;
  const lvm_fit* start; /* begin at its parameters */
} lvm_fit_options;
LVM_EXPORT void lvm_fit_options_init(lvm_fit_options* options);

/* `options` may be NULL. */
LVM_EXPORT int lvm_model_fit(const lvm_model* model, const lvm_table* table, const lvm_fit_options* options,
                             lvm_fit** fit, lvm_report** report);
/* One step of incremental EM (Neal and Hinton 1998): the sums over the new rows, at the parameters that they
 * meet, are added to `decay` times those before (1: all rows count alike), and the parameters follow from
 * both. Refused for fits without `updatable`. */
LVM_EXPORT int lvm_fit_update(lvm_fit* fit, const lvm_table* table, double decay, lvm_report** report);
LVM_EXPORT int lvm_fit_save(const lvm_fit* fit, const char* path, lvm_report** report);
LVM_EXPORT int lvm_fit_load(const char* path, lvm_fit** fit, lvm_report** report);
LVM_EXPORT void lvm_fit_free(lvm_fit* fit);

/* What is known of it: "objective", "objective_name", "rows", "iterations", "converged", "method", "seed", …;
 * free it with lvm_string_free. NULL: no such thing. */
LVM_EXPORT char* lvm_fit_metric(const lvm_fit* fit, const char* name);
/* The text of the model. Free it with lvm_string_free. */
LVM_EXPORT char* lvm_fit_model_text(const lvm_fit* fit);

/* Row-major over `shape`, axes in the order of the declaration. `values` are the caller's: room for them is
 * asked for by a call with NULL, which gives name, rank, shape and count. */
typedef struct lvm_parameter {
  char name[128];
  int32_t rank;
  int32_t reserved;
  int64_t shape[16];
  int64_t count;
} lvm_parameter;
LVM_EXPORT size_t lvm_fit_parameter_count(const lvm_fit* fit);
LVM_EXPORT int lvm_fit_parameter(const lvm_fit* fit, size_t index, lvm_parameter* parameter, double* values,
                                 int64_t room);
LVM_EXPORT int lvm_fit_find_parameter(const lvm_fit* fit, const char* name, lvm_parameter* parameter,
                                      double* values, int64_t room);

/* ln P(y) of each row; of a step of a sequence given the steps before it; of fits by gradients their bound,
 * and of models with latents that rows share what the row adds to it. `values` has room for the rows, or is
 * NULL; `total` may be NULL. */
LVM_EXPORT int lvm_fit_score(const lvm_fit* fit, const lvm_table* table, int32_t threads, double* values,
                             double* total, lvm_report** report);
/* The posterior of the latents: of finite ones the most probable value and the probability of each, of others
 * means and standard deviations. */
LVM_EXPORT int lvm_fit_posterior(const lvm_fit* fit, const lvm_table* table, int32_t threads,
                                 lvm_result** result, lvm_report** report);
LVM_EXPORT int lvm_fit_sample(const lvm_fit* fit, int64_t rows, uint64_t seed, lvm_result** result,
                              lvm_report** report);
/* The table's data, E[cell | what is observed of its row] in the place of missing cells, and the standard
 * deviations of these, NaN where a cell was there: columns `NAME` and `NAME_sd`. Of a category the most
 * probable one, and its probability: `NAME_p`. */
LVM_EXPORT int lvm_fit_impute(const lvm_fit* fit, const lvm_table* table, int32_t threads,
                              lvm_result** result, lvm_report** report);

/* ---- row by row ---- */

/* `columns` says in which order the cells of a row come; with a count of 0 they come as the fit took them.
 * The scorer keeps what it needs of the fit as it is now. Refused for fits by gradients, and where rows are
 * told together: in plates and sequences. */
LVM_EXPORT int lvm_fit_scorer(const lvm_fit* fit, const char* const* columns, size_t count,
                              lvm_scorer** scorer, lvm_report** report);
LVM_EXPORT size_t lvm_scorer_columns(const lvm_scorer* scorer);
LVM_EXPORT const char* lvm_scorer_column(const lvm_scorer* scorer, size_t index);
/* What the categories of a column are called: number 0 first. A count of 0 where its cells are numbers, or
 * are not read. */
LVM_EXPORT int64_t lvm_scorer_level_count(const lvm_scorer* scorer, size_t column);
LVM_EXPORT const char* lvm_scorer_level(const lvm_scorer* scorer, size_t column, int64_t level);
/* ln P(y) of one row of as many cells as columns; NaN is a missing cell, a category its number from 0 in the
 * order of the levels. */
LVM_EXPORT int lvm_scorer_score(const lvm_scorer* scorer, const double* cells, double* value,
                                lvm_report** report);
LVM_EXPORT void lvm_scorer_free(lvm_scorer* scorer);

/* ---- answers ---- */

LVM_EXPORT size_t lvm_result_columns(const lvm_result* result);
LVM_EXPORT int64_t lvm_result_rows(const lvm_result* result);
LVM_EXPORT const char* lvm_result_name(const lvm_result* result, size_t column);
/* As many as rows; of categories numbers from 0. */
LVM_EXPORT const double* lvm_result_values(const lvm_result* result, size_t column);
/* What the categories are called; a count of 0 where the column holds numbers. */
LVM_EXPORT int64_t lvm_result_level_count(const lvm_result* result, size_t column);
LVM_EXPORT const char* lvm_result_level(const lvm_result* result, size_t column, int64_t level);
LVM_EXPORT void lvm_result_free(lvm_result* result);

#ifdef __cplusplus
}
#endif
#endif
