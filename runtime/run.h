#pragma once
// One run of a fit: from its start to convergence, a limit, or a failed check.

#include <chrono>
#include <vector>

#include "runtime/convergence.h"
#include "runtime/fit.h"
#include "runtime/leap.h"
#include "runtime/walker.h"

namespace lvm::runtime {

struct RunResult {
  RunOutcome outcome;
  std::vector<double> parameters;  // those of outcome.objective; empty for a failed run
  std::vector<TraceEntry> trace;
  double remaining = std::numeric_limits<double>::quiet_NaN();
  std::optional<double> log_prior;
  bool interrupted = false;  // by the caller or the time limit: no further run begins
};

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

class Run {
 public:
  Run(const ir::Program& program, const BoundData& data, const FitOptions& options, Walker& walker,
      const Clock& clock, int64_t restart)
      : program_(program),
        data_(data),
        options_(options),
        walker_(walker),
        clock_(clock),
        restart_(restart) {}

  RunResult go();

 private:
  Failure start();
  Failure move_to_assignment();
  Failure climb();
  Failure evaluate(double& objective);
  std::string culprit();
  Failure not_held_back(const Failure& refused);
  Failure move(double& objective, double least);
  Failure try_middle(double& objective, double least, bool& risen);
  void check_drop(double objective, const Rounding& rounding) const;
  Rounding rounding_of(double objective) const;
  void leap(Leap& leap, double& objective, Convergence& convergence);
  bool stopped(Stop& why);

  const ir::Program& program_;
  const BoundData& data_;
  const FitOptions& options_;
  Walker& walker_;
  const Clock& clock_;
  int64_t restart_;
  std::vector<double> parameters_;
  std::vector<double> before_;  // of the iteration before, for the dump
  bool guarded_ = false;        // the program has Newton steps
  double part_ = 1;             // of a Newton step, that is tried first
  bool stuck_ = false;          // not even the smallest part of the last Newton step was taken
  bool unprepared_ = false;     // the last evaluation failed by a check
  Failure refused_;             // why a check refused a longer Newton step
  int refusals_ = 0;            // in as many iterations in a row
  RunResult result_;
};

}  // namespace lvm::runtime
