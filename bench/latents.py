"""Times fits of models with continuous latents: factor analysis beside scikit-learn, a mixed model beside lme4. One thread."""
import json
import pathlib
import statistics

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
FACTORS, COLUMNS, ROWS = 8, 64, 100_000
GROUPS, LARGEST = 10_000, 19  # groups of 1 to LARGEST rows: some 100,000 in all
SCIKIT_BASE, SCIKIT_ITERATIONS = 2, 12
BASE, ITERATIONS = 100, 1100  # of lvm, whose iterations are too short for fewer


def make_factors(path):
    rng = np.random.default_rng(8)
    loadings = rng.normal(size=(COLUMNS, FACTORS))
    np.save(path, rng.normal(size=(ROWS, FACTORS)) @ loadings.T + rng.normal(size=(ROWS, COLUMNS)) * rng.uniform(0.5, 2, size=COLUMNS))


def make_groups(path):
    rng = np.random.default_rng(10)
    group = np.repeat(np.arange(GROUPS), rng.integers(1, LARGEST + 1, size=GROUPS))
    effects = rng.multivariate_normal([251, 10.5], [[576, 11], [11, 32.5]], size=GROUPS)[group]
    days = rng.uniform(0, 10, size=group.size)
    reaction = effects[:, 0] + effects[:, 1] * days + rng.normal(scale=25.6, size=group.size)
    np.savetxt(path, np.column_stack([reaction, days, group]), fmt="%.10g", delimiter=",", header="Reaction,Days,Subject", comments="")


def lvm(options, run, model, path, *more):
    text = run([options.lvmc, "run", model, path, "--threads", 1, "--no-folder", "--json", *more])
    return json.loads(text)


def time_factors(options, run, path):
    def fit(count):
        return lvm(options, run, HERE / "peers/factors.lvm", path, "--iterations", count, "--tolerance", 0)

    short, long = fit(BASE), fit(ITERATIONS)
    seconds = (long["timing"]["fit"] - short["timing"]["fit"]) / (long["iterations"] - short["iterations"])
    return {"seconds": seconds, "log_likelihood": long["objective"]["value"]}


def time_mixed(options, run, path):
    fit = lvm(options, run, HERE.parent / "examples/sleep.lvm", path)
    return {"seconds": fit["timing"]["fit"] + fit["timing"]["compile"], "log_likelihood": fit["objective"]["value"]}


def latents(options, run, table):
    factors, groups = options.work / "factors.npy", options.work / "groups.csv"
    for path, make in ((factors, make_factors), (groups, make_groups)):
        if not path.exists():
            make(path)
    contests = [
        (f"factor analysis, {ROWS:,} × {COLUMNS}, L {FACTORS}: an iteration", "scikit-learn", lambda: time_factors(options, run, factors),
         lambda: json.loads(run(["/usr/bin/python3", HERE / "peers/factors.py", factors, FACTORS, SCIKIT_BASE, SCIKIT_ITERATIONS]))),
        (f"mixed model, {GROUPS:,} groups of 1 to {LARGEST} rows: compiled and fitted", "lme4", lambda: time_mixed(options, run, groups),
         lambda: json.loads(run(["Rscript", "--vanilla", HERE / "peers/mixed.R", groups]))),
    ]
    rows = [["what", "lvm", "peer", "", "peer / lvm", "log likelihood: lvm", "peer"]]
    for what, peer, ours, theirs in contests:
        pairs = [(ours(), theirs()) for _ in range(options.repeats)]  # in turns
        mine, other = (statistics.median(pair[i]["seconds"] for pair in pairs) for i in (0, 1))
        rows.append([what, f"{mine:.3g}", peer, f"{other:.3g}", f"{other / mine:.1f}"] + [f"{result['log_likelihood']:.4f}" for result in pairs[-1]])
    print(f"seconds of one thread, median of {options.repeats}\n\n{table(rows)}\n")
