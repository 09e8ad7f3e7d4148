// What `lvmc explain` prints of the gradient route: the bound, the draws, the plan, one step, the work a row.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "backends/em/slots.h"
#include "backends/gradient/lower.h"
#include "ir/families/family.h"
#include "ir/passes/estimators.h"
#include "ir/tensor/convolution.h"

namespace lvm::gradient {

using ir::AxisId;
using ir::Variable;

namespace {

struct OptimiserText {
  std::string_view name;
  std::vector<std::string_view> equations;
};

const OptimiserText& text_of(const ir::Optimiser& optimiser) {
  static const std::array<OptimiserText, 6> texts = {{
      {"sgd", {"w ← w + rate g"}},
      {"momentum", {"v ← momentum v + g", "w ← w + rate v"}},
      {"adagrad", {"s ← s + g²", "w ← w + rate g / (√s + epsilon)"}},
      {"rmsprop", {"s ← decay s + (1 - decay) g²", "w ← w + rate g / (√s + epsilon)"}},
      {"adam",
       {"m ← beta1 m + (1 - beta1) g", "s ← beta2 s + (1 - beta2) g²",
        "w ← w + rate (m / (1 - beta1^t)) / (√(s / (1 - beta2^t)) + epsilon)"}},
      {"adamw",
       {"m ← beta1 m + (1 - beta1) g", "s ← beta2 s + (1 - beta2) g²",
        "w ← w + rate (m / (1 - beta1^t)) / (√(s / (1 - beta2^t)) + epsilon) - rate weight_decay w"}},
  }};
  const auto found = std::ranges::find(texts, optimiser.row->name, &OptimiserText::name);
  if (found == texts.end()) throw ir::InternalError("an optimiser without equations");
  return *found;
}

struct Explanation {
  const ir::Model& model;
  const ir::Plan& plan;
  const ir::GradientSettings settings = ir::draw_settings(model);
  const std::vector<ir::Estimated> latents = ir::estimators(model);

  const Variable& variable(int index) const { return model.variables[static_cast<size_t>(index)]; }
  std::string names(const std::vector<int>& indices) const {
    std::vector<std::string> list;
    for (const int index : indices) list.push_back(variable(index).name);
    return fmt::format("{}", fmt::join(list, ", "));
  }
  std::string conditional(const std::string& left, const std::vector<ir::VariableUse>& parents) const {
    std::vector<std::string> list;
    for (const ir::VariableUse& parent : parents) list.push_back(variable(parent.variable).name);
    return list.empty() ? left : fmt::format("{} | {}", left, fmt::join(list, ", "));
  }
  std::string weight() const { return model.row_weight() ? model.row_weight()->name + " " : ""; }
  bool given() const { return ir::has_given_posterior(model); }
  bool drawn() const {
    return std::ranges::any_of(latents, [](const ir::Estimated& e) {
      return e.how == ir::Estimator::pathwise || e.how == ir::Estimator::score;
    });
  }

  std::string bound() const {
    std::string data, prior, q;
    std::vector<int> hidden;
    for (const ir::Factor& factor : model.factors) {
      const int index = factor.variable.variable;
      const bool latent = given() ? ir::is_hidden(model, index) : variable(index).role == ir::Role::latent;
      std::string& to = latent ? prior : data;
      to += fmt::format("{}ln P({})", to.empty() ? "" : " + ",
                        conditional(variable(index).name, factor.parents));
      if (latent) hidden.push_back(index);
    }
    const std::string w = weight(), z = names(hidden);
    if (hidden.empty()) return fmt::format("  L = Σ_row {}[ {} ]\n", w, data);
    if (!given())
      return fmt::format("  L = Σ_row {0}ln Σ_{1} exp [ {2} + {3} ]        where {1} is enumerated\n", w, z,
                         data, prior);
    if (settings.importance)
      return fmt::format("  L = Σ_row {}E ln 1/{} Σ_j exp [ {} + {} - ln q({}) ],   j = 1, …, {}\n", w,
                         settings.samples, data, prior, z, settings.samples);
    const std::string beta = settings.beta == 1 ? "" : fmt::format("{} ", settings.beta);
    std::string text =
        fmt::format("  L = Σ_row {}{{ E_q({}) [ {} + {} ] + H[q({})] }}\n", w, z, data, prior, z);
    text += fmt::format("    = Σ_row {}{{ E_q({}) [ {} ] - {}KL }}        where E is {}\n", w, z, data, beta,
                        averaged());
    if (settings.kl_warmup > 0)
      text += fmt::format("    the KL counts from 0, rising to {} over {} epochs\n", settings.beta,
                          settings.kl_warmup);
    return text;
  }

  std::string averaged() const {
    const bool summed = std::ranges::any_of(latents, [](const ir::Estimated& e) { return e.states >= 0; });
    return !drawn() ? "the sum over all values"
           : summed ? "estimated by draws, and summed over finite values"
                    : "estimated by draws";
  }

  std::string draws() const {
    if (!given()) return "";
    std::string text;
    bool scores = false;
    for (const ir::Estimated& e : latents) {
      const std::string& z = variable(e.variable).name;
      if (e.how == ir::Estimator::summed)
        text += fmt::format("  {}: E and H as ln Σ_{} exp of all that depends on it\n", z, z);
      if (e.how == ir::Estimator::enumerated) text += fmt::format("  {}: E = Σ_{} q({}) …\n", z, z, z);
      if (e.states >= 0) continue;
      const ir::Family* family = ir::find_family(model.function()[e.q->log_density].attributes.text);
      if (!family || !family->draw) throw ir::InternalError("a posterior without draws");
      text += fmt::format("  {} = {},   {}\n", z, family->draw->equation,
                          family->draw->noise == ir::Noise::normal ? "ε normal with mean 0 and variance 1"
                                                                   : "ε uniform in 0 … 1");
      scores = scores || e.how == ir::Estimator::score;
    }
    if (scores)
      text += fmt::format(
          "  ∇ L has (f - baseline) ∇ ln q of the draws that move in steps, f the bound of a draw{}\n",
          baseline());
    return text;
  }

  std::string baseline() const {
    if (settings.samples < 2) return ", the baseline 0";
    return settings.importance ? ", the baseline that of the other draws of its row"
                               : ", the baseline the mean of the other draws of its row";
  }

  std::string step() const {
    std::string text = fmt::format(
        "  g = ∇ L / rows of the batch{}\n",
        std::ranges::any_of(model.variables, [](const Variable& v) { return v.prior != ir::no_node; })
            ? " + ∇ ln P(parameters) / rows"
            : "");
    const ir::Optimiser& optimiser = settings.optimiser;
    if (optimiser["clip"] > 0) text += fmt::format("  g ← g min(1, {} / ‖g‖)\n", optimiser["clip"]);
    if (optimiser["weight_decay"] > 0 && optimiser.row->name != "adamw") text += "  g ← g - weight_decay w\n";
    if (optimiser["bias_rate"] != 1)
      text += fmt::format("  of the biases of layers, rate ← {} rate\n", optimiser["bias_rate"]);
    for (const std::string_view equation : text_of(optimiser).equations)
      text += fmt::format("  {}\n", equation);
    for (const Variable& v : model.variables) {
      if (v.follows != ir::no_node)
        text +=
            fmt::format("  {0} ← {1} {0} + {2:.6g} that of the batch\n", v.name, v.momentum, 1 - v.momentum);
    }
    return text;
  }

  std::string how() const {
    const ir::Optimiser& optimiser = settings.optimiser;
    std::string options;
    for (size_t i = 0; i < optimiser.row->options.size(); ++i) {
      if (optimiser.row->options[i].name == "bias_rate" && optimiser.values[i] == 1)
        continue;  // all weights move alike
      options += fmt::format("{}{} {}", options.empty() ? "" : ", ", optimiser.row->options[i].name,
                             optimiser.values[i]);
    }
    static constexpr std::string_view schedules[] = {"", "; the rate falls to 0 along half a cosine",
                                                     "; the rate falls to 0 in a line"};
    const std::string draws =
        drawn() ? fmt::format(", {} draw{} of each row", settings.samples, settings.samples == 1 ? "" : "s")
                : "";
    return fmt::format("  {}: {}{}\n  batches of {} rows, {} epochs{}, {}\n", optimiser.row->name, options,
                       schedules[static_cast<size_t>(optimiser.schedule)], settings.batch, settings.epochs,
                       draws,
                       settings.narrow   ? "single precision, products of a step in bfloat16"
                       : settings.single ? "single precision"
                                         : "double precision");
  }

  std::string free_parameters() const {
    int64_t total = 0;
    for (const Variable& v : model.variables) {
      if (v.role != ir::Role::parameter || v.fixed) continue;
      for (const AxisId axis : v.type.axes) {
        if (model.module.axis(axis).size == ir::unknown_size) return "  known when data are bound\n";
      }
      total += em::free_dimensions(model, v);
    }
    return fmt::format("  {}\n", total);
  }
};

/// Multiplications and additions of products and convolutions in one function over rows.
double operations(const ir::Module& module, const ir::Function& function) {
  double total = 0;
  for (const ir::Node& n : function.nodes) {
    const ir::ShapeRule shape = ir::row(n.op).shape;
    if (shape != ir::ShapeRule::contract && shape != ir::ShapeRule::conv) continue;
    std::vector<AxisId> axes;
    const auto add = [&](const std::vector<AxisId>& more) {
      for (const AxisId axis : more) {
        if (axis != ir::row_axis && std::ranges::count(axes, axis) == 0) axes.push_back(axis);
      }
    };
    if (shape == ir::ShapeRule::contract) {
      for (const ir::NodeId input : n.inputs) add(function[input].type.axes);
    } else {
      // The filters at every step; draws beside them.
      const ir::Convolution c = ir::convolution_of(n.attributes);
      const ir::ImageAxes& image = n.op == ir::Op::conv2d_transpose ? c.out : c.in;
      for (const ir::NodeId input : n.inputs) add(function[input].type.axes);
      add(n.type.axes);
      add({c.kernel_rows, c.kernel_columns});
      std::erase_if(axes, [&](AxisId axis) { return axis == image.rows || axis == image.columns; });
    }
    double product = 2;
    for (const AxisId axis : axes) product *= static_cast<double>(module.axis(axis).size);
    total += product;
  }
  return total;
}

}  // namespace

std::string explain(const ir::Model& model, const ir::Plan& plan, const ir::Program* program) {
  const Explanation e{model, plan};
  std::string text = "bound\n" + e.bound() + "\nplan: " + ir::print(plan) + "\nupdates\n" + e.draws() +
                     e.step() + "\nsettings\n" + e.how();
  if (program)
    text += fmt::format(
        "\ncost a row\n  {:.4g} floating-point operations in the products of a step, {:.4g} in those of the "
        "bound alone\n",
        operations(program->module, *program->module.find("step")),
        operations(program->module, *program->module.find("bound")));
  return text + "\nfree parameters\n" + e.free_parameters();
}

}  // namespace lvm::gradient
