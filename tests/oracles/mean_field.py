#!/usr/bin/env python3
"""Posteriors of latents of the whole model and of groups, by plain NumPy: mean_field.py freezes mean_field.json beside this script, and
writes the simulated tables of examples/data that are missing.

  menus         Dirichlet-multinomial: the greatest marginal likelihood, by SciPy's minimisers on its closed form;
  bayesian_gmm  the posterior's parameters after some iterations of scikit-learn's BayesianGaussianMixture, and the bound by the book's formulas;
  lda           a topic model from a given start: the bound after each iteration, and where 25 of them lead;
  bayesian_pca  the same of principal components with automatic relevance determination.
"""
import json
import pathlib

import numpy as np
from scipy import optimize
from scipy.special import digamma, gammaln, multigammaln
from sklearn.mixture import BayesianGaussianMixture

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


def log_wishart_norm(W, df):
    D = len(W)
    return -(df * D / 2 * np.log(2) + df / 2 * np.linalg.slogdet(W)[1] + multigammaln(df / 2, D))


def gaussian_elbo(y, r, a, m, k, df, W, prior):
    """Bishop 2006, eq. 10.71-10.77."""
    a0, m0, k0, df0, W0 = prior
    n, D = y.shape
    log_pi = digamma(a) - digamma(a.sum())
    log_det = np.array([digamma((v - np.arange(D)) / 2).sum() + D * np.log(2) + np.linalg.slogdet(w)[1] for v, w in zip(df, W)])
    total = (r * log_pi).sum() - (r[r > 0] * np.log(r[r > 0])).sum()
    for j in range(len(a)):
        d = y - m[j]
        square = df[j] * np.einsum("ni,ij,nj->n", d, W[j], d)
        total += 0.5 * (r[:, j] * (log_det[j] - D / k[j] - square - D * np.log(2 * np.pi))).sum()
        off = m[j] - m0
        total += 0.5 * (D * np.log(k0 / (2 * np.pi)) + log_det[j] - D * k0 / k[j] - k0 * df[j] * off @ W[j] @ off)
        total += log_wishart_norm(W0, df0) + (df0 - D - 1) / 2 * log_det[j] - df[j] / 2 * np.trace(np.linalg.inv(W0) @ W[j])
        entropy = -log_wishart_norm(W[j], df[j]) - (df[j] - D - 1) / 2 * log_det[j] + df[j] * D / 2
        total -= 0.5 * log_det[j] + D / 2 * np.log(k[j] / (2 * np.pi)) - D / 2 - entropy
    K = len(a)
    total += gammaln(K * a0) - K * gammaln(a0) + ((a0 - 1) * log_pi).sum()
    total -= gammaln(a.sum()) - gammaln(a).sum() + ((a - 1) * log_pi).sum()
    return total


def bayesian_gmm():
    """scikit-learn's BayesianGaussianMixture from the responsibilities of four bands of waiting times."""
    y = np.loadtxt(DATA / "faithful.csv", delimiter=",", skiprows=1)
    K, prior = 4, (0.25, np.array([3.0, 70.0]), 0.05, 5.0, np.diag([2, 0.02]))
    mixture = BayesianGaussianMixture(n_components=K, reg_covar=0, weight_concentration_prior_type="dirichlet_distribution", weight_concentration_prior=prior[0],
                                      mean_prior=prior[1], mean_precision_prior=prior[2], degrees_of_freedom_prior=prior[3],
                                      covariance_prior=np.linalg.inv(prior[4]))
    mixture._check_parameters(y)  # the priors
    r = np.eye(K)[np.digitize(y[:, 1], [55, 70, 80])]
    with np.errstate(divide="ignore"):
        mixture._initialize(y, r)

    def state():
        W = np.linalg.inv(mixture.covariances_ * mixture.degrees_of_freedom_[:, None, None])
        q = {"weight.alpha": mixture.weight_concentration_, "mean.mean": mixture.means_, "mean.kappa": mixture.mean_precision_,
             "precision.df": mixture.degrees_of_freedom_, "precision.scale": W}
        r = np.exp(mixture._e_step(y)[1])
        elbo = gaussian_elbo(y, r, *q.values(), prior)
        return {"elbo": elbo, "parameters": {name: np.array(value).tolist() for name, value in q.items()}}

    states, steps = {}, 0
    for stop in (0, 1, 30, 2000):
        while steps < stop:
            mixture._m_step(y, mixture._e_step(y)[1])
            steps += 1
        states[str(stop)] = state()
    return states


def corpus():
    """80 documents about 4 topics over 30 words: (document, word, count) of the words that occur; and the topics."""
    rng = np.random.default_rng(12)
    topics = rng.dirichlet(np.full(30, 0.15), 4)
    rows = []
    for d in range(80):
        shares = rng.dirichlet(np.full(4, 0.2))
        counts = rng.multinomial(rng.integers(60, 140), shares @ topics)
        rows += [(f"d{d + 1:02}", f"w{w + 1:02}", counts[w]) for w in np.flatnonzero(counts)]
    path = DATA / "corpus.csv"
    if not path.exists():
        path.write_text("document,word,count\n" + "".join(f"{d},{w},{n}\n" for d, w, n in rows))
    d, w, n = np.array([(int(d[1:]) - 1, int(w[1:]) - 1, n) for d, w, n in rows]).T
    seen, w = np.unique(w, return_inverse=True)  # the levels of the column
    return d, w, n, topics[:, seen]


def lda(K=4, alpha=0.1, beta=1.01, steps=25):
    """One sweep of each factor an iteration, by the book (Blei, Ng & Jordan 2003): documents' shares Dirichlet(gamma), topics at their mode."""
    d, w, n, truth = corpus()
    D, V = d.max() + 1, w.max() + 1
    rng = np.random.default_rng(7)
    topic, gamma = rng.dirichlet(np.ones(V), K), rng.uniform(1, 20, (D, K))
    start = {"topic": topic.tolist(), "theta.alpha": gamma.tolist()}
    trace = []
    for step in range(steps + 1):
        log_theta = digamma(gamma) - digamma(gamma.sum(1, keepdims=True))
        r = np.exp(log_theta[d]) * topic[:, w].T
        r /= r.sum(1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(r > 0, r * (log_theta[d] + np.log(topic[:, w].T) - np.log(r)), 0)
        bound = (n[:, None] * terms).sum()
        bound += D * (gammaln(K * alpha) - K * gammaln(alpha)) + ((alpha - 1) * log_theta).sum()
        bound -= (gammaln(gamma.sum(1)) - gammaln(gamma).sum(1) + ((gamma - 1) * log_theta).sum(1)).sum()
        bound += K * (gammaln(V * beta) - V * gammaln(beta)) + ((beta - 1) * np.log(topic)).sum()
        trace.append(float(bound))
        if step == steps:
            break
        gamma, counts = np.full((D, K), alpha), np.full((K, V), beta - 1)
        np.add.at(gamma, d, n[:, None] * r)
        np.add.at(counts.T, w, n[:, None] * r)
        topic = counts / counts.sum(1, keepdims=True)
    return {"start": start, "trace": trace, "parameters": {"topic": topic.tolist(), "theta.alpha": gamma.tolist()}, "truth": truth.tolist()}


def bayesian_pca(L=4, steps=20, a0=1e-3, b0=1e-3):
    """Variational principal components with automatic relevance determination (Bishop 1999), on the measures of irises."""
    y = np.loadtxt(DATA / "iris.csv", delimiter=",", skiprows=1, usecols=range(4))
    n, D = y.shape
    rng = np.random.default_rng(5)
    W, C, b = rng.normal(size=(D, L)), np.tile(0.1 * np.eye(L), (D, 1, 1)), y.mean(0) + 0.1
    alpha, noise = (np.full(L, 2.0), np.full(L, 1.5)), (3.0, 1.0)
    state = lambda: {name: np.array(value).tolist() for name, value in
                     {"b": b, "W.mean": W, "W.cov": C, "relevance.shape": alpha[0], "relevance.rate": alpha[1], "noise.shape": noise[0], "noise.rate": noise[1]}.items()}
    gamma_kl = lambda s, r: (s - a0) * digamma(s) - gammaln(s) + gammaln(a0) + a0 * (np.log(r) - np.log(b0)) + s * (b0 / r - 1)
    start, trace = state(), []
    for step in range(steps + 1):
        tau, log_tau = noise[0] / noise[1], digamma(noise[0]) - np.log(noise[1])
        V = np.linalg.inv(np.eye(L) + tau * (W.T @ W + C.sum(0)))
        m = tau * (y - b) @ W @ V
        S = m.T @ m + n * V
        square = lambda: ((y - m @ W.T - b)**2).sum() + n * np.trace(W @ V @ W.T) + np.einsum("lk,dkl->", S, C)
        bound = n * D / 2 * (log_tau - np.log(2 * np.pi)) - tau / 2 * square()
        bound += -np.trace(S) / 2 + n * (np.linalg.slogdet(V)[1] + L) / 2
        log_alpha = digamma(alpha[0]) - np.log(alpha[1])
        squares = W**2 + np.einsum("dll->dl", C)
        bound += 0.5 * (log_alpha - alpha[0] / alpha[1] * squares).sum() + 0.5 * (np.linalg.slogdet(C)[1] + L).sum()
        bound -= gamma_kl(*noise) + gamma_kl(*alpha).sum()
        trace.append(float(bound))
        if step == steps:
            return {"start": start, "trace": trace, "parameters": state()}
        H = np.block([[tau * S + np.diag(alpha[0] / alpha[1]), tau * m.sum(0)[:, None]], [tau * m.sum(0)[None], np.array([[tau * n]])]])
        solved = np.linalg.solve(H, tau * np.vstack([m.T @ y, y.sum(0)]))
        W, b, C = solved[:L].T, solved[L], np.tile(np.linalg.inv(H[:L, :L]), (D, 1, 1))
        noise = (a0 + n * D / 2, b0 + square() / 2)
        alpha = (np.full(L, a0 + D / 2), b0 + (W**2 + np.einsum("dll->dl", C)).sum(0) / 2)


if __name__ == "__main__":
    found = {"menus": menus(), "bayesian_gmm": bayesian_gmm(), "lda": lda(), "bayesian_pca": bayesian_pca()}
    (HERE / "mean_field.json").write_text(json.dumps(found) + "\n")
    print(found["menus"]["log_likelihood"], {steps: state["elbo"] for steps, state in found["bayesian_gmm"].items()}, found["lda"]["trace"][::5], found["bayesian_pca"]["trace"][::4])
