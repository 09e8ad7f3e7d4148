#!/usr/bin/env python3
"""Gaussian mixtures of tables with absent cells: missing.py [folder of the CSV files] freezes missing_*.json beside this script.

The objective is the observed-data log likelihood, written row by row from the marginal density of what is observed
(Little & Rubin 2002, eq. 8.1 with section 11.2). Two ways to its maximum:

- EM. Full covariances: absent cells are imputed by their conditional mean, with the conditional covariance added to the second
  moments (Little & Rubin 2002, section 11.2.2; for mixtures Ghahramani & Jordan 1994). Variances: absent cells are left out.
- direct maximisation by scipy's L-BFGS-B of the same log likelihood over weights, means and Cholesky factors, from EM's end, with
  the gradient of the marginal densities (d ln p / d mean_o = S^-1 d, d ln p / d cov_oo = (S^-1 d d' S^-1 - S^-1) / 2).
"""
import json
import pathlib
import sys

import numpy as np
from scipy.optimize import minimize

import em
import generate_fixtures as complete

HERE = pathlib.Path(__file__).resolve().parent


def patterns(y):
    """(observed columns, rows) for each distinct set of observed columns."""
    seen, inverse = np.unique(~np.isnan(y), axis=0, return_inverse=True)
    return [(np.flatnonzero(o), np.flatnonzero(inverse.ravel() == i)) for i, o in enumerate(seen)]


class Gaussian(em.GaussianEmission):
    """The emission of em.py where cells of y may be NaN."""

    def __init__(self, y, form):
        super().__init__(y, form)
        self.patterns = patterns(self.y)

    def covariances(self, parameters):
        K, D = parameters["mean"].shape
        return em.component_covariances(self.form, parameters[em.variance_name(self.form)], K, D)

    def log_density(self, parameters):
        mean, cov = parameters["mean"], self.covariances(parameters)
        out = np.zeros((len(self.y), len(mean)))
        for o, rows in self.patterns:
            for k in range(len(mean)):
                s = cov[k][np.ix_(o, o)]
                d = self.y[np.ix_(rows, o)] - mean[k][o]
                quadratic = (d * np.linalg.solve(s, d.T).T).sum(axis=1) if len(o) else 0
                out[rows, k] = -0.5 * (len(o) * em.LOG_2PI + np.linalg.slogdet(s)[1] + quadratic)
        return out

    def maximise_with(self, r, parameters):
        return self.full(r, parameters) if self.form in ("full", "tied") else self.variances(r)

    def full(self, r, parameters):
        mean, cov = parameters["mean"], self.covariances(parameters)
        K, D = mean.shape
        n, s1, s2 = r.sum(axis=0), np.zeros((K, D)), np.zeros((K, D, D))
        for o, rows in self.patterns:
            m = np.setdiff1d(np.arange(D), o)
            for k in range(K):
                d = np.zeros((len(rows), D))
                d[:, o] = self.y[np.ix_(rows, o)] - mean[k][o]
                slope = np.linalg.solve(cov[k][np.ix_(o, o)], cov[k][np.ix_(o, m)])
                d[:, m] = d[:, o] @ slope
                w = r[rows, k]
                s1[k] += w @ d
                s2[k] += (w[:, None] * d).T @ d
                s2[k][np.ix_(m, m)] += w.sum() * (cov[k][np.ix_(m, m)] - cov[k][np.ix_(m, o)] @ slope)
        delta = s1 / n[:, None]
        scatter = s2 - n[:, None, None] * delta[:, :, None] * delta[:, None, :]
        own = scatter / n[:, None, None]
        return {"mean": mean + delta, "cov": own if self.form == "full" else scatter.sum(axis=0) / len(self.y)}

    def variances(self, r):
        observed = ~np.isnan(self.y)
        origin = np.nanmean(self.y, axis=0)
        d = np.where(observed, self.y - origin, 0)
        n = r.T @ observed
        shift = (r.T @ d) / n
        K = r.shape[1]
        scatter = np.stack([r[:, k] @ np.where(observed, d - shift[k], 0) ** 2 for k in range(K)])
        var = {
            "diagonal": lambda: scatter / n,
            "tied_diagonal": lambda: scatter.sum(axis=0) / n.sum(axis=0),
            "spherical": lambda: scatter.sum(axis=1) / n.sum(axis=1),
            "tied_spherical": lambda: np.array(scatter.sum() / n.sum()),
        }[self.form]()
        return {"mean": origin + shift, "var": var}


class Mixture(em.Mixture):
    def step(self, parameters):
        r = self.responsibilities(parameters)
        return {"weight": r.sum(axis=0) / len(r)} | self.emissions[0].maximise_with(r, parameters)


class Direct:
    """The log likelihood as a function of one unbounded vector, with its gradient."""

    def __init__(self, mixture, parameters):
        self.mixture, self.form = mixture, mixture.emissions[0].form
        self.K, self.D = parameters["mean"].shape
        self.name = em.variance_name(self.form)
        self.shape = np.shape(parameters[self.name])

    def pack(self, p):
        spread = p[self.name]
        if self.name == "cov":
            lower = np.linalg.cholesky(spread)
            i = np.arange(self.D)
            lower[..., i, i] = np.log(lower[..., i, i])
            spread = lower
        else:
            spread = np.log(spread)
        return np.concatenate([np.log(p["weight"]), p["mean"].ravel(), np.ravel(spread)])

    def unpack(self, x):
        K, D = self.K, self.D
        weight = np.exp(x[:K] - x[:K].max())
        spread = x[K + K * D:].reshape(self.shape)
        if self.name == "cov":
            lower = np.tril(spread)
            i = np.arange(D)
            lower[..., i, i] = np.exp(lower[..., i, i])
            self.lower, spread = lower, lower @ np.swapaxes(lower, -1, -2)
        else:
            spread = np.exp(spread)
        return {"weight": weight / weight.sum(), "mean": x[K:K + K * D].reshape(K, D), self.name: spread}

    def value(self, x):
        """- ln likelihood and its gradient."""
        p = self.unpack(x)
        emission = self.mixture.emissions[0]
        joint = self.mixture.joint(p)
        evidence = em.log_sum_exp(joint)
        r = np.exp(joint - evidence[:, None])
        cov, mean = emission.covariances(p), p["mean"]
        by_mean, by_cov = np.zeros_like(mean), np.zeros((self.K, self.D, self.D))
        for o, rows in emission.patterns:
            for k in range(self.K):
                inverse = np.linalg.inv(cov[k][np.ix_(o, o)])
                e = (emission.y[np.ix_(rows, o)] - mean[k][o]) @ inverse
                w = r[rows, k]
                by_mean[k][o] += w @ e
                by_cov[k][np.ix_(o, o)] += 0.5 * ((w[:, None] * e).T @ e - w.sum() * inverse)
        by_weight = r.sum(axis=0) - len(r) * p["weight"]
        if self.name == "cov":
            by_spread = by_cov if self.form == "full" else by_cov.sum(axis=0)
            by_spread = np.tril(2 * by_spread @ self.lower)
            i = np.arange(self.D)
            by_spread[..., i, i] *= self.lower[..., i, i]
        else:
            each = np.einsum("kdd->kd", by_cov)
            by_spread = {"diagonal": each, "tied_diagonal": each.sum(axis=0), "spherical": each.sum(axis=1),
                         "tied_spherical": each.sum()}[self.form] * p["var"]
        return -evidence.sum(), -np.concatenate([by_weight, by_mean.ravel(), np.ravel(by_spread)])

    def maximum(self, parameters):
        x = self.pack(parameters)
        for _ in range(4):  # restarts forget a bad curvature
            x = minimize(self.value, x, jac=True, method="L-BFGS-B",
                         options={"maxiter": 20000, "maxfun": 40000, "ftol": 0, "gtol": 1e-9, "maxcor": 50}).x
        return -self.value(x)[0]

    def gradient_error(self, parameters):
        """Against central differences in a few random directions: the gradient is a derivation of its own."""
        x, random = self.pack(parameters), np.random.default_rng(1)
        gradient, worst = self.value(x)[1], 0.0
        for _ in range(3):
            v = random.normal(size=len(x))
            if self.name == "cov":
                v[self.K + self.K * self.D:] = np.tril(v[self.K + self.K * self.D:].reshape(self.shape)).ravel()
            h = 1e-5
            numeric = (self.value(x + h * v)[0] - self.value(x - h * v)[0]) / (2 * h)
            worst = max(worst, abs(numeric - gradient @ v) / max(1, abs(numeric)))
        return worst


def remove(y, seed):
    """A fifth of the cells, at random."""
    cells = np.sort(np.random.default_rng(seed).choice(y.size, size=round(0.2 * y.size), replace=False))
    holes = y.copy()
    holes.ravel()[cells] = np.nan
    return holes, cells


def start_of(y, form, K):
    """Means at K rows of the complete table, its covariance, unequal weights."""
    start = em.gaussian_start(y, form, K)
    start["weight"] = np.arange(1.0, K + 1) / (K * (K + 1) / 2)
    return start


def case(name, form, K):
    columns, y = complete.table(name)
    holes, cells = remove(y, 20)
    mixture, start = Mixture(Gaussian(holes, form)), start_of(y, form, K)
    result = {"data": name, "columns": columns, "form": form, "K": K, "removed": cells.tolist()}
    result |= complete.case(mixture, start)
    parameters = complete.converged(mixture, start, result)
    assert parameters is not None, (name, form, K)
    direct = Direct(mixture, parameters)
    error = direct.gradient_error(start)
    assert error < 1e-6, (name, form, K, error)
    result["direct"] = direct.maximum(parameters)
    gain = result["direct"] - result["converged"]["log_likelihood"]
    assert abs(gain) < 1e-7, (name, form, K, gain)
    print(f"{name:9}{form:15}K={K} {len(mixture.emissions[0].patterns):4} patterns {result['converged']['log_likelihood']:16.9f}"
          f" in {result['converged']['iterations']:6}  direct {gain:+.1e}  gradient {error:.1e}", flush=True)
    return result


def sizes_of(name, form):
    if name == "wine" and form == "full":
        return (1,)  # two covariances of 13 columns collapse on 178 rows
    return (2, 3) if name == "iris" else (2,)


def main():
    for name in ("faithful", "iris", "wine"):
        complete.write(f"missing_{name}", [case(name, form, K)
                                          for form in em.GAUSSIAN_FORMS for K in sizes_of(name, form)])


if __name__ == "__main__":
    main()
