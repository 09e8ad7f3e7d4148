#!/usr/bin/env python3
"""Mixed models without EM: plates.py freezes plates.json beside this script. The marginal likelihood of each group is a Gaussian with the
covariance Z G Z' + s^2 I (Laird & Ware 1982, eq. 2.1); SciPy maximises their sum, and the conditional means of the effects follow.
Some cases leave rows out, so that groups have different numbers of rows."""
import json
import pathlib

import numpy as np
from scipy import optimize

HERE = pathlib.Path(__file__).resolve().parent
TABLE = np.loadtxt(HERE.parents[1] / "examples" / "data" / "sleepstudy.csv", delimiter=",", skiprows=1)


def groups(table):
    return [table[table[:, 2] == subject] for subject in dict.fromkeys(table[:, 2])]


def factor(p):
    return np.array([[np.exp(p[0]), 0], [p[1], np.exp(p[2])]])


def parts(p):
    beta, L, s = p[:2], factor(p[2:5]), np.exp(p[5])
    return beta, L @ L.T, s


def log_likelihood(p, table):
    beta, G, s = parts(p)
    total = 0
    for g in groups(table):
        Z = np.c_[np.ones(len(g)), g[:, 1]]
        V, d = Z @ G @ Z.T + s**2 * np.eye(len(g)), g[:, 0] - Z @ beta
        total -= 0.5 * (len(g) * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + d @ np.linalg.solve(V, d))
    return total


def case(name, keep):
    table = TABLE[keep]
    p = np.array([250, 10, 3, 0, 1.7, 3.2])
    for _ in range(6):
        p = optimize.minimize(lambda p: -log_likelihood(p, table), p, method="Nelder-Mead",
                              options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20000, "maxfev": 20000}).x
    beta, G, s = parts(p)
    effects = []
    for g in groups(table):
        Z = np.c_[np.ones(len(g)), g[:, 1]]
        effects.append((G @ Z.T @ np.linalg.solve(Z @ G @ Z.T + s**2 * np.eye(len(g)), g[:, 0] - Z @ beta)).tolist())
    value = log_likelihood(p, table)
    print(f"{name:10}{value:14.8f}  beta {beta}  sd {np.sqrt(np.diag(G))}  correlation {G[0, 1] / np.sqrt(G[0, 0] * G[1, 1]):.4f}  residual {s:.5f}")
    return {"name": name, "rows": table.ravel().tolist(), "log_likelihood": value, "effects": effects,
            "parameters": {"fixed_effect": beta.tolist(), "G": G.tolist(), "noise": s}}


if __name__ == "__main__":
    everything = np.ones(len(TABLE), bool)
    some = np.arange(len(TABLE)) % 7 != 3
    some[:8] = False
    (HERE / "plates.json").write_text(json.dumps({"cases": [case("all", everything), case("ragged", some)]}) + "\n")
