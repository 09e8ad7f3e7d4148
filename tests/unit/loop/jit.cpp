#include <catch2/catch.hpp>

#include <fstream>
#include <string>

#include "ir/loop/builder.h"
#include "tests/unit/loop/gmm_program.h"
#include "tests/unit/loop/run_program.h"

using namespace lvm;
using namespace lvm::test;

namespace {

int writable_and_executable_pages() {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) count += line.substr(line.find(' ') + 1, 3) == "rwx";
  return count;
}

loop::Function calls(std::string_view symbol) {
  loop::Builder b("caller");
  b.call(symbol, loop::Type::none, {b.address({loop::Buffer::output, loop::no_value, 0})});
  b.leave(b.index(0));
  return b.take();
}

loop::Function named(const std::string& name, double value) {
  loop::Builder b(name);
  b.store({loop::Buffer::output, loop::no_value, 0}, b.real(value));
  b.leave(b.index(7));
  return b.take();
}

}  // namespace

TEST_CASE("no page is both writable and executable") {
  REQUIRE(writable_and_executable_pages() == 0);
  ir::Program program = gmm_program(3, 2);
  jit::Jit jit(linalg_symbols());
  auto executable = jit.compile(loop::schedule(program, jit::host_target()));
  Buffers buffers(program);
  for (int64_t i = 0; i < buffers.parameters.size(); ++i) buffers.parameters[i] = 1;
  // Not positive definite: the check of the first component fails.
  CHECK(buffers.run_prepare(executable, "prepare") == 1);
  CHECK(buffers.run_rows(executable, "posterior", 8) == 0);
  CHECK(writable_and_executable_pages() == 0);
}

TEST_CASE("symbols of the process are out of reach") {
  jit::Jit jit(linalg_symbols());
  CHECK_THROWS_AS(jit.compile({{calls("system")}}), ir::InternalError);
  CHECK_NOTHROW(jit.compile({{named("fine", 1)}}));
}

TEST_CASE("names of the user never become symbols") {
  jit::Jit jit({});
  for (std::string name :
       {"system", "main", "exp", "llvm.trap", "lvm_function_0", "\"; } $(rm)", "\xd8\xa7"}) {
    auto executable = jit.compile({{named(name, 2.5)}});
    Block out(8);
    lvm_frame frame{nullptr, nullptr, nullptr, nullptr, out.data(), nullptr, 0, 0, 0, 0};
    CHECK(executable.at(name)(&frame) == 7);
    CHECK(out[0] == 2.5);
  }
  CHECK(jit.llvm_text({{named("a_name_of_the_user", 1)}}).find("a_name_of_the_user") == std::string::npos);
}

TEST_CASE("compiled functions outlive the translator") {
  ir::Executable executable;
  {
    jit::Jit jit({});
    executable = jit.compile({{named("kept", 4.0)}});
  }
  Block out(8);
  lvm_frame frame{nullptr, nullptr, nullptr, nullptr, out.data(), nullptr, 0, 0, 0, 0};
  CHECK(executable.at("kept")(&frame) == 7);
  CHECK(out[0] == 4.0);
}
