#pragma once
// Models of the gradient route over small tables, lowered and run inside a test.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "api/driver.h"
#include "backends/interpreter/interpret.h"
#include "runtime/linalg.h"
#include "runtime/random.h"
#include "runtime/staged.h"
#include "runtime/train.h"

namespace lvm::test {

/// Rows of `columns` standard normal numbers that depend on each other, called y1, y2, …; the last column is
/// 0 or 1 with `flags`.
inline runtime::Table made_table(int64_t rows, int64_t columns, bool flags = false) {
  const runtime::Random random(7, runtime::Site::user, 0);
  std::vector<std::vector<double>> cells(static_cast<size_t>(columns));
  for (int64_t r = 0; r < rows; ++r) {
    const double shared = random.normal(r, 0), other = random.normal(r, 1);
    for (int64_t c = 0; c < columns; ++c) {
      const double own = random.normal(r, static_cast<uint32_t>(c + 2));
      const double value = 0.5 * static_cast<double>(c) + shared * (c % 2 == 0 ? 1.5 : -1) +
                           0.7 * other * static_cast<double>(c) + 0.4 * own;
      cells[static_cast<size_t>(c)].push_back(flags ? (value > 0.3 ? 1 : 0) : value);
    }
  }
  std::vector<runtime::HostColumn> list;
  for (int64_t c = 0; c < columns; ++c)
    list.push_back({"y" + std::to_string(c + 1), cells[static_cast<size_t>(c)].data(), 1});
  return runtime::make_table(list, rows);
}

struct Lowered {
  driver::Compiled compiled;
  driver::Lowered lowered;
  const ir::Program& program() const { return *lowered.program; }
};

inline Lowered lower(const std::string& text, const runtime::Table& table, const Settings& settings = {}) {
  Lowered made{driver::compile("test.lvm", text, settings), {}};
  made.lowered = driver::lower(made.compiled, table, {});
  INFO(render_all(made.lowered.diagnostics, made.compiled.source.get()));
  REQUIRE(made.lowered.program.has_value());
  return made;
}

/// The Program and its callables.
struct Runnable {
  ir::Program program;
  ir::Executable functions;
};
inline Runnable interpreted(const Lowered& from) {
  Runnable made{from.program(), {}};
  made.program.single = false;
  return made;
}
inline Runnable compiled(const Lowered& from, int threads) {
  driver::Scheduled scheduled = driver::schedule(from.program());
  jit::Jit jit(runtime::runtime_symbols());
  Runnable made{std::move(scheduled.program), jit.compile(scheduled.unit)};
  made.functions = runtime::with_stages(made.program, std::move(made.functions), scheduled.unit.staged,
                                        std::make_shared<runtime::Pool>(threads));
  return made;
}

inline runtime::Fitted train(const Lowered& from, const Runnable& code, runtime::FitOptions fit = {}) {
  Diagnostics diagnostics;
  const ir::Executable functions =
      code.functions.empty() ? interpreter::interpret(code.program) : code.functions;
  runtime::Fitted fitted =
      runtime::train(code.program, functions, *from.lowered.data,
                     {ir::gradient_settings(from.lowered.model->fit), std::move(fit)}, diagnostics);
  INFO(render_all(diagnostics, nullptr));
  CHECK(fitted.ok);
  return fitted;
}

}  // namespace lvm::test
