"""Log densities and their derivatives in each free slot, from the textbook formulas in 90-digit decimals.

The formulas are written without a thought of cancellation: that is what the digits are for. Derivatives are central
differences with a relative step of 1e-17. Run as a program it writes discrete_densities.h
and continuous_densities.h of tests/unit/families.
"""
from decimal import Decimal as D
import os

from special_functions import HALF_LOG_TWO_PI, PI, bessels, cos, erf, erfcx, lgamma

HALF, ONE, TWO = D("0.5"), D(1), D(2)
STEP = D(10) ** -17


def times_log(x, y):
    return D(0) if x == 0 else x * (y.ln() if y > 0 else D("-Infinity"))


def sigmoid(x):
    return 1 / (1 + (-x).exp())


def normal_upper(z):
    """P(U > z)."""
    x = z / TWO.sqrt()
    if x < 0:
        return 1 - normal_upper(-z)
    return erfcx(x) * (-x * x).exp() / 2 if x > 3 else (1 - erf(x)) / 2


def normal_mass(low, high):
    if low is not None and high is not None and low + high < 0:
        low, high = -high, -low
    if high is None:
        return normal_upper(low)
    if low is None:
        return normal_upper(-high)
    return normal_upper(low) - normal_upper(high)


def log_binomial(n, y):
    return lgamma(n + 1) - lgamma(y + 1) - lgamma(n - y + 1)


def binomial(y, n, p):
    return log_binomial(n, y) + times_log(y, p) + times_log(n - y, 1 - p)


def gamma(y, a, rate):
    return a * rate.ln() - lgamma(a) + (a - 1) * y.ln() - rate * y


def inverse_gamma(y, a, scale):
    return a * scale.ln() - lgamma(a) - (a + 1) * y.ln() - scale / y


def negative_binomial(y, m, r):
    return lgamma(y + r) - lgamma(r) - lgamma(y + 1) + r * (r / (r + m)).ln() + times_log(y, m / (r + m))


def beta(y, a, b):
    return lgamma(a + b) - lgamma(a) - lgamma(b) + times_log(a - 1, y) + times_log(b - 1, 1 - y)


def normal(y, m, s):
    return -(((y - m) / s) ** 2) / 2 - s.ln() - HALF_LOG_TWO_PI


def student(y, df, m, s):
    u = (y - m) / s
    return (lgamma((df + 1) / 2) - lgamma(df / 2) - (df * PI).ln() / 2 - s.ln() - (df + 1) / 2 * (1 + u * u / df).ln())


def logistic(y, m, s):
    u = (y - m) / s
    return -u - s.ln() - 2 * (1 + (-u).exp()).ln()


def weibull(y, k, s):
    return k.ln() - s.ln() + (k - 1) * (y / s).ln() - (k * (y / s).ln()).exp()


def von_mises(y, m, k):
    return k * cos(y - m) - (2 * PI).ln() - bessels(k)[0].ln()


def continuous_bernoulli(y, p):
    if p == HALF:
        return D(0)
    x = (p / (1 - p)).ln()
    return x * y - ((x.exp() - 1) / x).ln()


def zero_inflated(inner):
    def density(y, p, *slots):
        drawn = inner(y, *slots)
        return (p + (1 - p) * drawn.exp()).ln() if y == 0 else (1 - p).ln() + drawn
    return density


def truncated(inner, mass, low=True, high=True):
    def density(y, *slots):
        own = slots[:len(slots) - low - high]
        a = slots[len(own)] if low else None
        b = slots[-1] if high else None
        if (low and y < a) or (high and y > b):
            return D("-Infinity")
        return inner(y, *own) - mass(a, b, *own).ln()
    return density


def mass_of_normal(a, b, m, s):
    return normal_mass(None if a is None else (a - m) / s, None if b is None else (b - m) / s)


def mass_of_log_normal(a, b, m, s):
    return mass_of_normal(None if a is None else max(a, D(10) ** -300).ln(), None if b is None else b.ln(), m, s)


def survival_mass(survival):
    def mass(a, b, *slots):
        return survival(max(a or D(0), D(0)), *slots) - (survival(b, *slots) if b is not None else 0)
    return mass


def laplace_upper(u):
    return 1 - u.exp() / 2 if u < 0 else (-u).exp() / 2


def mass_of_laplace(a, b, m, s):
    low, high = (None if x is None else (x - m) / s for x in (a, b))
    if low is None:
        return laplace_upper(-high)
    return laplace_upper(low) - (laplace_upper(high) if high is not None else 0)


def mass_of_geometric(a, b, p):
    below = (1 - p) ** int(max(a, 0)) if a is not None else D(1)
    return below - ((1 - p) ** (int(b) + 1) if b is not None else 0)


def poisson(y, rate):
    return times_log(y, rate) - rate - lgamma(y + 1)


def geometric(y, p):
    return p.ln() + times_log(y, 1 - p)


def laplace(y, m, s):
    return -abs(y - m) / s - (2 * s).ln()


def log_normal(y, m, s):
    return normal(y.ln(), m, s) - y.ln()


def grid(*columns):
    rows = [[]]
    for column in columns:
        rows = [row + [x] for row in rows for x in column]
    return rows


COUNTS = [0, 1, 2, 7, 150]
# name, density, rows of [y, slots...], positions of the slots whose derivatives are kept
CASES = [
    ("Poisson.rate", poisson, grid(COUNTS, [1e-12, 0.5, 3, 140]) + grid([0, 10**6, 10**9], [1e6, 1.001e9]), [0]),
    ("Poisson.log_rate", lambda y, x: poisson(y, x.exp()), grid(COUNTS, [-30, -0.5, 0, 5]) + [[10**9, 20.7]], [0]),
    ("Binomial.n.p", binomial, grid([0, 1, 5], [5], [1e-9, 0.2, 0.5, 1 - 1e-9])
     + [[500000, 10**6, 0.4999], [0, 10**6, 1e-8], [3, 10**7, 2e-7], [0, 0, 0.3]], [1]),
    ("Binomial.n.logits", lambda y, n, x: binomial(y, n, sigmoid(x)),
     grid([0, 1, 5], [5], [-20, -1, 0, 3]) + [[500000, 10**6, 1e-4]], [1]),
    ("Geometric.p", geometric, grid(COUNTS, [1e-9, 0.3, 0.999]) + [[10**9, 1e-9]], [0]),
    ("NegativeBinomial.mean.shape", negative_binomial,
     grid(COUNTS, [1e-6, 2, 130], [1e-3, 1, 20, 1e6, 1e12]) + [[10**6, 1.001e6, 1e9], [10**6, 9e5, 3]], [0, 1]),
    ("Exponential.rate", lambda y, r: r.ln() - r * y, grid([1e-9, 1, 30], [1e-3, 1, 50]), [0]),
    ("Exponential.scale", lambda y, s: -s.ln() - y / s, grid([1e-9, 1, 30], [1e-3, 1, 50]), [0]),
    ("Gamma.shape.rate", gamma, grid([1e-8, 0.3, 1, 40], [1e-3, 1, 2.5, 80], [1e-2, 1, 3])
     + [[1.7, 1e6, 6e5], [1e3, 1e9, 1.0001e6]], [0, 1]),
    ("Gamma.shape.scale", lambda y, a, s: gamma(y, a, 1 / s), grid([0.3, 40], [0.5, 20], [0.1, 3]), [0, 1]),
    ("Gamma.shape.mean", lambda y, a, m: gamma(y, a, a / m), grid([0.3, 40], [0.5, 20, 1e8], [0.1, 35]), [0, 1]),
    ("InverseGamma.shape.scale", inverse_gamma, grid([1e-2, 1, 40], [1e-2, 2, 60], [0.1, 3, 200]) + [[1.7, 1e6, 1.7e6]],
     [0, 1]),
    ("Beta.a.b", beta, grid([1e-8, 0.3, 0.999], [1e-3, 1, 2.5, 60], [0.1, 1, 400]) + [[0.31, 3e6, 7e6]], [0, 1]),
    ("LogNormal.log_mean.log_sd", log_normal, grid([1e-5, 1, 300], [-2, 0.3], [0.1, 2]), [0, 1]),
    ("StudentT.df.location.scale", student,
     grid([-3, 0.5, 1e5], [1e-2, 1, 4.5, 30, 1e5, 1e10], [0.25], [0.5, 3]), [0, 1, 2]),
    ("Laplace.location.scale", laplace, grid([-3, 0.5, 90], [-1, 0.25], [0.5, 3]), [0, 1]),
    ("Logistic.location.scale", logistic, grid([-3, 0.5, 90], [-1, 0.25], [0.1, 3]), [0, 1]),
    ("Weibull.shape.scale", weibull, grid([1e-3, 1, 7], [0.3, 1, 9], [0.5, 6]) + [[6.001, 1e4, 6]], [0, 1]),
    ("VonMises.mean.concentration", von_mises,
     grid([-3, 0.5, 3.1], [-3, 0.25], [1e-6, 0.3, 5, 11.9, 12.1, 60]) + [[0.51, 0.5, 1e3], [700.0, -2, 2]], [0, 1]),
    ("ContinuousBernoulli.p", continuous_bernoulli,
     grid([0, 0.2, 1], [1e-8, 0.1, 0.26, 0.28, 0.4999999, 0.5000001, 0.51, 0.75, 0.99]), [0]),
    ("ContinuousBernoulli.logits", lambda y, x: continuous_bernoulli(y, sigmoid(x)),
     grid([0, 0.2, 1], [-40, -1.01, -0.99, 1e-5, 0.3, 2, 30]), [0]),
    ("ZeroInflated.p.D(Poisson.rate)", zero_inflated(poisson), grid([0, 1, 9], [1e-6, 0.3, 0.99], [0.01, 3, 800]), [0, 1]),
    ("ZeroInflated.p.D(NegativeBinomial.mean.shape)", zero_inflated(negative_binomial),
     grid([0, 1, 9], [1e-6, 0.3], [2], [0.3, 40]), [0, 1, 2]),
    ("ZeroInflated.p.D(Geometric.p)", zero_inflated(geometric), grid([0, 9], [0.3], [0.1, 0.9]), [0, 1]),
    ("ZeroInflated.p.D(Binomial.n.p)", zero_inflated(binomial), grid([0, 4], [0.3], [6], [0.1, 0.9]), [0, 2]),
    ("Truncated.D(Normal.mean.sd).low.high", truncated(normal, mass_of_normal),
     [[0.5, 0, 1, -1, 2], [1.5, 0, 1, 1, 2], [-1.2, 0.3, 1, -2, -1], [30.1, 0, 1, 30, 40], [-30.1, 0, 1, -40, -30],
      [5.00005, 0, 1, 5, 5.0001], [0.00005, 0, 1, -1e-4, 1e-4], [1.2, 0, 3, 1, 1.4], [100.5, 0, 1, 100, 101],
      [0.5, 0, 1e-2, -1, 2], [0.5, 7, 1e3, 0, 1], [3, 0, 1, 2, 2.5]], [0, 1]),
    ("Truncated.D(Normal.mean.sd).low", truncated(normal, mass_of_normal, high=False),
     [[0.5, 0, 1, -1], [0.5, 0, 1, 0], [3.5, 0, 1, 3], [40.01, 0, 1, 40], [1, 9, 1, -30], [1, -500, 2, 0.5]], [0, 1]),
    ("Truncated.D(Normal.mean.sd).high", truncated(normal, mass_of_normal, low=False),
     [[0.5, 0, 1, 1], [-3.5, 0, 1, -3], [-40.01, 0, 1, -40], [1, 9, 1, 30]], [0, 1]),
    ("Truncated.D(Normal.mean.var).low.high", truncated(lambda y, m, v: normal(y, m, v.sqrt()),
                                                         lambda a, b, m, v: mass_of_normal(a, b, m, v.sqrt())),
     [[0.5, 0, 1.5, -1, 2], [30.1, 0, 1.5, 30, 40]], [0, 1]),
    ("Truncated.D(Normal.mean.precision).low", truncated(lambda y, m, t: normal(y, m, 1 / t.sqrt()),
                                                          lambda a, b, m, t: mass_of_normal(a, b, m, 1 / t.sqrt()), high=False),
     [[0.5, 0, 1.5, -1], [30.1, 0, 1.5, 30]], [0, 1]),
    ("Truncated.D(LogNormal.log_mean.log_sd).low.high", truncated(log_normal, mass_of_log_normal),
     [[0.5, 0, 1, 0.1, 2], [0.5, 0, 1, 0, 2], [1e9, 0, 1, 1e8, 1e10]], [0, 1]),
    ("Truncated.D(Exponential.rate).low.high", truncated(lambda y, r: r.ln() - r * y, survival_mass(lambda y, r: (-r * y).exp())),
     [[0.5, 3, 0, 1], [0.5, 1e-9, 0.2, 1], [900, 2, 800, 1e4], [0.5, 2, -3, 0.7]], [0]),
    ("Truncated.D(Exponential.scale).high", truncated(lambda y, s: -s.ln() - y / s, survival_mass(lambda y, s: (-y / s).exp()), low=False),
     [[0.5, 3, 1], [0.5, 1e9, 1]], [0]),
    ("Truncated.D(Weibull.shape.scale).low.high", truncated(weibull, survival_mass(lambda y, k, s: D(1) if y == 0 else (-((k * (y / s).ln()).exp())).exp())),
     [[0.5, 3, 1, 0, 1], [0.5, 0.7, 2, 0.2, 1], [9, 2, 1, 8, 20]], [0, 1]),
    ("Truncated.D(Geometric.p).low.high", truncated(geometric, mass_of_geometric),
     [[3, 0.3, 1, 9], [3, 1e-9, 0, 5], [60, 0.9, 55, 80]], [0]),
    ("Truncated.D(Geometric.p).low", truncated(geometric, mass_of_geometric, high=False), [[3, 0.3, 1], [60, 0.9, 55]], [0]),
    ("Truncated.D(Laplace.location.scale).low.high", truncated(laplace, mass_of_laplace),
     [[0.5, 0, 1, -1, 2], [1.5, 0.1, 1, 1, 2], [-1.5, 0.1, 1, -2, -1], [90, 0, 1, 80, 1e3], [5.00005, 0, 1, 5, 5.0001]], [0, 1]),
    ("Truncated.D(Laplace.location.scale).low", truncated(laplace, mass_of_laplace, high=False),
     [[0.5, 0, 1, -1], [1.5, 0.1, 1, 1], [900, 0, 1, 800]], [0, 1]),
    ("Truncated.D(Laplace.location.scale).high", truncated(laplace, mass_of_laplace, low=False), [[0.5, 0.1, 1, 1], [-2, 0, 1, -1]], [0, 1]),
    ("Truncated.D(Uniform.low.high).low", truncated(lambda y, a, b: -(b - a).ln(), lambda l, h, a, b: (b - max(a, l)) / (b - a), high=False),
     [[0.5, 0, 1, 0.25], [0.5, 0, 1, -2]], []),
    ("Uniform.low.high", lambda y, a, b: -(b - a).ln() if a <= y <= b else D("-Infinity"), [[0, 0, 4], [5, 0, 4], [1, -1e-3, 1e3]], []),
    # Edges, where only the value is meant.
    ("Binomial.n.p", binomial, [[0, 3, 0], [1, 3, 0], [3, 3, 1], [2, 3, 1]], []),
    ("Geometric.p", geometric, [[0, 1], [4, 1]], []),
    ("Beta.a.b", beta, [[0, 1, 1], [1, 1, 1], [0, 1, 3], [0, 2, 3], [1, 2, 1], [1, 2, 3]], []),
    ("ZeroInflated.p.D(Poisson.rate)", zero_inflated(poisson), [[0, 0, 3], [5, 0, 3], [0, 0, 900]], []),
]


def derivatives(f, y, slots, i):
    h = STEP * (abs(slots[i]) or 1)

    def at(move):
        return f(y, *(x + move if j == i else x for j, x in enumerate(slots)))
    low, middle, high = at(-h), at(D(0)), at(h)
    return (high - low) / (2 * h), (high - 2 * middle + low) / (h * h)


def number(x):
    text = repr(float(x))
    return {"inf": "infinity", "-inf": "-infinity"}.get(text, text)


def is_discrete(name):
    return any(count in name for count in ("Poisson", "Binomial", "Geometric"))


def write(kind, lines):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../unit/families/%s_densities.h" % kind), "w") as file:
        file.write("""#pragma once
// Written by tests/oracles/densities.py: log densities and their derivatives from textbook formulas in 90 digits.

#include "tests/unit/families/density_value.h"

namespace lvm::test {

// clang-format off
inline const std::vector<DensityValue> %s_densities = {
""" % kind + "\n".join(lines) + """
};
// clang-format on

}  // namespace lvm::test
""")


def main():
    discrete, continuous = [], []
    for name, f, rows, free in CASES:
        for row in rows:
            y, *slots = [D(float(x)) for x in row]
            value = f(y, *slots)
            finite = value.is_finite()
            pairs = [derivatives(f, y, slots, i) for i in free] if finite else []
            (discrete if is_discrete(name) else continuous).append('    {"%s", %s, {%s}, %s, {%s}, {%s}, {%s}},' % (
                name, number(y), ", ".join(map(number, slots)), number(value), ", ".join(map(str, free if finite else [])),
                ", ".join(number(p[0]) for p in pairs), ", ".join(number(p[1]) for p in pairs)))
    write("discrete", discrete)
    write("continuous", continuous)


if __name__ == "__main__":
    main()
