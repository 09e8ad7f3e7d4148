#!/usr/bin/env python3
"""Freezes correlations.json: Normals of unit variances whose correlations are maximised directly, by families.py's climb.

A correlation matrix moves in the entries below the diagonal of its Cholesky factor over the diagonal's.
"""
import json
import pathlib

import numpy as np
from scipy import stats

import families
from families import columns, mixture_case

HERE = pathlib.Path(__file__).resolve().parent


def ratios(matrices):
    lower = np.linalg.cholesky(np.asarray(matrices, float))
    return np.concatenate([[l[i, j] / l[i, i] for i in range(len(l)) for j in range(i)] for l in lower])


def correlations(u, shape):
    made = []
    for one in u.reshape(shape[0], -1):
        lower = np.eye(shape[1])
        lower[np.tril_indices(shape[1], -1)] = one
        lower /= np.linalg.norm(lower, axis=1, keepdims=True)
        made.append(lower @ lower.T)
    return np.array(made)


families.DOMAINS["correlation"] = (ratios, correlations)


def main():
    random = np.random.default_rng(20264)
    rows = 200
    z = (random.random(rows) < .6).astype(int)
    true = np.array([[[1, .7, .2], [.7, 1, .4], [.2, .4, 1]], [[1, -.5, 0], [-.5, 1, .3], [0, .3, 1]]])
    y = np.array([[0, 0, 0], [1.5, 1, 2]])[z] + np.array([np.linalg.cholesky(true[k]) @ random.standard_normal(3) for k in z])
    start = {"R": np.array([np.eye(3)] * 2), "m": np.array([[0, 0, 0], [1, 1, 1.]])}
    domains = {"m": "real", "R": "correlation"}
    normal = stats.multivariate_normal.logpdf
    own = lambda theta: np.array([normal(y, m, r) for m, r in zip(theta["m"], theta["R"])]).T
    one = lambda theta: np.array([normal(y, m, theta["R"][0]) for m in theta["m"]]).T
    head = "axis D = columns\n  data y: real[D]\n  param m: real[K, D]\n  param R: correlation"
    cases = [mixture_case("own", head + "[K, D]", "P(y | z) = Normal(m[z], cov: R[z])", columns(y), start, domains, own),
             mixture_case("one", head + "[D]", "P(y | z) = Normal(m[z], cov: R)", columns(y),
                          {"m": start["m"], "R": start["R"][:1]}, domains, one)]
    for part in ("start", "parameters"):
        cases[1][part]["R"] = cases[1][part]["R"][0]
    (HERE / "correlations.json").write_text(json.dumps(cases) + "\n")
    for each in cases:
        print(each["name"], each["objective"], each["parameters"])


if __name__ == "__main__":
    main()
