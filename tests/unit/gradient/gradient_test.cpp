// The derivative of the bound against central differences of the bound itself, both by the interpreter, and
// the draws held fixed.

#include <cmath>

#include "certify/derivatives.h"
#include "tests/unit/gradient/models.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
TEST_CASE("the derivative of the bound is that of central differences") {
  for (const test::GradientModel& model : test::gradient_models()) {
    const test::Lowered made = test::lower(model.text, test::made_table(23, model.columns, model.flags));
    INFO(model.name);
    const ir::Program program = driver::plain_gradient(made.lowered);
    const ir::Executable functions = interpreter::interpret(program);
    const bool weighted = model.text.find("beta") != std::string::npos;
    certificate::Derivatives derivatives(program, functions, *made.lowered.data, 23, weighted ? 0.7 : 1);
    certificate::Derivatives::Coordinates at(static_cast<size_t>(program.parameter_doubles()));
    const runtime::Random random(5, runtime::Site::user, 1);
    for (size_t i = 0; i < at.size(); ++i) at[i] = 0.4 * random.normal(static_cast<int64_t>(i));
    const auto gradient = derivatives.gradient(at);
    int64_t checked = 0;
    for (const ir::ParameterSlot& slot : program.parameters) {
      if (slot.follows) continue;
      for (int64_t i = slot.offset; i < slot.offset + slot.size; ++i) {
        const auto place = static_cast<size_t>(i);
        constexpr double h = 1e-5;
        auto above = at, below = at;
        above[place] += h;
        below[place] -= h;
        const double difference = (derivatives.climbed(above) - derivatives.climbed(below)) / (2 * h);
        INFO(slot.name << " " << i - slot.offset);
        CHECK(std::abs(gradient[place] - difference) < 1e-6 * (1 + std::abs(difference)));
        ++checked;
      }
    }
    CHECK(checked > 5);
  }
}

TEST_CASE("certificates of derivatives hold, and fail where one is wrong") {
  for (const test::GradientModel& model : test::gradient_models()) {
    INFO(model.name);
    const test::Lowered made = test::lower(model.text, test::made_table(23, model.columns, model.flags));
    const ir::Program program = driver::plain_gradient(made.lowered);
    ir::Executable functions = interpreter::interpret(program);
    const double weight = model.text.find("beta") == std::string::npos ? 1 : 0.7;
    const certificate::Subject subject{*made.lowered.model, *made.lowered.plan, program, functions,
                                       *made.lowered.data};
    const certificate::Result right = certificate::certify_derivatives(subject, {}, weight);
    CHECK(right.failure.empty());
    CHECK(right.certificates.size() ==
          static_cast<size_t>(std::ranges::count_if(
              program.parameters, [](const ir::ParameterSlot& p) { return !p.fixed && !p.follows; })));
    for (const certificate::Certificate& c : right.certificates) {
      INFO(c.block << " " << c.found);
      CHECK(c.verdict == certificate::Verdict::certified);
    }
    // A hundredth too much along the first parameter.
    const ir::ParameterSlot& wrong = program.parameters.front();
    functions["optimise"] = [&, optimise = functions.at("optimise")](lvm_frame* frame) {
      const int32_t code = optimise(frame);
      const auto* before = static_cast<const double*>(frame->parameters);
      auto* after = static_cast<double*>(frame->output);
      for (int64_t i = wrong.offset; i < wrong.offset + wrong.size; ++i)
        after[i] += 0.01 * (after[i] - before[i]);
      return code;
    };
    const certificate::Result refused = certificate::certify_derivatives(subject, {}, weight);
    for (const certificate::Certificate& c : refused.certificates)
      CHECK((c.verdict == certificate::Verdict::failed) == (c.block == wrong.name));
  }
}

}  // namespace lvm
