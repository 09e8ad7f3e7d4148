#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "capi/handles.h"

using lvm::border::finish;
using lvm::border::given;
using lvm::border::guard;
using lvm::border::Misuse;

namespace {

int keep(lvm::Results results, lvm_result** result, lvm_report** report) {
  const int status = finish(results.report, report);
  if (status == LVM_OK) *result = new lvm_result{std::move(results)};
  return status;
}

lvm::Score score_of(const lvm::FittedModel& fitted, const lvm::Data& data, int threads) {
  const bool by_rows = fitted.method() == "em" && lvm::has_lone_rows(fitted);
  if (by_rows) return lvm::score_table(fitted, data, {}, threads);
  return lvm::score(fitted, lvm::bind(fitted, data),
                    {.importance = 0, .seed = fitted.seed(), .threads = threads});
}

const lvm::ResultColumn* column_of(const lvm_result* result, size_t column) {
  return result != nullptr && column < result->results.columns.size() ? &result->results.columns[column]
                                                                      : nullptr;
}

}  // namespace

int lvm_fit_score(const lvm_fit* fit, const lvm_table* table, int32_t threads, double* values, double* total,
                  lvm_report** report) {
  return guard(report, [&] {
    const lvm::Score score = score_of(given(fit, "fit").get(), given(table, "table").data, threads);
    const int status = finish(score.report, report);
    if (status != LVM_OK) return status;
    if (values != nullptr) std::ranges::copy(score.values, values);
    if (total != nullptr) *total = score.total;
    return status;
  });
}

int lvm_fit_posterior(const lvm_fit* fit, const lvm_table* table, int32_t threads, lvm_result** result,
                      lvm_report** report) {
  return guard(report, [&] {
    given(result, "result") = nullptr;
    const lvm::FittedModel fitted = given(fit, "fit").get();
    return keep(lvm::infer(fitted, lvm::bind(fitted, given(table, "table").data), threads), result, report);
  });
}

int lvm_fit_sample(const lvm_fit* fit, int64_t rows, uint64_t seed, lvm_result** result,
                   lvm_report** report) {
  return guard(report, [&] {
    given(result, "result") = nullptr;
    if (rows < 1 || rows > int64_t{1} << 40) throw Misuse{fmt::format("{} rows cannot be drawn", rows)};
    return keep(lvm::sample(given(fit, "fit").get(), {.rows = rows, .seed = seed}), result, report);
  });
}

int lvm_fit_impute(const lvm_fit* fit, const lvm_table* table, int32_t threads, lvm_result** result,
                   lvm_report** report) {
  return guard(report, [&] {
    given(result, "result") = nullptr;
    const lvm::FittedModel fitted = given(fit, "fit").get();
    return keep(lvm::impute(fitted, lvm::bind(fitted, given(table, "table").data), threads), result, report);
  });
}

int lvm_fit_scorer(const lvm_fit* fit, const char* const* columns, size_t count, lvm_scorer** scorer,
                   lvm_report** report) {
  return guard(report, [&] {
    given(scorer, "scorer") = nullptr;
    std::vector<std::string> names;
    if (count > 0) static_cast<void>(given(columns, "columns"));
    for (size_t i = 0; i < count; ++i) names.emplace_back(&given(columns[i], "the name of a column"));
    auto made =
        std::make_unique<lvm_scorer>(lvm_scorer{lvm::RowScorer(given(fit, "fit").get(), std::move(names))});
    const int status = finish(made->scorer.report(), report);
    if (status == LVM_OK) *scorer = made.release();
    return status;
  });
}

size_t lvm_scorer_columns(const lvm_scorer* scorer) {
  return scorer != nullptr ? scorer->scorer.columns().size() : 0;
}
const char* lvm_scorer_column(const lvm_scorer* scorer, size_t index) {
  return index < lvm_scorer_columns(scorer) ? scorer->scorer.columns()[index].c_str() : nullptr;
}

int64_t lvm_scorer_level_count(const lvm_scorer* scorer, size_t column) {
  return column < lvm_scorer_columns(scorer) ? std::ssize(scorer->scorer.levels(column)) : 0;
}
const char* lvm_scorer_level(const lvm_scorer* scorer, size_t column, int64_t level) {
  const bool there = level >= 0 && level < lvm_scorer_level_count(scorer, column);
  return there ? scorer->scorer.levels(column)[static_cast<size_t>(level)].c_str() : nullptr;
}

int lvm_scorer_score(const lvm_scorer* scorer, const double* cells, double* value, lvm_report** report) {
  return guard(report, [&] {
    const lvm::RowScorer& own = given(scorer, "scorer").scorer;
    std::string fault;
    if (own.score({&given(cells, "cells"), own.columns().size()}, given(value, "value"), fault))
      return LVM_OK;
    lvm::border::say(report, fault);
    return LVM_INVALID;
  });
}

void lvm_scorer_free(lvm_scorer* scorer) {
  delete scorer;
}

size_t lvm_result_columns(const lvm_result* result) {
  return result != nullptr ? result->results.columns.size() : 0;
}
int64_t lvm_result_rows(const lvm_result* result) {
  const lvm::ResultColumn* first = column_of(result, 0);
  return first != nullptr ? static_cast<int64_t>(first->values.size()) : 0;
}
const char* lvm_result_name(const lvm_result* result, size_t column) {
  const lvm::ResultColumn* found = column_of(result, column);
  return found != nullptr ? found->name.c_str() : nullptr;
}
const double* lvm_result_values(const lvm_result* result, size_t column) {
  const lvm::ResultColumn* found = column_of(result, column);
  return found != nullptr ? found->values.data() : nullptr;
}
int64_t lvm_result_level_count(const lvm_result* result, size_t column) {
  const lvm::ResultColumn* found = column_of(result, column);
  return found != nullptr ? static_cast<int64_t>(found->levels.size()) : 0;
}
const char* lvm_result_level(const lvm_result* result, size_t column, int64_t level) {
  const lvm::ResultColumn* found = column_of(result, column);
  return found != nullptr && level >= 0 && level < std::ssize(found->levels)
             ? found->levels[static_cast<size_t>(level)].c_str()
             : nullptr;
}
void lvm_result_free(lvm_result* result) {
  delete result;
}
