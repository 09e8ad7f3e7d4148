#include "runtime/walker.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "runtime/memory.h"

namespace lvm::runtime {
namespace {

constexpr const char* start_function = "start";
constexpr const char* reduction = "reduce";  // no functions of the Program
constexpr const char *chain_series = "series", *chain_columns = "columns";

template <typename S>
int64_t doubles_of(const std::vector<S>& slots) {
  int64_t end = 0;
  for (const ir::Slot& slot : slots) end = std::max(end, slot.offset + slot.size);
  return end;
}

const ir::Slot* find_slot(const std::vector<ir::Slot>& slots, const std::string& name) {
  const auto found =
      std::find_if(slots.begin(), slots.end(), [&](const ir::Slot& s) { return s.name == name; });
  return found == slots.end() ? nullptr : &*found;
}

int64_t statistic_bytes(const ir::Program& program) {
  return doubles_of(program.statistics) * LVM_LANES * static_cast<int64_t>(sizeof(double));
}

/// All but the halves of symmetric statistics that are copies.
std::vector<int64_t> summed_elements(const ir::Program& program) {
  std::vector<double> source(static_cast<size_t>(doubles_of(program.statistics)));
  std::iota(source.begin(), source.end(), 0.0);
  ir::complete_symmetric(program, source.data());
  std::vector<int64_t> elements;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == static_cast<double>(i)) elements.push_back(static_cast<int64_t>(i));
  }
  return elements;
}

/// Where the lanes of these elements lie.
std::vector<Stretch> stretches_of(const std::vector<int64_t>& elements) {
  std::vector<Stretch> stretches;
  for (const int64_t i : elements) {
    const bool next = !stretches.empty() && stretches.back().first + stretches.back().count == i * LVM_LANES;
    if (!next) stretches.push_back({i * LVM_LANES, 0});
    stretches.back().count += LVM_LANES;
  }
  return stretches;
}

std::optional<PatternedRows> patterned_rows(const ir::Program& program, const BoundData& data) {
  const bool patterned =
      std::any_of(program.derived.begin(), program.derived.end(),
                  [](const ir::Slot& slot) { return slot.name.ends_with(ir::observed_suffix); });
  return patterned ? std::optional<PatternedRows>(std::in_place, program, data) : std::nullopt;
}

/// The place of element `index` of a check as people count: "2", or "2, 3" over two axes.
std::string shown_element(const ir::Check& check, const ir::Module& module, int64_t index) {
  std::vector<int64_t> place(check.axes.size());
  for (size_t i = check.axes.size(); i-- > 0;) {
    const int64_t size = std::max<int64_t>(1, module.axis(check.axes[i]).size);
    place[i] = index % size + 1;
    index /= size;
  }
  return fmt::format("{}", fmt::join(place, ", "));
}

}  // namespace

void Buffer::Free::operator()(double* memory) const {
  release(memory);
}

Buffer::Buffer(int64_t doubles) : size_(std::max<int64_t>(doubles, 1)) {
  memory_.reset(static_cast<double*>(allocate(static_cast<size_t>(size_) * sizeof(double))));
  std::fill(memory_.get(), memory_.get() + size_, 0.0);
}

namespace {

size_t start_slots(const ir::Program& program) {
  return program.start_lags.size() + program.start_values.size() + program.starts.size();
}

/// Columns that no table brings: those of earlier steps' assignments, of start values, and of assignments
/// behind them.
int64_t start_columns(const ir::Program& program) {
  int64_t count = 0;
  const size_t slots = start_slots(program);
  for (size_t i = program.data.size() - slots; i < program.data.size(); ++i) count += program.data[i].size;
  return count;
}

}  // namespace

Walker::Walker(const ir::Program& program, const ir::Executable& functions, const BoundData& data,
               int threads, double scale)
    : program_(program),
      functions_(functions),
      data_(data),
      scale_(scale),
      pool_(threads),
      medians_(program, data),
      patterned_(patterned_rows(program, data)),
      chain_(program.chain ? std::optional<ChainWalk>(std::in_place, program, data) : std::nullopt),
      gaussian_(),
      tiles_(patterned_ ? patterned_->tiles() : plain_tiles(data.rows)),
      shards_(make_shards(static_cast<int64_t>(tiles_.size()), statistic_bytes(program))),
      assignments_(data.rows, std::max<int64_t>(1, start_columns(program))),
      derived_(doubles_of(program.derived)),
      shard_statistics_(shards_.count * doubles_of(program.statistics) * LVM_LANES),
      statistics_(doubles_of(program.statistics)),
      summed_(summed_elements(program)),
      stretches_(stretches_of(summed_)) {
  if (program.steps) gaussian_.emplace(program, data, pool_.threads());
  const int64_t of_series = chain_ ? chain_->column_doubles() : gaussian_ ? gaussian_->column_doubles() : 0;
  const int64_t scratch = (program.scratch_bytes + static_cast<int64_t>(sizeof(double)) - 1) /
                          static_cast<int64_t>(sizeof(double));
  for (int i = 0; i < pool_.threads(); ++i) {
    const int64_t sums = patterned_ ? doubles_of(program.statistics) : 0;
    workers_.push_back({Buffer(scratch),
                        Buffer(doubles_of(program.row_outputs) * LVM_TILE_ROWS),
                        {},
                        Buffer(patterned_ ? doubles_of(program.derived) : 0),
                        Buffer(sums * LVM_LANES),
                        Buffer(sums),
                        Buffer(sums),
                        Buffer(sums),
                        {},
                        Buffer(of_series),
                        Buffer(0)});
  }
  for (int64_t i = 0; i < assignments_.columns(); ++i) {
    std::fill(assignments_.column(i), assignments_.column(i) + data.rows, 0.0);
    assignments_.pad(i);
  }
  if (patterned_) states_.assign(static_cast<size_t>(data.rows), 0);
  point_columns();
  for (Worker& worker : workers_) worker.cells = Buffer(static_cast<int64_t>(hosted_.size()) * LVM_TILE_ROWS);
  fill_variances();
  set_newton_step(1);
  for (const ir::Function& function : program.module.functions) {
    if (function.time != ir::BindingTime::once) continue;
    throw ir::InternalError("function `" + function.name +
                            "` runs once a table, which the run time does not do yet");
  }
}

void Walker::point_columns() {
  columns_.assign(static_cast<size_t>(doubles_of(program_.data)), assignments_.column(0));
  const size_t bound_slots = program_.data.size() - start_slots(program_);
  int64_t own = 0;
  for (size_t i = bound_slots; i < program_.data.size(); ++i) {
    for (int64_t e = 0; e < program_.data[i].size; ++e)
      columns_[static_cast<size_t>(program_.data[i].offset + e)] = assignments_.column(own++);
  }
  for (size_t s = 0; s < bound_slots; ++s) {
    const ir::DataSlot& slot = program_.data[s];
    if (slot.name.starts_with(ir::chain_prefix)) continue;  // of each tile (ChainWalk)
    const BoundVariable* bound = data_.find(slot.name);
    if (!bound || bound->size != slot.size) {
      throw ir::InternalError(fmt::format("data slot `{}` of {} columns is bound to {}", slot.name, slot.size,
                                          bound ? bound->size : 0));
    }
    for (int64_t i = 0; i < slot.size; ++i) {
      const auto at = static_cast<size_t>(slot.offset + i);
      columns_[at] = data_.packed.column(bound->first + i).packed();
      if (!columns_[at] && !patterned_) hosted_.push_back({at, data_.packed.host(bound->first + i)});
    }
  }
  for (size_t i = 0; patterned_ && i < columns_.size(); ++i)
    columns_[i] = patterned_->column(static_cast<int64_t>(i));
}

/// The derived slots that no function computes: "<data>.variance".
void Walker::fill_variances() {
  for (const BoundVariable& v : data_.variables) {
    const ir::Slot* slot = find_slot(program_.derived, v.name + ".variance");
    if (!slot) continue;
    if (slot->size != v.size) {
      throw ir::InternalError(
          fmt::format("derived slot `{}` has {} elements for {} columns", slot->name, slot->size, v.size));
    }
    std::copy(v.variance.begin(), v.variance.end(), derived_.data() + slot->offset);
  }
}

void Walker::set_columns(int64_t first, const std::vector<std::vector<double>>& values) {
  const int64_t in_program = doubles_of(program_.data) - start_columns(program_);
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t column = first + static_cast<int64_t>(i);
    std::copy(values[i].begin(), values[i].end(), assignments_.column(column));
    assignments_.pad(column);
    if (patterned_) patterned_->set_column(in_program + column, values[i]);
  }
}

void Walker::set_assignments(const std::vector<std::vector<double>>& states) {
  if (patterned_ && !states.empty()) states_ = states.front();
  set_columns(start_columns(program_) - static_cast<int64_t>(program_.starts.size()), states);
  std::vector<std::vector<double>> earlier;
  for (const ir::StartLag& lag : program_.start_lags) {
    std::vector<double>& values = earlier.emplace_back(states[lag.of].size(), 0.0);
    for (size_t s = 0; s + 1 < data_.series.size(); ++s) {
      for (int64_t row = data_.series[s] + lag.steps; row < data_.series[s + 1]; ++row)
        values[static_cast<size_t>(row)] = states[lag.of][static_cast<size_t>(row - lag.steps)];
    }
  }
  set_columns(0, earlier);
}

void Walker::set_start_values(const std::vector<std::vector<double>>& values) {
  set_columns(static_cast<int64_t>(program_.start_lags.size()), values);
}

int32_t Walker::call(const std::string& function, lvm_frame& frame, Worker& worker) const {
  const auto found = functions_.find(function);
  if (found == functions_.end()) throw ir::InternalError("the program has no function `" + function + "`");
  FunctionTimer timer(worker.times, function);
  timer.count(1);
  return found->second(&frame);
}

Failure Walker::describe(const std::string& function, int32_t code) const {
  if (code == 0) return {};
  const int64_t index = code - 1;
  for (const ir::Check& check : program_.checks) {
    if (index < check.offset || index >= check.offset + check.size) continue;
    std::string message = check.message;
    const size_t hole = message.find("{}");
    if (hole != std::string::npos) {
      message.replace(hole, 2, shown_element(check, program_.module, index - check.offset));
    }
    return message.empty() ? "a check failed" : message;
  }
  throw ir::InternalError(fmt::format("function `{}` failed with the code {} of no check", function, code));
}

/// What every function reads; the rest is each one's own.
lvm_frame Walker::frame_of(const std::vector<double>& parameters, Worker& worker) const {
  lvm_frame frame{};
  frame.parameters = parameters.data();
  frame.derived = derived_.data();
  frame.scratch = worker.scratch.data();
  return frame;
}

Failure Walker::prepare(const std::vector<double>& parameters) {
  lvm_frame frame = frame_of(parameters, workers_.front());
  frame.output = derived_.data();
  return describe("prepare", call("prepare", frame, workers_.front()));
}

Failure Walker::update(std::vector<double>& parameters, const std::string& function) {
  // What `update` does not write keeps its value: fixed parameters.
  Buffer next(static_cast<int64_t>(parameters.size()));
  std::copy(parameters.begin(), parameters.end(), next.data());
  lvm_frame frame = frame_of(parameters, workers_.front());
  frame.statistics = statistics_.data();
  frame.output = next.data();
  const int32_t code = call(function, frame, workers_.front());
  if (code != 0) return describe(function, code);
  std::vector<double> made(next.data(), next.data() + parameters.size());
  // At a start the rows have no posterior yet.
  if (function == "update" && !medians_.empty()) {
    if (Failure failure = write_medians(parameters, made); !failure.empty()) return failure;
  }
  parameters = std::move(made);
  return {};
}

Failure Walker::write_medians(const std::vector<double>& from, std::vector<double>& to) {
  std::map<std::string, std::vector<double>> outputs;
  if (medians_.need_posterior()) {
    if (Failure failure = row_outputs("posterior", from, outputs); !failure.empty()) return failure;
  }
  medians_.write(outputs, to);
  return {};
}

namespace {

/// Compiled code may read a host's cells where they lie: doubles side by side on the boundary that it relies
/// on, and whole vectors of lanes.
const double* as_packed(const HostCells& cells, const Tile& tile) {
  const bool plain = cells.type == HostType::f64 && cells.stride == sizeof(double) && !cells.validity &&
                     !cells.codes && cells.change.kind == CellChange::Kind::none &&
                     tile.rows % LVM_LANES == 0;
  const unsigned char* at = cells.data + tile.at * cells.stride;
  return plain && reinterpret_cast<uintptr_t>(at) % 64 == 0 ? reinterpret_cast<const double*>(at) : nullptr;
}

}  // namespace

/// Where the columns of a tile are; a host's cells are read into the worker's room first.
void Walker::point_at(const Tile& tile, Worker& worker) const {
  worker.columns.clear();
  for (const double* column : columns_) worker.columns.push_back(column ? column + tile.at : nullptr);
  double* room = worker.cells.data();
  for (const Hosted& hosted : hosted_) {
    const double* cells = as_packed(*hosted.cells, tile);
    if (!cells) {
      hosted.cells->read(tile.at, tile.rows, room);
      for (int64_t i = tile.rows; i % LVM_LANES != 0; ++i) room[i] = room[tile.rows - 1];
      cells = room;
      room += LVM_TILE_ROWS;
    }
    worker.columns[hosted.column] = cells;
  }
}

int32_t Walker::walk_tiles(const std::string& function, int64_t from, int64_t to, Worker& worker,
                           lvm_frame frame, const AfterTile& after) {
  const std::function<int32_t(lvm_frame*)>& compiled = functions_.at(function);
  FunctionTimer timer(worker.times, function);
  for (int64_t index = from; index < to; ++index) {
    const Tile& tile = tiles_[static_cast<size_t>(index)];
    point_at(tile, worker);
    if (walks_series() && function != start_function && function != ir::emissions_function) {
      FunctionTimer columns(worker.times, chain_columns);
      const auto row = [&](int32_t i) { return row_at(tile.at + i); };
      if (gaussian_) gaussian_->columns(tile.rows, row, worker.chain.data(), worker.columns);
      if (chain_) chain_->columns(tile.rows, row, worker.chain.data(), worker.columns);
    }
    frame.columns = worker.columns.data();
    frame.first_row = tile.at;
    frame.rows = tile.rows;
    timer.count(1, tile.rows);
    if (const int32_t code = compiled(&frame)) return code;
    if (after) after(worker, tile);
  }
  return 0;
}

/// The rows of one pattern; their statistics are completed, and added to the worker's total.
int32_t Walker::walk_completed(const std::string& function, int64_t from, int64_t to, Worker& worker,
                               lvm_frame frame) {
  const int64_t size = doubles_of(program_.statistics);
  frame.statistics = worker.raw.data();
  if (const int32_t code = walk_tiles(function, from, to, worker, frame, {})) return code;
  {
    const FunctionTimer timer(worker.times, reduction);
    for (const int64_t i : summed_) {
      double* lanes = worker.raw.data() + i * LVM_LANES;
      worker.sums.data()[i] = add_lanes(lanes);
      std::fill(lanes, lanes + LVM_LANES, 0.0);
    }
    ir::complete_symmetric(program_, worker.sums.data());
    std::copy(worker.sums.data(), worker.sums.data() + size, worker.completed.data());
  }
  frame.statistics = worker.sums.data();
  frame.output = worker.completed.data();
  if (const int32_t code = call(ir::impute_function, frame, worker)) return code;
  for (int64_t i = 0; i < size; ++i) worker.total.data()[i] += worker.completed.data()[i];
  return 0;
}

/// Pattern by pattern: what depends on it alone before its rows, and behind them its statistics completed.
int32_t Walker::walk_patterns(const std::string& function, int64_t shard, Worker& worker, lvm_frame frame,
                              const AfterTile& after) {
  const int64_t end = shards_.first_tile(shard + 1);
  auto* total = static_cast<double*>(frame.statistics);
  std::copy(derived_.data(), derived_.data() + derived_.size(), worker.derived.data());
  frame.derived = worker.derived.data();
  const bool completes = !after && has(ir::impute_function);
  std::fill(worker.raw.data(), worker.raw.data() + worker.raw.size(), 0.0);
  std::fill(worker.total.data(), worker.total.data() + worker.total.size(), 0.0);
  for (int64_t from = shards_.first_tile(shard), to = from; from < end; from = to) {
    const int32_t pattern = tiles_[static_cast<size_t>(from)].pattern;
    while (to < end && tiles_[static_cast<size_t>(to)].pattern == pattern) ++to;
    patterned_->write_observed(pattern, worker.derived.data());
    lvm_frame own = frame;
    own.output = worker.derived.data();
    if (const int32_t code = call(ir::pattern_function, own, worker)) return code;
    const int32_t code = completes ? walk_completed(function, from, to, worker, frame)
                                   : walk_tiles(function, from, to, worker, frame, after);
    if (code != 0) return code;
  }
  if (!completes) return 0;
  for (const int64_t i : summed_) total[i * LVM_LANES] += worker.total.data()[i];
  return 0;
}

int32_t Walker::walk_shard(const std::string& function, int64_t shard, Worker& worker, lvm_frame frame,
                           const AfterTile& after) {
  if (patterned_ && function != start_function) return walk_patterns(function, shard, worker, frame, after);
  return walk_tiles(function, shards_.first_tile(shard), shards_.first_tile(shard + 1), worker, frame, after);
}

Failure Walker::walk(const std::string& name, const std::vector<double>& parameters, const AfterTile& after) {
  if (!has(name)) throw ir::InternalError("the program has no function `" + name + "`");
  const int64_t size = doubles_of(program_.statistics) * LVM_LANES;
  std::vector<int32_t> codes(static_cast<size_t>(shards_.count), 0);
  pool_.run(shards_.count, [&](int64_t shard, int index) {
    Worker& worker = workers_[static_cast<size_t>(index)];
    lvm_frame frame = frame_of(parameters, worker);
    frame.statistics = shard_statistics_.data() + shard * size;
    frame.output = worker.output.data();
    for (const Stretch& s : stretches_)
      std::fill_n(static_cast<double*>(frame.statistics) + s.first, s.count, 0.0);
    codes[static_cast<size_t>(shard)] = walk_shard(name, shard, worker, frame, after);
  });
  for (const int32_t code : codes) {
    if (code != 0) return describe(name, code);
  }
  return {};
}

/// The posterior of all steps at the parameters that `prepare` has seen.
Failure Walker::walk_chain(const std::vector<double>& parameters) {
  Failure failure;
  if (gaussian_) {
    emit(parameters, failure);
    FunctionTimer timer(workers_.front().times, chain_series);
    timer.count(1, data_.rows);
    if (failure.empty()) gaussian_->walk(derived_.data(), pool_);
    return failure;
  }
  for (const bool logs : {false, true}) {
    chain_->begin(logs);
    emit(parameters, failure);
    if (!failure.empty()) return failure;
    FunctionTimer timer(workers_.front().times, chain_series);
    timer.count(1, data_.rows);
    if (chain_->walk(derived_.data(), pool_, failure)) break;
  }
  return failure;
}

void Walker::emit(const std::vector<double>& parameters, Failure& failure) {
  failure = walk(ir::emissions_function, parameters, [&](const Worker& worker, const Tile& tile) {
    const auto row = [&](int32_t i) { return row_at(tile.at + i); };
    if (gaussian_) gaussian_->store(worker.output.data(), tile.rows, row);
    if (chain_) chain_->store(worker.output.data(), tile.rows, row);
  });
}

Failure Walker::best_path(const std::vector<double>& parameters, std::vector<int64_t>& letters) {
  if (!chain_) throw ir::InternalError("a best path of a program without a chain");
  Failure failure;
  chain_->begin(true);
  emit(parameters, failure);
  if (failure.empty()) letters = chain_->best_letters(derived_.data(), pool_);
  return failure;
}

/// `rows`, unless sums about one origin are as good.
const std::string& Walker::cheapest(const std::string& function) const {
  static const std::string about_origin = ir::origin_rows_function;
  const double* separation = derived(ir::separation_slot);
  return function == "rows" && separation && *separation <= ir::most_separation ? about_origin : function;
}

int32_t Walker::recentre(const std::vector<double>& parameters) {
  Buffer centred(doubles_of(program_.statistics));
  std::copy(statistics_.data(), statistics_.data() + statistics_.size(), centred.data());
  lvm_frame frame = frame_of(parameters, workers_.front());
  frame.statistics = statistics_.data();
  frame.output = centred.data();
  const int32_t code = call(ir::recentre_function, frame, workers_.front());
  statistics_ = std::move(centred);
  return code;
}

/// The statistics of all shards become those of all rows.
void Walker::reduce() {
  const int64_t size = doubles_of(program_.statistics);
  FunctionTimer timer(workers_.front().times, reduction);
  timer.count(1);
  reduce_shards(shard_statistics_.data(), shards_.count, size * LVM_LANES, stretches_, pool_);
  for (const int64_t i : summed_)
    statistics_.data()[i] = scale_ * add_lanes(shard_statistics_.data() + i * LVM_LANES);
  ir::complete_symmetric(program_, statistics_.data());
}

Failure Walker::rows(const std::string& wanted, const std::vector<double>& parameters) {
  const std::string& function = cheapest(wanted);
  const bool fills = patterned_ && function == start_function;
  if (fills) patterned_->fill_absent(states_);
  Failure failure;
  if (walks_series() && function != start_function) failure = walk_chain(parameters);
  if (failure.empty()) failure = walk(function, parameters, {});
  if (fills) patterned_->clear_absent();
  reduce();
  if (function != wanted && failure.empty()) failure = describe(ir::recentre_function, recentre(parameters));
  return failure;
}

Failure Walker::visit_rows(const std::string& function, const std::vector<double>& parameters,
                           const VisitTile& visit) {
  if (walks_series()) {
    if (Failure failure = walk_chain(parameters); !failure.empty()) return failure;
  }
  return walk(function, parameters, [&](const Worker& worker, const Tile& tile) {
    visit(worker.output.data(), &tile - tiles_.data());
  });
}

Failure Walker::row_outputs(const std::string& function, const std::vector<double>& parameters,
                            std::map<std::string, std::vector<double>>& values) {
  if (walks_series()) {
    if (Failure failure = walk_chain(parameters); !failure.empty()) return failure;
  }
  std::vector<double*> targets;
  std::vector<ir::Slot> outputs;
  for (const ir::Slot& slot : program_.row_outputs) {
    if (!slot.name.starts_with(ir::chain_prefix)) outputs.push_back(slot);
  }
  for (const ir::Slot& slot : outputs) {
    std::vector<double>& all = values[slot.name];
    all.assign(static_cast<size_t>(data_.rows * slot.size), 0);
    targets.push_back(all.data());
  }
  return walk(function, parameters, [&](const Worker& worker, const Tile& tile) {
    for (size_t s = 0; s < targets.size(); ++s) {
      const ir::Slot& slot = outputs[s];
      for (int64_t e = 0; e < slot.size; ++e) {
        const double* from = worker.output.data() + (slot.offset + e) * LVM_TILE_ROWS;
        for (int64_t i = 0; i < tile.rows; ++i) targets[s][row_at(tile.at + i) * slot.size + e] = from[i];
      }
    }
  });
}

FunctionTimes Walker::times() const {
  FunctionTimes all;
  for (const Worker& worker : workers_) add(all, worker.times);
  return all;
}

double Walker::objective() const {
  const double* rows = statistic("objective");
  if (!rows) throw ir::InternalError("the program has no statistic `objective`");
  const double* prior = derived(ir::log_prior_slot);
  return *rows + (prior ? *prior : 0);
}

bool Walker::set_newton_step(double part) {
  const ir::Slot* slot = find_slot(program_.derived, ir::newton_step_slot);
  if (slot) derived_.data()[slot->offset] = part;
  return slot != nullptr;
}

void Walker::keep_statistics() {
  kept_statistics_.assign(statistics_.data(), statistics_.data() + doubles_of(program_.statistics));
}

void Walker::restore_statistics() {
  std::copy(kept_statistics_.begin(), kept_statistics_.end(), statistics_.data());
}

const double* Walker::derived(const std::string& name) const {
  const ir::Slot* slot = find_slot(program_.derived, name);
  return slot ? derived_.data() + slot->offset : nullptr;
}

const double* Walker::statistic(const std::string& name) const {
  const ir::Slot* slot = find_slot(program_.statistics, name);
  return slot ? statistics_.data() + slot->offset : nullptr;
}

}  // namespace lvm::runtime
