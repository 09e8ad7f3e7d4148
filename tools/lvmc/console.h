#pragma once
// The terminal: where text goes, colour, the progress line, and Ctrl-C.

#include <string>
#include <string_view>

#include "api/lvm.h"

namespace lvmc {

/// All of `text` to the standard output. A reader that has gone away (`| head`) is not an error; a full disk
/// is.
bool write_out(std::string_view text);
void write_error(std::string_view text);

/// `choice` is auto, always or never; auto asks the terminal, NO_COLOR and TERM.
bool use_color(std::string_view choice);

/// From now on writing to a reader that has gone away fails, and `write_out` sees it, rather than ending the
/// program.
void ignore_broken_pipes();

/// From now on Ctrl-C and SIGTERM only ask to stop; a second one ends the program at once.
void catch_signals();
/// The signal that asked to stop; 0: none.
int stop_signal();

/// One line that is written over at most 10 times a second on a terminal; a line every few seconds elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  void show(const lvm::Progress& progress, std::string_view objective_name, int64_t rows);
  /// Takes the line off the terminal.
  void clear();

 private:
  bool quiet_, terminal_;
  bool shown_ = false;
  double next_;
};

}  // namespace lvmc
