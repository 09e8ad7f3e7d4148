// Every likelihood, layer and draw, compiled: the gradient of a step in double and in single precision
// against central differences of the interpreter's bound in double.

#include <fmt/format.h>

#include <cmath>
#include <regex>
#include <set>

#include "certify/derivatives.h"
#include "ir/families/family.h"
#include "tests/unit/gradient/models.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

using certificate::DerivativesOf;

constexpr int64_t rows = 19;  // no whole number of lanes

enum class Cells : uint8_t { real, positive, unit, flag, count, category, simplex, six };

struct Likelihood {
  Cells cells;
  std::string type, density;
  std::string more = "";
  bool double_alone = false;  // its linear algebra is computed in double
};

/// `a` is real, `b` positive and `u` in (0, 1), each with an element a column; `s` is a parameter that rows
/// share.
const std::vector<Likelihood> likelihoods = {
    {Cells::real, "real[D]", "Normal(a, sd: b)"},
    {Cells::real, "real[D]", "Normal(a, var: s)"},
    {Cells::real, "real[D]", "Normal(a, precision: b)"},
    {Cells::real, "real[D]", "Normal(a, cov: S)", "param S: covariance[D]", true},
    {Cells::real, "real[D]", "Normal(a, precision_matrix: S)", "param S: covariance[D]", true},
    {Cells::real, "real[D]", "Normal(a, cov: sum(b) * S)", "param S: covariance[D]", true},
    {Cells::real, "real[D]", "Normal(a, precision_matrix: sum(b) * S)", "param S: covariance[D]", true},
    {Cells::real, "real[D]", "Normal(a, cholesky: f)"},
    {Cells::real, "real[D]", "Normal(a, factor: W, sd: b)", "axis R = 2 param W: real[D, R]"},
    {Cells::real, "real[D]", "StudentT(b + 1, location: a, scale: s)"},
    {Cells::real, "real[D]", "Laplace(a, scale: b)"},
    {Cells::real, "real[D]", "Logistic(a, scale: b)"},
    {Cells::real, "real[D]", "VonMises(a, concentration: b)"},
    {Cells::positive, "positive[D]", "LogNormal(a, log_sd: b)"},
    {Cells::positive, "positive[D]", "Exponential(b)"},
    {Cells::positive, "positive[D]", "Exponential(scale: b)"},
    {Cells::positive, "positive[D]", "Gamma(b, rate: s)"},
    {Cells::positive, "positive[D]", "Gamma(s, scale: b)"},
    {Cells::positive, "positive[D]", "Gamma(s, mean: b)"},
    {Cells::positive, "positive[D]", "InverseGamma(b, scale: s)"},
    {Cells::positive, "positive[D]", "Weibull(s, scale: b)"},
    {Cells::unit, "unit[D]", "Beta(b, b: s)"},
    {Cells::unit, "unit[D]", "ContinuousBernoulli(u)"},
    {Cells::unit, "unit[D]", "ContinuousBernoulli(logits: a)"},
    {Cells::flag, "bool[D]", "Bernoulli(u)"},
    {Cells::flag, "bool[D]", "Bernoulli(logits: a)"},
    {Cells::unit, "unit[D]", "Bernoulli(logits: a)"},  // grey values: the cross entropy
    {Cells::count, "count[D]", "Poisson(b)"},
    {Cells::count, "count[D]", "Poisson(log_rate: a)"},
    {Cells::count, "count[D]", "NegativeBinomial(b, shape: s)"},
    {Cells::count, "count[D]", "Geometric(u)"},
    {Cells::count, "count[D]", "Binomial(9, p: u)"},
    {Cells::count, "count[D]", "Binomial(9, logits: a)"},
    {Cells::count, "count[D]", "ZeroInflated(u, Poisson(b))"},
    {Cells::count, "count[D]", "ZeroInflated(u, Poisson(log_rate: a))"},
    {Cells::count, "count[D]", "ZeroInflated(u, NegativeBinomial(b, shape: s))"},
    {Cells::count, "count[D]", "ZeroInflated(u, Geometric(sigmoid(a)))"},
    {Cells::count, "count[D]", "ZeroInflated(u, Binomial(9, p: sigmoid(a)))"},
    {Cells::count, "count[D]", "ZeroInflated(u, Binomial(9, logits: a))"},
    {Cells::category, "category[D]", "Categorical(softmax(a))"},
    {Cells::category, "category[D]", "Categorical(logits: a)"},
    {Cells::six, "count[D]", "Multinomial(6, p: softmax(a))"},
    {Cells::simplex, "simplex[D]", "Dirichlet(b)"},
    {Cells::simplex, "simplex[D]", "GumbelSoftmax(a, temperature: t)", "param t: positive"},
};

/// What a network computes of z, an element a column, or of `y` where it is the encoder that has the layer.
struct Layer {
  int64_t columns;
  std::string body;
  bool encoder = false;
};

const std::vector<Layer> layers = {
    {4, "dense(relu(dense(z, 6)))"},
    {4, "dense(elu(dense(z, 6)))"},
    {4, "dense(leaky_relu(dense(z, 6)))"},
    {4, "dense(tanh(dense(z, 6)))"},
    {4, "dense(sigmoid(dense(z, 6)))"},
    {4, "dense(softplus(dense(z, 6)))"},
    {4, "dense(gelu(dense(z, 6)))"},
    {4, "dense(softmax(dense(z, 6)))"},
    {4, "dense(erf(dense(z, 6, bias: none)), bias: none)"},
    {4, "dense(z) + dense(tanh(dense(z, 6)))"},  // a skip connection
    {4, "dense(layer_norm(dense(z, 6)))"},
    {4, "dense(tanh(batch_norm(dense(z, 6, bias: none))))"},
    {4, "dense(dropout(tanh(dense(z, 6)), 0.4))"},
    {16, "conv2d(reshape(tanh(dense(z, 3 * 4 * 4)), [3, 4, 4]), 1, kernel: 3, padding: same)"},
    {16, "conv2d(reshape(tanh(dense(z, 3 * 6 * 6)), [3, 6, 6]), 1, kernel: 3, padding: valid)"},
    {16, "conv2d(reshape(tanh(dense(z, 2 * 7 * 7)), [2, 7, 7]), 1, kernel: 3, stride: 2, padding: same)"},
    {16,
     "conv2d(reshape(tanh(dense(z, 2 * 7 * 7)), [2, 7, 7]), 1, kernel: 4, stride: 2, padding: 1, bias: "
     "none)"},
    {16,
     "conv2d_transpose(reshape(tanh(dense(z, 3 * 2 * 2)), [3, 2, 2]), 1, kernel: 3, stride: 2, padding: "
     "same)"},
    {16, "conv2d_transpose(reshape(tanh(dense(z, 3 * 2 * 2)), [3, 2, 2]), 1, kernel: 3, padding: valid)"},
    {16, "conv2d_transpose(reshape(tanh(dense(z, 2 * 4 * 4)), [2, 4, 4]), 1, kernel: 3, padding: 1)"},
    {16,
     "conv2d_transpose(reshape(tanh(batch_norm(dense(z, 2 * 2 * 2, bias: none))), [2, 2, 2]), 1, kernel: 2, "
     "stride: 2, padding: valid)"},
    {5, "tanh(dense(y, 6))", true},
    {5, "embedding(c, 6)", true},
    {5, "gelu(layer_norm(dense(y, 6) + embedding(c, 6, init: normal(0.5))))", true},
    {16, "elu(batch_norm(flatten(conv2d(reshape(y, [1, 3, 5]), 2, kernel: 2, bias: none))))", true},
};

/// Those of the table, and each distribution that may be truncated, by either bound and by both.
std::vector<Likelihood> all_likelihoods() {
  std::vector<Likelihood> all = likelihoods;
  for (const char* inner : {"Normal(a, sd: b)", "Normal(a, var: b)", "Normal(a, precision: b)",
                            "Laplace(a, scale: b)", "LogNormal(a, log_sd: b)", "Exponential(b)",
                            "Exponential(scale: b)", "Weibull(s, scale: b)", "Geometric(u)"}) {
    const std::string text = inner;
    const bool counts = text.starts_with("Geometric"),
               real = text.starts_with("Normal") || text.starts_with("Laplace");
    for (const char* bounds : {"low: 0", "high: 30", "low: 0, high: 30"}) {
      all.push_back({counts ? Cells::count : Cells::positive,
                     counts ? "count[D]"
                     : real ? "real[D]"
                            : "positive[D]",
                     fmt::format("Truncated({}, {})", text, bounds)});
    }
  }
  return all;
}

double cell_of(Cells cells, double x) {
  switch (cells) {
    case Cells::real: return x;
    case Cells::positive: return std::exp(x / 2);
    case Cells::unit: return 1 / (1 + std::exp(-x));
    case Cells::flag: return x > 0.3 ? 1 : 0;
    case Cells::count: return std::clamp(std::floor(2 * std::abs(x)), 0.0, 9.0);
    case Cells::category: return x < -0.5 ? 0 : x < 0.5 ? 1 : 2;
    case Cells::simplex: return std::exp(x / 2);
    case Cells::six: return 0;
  }
  return x;
}

runtime::Table table_of(Cells cells) {
  const int64_t columns = cells == Cells::category ? 1 : 3;
  const runtime::Random random(11, runtime::Site::user, 0);
  std::vector<std::vector<double>> made(static_cast<size_t>(columns), std::vector<double>(rows));
  for (int64_t r = 0; r < rows; ++r) {
    double total = 0;
    for (int64_t c = 0; c < columns; ++c)
      total += made[static_cast<size_t>(c)][static_cast<size_t>(r)] =
          cell_of(cells, 1.3 * random.normal(r, static_cast<uint32_t>(c)));
    for (int64_t c = 0; cells == Cells::simplex && c < columns; ++c)
      made[static_cast<size_t>(c)][static_cast<size_t>(r)] /= total;
    for (int64_t i = 0; cells == Cells::six && i < 6; ++i)
      made[static_cast<size_t>((r * i + i + r) % columns)][static_cast<size_t>(r)] += 1;
  }
  std::vector<runtime::HostColumn> list;
  for (int64_t c = 0; c < columns; ++c)
    list.push_back({"y" + std::to_string(c + 1), made[static_cast<size_t>(c)].data(), 1});
  return runtime::make_table(list, rows);
}

std::string model_of(const Likelihood& likelihood) {
  return fmt::format(
      R"(model m {{
  axis D = 3
  axis L = 2
  data y: {}
  param s: positive
  param c: real[L]
  {}
  latent z: real[L]
  net decode(z: real[L]) -> (a: real[D], b: positive[D], u: unit[D], f: real[D, D]) {{
    h = tanh(dense(z, 5))
    a = dense(h)
    b = softplus(dense(h))
    u = sigmoid(dense(h))
    f = cholesky_factor(dense(h))
  }}
  P(z) = Normal(0, sd: 1)
  P(y | z) = {}
  q(z | y) = Normal(c, sd: s)
}})",
      likelihood.type, likelihood.more,
      std::regex_replace(likelihood.density, std::regex(R"(\b([abuf])\b(?!:))"), "decode(z).$1"));
}

std::string model_of(const Layer& layer) {
  if (layer.encoder) {
    return fmt::format(R"(model m {{
  axis D = {0}
  axis L = 2
  data y: real[D] = columns("y1".."y{0}")
  data c: category[2] = column("y{1}")
  param W: real[D, L]
  param w: real[L]
  latent z: real[L]
  net encode(y: real[D], c: category[2]) -> (mean: real[L], sd: positive[L]) {{
    h = {2}
    mean = dense(h)
    sd = exp(dense(h) / 2)
  }}
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(W * z, sd: 0.7)
  P(c | z) = Categorical(logits: [0, dot(w, z)])
  q(z | y, c) = Normal(encode(y, c).mean, sd: encode(y, c).sd)
}})",
                       layer.columns - 1, layer.columns, layer.body);
  }
  return fmt::format(R"(model m {{
  axis D = columns
  axis L = 2
  data y: bool[D]
  param c: real[L]
  latent z: real[L]
  net decode(z: real[L]) -> real[D] {{ return {} }}
  P(z) = Normal(0, sd: 1)
  P(y | z) = Bernoulli(logits: decode(z))
  q(z | y) = Normal(c, sd: 0.6)
}})",
                     layer.columns == 16 ? "dense(flatten(" + layer.body + "))" : layer.body);
}

constexpr double step_of_differences = 1e-5;

/// The greatest difference between gradient and central differences, beside 1 + |difference|; all coordinates
/// of `at` that are climbed.
template <class Real>
double gap(const ir::Program& program, const typename DerivativesOf<Real>::Coordinates& gradient,
           const std::vector<double>& differences) {
  double greatest = 0;
  for (const ir::ParameterSlot& slot : program.parameters) {
    if (slot.follows || slot.fixed) continue;
    for (int64_t i = slot.offset; i < slot.offset + slot.size; ++i) {
      const auto place = static_cast<size_t>(i);
      const double found = std::abs(static_cast<double>(gradient[place]) - differences[place]) /
                           (1 + std::abs(differences[place]));
      if (!(found <= greatest)) greatest = found;
    }
  }
  return greatest;
}

struct Gaps {
  double in_double, in_single;
  int64_t coordinates;
};

/// Of the compiled steps, both at the same coordinates, which are numbers of single precision.
Gaps gaps_of(const std::string& text, const runtime::Table& table, double beta) {
  const auto lowered = [&](const char* precision) {
    return test::lower(
        text, table, {{"fit.optimizer", "sgd(rate: 1)"}, {"fit.precision", precision}, {"fit.batch", "128"}});
  };
  const test::Lowered wide = lowered("double"), narrow = lowered("single");
  const test::Runnable plain = test::interpreted(wide), in_double = test::compiled(wide, 1),
                       in_single = test::compiled(narrow, 1);
  const ir::Executable slow = interpreter::interpret(plain.program);
  const auto n = static_cast<size_t>(plain.program.parameter_doubles());
  DerivativesOf<double>::Coordinates at(n);
  DerivativesOf<float>::Coordinates same(n);
  const runtime::Random random(5, runtime::Site::user, 1);
  for (size_t i = 0; i < n; ++i)
    at[i] = same[i] = static_cast<float>(0.4 * random.normal(static_cast<int64_t>(i)));
  const int64_t used = wide.lowered.data->rows;
  DerivativesOf<double> oracle(plain.program, slow, *wide.lowered.data, used, beta),
      compiled(in_double.program, in_double.functions, *wide.lowered.data, used, beta);
  std::vector<double> differences(n);
  Gaps gaps{};
  for (const ir::ParameterSlot& slot : plain.program.parameters) {
    if (slot.follows || slot.fixed) continue;
    for (int64_t i = slot.offset; i < slot.offset + slot.size; ++i) {
      auto above = at, below = at;
      above[static_cast<size_t>(i)] += step_of_differences;
      below[static_cast<size_t>(i)] -= step_of_differences;
      differences[static_cast<size_t>(i)] =
          (oracle.climbed(above) - oracle.climbed(below)) / (2 * step_of_differences);
      ++gaps.coordinates;
    }
  }
  gaps.in_double = gap<double>(plain.program, compiled.gradient(at), differences);
  if (!narrow.program().single) {  // models with linear algebra stay in double
    gaps.in_single = gaps.in_double;
    return gaps;
  }
  DerivativesOf<float> rounded(in_single.program, in_single.functions, *narrow.lowered.data, used, beta);
  gaps.in_single = gap<float>(plain.program, rounded.gradient(same), differences);
  return gaps;
}

void check(const Gaps& gaps) {
  INFO(gaps.in_double << " in double, " << gaps.in_single << " in single");
  CHECK(gaps.in_double < 1e-6);
  CHECK(gaps.in_single < 2e-3);
  CHECK(gaps.coordinates > 5);
}

}  // namespace

TEST_CASE("the gradient of every likelihood is that of central differences, in double and in single") {
  std::set<std::string> tested;
  for (const Likelihood& likelihood : all_likelihoods()) {
    INFO(likelihood.density << " of " << likelihood.type);
    const runtime::Table table = table_of(likelihood.cells);
    const test::Lowered made = test::lower(model_of(likelihood), table);
    check(gaps_of(model_of(likelihood), table, 1));
    for (const ir::Node& node : made.lowered.model->function().nodes)
      if (node.op == ir::Op::logpdf) tested.insert(node.attributes.text);
  }
  for (const ir::Family& family : ir::families()) {
    INFO(family.parameterisation);
    const std::string name(family.parameterisation);
    // The bounds of a Uniform are held, and a matrix of each row is refused in this route.
    const bool none = name.find("Uniform") != std::string::npos || name.find("Wishart") != std::string::npos;
    CHECK(tested.count(name) == (none ? 0 : 1));
  }
}

TEST_CASE("the gradient of every layer is that of central differences, in double and in single") {
  for (const Layer& layer : layers) {
    INFO(layer.body);
    check(gaps_of(model_of(layer), test::made_table(rows, layer.columns, true), 1));
  }
}

TEST_CASE(
    "the gradient of every draw and of every way into the route is that of central differences, in double "
    "and in single") {
  for (const test::GradientModel& model : test::gradient_models()) {
    INFO(model.name);
    check(gaps_of(model.text, test::made_table(rows, model.columns, model.flags),
                  model.text.find("beta") == std::string::npos ? 1 : 0.7));
  }
}

}  // namespace lvm
