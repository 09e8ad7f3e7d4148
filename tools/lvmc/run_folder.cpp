#include "run_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>

#include <fmt/format.h>

namespace lvmc {
namespace {

namespace fs = std::filesystem;

std::string system_fault(const std::string& what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

fs::path parent_of(const std::string& folder) {
  const fs::path path = fs::path(folder).lexically_normal();
  const fs::path clean = path.has_filename() ? path : path.parent_path();
  return clean.has_parent_path() ? clean.parent_path() : fs::path(".");
}

/// Only what was a run may be replaced by one.
bool is_run_folder(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "config.json", ignored) && fs::exists(folder / "parameters.json", ignored);
}

/// A folder beside the one that is meant, removed again unless it is moved there.
class Staging {
 public:
  explicit Staging(const std::string& beside) : path_((parent_of(beside) / ".lvm-run-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~Staging() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  bool made() const { return !path_.empty(); }
  const std::string& path() const { return path_; }

  /// True when it stands at `to`. Where that is a run that may be replaced, the two change places in one
  /// step, and the old one goes.
  bool move_to(const std::string& to, bool replace) {
    (void)chmod(path_.c_str(), 0755);
    if (std::rename(path_.c_str(), to.c_str()) == 0) {
      path_.clear();
      return true;
    }
    const bool occupied = errno == ENOTEMPTY || errno == EEXIST;
    return occupied && replace && is_run_folder(to) &&
           renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0;
  }

 private:
  std::string path_;
};

/// A file of the folder; `fault` holds the first thing that went wrong.
class Writer {
 public:
  Writer(const std::string& path, std::string& fault)
      : path_(path), fault_(fault), file_(std::fopen(path.c_str(), "wb")) {
    if (file_ == nullptr) note();
  }
  ~Writer() {
    if (file_ == nullptr) return;
    // What a full disk or a network file system has kept to itself so far, it says now.
    if (std::fflush(file_) != 0 || fsync(fileno(file_)) != 0) note();
    if (std::fclose(file_) != 0) note();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(std::string_view text) {
    if (file_ != nullptr && fault_.empty() && std::fwrite(text.data(), 1, text.size(), file_) != text.size())
      note();
  }

 private:
  void note() {
    if (fault_.empty())
      fault_ = system_fault(fmt::format("cannot write `{}`", fs::path(path_).filename().string()));
  }

  std::string path_;
  std::string& fault_;
  std::FILE* file_;
};

/// Cells of what is not kept are empty.
void write_epochs(Writer& to, const lvm::Fit& fit) {
  const auto cell = [](const std::vector<double>& values, size_t i) {
    return i < values.size() ? fmt::format("{}", values[i]) : std::string();
  };
  to.write("epoch,seconds,objective,reconstruction,divergence,held_out\n");
  for (size_t i = 0; i < fit.trace.size(); ++i) {
    to.write(fmt::format("{},{:.6f},{},{},{},{}\n", i + 1, fit.trace_seconds[i], fit.trace[i],
                         cell(fit.trace_reconstruction, i), cell(fit.trace_divergence, i),
                         cell(fit.trace_held_out, i)));
  }
}

void write_trace(Writer& to, const lvm::Fit& fit) {
  if (fit.method == "gradient") return write_epochs(to, fit);
  to.write("iteration,seconds,objective\n");
  for (size_t i = 0; i < fit.trace.size(); ++i) {
    to.write(fmt::format("{},{:.6f},{}\n", i, i < fit.trace_seconds.size() ? fit.trace_seconds[i] : 0,
                         fit.trace[i]));
  }
}

/// A cell of a CSV file.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string made = "\"";
  for (const char c : text) made += c == '"' ? "\"\"" : std::string(1, c);
  return made + "\"";
}

/// Columns of a posterior: the number of columns, and what a row writes into them.
struct PosteriorColumns {
  std::string names;
  std::function<std::string(size_t row)> line;
};

PosteriorColumns of_finite(const std::string& prefix, std::vector<double> all, size_t rows) {
  const size_t states = all.size() / rows;
  std::string names = "," + prefix + "state";
  for (size_t k = 1; k <= states; ++k) names += fmt::format(",{}p{}", prefix, k);
  return {names, [all = std::move(all), states](size_t row) {
            const double* r = all.data() + row * states;
            std::string line = fmt::format(",{}", std::max_element(r, r + states) - r + 1);
            for (size_t k = 0; k < states; ++k) line += fmt::format(",{}", r[k]);
            return line;
          }};
}

PosteriorColumns of_continuous(const std::string& name, lvm::LatentMoments moments, size_t rows) {
  const size_t elements = moments.mean.size() / rows;
  std::string names;
  for (const char* what : {"", "_sd"})
    for (size_t e = 1; e <= elements; ++e)
      names += elements == 1 ? fmt::format(",{}{}", name, what) : fmt::format(",{}{}{}", name, e, what);
  return {names, [moments = std::move(moments), elements](size_t row) {
            std::string line;
            for (const auto* values : {&moments.mean, &moments.sd})
              for (size_t e = 0; e < elements; ++e) line += fmt::format(",{}", (*values)[row * elements + e]);
            return line;
          }};
}

/// Of each finite latent the most probable state of each row, from 1, and the probability of each; of
/// continuous ones means and standard deviations. The columns of several latents begin with their names.
void write_posterior(Writer& to, const lvm::Fit& fit) {
  std::vector<PosteriorColumns> all;
  const auto latents = std::ranges::count_if(fit.plan, &lvm::PlanBlock::latent);
  const auto rows = static_cast<size_t>(fit.rows);
  std::string header = fit.plate.empty() ? "row" : fit.plate;
  for (const lvm::PlanBlock& block : fit.plan) {
    if (!block.latent) continue;
    lvm::LatentMoments moments = fit.moments(block.name);
    all.push_back(moments.mean.empty()
                      ? of_finite(latents > 1 ? block.name + "_" : "", fit.responsibilities(block.name), rows)
                      : of_continuous(block.name, std::move(moments), rows));
    header += all.back().names;
  }
  to.write(header + "\n");
  for (size_t row = 0; row < rows; ++row) {
    std::string line = fit.plate.empty() ? std::to_string(row + 1) : quoted(fit.group_names[row]);
    for (const PosteriorColumns& columns : all) line += columns.line(row);
    to.write(line + "\n");
  }
}

lvm::RunInputs inputs_of(const Arguments& arguments) {
  return {arguments.model, arguments.data, arguments.compile.settings, arguments.bind.columns, arguments.read,
          arguments.fit,   arguments.init};
}

}  // namespace

std::string run_folder_fault(const Arguments& arguments) {
  const std::string& out = arguments.out;
  std::error_code error;
  const fs::file_status status = fs::status(out, error);
  if (fs::exists(status)) {
    if (!fs::is_directory(status)) return fmt::format("`{}` is a file, and `--out` names a folder", out);
    const bool empty = fs::is_empty(out, error);
    if (!empty && !arguments.overwrite)
      return fmt::format("`{}` is there already: `--overwrite` replaces it", out);
    if (!empty && !is_run_folder(out))
      return fmt::format("`{}` holds something that is no run, and stays", out);
  }
  const std::string parent = parent_of(out).string();
  fs::create_directories(parent, error);
  if (error) return fmt::format("cannot make the folder `{}`: {}", parent, error.message());
  if (access(parent.c_str(), W_OK | X_OK) != 0)
    return system_fault(fmt::format("cannot write into `{}`", parent));
  return "";
}

namespace {

/// Empty, or what went wrong.
std::string write_files(const std::string& folder, const Arguments& arguments, const lvm::Fit& fit,
                        const std::string& summary, const std::string& result) {
  std::string fault;
  const auto write = [&](const char* name, auto&& content) {
    Writer to(folder + "/" + name, fault);
    content(to);
  };
  write("config.json", [&](Writer& to) { to.write(lvm::config_to_json(fit, inputs_of(arguments)) + "\n"); });
  write("model.lvm", [&](Writer& to) { to.write(fit.model_text()); });
  write("parameters.json", [&](Writer& to) { to.write(lvm::parameters_to_json(fit) + "\n"); });
  if (fault.empty()) {
    const lvm::Report kept = lvm::save(fit, folder + "/fit.lvmfit");
    if (kept.has_errors()) fault = kept.messages().front().text;
  }
  write("result.json", [&](Writer& to) { to.write(result + "\n"); });
  write("summary.txt", [&](Writer& to) { to.write(summary); });
  write("trace.csv", [&](Writer& to) { write_trace(to, fit); });
  if (arguments.posterior) write("posterior.csv", [&](Writer& to) { write_posterior(to, fit); });
  return fault;
}

/// One more than the greatest number that stands in the folder.
int64_t next_number(const std::string& runs) {
  int64_t greatest = 0;
  std::error_code error;
  for (fs::directory_iterator at(runs, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    int64_t number = 0;
    const auto [last, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (fault == std::errc() && last == name.data() + name.size()) greatest = std::max(greatest, number);
  }
  return greatest + 1;
}

/// Empty where it stands nowhere. Runs that end side by side each take a number that is free.
std::string move_to_next(Staging& folder, const std::string& runs) {
  constexpr int most_attempts = 1000;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    const std::string target = fmt::format("{}/{}", runs, next_number(runs));
    if (folder.move_to(target, false)) return target;
    if (errno != ENOTEMPTY && errno != EEXIST) break;
  }
  return "";
}

std::string default_runs(const lvm::Fit& fit) {
  const char* chosen = std::getenv("LVM_RUNS");
  return fmt::format("{}/{}", chosen != nullptr && *chosen != '\0' ? chosen : "lvm_runs", fit.model_name);
}

}  // namespace

Saved write_run_folder(const Arguments& arguments, const lvm::Fit& fit, const std::string& summary,
                       const std::string& result) {
  const bool numbered = arguments.out.empty();
  const std::string runs = numbered ? default_runs(fit) : "";
  if (numbered) {
    std::error_code error;
    fs::create_directories(runs, error);
    if (error) return {"", fmt::format("cannot make the folder `{}`: {}", runs, error.message())};
  }
  Staging folder(numbered ? runs + "/next" : arguments.out);
  if (!folder.made())
    return {"", system_fault(numbered ? fmt::format("cannot write into `{}`", runs)
                                      : fmt::format("cannot make a folder beside `{}`", arguments.out))};
  if (std::string fault = write_files(folder.path(), arguments, fit, summary, result); !fault.empty())
    return {"", std::move(fault)};
  errno = 0;
  if (numbered) {
    std::string target = move_to_next(folder, runs);
    if (target.empty()) return {"", system_fault(fmt::format("cannot move the run into `{}`", runs))};
    return {std::move(target), ""};
  }
  std::string target = fs::path(arguments.out).lexically_normal().string();
  if (target.ends_with('/')) target.pop_back();
  if (!folder.move_to(target, arguments.overwrite))
    return {"", system_fault(fmt::format("cannot move the run to `{}`", arguments.out))};
  return {std::move(target), ""};
}

}  // namespace lvmc
