#include "runtime/staged.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <type_traits>

#include "runtime/convolutions.h"
#include "runtime/narrow_copies.h"
#include "runtime/products.h"
#include "runtime/same_bits.h"
#include "runtime/walker.h"

namespace lvm::runtime {
namespace {

constexpr int64_t stretch_rows =
    64;  // of a tile, which one thread takes through all stages; two together where threads are few
constexpr int64_t product_rows = 128;  // of the result of a product over rows, which one thread computes
constexpr int64_t stretch_elements = 1 << 15;  // of an update, or of weights that are narrowed

template <class Real>
class StageWalker {
 public:
  StageWalker(const ir::Program& program, std::shared_ptr<const ir::Executable> kernels, ir::Stages stages,
              std::shared_ptr<Pool> pool, std::shared_ptr<NarrowCopies> copies)
      : kernels_(std::move(kernels)),
        stages_(std::move(stages)),
        pool_(std::move(pool)),
        scratch_(std::max<int64_t>(stages_.scratch_columns, 1) * program.batch_stride() *
                 static_cast<int64_t>(sizeof(Real)) / static_cast<int64_t>(sizeof(double))),
        columns_(program.data_columns()),
        column_stride_(program.batch_stride()),
        copies_(std::move(copies)) {
    const auto tasks_of = [](const std::vector<ir::Stage>& over_rows) {
      std::vector<Task> tasks;
      for (size_t i = 0; i < over_rows.size(); ++i) {
        const auto [rows, at_once] = result_rows(over_rows[i]);
        for (int64_t from = 0; from < rows; from += at_once)
          tasks.push_back({i, from, std::min(at_once, rows - from)});
      }
      return tasks;
    };
    tasks_ = tasks_of(stages_.over_rows);
    for (const ir::Stages::Part& part : stages_.before) tasks_before_.push_back(tasks_of(part.over_rows));
    for (size_t i = 0; i < stages_.elements.size(); ++i) {
      const int64_t all = stages_.elements[i].elements;
      for (int64_t from = 0; from < all; from += stretch_elements)
        tasks_.push_back({i, from, std::min(stretch_elements, all - from)});
    }
    for (const ir::Slot& slot : program.statistics) {
      const auto sets = [&](const ir::Stage& stage) {
        if (const auto* product = std::get_if<ir::Product>(&stage))
          return product->result.offset == slot.offset;
        if (const auto* c = std::get_if<ir::Convolution2d>(&stage))
          return c->filters_place.offset == slot.offset;
        return false;
      };
      const bool set_before = std::ranges::any_of(stages_.before, [&](const ir::Stages::Part& part) {
        return std::ranges::any_of(part.over_rows, sets);
      });
      if (!set_before && std::ranges::none_of(stages_.over_rows, sets)) added_.push_back(&slot);
    }
    for (size_t i = 0; i < stages_.narrow_weights.size(); ++i) {
      const int64_t all = stages_.narrow_weights[i].numbers;
      for (int64_t from = 0; from < all; from += stretch_elements)
        narrow_tasks_.push_back({i, from, std::min(stretch_elements, all - from)});
    }
    const auto agrees = [&](const ir::Stage& stage) {
      const auto* product = std::get_if<ir::Product>(&stage);
      if (product && product->narrow && !has_bfloat16())
        return false;  // a fit that is asked, and not trained
      if (product)
        return std::is_same_v<Real, double> ||
               halves_agree(shape_of_rows(*product, 2 * stretch_rows), product->narrow);
      return !std::holds_alternative<ir::Convolution2d>(stage);  // whose products are as wide as they need be
    };
    pairs_ = std::ranges::all_of(stages_.of_rows, agrees) &&
             std::ranges::all_of(stages_.before, [&](const ir::Stages::Part& part) {
               return std::ranges::all_of(part.of_rows, agrees);
             });
  }

  int32_t operator()(lvm_frame& frame) { return stages_.elements.empty() ? rows(frame) : elements(frame); }

 private:
  /// Statistics that no stage sets are added to from 0.
  void clear(const lvm_frame& frame) const {
    auto* statistics = static_cast<Real*>(frame.statistics);
    for (const ir::Slot* slot : added_) std::fill_n(statistics + slot->offset, slot->size, Real(0));
  }

  int32_t elements(const lvm_frame& whole) {
    std::atomic<int32_t> code = 0;
    pool_->run(static_cast<int64_t>(tasks_.size()), [&](int64_t index, int) {
      const Task& task = tasks_[static_cast<size_t>(index)];
      lvm_frame frame = whole;
      frame.parameters = static_cast<const Real*>(whole.parameters) + task.from;
      frame.statistics = static_cast<Real*>(whole.statistics) + task.from;
      frame.output = static_cast<Real*>(whole.output) + task.from;
      frame.rows = static_cast<int32_t>(task.rows);
      const ir::ElementStage& stage = stages_.elements[task.stage];
      if (const int32_t failed = kernels_->at(stage.kernel)(&frame); failed != 0) code = failed;
      narrow_parameters(frame.output, stage.parameter, task);
    });
    if (copies_) copies_->note(whole.output);
    return code;
  }

  int32_t rows(lvm_frame& frame) {
    if (frame.first_row == 0) {
      clear(frame);
      narrow_weights(frame);
    }
    const int64_t pairs = frame.rows % (2 * stretch_rows) == 0 ? frame.rows / (2 * stretch_rows) : 0;
    const int64_t at_once = pairs_ && pairs >= pool_->threads() ? 2 * stretch_rows : stretch_rows;
    const int64_t stretches = (frame.rows + at_once - 1) / at_once;
    std::atomic<int32_t> code = 0;
    const auto note = [&](int32_t failed) {
      if (failed != 0) code = failed;
    };
    const auto run = [&](const std::vector<ir::Stage>& of, const std::vector<ir::Stage>& over,
                         const std::vector<Task>& tasks) {
      if (!of.empty())
        pool_->run(stretches,
                   [&](int64_t stretch, int) { note(of_rows(of, frame, stretch * at_once, at_once)); });
      pool_->run(static_cast<int64_t>(tasks.size()),
                 [&](int64_t task, int) { note(over_rows(over, frame, tasks[static_cast<size_t>(task)])); });
    };
    if (!stages_.before.empty() && frame.first_row > 0)
      throw ir::InternalError("rows that read sums over all rows stand in several tiles");
    for (size_t part = 0; part < stages_.before.size(); ++part)
      run(stages_.before[part].of_rows, stages_.before[part].over_rows, tasks_before_[part]);
    run(stages_.of_rows, stages_.over_rows, tasks_);
    return code;
  }

  struct Task {
    size_t stage;
    int64_t from, rows;
  };

  /// Rows of the matrix that a stage over rows makes, and how many of them one thread computes.
  static std::pair<int64_t, int64_t> result_rows(const ir::Stage& stage) {
    if (const auto* product = std::get_if<ir::Product>(&stage))
      return {product->transposed ? product->out : product->in, product_rows};
    if (const auto* c = std::get_if<ir::Convolution2d>(&stage))
      return {c->patch(), std::clamp<int64_t>((c->patch() + 7) / 8, 8, product_rows)};
    return {1, 1};
  }
  Real* scratch() { return reinterpret_cast<Real*>(scratch_.data()); }

  int32_t of_rows(const std::vector<ir::Stage>& stages, const lvm_frame& whole, int64_t first,
                  int64_t at_once) {
    lvm_frame frame = whole;
    std::vector<const void*> columns(static_cast<size_t>(columns_));
    for (int64_t c = 0; c < columns_; ++c)
      columns[static_cast<size_t>(c)] = static_cast<const Real*>(whole.columns[c]) + first;
    frame.columns = columns.data();
    frame.scratch = scratch() + first;
    frame.output = static_cast<Real*>(whole.output) + first;
    frame.rows = static_cast<int32_t>(std::min(at_once, whole.rows - first));
    for (const ir::Stage& stage : stages) {
      if (const auto* kernel = std::get_if<ir::Kernel>(&stage)) {
        if (const int32_t code = kernels_->at(kernel->name)(&frame); code != 0) return code;
      } else if (const auto* product = std::get_if<ir::Product>(&stage)) {
        with_operands(product->narrow, [&](auto number) { weigh<decltype(number)>(*product, frame, first); });
      } else if (const auto* c = std::get_if<ir::Convolution2d>(&stage)) {
        with_operands(c->narrow, [&](auto number) {
          convolve(*c, operands<decltype(number)>(*c, frame, first), lanes(frame.rows));
        });
      } else if (const auto* n = std::get_if<ir::Narrow>(&stage)) {
        narrow_columns(*n, frame, first);
      } else {
        move(std::get<ir::Move>(stage), frame);
      }
    }
    return 0;
  }

  int32_t over_rows(const std::vector<ir::Stage>& stages, const lvm_frame& whole, const Task& task) {
    const ir::Stage& stage = stages[task.stage];
    lvm_frame frame = whole;
    frame.scratch = scratch();
    if (const auto* kernel = std::get_if<ir::Kernel>(&stage)) return kernels_->at(kernel->name)(&frame);
    if (const auto* product = std::get_if<ir::Product>(&stage)) {
      with_operands(product->narrow,
                    [&](auto number) { sum<decltype(number)>(*product, frame, task.from, task.rows); });
    }
    if (const auto* c = std::get_if<ir::Convolution2d>(&stage)) {
      with_operands(c->narrow, [&](auto number) {
        sum_filters(*c, operands<decltype(number)>(*c, frame, 0), frame.rows, task.from, task.rows,
                    frame.first_row > 0);
      });
    }
    return 0;
  }

  static Real* place(const ir::MatrixPlace& at, const lvm_frame& frame) {
    using Buffer = ir::MatrixPlace::Buffer;
    const void* start = nullptr;
    switch (at.buffer) {
      case Buffer::columns: return static_cast<Real*>(const_cast<void*>(frame.columns[at.offset]));
      case Buffer::parameters: start = frame.parameters; break;
      case Buffer::derived: start = frame.derived; break;
      case Buffer::statistics: start = frame.statistics; break;
      case Buffer::scratch: start = frame.scratch; break;
    }
    return static_cast<Real*>(const_cast<void*>(start)) + at.offset;
  }

  /// Calls `body` with a number of the type that products read.
  template <class Body>
  static void with_operands(bool narrow, const Body& body) {
    if constexpr (std::is_same_v<Real, float>) {
      if (narrow) return body(Bfloat16{});
    }
    body(Real{});
  }

  /// What a product reads: the numbers of the frame, or their copies.
  template <class Operand>
  const Operand* operand(const ir::MatrixPlace& at, const lvm_frame& frame, int64_t first) {
    if constexpr (std::is_same_v<Operand, Real>) {
      return place(at, frame);
    } else {
      return copies_->place(at, first);
    }
  }

  template <class Operand>
  ConvolutionOperands<Real, Operand> operands(const ir::Convolution2d& c, const lvm_frame& frame,
                                              int64_t first) {
    using Kind = ir::Convolution2d::Kind;
    ConvolutionOperands<Real, Operand> at{nullptr, nullptr, nullptr, nullptr, column_stride_};
    if (c.kind != Kind::to_image) at.image = operand<Operand>(c.image_place, frame, first);
    if (c.kind != Kind::to_steps) at.steps = operand<Operand>(c.steps_place, frame, first);
    if (c.kind != Kind::to_filters) at.filters = place(c.filters_place, frame);
    at.result = place(c.kind == Kind::to_image   ? c.image_place
                      : c.kind == Kind::to_steps ? c.steps_place
                                                 : c.filters_place,
                      frame);
    return at;
  }

  /// Of what an update has just written, while it is near.
  void narrow_parameters(const void* from, int64_t parameter, const Task& task) {
    if constexpr (std::is_same_v<Real, float>) {
      if (copies_ && copies_->reads_parameter(parameter))
        narrow(static_cast<const float*>(from) + parameter, task.rows,
               copies_->place({ir::MatrixPlace::Buffer::parameters, parameter + task.from}, 0));
    }
  }

  void narrow_weights(const lvm_frame& frame) {
    if constexpr (std::is_same_v<Real, float>) {
      pool_->run(static_cast<int64_t>(narrow_tasks_.size()), [&](int64_t index, int) {
        const Task& task = narrow_tasks_[static_cast<size_t>(index)];
        const ir::MatrixPlace& at = stages_.narrow_weights[task.stage].place;
        if (at.buffer == ir::MatrixPlace::Buffer::parameters && copies_->holds(frame.parameters)) return;
        narrow(place(at, frame) + task.from, task.rows, copies_->place(at, 0) + task.from);
      });
    }
  }

  void narrow_columns(const ir::Narrow& n, const lvm_frame& frame, int64_t first) {
    if constexpr (std::is_same_v<Real, float>) {
      const float* from = place(n.operand, frame);
      Bfloat16* to = copies_->place(n.operand, first);
      for (int64_t column = 0; column < n.columns; ++column)
        narrow(from + column * column_stride_, lanes(frame.rows), to + column * column_stride_);
    }
  }

  /// Lanes behind the last row are computed too: they hold repetitions of it.
  static int64_t lanes(int64_t rows) { return (rows + LVM_LANES - 1) / LVM_LANES * LVM_LANES; }

  void move(const ir::Move& m, const lvm_frame& frame) {
    const Real* operand = place(m.operand, frame);
    Real* result = place(m.result, frame);
    for (const int64_t column : m.from) {
      std::copy_n(operand + column * column_stride_, lanes(frame.rows), result);
      result += column_stride_;
    }
  }

  MatrixProduct shape_of_rows(const ir::Product& p, int64_t rows) const {
    const int64_t stride = p.repeats * column_stride_;
    return {.left_transposed = p.transposed,
            .m = p.out,
            .n = lanes(rows),
            .k = p.in,
            .left_stride = p.transposed ? p.out : p.in,
            .right_stride = stride,
            .result_stride = stride};
  }

  template <class Operand>
  void weigh(const ir::Product& p, const lvm_frame& frame, int64_t first) {
    const MatrixProduct shape = shape_of_rows(p, frame.rows);
    for (int64_t draw = 0; draw < p.repeats; ++draw) {
      const int64_t at = draw * column_stride_;
      multiply(shape, operand<Operand>(p.left, frame, first), operand<Operand>(p.right, frame, first) + at,
               place(p.result, frame) + at);
    }
  }

  /// Rows [from, from + count) of the result.
  template <class Operand>
  void sum(const ir::Product& p, const lvm_frame& frame, int64_t from, int64_t count) {
    const int64_t stride = p.repeats * column_stride_, width = p.transposed ? p.in : p.out;
    MatrixProduct shape{.right_transposed = true,
                        .m = count,
                        .n = width,
                        .k = frame.rows,
                        .left_stride = stride,
                        .right_stride = stride,
                        .result_stride = width};
    const Operand* tall = operand<Operand>(p.transposed ? p.right : p.left, frame, 0);
    const Operand* wide = operand<Operand>(p.transposed ? p.left : p.right, frame, 0);
    for (int64_t draw = 0; draw < p.repeats; ++draw) {
      const int64_t at = draw * column_stride_;
      shape.add = frame.first_row > 0 || draw > 0;
      multiply(shape, tall + from * stride + at, wide + at, place(p.result, frame) + from * width);
    }
  }

  std::shared_ptr<const ir::Executable> kernels_;
  ir::Stages stages_;
  std::shared_ptr<Pool> pool_;
  Buffer scratch_;
  int64_t columns_, column_stride_;
  std::shared_ptr<NarrowCopies> copies_;  // of `step` and of `optimise`
  bool pairs_ = false;                    // two stretches may be taken at once
  std::vector<Task> tasks_, narrow_tasks_;
  std::vector<std::vector<Task>> tasks_before_;  // by part
  std::vector<const ir::Slot*> added_;
};

template <class Real>
ir::Executable walk(const ir::Program& program, ir::Executable kernels, const ir::StagedFunctions& staged,
                    const std::shared_ptr<Pool>& pool) {
  const auto shared = std::make_shared<const ir::Executable>(kernels);
  const auto step = staged.find("step");
  const auto copies = program.narrow_products && step != staged.end()
                          ? std::make_shared<NarrowCopies>(program, step->second)
                          : nullptr;
  for (const auto& [name, stages] : staged) {
    const auto walker = std::make_shared<StageWalker<Real>>(program, shared, stages, pool, copies);
    kernels[name] = [walker](lvm_frame* frame) { return (*walker)(*frame); };
  }
  return kernels;
}

}  // namespace

ir::Executable with_stages(const ir::Program& program, ir::Executable kernels,
                           const ir::StagedFunctions& staged, std::shared_ptr<Pool> pool) {
  return program.single ? walk<float>(program, std::move(kernels), staged, pool)
                        : walk<double>(program, std::move(kernels), staged, pool);
}

}  // namespace lvm::runtime
