"""lvm.Model: scikit-learn's conventions for a model of lvm. scikit-learn itself is not needed."""
import copyreg
import json
import os
import sys
import tempfile
import warnings

import numpy as np

from . import _lvm, tables

try:
    from sklearn.base import BaseEstimator, DensityMixin, TransformerMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils import check_random_state
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.validation import check_is_fitted

    _BASES = (TransformerMixin, DensityMixin, BaseEstimator)
    _SKLEARN = True
except ImportError:
    _BASES = (object,)
    _SKLEARN = False

    def available_if(check):
        return lambda method: method

    class NotFittedError(ValueError, AttributeError):
        """The model was asked before it was fitted."""


def _takes_rows(model):
    """`partial_fit` is there where the model is to be updatable, as scikit-learn tells such estimators."""
    if not model.updatable:
        raise AttributeError("rows are added to a model with `updatable=True`")
    return True


class Warning(UserWarning):  # noqa: A001 - lvm.Warning, as lvm says it
    """What lvm warns of, such as a fit that has not converged."""


class Model(*_BASES):
    """A latent-variable model.

    Parameters
    ----------
    source : str
        The path of a ``.lvm`` file, or the text of a model.
    settings : dict, optional
        Sizes of axes, constants and fit settings: ``{"K": 3}``.
    iterations, restarts, tolerance, accelerate : optional
        As in the model's ``fit { ... }``, which they override.
    random_state : int, RandomState or None
        None: as the model says, so that two fits are the same.
    threads : int
        0: as many as the machine has. Results do not depend on it.
    updatable : bool
        Keep the sums over the rows, so that ``partial_fit`` may add rows to a fit.
    warm_start : bool
        ``fit`` begins at the parameters of the fit before.
    verbose : int
        1: a line on stderr that follows the fit.

    Attributes
    ----------
    parameters_ : dict of ndarray
        By name, axes in the order of the declaration.
    objective_, converged_, n_iter_, trace_, n_features_in_, feature_names_in_
    """

    def __init__(self, source=None, *, settings=None, iterations=None, restarts=None, tolerance=None, accelerate=None,
                 random_state=None, threads=0, updatable=False, warm_start=False, verbose=0):
        self.source = source
        self.settings = settings
        self.iterations = iterations
        self.restarts = restarts
        self.tolerance = tolerance
        self.accelerate = accelerate
        self.random_state = random_state
        self.threads = threads
        self.updatable = updatable
        self.warm_start = warm_start
        self.verbose = verbose

    if not _SKLEARN:

        def get_params(self, deep=True):
            names = ["source", "settings", "iterations", "restarts", "tolerance", "accelerate", "random_state", "threads",
                     "updatable", "warm_start", "verbose"]
            return {name: getattr(self, name) for name in names}

        def set_params(self, **params):
            for name, value in params.items():
                if name not in self.get_params():
                    raise ValueError(f"lvm.Model has no parameter `{name}`")
                setattr(self, name, value)
            return self

    # ---- the model ----

    def _compiled(self):
        if not isinstance(self.source, (str, os.PathLike)):
            raise ValueError("`source` is the path of a .lvm file, or the text of a model")
        source = os.fspath(self.source)
        is_file = "{" not in source
        settings = {str(name): str(value) for name, value in (self.settings or {}).items()}
        return _lvm.Model(source, is_file, settings)

    @property
    def plan(self):
        """How each latent and each parameter is climbed: a list of dictionaries."""
        return json.loads(self._compiled().plan_json)

    def explain(self):
        """The bound, the plan with reasons, and every update."""
        return self._compiled().explanation

    def _takes_missing(self):
        source = os.fspath(self.source) if self.source is not None else ""
        if source and "{" not in source:
            with open(source, encoding="utf-8") as file:
                source = file.read()
        return any(line.split("#")[0].split("//")[0].rstrip().endswith("missing") for line in source.splitlines())

    # ---- tables ----

    def _table(self, X, fitting):
        if tables.is_named(X):
            names = tables.names_of(X)
            if fitting:
                self._forget_names()
                if names is not None:
                    self.feature_names_in_ = np.array(names, dtype=object)
                    self.n_features_in_ = len(names)
                if hasattr(X, "dtypes") and _SKLEARN and all(getattr(d, "kind", "O") in "fiub" for d in X.dtypes):
                    self._checked(X, fitting)  # names and shape as scikit-learn wants them
            elif hasattr(X, "dtypes") and _SKLEARN and all(getattr(d, "kind", "O") in "fiub" for d in X.dtypes):
                self._checked(X, fitting)
            return tables.named_table(X)
        X = self._checked(X, fitting)
        names = getattr(self, "feature_names_in_", None)
        if names is None or fitting:
            names = [f"x{i + 1}" for i in range(X.shape[1])]
        return tables.array_table(X, [str(name) for name in names])

    def _forget_names(self):
        for name in ("feature_names_in_", "n_features_in_"):
            if hasattr(self, name):
                delattr(self, name)

    def _checked(self, X, fitting):
        finite = "allow-nan" if self._takes_missing() else True
        if _SKLEARN:
            return self._validate_data(X, reset=fitting, dtype=[np.float64, np.float32, np.int64, np.int32], force_all_finite=finite,
                                       ensure_min_samples=2 if fitting else 1)
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X has {X.ndim} axes, and a table has two")
        if fitting:
            self.n_features_in_ = X.shape[1]
        elif X.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {X.shape[1]} columns, and the model was fitted to {self.n_features_in_}")
        return X

    def _fitted(self):
        if not hasattr(self, "fit_"):
            if _SKLEARN:
                check_is_fitted(self, "fit_")
            raise NotFittedError("this model is not fitted yet: call `fit`")
        return self.fit_

    def _seed(self):
        return _seed_of(self.random_state)

    # ---- fitting ----

    def fit(self, X, y=None):
        """Fit to the rows of X: an array, a frame, a dictionary of columns, or an Arrow record batch. ``y`` is ignored."""
        table = self._table(X, fitting=True)
        options = _lvm.Options(iterations=self.iterations, restarts=self.restarts, tolerance=self.tolerance, seed=self._seed(),
                               accelerate=self.accelerate, threads=self.threads, updatable=self.updatable)
        start = self.fit_ if self.warm_start and hasattr(self, "fit_") else None
        traces, line = {}, _Line(self.verbose)

        def progress(restart, restarts, iteration, objective, change, remaining, seconds):
            traces.setdefault(restart, []).append(objective)
            line.show(restart, restarts, iteration, objective, change, seconds)

        try:
            self.fit_, said, _ = self._compiled().fit(table, options, progress, start)
        finally:
            line.clear()
        for one in said:
            warnings.warn(f"[{one['code']}] {one['message']}", Warning, stacklevel=2)
        self.trace_ = max(traces.values(), key=lambda trace: trace[-1], default=[])
        self._describe()
        return self

    @available_if(_takes_rows)
    def partial_fit(self, X, y=None, decay=1.0):
        """Add rows to the sums of those before, and let the parameters follow: one step of incremental EM. The first call fits."""
        _takes_rows(self)
        if not hasattr(self, "fit_"):
            return self.fit(X)
        self.fit_.update(self._table(X, fitting=False), float(decay))
        self._describe()
        return self

    def _describe(self):
        self.parameters_ = self.fit_.parameters()
        objective, iterations = self.fit_.metric("objective"), self.fit_.metric("iterations")
        self.objective_ = float(objective) if objective is not None else None
        self.n_iter_ = max(1, int(iterations)) if iterations is not None else getattr(self, "n_iter_", 1)
        self.converged_ = self.fit_.metric("converged") == "true"

    # ---- questions ----

    def score_samples(self, X):
        """ln P(y) of each row; of fits by gradients their bound."""
        return self._fitted().score(self._table(X, fitting=False), self.threads)[0]

    def score(self, X, y=None):
        """The mean of ``score_samples``."""
        return float(np.mean(self.score_samples(X)))

    def posterior(self, X):
        """Columns by name: of finite latents the most probable value and the probability of each, of others means and ``_sd``."""
        columns = self._fitted().posterior(self._table(X, fitting=False), self.threads)
        return {name: _values(values, levels) for name, values, levels in columns}

    def predict_proba(self, X):
        """The probabilities of the values of the finite latent, a column each."""
        probabilities = [v for name, v, levels in self._posterior(X) if "=" in name and not levels]
        if not probabilities:
            raise AttributeError("the model has no finite latent: `transform` gives the means of the others")
        return np.column_stack(probabilities)

    def predict(self, X):
        """The most probable value of the finite latent, from 0."""
        return self.predict_proba(X).argmax(axis=1)

    def fit_predict(self, X, y=None):
        return self.fit(X).predict(X)

    def transform(self, X):
        """The posterior as features: probabilities of finite latents, means of others."""
        columns = self._posterior(X)
        features = [v for name, v, levels in columns if not levels and not name.endswith("_sd")]
        return np.column_stack(features)

    def _posterior(self, X):
        return self._fitted().posterior(self._table(X, fitting=False), self.threads)

    def impute(self, X):
        """X with its missing cells completed, as columns by name, with ``NAME_sd`` (or ``NAME_p``) where a column lacked some."""
        columns = self._fitted().impute(self._table(X, fitting=False), self.threads)
        return {name: _values(values, levels) for name, values, levels in columns}

    def sample(self, n_samples=1, random_state=None):
        """Rows that are drawn, as columns by name: the data, then the latents."""
        seed = 1 if random_state is None else _seed_of(random_state)
        return {name: _values(values, levels) for name, values, levels in self._fitted().sample(int(n_samples), seed)}

    def scorer(self, columns=()):
        """A function of one row, a list of cells, that gives ln P(y) within microseconds. Categories are numbers: their places in ``levels(i)``."""
        return self._fitted().scorer([str(name) for name in columns])

    # ---- keeping ----

    def save(self, path):
        """As ``fit.lvmfit``, which ``lvmc`` and ``lvm.load`` read."""
        self._fitted().save(os.fspath(path))

    def plot(self, ax=None):
        """The objective after each iteration, by Matplotlib."""
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise ImportError("`plot` needs Matplotlib") from error
        self._fitted()
        ax = ax or pyplot.gca()
        ax.plot(self.trace_)
        ax.set_xlabel("iteration")
        ax.set_ylabel("objective, nats")
        return ax

    def _more_tags(self):
        return {"allow_nan": self.source is not None and self._takes_missing(), "poor_score": True}


def load(path):
    """A fitted model from ``fit.lvmfit``."""
    fit = _lvm.Fit.load(os.fspath(path))
    model = Model(fit.model_text)
    model.fit_ = fit
    model.trace_ = []
    model._describe()
    return model


def _fit_of(data):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fit.lvmfit")
        with open(path, "wb") as file:
            file.write(data)
        return _lvm.Fit.load(path)


def _reduced(fit):
    """A fit is pickled as its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fit.lvmfit")
        fit.save(path)
        with open(path, "rb") as file:
            return _fit_of, (file.read(),)


copyreg.pickle(_lvm.Fit, _reduced)


def _seed_of(random_state):
    if random_state is None:
        return None
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    random = check_random_state(random_state) if _SKLEARN else random_state
    return int(random.randint(2**31 - 1))


def _values(values, levels):
    if not levels:
        return values
    named = np.array([*levels, None], dtype=object)
    return named[np.where(np.isnan(values), len(levels), values).astype(int)]


class _Line:
    """One line that is written over, on a terminal or in a notebook; nothing where nothing is asked for."""

    def __init__(self, verbose):
        self.verbose, self.next = verbose, 0.0
        self.notebook = "ipykernel" in sys.modules

    def show(self, restart, restarts, iteration, objective, change, seconds):
        if not self.verbose or seconds < self.next:
            return
        self.next = seconds + 0.1
        run = f"run {restart} of {restarts}, " if restarts > 1 else ""
        sys.stderr.write(f"\r{run}iteration {iteration}, objective {objective:.3f}, change {change:.2g}   ")
        sys.stderr.flush()

    def clear(self):
        if self.verbose:
            sys.stderr.write("\n" if self.notebook else "\r\033[K")
