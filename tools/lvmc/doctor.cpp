// doctor: does everything that a fit needs work on this machine? Each line is something that was tried.

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "commands.h"
#include "exit_codes.h"
#include "results.h"

namespace lvmc {
namespace {

namespace fs = std::filesystem;

struct Finding {
  bool good = true;
  std::string what, found;
};

constexpr const char* two_means = R"(model doctor {
  axis K = 2
  data y: real
  param weight: simplex[K]
  param mean: real[K]
  param var: positive
  latent z: category[K]
  P(z) = Categorical(weight)
  P(y | z) = Normal(mean[z], var: var)
  q(z | y) = exact
}
)";

lvm::Fit fit_of(lvm::Backend backend, int threads) {
  const double y[] = {-1.1, -0.9, -1.0, -1.2, 1.1, 0.9, 1.0, 0.7};
  const lvm::Data data = lvm::make_data({{"y", y, 1}}, std::size(y));
  return lvm::fit(lvm::bind(lvm::compile(two_means), data),
                  {.iterations = 50, .threads = threads, .backend = backend});
}

Finding machine_code() {
  const lvm::Fit compiled = fit_of(lvm::Backend::compiled, 1),
                 interpreted = fit_of(lvm::Backend::interpreter, 1);
  if (!compiled.ok() || !interpreted.ok())
    return {false, "machine code",
            compiled.ok() ? interpreted.report().render() : compiled.report().render()};
  const double apart = std::abs(compiled.objective - interpreted.objective);
  return {apart < 1e-9, "machine code",
          fmt::format("a fit by it and by the interpreter are {:.1e} nats apart", apart)};
}

Finding threads() {
  const int count = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const bool same =
      fit_of(lvm::Backend::compiled, count).objective == fit_of(lvm::Backend::compiled, 1).objective;
  return {same, "threads", fmt::format("{} of them give {} bits as one", count, same ? "the same" : "other")};
}

/// Empty, or why no folder with a file in it can be made in `at`: root may write anywhere, and still not in
/// /proc.
std::string writing_fault(const fs::path& at) {
  std::string name = (at / ".lvm-doctor-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return std::strerror(errno);
  const fs::path file = fs::path(name) / "tried";
  std::ofstream out(file);
  out << std::string(4096, '\n') << std::flush;
  const std::string fault = out.good() ? "" : std::strerror(errno);
  out.close();
  std::error_code ignored;
  fs::remove(file, ignored);
  fs::remove(name, ignored);
  return fault;
}

Finding run_folder() {
  const char* chosen = std::getenv("LVM_RUNS");
  const fs::path folder = chosen != nullptr ? fs::path(chosen) : fs::path("lvm_runs");
  fs::path at = folder;
  std::error_code ignored;
  while (!at.empty() && !fs::exists(at, ignored))
    at = at.has_parent_path() ? at.parent_path() : fs::path(".");
  const std::string fault = writing_fault(at.empty() ? "." : at);
  const fs::space_info space = fs::space(at.empty() ? "." : at, ignored);
  return {fault.empty(), "folder of runs",
          fmt::format(
              "`{}`, {}, {:.1f} GB free", folder.string(),
              fault.empty() ? "can be written" : "cannot be written (" + fault + "): LVM_RUNS names another",
              static_cast<double>(space.available) / 1e9)};
}

}  // namespace

int doctor(const Arguments& arguments) {
  const std::vector<Finding> findings = {
      {true, "version", lvm::version()}, machine_code(), threads(), run_folder()};
  bool good = true;
  std::string text;
  for (const Finding& finding : findings) {
    good = good && finding.good;
    text += fmt::format("{}  {:<15} {}\n", finding.good ? "ok  " : "FAIL", finding.what, finding.found);
  }
  const int printed = arguments.quiet && good ? static_cast<int>(success) : print(text);
  return good ? printed : static_cast<int>(internal);
}

}  // namespace lvmc
