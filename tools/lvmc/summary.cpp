#include "summary.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "grid.h"

namespace lvmc {
namespace {

constexpr size_t most_names = 12, most_failures = 10;

std::string words(std::string text) {
  std::ranges::replace(text, '_', ' ');
  return text;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string name_list(const std::vector<std::string>& names, bool full) {
  if (full || names.size() <= most_names) return fmt::format("{}", fmt::join(names, ", "));
  const std::vector<std::string> first(names.begin(), names.begin() + 4);
  return fmt::format("{}, … {} ({} columns)", fmt::join(first, ", "), names.back(), names.size());
}

bool failed(const lvm::Run& run) {
  return run.stop == "failed";
}

std::string why_stopped(const lvm::Fit& fit) {
  if (fit.converged) return "converged";
  if (fit.stop == "iterations") return "not converged: the most iterations were reached";
  if (fit.stop == "epochs") return "all that were asked for";
  if (fit.stop == "patience")
    return "no better bound of the rows held out since the best one, whose parameters are kept";
  if (fit.stop == "stopped") return "not converged: interrupted";
  return "not converged: " + words(fit.stop);
}

std::string run_lines(const lvm::Fit& fit, bool verbose) {
  if (fit.runs.size() <= 1 && !verbose) return "";
  const auto failures = static_cast<size_t>(std::ranges::count_if(fit.runs, failed));
  std::string text =
      fmt::format("runs             {}: the best is run {}", fit.runs.size(), fit.runs[fit.best].number);
  text += failures > 0 ? fmt::format("; {} collapsed or failed\n", failures) : "\n";
  size_t shown = 0;
  for (const lvm::Run& run : fit.runs) {
    if (!verbose && (!failed(run) || shown == most_failures)) continue;
    ++shown;
    const std::string how =
        failed(run) ? run.message : fmt::format("{:.3f}, {}", run.objective, words(run.stop));
    text += fmt::format("  run {:<4} after {} iterations: {}\n", run.number, run.iterations, how);
  }
  if (!verbose && failures > shown) text += fmt::format("  … {} more (-v for all)\n", failures - shown);
  return text;
}

/// Of a network: no name of a user has a dot. What stands before it in a parameter of a posterior is a latent
/// that the plan names.
bool is_weight(const lvm::Fit& fit, const lvm::Parameter& parameter) {
  const size_t dot = parameter.name.find('.');
  const std::string owner = parameter.name.substr(0, dot);
  return dot != std::string::npos &&
         std::ranges::none_of(fit.plan, [&](const lvm::PlanBlock& block) { return block.name == owner; });
}

/// "encode           330440 weights", a line a network.
std::string network_lines(const lvm::Fit& fit) {
  std::vector<std::pair<std::string, size_t>> networks;
  for (const lvm::Parameter& parameter : fit.parameters) {
    if (!is_weight(fit, parameter)) continue;
    const std::string name = parameter.name.substr(0, parameter.name.find('.'));
    if (networks.empty() || networks.back().first != name) networks.emplace_back(name, 0);
    networks.back().second += parameter.values.size();
  }
  std::string text;
  for (const auto& [name, weights] : networks) text += fmt::format("{:<16} {} weights\n", name, weights);
  return text.empty() ? text : text + "\n";
}

std::string objective_lines(const lvm::Fit& fit) {
  std::string text =
      fmt::format("{:<16} {:.3f}  ({:.4f} a row)\n", words(fit.objective_name), fit.objective, fit.per_row());
  if (fit.log_prior) text += fmt::format("log prior        {:.3f}\n", *fit.log_prior);
  std::string names, values;
  for (const auto& [name, value] :
       {std::pair("AIC", fit.aic), std::pair("BIC", fit.bic), std::pair("ICL", fit.icl)}) {
    if (!std::isfinite(value)) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    values += fmt::format("{}{:.3f}", values.empty() ? "" : ", ", value);
  }
  const bool trained = fit.method == "gradient";
  if (fit.held_out)
    text += fmt::format("held out         {:.3f}  ({:.4f} a row of {})\n", *fit.held_out,
                        *fit.held_out / static_cast<double>(fit.held_out_rows), fit.held_out_rows);
  text += names.empty()
              ? fmt::format("free parameters  {}\n", fit.free_parameters)
              : fmt::format("{:<16} {}  ({} free parameters)\n", names, values, fit.free_parameters);
  text += fmt::format("{:<16} {}, {}\n", trained ? "epochs" : "iterations", fit.iterations, why_stopped(fit));
  const lvm::Run& best = fit.runs[fit.best];
  if (best.leaps_tried > 0)
    text += fmt::format("acceleration     {} of {} leaps gained and were taken\n", best.leaps_taken,
                        best.leaps_tried);
  return text;
}

/// The weights of a network that are solved alike, as one block of its name.
std::vector<lvm::PlanBlock> by_network(const std::vector<lvm::PlanBlock>& plan) {
  std::vector<lvm::PlanBlock> to;
  int64_t weights = 0;
  const auto network = [](const lvm::PlanBlock& block) { return block.name.substr(0, block.name.find('.')); };
  for (size_t i = 0; i < plan.size(); ++i) {
    lvm::PlanBlock block = plan[i];
    const bool weight = !block.latent && block.name.find('.') != std::string::npos;
    if (weight) {
      ++weights;
      const bool more = i + 1 < plan.size() && network(plan[i + 1]) == network(block) &&
                        plan[i + 1].solver == block.solver && plan[i + 1].reason == block.reason;
      if (more) continue;
      block.name = network(block);
      // Running statistics come last: they join the line of their network.
      const auto own = std::ranges::find(to, block.name, &lvm::PlanBlock::name);
      if (own != to.end()) {
        own->reason +=
            fmt::format("; {} running statistic{} {}", weights, weights == 1 ? "" : "s", block.reason);
        weights = 0;
        continue;
      }
      block.reason += fmt::format(", {} blocks of weights", weights);
      weights = 0;
    }
    to.push_back(std::move(block));
  }
  return to;
}

}  // namespace

std::string plan_lines(const std::vector<lvm::PlanBlock>& every) {
  const std::vector<lvm::PlanBlock> plan = by_network(every);
  size_t name = 0, solver = 0, kind = 0;
  for (const lvm::PlanBlock& block : plan) {
    name = std::max(name, block.name.size());
    solver = std::max(solver, block.solver.size());
    kind = std::max(kind, block.kind.size());
  }
  std::string text;
  for (const lvm::PlanBlock& block : plan) {
    text += fmt::format("  {:<{}}  {:<{}}  {:<{}}  {}\n", block.name, name, words(block.solver), solver,
                        block.kind, kind, block.reason);
  }
  return text;
}

std::string certificate_lines(const std::vector<lvm::Certificate>& certificates) {
  size_t name = 0, solver = 0;
  for (const lvm::Certificate& c : certificates) {
    name = std::max(name, c.name.size());
    solver = std::max(solver, c.solver.size());
  }
  std::string text;
  for (const lvm::Certificate& c : certificates) {
    text +=
        fmt::format("  {:<{}}  {:<{}}  {:<9}  {}", c.name, name, words(c.solver), solver, c.verdict, c.claim);
    if (c.checked > 0) {
      text += fmt::format(": {:.1e}{} (allowed {:.1e}; {} of {} {})", c.found,
                          c.latent || c.solver == "gradient" ? "" : " nats", c.allowed, c.checked, c.all,
                          c.latent ? "rows" : "coordinates");
    }
    text += "\n";
  }
  return text;
}

std::string binding_lines(const std::vector<lvm::BoundVariable>& variables, bool full) {
  std::string text;
  for (const lvm::BoundVariable& variable : variables) {
    text += fmt::format("  {} ← {}", variable.name, name_list(variable.columns, full));
    if (variable.absent > 0) text += fmt::format(", {} of {} cells absent", variable.absent, variable.cells);
    text += "\n";
  }
  return text;
}

std::string summary(const lvm::Fit& fit, const std::string& table, bool verbose) {
  const bool groups = !fit.plate.empty(),
             weighted = !groups && fit.total_weight != static_cast<double>(fit.rows);
  std::string text = fmt::format("{}: {} on {} rows of {}", fit.model_name, upper(fit.method),
                                 groups ? static_cast<int64_t>(fit.total_weight) : fit.rows, table);
  if (weighted) text += fmt::format(", of total weight {:.12g}", fit.total_weight);
  if (groups) text += fmt::format(", in {} groups by `{}`", fit.rows, fit.plate);
  text += "\n";
  text += binding_lines(fit.variables, verbose);
  text += "plan\n" + plan_lines(fit.plan);
  text += "\n" + objective_lines(fit) + run_lines(fit, verbose);
  text += fmt::format("seed             {}\n\n", fit.seed);
  if (!verbose) text += network_lines(fit);
  for (const lvm::Parameter& parameter : fit.parameters) {
    if (is_weight(fit, parameter) && !verbose) continue;
    text += parameter_table(parameter, verbose);
    if (!parameter.standard_errors.empty()) text += error_table(parameter, verbose);
    text += "\n";
  }
  text += fmt::format("time: {:.3f} s to fit, {:.3f} s to compile, {:.3f} s to read\n", fit.fit_seconds,
                      fit.compile_seconds, fit.read_seconds);
  return text;
}

}  // namespace lvmc
