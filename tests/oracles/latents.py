#!/usr/bin/env python3
"""Freezes latents.json: models with several finite latents, labels in some rows, weights, and hard EM.

Plain EM by brute force: every row against every combination of the latents' values, one at a time, from the textbook equations
(Bishop 2006, section 9.4; hard EM: Celeux & Govaert 1992, the classification EM algorithm). Each case holds the model's text, a
small table, a start, and the parameters and the objective after a fixed number of updates.
"""
import itertools
import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
UPDATES = 15


def log_normal(y, mean, variance):
    return -0.5 * (np.log(2 * np.pi * variance) + (y - mean) ** 2 / variance)


def log_bernoulli(x, p):
    return np.log(p) if x == 1 else np.log1p(-p)


class Case:
    """A model by its log joint density of one row and one combination of values, and its M-step."""

    point = False
    weight = None  # a column
    labels = {}  # latent number -> column with its values, NaN where unknown

    def combinations(self):
        return list(itertools.product(*[range(n) for n in self.sizes]))

    def posterior(self, theta):
        """q [rows, combinations] and the objective's terms."""
        rows = len(next(iter(self.table.values())))
        every = self.combinations()
        q, terms = np.zeros((rows, len(every))), np.zeros(rows)
        for row in range(rows):
            cells = {name: column[row] for name, column in self.table.items()}
            joint = np.array([self.log_joint(theta, cells, values) for values in every])
            for latent, column in self.labels.items():
                if not np.isnan(cells[column]):
                    joint = np.where([v[latent] == cells[column] for v in every], joint, -np.inf)
            top = joint.max()
            if self.point:
                q[row, np.argmax(joint)], terms[row] = 1, top
            else:
                terms[row] = top + np.log(np.exp(joint - top).sum())
                q[row] = np.exp(joint - terms[row])
        return q, terms

    def weights(self):
        rows = len(next(iter(self.table.values())))
        return np.ones(rows) if self.weight is None else self.table[self.weight]

    def objective(self, theta):
        return float(self.weights() @ self.posterior(theta)[1])

    def run(self, theta, updates=UPDATES):
        for _ in range(updates):
            q = self.posterior(theta)[0] * self.weights()[:, None]
            theta = self.maximise(theta, q)
        return theta

    def marginal(self, q, *latents):
        """q summed over the other latents: [rows, sizes of `latents`…]."""
        out = np.zeros((len(q), *[self.sizes[i] for i in latents]))
        for column, values in enumerate(self.combinations()):
            out[(slice(None), *[values[i] for i in latents])] += q[:, column]
        return out


def normal_mean(y, r):
    return np.tensordot(y, r, axes=(0, 0)) / r.sum(axis=0)


class Chain(Case):
    """a, then b given a; x tells of a, y of b."""

    name = "chain"
    text = """model chain {
  axis A = 2
  axis B = 3
  axis D = columns
  data x: bool[D] = columns("x1".."x3")
  data y: real
  weight n
  param start: simplex[A]
  param move: simplex[A, B]
  param p: unit[A, D]
  param m: real[B]
  param v: positive
  latent a: category[A]
  latent b: category[B]
  P(a) = Categorical(start)
  P(b | a) = Categorical(move[a])
  P(x | a) = Bernoulli(p[a])
  P(y | b) = Normal(m[b], var: v)
  q(a, b | x, y) = exact
}"""
    sizes = (2, 3)
    weight = "n"

    def __init__(self, rng):
        a = rng.integers(0, 2, 60)
        b = np.where(rng.random(60) < 0.7, a * 2, rng.integers(0, 3, 60))
        self.table = {f"x{d + 1}": (rng.random(60) < np.where(a == d % 2, 0.8, 0.3)).astype(float) for d in range(3)}
        self.table["y"] = 3.0 * b + rng.normal(size=60)
        self.table["n"] = rng.integers(0, 4, 60).astype(float)
        self.start = {
            "start": np.array([0.4, 0.6]),
            "move": np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]]),
            "p": np.array([[0.6, 0.4, 0.7], [0.3, 0.5, 0.4]]),
            "m": np.array([0.0, 2.0, 5.0]),
            "v": np.array(2.0),
        }

    def log_joint(self, t, cells, values):
        a, b = values
        total = np.log(t["start"][a]) + np.log(t["move"][a, b]) + log_normal(cells["y"], t["m"][b], t["v"])
        return total + sum(log_bernoulli(cells[f"x{d + 1}"], t["p"][a, d]) for d in range(3))

    def maximise(self, t, q):
        of_a, of_b, both = self.marginal(q, 0), self.marginal(q, 1), self.marginal(q, 0, 1).sum(axis=0)
        x = np.stack([self.table[f"x{d + 1}"] for d in range(3)], axis=1)
        y, m = self.table["y"], normal_mean(self.table["y"], of_b)
        return {
            "start": of_a.sum(axis=0) / q.sum(),
            "move": both / both.sum(axis=1, keepdims=True),
            "p": (of_a.T @ x) / of_a.sum(axis=0)[:, None],
            "m": m,
            "v": np.array((of_b * (y[:, None] - m[None]) ** 2).sum() / q.sum()),
        }


class Crossed(Case):
    """Two independent latents meet in one mean; c tells of b alone."""

    name = "crossed"
    text = """model crossed {
  axis A = 2
  axis B = 2
  axis V = 3
  data y: real
  data c: category[V]
  param s: simplex[A]
  param t: simplex[B]
  param m: real[A, B]
  param v: positive[A]
  param p: simplex[B, V]
  latent a: category[A]
  latent b: category[B]
  P(a) = Categorical(s)
  P(b) = Categorical(t)
  P(y | a, b) = Normal(m[a][b], var: v[a])
  P(c | b) = Categorical(p[b])
  q(a, b | y, c) = FORM
}"""
    sizes = (2, 2)

    def __init__(self, rng):
        a, b = rng.integers(0, 2, 80), rng.integers(0, 2, 80)
        self.table = {
            "y": 2.0 * a + 5.0 * b + a * b + rng.normal(size=80) * (1 + a) / 2,
            "c": np.where(rng.random(80) < 0.6, b, rng.integers(0, 3, 80)).astype(float),
        }
        self.start = {
            "s": np.array([0.5, 0.5]),
            "t": np.array([0.6, 0.4]),
            "m": np.array([[-0.5, 4.0], [3.0, 9.0]]),
            "v": np.array([1.0, 2.0]),
            "p": np.array([[0.5, 0.2, 0.3], [0.3, 0.4, 0.3]]),
        }
        self.text = self.text.replace("FORM", "point" if self.point else "exact")

    def log_joint(self, t, cells, values):
        a, b = values
        total = np.log(t["s"][a]) + np.log(t["t"][b]) + np.log(t["p"][b, int(cells["c"])])
        return total + log_normal(cells["y"], t["m"][a, b], t["v"][a])

    def maximise(self, t, q):
        of_a, of_b, both = self.marginal(q, 0), self.marginal(q, 1), self.marginal(q, 0, 1)
        y, m = self.table["y"], normal_mean(self.table["y"], both)
        scatter = (both * (y[:, None, None] - m[None]) ** 2).sum(axis=(0, 2))
        seen = np.eye(3)[self.table["c"].astype(int)]
        counts = of_b.T @ seen
        return {
            "s": of_a.sum(axis=0) / q.sum(),
            "t": of_b.sum(axis=0) / q.sum(),
            "m": m,
            "v": scatter / of_a.sum(axis=0),
            "p": counts / counts.sum(axis=1, keepdims=True),
        }


class CrossedHard(Crossed):
    name = "crossed, hard"
    point = True


class Apart(Case):
    """Latents that no factor joins: two models in one."""

    name = "apart"
    text = """model apart {
  axis A = 2
  axis B = 3
  data x: count
  data y: real
  param s: simplex[A]
  param t: simplex[B]
  param l: positive[A]
  param m: real[B]
  param v: positive[B]
  latent a: category[A]
  latent b: category[B]
  P(a) = Categorical(s)
  P(b) = Categorical(t)
  P(x | a) = Poisson(rate: l[a])
  P(y | b) = Normal(m[b], var: v[b])
  q(a | x) = exact
  q(b | y) = exact
}"""
    sizes = (2, 3)

    def __init__(self, rng):
        a, b = rng.integers(0, 2, 70), rng.integers(0, 3, 70)
        self.table = {"x": rng.poisson(2 + 6 * a).astype(float), "y": 4.0 * b + rng.normal(size=70)}
        self.start = {
            "s": np.array([0.3, 0.7]),
            "t": np.array([0.2, 0.3, 0.5]),
            "l": np.array([1.0, 5.0]),
            "m": np.array([-1.0, 3.0, 9.0]),
            "v": np.array([1.0, 2.0, 1.5]),
        }

    def log_joint(self, t, cells, values):
        a, b = values
        x = cells["x"]
        poisson = x * np.log(t["l"][a]) - t["l"][a] - np.log(np.arange(1, x + 1)).sum()
        return np.log(t["s"][a]) + np.log(t["t"][b]) + poisson + log_normal(cells["y"], t["m"][b], t["v"][b])

    def maximise(self, t, q):
        of_a, of_b = self.marginal(q, 0), self.marginal(q, 1)
        y, m = self.table["y"], normal_mean(self.table["y"], of_b)
        return {
            "s": of_a.sum(axis=0) / q.sum(),
            "t": of_b.sum(axis=0) / q.sum(),
            "l": normal_mean(self.table["x"], of_a),
            "m": m,
            "v": (of_b * (y[:, None] - m[None]) ** 2).sum(axis=0) / of_b.sum(axis=0),
        }


class Switch(Case):
    """A bool latent that no table indexes."""

    name = "switch"
    text = """model switch {
  data y: real
  param p: unit
  latent z: bool
  P(z) = Bernoulli(p)
  P(y | z) = Normal(3 * z, sd: 1)
  q(z | y) = exact
}"""
    sizes = (2,)

    def __init__(self, rng):
        self.table = {"y": np.where(rng.random(50) < 0.3, 3.0, 0.0) + rng.normal(size=50)}
        self.start = {"p": np.array(0.5)}

    def log_joint(self, t, cells, values):
        return log_bernoulli(values[0], t["p"]) + log_normal(cells["y"], 3.0 * values[0], 1.0)

    def maximise(self, t, q):
        return {"p": np.array(q[:, 1].sum() / q.sum())}


class Labelled(Case):
    """A Gaussian mixture of which some rows have their component written beside them."""

    name = "labelled"
    text = """model labelled {
  axis K = 3
  data y: real
  data c: category[K] missing
  param w: simplex[K]
  param m: real[K]
  param v: positive[K]
  P(c) = Categorical(w)
  P(y | c) = Normal(m[c], var: v[c])
  q(c | y) = exact
}"""
    sizes = (3,)
    labels = {0: "c"}

    def __init__(self, rng):
        c = rng.integers(0, 3, 90)
        self.table = {"y": 2.0 * c + rng.normal(size=90), "c": np.where(rng.random(90) < 0.3, c, np.nan)}
        self.start = {"w": np.full(3, 1 / 3), "m": np.array([-1.0, 2.5, 3.0]), "v": np.array([1.0, 2.0, 1.0])}

    def log_joint(self, t, cells, values):
        k = values[0]
        return np.log(t["w"][k]) + log_normal(cells["y"], t["m"][k], t["v"][k])

    def maximise(self, t, q):
        y, m = self.table["y"], normal_mean(self.table["y"], q)
        return {
            "w": q.sum(axis=0) / q.sum(),
            "m": m,
            "v": (q * (y[:, None] - m[None]) ** 2).sum(axis=0) / q.sum(axis=0),
        }


class Hard(Labelled):
    """Hard EM: the classification likelihood climbs until no row changes its component."""

    name = "hard"
    text = Labelled.text.replace("labelled", "hard").replace("data c: category[K] missing", "latent c: category[K]")
    text = text.replace("= exact", "= point")
    labels = {}
    point = True

    def __init__(self, rng):
        super().__init__(rng)
        del self.table["c"]


class Lloyd(Case):
    """Equal weights and one variance for all are k-means: Lloyd's steps."""

    name = "lloyd"
    text = """model lloyd {
  axis K = 3
  axis D = 2
  data y: real[D] = columns("y1", "y2")
  param w: simplex[K] = [0.3333333333333333, 0.3333333333333333, 0.3333333333333333] fixed
  param m: real[K, D]
  latent z: category[K]
  P(z) = Categorical(w)
  P(y | z) = Normal(m[z], sd: 1)
  q(z | y) = point
}"""
    sizes = (3,)
    point = True

    def __init__(self, rng):
        centre = np.array([[0, 0], [4, 1], [1, 5]])[rng.integers(0, 3, 75)]
        y = centre + 1.5 * rng.normal(size=(75, 2))
        self.table = {"y1": y[:, 0], "y2": y[:, 1]}
        self.start = {"m": y[[3, 30, 60]].copy()}

    def nearest(self, m):
        y = np.stack([self.table["y1"], self.table["y2"]], axis=1)
        return y, ((y[:, None] - m[None]) ** 2).sum(axis=2)

    def objective(self, t):
        _, d = self.nearest(t["m"])
        return float(len(d) * (np.log(1 / 3) - np.log(2 * np.pi)) - 0.5 * d.min(axis=1).sum())

    def run(self, t, updates=UPDATES):
        m = t["m"]
        for _ in range(updates):
            y, d = self.nearest(m)
            m = np.stack([y[d.argmin(axis=1) == k].mean(axis=0) for k in range(3)])
        return {"m": m}


def plain(values):
    return [None if np.isnan(x) else x for x in values.tolist()]


def frozen(case):
    after = case.run(case.start)
    return {
        "name": case.name,
        "text": case.text,
        "table": {name: plain(column) for name, column in case.table.items()},
        "updates": UPDATES,
        "objective_name": "complete_log_likelihood" if case.point else "log_likelihood",
        "start": {name: np.asarray(value).tolist() for name, value in case.start.items()},
        "start_objective": case.objective(case.start),
        "parameters": {name: np.asarray(value).tolist() for name, value in after.items()},
        "objective": case.objective(after),
    }


if __name__ == "__main__":
    kinds = (Chain, Crossed, CrossedHard, Apart, Switch, Labelled, Hard, Lloyd)
    cases = [frozen(kind(np.random.default_rng(100 + i))) for i, kind in enumerate(kinds)]
    (HERE / "latents.json").write_text(json.dumps(cases, indent=1) + "\n")
    for each in cases:
        print(f"{each['name']:15} {each['start_objective']:.6f} -> {each['objective']:.6f}")
