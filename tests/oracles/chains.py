#!/usr/bin/env python3
"""Hidden Markov models as plainly as NumPy says them: chains.py freezes chains.json beside this script. Every pass is in logarithms, pairs of states
are summed as they stand (Rabiner 1989, eq. 37), and the M-step is the ratio of expected counts (eq. 40). A missing value has no emission."""
import json
import pathlib

import numpy as np
from scipy.special import gammaln, logsumexp

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parents[1] / "examples" / "data"


def log(x):
    with np.errstate(divide="ignore"):
        return np.log(x)


def emissions(kind, p, y):
    if kind == "poisson":
        terms = y[:, None] * np.log(p["rate"]) - p["rate"] - gammaln(y + 1)[:, None]
    else:
        terms = -0.5 * (np.log(2 * np.pi * np.square(p["sd"])) + np.square((y[:, None] - p["mean"]) / p["sd"]))
    return np.where(np.isnan(y)[:, None], 0.0, terms)


def smooth(p, e):
    """ln P(y), P(z_t | y) and P(z_t, z_t+1 | y) of one series."""
    steps, k = e.shape
    A = log(np.array(p["move"]))
    a, b = np.empty((steps, k)), np.zeros((steps, k))
    a[0] = log(np.array(p["start"])) + e[0]
    for t in range(1, steps):
        a[t] = logsumexp(a[t - 1][:, None] + A, axis=0) + e[t]
    for t in range(steps - 2, -1, -1):
        b[t] = logsumexp(A + e[t + 1] + b[t + 1], axis=1)
    total = logsumexp(a[-1])
    pairs = np.exp(a[:-1, :, None] + A + (e + b)[1:, None, :] - total)
    return total, np.exp(a + b - total), pairs


def step(kind, p, series):
    k = len(p["start"])
    total, start, move, states = 0.0, np.zeros(k), np.zeros((k, k)), []
    for y in series:
        value, g, pairs = smooth(p, emissions(kind, p, y))
        total += value
        start += g[0]
        move += pairs.sum(0)
        states.append(g)
    y, g = np.concatenate(series), np.concatenate(states)
    g, y = g[~np.isnan(y)], y[~np.isnan(y)]
    new = {"start": start / start.sum(), "move": move / move.sum(1, keepdims=True)}
    mean = g.T @ y / g.sum(0)
    if kind == "poisson":
        new["rate"] = mean
    else:
        new["mean"] = mean
        new["sd"] = np.sqrt((g * np.square(y[:, None] - mean)).sum(0) / g.sum(0))
    return total, new, states


def listed(p):
    return {name: np.asarray(value).tolist() for name, value in p.items()}


def case(name, kind, columns, series, start, updates):
    p = {key: np.array(value, float) for key, value in start.items()}
    trace = []
    for _ in range(updates):
        total, p, _ = step(kind, p, series)
        trace.append(total)
    total, _, states = step(kind, p, series)
    trace.append(total)
    print(f"{name:12}{trace[0]:16.8f}{trace[-1]:16.8f}  {listed(p)}")
    smoothed = np.concatenate(states)
    return {"name": name, "kind": kind, "table": {key: [None if np.isnan(x) else x for x in value] for key, value in columns.items()}, "start": start, "updates": updates, "trace": trace,
            "parameters": listed(p), "smoothed": smoothed[:: max(1, len(smoothed) // 50)].tolist(), "every": max(1, len(smoothed) // 50)}


def of_file(name):
    table = np.loadtxt(DATA / f"{name}.csv", delimiter=",", skiprows=1)
    return {"time": table[:, 0].tolist(), "y": table[:, 1].tolist()}, [table[:, 1]]


def drawn(kind, seed):
    rng = np.random.default_rng(seed)
    move = np.array([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.3, 0.1, 0.6]])
    columns, series = {"series": [], "time": [], "y": []}, []
    for s in range(500):
        z, values = rng.choice(3, p=[0.5, 0.3, 0.2]), []
        for t in range(1 + rng.integers(12) + (60 if s % 100 == 0 else 0)):
            y = float(rng.poisson([1.0, 5.0, 14.0][z])) if kind == "poisson" else round(rng.normal([-2.0, 0.5, 4.0][z], [0.7, 1.2, 0.5][z]), 4)
            values.append(np.nan if rng.random() < 0.04 else y)
            z = rng.choice(3, p=move[z])
        columns["series"] += [float(s)] * len(values)
        columns["time"] += [float(t) for t in range(len(values))]
        columns["y"] += values
        series.append(np.array(values))
    return columns, series


if __name__ == "__main__":
    even = [[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.15, 0.25, 0.6]]
    two = {"start": [0.6, 0.4], "move": [[0.8, 0.2], [0.3, 0.7]]}
    three = {"start": [0.4, 0.35, 0.25], "move": even}
    cases = [
        case("discoveries", "poisson", *of_file("discoveries"), {**two, "rate": [2.0, 5.0]}, 40),
        case("lynx", "gaussian", *of_file("lynx"), {**two, "mean": [600.0, 2800.0], "sd": [500.0, 1500.0]}, 40),
        case("counts", "poisson", *drawn("poisson", 1), {**three, "rate": [2.0, 4.0, 10.0]}, 15),
        case("numbers", "gaussian", *drawn("gaussian", 2), {**three, "mean": [-1.0, 0.0, 3.0], "sd": [1.0, 1.0, 1.0]}, 15),
        case("left_right", "gaussian", *drawn("gaussian", 3),
             {"start": [0.5, 0.3, 0.2], "move": [[0.6, 0.4, 0.0], [0.0, 0.5, 0.5], [0.2, 0.0, 0.8]], "mean": [-1.0, 0.0, 3.0], "sd": [1.5, 1.5, 1.5]}, 15),
    ]
    (HERE / "chains.json").write_text(json.dumps({"cases": cases}) + "\n")
