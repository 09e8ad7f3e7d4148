// Random models over all structures: each is compiled or refused with a reason, its certificates hold, its
// fit climbs, and compiled code is the interpreter.

#include <cstdlib>
#include <map>

#include "api/state.h"
#include "structures.h"
#include "support.h"

namespace lvm::certified {
namespace {

struct Counts {
  int models = 0, certified = 0, open = 0, fitted = 0;
  std::map<std::string, int> refused;  // by code
};

/// The code of the first error; none of them is that of an internal error.
std::string refusal(const Report& report) {
  for (const Message& message : report.messages()) {
    if (!message.error) continue;
    CHECK_FALSE(message.code.empty());
    CHECK_FALSE(message.text.empty());
    return message.code;
  }
  FAIL("refused without a reason");
  return "";
}

/// None fails. Whether all parts were looked at: the end of a fit is none where a fit of random rows
/// collapses, or creeps.
bool check_certificates(const Certification& found) {
  INFO(found.report.render());
  if (found.certificates.empty()) {  // a component is empty in each start of these rows
    CHECK(refusal(found.report) == "E0802");
    return false;
  }
  CHECK(found.ok());
  bool whole = true;
  for (const Certificate& c : found.certificates) {
    INFO(c.name << ", " << c.solver << ": " << c.claim << "; " << c.place);
    CHECK(c.verdict != "failed");
    CHECK(c.found <= c.allowed);
    whole = whole && c.verdict == "certified";
  }
  return whole;
}

void check_same(const Fit& a, const Fit& b) {
  CHECK(a.objective == Approx(b.objective).epsilon(1e-8).margin(1e-8));
  REQUIRE(a.parameters.size() == b.parameters.size());
  for (size_t p = 0; p < a.parameters.size(); ++p) {
    INFO(a.parameters[p].name);
    for (size_t i = 0; i < a.parameters[p].values.size(); ++i)
      CHECK(a.parameters[p].values[i] == Approx(b.parameters[p].values[i]).epsilon(1e-7).margin(1e-7));
  }
}

void check_fits(const BoundModel& bound, Counts& counts) {
  FitOptions options{.iterations = 4, .tolerance = 0.0, .threads = 1};
  const Fit compiled = fit(bound, options);
  INFO(compiled.report().render());
  options.backend = Backend::interpreter;
  const Fit interpreted = fit(bound, options);
  REQUIRE(interpreted.ok() == compiled.ok());
  if (!compiled.ok()) return void(refusal(compiled.report()));
  ++counts.fitted;
  check_same(compiled, interpreted);
  for (size_t i = 1; i < compiled.trace.size(); ++i)
    CHECK(compiled.trace[i] >= compiled.trace[i - 1] - 1e-9 * (1 + std::abs(compiled.trace[i])));
}

void check_model(const Structure& structure, uint64_t seed, Counts& counts) {
  Draw draw(seed);
  const std::string text = structure.text(draw);
  INFO(structure.name << ", " << seed << "\n" << text);
  ++counts.models;
  const Model model = compile(text);
  INFO(model.report().render());
  if (!model.ok()) {
    CHECK_FALSE(structure.compiles);
    return void(++counts.refused[refusal(model.report())]);
  }
  std::string fault;
  const BoundModel bound = bind_random(model, seed, fault);
  INFO(bound.report().render() << fault);
  if (!bound.ok()) {
    CHECK_FALSE(structure.compiles);
    return void(++counts.refused[refusal(bound.report())]);
  }
  ++(check_certificates(certify(bound, {.seed = seed})) ? counts.certified : counts.open);
  check_fits(bound, counts);
}

}  // namespace

TEST_CASE(
    "random models over all structures are refused with a reason, or certified, climb, and are the same "
    "interpreted") {
  const bool all = std::getenv("LVM_LONG") != nullptr;
  const uint64_t of_each = all ? 182 : 9;
  for (const Structure& structure : structures()) {
    DYNAMIC_SECTION(structure.name) {
      Counts counts;
      for (uint64_t seed = 0; seed < of_each; ++seed) check_model(structure, seed, counts);
      std::string refused;
      for (const auto& [code, count] : counts.refused) refused += ", " + std::to_string(count) + " " + code;
      if (all)
        WARN(structure.name << ": " << counts.models << " models, " << counts.certified << " certified, "
                            << counts.open << " but for the end of a fit, " << counts.fitted << " fitted"
                            << refused);
    }
  }
}

}  // namespace lvm::certified
