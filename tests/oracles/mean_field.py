#!/usr/bin/env python3
"""Posteriors of latents of the whole model and of groups, by plain NumPy: mean_field.py freezes mean_field.json beside this script, and
writes the simulated tables of examples/data that are missing.

  menus    Dirichlet-multinomial: the greatest marginal likelihood, by SciPy's minimisers on its closed form.
"""
import json
import pathlib

import numpy as np
from scipy import optimize
from scipy.special import gammaln

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parents[1] / "examples" / "data"


def table(name, columns, make):
    path = DATA / f"{name}.csv"
    if not path.exists():
        rows = make()
        path.write_text(",".join(columns) + "\n" + "".join(",".join(str(cell) for cell in row) + "\n" for row in rows))
    return np.loadtxt(path, delimiter=",", skiprows=1)


def menus():
    def make():
        rng = np.random.default_rng(3)
        return [rng.multinomial(20, rng.dirichlet([4.0, 2.5, 1.5, 0.6])) for _ in range(150)]

    y = table("menus", ["fish", "meat", "vegetables", "soup"], make)
    n = y.sum(1)

    def log_marginal(log_alpha):
        a = np.exp(log_alpha)
        ways = gammaln(n + 1) - gammaln(y + 1).sum(1)
        return (ways + gammaln(a.sum()) - gammaln(a.sum() + n) + (gammaln(a + y) - gammaln(a)).sum(1)).sum()

    found = optimize.minimize(lambda p: -log_marginal(p), np.zeros(4), method="Nelder-Mead",
                              options={"xatol": 1e-11, "fatol": 1e-13, "maxiter": 40000, "maxfev": 40000})
    return {"log_likelihood": -found.fun, "alpha": np.exp(found.x).tolist()}


if __name__ == "__main__":
    found = {"menus": menus()}
    (HERE / "mean_field.json").write_text(json.dumps(found) + "\n")
    print({name: case.get("log_likelihood", case.get("elbo")) for name, case in found.items()})
