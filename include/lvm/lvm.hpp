#pragma once
// lvm from C++20: lvm.h with handles that free themselves, spans, and errors by value. Header only; link
// liblvm.
//
//   auto model = lvm::Model::compile(text, {{"K", "2"}});
//   if (!model) return std::puts(model.error().text().c_str());
//   const lvm::Column columns[] = {{"eruptions", eruptions}, {"waiting", waiting}};
//   auto fit = model->fit(*lvm::Table::over(columns));
//   double total = fit->score(*lvm::Table::over(columns)).value().total;
//
// Everything is in the inline namespace v1, so that programs built against another version of this header
// link beside it.

#include <cassert>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lvm/lvm.h"

namespace lvm {
inline namespace v1 {

/// One thing that is said: as lvm_message, and its own.
struct Message {
  std::string code;
  bool error = true;
  std::string text, rule, label, hint, file;
  uint32_t line = 0, column = 0, end_line = 0, end_column = 0;
  std::string table;
  int64_t row = 0;
  std::string column_name, cell;
};

/// What a call has to say, with its status.
class Report {
 public:
  Report() = default;
  Report(int status, lvm_report* report)
      : status_(status), text_(lvm_report_text(report)), json_(lvm_report_json(report)) {
    for (size_t i = 0; i < lvm_report_count(report); ++i) {
      lvm_message m;
      if (lvm_report_message(report, i, &m) != LVM_OK) continue;
      messages_.push_back({m.code, m.error != 0, m.text, m.rule, m.label, m.hint, m.file, m.line, m.column,
                           m.end_line, m.end_column, m.table, m.row, m.column_name, m.cell});
    }
    lvm_report_free(report);
  }
  int status() const { return status_; }
  const std::string& text() const { return text_; }
  const std::string& json() const { return json_; }
  const std::vector<Message>& messages() const { return messages_; }

 private:
  int status_ = LVM_OK;
  std::string text_, json_;
  std::vector<Message> messages_;
};

/// A value, or why there is none. What is said beside a value are warnings.
template <class T>
class Result {
 public:
  Result(T value, Report report) : value_(std::move(value)), report_(std::move(report)) {}
  Result(Report report) : report_(std::move(report)) {}
  explicit operator bool() const { return value_.has_value(); }
  T& operator*() & { return get(); }
  const T& operator*() const& { return const_cast<Result*>(this)->get(); }
  T&& operator*() && { return std::move(get()); }
  T* operator->() { return &get(); }
  const T* operator->() const { return &const_cast<Result*>(this)->get(); }
  T& value() & { return get(); }
  T&& value() && { return std::move(get()); }
  const Report& error() const { return report_; }
  const Report& report() const { return report_; }

 private:
  T& get() {
    assert(value_ && "an error has no value: ask whether there is one");
    return *value_;
  }
  std::optional<T> value_;
  Report report_;
};

/// Done, or why not.
class Done {
 public:
  Done(Report report) : report_(std::move(report)) {}
  explicit operator bool() const { return report_.status() == LVM_OK; }
  const Report& error() const { return report_; }

 private:
  Report report_;
};

namespace detail {

template <class Handle, void (*free)(Handle*)>
struct Free {
  void operator()(Handle* handle) const { free(handle); }
};
template <class Handle, void (*free)(Handle*)>
using Owned = std::unique_ptr<Handle, Free<Handle, free>>;

template <class T>
struct TypeOf;
template <>
struct TypeOf<double> {
  static constexpr int32_t value = LVM_F64;
};
template <>
struct TypeOf<float> {
  static constexpr int32_t value = LVM_F32;
};
template <>
struct TypeOf<int64_t> {
  static constexpr int32_t value = LVM_I64;
};
template <>
struct TypeOf<int32_t> {
  static constexpr int32_t value = LVM_I32;
};
template <>
struct TypeOf<int16_t> {
  static constexpr int32_t value = LVM_I16;
};
template <>
struct TypeOf<int8_t> {
  static constexpr int32_t value = LVM_I8;
};
template <>
struct TypeOf<uint64_t> {
  static constexpr int32_t value = LVM_U64;
};
template <>
struct TypeOf<uint32_t> {
  static constexpr int32_t value = LVM_U32;
};
template <>
struct TypeOf<uint16_t> {
  static constexpr int32_t value = LVM_U16;
};
template <>
struct TypeOf<uint8_t> {
  static constexpr int32_t value = LVM_U8;
};

inline std::optional<std::string> taken(char* text) {
  if (text == nullptr) return std::nullopt;
  std::string to = text;
  lvm_string_free(text);
  return to;
}

}  // namespace detail

inline std::string version() {
  return lvm_version();
}

/// The long text of a diagnostic such as "E0412".
inline std::optional<std::string> explain(const std::string& code) {
  return detail::taken(lvm_explain(code.c_str()));
}

struct Setting {
  std::string name, value;
};

/// Cells where they are: neither the column nor a table copies them.
struct Column {
  template <class T>
  Column(std::string own_name, std::span<const T> cells)
      : name(std::move(own_name)),
        values(cells.data()),
        type(detail::TypeOf<T>::value),
        rows(std::ssize(cells)) {}
  template <class T>
  Column(std::string own_name, const std::vector<T>& cells)
      : Column(std::move(own_name), std::span<const T>(cells)) {}
  /// Cell r is `first[r * step]`, such as a column of a row-major matrix.
  template <class T>
  Column(std::string own_name, const T* first, int64_t count, int64_t step)
      : name(std::move(own_name)),
        values(first),
        stride(step * static_cast<int64_t>(sizeof(T))),
        type(detail::TypeOf<T>::value),
        rows(count) {}

  std::string name;
  const void* values;
  int64_t stride = 0;
  int32_t type;
  int64_t rows;
  const uint8_t* validity = nullptr;  // a bit a row, 0 where the cell is missing
  int64_t validity_offset = 0;
  std::vector<std::string> levels = {};  // of categories: what the cells 0, 1, … stand for
};

class Table {
 public:
  /// Of columns of the same length, whose cells stay where they are.
  static Result<Table> over(std::span<const Column> columns) {
    std::vector<lvm_column> list;
    std::vector<std::vector<const char*>> levels(columns.size());
    for (size_t i = 0; i < columns.size(); ++i) {
      const Column& c = columns[i];
      for (const std::string& level : c.levels) levels[i].push_back(level.c_str());
      list.push_back({c.name.c_str(), c.values, c.stride, c.type, c.validity, c.validity_offset,
                      levels[i].empty() ? nullptr : levels[i].data(), std::ssize(levels[i])});
    }
    lvm_table* table = nullptr;
    lvm_report* report = nullptr;
    const int status =
        lvm_table_make(list.data(), list.size(), columns.empty() ? 0 : columns.front().rows, &table, &report);
    return made(status, table, report);
  }
  static Result<Table> over(std::initializer_list<Column> columns) {
    return over(std::span<const Column>(columns.begin(), columns.size()));
  }
  static Result<Table> read(const std::string& path) {
    lvm_table* table = nullptr;
    lvm_report* report = nullptr;
    const int status = lvm_table_read(path.c_str(), &table, &report);
    return made(status, table, report);
  }
  /// Takes both structs over.
  static Result<Table> from_arrow(ArrowSchema* schema, ArrowArray* array) {
    lvm_table* table = nullptr;
    lvm_report* report = nullptr;
    const int status = lvm_table_from_arrow(schema, array, &table, &report);
    return made(status, table, report);
  }
  int64_t rows() const { return lvm_table_rows(handle_.get()); }
  const lvm_table* get() const { return handle_.get(); }

 private:
  explicit Table(lvm_table* handle) : handle_(handle) {}
  static Result<Table> made(int status, lvm_table* table, lvm_report* report) {
    if (status != LVM_OK) return Report(status, report);
    return {Table(table), Report(status, report)};
  }
  detail::Owned<lvm_table, lvm_table_free> handle_;
};

/// Row-major over `shape`.
struct Parameter {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<double> values;
};

struct Scores {
  std::vector<double> values;  // ln P(y) of each row
  double total = 0;
};

/// Columns of answers.
class Answers {
 public:
  explicit Answers(lvm_result* handle) : handle_(handle) {}
  size_t columns() const { return lvm_result_columns(handle_.get()); }
  int64_t rows() const { return lvm_result_rows(handle_.get()); }
  std::string name(size_t column) const { return lvm_result_name(handle_.get(), column); }
  std::span<const double> values(size_t column) const {
    return {lvm_result_values(handle_.get(), column), static_cast<size_t>(rows())};
  }
  /// What the categories of a column are called; empty of numbers.
  std::vector<std::string> levels(size_t column) const {
    std::vector<std::string> to;
    for (int64_t i = 0; i < lvm_result_level_count(handle_.get(), column); ++i)
      to.emplace_back(lvm_result_level(handle_.get(), column, i));
    return to;
  }
  std::optional<size_t> find(std::string_view wanted) const {
    for (size_t i = 0; i < columns(); ++i) {
      if (wanted == lvm_result_name(handle_.get(), i)) return i;
    }
    return std::nullopt;
  }

 private:
  detail::Owned<lvm_result, lvm_result_free> handle_;
};

/// ln P(y) of single rows, from any number of threads.
class Scorer {
 public:
  explicit Scorer(lvm_scorer* handle) : handle_(handle) {}
  size_t columns() const { return lvm_scorer_columns(handle_.get()); }
  std::string column(size_t index) const { return lvm_scorer_column(handle_.get(), index); }
  /// What the categories of a column are called, number 0 first.
  std::vector<std::string> levels(size_t column) const {
    std::vector<std::string> to;
    for (int64_t i = 0; i < lvm_scorer_level_count(handle_.get(), column); ++i)
      to.emplace_back(lvm_scorer_level(handle_.get(), column, i));
    return to;
  }
  Result<double> operator()(std::span<const double> cells) const {
    assert(cells.size() == columns());
    double value = 0;
    lvm_report* report = nullptr;
    const int status = lvm_scorer_score(handle_.get(), cells.data(), &value, &report);
    if (status != LVM_OK) return Report(status, report);
    return {value, {}};
  }

 private:
  detail::Owned<lvm_scorer, lvm_scorer_free> handle_;
};

class Fit {
 public:
  explicit Fit(lvm_fit* handle) : handle_(handle) {}
  static Result<Fit> load(const std::string& path) {
    lvm_fit* fit = nullptr;
    lvm_report* report = nullptr;
    const int status = lvm_fit_load(path.c_str(), &fit, &report);
    if (status != LVM_OK) return Report(status, report);
    return {Fit(fit), Report(status, report)};
  }
  Done save(const std::string& path) const {
    lvm_report* report = nullptr;
    const int status = lvm_fit_save(handle_.get(), path.c_str(), &report);
    return Report(status, report);
  }
  std::optional<std::string> metric(const std::string& name) const {
    return detail::taken(lvm_fit_metric(handle_.get(), name.c_str()));
  }
  std::string model_text() const { return detail::taken(lvm_fit_model_text(handle_.get())).value_or(""); }
  std::vector<Parameter> parameters() const {
    std::vector<Parameter> to;
    for (size_t i = 0; i < lvm_fit_parameter_count(handle_.get()); ++i) {
      lvm_parameter shape;
      if (lvm_fit_parameter(handle_.get(), i, &shape, nullptr, 0) != LVM_OK) continue;
      Parameter p{shape.name,
                  {shape.shape, shape.shape + shape.rank},
                  std::vector<double>(static_cast<size_t>(shape.count))};
      if (lvm_fit_parameter(handle_.get(), i, &shape, p.values.data(), shape.count) == LVM_OK)
        to.push_back(std::move(p));
    }
    return to;
  }
  std::optional<Parameter> parameter(std::string_view name) const {
    for (Parameter& p : parameters()) {
      if (p.name == name) return std::move(p);
    }
    return std::nullopt;
  }
  Result<Scores> score(const Table& table, int threads = 0) const {
    Scores to{std::vector<double>(static_cast<size_t>(table.rows())), 0};
    lvm_report* report = nullptr;
    const int status =
        lvm_fit_score(handle_.get(), table.get(), threads, to.values.data(), &to.total, &report);
    if (status != LVM_OK) return Report(status, report);
    return {std::move(to), Report(status, report)};
  }
  Result<Answers> posterior(const Table& table, int threads = 0) const {
    return answers([&](lvm_result** to, lvm_report** report) {
      return lvm_fit_posterior(handle_.get(), table.get(), threads, to, report);
    });
  }
  Result<Answers> sample(int64_t rows, uint64_t seed = 1) const {
    return answers([&](lvm_result** to, lvm_report** report) {
      return lvm_fit_sample(handle_.get(), rows, seed, to, report);
    });
  }
  Result<Answers> impute(const Table& table, int threads = 0) const {
    return answers([&](lvm_result** to, lvm_report** report) {
      return lvm_fit_impute(handle_.get(), table.get(), threads, to, report);
    });
  }
  Result<Scorer> scorer(const std::vector<std::string>& columns = {}) const {
    std::vector<const char*> names;
    for (const std::string& name : columns) names.push_back(name.c_str());
    lvm_scorer* scorer = nullptr;
    lvm_report* report = nullptr;
    const int status = lvm_fit_scorer(handle_.get(), names.data(), names.size(), &scorer, &report);
    if (status != LVM_OK) return Report(status, report);
    return {Scorer(scorer), Report(status, report)};
  }
  /// Rows more: of fits with `FitOptions::updatable`.
  Done update(const Table& table, double decay = 1) {
    lvm_report* report = nullptr;
    const int status = lvm_fit_update(handle_.get(), table.get(), decay, &report);
    return Report(status, report);
  }
  const lvm_fit* get() const { return handle_.get(); }

 private:
  template <class Call>
  Result<Answers> answers(const Call& call) const {
    lvm_result* result = nullptr;
    lvm_report* report = nullptr;
    const int status = call(&result, &report);
    if (status != LVM_OK) return Report(status, report);
    return {Answers(result), Report(status, report)};
  }
  detail::Owned<lvm_fit, lvm_fit_free> handle_;
};

/// What is absent is as the model's `fit { … }` says.
struct FitOptions {
  std::optional<int64_t> iterations = {}, restarts = {};
  std::optional<double> tolerance = {};
  std::optional<uint64_t> seed = {};
  std::optional<bool> accelerate = {};
  int threads = 0;
  bool updatable = false;
  const Fit* start = nullptr;
  std::function<bool(const lvm_progress&)> progress = {};  // false stops
};

class Model {
 public:
  static Result<Model> compile(const std::string& text, const std::vector<Setting>& settings = {}) {
    return made(lvm_model_compile, text, settings);
  }
  static Result<Model> compile_file(const std::string& path, const std::vector<Setting>& settings = {}) {
    return made(lvm_model_compile_file, path, settings);
  }
  std::string name() const { return lvm_model_name(handle_.get()); }
  std::string plan_json() const { return lvm_model_plan_json(handle_.get()); }
  std::string explanation() const { return lvm_model_explanation(handle_.get()); }

  /// A fit that `progress` stopped is a fit: `report().status()` is LVM_STOPPED.
  Result<Fit> fit(const Table& table, const FitOptions& options = {}) const {
    lvm_fit_options own;
    lvm_fit_options_init(&own);
    own.iterations = options.iterations.value_or(-1);
    own.restarts = options.restarts.value_or(-1);
    own.tolerance = options.tolerance.value_or(-1);
    own.seed = options.seed ? static_cast<int64_t>(*options.seed) : -1;
    own.accelerate = options.accelerate ? (*options.accelerate ? 1 : 0) : -1;
    own.threads = options.threads;
    own.updatable = options.updatable ? 1 : 0;
    own.start = options.start != nullptr ? options.start->get() : nullptr;
    if (options.progress) {
      own.progress = [](const lvm_progress* progress, void* context) {
        return (*static_cast<const std::function<bool(const lvm_progress&)>*>(context))(*progress) ? 1 : 0;
      };
      own.context = const_cast<void*>(static_cast<const void*>(&options.progress));
    }
    lvm_fit* fit = nullptr;
    lvm_report* report = nullptr;
    const int status = lvm_model_fit(handle_.get(), table.get(), &own, &fit, &report);
    if (fit == nullptr) return Report(status, report);
    return {Fit(fit), Report(status, report)};
  }

 private:
  explicit Model(lvm_model* handle) : handle_(handle) {}
  template <class Compile>
  static Result<Model> made(const Compile& compile, const std::string& what,
                            const std::vector<Setting>& settings) {
    std::vector<lvm_setting> list;
    for (const Setting& setting : settings) list.push_back({setting.name.c_str(), setting.value.c_str()});
    lvm_model* model = nullptr;
    lvm_report* report = nullptr;
    const int status = compile(what.c_str(), list.data(), list.size(), &model, &report);
    if (status != LVM_OK) return Report(status, report);
    return {Model(model), Report(status, report)};
  }
  detail::Owned<lvm_model, lvm_model_free> handle_;
};

}  // namespace v1
}  // namespace lvm
