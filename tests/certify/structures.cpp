#include "structures.h"

#include <vector>

namespace lvm::certified {
namespace {

/// The parts of a model. `behind` are data and inputs that q is given, `latents` what it is of.
struct Text {
  std::string declarations, factors, latents, behind;

  void declare(const std::string& text) { declarations += "  " + text + "\n"; }
  void factor(const std::string& text) { factors += "  " + text + "\n"; }
  static void list(std::string& to, const std::string& name) { to += (to.empty() ? "" : ", ") + name; }
  void latent(const std::string& name, const std::string& type) {
    declare("latent " + name + ": " + type);
    list(latents, name);
  }
  std::string q(const std::string& rule) const {
    return "  q(" + latents + " | " + behind + ") = " + rule + "\n";
  }
  std::string whole(const std::string& q) const { return "model m {\n" + declarations + factors + q + "}\n"; }
  std::string exact(Draw& d) const { return whole(d.one_in(2) ? "" : q("exact")); }
};

std::string size(size_t n) {
  return std::to_string(n);
}

/// `text` with each $ as `name`.
std::string named(std::string text, const std::string& name) {
  for (size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + name.size()))
    text.replace(at, 1, name);
  return text;
}

/// What a row may draw: its type (axes D and V are declared), two parameters with their types, tails of axes
/// and priors, and densities in which 'p' and 'r' stand for them.
struct Emission {
  const char *data, *p, *p_axes, *p_prior, *r, *r_axes, *r_prior;
  std::vector<const char*> densities;
  bool missing;  // legal
};
// clang-format off
const std::vector<Emission> emissions = {
    {"real", "real", "", "Normal(0, sd: 3)", "positive", "", "Gamma(2, rate: 1)",
     {"Normal(p, sd: r)", "Normal(p, var: r)", "Normal(p, precision: r)", "StudentT(5, location: p, scale: r)", "Logistic(p, scale: r)", "VonMises(p, concentration: r)"}, true},
    {"real", "real", "", "", "positive", "", "", {"Laplace(p, scale: r)"}, true},
    {"real[D]", "real", "D", "Normal(0, sd: 3)", "positive", "D", "InverseGamma(2, scale: 1)", {"Normal(p, sd: r)", "Normal(p, var: r)"}, true},
    {"real[D]", "real", "D", "Normal(1, sd: 2)", "covariance", "D", "InverseWishart(6, scale: I)", {"Normal(p, cov: r)"}, true},
    {"count", "positive", "", "Gamma(2, rate: 1)", "positive", "", "Gamma(3, rate: 1)", {"Poisson(p)", "NegativeBinomial(p, shape: r)", "ZeroInflated(0.2, Poisson(p))"}, true},
    {"count", "unit", "", "Beta(2, b: 2)", "unit", "", "", {"Geometric(p)", "Binomial(60, p: p)"}, true},
    {"positive", "positive", "", "Gamma(2, rate: 1)", "positive", "", "Gamma(3, rate: 1)",
     {"Exponential(p)", "Exponential(scale: p)", "Gamma(p, rate: r)", "Gamma(p, mean: r)", "InverseGamma(p, scale: r)", "Weibull(p, scale: r)"}, false},
    {"positive", "real", "", "Normal(0, sd: 2)", "positive", "", "", {"LogNormal(p, log_sd: r)"}, false},
    {"unit", "positive", "", "Gamma(2, rate: 1)", "positive", "", "Gamma(2, rate: 1)", {"Beta(p, b: r)"}, false},
    {"bool[D]", "unit", "D", "Beta(2, b: 1.5)", "unit", "", "", {"Bernoulli(p)"}, true},
    {"category[V]", "simplex", "V", "Dirichlet(1.5)", "unit", "", "", {"Categorical(p)"}, true},
    {"count[V]", "simplex", "V", "Dirichlet(2)", "unit", "", "", {"Multinomial(20, p: p)"}, false},
    {"simplex[V]", "positive", "V", "", "unit", "", "", {"Dirichlet(p)"}, false},
};
// clang-format on

std::string axes_of(const std::string& state, const std::string& tail) {
  const std::string both = state + (!state.empty() && !tail.empty() ? ", " : "") + tail;
  return both.empty() ? "" : "[" + both + "]";
}

/// A column `y` that depends on a latent of an axis, by one or both of its parameters.
void emit(Text& t, Draw& d, const std::string& y, const std::string& axis, const std::string& latent,
          bool may_miss = true) {
  const Emission& e = emissions[d.below(emissions.size())];
  const std::string density = e.densities[d.below(e.densities.size())];
  t.declare("data " + y + ": " + e.data + (e.missing && may_miss && d.one_in(3) ? " missing" : ""));
  Text::list(t.behind, y);
  std::string written;
  const size_t which = d.below(4);  // both, both, the first, the second where there is one
  const bool second = density.find("r)") != std::string::npos && density.find("p: p)") == std::string::npos &&
                      density.find(" r)") != std::string::npos;
  const auto parameter = [&](const std::string& name, const char* type, const char* tail, const char* prior,
                             bool each) {
    t.declare("param " + name + ": " + type + axes_of(each ? axis : "", tail) +
              (*prior && d.one_in(3) ? std::string(" ~ ") + prior : ""));
    return name + (each ? "[" + latent + "]" : "");
  };
  const std::string p =
      parameter("p" + y, e.p, e.p_axes, e.p_prior, !axis.empty() && (which != 3 || !second));
  const std::string r =
      second ? parameter("r" + y, e.r, e.r_axes, e.r_prior, !axis.empty() && which != 2) : "";
  for (size_t i = 0; i < density.size(); ++i) {
    const bool letter_before = i > 0 && std::isalpha(static_cast<unsigned char>(density[i - 1])) != 0;
    const bool stands = !letter_before && (density[i + 1] == ',' || density[i + 1] == ')');
    if (stands && density[i] == 'p')
      written += p;
    else if (stands && density[i] == 'r')
      written += r;
    else
      written += density[i];
  }
  const bool depends = p.find('[') != std::string::npos || r.find('[') != std::string::npos;
  t.factor("P(" + y + (depends ? " | " + latent : "") + ") = " + written);
}

Text begun() {
  Text t;
  t.declare("axis D = 3  axis V = 3");
  return t;
}

std::string mixture(Draw& d) {
  Text t = begun();
  t.declare("axis K = " + size(1 + d.below(4)));
  t.declare(std::string("param w: simplex[K]") + d.of({"", "", " ~ Dirichlet(2)"}));
  const bool point = d.one_in(4), labelled = !point && d.one_in(4);
  labelled ? t.declare("data z: category[K] missing") : t.latent("z", "category[K]");
  t.factor("P(z) = Categorical(w)");
  const size_t columns = 1 + d.below(3);
  for (size_t i = 0; i < columns; ++i) emit(t, d, "y" + size(i + 1), "K", "z");
  if (d.one_in(4)) t.declare("weight n");
  return labelled ? t.whole("") : point ? t.whole(t.q("point")) : t.exact(d);
}

std::string several(Draw& d) {
  Text t = begun();
  const size_t count = 2 + d.below(2);
  std::string axes, indices, all;
  for (size_t i = 0; i < count; ++i) {
    const std::string z(1, static_cast<char>('a' + i)), axis(1, static_cast<char>('A' + i));
    const bool child = i > 0 && d.one_in(2);
    t.declare("axis " + axis + " = " + size(2 + d.below(2)));
    t.latent(z, "category[" + axis + "]");
    t.declare("param w" + z + ": simplex[" + (child ? "A, " : "") + axis + "]" +
              d.of({"", "", " ~ Dirichlet(2)"}));
    t.factor("P(" + z + (child ? " | a" : "") + ") = Categorical(w" + z + (child ? "[a]" : "") + ")");
    emit(t, d, "y" + z, axis, z);
    axes += (i > 0 ? ", " : "") + axis;
    indices += "[" + z + "]";
    all += (i > 0 ? ", " : "") + z;
  }
  if (d.one_in(2)) {
    t.declare("data u: real  param m: real[" + axes + "]  param v: positive");
    Text::list(t.behind, "u");
    t.factor("P(u | " + all + ") = Normal(m" + indices + ", var: v)");
  }
  return d.one_in(4) ? t.whole(t.q("point")) : t.exact(d);
}

/// Factor analysis in its variants; `mixed`: one for each value of a finite latent.
std::string factors(Draw& d, bool mixed) {
  Text t = begun();
  const std::string L = size(1 + d.below(2));
  t.declare("axis L = " + L + (mixed ? "  axis K = 2" : ""));
  t.latent("z", "real[L]");
  std::string each_w, each_b, each_s, parents = "z";
  if (mixed) {
    t.latent("c", "category[K]");
    t.declare("param share: simplex[K]");
    t.factor("P(c) = Categorical(share)");
    each_w = d.of({"K, ", ""}), each_b = d.of({"K, ", "K, ", ""}), each_s = d.of({"K, ", ""});
    parents += ", c";
  }
  const auto chosen = [](const std::string& name, const std::string& each) {
    return name + (each.empty() ? "" : "[c]");
  };
  const bool moving = mixed && (d.one_in(3) || (each_w.empty() && each_b.empty() && each_s.empty()));
  if (moving) t.declare("param m: real[K, L]  param g: positive[K]");
  t.factor(moving ? "P(z | c) = Normal(m[c], var: g[c])" : "P(z) = Normal(0, sd: 1)");
  t.declare("data y: real[D]" + d.of({"", " missing"}));
  Text::list(t.behind, "y");
  t.declare("param W: real[" + each_w + "D, L]");
  const bool shift = d.one_in(2) || !each_b.empty();
  if (shift) t.declare("param b: real[" + each_b + "D]");
  std::string mean = chosen("W", each_w) + " * z" + (shift ? " + " + chosen("b", each_b) : "");
  if (d.one_in(3)) {
    t.declare("given x: real  param e: real[D]");
    mean += " + e * x", parents += ", x";
    Text::list(t.behind, "x");
  }
  const bool whole = !moving && each_s.empty() && d.one_in(5);
  t.declare("param s: " + (whole ? "covariance[D]" : "positive[" + each_s + "D]"));
  if (mixed && each_w.empty() && each_b.empty() && each_s.empty()) parents.erase(1, 3);
  t.factor("P(y | " + parents + ") = Normal(" + mean + ", " +
           (whole ? "cov" : d.of({"var", "sd", "precision"})) + ": " + chosen("s", each_s) + ")");
  if (d.one_in(4)) emit(t, d, "u", mixed ? "K" : "", "c", false);
  if (d.one_in(5)) t.declare("weight n");
  return t.exact(d);
}
std::string factor_analysis(Draw& d) {
  return factors(d, false);
}
std::string mixtures_of_factors(Draw& d) {
  return factors(d, true);
}

struct Conjugate {
  const char *latent, *prior, *declarations, *data, *density;
};
// clang-format off
const std::vector<Conjugate> conjugates = {
    {"positive", "Gamma(2, rate: 3)", "param r: positive", "count", "Poisson(r * z)"},
    {"positive", "Gamma(2, mean: r)", "param r: positive", "count", "Poisson(z)"},
    {"positive", "Gamma(a, rate: r)", "param a: positive  param r: positive", "count", "Poisson(z)"},
    {"positive", "Exponential(rate: 2)", "param r: positive", "positive", "Exponential(rate: r * z)"},
    {"positive", "InverseGamma(3, scale: r)", "param r: positive", "positive", "Exponential(scale: z)"},
    {"positive", "InverseGamma(3, scale: 2)", "param r: positive", "positive", "Gamma(2, mean: r * z)"},
    {"positive", "Gamma(3, rate: r)", "param r: positive", "positive", "InverseGamma(2, scale: z)"},
    {"positive", "Gamma(2, rate: 2)", "param m: real  param r: positive", "real[D]", "Normal(m, var: r / z)"},
    {"positive", "InverseGamma(2, scale: r)", "param m: real  param r: positive", "real[D]", "Normal(m, var: z)"},
    {"unit", "Beta(a, b: r)", "param a: positive  param r: positive", "count", "Binomial(60, p: z)"},
    {"unit", "Beta(3, b: 2)", "", "count", "Geometric(z)"},
    {"unit", "Beta(2, b: r)", "param r: positive", "bool[D]", "Bernoulli(z)"},
    {"simplex[V]", "Dirichlet(a)", "param a: positive[V]", "count[V]", "Multinomial(20, p: z)"},
    {"simplex[V]", "Dirichlet(2)", "", "category[V]", "Categorical(z)"},
    {"simplex[V]", "Dirichlet(a)", "param a: positive[V]", "category[D, V]", "Categorical(z)"},
};
// clang-format on

std::string conjugate(Draw& d) {
  Text t = begun();
  const Conjugate& c = conjugates[d.below(conjugates.size())];
  t.latent("z", c.latent);
  t.declare(c.declarations);
  const bool mixed = d.one_in(4);
  const bool missing = std::string(c.data).starts_with("bool") ||
                       std::string(c.data).starts_with("category[D") || std::string(c.data) == "real[D]";
  t.declare(std::string("data y: ") + c.data + (missing ? d.of({"", " missing"}) : ""));
  Text::list(t.behind, "y");
  t.factor(std::string("P(z) = ") + c.prior);
  t.factor(std::string("P(y | z) = ") + c.density);
  if (mixed) {
    t.declare("axis K = 2  param w: simplex[K]");
    t.latent("c", "category[K]");
    t.factor("P(c) = Categorical(w)");
    emit(t, d, "u", "K", "c");
  }
  if (d.one_in(4)) t.declare("weight n");
  return t.exact(d);
}

/// Groups: effects, kinds of groups, both, or a rate of each.
std::string plates(Draw& d) {
  Text t = begun();
  t.declare("plate g = by(\"group\")");
  const size_t kind = d.below(4);
  if (kind == 0) {
    t.declare("axis K = " + size(2 + d.below(2)) + "  param w: simplex[K]");
    t.latent("c", "category[K] per g");
    t.factor("P(c) = Categorical(w)");
    emit(t, d, "y", "K", "c", false);
    return t.exact(d);
  }
  if (kind == 1) {
    t.declare("data y: count  given e: positive  param r: positive  param a: positive");
    t.latent("u", "positive per g");
    t.behind = "y, e";
    t.factor("P(u) = Gamma(" + d.of({"2", "a"}) + ", mean: 1)");
    t.factor("P(y | u, e) = Poisson(r * e * u)");
    return t.exact(d);
  }
  const bool mixed = kind == 2, slopes = d.one_in(2);
  t.declare("data y: real  given x: real  param s: positive" +
            std::string(mixed ? "  axis K = 2  param w: simplex[K]" : ""));
  t.behind = "y, x";
  t.declare("param a: real" + std::string(mixed ? "[K]" : "") + "  param b: real" + (mixed ? "[K]" : ""));
  if (mixed) {
    t.latent("c", "category[K] per g");
    t.factor("P(c) = Categorical(w)");
  }
  const std::string fixed = mixed ? "a[c] + b[c] * x" : "a + b * x";
  if (slopes) {
    t.declare("axis J = 2  param v: covariance[J]");
    t.latent("u", "real[J] per g");
    t.factor("P(u) = Normal(0, cov: v)");
    t.factor("P(y | u" + std::string(mixed ? ", c" : "") + ", x) = Normal(" + fixed +
             " + dot(u, [1, x]), sd: s)");
  } else {
    t.declare("param v: positive");
    t.latent("u", "real per g");
    t.factor("P(u) = Normal(0, " + d.of({"var", "sd", "precision"}) + ": v)");
    t.factor("P(y | u" + std::string(mixed ? ", c" : "") + ", x) = Normal(" + fixed + " + u, " +
             d.of({"var", "sd"}) + ": s)");
  }
  return t.exact(d);
}

std::string series(Draw& d) {
  return d.one_in(4) ? "sequence t order \"t\"" : "sequence t by \"g\" order \"t\"";
}

std::string finite_chains(Draw& d) {
  Text t = begun();
  t.declare(series(d));
  const size_t chains = 1 + d.below(2);
  const bool point = d.one_in(5);
  for (size_t i = 0; i < chains; ++i) {
    const std::string z(1, static_cast<char>('a' + i)), K(1, static_cast<char>('A' + i));
    const auto write = [&](const std::string& text) { return named(text, z); };
    t.declare("axis " + K + " = " + size(2 + d.below(chains == 1 ? 2 : 1)) + "  param s" + z + ": simplex[" +
              K + "]");
    if (!point && d.one_in(5))
      t.declare("data " + z + ": category[" + K + "] missing");
    else
      t.latent(z, "category[" + K + "]");
    t.factor(write("P($[first]) = Categorical(s$)"));
    const size_t kind = d.below(chains == 1 ? 4 : 3);
    if (kind == 3) {
      t.declare(write("param n$: simplex[" + K + ", " + K + "]  param m$: simplex[" + K + ", " + K + ", " +
                      K + "]"));
      t.factor(write("P($[first+1] | $[first]) = Categorical(n$[$[first]])"));
      t.factor(write("P($[t] | $[t-1], $[t-2]) = Categorical(m$[$[t-1], $[t-2]])"));
    } else if (kind == 2) {
      t.declare(write("given x$: real  param m$: real[" + K + ", " + K +
                      "] ~ Normal(0, sd: 1)  param g$: real[" + K + ", " + K + "] ~ Normal(0, sd: 1)"));
      t.factor(write("P($[t] | $[t-1], x$[t]) = Categorical(logits: m$[$[t-1]] + g$[$[t-1]] * tanh(x$))"));
      Text::list(t.behind, "x" + z);
    } else {
      t.declare(write("param m$: simplex[" + K + ", " + K + "]" + d.of({"", " ~ Dirichlet(1.5)"})));
      t.factor(write("P($[t] | $[t-1]) = Categorical(m$[$[t-1]])"));
    }
    emit(t, d, "y" + z, K, z);
  }
  if (!point && d.one_in(3)) {
    t.declare("axis M = 2  param share: simplex[A, M]");
    t.latent("c", "category[M]");
    t.factor("P(c[t] | a[t]) = Categorical(share[a[t]])");
    emit(t, d, "yc", "M", "c");
  }
  if (d.one_in(3)) {
    t.declare("data u: real  param first: real[A]  param slope: real  param v: positive");
    Text::list(t.behind, "u");
    t.factor("P(u[first]) = Normal(0, sd: 10)");
    t.factor("P(u[t] | a[t], u[t-1]) = Normal(first[a[t]] + slope * u[t-1], var: v)");
  }
  if (t.latents.empty()) return t.whole("");
  return point ? t.whole(t.q("point")) : t.exact(d);
}

std::string gaussian_chains(Draw& d) {
  Text t;
  t.declare(series(d));
  t.declare("axis S = " + size(1 + d.below(2)) + "  axis D = " + size(1 + d.below(3)));
  t.declare("given x: real  data y: real[D]" + d.of({"", " missing"}) +
            "  param c: real[D, S]  param s: positive" + d.of({"", "[D]"}));
  t.latent("z", "real[S]");
  t.behind = "y";
  const bool shift = d.one_in(2), moved = d.one_in(2);
  if (shift) t.declare("param e: real[D]");
  t.factor("P(y[t] | z[t]" + std::string(shift ? ", x[t]" : "") + ") = Normal(c * z[t]" +
           (shift ? " + e * x[t]" : "") + ", " + d.of({"var", "sd", "precision"}) + ": s)");
  t.factor("P(z[first]) = Normal(" + d.of({"0", "1.5"}) + ", " +
           d.of({"sd: 1", "var: 20", "precision: 0.1"}) + ")");
  if (moved) t.declare("param b: real[S]");
  if (shift || moved) Text::list(t.behind, "x");
  const std::string inputs = moved ? " + b * x[t]" : "",
                    parents = std::string("z[t-1]") + (moved ? ", x[t]" : "");
  const auto law = [&](const std::string& mean, const std::string& spread) {
    t.factor("P(z[t] | " + parents + ") = Normal(" + mean + inputs + ", " + spread + ")");
  };
  switch (d.below(5)) {
    case 0:
      t.declare("param a: real[S, S]");
      law("a * z[t-1]", "sd: 1");
      break;
    case 1:
      t.declare("param q: covariance[S]");
      law("0.9 * z[t-1]", "cov: q");
      break;
    case 2:
      t.declare("param a: real[S]  param q: positive[S]");
      law("a .* z[t-1]", "var: q");
      break;
    case 3:
      t.declare("param q: positive");
      t.factor("P(z[first+1] | z[first]) = Normal(z[first], sd: 2)");
      t.factor("P(z[t] | z[t-1], z[t-2]" + std::string(moved ? ", x[t]" : "") +
               ") = Normal(1.4 * z[t-1] - 0.5 * z[t-2]" + inputs + ", var: q)");
      break;
    default:
      t.declare("param q: positive" + d.of({"", " ~ Gamma(2, rate: 1)"}));
      law("z[t-1]", "precision: q");
  }
  return t.exact(d);
}

/// Latents of the whole model beside those of rows.
std::string shared(Draw& d) {
  Text t = begun();
  t.declare("axis K = 2");
  const bool weights = d.one_in(2);
  t.declare(weights ? "latent w: simplex[K] global" : "param w: simplex[K]");
  if (weights) t.factor("P(w) = Dirichlet(" + d.of({"0.5", "2", "[1, 3]"}) + ")");
  t.declare("latent z: category[K]");
  t.factor("P(z" + std::string(weights ? " | w" : "") + ") = Categorical(w)");
  const std::string missing = d.of({"", " missing"});
  switch (d.below(7)) {
    case 0:
      t.declare("data y: count  latent r: positive[K] global");
      t.factor("P(r) = Gamma(" + d.of({"2, mean: 3", "3, rate: 2"}) + ")");
      t.factor("P(y | z, r) = Poisson(r[z])");
      break;
    case 1:
      t.declare("data y: bool[D]" + missing + "  latent p: unit[K, D] global");
      t.factor("P(p) = Beta(0.5, b: 0.7)");
      t.factor("P(y | z, p) = Bernoulli(p[z])");
      break;
    case 2:
      t.declare("data y: category[V]  latent p: simplex[K, V] global");
      t.factor("P(p) = Dirichlet(" + d.of({"0.5", "2"}) + ")");
      t.factor("P(y | z, p) = Categorical(p[z])");
      break;
    case 3:
      t.declare("data y: real[D]" + missing +
                "  latent m: real[K, D] global  latent v: positive[K, D] global");
      t.factor("P(v) = InverseGamma(2, scale: 1)");
      t.factor("P(m | v) = Normal(1, var: v / 0.3)");
      t.factor("P(y | z, m, v) = Normal(m[z], var: v[z])");
      break;
    case 4:
      t.declare("data y: real[D]" + missing + "  latent m: real[K, D] global  latent t: positive[K] global");
      t.factor("P(m) = Normal(0, var: 100)");
      t.factor("P(t) = Gamma(2, rate: 2)");
      t.factor("P(y | z, m, t) = Normal(m[z], precision: t[z])");
      break;
    case 5:
      t.declare("data y: real[D]  latent m: real[K, D] global  latent s: covariance[K, D] global");
      t.factor("P(s) = Wishart(5, scale: I)");
      t.factor("P(m | s) = Normal(0, precision_matrix: 0.2 * s)");
      t.factor("P(y | z, m, s) = Normal(m[z], precision_matrix: s[z])");
      break;
    default:
      t.declare(
          "data y: real  given x: real  latent a: real[K] global  latent b: real[K] global  param s: "
          "positive[K]");
      t.factor("P(a) = Normal(0, var: 4)");
      t.factor("P(b) = Normal(0, sd: 3)");
      t.factor("P(y | z, a, b, x) = Normal(a[z] + b[z] * x, var: s[z])");
  }
  if (d.one_in(4)) t.declare("weight n");
  return t.whole("");
}

std::string regressions(Draw& d) {
  Text t = begun();
  const bool mixed = d.one_in(2), gate = mixed && d.one_in(2);
  t.declare("given x: real");
  if (mixed) {
    t.declare("axis K = 2");
    t.latent("z", "category[K]");
    t.declare(gate ? "param w: real[K] ~ Normal(0, sd: 2)  param h: real[K] ~ Normal(0, sd: 2)"
                   : "param w: simplex[K]");
    t.factor(gate ? "P(z | x) = Categorical(logits: w + h * tanh(x))" : "P(z) = Categorical(w)");
  }
  const std::string each = mixed ? "[K]" : "", index = mixed ? "[z]" : "", slope = d.of({"[K]", ""});
  t.declare("param a: real" + each + "  param b: real" + (mixed ? slope : "") +
            d.of({"", "", " ~ Normal(0, sd: 2)"}));
  const std::string b = "b" + (mixed && !slope.empty() ? index : ""),
                    predictor = "a" + index + " + " + b + " * ";
  switch (d.below(4)) {
    case 0:
      t.declare("data y: real" + d.of({"", " missing"}) + "  param s: positive" + each);
      t.factor("P(y | " + std::string(mixed ? "z, " : "") + "x) = Normal(" + predictor + "x, " +
               d.of({"sd", "var", "precision"}) + ": s" + index + ")");
      break;
    case 1:
      t.declare("data y: count");
      t.factor("P(y | " + std::string(mixed ? "z, " : "") + "x) = Poisson(log_rate: " + predictor +
               "tanh(x))");
      break;
    case 2:
      t.declare("data y: bool");
      t.factor("P(y | " + std::string(mixed ? "z, " : "") + "x) = Bernoulli(logits: " + predictor +
               "tanh(x))");
      break;
    default:
      t.declare("data y: real  param s: positive");
      t.factor("P(y | " + std::string(mixed ? "z, " : "") + "x) = StudentT(4, location: " + predictor +
               "tanh(x), scale: s)");
  }
  t.behind = "y, x";
  if (d.one_in(4)) t.declare("weight n");
  return mixed ? t.exact(d) : t.whole("");
}

/// Parts that have no closed form, or none that is compiled, beside parts that have.
std::string beyond(Draw& d) {
  Text t = begun();
  switch (d.below(9)) {
    case 0:  // no affine mean
      t.declare("data y: real[D]  param a: real[D]  param s: positive");
      t.latent("z", "real");
      t.factor("P(z) = Normal(0, sd: 1)");
      t.factor("P(y | z) = Normal(" + d.of({"tanh(a * z)", "a * z ^ 2", "exp(z) + a"}) + ", var: s)");
      break;
    case 1:  // not conjugate
      t.declare("data y: count  param r: real");
      t.latent("z", "real");
      t.factor("P(z) = Normal(0, sd: 1)");
      t.factor("P(y | z) = " + d.of({"Poisson(log_rate: r + z)", "Binomial(60, logits: r + z)",
                                     "NegativeBinomial(exp(z), shape: exp(r))"}));
      break;
    case 2:  // an offset beside a rate
      t.declare("data y: count  param r: positive");
      t.latent("z", "positive");
      t.factor("P(z) = " +
               d.of({"Gamma(2, rate: 1)", "InverseGamma(2, scale: 1)", "LogNormal(0, log_sd: 1)"}));
      t.factor("P(y | z) = Poisson(" + d.of({"z + r", "r / z", "z ^ 2"}) + ")");
      break;
    case 3:  // a chain in groups, with weights, or of numbers that is no Normal
      t.declare(
          "sequence t order \"t\"  axis K = 2  data y: count  param w: simplex[K]  param m: simplex[K, K]  "
          "param r: positive[K]" +
          d.of({"  plate g = by(\"group\")", "  weight n"}));
      t.latent("z", "category[K]");
      t.factor("P(z[first]) = Categorical(w)");
      t.factor("P(z[t] | z[t-1]) = Categorical(m[z[t-1]])");
      t.factor("P(y[t] | z[t]) = Poisson(r[z[t]])");
      break;
    case 4:  // a state that chooses the law of a Gaussian one
      t.declare(
          "sequence t order \"t\"  axis K = 2  data y: real  param w: simplex[K]  param m: simplex[K, K]  "
          "param a: real[K]  param s: positive");
      t.latent("c", "category[K]");
      t.latent("z", "real");
      t.factor("P(c[first]) = Categorical(w)");
      t.factor("P(c[t] | c[t-1]) = Categorical(m[c[t-1]])");
      t.factor("P(z[first]) = Normal(0, sd: 1)");
      t.factor("P(z[t] | z[t-1], c[t]) = Normal(a[c[t]] * z[t-1], sd: 1)");
      t.factor("P(y[t] | z[t]) = Normal(z[t], var: s)");
      break;
    case 5:  // a Gaussian chain that is seen through something else
      t.declare("sequence t by \"g\" order \"t\"  data y: count  param q: positive");
      t.latent("z", "real");
      t.factor("P(z[first]) = Normal(0, sd: 1)");
      t.factor("P(z[t] | z[t-1]) = Normal(" + d.of({"z[t-1]", "tanh(z[t-1])"}) + ", var: q)");
      t.factor("P(y[t] | z[t]) = Poisson(log_rate: z[t])");
      break;
    case 6:  // two continuous latents of a row
      t.declare("data y: real[D]  param s: positive[D]");
      t.latent("z", "real");
      t.latent("u", d.of({"positive", "real"}));
      t.factor("P(z) = Normal(0, sd: 1)");
      t.factor(t.declarations.find("u: positive") != std::string::npos ? "P(u) = Gamma(2, rate: 2)"
                                                                       : "P(u) = Normal(0, sd: 1)");
      t.factor(t.declarations.find("u: positive") != std::string::npos
                   ? "P(y | z, u) = Normal(z, var: s / u)"
                   : "P(y | z, u) = Normal(z + u, var: s)");
      break;
    case 7:  // two plates
      t.declare(
          "plate g = by(\"group\")  plate h = by(\"other\")  data y: real  param v: positive  param s: "
          "positive");
      t.latent("u", "real per g");
      t.latent("v2", "real per h");
      t.factor("P(u) = Normal(0, var: v)");
      t.factor("P(v2) = Normal(0, var: v)");
      t.factor("P(y | u, v2) = Normal(u + v2, var: s)");
      break;
    default:  // one exact factor over rows and what they share
      t.declare("axis K = 2  data y: count");
      t.latent("r", "positive[K] global");
      t.latent("z", "category[K]");
      t.factor("P(r) = Gamma(2, rate: 1)");
      t.factor("P(z) = Categorical([0.4, 0.6])");
      t.factor("P(y | z, r) = Poisson(r[z])");
  }
  t.behind = "y";
  return t.whole(t.q("exact"));
}

constexpr Structure all[] = {
    {"mixtures", mixture, false},
    {"several finite latents", several, false},
    {"factor analysis", factor_analysis, false},
    {"mixtures of factor analysers", mixtures_of_factors, false},
    {"conjugate latents", conjugate, true},
    {"groups", plates, false},
    {"finite chains", finite_chains, false},
    {"Gaussian chains", gaussian_chains, true},
    {"latents that rows share", shared, false},
    {"regressions", regressions, true},
    {"what has no closed form", beyond, false},
};

}  // namespace

std::span<const Structure> structures() {
  return all;
}

}  // namespace lvm::certified
