#pragma once
// Walker: runs the functions of one Program over one table. It owns the buffers of the frame and knows
// nothing of iterations.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"
#include "runtime/chain_walk.h"
#include "runtime/function_times.h"
#include "runtime/gaussian_walk.h"
#include "runtime/medians.h"
#include "runtime/patterns.h"
#include "runtime/pool.h"

namespace lvm::runtime {

/// Why a function of the Program failed; empty: it did not.
using Failure = std::string;

/// Zeroed doubles on a cache line's boundary.
class Buffer {
 public:
  explicit Buffer(int64_t doubles);
  double* data() { return memory_.get(); }
  const double* data() const { return memory_.get(); }
  int64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(double* memory) const;
  };
  std::unique_ptr<double, Free> memory_;
  int64_t size_;
};

class Walker {
 public:
  /// Each row of `data` stands for `scale` rows.
  Walker(const ir::Program& program, const ir::Executable& functions, const BoundData& data, int threads,
         double scale = 1);

  /// The hard assignments that `start` reads: for each latent of Program::starts one state a row.
  void set_assignments(const std::vector<std::vector<double>>& states);
  /// And the values of continuous latents: for each element of each of Program::start_values a number a row.
  void set_start_values(const std::vector<std::vector<double>>& values);

  Failure prepare(const std::vector<double>& parameters);
  /// A rows function over all tiles; the statistics are then those of all rows.
  Failure rows(const std::string& function, const std::vector<double>& parameters);
  /// `parameters` become the new ones; they are unchanged after a failure.
  Failure update(std::vector<double>& parameters, const std::string& function = "update");
  /// Row outputs by name, doubles[rows][elements].
  Failure row_outputs(const std::string& function, const std::vector<double>& parameters,
                      std::map<std::string, std::vector<double>>& values);

  /// Of a program with a chain: the letter of each row on the most probable path of its series.
  Failure best_path(const std::vector<double>& parameters, std::vector<int64_t>& letters);

  /// The sum over the rows and the logarithm of the parameters' prior.
  double objective() const;
  /// What part of a Newton step `update` takes; false where the program has no such step.
  bool set_newton_step(double part);
  /// Copies the statistics, and brings the copy back: `update` can then run again from parameters that
  /// `prepare` saw last.
  void keep_statistics();
  void restore_statistics();

  /// Row outputs tile by tile, on several threads and kept nowhere: element e of the row i of tiles()[index]
  /// is outputs[e * LVM_TILE_ROWS + i].
  using VisitTile = std::function<void(const double* outputs, int64_t index)>;
  Failure visit_rows(const std::string& function, const std::vector<double>& parameters,
                     const VisitTile& visit);

  const std::vector<Tile>& tiles() const { return tiles_; }
  /// The rows are those of the table.
  bool walks_table() const { return scale_ == 1; }
  /// The table's row at a place that tiles count.
  int64_t row_at(int64_t place) const { return patterned_ ? patterned_->row_at(place) : place; }

  bool has(const std::string& function) const { return functions_.contains(function); }
  /// A derived or statistic slot's first double; null where the Program has no such slot.
  const double* derived(const std::string& name) const;
  const double* derived() const { return derived_.data(); }  // all of them
  /// Of all rows; `update` reads them.
  double* statistics() { return statistics_.data(); }
  const double* statistic(const std::string& name) const;
  Pool& pool() { return pool_; }
  /// Of all that was walked so far; `reduce` are the sums over shards.
  FunctionTimes times() const;

 private:
  struct Worker {
    Buffer scratch;
    Buffer output;
    std::vector<const void*> columns;
    // Of a program that is walked by patterns: derived values of the present one, the statistics of its rows
    // (between patterns 0), summed and completed, and the sum over patterns.
    Buffer derived, raw, sums, completed, total;
    FunctionTimes times;
    Buffer chain;  // columns of a chain, of a tile
    Buffer cells;  // of one tile: those that a host keeps
  };
  using AfterTile = std::function<void(const Worker& worker, const Tile& tile)>;

  void point_columns();
  void point_at(const Tile& tile, Worker& worker) const;
  void set_columns(int64_t first, const std::vector<std::vector<double>>& values);
  void fill_variances();
  bool walks_series() const { return chain_ || gaussian_; }
  Failure walk_chain(const std::vector<double>& parameters);
  void emit(const std::vector<double>& parameters, Failure& failure);
  Failure walk(const std::string& function, const std::vector<double>& parameters, const AfterTile& after);
  int32_t walk_shard(const std::string& function, int64_t shard, Worker& worker, lvm_frame frame,
                     const AfterTile& after);
  int32_t walk_patterns(const std::string& function, int64_t shard, Worker& worker, lvm_frame frame,
                        const AfterTile& after);
  int32_t walk_completed(const std::string& function, int64_t from, int64_t to, Worker& worker,
                         lvm_frame frame);
  int32_t walk_tiles(const std::string& function, int64_t from, int64_t to, Worker& worker, lvm_frame frame,
                     const AfterTile& after);
  const std::string& cheapest(const std::string& function) const;
  Failure write_medians(const std::vector<double>& from, std::vector<double>& to);
  lvm_frame frame_of(const std::vector<double>& parameters, Worker& worker) const;
  void reduce();
  int32_t recentre(const std::vector<double>& parameters);
  int32_t call(const std::string& function, lvm_frame& frame, Worker& worker) const;
  Failure describe(const std::string& function, int32_t code) const;

  const ir::Program& program_;
  const ir::Executable& functions_;
  const BoundData& data_;
  double scale_;
  Pool pool_;
  Medians medians_;
  std::optional<PatternedRows> patterned_;  // of a program with patterns of absent cells
  std::optional<ChainWalk> chain_;          // of a program with a chain
  std::optional<GaussianWalk> gaussian_;    // of a program with a Gaussian one
  std::vector<Tile> tiles_;
  Shards shards_;
  PackedColumns assignments_;   // start values, then assignments
  std::vector<double> states_;  // of the table's rows: of the first start latent
  std::vector<const double*>
      columns_;  // of the whole table, in the order of Program::data; null where a host has the cells
  struct Hosted {
    size_t column;
    const HostCells* cells;
  };
  std::vector<Hosted> hosted_;  // these
  Buffer derived_;
  Buffer shard_statistics_;         // [shard][slot][lane]
  Buffer statistics_;               // [slot]
  std::vector<int64_t> summed_;     // elements of statistics that functions over rows write
  std::vector<Stretch> stretches_;  // their lanes
  std::vector<double> kept_statistics_;
  std::vector<Worker> workers_;
};

}  // namespace lvm::runtime
