// tests/golden/tensor/*.ltensor, text in and text out. The first line names the passes as lvm-opt takes them:
// `; lvm-opt --simplify`.

#include <sstream>

#include "ir/passes/pipeline.h"
#include "tests/support/golden.h"
#include "tests/unit/tensor/support.h"

using namespace lvm;
using namespace lvm::ir;

namespace {

std::string optimised(const std::string& text) {
  std::istringstream first(text.substr(0, text.find('\n')));
  std::string semicolon, tool, option;
  first >> semicolon >> tool;
  REQUIRE(tool == "lvm-opt");
  std::vector<PassRequest> requests;
  while (first >> option) requests.push_back(parse_pass(option));
  try {
    return print(run_passes(parse_module(text), requests));
  } catch (const std::exception& error) {
    return std::string(error.what()) + "\n";
  }
}

}  // namespace

TEST_CASE("passes give the text beside their input") {
  for (const auto& path : golden::files(golden::folder("tensor"), ".ltensor")) {
    auto expected = path;
    golden::check(expected.replace_extension(".expected"), optimised(golden::read(path)));
  }
}

TEST_CASE("each pass has a golden file") {
  std::string all;
  for (const auto& path : golden::files(golden::folder("tensor"), ".ltensor")) all += golden::read(path);
  for (const Pass& pass : passes()) {
    INFO(pass.name);
    CHECK(all.find("--" + std::string(pass.name)) != std::string::npos);
  }
}

TEST_CASE("options that are no pass are refused") {
  CHECK_THROWS_WITH(parse_pass("--simplfy"), "there is no pass `--simplfy`");
  CHECK_THROWS_WITH(parse_pass("--simplify=2"), "`--simplify` takes no value");
  CHECK_THROWS_WITH(parse_pass("--simplify="), "`--simplify` takes no value");
  CHECK_THROWS_WITH(parse_pass("--differentiate"), "write `--differentiate=FUNC`");
  CHECK(parse_pass("--differentiate=a=b").argument == "a=b");
}

TEST_CASE("the pipeline shows each result and verifies between passes") {
  std::vector<std::string> seen;
  const Module module =
      test::one_function("%0 : real = parameter \"a\"\n%1 : real = square %0\nresult \"f\" %1");
  run_passes(module, {parse_pass("--differentiate=f"), parse_pass("--simplify")},
             [&](const Pass& pass, const Module&) { seen.emplace_back(pass.name); });
  CHECK(seen == std::vector<std::string>{"differentiate", "simplify"});
  Module broken = module;
  broken.functions[0].nodes[1].inputs[0] = 5;
  CHECK_THROWS_WITH(run_passes(broken, {}),
                    Catch::Contains("not well formed before the first pass") &&
                        Catch::Contains("%1 `square`: an input is not defined before it"));
}
