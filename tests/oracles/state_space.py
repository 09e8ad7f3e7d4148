#!/usr/bin/env python3
"""Gaussian chains, with statsmodels' state-space tools as the oracle (python3-statsmodels): state_space.py freezes state_space.json beside
this script, and writes the simulated examples/data/tanks.csv where it is missing.

  nile    local level with a start of N(0, 1e7): the maximum of the likelihood, and the smoothed level at given variances, of the
          whole series and without twenty years of it;
  tanks   four states, ten outputs, inputs to both, some cells and steps absent: log likelihood and smoothed states at given parameters,
          and the maximum that SciPy's L-BFGS reaches from them with the gradient by Fisher's identity from statsmodels' smoother.
"""
import json
import pathlib

import numpy as np
from scipy import optimize
from statsmodels.tsa.statespace.kalman_smoother import KalmanSmoother

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parents[1] / "examples" / "data"


def level(y, level_var, noise_var):
    model = KalmanSmoother(k_endog=1, k_states=1)
    model.bind(y.reshape(-1, 1).copy())
    model["design", 0, 0] = model["transition", 0, 0] = model["selection", 0, 0] = 1
    model["obs_cov", 0, 0], model["state_cov", 0, 0] = noise_var, level_var
    model.initialize_known(np.zeros(1), np.array([[1e7]]))
    model.tolerance = 0  # no steady state that is nearly one
    return model


def smoothed(model):
    s = model.smooth()
    return {"log_likelihood": float(s.llf_obs.sum()), "mean": s.smoothed_state.T.tolist(),
            "sd": np.sqrt(np.einsum("iit->ti", s.smoothed_state_cov)).tolist()}


def nile():
    y = np.loadtxt(DATA / "nile.csv", delimiter=",", skiprows=1)[:, 1]
    gaps = y.copy()
    gaps[20:40] = np.nan
    cases = []
    for name, series in (("all", y), ("gaps", gaps)):
        p = np.log([1000.0, 10000.0])
        for _ in range(4):
            p = optimize.minimize(lambda p: -level(series, *np.exp(p)).loglike(), p, method="Nelder-Mead",
                                  options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 5000}).x
        print(f"nile {name:5} maximum {level(series, *np.exp(p)).loglike():.9f} at {np.exp(p)}")
        cases.append({"name": name, "level_var": 1469.1, "noise_var": 15098.5, "at": smoothed(level(series, 1469.1, 15098.5)),
                      "maximum": {"log_likelihood": float(level(series, *np.exp(p)).loglike()), "parameters": np.exp(p).tolist()}})
    return cases


STATES, OUTPUTS, INPUTS, STEPS = 4, 10, 2, 250
SHAPES = {"A": (STATES, STATES), "B": (STATES, INPUTS), "C": (OUTPUTS, STATES), "E": (OUTPUTS, INPUTS), "c": (OUTPUTS,), "noise": (OUTPUTS,)}
START_SD, STEP_SD = 2.0, 1.0


def truth(generator):
    turn = lambda angle, r: r * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    A = np.zeros((STATES, STATES))
    A[:2, :2], A[2:, 2:], A[0, 2] = turn(0.3, 0.95), turn(1.1, 0.8), 0.2
    return {"A": A, "B": generator.normal(size=SHAPES["B"]), "C": generator.normal(size=SHAPES["C"]), "E": generator.normal(size=SHAPES["E"]),
            "c": 3 * generator.normal(size=OUTPUTS), "noise": generator.uniform(0.3, 2, OUTPUTS)}


def simulate():
    generator = np.random.default_rng(11)
    p = truth(generator)
    t = np.arange(STEPS)
    u = np.c_[np.sign(np.sin(t / 9)), generator.normal(size=STEPS)]
    z, rows = generator.normal(size=STATES) * START_SD, []
    for i in t:
        if i > 0:
            z = p["A"] @ z + p["B"] @ u[i] + STEP_SD * generator.normal(size=STATES)
        rows.append(p["C"] @ z + p["E"] @ u[i] + p["c"] + np.sqrt(p["noise"]) * generator.normal(size=OUTPUTS))
    y = np.round(np.array(rows), 3)
    y[generator.uniform(size=y.shape) < 0.03] = np.nan
    y[100:104] = np.nan
    lines = [",".join(["hour", "valve", "pump"] + [f"y{d + 1}" for d in range(OUTPUTS)])]
    for i in t:
        cells = ["" if np.isnan(v) else f"{v:.3f}" for v in y[i]]
        lines.append(",".join([str(i), f"{u[i, 0]:.0f}", f"{u[i, 1]:.3f}"] + cells))
    (DATA / "tanks.csv").write_text("\n".join(lines) + "\n")


def system(p, y, u):
    model = KalmanSmoother(k_endog=OUTPUTS, k_states=STATES)
    model.bind(y.copy())
    model["design"], model["transition"], model["selection"] = p["C"], p["A"], np.eye(STATES)
    model["obs_cov"], model["state_cov"] = np.diag(p["noise"]), STEP_SD**2 * np.eye(STATES)
    model["obs_intercept"] = (u @ p["E"].T + p["c"]).T.copy()
    # statsmodels adds the intercept of step t to the state of step t + 1.
    model["state_intercept"] = np.vstack([u[1:] @ p["B"].T, np.zeros(STATES)]).T.copy()
    model.initialize_known(np.zeros(STATES), START_SD**2 * np.eye(STATES))
    model.tolerance = 0
    return model


def unpack(x):
    p, at = {}, 0
    for name, shape in SHAPES.items():
        size = int(np.prod(shape))
        p[name], at = x[at:at + size].reshape(shape), at + size
    return p | {"noise": np.exp(p["noise"])}


def pack(p):
    return np.concatenate([np.ravel(np.log(p[name]) if name == "noise" else p[name]) for name in SHAPES])


def with_gradient(x, y, u):
    """Minus the log likelihood, and its gradient: the expected gradient of ln P(y, z) (Fisher's identity)."""
    p = unpack(x)
    s = system(p, y, u).smooth()
    m, V = s.smoothed_state.T, np.moveaxis(s.smoothed_state_cov, 2, 0)
    lag = np.moveaxis(s.smoothed_state_autocov, 2, 0)  # Cov(z_{t+1}, z_t) of statsmodels 0.13
    moment = V + m[:, :, None] * m[:, None, :]
    pair = lag[:-1] + m[1:, :, None] * m[:-1, None, :]
    new = u[1:]
    A = (pair.sum(0) - p["A"] @ moment[:-1].sum(0) - p["B"] @ new.T @ m[:-1]) / STEP_SD**2
    B = (m[1:].T @ new - p["A"] @ m[:-1].T @ new - p["B"] @ new.T @ new) / STEP_SD**2
    C, E, c, noise = (np.zeros(SHAPES[name]) for name in ("C", "E", "c", "noise"))
    for d in range(OUTPUTS):
        there = ~np.isnan(y[:, d])
        r = y[there, d] - u[there] @ p["E"][d] - p["c"][d]
        C[d] = (r @ m[there] - p["C"][d] @ moment[there].sum(0)) / p["noise"][d]
        left = r - m[there] @ p["C"][d]
        E[d], c[d] = left @ u[there] / p["noise"][d], left.sum() / p["noise"][d]
        square = left @ left + np.einsum("i,tij,j->", p["C"][d], V[there], p["C"][d])
        noise[d] = 0.5 * (square / p["noise"][d] - there.sum())
    gradient = np.concatenate([np.ravel(g) for g in (A, B, C, E, c, noise)])
    return -float(s.llf_obs.sum()), -gradient


def tanks():
    if not (DATA / "tanks.csv").exists():
        simulate()
    table = np.genfromtxt(DATA / "tanks.csv", delimiter=",", skip_header=1)
    u, y = table[:, 1:3], table[:, 3:]
    p = truth(np.random.default_rng(11))
    x = pack(p)
    direction = np.random.default_rng(1).normal(size=x.size)
    value, gradient = with_gradient(x, y, u)
    step = 1e-5
    slope = (with_gradient(x + step * direction, y, u)[0] - with_gradient(x - step * direction, y, u)[0]) / (2 * step)
    assert abs(slope - gradient @ direction) < 1e-5 * abs(slope), (slope, gradient @ direction)
    at = smoothed(system(p, y, u))
    for _ in range(3):
        found = optimize.minimize(with_gradient, x, args=(y, u), jac=True, method="L-BFGS-B",
                                  options={"maxiter": 5000, "maxfun": 20000, "ftol": 1e-16, "gtol": 1e-7, "maxcor": 50})
        x = found.x
    print(f"tanks {-value:.9f}, maximum {-found.fun:.9f}, greatest slope {np.abs(found.jac).max():.2e}")
    return {"parameters": {name: v.tolist() for name, v in p.items()}, "at": at,
            "maximum": {"log_likelihood": -float(found.fun), "parameters": {name: v.tolist() for name, v in unpack(x).items()}}}


if __name__ == "__main__":
    made = {"flow": np.loadtxt(DATA / "nile.csv", delimiter=",", skiprows=1)[:, 1].tolist(), "nile": nile(), "tanks": tanks()}
    (HERE / "state_space.json").write_text(json.dumps(made) + "\n")
