// The M-step's certificate, independent of its derivation: at the update the gradient of Q on the tangent of
// the constraints is zero.
//
// Q(t) = sum over rows and k of r_k ln P(y, k | t), with r from the old parameters. The posterior function at
// t gives ln P(y, k | t) = ln P(y | t) + ln q(k | y, t), so Q needs no code of its own.

#include "support.h"

namespace lvm::test {
namespace {

struct Model {
  std::string name;
  std::string body;           // declarations and P; K = 3, D = columns, V = 4
  std::vector<char> columns;  // r: real, b: bool, c: category of V
  bool latent = true;
};

const std::vector<Model> models = {
    {"bernoulli", "data y: bool[D]\n param p: unit[K, D]\n P(y | z) = Bernoulli(p[z])", {'b', 'b'}},
    {"bernoulli, one p for all columns",
     "data y: bool[D]\n param p: unit[K]\n P(y | z) = Bernoulli(p[z])",
     {'b', 'b'}},
    {"bernoulli, tied",
     "data y: bool[D]\n data x: real\n param p: unit[D]\n param m: real[K]\n P(y) = Bernoulli(p)\n P(x | z) "
     "= Normal(m[z], sd: 1)",
     {'b', 'b', 'r'}},
    {"categorical",
     "data y: category[D, V]\n param p: simplex[K, D, V]\n P(y | z) = Categorical(p[z])",
     {'c', 'c'}},
    {"categorical, one p for all columns",
     "data y: category[D, V]\n param p: simplex[K, V]\n P(y | z) = Categorical(p[z])",
     {'c', 'c'}},
    {"two kinds of columns",
     "data y: real[D]\n data c: category[V]\n param m: real[K, D]\n param s: covariance[K, D]\n param p: "
     "simplex[K, V]\n"
     " P(y | z) = Normal(m[z], cov: s[z])\n P(c | z) = Categorical(p[z])",
     {'r', 'r', 'c'}},
    {"mean held",
     "data y: real[D]\n param m: real[K, D] = [[0, 0], [1, 1], [2, 3]] fixed\n param s: positive[K]\n P(y | "
     "z) = Normal(m[z], sd: s[z])",
     {'r', 'r'}},
    {"mean held, covariance tied",
     "data y: real[D]\n param m: real[K, D] = [[0, 0], [1, 1], [2, 3]] fixed\n param s: covariance[D]\n P(y "
     "| z) = Normal(m[z], cov: s)",
     {'r', 'r'}},
    {"spread held",
     "data y: real[D]\n param m: real[K, D]\n param s: positive[D] = [1, 2] fixed\n P(y | z) = Normal(m[z], "
     "sd: s)",
     {'r', 'r'}},
    {"spread held, mean tied",
     "data y: real[D]\n param m: real[D]\n param s: positive[K] = [1, 2, 3] fixed\n P(y | z) = Normal(m, sd: "
     "s[z])",
     {'r', 'r'}},
    {"one mean and sd for all columns",
     "data y: real[D]\n param m: real[K]\n param s: positive[K]\n P(y | z) = Normal(m[z], sd: s[z])",
     {'r', 'r'}},
    {"mean tied, spread not",
     "data y: real[D]\n param m: real[D]\n param s: positive[K, D]\n P(y | z) = Normal(m, var: s[z])",
     {'r', 'r'}},
    {"mean over columns, spread not",
     "data y: real[D]\n param m: real[K]\n param s: positive[D]\n P(y | z) = Normal(m[z], precision: s)",
     {'r', 'r'}},
    {"known scale of columns",
     "const c: positive[D] = [1, 4]\n data y: real[D]\n param m: real[K, D]\n param s: positive[K]\n P(y | "
     "z) = Normal(m[z], sd: c * s[z])",
     {'r', 'r'}},
    {"weight held",
     "data y: real[D]\n param m: real[K, D]\n param s: covariance[D]\n P(y | z) = Normal(m[z], cov: s)",
     {'r', 'r'}},
    {"no latent: normal",
     "data y: real[D]\n param m: real[D]\n param s: covariance[D]\n P(y) = Normal(m, cov: s)",
     {'r', 'r'},
     false},
    {"no latent: sd",
     "data y: real[D]\n param m: real\n param s: positive\n P(y) = Normal(m, sd: s)",
     {'r', 'r'},
     false},
    {"no latent: bernoulli and categorical",
     "data y: bool[D]\n data c: category[V]\n param p: unit[D]\n param w: simplex[V]\n P(y) = Bernoulli(p)\n "
     "P(c) = Categorical(w)",
     {'b', 'b', 'c'},
     false},
};

std::string text_of(const Model& model) {
  std::string text = "model m { ";
  if (model.latent) text += "axis K = 3\n ";
  if (model.body.find('D') != std::string::npos) text += "axis D = 2\n ";
  if (model.body.find("V]") != std::string::npos) text += "axis V = 4\n ";
  text += model.body + "\n ";
  if (model.latent) {
    text += std::string("param weight: simplex[K]") +
            (model.name == "weight held" ? " = [0.5, 0.3, 0.2] fixed" : "") +
            "\n latent z: category[K]\n P(z) = Categorical(weight)\n q(z | ";
    std::string observed;
    for (const char name : {'y', 'c', 'x'}) {
      const std::string declaration = std::string("data ") + name + ":";
      if (model.body.find(declaration) == std::string::npos) continue;
      observed += (observed.empty() ? "" : ", ") + std::string(1, name);
    }
    text += observed + ") = exact";
  }
  return text + " }";
}

std::vector<double> column_of(char kind, size_t rows, std::mt19937_64& random) {
  std::vector<double> column;
  std::normal_distribution<double> normal;
  for (size_t i = 0; i < rows; ++i) {
    const auto cluster = static_cast<double>(i % 3);
    switch (kind) {
      case 'r': column.push_back(2 * cluster + (0.5 + 0.3 * cluster) * normal(random)); break;
      case 'b':
        column.push_back(std::uniform_real_distribution<double>()(random) < 0.2 + 0.3 * cluster);
        break;
      default: column.push_back(static_cast<double>((random() % 5 + i % 3) % 4)); break;
    }
  }
  return column;
}

struct Posterior {
  std::vector<double> responsibilities, log_likelihood;
};

Posterior posterior_of(Walker& walk, const Model& model) {
  REQUIRE(walk.prepare() == 0);
  Posterior p;
  p.log_likelihood = walk.posterior("log_likelihood");
  if (model.latent) p.responsibilities = walk.posterior("responsibilities");
  return p;
}

/// Q at the walker's parameters, with the responsibilities of `old`.
double expected(Walker& walk, const Model& model, const Posterior& old) {
  const Posterior now = posterior_of(walk, model);
  const size_t n = walk.rows_count();
  double sum = 0;
  if (!model.latent) {
    for (const double ll : now.log_likelihood) sum += ll;
    return sum;
  }
  for (size_t k = 0; k < 3; ++k) {
    for (size_t i = 0; i < n; ++i) {
      const double r = old.responsibilities[k * n + i];
      if (r > 0) sum += r * (now.log_likelihood[i] + std::log(now.responsibilities[k * n + i]));
    }
  }
  return sum;
}

/// Directions that stay in the parameter's set.
std::vector<std::vector<double>> tangents(const ir::Program& program, const ir::ParameterSlot& slot) {
  std::vector<std::vector<double>> directions;
  const auto size = static_cast<size_t>(slot.size);
  const auto last = static_cast<size_t>(program.module.axis(slot.axes.empty() ? 0 : slot.axes.back()).size);
  for (size_t i = 0; i < size; ++i) {
    std::vector<double> direction(size, 0.0);
    direction[i] = 1;
    if (slot.domain == ir::Domain::simplex) {
      const size_t next = i % last + 1 < last ? i + 1 : i + 1 - last;
      direction[next] -= 1;
    }
    if (slot.domain == ir::Domain::covariance) {
      const size_t matrix = i / (last * last), row = i / last % last, column = i % last;
      direction[matrix * last * last + column * last + row] = 1;
    }
    directions.push_back(std::move(direction));
  }
  return directions;
}

double slope(Walker& walk, const Model& model, const Posterior& old, const ir::ParameterSlot& slot,
             const std::vector<double>& direction) {
  const std::vector<double> at = walk.parameter(slot.name);
  const double h = 1e-4;
  const auto value = [&](double step) {
    std::vector<double> moved = at;
    for (size_t i = 0; i < moved.size(); ++i) moved[i] += step * direction[i];
    walk.set(slot.name, moved);
    return expected(walk, model, old);
  };
  // Richardson: the error falls with h^4.
  const double coarse = (value(2 * h) - value(-2 * h)) / (4 * h), fine = (value(h) - value(-h)) / (2 * h);
  walk.set(slot.name, at);
  return (4 * fine - coarse) / 3;
}

}  // namespace

TEST_CASE("Q is stationary at every update", "[em]") {
  const Model& model = GENERATE(from_range(models));
  CAPTURE(model.name, text_of(model));
  const Compiled c = compiled(text_of(model), {});
  std::mt19937_64 random(5);
  std::vector<std::vector<double>> columns;
  const size_t rows = 120;
  for (const char kind : model.columns) columns.push_back(column_of(kind, rows, random));
  if (model.latent) {
    columns.emplace_back();
    for (size_t i = 0; i < rows; ++i) columns.back().push_back(static_cast<double>((i + i / 5) % 3));
  }
  Walker walk(c.program, columns);
  for (const ir::ParameterSlot& slot : c.program.parameters) {
    if (!slot.start.empty()) {
      walk.set(slot.name, slot.start);
    } else if (slot.domain == ir::Domain::positive) {
      walk.set(slot.name, std::vector<double>(static_cast<size_t>(slot.size), 1.0));
    }
  }
  walk.start();
  REQUIRE(walk.update() == 0);
  double before = -INFINITY;
  for (int iteration = 0; iteration < 4; ++iteration) {
    const Posterior old = posterior_of(walk, model);
    std::map<std::string, std::vector<double>> spreads;
    for (const ir::Block& block : c.plan.blocks) {
      if (block.solver == ir::Solver::scatter) spreads[block.name] = walk.parameter(block.name);
    }
    const double objective = walk.rows();
    CHECK(objective >= before - 1e-9);
    before = objective;
    REQUIRE(walk.update() == 0);
    for (const ir::ParameterSlot& slot : c.program.parameters) {
      const ir::Block& block = *c.plan.find(slot.name);
      if (slot.fixed) continue;
      CAPTURE(slot.name, iteration);
      std::map<std::string, std::vector<double>> now;
      // A conditional block is the best one given the old spread.
      if (block.block_class == ir::BlockClass::conditional) {
        for (const auto& [name, old_value] : spreads) {
          now[name] = walk.parameter(name);
          walk.set(name, old_value);
        }
      }
      for (const auto& direction : tangents(c.program, slot)) {
        CHECK(std::fabs(slope(walk, model, old, slot, direction)) < 2e-5);
      }
      for (const auto& [name, value] : now) walk.set(name, value);
    }
  }
}

TEST_CASE("the canonical bound has no expectation and no latent left", "[em]") {
  const Model& model = GENERATE(from_range(models));
  CAPTURE(model.name);
  const Compiled c = compiled(text_of(model), {});
  const std::string text = ir::print(c.canonical);
  CHECK(text.find("expect") == std::string::npos);
  CHECK(text.find("latent") == std::string::npos);
  CHECK((text.find("result \"q(z)\"") != std::string::npos) == model.latent);
  CHECK(ir::print(ir::parse_module(text)) == text);
}

}  // namespace lvm::test
