#!/usr/bin/env python3
"""Standard errors of mixtures by another road than lvm's: standard_errors.py writes standard_errors.json.

lvm takes second differences of the objective in coordinates of its own. Here the score (the gradient of the log likelihood in the
parameters themselves, the last weight eliminated) is written down by hand, its Jacobian comes from the complex step of Squire and
Trapp (1998), exact to rounding, and minus its inverse is the covariance. The maximum is found by EM followed by Newton's method,
until the score vanishes.
"""
import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent.parent / "examples/data"


def jacobian(score, theta):
    h = 1e-30
    columns = []
    for i in range(len(theta)):
        moved = theta.astype(complex)
        moved[i] += 1j * h
        columns.append(score(moved).imag / h)
    return np.array(columns).T


def newton(score, theta):
    for _ in range(50):
        step = np.linalg.solve(jacobian(score, theta), score(theta).real)
        theta = theta - step
        if np.max(np.abs(step / np.maximum(np.abs(theta), 1e-3))) < 1e-13:
            break
    assert np.max(np.abs(score(theta).real * np.abs(theta))) < 1e-6
    return theta


def errors(score, theta):
    """Of theta, and of the last weight, which is 1 minus the weights before it (the first K - 1 of theta)."""
    return np.linalg.inv(-jacobian(score, theta))


def responsibilities(log_joint):
    top = log_joint.real.max(axis=1, keepdims=True)
    e = np.exp(log_joint - top)
    return e / e.sum(axis=1, keepdims=True)


def normal_score(y):
    def score(t):
        w = np.array([t[0], 1 - t[0]])
        m, s = t[1:3], t[3:5]
        u = (y[:, None] - m) / s
        r = responsibilities(np.log(w) - np.log(s) - u * u / 2)
        return np.concatenate([[np.sum(r[:, 0] / w[0] - r[:, 1] / w[1])], np.sum(r * u / s, axis=0), np.sum(r * (u * u - 1) / s, axis=0)])

    return score


def poisson_score(y):
    def score(t):
        w, rate = np.array([t[0], 1 - t[0]]), t[1:3]
        r = responsibilities(np.log(w) + y[:, None] * np.log(rate) - rate)
        return np.concatenate([[np.sum(r[:, 0] / w[0] - r[:, 1] / w[1])], np.sum(r * (y[:, None] / rate - 1), axis=0)])

    return score


def column(name, index):
    return np.loadtxt(DATA / name, delimiter=",", skiprows=1, ndmin=2)[:, index]


def main():
    waiting = column("faithful.csv", 1)
    theta = newton(normal_score(waiting), np.array([0.36, 54.6, 80.1, 5.87, 5.87]))
    error = np.sqrt(np.diag(errors(normal_score(waiting), theta)))
    cases = {"waiting": {"start": {"weight": [0.36, 0.64], "mean": [54.6, 80.1], "sd": [5.87, 5.87]},
                         "errors": {"weight": [error[0]] * 2, "mean": list(error[1:3]), "sd": list(error[3:5])}}}
    counts = column("discoveries.csv", 1)
    theta = np.array([0.5, 2.0, 5.0])
    for _ in range(2000):
        r = responsibilities(np.log([theta[0], 1 - theta[0]]) + counts[:, None] * np.log(theta[1:]) - theta[1:])
        theta = np.concatenate([[r[:, 0].mean()], r.T @ counts / r.sum(axis=0)])
    theta = newton(poisson_score(counts), theta)
    error = np.sqrt(np.diag(errors(poisson_score(counts), theta)))
    cases["discoveries"] = {"start": {"weight": [0.5, 0.5], "rate": [2.0, 5.0]},
                            "errors": {"weight": [error[0]] * 2, "rate": list(error[1:3])}}
    (HERE / "standard_errors.json").write_text(json.dumps(cases, indent=1) + "\n")


main()
