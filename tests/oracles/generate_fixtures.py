#!/usr/bin/env python3
"""Freezes the oracle of em.py into the JSON files beside this script: generate_fixtures.py [folder of the CSV files].

Each case: a table, its columns, a form, K, a start in the format of `lvmc --init`, the parameters and the log likelihood at them
after a fixed number of updates, and at convergence. Where scikit-learn knows the form, its score of the converged parameters
stands beside ours and must agree to 1e-8 (reg_covar = 0 by construction: the parameters are set by hand).
"""
import csv
import json
import pathlib
import sys

import numpy as np

import em

HERE = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "examples" / "data"
LABELS = {"iris": ["Species"], "wine": ["cultivar"]}
UPDATES = 20


def table(name):
    with open(DATA / f"{name}.csv", newline="") as file:
        rows = list(csv.reader(file))
    names = [c for c in rows[0] if c not in LABELS.get(name, [])]
    places = [rows[0].index(c) for c in names]
    return names, np.array([[float(row[i]) for i in places] for row in rows[1:]])


def plain(parameters):
    return {name: np.asarray(value).tolist() for name, value in parameters.items()}


def scikit_learn_score(y, form, parameters):
    """The total log likelihood by scikit-learn; a form that it lacks is given as its `tied` full matrix."""
    from sklearn.mixture import GaussianMixture
    from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

    kind = {"full": "full", "tied": "tied", "diagonal": "diag", "spherical": "spherical"}.get(form, "tied")
    K, D = parameters["mean"].shape
    covariances = parameters[em.variance_name(form)]
    if form in ("tied_diagonal", "tied_spherical"):
        covariances = em.component_covariances(form, covariances, K, D)[0]
    mixture = GaussianMixture(K, covariance_type=kind, reg_covar=0)
    mixture.weights_, mixture.means_, mixture.covariances_ = parameters["weight"], parameters["mean"], covariances
    mixture.precisions_cholesky_ = _compute_precision_cholesky(covariances, kind)
    return float(mixture.score_samples(y).sum())


def case(mixture, start, updates=UPDATES):
    after, value = mixture.run(start, updates)
    return {
        "start": plain(start),
        "start_log_likelihood": mixture.log_likelihood(start),
        "updates": updates,
        "after": {"parameters": plain(after), "log_likelihood": value},
    }


def converged(mixture, start, result):
    try:
        parameters, value, iterations = mixture.converge(start)
    except np.linalg.LinAlgError:
        result["converged"] = None  # the run collapses
        return None
    result["converged"] = {"parameters": plain(parameters), "log_likelihood": value, "iterations": iterations}
    return parameters


def gaussian_cases(name):
    columns, y = table(name)
    for form in em.GAUSSIAN_FORMS:
        for K in (1, 2, 3):
            mixture = em.Mixture(em.GaussianEmission(y, form))
            start = em.gaussian_start(y, form, K)
            result = {"data": name, "columns": columns, "form": form, "K": K} | case(mixture, start)
            parameters = converged(mixture, start, result)
            if parameters is not None:
                ours = result["converged"]["log_likelihood"]
                theirs = scikit_learn_score(y, form, parameters)
                assert abs(ours - theirs) <= 1e-8 * abs(ours), (name, form, K, ours, theirs)
                result["converged"]["scikit_learn"] = theirs
                smallest = min(np.linalg.eigvalsh(c / np.sqrt(np.outer(y.var(0), y.var(0))))[0]
                               for c in em.component_covariances(form, parameters[em.variance_name(form)], K, y.shape[1]))
                print(f"{name:9}{form:15}K={K}  {result['start_log_likelihood']:13.4f} ->20 {result['after']['log_likelihood']:13.6f}"
                      f" -> {ours:16.9f} in {result['converged']['iterations']:6}  scikit-learn {theirs - ours:+.1e}  least eigenvalue {smallest:.1e}")
            else:
                print(f"{name:9}{form:15}K={K}  collapses")
            yield result


def digits_case():
    columns, y = table("digits_binary")
    K = 10
    start = {"weight": np.full(K, 1 / K), "p": 0.25 + 0.5 * y[em.spaced_rows(len(y), K)]}
    mixture = em.Mixture(em.BernoulliEmission(y))
    result = {"data": "digits_binary", "columns": columns, "form": "bernoulli", "K": K} | case(mixture, start, 30)
    print(f"digits K=10  {result['start_log_likelihood']:.4f} ->30 {result['after']['log_likelihood']:.6f}")
    return result


def skewed_simplex(K, V):
    """K distinct, smooth, deterministic probability rows over V levels."""
    k, v = np.meshgrid(np.arange(K), np.arange(V), indexing="ij")
    p = 1.0 + (7 * v + 3 * k) % 5
    return p / p.sum(axis=1, keepdims=True)


def categorical_cases():
    """`waiting` of faithful read as a category: alone, and beside a Gaussian on `eruptions`."""
    columns, y = table("faithful")
    eruptions, waiting = y[:, [columns.index("eruptions")]], y[:, columns.index("waiting")]
    levels, codes = np.unique(waiting, return_inverse=True)
    V = len(levels)
    for K in (1, 2, 3):
        category = em.CategoricalEmission(codes, V)
        start = {"weight": np.arange(1.0, K + 1) / (K * (K + 1) / 2), "p": skewed_simplex(K, V)}
        mixture = em.Mixture(category)
        yield {"data": "faithful", "columns": ["waiting"], "form": "categorical", "K": K, "V": V} | case(mixture, start)
    for K in (2, 3):
        normal = em.GaussianEmission(eruptions, "full")
        begin = em.gaussian_start(eruptions, "full", K)
        start = {"weight": begin["weight"], "mean": begin["mean"], "cov": begin["cov"], "p": skewed_simplex(K, V)}
        mixture = em.Mixture(normal, em.CategoricalEmission(codes, V))
        result = {"data": "faithful", "columns": columns, "form": "normal_and_categorical", "K": K, "V": V} | case(mixture, start)
        # One real column: mean[K] and var[K] in the model.
        for fit in (result["start"], result["after"]["parameters"]):
            fit["mean"] = [m[0] for m in fit["mean"]]
            fit["var"] = [c[0][0] for c in fit.pop("cov")]
        print(f"mixed K={K}  {result['start_log_likelihood']:.4f} ->20 {result['after']['log_likelihood']:.6f}")
        yield result


def latent_class_cases():
    """The six answers of the survey; levels are numbered in byte order of their texts, over all columns."""
    with open(DATA / "survey.csv", newline="") as file:
        columns, *rows = csv.reader(file)
    levels, codes = np.unique(rows, return_inverse=True)
    codes, V = codes.reshape(len(rows), len(columns)), len(levels)
    for K in (1, 2, 3):
        mixture = em.Mixture(em.LatentClassEmission(codes, V))
        start = {"weight": np.full(K, 1 / K), "p": skewed_simplex(K * len(columns), V).reshape(K, len(columns), V)}
        result = {"data": "survey", "columns": columns, "form": "latent_class", "K": K, "V": V} | case(mixture, start)
        print(f"survey K={K}  {result['start_log_likelihood']:.4f} ->20 {result['after']['log_likelihood']:.6f}")
        yield result


def write(name, cases):
    lines = ",\n".join(json.dumps(c, allow_nan=False, separators=(",", ":")) for c in cases)
    (HERE / f"{name}.json").write_text(f'{{"cases":[\n{lines}\n]}}\n')


def main():
    for name in ("faithful", "iris", "wine"):
        write(f"gaussian_{name}", list(gaussian_cases(name)))
    write("bernoulli_digits", [digits_case()])
    write("categorical_faithful", list(categorical_cases()))
    write("latent_class_survey", list(latent_class_cases()))


if __name__ == "__main__":
    main()
