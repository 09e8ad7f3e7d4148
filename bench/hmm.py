"""Times EM of a Gaussian hidden Markov model: lvm beside NumPy, the same series, start and number of iterations, one thread."""
import json
import statistics
import sys

import numpy as np

from vae import HERE, measured

STEPS, STATES = 1_000_000, 8
BASE, ITERATIONS, PEER_ITERATIONS = 2, 12, 2
MODEL = """model hmm {
  axis K = 8
  sequence t
  data   y: real
  param  start: simplex[K]
  param  move:  simplex[K, K]
  param  mean:  real[K]
  param  sd:    positive[K]
  latent z: category[K]
  P(z[first])      = Categorical(start)
  P(z[t] | z[t-1]) = Categorical(move[z[t-1]])
  P(y[t] | z[t])   = Normal(mean[z[t]], sd: sd[z[t]])
  q(z | y)         = exact
}
"""


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hmm.lvm").write_text(MODEL)
    if (folder / "start.json").exists():
        return
    rng = np.random.default_rng(1989)
    move = 0.8 * np.eye(STATES) + 0.2 * rng.dirichlet(np.full(STATES, 2.0), size=STATES)
    bounds, u, z = move.cumsum(axis=1), rng.random(STEPS), 0
    y = np.empty((STEPS, 1))
    noise = rng.normal(size=STEPS)
    for t in range(STEPS):
        y[t, 0] = 1.5 * z + noise[t]
        z = min(int(np.searchsorted(bounds[z], u[t])), STATES - 1)
    start = {"start": np.full(STATES, 1 / STATES).tolist(), "move": (0.6 * np.eye(STATES) + 0.4 / STATES).tolist(),
             "mean": np.quantile(y, (np.arange(STATES) + 0.5) / STATES).tolist(), "sd": [1.0] * STATES}
    np.save(folder / "y.npy", y)
    (folder / "start.json").write_text(json.dumps(start))


def hmm(options, table):
    folder = options.work / "hmm"
    make(folder)

    def fit(count):
        result, _ = measured([options.lvmc, "run", folder / "hmm.lvm", folder / "y.npy", "--init", folder / "start.json", "--iterations", count,
                              "--tolerance", 0, "--threads", 1, "--no-folder", "--json"], 1)
        return result["timing"]["fit"], result["objective"]["value"]

    seconds = {"lvm": [], "NumPy": []}
    for _ in range(options.repeats):
        seconds["lvm"].append((fit(ITERATIONS)[0] - fit(BASE)[0]) / (ITERATIONS - BASE))
    peer, _ = measured(["/usr/bin/python3", HERE / "peers/hmm.py", folder / "y.npy", folder / "start.json", PEER_ITERATIONS], 1)
    seconds["NumPy"].append(peer["seconds"])
    ours = fit(PEER_ITERATIONS)[1]
    if abs(ours - peer["log_likelihood"]) > 1e-9 * abs(ours):
        print(f"log likelihood {ours} is not {peer['log_likelihood']}: not the same computation", file=sys.stderr)
    one = {name: statistics.median(times) for name, times in seconds.items()}
    rows = [["steps × K", "lvm", "NumPy", "NumPy / lvm"], [f"{STEPS:,} × {STATES}", f"{one['lvm']:.3g}", f"{one['NumPy']:.3g}", f"{one['NumPy'] / one['lvm']:.0f}"]]
    print(f"seconds an iteration of a hidden Markov model, one thread, median of {options.repeats}\n\n{table(rows)}\n")
