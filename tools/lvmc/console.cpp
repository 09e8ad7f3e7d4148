#include "console.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

namespace lvmc {
namespace {

constexpr double terminal_interval = 0.1, pipe_interval = 5;

volatile std::sig_atomic_t asked_to_stop = 0;
extern "C" void note_signal(int signal) {
  asked_to_stop = signal;
}

}  // namespace

bool write_out(std::string_view text) {
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return written || errno == EPIPE;
}

void write_error(std::string_view text) {
  // There is nowhere left to say that this failed.
  (void)!std::fwrite(text.data(), 1, text.size(), stderr);
}

bool use_color(std::string_view choice) {
  if (choice != "auto") return choice == "always";
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  if (term != nullptr && std::string_view(term) == "dumb") return false;
  return isatty(STDERR_FILENO) != 0;
}

void catch_signals() {
  struct sigaction action = {};
  action.sa_handler = note_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void ignore_broken_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
}

int stop_signal() {
  return asked_to_stop;
}

ProgressLine::ProgressLine(bool quiet)
    : quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      next_(terminal_ ? terminal_interval : pipe_interval) {}

void ProgressLine::show(const lvm::Progress& progress, std::string_view objective_name, int64_t rows) {
  if (quiet_ || progress.seconds < next_) return;
  next_ = progress.seconds + (terminal_ ? terminal_interval : pipe_interval);
  std::string text =
      progress.restarts > 1 ? fmt::format("run {} of {}, ", progress.restart, progress.restarts) : "";
  text += fmt::format("iteration {}, {} {:.3f}, change {:.2g}", progress.iteration, objective_name,
                      progress.objective, progress.change);
  if (progress.restart == 1 && progress.iteration > 0) {
    const double rate =
        static_cast<double>(rows) * static_cast<double>(progress.iteration) / progress.seconds;
    text += fmt::format(", {:.3g} rows/s", rate);
  }
  write_error(terminal_ ? "\r\033[K" + text : text + "\n");
  shown_ = true;
}

void ProgressLine::clear() {
  if (terminal_ && shown_) write_error("\r\033[K");
  shown_ = false;
}

}  // namespace lvmc
