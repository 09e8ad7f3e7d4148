#!/usr/bin/env python3
"""Freezes wishart.json: mixtures of random matrices whose (penalised) likelihood is maximised directly, by families.py's climb.

Densities are SciPy's, degrees of freedom move in their logarithms and scales in Cholesky factors.
"""
import json
import pathlib

import numpy as np
from scipy import stats

from families import mixture_case

HERE = pathlib.Path(__file__).resolve().parent
SCALES = np.array([[[1, .3], [.3, .5]], [[.4, -.1], [-.1, 1.2]]])


def cells(x, name="S"):
    return {f"{name}{i + 1}_{j + 1}": x[:, i, j] for i in range(x.shape[1]) for j in range(x.shape[2])}


def draws(random, law, df, scales, rows):
    z = (random.random(rows) < .6).astype(int)
    return np.array([law.rvs(df[i] if np.ndim(df) and len(df) == rows else df[z[i]], scales[z[i]], random_state=random) for i in range(rows)])


def by_component(law, x, df, scales, K=2):
    """df and scales of one element are those of every component."""
    x = np.moveaxis(x, 0, -1)
    pick = lambda values, k: values[k if len(values) > 1 else 0]
    return np.array([law.logpdf(x, pick(df, k), pick(scales, k)) for k in range(K)]).T


def case(name, family, law, x, declarations, factor, start, log_prior=lambda theta: 0.0, shared=(), extra=None, density=None):
    head = "axis D = columns\n  data S: covariance[D]\n  "
    domains = {"df": "positive", "V": "covariance"}
    density = density or (lambda theta: by_component(law, x, theta["df"], theta["V"]))
    made = mixture_case(name, head + declarations, factor, {**cells(x), **(extra or {})}, start, {key: domains[key] for key in start}, density, log_prior)
    made["text"] = made["text"].replace("q(z | y)", "q(z | S, n)" if extra else "q(z | S)")
    for key in shared:
        for part in ("start", "parameters"):
            made[part][key] = made[part][key][0]
    return made


def main():
    random = np.random.default_rng(20262)
    wishart, inverse = stats.wishart, stats.invwishart
    w = draws(random, wishart, [4, 9], SCALES, 240)
    v = draws(random, inverse, [6, 12], SCALES * [[[3]], [[9]]], 240)
    start = {"df": np.array([5, 7.]), "V": np.array([[[1, 0], [0, 1]], [[.5, 0], [0, 1.]]])}
    wide = {"df": np.array([7, 9.]), "V": np.array([[[4, 0], [0, 3]], [[4, 0], [0, 9.]]])}
    gamma = lambda theta: stats.gamma.logpdf(theta["df"], 3, scale=1 / .5).sum()
    both = "param df: positive[K]\n  param V: covariance[K, D]"
    list_of = [
        case("Wishart", "Wishart", wishart, w, both, "P(S | z) = Wishart(df[z], scale: V[z])", start),
        case("Wishart, one scale", "Wishart", wishart, w, "param df: positive[K]\n  param V: covariance[D]",
             "P(S | z) = Wishart(df[z], scale: V)", {"df": start["df"], "V": start["V"][:1]}, shared=("V",)),
        case("Wishart, one df", "Wishart", wishart, w, "param df: positive\n  param V: covariance[K, D]",
             "P(S | z) = Wishart(df, scale: V[z])", {"V": start["V"], "df": start["df"][:1]}, shared=("df",)),
        case("Wishart, priors", "Wishart", wishart, w,
             "param df: positive[K] ~ Gamma(3, rate: 0.5)\n  param V: covariance[K, D] ~ InverseWishart(5, scale: diag([1, 2]))",
             "P(S | z) = Wishart(df[z], scale: V[z])", start,
             lambda theta: gamma(theta) + sum(inverse.logpdf(s, 5, np.diag([1., 2])) for s in theta["V"])),
        case("InverseWishart", "InverseWishart", inverse, v, both, "P(S | z) = InverseWishart(df[z], scale: V[z])", wide),
        case("InverseWishart, priors", "InverseWishart", inverse, v,
             "param df: positive[K] ~ Gamma(3, rate: 0.5)\n  param V: covariance[K, D] ~ Wishart(5, scale: diag([1, 2]))",
             "P(S | z) = InverseWishart(df[z], scale: V[z])", wide,
             lambda theta: gamma(theta) + sum(wishart.logpdf(s, 5, np.diag([1., 2])) for s in theta["V"])),
    ]
    # Sums of squares of samples of different sizes: the degrees of freedom are data, and scales are written as V / 2.
    n = random.integers(3, 15, 240).astype(float)
    x = draws(random, wishart, n, SCALES, 240)

    def rows(theta):
        made = np.empty((len(x), len(theta["V"])))
        for size in np.unique(n):
            made[n == size] = by_component(wishart, x[n == size], [size], theta["V"] / 2)
        return made

    list_of.append(case("Wishart, df of the rows", "Wishart", wishart, x, "given n: positive\n  param V: covariance[K, D]",
                        "P(S | z, n) = Wishart(n, scale: V[z] / 2)", {"V": start["V"]}, extra={"n": n}, density=rows))
    as_lists = lambda values: {key: np.asarray(value).tolist() for key, value in values.items()}
    (HERE / "wishart.json").write_text(json.dumps([{**each, "table": as_lists(each["table"])} for each in list_of]) + "\n")
    for each in list_of:
        print(each["name"], each["objective"], each["parameters"])


if __name__ == "__main__":
    main()
