"""bench/run kalman: a Gaussian chain of 100,000 steps, four states and ten outputs, beside statsmodels' smoother (python3-statsmodels)."""
import json
import statistics
import time

import numpy as np

STEPS, STATES, OUTPUTS = 100_000, 4, 10
MODEL = """model kalman {
  axis S = 4
  axis D = columns
  sequence t order "step"
  data   y: real[D] = columns("y*")
  param  A: real[S, S]
  param  C: real[D, S]
  param  noise: positive[D]
  latent z: real[S]
  P(z[first])      = Normal(0, sd: 2)
  P(z[t] | z[t-1]) = Normal(A * z[t-1], sd: 1)
  P(y[t] | z[t])   = Normal(C * z[t], var: noise)
  q(z | y)         = exact
}
"""


def simulate():
    rng = np.random.default_rng(3)
    turn = lambda angle, r: r * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    A = np.zeros((STATES, STATES))
    A[:2, :2], A[2:, 2:], A[0, 2] = turn(0.3, 0.95), turn(1.1, 0.8), 0.2
    C, noise = rng.normal(size=(OUTPUTS, STATES)), rng.uniform(0.5, 2, OUTPUTS)
    z, rows = 2 * rng.normal(size=STATES), np.empty((STEPS, OUTPUTS))
    for t in range(STEPS):
        z = A @ z + rng.normal(size=STATES) if t else z
        rows[t] = C @ z + np.sqrt(noise) * rng.normal(size=OUTPUTS)
    return A, C, noise, rows


def smooth(A, C, noise, rows):
    from statsmodels.tsa.statespace.kalman_smoother import KalmanSmoother
    model = KalmanSmoother(k_endog=OUTPUTS, k_states=STATES)
    model.bind(rows)
    model["design"], model["transition"], model["selection"] = C, A, np.eye(STATES)
    model["obs_cov"], model["state_cov"] = np.diag(noise), np.eye(STATES)
    model.initialize_known(np.zeros(STATES), 4 * np.eye(STATES))
    begin = time.perf_counter()
    result = model.smooth()
    return time.perf_counter() - begin, float(result.llf_obs.sum())


def kalman(options, run):
    """Seconds of statsmodels' smoother alone, and of a whole EM iteration of lvm: its smoother and the M-step."""
    folder = options.work / "kalman"
    folder.mkdir(parents=True, exist_ok=True)
    A, C, noise, rows = simulate()
    np.savetxt(folder / "rows.csv", np.c_[np.arange(STEPS), rows], fmt="%.17g", delimiter=",", comments="",
               header=",".join(["step"] + [f"y{d + 1}" for d in range(OUTPUTS)]))
    (folder / "model.lvm").write_text(MODEL)
    (folder / "start.json").write_text(json.dumps({"A": A.tolist(), "C": C.tolist(), "noise": noise.tolist()}))

    def fit(count):
        text = run([options.lvmc, "run", folder / "model.lvm", folder / "rows.csv", "--init", folder / "start.json", "--iterations", count,
                    "--tolerance", 0, "--threads", 1, "--no-folder", "--json"])
        result = json.loads(text)
        return result["timing"]["fit"], result["objective"]["value"]

    ours, theirs = [], []
    for _ in range(options.repeats):
        begin, value = fit(0)
        end, _ = fit(5)
        ours.append((end - begin) / 5)
        seconds, other = smooth(A, C, noise, np.ascontiguousarray(rows))
        theirs.append(seconds)
        if abs(value - other) > 1e-8 * abs(other):
            print(f"kalman: log likelihoods differ, {value} and {other}")
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"{STEPS} steps, {STATES} states, {OUTPUTS} outputs: an EM iteration {a:.4f} s, statsmodels' smoother alone {b:.3f} s, {b / a:.1f} times")
