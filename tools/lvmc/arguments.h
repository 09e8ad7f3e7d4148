#pragma once
// The command line as data.

#include <optional>
#include <string>
#include <vector>

#include "api/pictures.h"
#include "completion.h"

namespace lvmc {

struct Arguments {
  std::string command;  // "run", "check", "explain", "fmt"
  std::string format;   // of answers: "csv", "npy", "json"; empty: by the ending of `out`
  std::string
      model;  // or the code of a diagnostic, for `explain`; of questions about a fit its file or folder
  std::vector<std::string> data;  // files of one table
  lvm::CompileOptions compile;
  lvm::ReadOptions read;
  lvm::BindOptions bind;
  lvm::FitOptions fit;
  std::vector<lvm::SweepAxis> sweep;  // of `--set K=1..9`
  lvm::Criterion select = lvm::Criterion::bic;
  std::string init, save;  // files of parameters
  std::string out;         // the folder of the run; empty: the next one of lvm_runs/<model>
  bool accelerate = false;
  bool no_folder = false;
  bool overwrite = false, posterior = false, latex = false;
  std::optional<lvm::Stage> emit;
  std::string color = "auto";
  bool json = false, quiet = false, verbose = false, strict = false;
  bool certify = false;         // `check --certify`
  bool check_layout = false;    // `fmt --check`
  int64_t importance = 0;       // draws a row of `score --importance`
  int64_t rows = 100;           // of `sample`
  bool mean = false;            // `sample --mean`
  lvm::PictureOptions picture;  // of `draw`
};

/// Arguments, or what to print and the exit code to leave with.
struct Parsed {
  std::optional<Arguments> arguments;
  int exit_code = 0;
  std::string out, error;
};
Parsed parse_arguments(int count, const char* const* values);

/// The commands with their options.
std::vector<CommandOutline> command_outlines();

}  // namespace lvmc
