#!/usr/bin/python3
"""EM of a Gaussian hidden Markov model in NumPy, as it is usually written there: scaled forward-backward (Rabiner 1989) with a loop over the steps and
vectors over the states. Prints the seconds of an iteration and the log likelihood after COUNT of them.

    hmm.py ROWS.npy START.json COUNT
"""
import json
import sys
import time

import numpy as np


def iterate(y, p):
    steps, k = len(y), len(p["start"])
    log_e = -0.5 * (np.log(2 * np.pi * p["sd"] ** 2) + ((y[:, None] - p["mean"]) / p["sd"]) ** 2)
    peak = log_e.max(axis=1)
    e = np.exp(log_e - peak[:, None])
    A = p["move"]
    a, b, c = np.empty((steps, k)), np.empty((steps, k)), np.empty(steps)
    row = p["start"] * e[0]
    for t in range(steps):
        if t:
            row = (a[t - 1] @ A) * e[t]
        c[t] = row.sum()
        a[t] = row / c[t]
    b[-1] = 1
    for t in range(steps - 2, -1, -1):
        b[t] = A @ (e[t + 1] * b[t + 1]) / c[t + 1]
    g = a * b
    pairs = A * (a[:-1].T @ (e[1:] * b[1:] / c[1:, None]))
    n = g.sum(axis=0)
    mean = g.T @ y / n
    new = {"start": g[0], "move": pairs / pairs.sum(axis=1, keepdims=True), "mean": mean}
    new["sd"] = np.sqrt((g * (y[:, None] - mean) ** 2).sum(axis=0) / n)
    return (np.log(c) + peak).sum(), new


def main():
    y = np.load(sys.argv[1])[:, 0]
    p = {name: np.array(value) for name, value in json.load(open(sys.argv[2])).items()}
    count, seconds = int(sys.argv[3]), []
    for _ in range(count + 1):  # the last one says the log likelihood alone
        begin = time.perf_counter()
        value, p = iterate(y, p)
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({"seconds": float(np.median(seconds)), "log_likelihood": value}))


if __name__ == "__main__":
    main()
