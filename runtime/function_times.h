#pragma once
// Where the time of a walk goes: seconds by function of the Program.

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace lvm::runtime {

/// Seconds are added over threads. Of functions over rows a call is a tile, and `rows` counts the rows of all
/// calls.
struct FunctionTime {
  int64_t calls = 0, rows = 0;
  double seconds = 0;
};

using FunctionTimes = std::map<std::string, FunctionTime, std::less<>>;

inline void add(FunctionTimes& to, const FunctionTimes& more) {
  for (const auto& [name, time] : more) {
    FunctionTime& sum = to[name];
    sum.calls += time.calls;
    sum.rows += time.rows;
    sum.seconds += time.seconds;
  }
}

/// Adds its lifetime to the function's time.
class FunctionTimer {
 public:
  FunctionTimer(FunctionTimes& times, std::string_view name) : time_(found(times, name)) {}
  ~FunctionTimer() {
    time_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  FunctionTimer(const FunctionTimer&) = delete;
  FunctionTimer& operator=(const FunctionTimer&) = delete;

  void count(int64_t calls, int64_t rows = 0) {
    time_.calls += calls;
    time_.rows += rows;
  }

 private:
  static FunctionTime& found(FunctionTimes& times, std::string_view name) {
    const auto known = times.find(name);
    return known != times.end() ? known->second : times[std::string(name)];
  }

  FunctionTime& time_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace lvm::runtime
