#!/usr/bin/env python3
"""Freezes families.json: mixtures whose (penalised) likelihood is maximised directly, without EM.

Densities are SciPy's or written out from the textbook, the coordinates are free ones (logarithms, log-ratios, Cholesky factors),
the climb is BFGS and then Newton's rule on differences of the objective of fourth order. Each case holds the model's text, its
rows, a start, and where the direct climb from that start ends.
"""
import json
import pathlib

import numpy as np
from scipy import optimize, special, stats

HERE = pathlib.Path(__file__).resolve().parent


def shares(u):
    """Shares from log-ratios to the last, over the last axis."""
    u = np.concatenate([u, np.zeros(u.shape[:-1] + (1,))], axis=-1)
    return np.exp(u - special.logsumexp(u, axis=-1, keepdims=True))


def log_ratios(p):
    p = np.asarray(p, float)
    return np.log(p[..., :-1] / p[..., -1:])


def factor_coordinates(covariances):
    out = []
    for cov in np.asarray(covariances, float):
        lower = np.linalg.cholesky(cov)
        out += [np.log(lower[i, i]) if i == j else lower[i, j] for i in range(len(cov)) for j in range(i + 1)]
    return np.array(out)


def covariances(u, shape):
    u = u.reshape(shape[0], -1)
    made = []
    for one in u:
        lower = np.zeros(shape[1:])
        at = 0
        for i in range(shape[1]):
            for j in range(i + 1):
                lower[i, j] = np.exp(one[at]) if i == j else one[at]
                at += 1
        made.append(lower @ lower.T)
    return np.array(made)


# domain: (free coordinates of a value, the value of coordinates and a shape)
DOMAINS = {
    "real": (np.ravel, lambda u, shape: u.reshape(shape)),
    "positive": (lambda v: np.log(np.ravel(v)), lambda u, shape: np.exp(u).reshape(shape)),
    "simplex": (lambda v: np.ravel(log_ratios(v)), lambda u, shape: shares(u.reshape(shape[:-1] + (shape[-1] - 1,)))),
    "covariance": (factor_coordinates, covariances),
}


class Coordinates:
    def __init__(self, domains, start):
        self.domains, self.shapes = domains, {name: np.shape(value) for name, value in start.items()}
        self.start = start
        self.sizes = {name: len(DOMAINS[domains[name]][0](start[name])) for name in start}

    def of(self, theta):
        return np.concatenate([DOMAINS[self.domains[name]][0](theta[name]) for name in self.start])

    def theta(self, u):
        out, at = {}, 0
        for name in self.start:
            out[name] = DOMAINS[self.domains[name]][1](u[at:at + self.sizes[name]], self.shapes[name])
            at += self.sizes[name]
        return out


def derivatives(f, u, h=1e-3):
    """Differences of fourth order: gradient, and Hessian as the differences of gradients."""
    def gradient(at):
        g = np.zeros(len(at))
        for i in range(len(at)):
            e = np.zeros(len(at))
            e[i] = h
            g[i] = (8 * (f(at + e) - f(at - e)) - (f(at + 2 * e) - f(at - 2 * e))) / (12 * h)
        return g
    hessian = np.zeros((len(u), len(u)))
    for i in range(len(u)):
        e = np.zeros(len(u))
        e[i] = h
        hessian[i] = (gradient(u + e) - gradient(u - e)) / (2 * h)
    return gradient(u), (hessian + hessian.T) / 2


def maximise(objective, coordinates):
    f = lambda u: -objective(coordinates.theta(u))
    u = optimize.minimize(f, coordinates.of(coordinates.start), method="BFGS", options={"gtol": 1e-5}).x
    for _ in range(4):
        g, h = derivatives(f, u)
        u = u - np.linalg.solve(h, g)
    g, h = derivatives(f, u)
    assert np.linalg.eigvalsh(h).min() > 0, "no maximum"
    assert g @ np.linalg.solve(h, g) / 2 < 1e-14 * max(1, abs(f(u))), (g, "not level")
    return coordinates.theta(u), -f(u)


def mixture_text(declarations, factor, K=2):
    return (f"model family {{\n  axis K = {K}\n  {declarations}\n  param weight: simplex[K]\n  latent z: category[K]\n"
            f"  P(z) = Categorical(weight)\n  {factor}\n  q(z | y) = exact\n}}\n")


def mixture_case(name, declarations, factor, table, start, domains, log_density, log_prior=lambda theta: 0.0):
    """log_density(theta) is [rows, K]."""
    K = len(next(iter(start.values())))
    start = {"weight": np.full(K, 1 / K), **start}
    coordinates = Coordinates({"weight": "simplex", **domains}, start)

    def objective(theta):
        joint = np.log(theta["weight"]) + log_density(theta)
        return special.logsumexp(joint, axis=1).sum() + log_prior(theta)

    theta, top = maximise(objective, coordinates)
    return as_case(name, mixture_text(declarations, factor, len(start["weight"])), table, start, theta, top)


def as_case(name, text, table, start, theta, top):
    as_list = lambda values: {key: np.asarray(value).tolist() for key, value in values.items()}
    return {"name": name, "text": text, "table": as_list(table), "start": as_list(start), "parameters": as_list(theta),
            "objective": top}


def columns(y, name="y"):
    return {f"{name}{j + 1}": y[:, j] for j in range(y.shape[1])}


def multinomial_cases(random):
    rows, p = 200, np.array([[.2, .3, .45, .05], [.6, .25, .1, .05]])
    n = random.integers(0, 16, rows)
    z = (random.random(rows) < .6).astype(int)
    y = np.array([random.multinomial(n[i], p[z[i]]) for i in range(rows)])
    table = {**columns(y), "n": n}
    ways = special.gammaln(n + 1) - special.gammaln(y + 1).sum(axis=1)
    density = lambda theta: ways[:, None] + special.xlogy(y[:, None, :], theta["p"]).sum(axis=2)
    data, factor = "axis V = 4\n  data y: count[V]\n  given n: count\n  param p: simplex[K, V]", "P(y | z, n) = Multinomial(n, p: p[z])"
    start = {"p": np.array([[.3, .3, .3, .1], [.5, .3, .1, .1]])}
    case = lambda name, prior, log_prior: mixture_case(name, data + prior, factor, table, start, {"p": "simplex"}, density, log_prior)
    dirichlet = lambda theta: len(theta["p"]) * (special.gammaln(10) - 4 * special.gammaln(2.5)) + 1.5 * np.log(theta["p"]).sum()
    cases = [case("Multinomial", "", lambda theta: 0.0), case("Multinomial, Dirichlet prior", " ~ Dirichlet(2.5)", dirichlet)]
    for each in cases:
        each["text"] = each["text"].replace("q(z | y)", "q(z | y, n)")
    return cases


def dirichlet_cases(random):
    rows, a = 250, np.array([[.8, 3, 6], [12, 5, 2.]])
    z = (random.random(rows) < .6).astype(int)
    y = np.array([random.dirichlet(a[k]) for k in z])
    log_y = np.log(y)
    norm = lambda a: special.gammaln(a.sum()) - special.gammaln(a).sum()
    density = lambda theta: np.array([norm(a) + log_y @ (a - 1) for a in theta["a"]]).T
    data, factor = "axis V = 3\n  data y: simplex[V]\n  param a: positive[K, V]", "P(y | z) = Dirichlet(a[z])"
    start = {"a": np.array([[1, 2, 4], [5, 3, 2.]])}
    prior = lambda theta: stats.gamma.logpdf(theta["a"], 2, scale=1 / .5).sum()
    return [mixture_case(name, data + text, factor, columns(y), start, {"a": "positive"}, density, log_prior)
            for name, text, log_prior in [("Dirichlet", "", lambda theta: 0.0),
                                          ("Dirichlet, Gamma prior", " ~ Gamma(2, rate: 0.5)", prior)]]


def inverse_wishart(cov, df, scale):
    return stats.invwishart.logpdf(cov, df, scale)


def normal_inverse_cases(random):
    """Priors of means whose spread is that of the rows: Normal-InverseWishart and Normal-InverseGamma."""
    rows = 120
    z = (random.random(rows) < .6).astype(int)
    means, factors = np.array([[0, 0], [2, 3.]]), np.array([[[1, 0], [.5, .7]], [[1.5, 0], [-.4, .6]]])
    y = np.array([means[k] + factors[k] @ random.standard_normal(2) for k in z])
    density = lambda theta: np.array([stats.multivariate_normal.logpdf(y, m, s) for m, s in zip(theta["m"], theta["cov"])]).T
    tied_density = lambda theta: np.array([stats.multivariate_normal.logpdf(y, m, theta["cov"][0]) for m in theta["m"]]).T
    prior = lambda theta: sum(stats.multivariate_normal.logpdf(m, [.5, .5], s / 3) + inverse_wishart(s, 5, np.diag([1., 2]))
                              for m, s in zip(theta["m"], theta["cov"]))
    tied_prior = lambda theta: inverse_wishart(theta["cov"][0], 5, np.diag([1., 2])) + sum(
        stats.multivariate_normal.logpdf(m, [.5, .5], theta["cov"][0] / 3) for m in theta["m"])
    start = {"m": np.array([[0, 0], [1, 1.]]), "cov": np.array([np.eye(2), np.eye(2)])}
    domains = {"m": "real", "cov": "covariance"}
    head = "axis D = columns\n  data y: real[D]\n  "
    full = mixture_case("NormalInverseWishart", head + "param cov: covariance[K, D] ~ InverseWishart(5, scale: diag([1, 2]))\n"
                        "  param m: real[K, D] ~ Normal(0.5, cov: cov / 3)", "P(y | z) = Normal(m[z], cov: cov[z])", columns(y),
                        start, domains, density, prior)
    tied = mixture_case("NormalInverseWishart, tied", head + "param cov: covariance[D] ~ InverseWishart(5, scale: diag([1, 2]))\n"
                        "  param m: real[K, D] ~ Normal(0.5, cov: cov / 3)", "P(y | z) = Normal(m[z], cov: cov)", columns(y),
                        {"m": start["m"], "cov": start["cov"][:1]}, domains, tied_density, tied_prior)
    for part in ("start", "parameters"):
        tied[part]["cov"] = tied[part]["cov"][0]
    x = y[:, 0] + y[:, 1]
    normal = lambda theta: stats.norm.logpdf(x[:, None], theta["m"], np.sqrt(theta["v"]))
    gamma_prior = lambda theta: (stats.norm.logpdf(theta["m"], 1, np.sqrt(theta["v"] / 4))
                                 + stats.invgamma.logpdf(theta["v"], 3, scale=2)).sum()
    one = mixture_case("NormalInverseGamma", "data y: real\n  param v: positive[K] ~ InverseGamma(3, scale: 2)\n"
                       "  param m: real[K] ~ Normal(1, var: v / 4)", "P(y | z) = Normal(m[z], var: v[z])", {"y": x},
                       {"m": np.array([0, 3.]), "v": np.array([1, 1.])}, {"m": "real", "v": "positive"}, normal, gamma_prior)
    sd = lambda theta: stats.norm.logpdf(x[:, None], theta["m"], 2 * theta["s"])
    flat = lambda theta: stats.norm.logpdf(theta["m"], 1, 3 * theta["s"]).sum()
    two = mixture_case("NormalInverseGamma, by standard deviation", "data y: real\n  param s: positive[K]\n"
                       "  param m: real[K] ~ Normal(1, sd: 3 * s)", "P(y | z) = Normal(m[z], sd: 2 * s[z])", {"y": x},
                       {"m": np.array([0, 3.]), "s": np.array([1, 1.])}, {"m": "real", "s": "positive"}, sd, flat)
    return [full, tied, one, two]


def in_order_cases(random):
    """Three components told apart by y; what is declared in order descends in the truth between the last two, so that the best
    values in order are equal there. The direct climb holds them equal, and checks that parting them upward loses."""
    rows = 240
    z = random.integers(0, 3, rows)
    y = np.array([0, 4, 8.])[z] + random.standard_normal(rows)
    x = np.array([-1, 3, 1.])[z] + np.array([1, .7, 1.5])[z] * random.standard_normal(rows)
    n = random.poisson(np.array([2, 9, 6.])[z])
    plain = np.array([0, 1, 1])  # which free value each component has
    start = {"a": np.array([1, 4, 7.]), "s": np.array([1, 1, 1.]), "m": np.array([-1, 2.])}
    domains = {"a": "real", "s": "positive", "m": "real"}
    of_y = lambda theta: stats.norm.logpdf(y[:, None], theta["a"], 1)
    normal = lambda theta: of_y(theta) + stats.norm.logpdf(x[:, None], theta["m"][plain], theta["s"])
    counts = lambda theta: of_y(theta) + stats.poisson.logpmf(n[:, None], np.exp(theta["m"][plain]))
    head = "data y: real\n  data x: {}\n  param a: real[K]\n  param m: ordered[K]"
    one = mixture_case("in order: means", head.format("real") + "\n  param s: positive[K]",
                       "P(y | z) = Normal(a[z], sd: 1)\n  P(x | z) = Normal(m[z], sd: s[z])", {"y": y, "x": x}, start, domains, normal)
    two = mixture_case("in order: log-rates", head.format("count"),
                       "P(y | z) = Normal(a[z], sd: 1)\n  P(x | z) = Poisson(log_rate: m[z])", {"y": y, "x": n},
                       {"a": start["a"], "m": np.array([1, 2.])}, {"a": "real", "m": "real"}, counts)
    for case, density in ((one, normal), (two, counts)):
        theta = {name: np.array(value) for name, value in case["parameters"].items()}
        apart = {**theta, "m": theta["m"][plain] + [0, 0, 1e-3]}
        saved, plain[:] = plain.copy(), [0, 1, 2]
        joint = special.logsumexp(np.log(theta["weight"]) + density(apart), axis=1).sum()
        plain[:] = saved
        assert joint < case["objective"], "the order does not bind"
        case["text"] = case["text"].replace("q(z | y)", "q(z | y, x)")
        for part in ("start", "parameters"):
            case[part]["m"] = np.array(case[part]["m"])[plain].tolist()
    return [one, two]


def laplace_cases(random):
    """Between two rows ln P is convex in a location, so that its tops lie at rows: all pairs of rows are tried."""
    rows = 60
    z = (random.random(rows) < .6).astype(int)
    y = np.round(np.array([-2, 3.])[z] + np.array([1, 1.5])[z] * random.laplace(size=rows), 3)
    density = lambda m, s: stats.laplace.logpdf(y[:, None], m, s)
    # The first coordinates are the logarithms of scales, the last the log-odds of the weight.
    parts = lambda u: (np.exp(u[:2]), shares(u[2:]))
    climbed = lambda m, u: -special.logsumexp(np.log(parts(u)[1]) + density(m, parts(u)[0]), axis=1).sum()
    coarse = lambda m: optimize.minimize(lambda u: climbed(m, u), [0, .3, -.4], method="BFGS", options={"gtol": 1e-2}).fun
    ordered = np.sort(y)
    pairs = [(a, b) for i, a in enumerate(ordered) for b in ordered[i + 1:] if -3 < a < 0 and 1 < b < 5]
    best = sorted((coarse(np.array(pair)), pair) for pair in pairs)[:20]
    ends = []
    for _, pair in best:
        m = np.array(pair)
        start = {"weight": np.array([.4, .6]), "s": np.array([1, 1.4])}
        objective = lambda theta: special.logsumexp(np.log(theta["weight"]) + density(m, theta["s"]), axis=1).sum()
        theta, top = maximise(objective, Coordinates({"weight": "simplex", "s": "positive"}, start))
        ends.append((top, pair, theta))
    top, pair, theta = max(ends, key=lambda end: end[0])
    start = {"weight": [.5, .5], "m": np.round(pair, 1), "s": [1, 1]}
    text = mixture_text("data y: real\n  param m: real[K]\n  param s: positive[K]", "P(y | z) = Laplace(m[z], scale: s[z])")
    return [as_case("Laplace", text, {"y": y}, start, {**theta, "m": pair}, top)]


MAKERS = [multinomial_cases, dirichlet_cases, normal_inverse_cases, in_order_cases, laplace_cases]


def main():
    cases = []
    for number, maker in enumerate(MAKERS):
        cases += maker(np.random.default_rng(20260 + number))
    (HERE / "families.json").write_text(json.dumps(cases) + "\n")
    for case in cases:
        print(case["name"], case["objective"])


if __name__ == "__main__":
    main()
