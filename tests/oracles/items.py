#!/usr/bin/env python3
"""Freezes items.json: mixtures of counts and of items with levels, by the plain EM of em.py: items.py [folder of the CSV files].

Each case holds the model's text, how its table follows from a file of examples/data (a column, and the thresholds that cut it
into levels: the level of x is how many of them are at most x), a start, and the parameters and the log likelihood at them after
a fixed number of updates. Of the small cases also the log likelihood at convergence.
"""
import csv
import json
import pathlib
import sys

import numpy as np

import em

HERE = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "examples" / "data"
UPDATES = 30

POISSON = """model poissons {
  axis K = 2
  data   y: count
  param  weight: simplex[K]
  param  rate: positive[K]
  latent z: category[K]
  P(z) = Categorical(weight)
  P(y | z) = Poisson(rate[z])
  q(z | y) = exact
}"""
ITEMS = """model items {
  axis K = 2
  axis D = columns
  axis V = LEVELS
  data   y: category[D, V]MISSING
  param  weight: simplex[K]
  param  p: simplex[K, D, V]
  latent z: category[K]
  P(z) = Categorical(weight)
  P(y | z) = Categorical(p[z])
  q(z | y) = exact
}"""
UNEQUAL_ITEMS = """model unequal_items {
  axis K = 2
  axis U = 3
  axis V = 5
  data   a: category[U]
  data   b: category[V]
  param  weight: simplex[K]
  param  p: simplex[K, U]
  param  r: simplex[K, V]
  latent z: category[K]
  P(z) = Categorical(weight)
  P(a | z) = Categorical(p[z])
  P(b | z) = Categorical(r[z])
  q(z | a, b) = exact
}"""
FAITHFUL = {"eruptions": [2.0, 3.0, 4.0, 4.5], "waiting": [55, 65, 75, 85]}
DIGITS = [1, 6, 12]


def column(name, of):
    with open(DATA / f"{name}.csv", newline="") as file:
        header, *rows = csv.reader(file)
    return np.array([float(row[header.index(of)]) for row in rows])


def cut(values, thresholds):
    return np.searchsorted(thresholds, values, side="right")


def plain(parameters):
    return {name: np.asarray(value).tolist() for name, value in parameters.items()}


def case(name, text, table, data, mixture, start, converge=True):
    """`table`: {variable or column: [column of the file, thresholds or none]}."""
    after, value = mixture.run(start, UPDATES)
    result = {
        "name": name,
        "text": text,
        "data": data,
        "table": table,
        "start": plain(start),
        "start_log_likelihood": mixture.log_likelihood(start),
        "updates": UPDATES,
        "after": {"parameters": plain(after), "log_likelihood": value},
    }
    if converge:
        result["converged"] = mixture.converge(start)[1]
    print(f"{name:32} {result['start_log_likelihood']:14.6f} ->{UPDATES} {value:14.6f} -> {result.get('converged', np.nan):16.9f}")
    return result


def skewed(*shape):
    """Distinct, smooth probability rows along the last axis."""
    p = 1.0 + (7 * np.arange(np.prod(shape)).reshape(shape) + 3 * np.indices(shape)[0]) % 5
    return p / p.sum(axis=-1, keepdims=True)


def poissons():
    y = column("discoveries", "inventions")
    for K in (1, 2, 3):
        start = {"weight": np.arange(1.0, K + 1) / (K * (K + 1) / 2), "rate": 1.0 + 2.0 * np.arange(K)}
        yield case(f"discoveries, K = {K}", POISSON.replace("K = 2", f"K = {K}"), {"y": ["inventions", []]}, "discoveries",
                   em.Mixture(em.PoissonEmission(y)), start)


def faithful_items():
    levels = np.stack([cut(column("faithful", name), cuts) for name, cuts in FAITHFUL.items()], axis=1)
    table = {f"y{i + 1}": [name, cuts] for i, (name, cuts) in enumerate(FAITHFUL.items())}
    for K in (1, 2, 3):
        start = {"weight": np.arange(1.0, K + 1) / (K * (K + 1) / 2), "p": skewed(K, 2, 5)}
        text = ITEMS.replace("K = 2", f"K = {K}").replace("LEVELS", "5").replace("MISSING", "")
        yield case(f"faithful, K = {K}", text, table, "faithful", em.Mixture(em.LatentClassEmission(levels, 5)), start, K < 3)


def unequal_items():
    table = {"a": ["eruptions", [2.5, 4.0]], "b": ["waiting", FAITHFUL["waiting"]]}
    a, b = (cut(column("faithful", name), cuts) for name, cuts in table.values())
    start = {"weight": np.array([0.4, 0.6]), "p": skewed(2, 3), "r": skewed(2, 5)}
    mixture = em.Mixture(em.CategoricalEmission(a, 3), em.CategoricalEmission(b, 5, "r"))
    yield case("faithful, items of 3 and 5 levels", UNEQUAL_ITEMS, table, "faithful", mixture, start, False)


def survey_with_holes():
    """Every fifth answer is left out; levels in byte order of their texts."""
    with open(DATA / "survey.csv", newline="") as file:
        columns, *rows = csv.reader(file)
    texts, codes = np.unique(rows, return_inverse=True)
    codes = codes.reshape(len(rows), len(columns))
    place = np.arange(codes.size).reshape(codes.shape)
    holes = np.where((place * 13 + place // 7) % 5 == 0, -1, codes)
    start = {"weight": np.array([0.4, 0.6]), "p": skewed(2, len(columns), len(texts))}
    text = ITEMS.replace("LEVELS", str(len(texts))).replace("MISSING", " missing")
    result = case("survey with holes, K = 2", text, {}, "survey", em.Mixture(em.LatentClassEmission(holes, len(texts))), start)
    result["cells"] = {f"y{d + 1}": [None if c < 0 else int(c) for c in holes[:, d]] for d in range(len(columns))}
    yield result


def digits():
    with open(DATA / "digits.csv", newline="") as file:
        header, *rows = csv.reader(file)
    K, pixels = 10, len(header) - 1
    levels = np.stack([cut(np.array([float(row[d]) for row in rows]), DIGITS) for d in range(pixels)], axis=1)
    table = {f"y{d + 1}": [header[d], DIGITS] for d in range(pixels)}
    start = {"weight": np.full(K, 1 / K), "p": 0.125 + 0.5 * np.eye(4)[levels[em.spaced_rows(len(rows), K)]]}
    text = ITEMS.replace("K = 2", f"K = {K}").replace("LEVELS", "4").replace("MISSING", "")
    yield case("digits, K = 10", text, table, "digits", em.Mixture(em.LatentClassEmission(levels, 4)), start, False)


if __name__ == "__main__":
    cases = [*poissons(), *faithful_items(), *unequal_items(), *survey_with_holes(), *digits()]
    lines = ",\n".join(json.dumps(each, allow_nan=False, separators=(",", ":")) for each in cases)
    (HERE / "items.json").write_text(f"[\n{lines}\n]\n")
