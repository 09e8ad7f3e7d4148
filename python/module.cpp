// _lvm: the public C++ interface for Python. NumPy's arrays are bound where they lie; the interpreter is let
// go of while lvm computes.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>

#include "lvm/lvm.hpp"

namespace py = pybind11;

namespace {

/// Thrown to Python as lvm.Error with `status` and `diagnostics`.
struct Failure {
  lvm::Report report;
};

py::list diagnostics_of(const lvm::Report& report) {
  py::list list;
  for (const lvm::Message& m : report.messages()) {
    py::dict one;
    one["code"] = m.code;
    one["error"] = m.error;
    one["message"] = m.text;
    one["rule"] = m.rule;
    one["label"] = m.label;
    one["help"] = m.hint;
    one["file"] = m.file;
    one["line"] = m.line;
    one["column"] = m.column;
    one["end_line"] = m.end_line;
    one["end_column"] = m.end_column;
    one["table"] = m.table;
    one["row"] = m.row;
    one["column_name"] = m.column_name;
    one["cell"] = m.cell;
    list.append(one);
  }
  return list;
}

int32_t type_of(const py::dtype& dtype) {
  static const std::pair<const char*, int32_t> types[] = {
      {"float64", LVM_F64}, {"float32", LVM_F32}, {"int64", LVM_I64},  {"int32", LVM_I32},
      {"int16", LVM_I16},   {"int8", LVM_I8},     {"uint64", LVM_U64}, {"uint32", LVM_U32},
      {"uint16", LVM_U16},  {"uint8", LVM_U8},    {"bool", LVM_U8}};
  const std::string name = py::str(dtype.attr("name"));
  for (const auto& [known, type] : types) {
    if (name == known) return type;
  }
  throw py::type_error("a column of dtype " + name + " cannot be bound");
}

/// Columns over arrays, which live as long as the table.
struct Table {
  lvm::Table table;
  std::vector<py::array> arrays;
};

template <class T>
T must(lvm::Result<T> result) {
  if (!result) throw Failure{result.error()};
  return std::move(*result);
}

using ColumnTuple = std::tuple<std::string, py::array, std::vector<std::string>>;

std::shared_ptr<Table> make_table(const std::vector<ColumnTuple>& given) {
  std::vector<lvm::Column> columns;
  std::vector<py::array> arrays;
  for (const auto& [name, array, levels] : given) {
    if (array.ndim() != 1) throw py::value_error("column `" + name + "` is no array of one axis");
    if (!arrays.empty() && array.shape(0) != arrays.front().shape(0))
      throw py::value_error("column `" + name + "` is not as long as the first");
    lvm::Column column(name, std::span<const double>());
    column.values = array.data();
    column.stride = array.shape(0) > 1 ? array.strides(0) : 0;
    column.type = type_of(array.dtype());
    column.rows = array.shape(0);
    column.levels = levels;
    columns.push_back(std::move(column));
    arrays.push_back(array);
  }
  return std::make_shared<Table>(Table{must(lvm::Table::over(columns)), std::move(arrays)});
}

std::shared_ptr<Table> table_from_arrow(const py::capsule& schema, const py::capsule& array) {
  auto* type = static_cast<ArrowSchema*>(PyCapsule_GetPointer(schema.ptr(), "arrow_schema"));
  auto* data = static_cast<ArrowArray*>(PyCapsule_GetPointer(array.ptr(), "arrow_array"));
  if (type == nullptr || data == nullptr) throw py::error_already_set();
  return std::make_shared<Table>(Table{must(lvm::Table::from_arrow(type, data)), {}});
}

py::array_t<double> array_of(const lvm::Parameter& parameter) {
  py::array_t<double> to(std::vector<py::ssize_t>(parameter.shape.begin(), parameter.shape.end()));
  std::copy(parameter.values.begin(), parameter.values.end(), to.mutable_data());
  return to;
}

py::list columns_of(const lvm::Answers& answers) {
  py::list list;
  for (size_t c = 0; c < answers.columns(); ++c) {
    py::array_t<double> values(answers.rows());
    std::copy(answers.values(c).begin(), answers.values(c).end(), values.mutable_data());
    list.append(py::make_tuple(answers.name(c), values, answers.levels(c)));
  }
  return list;
}

/// Runs `call` without the interpreter.
template <class Call>
auto apart(const Call& call) {
  const py::gil_scoped_release release;
  return call();
}

struct Options {
  std::optional<int64_t> iterations, restarts;
  std::optional<double> tolerance;
  std::optional<uint64_t> seed;
  std::optional<bool> accelerate;
  int threads;
  bool updatable;
};

py::tuple fit(const lvm::Model& model, const Table& table, const Options& given, const py::object& progress,
              const lvm::Fit* start) {
  lvm::FitOptions options{given.iterations, given.restarts,  given.tolerance, given.seed, given.accelerate,
                          given.threads,    given.updatable, start,           {}};
  std::exception_ptr thrown;
  options.progress = [&](const lvm_progress& p) {
    const py::gil_scoped_acquire acquire;
    try {
      // Ctrl-C is asked for here: the main thread waits for the fit.
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (progress.is_none()) return true;
      const py::object go_on =
          progress(p.restart, p.restarts, p.iteration, p.objective, p.change, p.remaining, p.seconds);
      return go_on.is_none() || go_on.cast<bool>();
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  };
  auto made = apart([&] { return model.fit(table.table, options); });
  if (thrown) std::rethrow_exception(thrown);
  const py::list said = diagnostics_of(made.report());
  const bool stopped = made.report().status() == LVM_STOPPED;
  return py::make_tuple(std::make_shared<lvm::Fit>(must(std::move(made))), said, stopped);
}

lvm::Model compile(const std::string& text, bool is_file,
                   const std::map<std::string, std::string>& settings) {
  std::vector<lvm::Setting> list;
  for (const auto& [name, value] : settings) list.push_back({name, value});
  return must(is_file ? lvm::Model::compile_file(text, list) : lvm::Model::compile(text, list));
}

void done(const lvm::Done& outcome) {
  if (!outcome) throw Failure{outcome.error()};
}

}  // namespace

PYBIND11_MODULE(_lvm, m) {
  m.doc() = "The compiled part of lvm.";
  m.attr("version") = lvm::version();
  m.def("explain", &lvm::explain);

  // A ValueError, as scikit-learn expects of data that cannot be fitted.
  static py::handle error = PyErr_NewExceptionWithDoc(
      "lvm.Error", "A diagnostic of lvm: `status`, and `diagnostics`, a list of what was said.",
      PyExc_ValueError, nullptr);
  m.attr("Error") = error;
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Failure& failure) {
      const py::object instance = error(failure.report.text());
      instance.attr("status") = failure.report.status();
      instance.attr("diagnostics") = diagnostics_of(failure.report);
      PyErr_SetObject(error.ptr(), instance.ptr());
    }
  });

  py::class_<Table, std::shared_ptr<Table>>(m, "Table")
      .def(py::init(&make_table))
      .def_static("from_arrow", &table_from_arrow)
      .def_property_readonly("rows", [](const Table& t) { return t.table.rows(); });
  py::class_<Options>(m, "Options")
      .def(py::init([](std::optional<int64_t> iterations, std::optional<int64_t> restarts,
                       std::optional<double> tolerance, std::optional<uint64_t> seed,
                       std::optional<bool> accelerate, int threads, bool updatable) {
             return Options{iterations, restarts, tolerance, seed, accelerate, threads, updatable};
           }),
           py::arg("iterations"), py::arg("restarts"), py::arg("tolerance"), py::arg("seed"),
           py::arg("accelerate"), py::arg("threads"), py::arg("updatable"));
  py::class_<lvm::Model, std::shared_ptr<lvm::Model>>(m, "Model")
      .def(py::init(
          [](const std::string& text, bool is_file, const std::map<std::string, std::string>& settings) {
            return std::make_shared<lvm::Model>(compile(text, is_file, settings));
          }))
      .def_property_readonly("name", &lvm::Model::name)
      .def_property_readonly("plan_json", &lvm::Model::plan_json)
      .def_property_readonly("explanation", &lvm::Model::explanation)
      .def("fit", &fit, py::arg("table"), py::arg("options"), py::arg("progress"), py::arg("start"));
  py::class_<lvm::Scorer, std::shared_ptr<lvm::Scorer>>(m, "Scorer")
      .def_property_readonly("columns",
                             [](const lvm::Scorer& scorer) {
                               std::vector<std::string> to;
                               for (size_t c = 0; c < scorer.columns(); ++c) to.push_back(scorer.column(c));
                               return to;
                             })
      .def("levels", &lvm::Scorer::levels)
      .def("__call__", [](const lvm::Scorer& scorer, const std::vector<double>& cells) {
        if (cells.size() != scorer.columns())
          throw py::value_error("a row has " + std::to_string(scorer.columns()) + " cells");
        return must(scorer(cells));
      });
  py::class_<lvm::Fit, std::shared_ptr<lvm::Fit>>(m, "Fit")
      .def_static("load",
                  [](const std::string& path) {
                    return std::make_shared<lvm::Fit>(must(apart([&] { return lvm::Fit::load(path); })));
                  })
      .def("save", [](const lvm::Fit& own, const std::string& path) { done(own.save(path)); })
      .def("metric", &lvm::Fit::metric)
      .def_property_readonly("model_text", &lvm::Fit::model_text)
      .def("parameters",
           [](const lvm::Fit& own) {
             py::dict to;
             for (const lvm::Parameter& p : own.parameters()) to[py::str(p.name)] = array_of(p);
             return to;
           })
      .def("score",
           [](const lvm::Fit& own, const Table& table, int threads) {
             const lvm::Scores scores = must(apart([&] { return own.score(table.table, threads); }));
             py::array_t<double> values(static_cast<py::ssize_t>(scores.values.size()));
             std::copy(scores.values.begin(), scores.values.end(), values.mutable_data());
             return py::make_tuple(values, scores.total);
           })
      .def("posterior",
           [](const lvm::Fit& own, const Table& table, int threads) {
             return columns_of(must(apart([&] { return own.posterior(table.table, threads); })));
           })
      .def("impute",
           [](const lvm::Fit& own, const Table& table, int threads) {
             return columns_of(must(apart([&] { return own.impute(table.table, threads); })));
           })
      .def("sample",
           [](const lvm::Fit& own, int64_t rows, uint64_t seed) {
             return columns_of(must(apart([&] { return own.sample(rows, seed); })));
           })
      .def("update", [](lvm::Fit& own, const Table& table,
                        double decay) { done(apart([&] { return own.update(table.table, decay); })); })
      .def("scorer", [](const lvm::Fit& own, const std::vector<std::string>& columns) {
        return std::make_shared<lvm::Scorer>(must(own.scorer(columns)));
      });
}
