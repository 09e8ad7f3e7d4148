// Which numbers of a fitted model make which picture.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "api/pictures.h"
#include "api/state.h"

namespace lvm {
namespace {

/// An image for each row: its variable, and its shape.
struct Shape {
  std::string variable;
  int64_t rows = 0, columns = 0;
  bool unit = false;  // numbers in 0 … 1
};

/// The model at the sizes of the fit has them in its columns.
class Drawer {
 public:
  Drawer(const FittedModel& fitted, const BoundModel* bound, const Data* data, const PictureOptions& options)
      : fitted_(fitted), bound_(bound), data_(data), options_(options) {}

  Picture go() {
    Picture to;
    if (bound_ != nullptr && !bound_->ok()) {
      to.report = bound_->report();
      return to;
    }
    const bool of_rows = options_.kind == PictureKind::reconstructions ||
                         options_.kind == PictureKind::walk || options_.kind == PictureKind::scatter;
    if (of_rows && bound_ == nullptr)
      fail(fmt::format("a picture of `{}` is about the rows of a table",
                       picture_names[static_cast<size_t>(options_.kind)]));
    to.svg = options_.kind == PictureKind::scatter;
    if (!failed()) to.bytes = to.svg ? scatter() : images();
    if (!failed_.has_errors()) {
      to.report = Report({diagnostics_, fitted_.state->model->compiled.source});
    } else {
      to.report = failed_;
    }
    if (!to.ok()) to.bytes.clear();
    return to;
  }

 private:
  void fail(std::string message, std::string hint = {}) {
    diagnostics_.report(
        {.code = Code::fit_cannot_answer, .message = std::move(message), .hint = std::move(hint)});
  }
  bool failed() const { return diagnostics_.has_errors() || failed_.has_errors(); }
  /// Columns of what was asked; none where it was refused.
  std::vector<ResultColumn> taken(Results results) {
    if (!results.ok()) failed_ = std::move(results.report);
    return std::move(results.columns);
  }
  SampleOptions means() const {
    return {.rows = options_.count, .seed = options_.seed, .mean = true, .threads = options_.threads};
  }

  std::optional<Shape> shape() {
    const ir::Model& model = *fitted_.state->model->compiled.model;
    const ir::Variable* v = nullptr;
    for (const ir::Variable& each : model.variables) {
      if (each.role != ir::Role::data || each.declared_axes.empty()) continue;
      if (v != nullptr)
        return fail("several data variables have elements, and an image is one"), std::nullopt;
      v = &each;
    }
    if (v == nullptr) return fail("no data variable has the elements of an image"), std::nullopt;
    const int64_t size = std::ssize(fitted_.state->content.columns.at(v->name));
    Shape to{v->name, options_.rows, options_.columns,
             v->type.element == ir::Element::unit || v->type.element == ir::Element::boolean};
    // Of grey images an axis of channels has a single element.
    std::vector<ir::AxisId> axes = v->declared_axes;
    std::erase_if(axes, [&](ir::AxisId axis) { return model.module.axis(axis).size == 1; });
    if (to.rows == 0 && axes.size() == 2) {
      to.rows = model.module.axis(axes[0]).size;
      to.columns = model.module.axis(axes[1]).size;
      if (to.rows == ir::unknown_size && to.columns > 0) to.rows = size / to.columns;
      if (to.columns == ir::unknown_size && to.rows > 0) to.columns = size / to.rows;
    }
    if (to.rows == 0) to.rows = to.columns = std::lround(std::sqrt(static_cast<double>(size)));
    if (to.rows < 1 || to.columns < 1 || to.rows * to.columns != size)
      return fail(fmt::format("`{}` has {} elements, which are no image of {} x {}", v->name, size, to.rows,
                              to.columns),
                  "`--shape ROWSxCOLUMNS` says how they lie"),
             std::nullopt;
    return to;
  }

  /// The first `count` rows of the columns of a variable, [row][element].
  std::vector<double> rows_of(const std::vector<ResultColumn>& columns, const Shape& shape,
                              int64_t count) const {
    std::vector<const ResultColumn*> list;
    for (const std::string& name : fitted_.state->content.columns.at(shape.variable)) {
      const auto found = std::ranges::find(columns, name, &ResultColumn::name);
      if (found == columns.end()) throw ir::InternalError("a row that was made has no `" + name + "`");
      list.push_back(&*found);
    }
    std::vector<double> to;
    for (int64_t row = 0; row < std::min(count, std::ssize(list.front()->values)); ++row) {
      for (const ResultColumn* column : list) to.push_back(column->values[static_cast<size_t>(row)]);
    }
    return to;
  }

  /// The rows of the table, in the order of the declaration.
  std::vector<double> given(const Shape& shape, int64_t count) const {
    const driver::Lowered& lowered = bound_->state->lowered;
    const ir::Variable& v =
        lowered.model->variables[static_cast<size_t>(*lowered.model->find(shape.variable))];
    const runtime::BoundVariable& bound = *lowered.data->find(shape.variable);
    std::vector<ir::AxisId> layout = v.declared_axes;
    std::ranges::sort(layout);
    std::vector<double> to;
    for (int64_t row = 0; row < count; ++row) {
      std::vector<double> cells;
      for (int64_t e = 0; e < bound.size; ++e)
        cells.push_back(lowered.data->packed.column(bound.first + e)[row]);
      const std::vector<double> image =
          runtime::permute(cells, layout, v.declared_axes, lowered.model->module);
      to.insert(to.end(), image.begin(), image.end());
    }
    return to;
  }

  std::string png(const std::vector<double>& values, const Shape& shape, int64_t across) {
    const auto [least, most] = std::ranges::minmax_element(values);
    const double low = shape.unit ? 0 : *least, high = shape.unit ? 1 : std::max(*most, *least + 1e-300);
    return to_png(image_grid(values, shape.rows, shape.columns, across, low, high));
  }

  int64_t count(int64_t otherwise) const { return options_.count > 0 ? options_.count : otherwise; }

  std::string images() {
    const std::optional<Shape> of = shape();
    if (!of) return "";
    switch (options_.kind) {
      case PictureKind::reconstructions: return reconstructions(*of);
      case PictureKind::samples: return samples(*of);
      case PictureKind::manifold: return manifold(*of);
      case PictureKind::walk: return walk(*of);
      case PictureKind::scatter: break;
    }
    return "";
  }

  /// The rows above, what becomes of them below.
  std::string reconstructions(const Shape& of) {
    const int64_t n = std::min(count(10), bound_->rows());
    const std::vector<ResultColumn> made = taken(reconstruct(fitted_, *bound_, means()));
    if (failed()) return "";
    std::vector<double> values = given(of, n);
    const std::vector<double> below = rows_of(made, of, n);
    values.insert(values.end(), below.begin(), below.end());
    return png(values, of, n);
  }

  std::string samples(const Shape& of) {
    const int64_t n = count(100);
    SampleOptions options = means();
    options.rows = n;
    const std::vector<ResultColumn> made = taken(sample(fitted_, options));
    if (failed()) return "";
    return png(rows_of(made, of, n), of, static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(n)))));
  }

  /// The quantile of a standard normal: where the distribution function, which rises, passes `part`.
  static double normal_quantile(double part) {
    double low = -40, high = 40;
    for (int step = 0; step < 100; ++step) {
      const double middle = (low + high) / 2;
      (std::erfc(-middle / std::sqrt(2.0)) / 2 < part ? low : high) = middle;
    }
    return (low + high) / 2;
  }

  /// Equal shares of a plane of two standard normal latents (Kingma and Welling 2014, appendix A): the first
  /// goes right, the second up.
  std::string manifold(const Shape& of) {
    const int64_t n = count(20);
    std::vector<double> latents;
    for (int64_t row = 0; row < n; ++row) {
      for (int64_t column = 0; column < n; ++column) {
        latents.push_back(normal_quantile((static_cast<double>(column) + 0.5) / static_cast<double>(n)));
        latents.push_back(normal_quantile((static_cast<double>(n - 1 - row) + 0.5) / static_cast<double>(n)));
      }
    }
    if (latent_elements() != 2)
      return fail(fmt::format("a manifold is a plane, and the model has {} latents", latent_elements())), "";
    const std::vector<ResultColumn> made = taken(decode(fitted_, latents, means()));
    return failed() ? "" : png(rows_of(made, of, n * n), of, n);
  }

  int64_t latent_elements() const {
    const ir::Model& model = *fitted_.state->model->compiled.model;
    int64_t sum = 0;
    for (const ir::Variable& v : model.variables) {
      if (v.role != ir::Role::latent) continue;
      int64_t elements = 1;
      for (const ir::AxisId axis : v.declared_axes) elements *= model.module.axis(axis).size;
      sum += elements;
    }
    return sum;
  }

  /// Means of q, without the standard deviations beside them.
  std::vector<ResultColumn> latent_means() {
    std::vector<ResultColumn> means;
    for (ResultColumn& column : taken(infer(fitted_, *bound_, options_.threads))) {
      if (!column.levels.empty()) fail(fmt::format("`{}` is finite, and a place is asked for", column.name));
      if (!column.name.ends_with("_sd")) means.push_back(std::move(column));
    }
    return means;
  }

  /// From the mean of q of one row to that of another, in equal steps.
  std::string walk(const Shape& of) {
    const int64_t n = std::max<int64_t>(count(12), 2), rows = bound_->rows();
    for (const int64_t row : {options_.from, options_.to}) {
      if (row < 1 || row > rows)
        return fail(fmt::format("there is no row {}: the table has {}", row, rows)), "";
    }
    const std::vector<ResultColumn> means = latent_means();
    if (failed()) return "";
    std::vector<double> latents;
    for (int64_t step = 0; step < n; ++step) {
      const double part = static_cast<double>(step) / static_cast<double>(n - 1);
      for (const ResultColumn& z : means)
        latents.push_back((1 - part) * z.values[static_cast<size_t>(options_.from - 1)] +
                          part * z.values[static_cast<size_t>(options_.to - 1)]);
    }
    const std::vector<ResultColumn> made = taken(decode(fitted_, latents, this->means()));
    return failed() ? "" : png(rows_of(made, of, n), of, n);
  }

  std::vector<std::string> labels() {
    std::vector<std::string> to;
    if (options_.label.empty()) return to;
    const runtime::Column* column = data_ != nullptr && data_->ok() && data_->state->table
                                        ? data_->state->table->find(options_.label)
                                        : nullptr;
    if (column == nullptr) return fail(fmt::format("the table has no column `{}`", options_.label)), to;
    for (const double value : column->values)
      to.push_back(std::isnan(value) ? ""
                   : column->text    ? column->levels[static_cast<size_t>(value)]
                                     : fmt::format("{}", value));
    return to;
  }

  std::string scatter() {
    const std::vector<ResultColumn> means = latent_means();
    if (failed()) return "";
    if (means.size() != 2)
      return fail(fmt::format("a scatter is a plane, and the model has {} latents", means.size())), "";
    const std::vector<std::string> names = labels();
    return failed() ? "" : scatter_svg(means[0].values, means[1].values, names, means[0].name, means[1].name);
  }

  const FittedModel& fitted_;
  const BoundModel* bound_;
  const Data* data_;
  const PictureOptions& options_;
  Diagnostics diagnostics_;
  Report failed_;
};

}  // namespace

Picture draw(const FittedModel& fitted, const BoundModel* bound, const Data* data,
             const PictureOptions& options) {
  return guarded([&] {
    if (fitted.ok()) return Drawer(fitted, bound, data, options).go();
    Picture to;
    to.report = fitted.report();
    return to;
  });
}

}  // namespace lvm
