"""Plain EM for finite mixtures, written from the textbook equations: the oracle of lvm's numeric tests.

Gaussian mixtures: Bishop 2006, eq. 9.23 (responsibilities), 9.24-9.27 (means, covariances, weights), 9.28 (log likelihood).
Constrained covariances: McLachlan & Peel 2000, section 3.8 and Celeux & Govaert 1995 (pooled, diagonal, spherical scatter).
Bernoulli mixtures: Bishop 2006, eq. 9.56-9.60.  Categorical: the same with one-hot rows.

Clarity before speed; everything is float64; no regularisation, no floor. A fit is the pair (parameters, log likelihood at them).
"""
import numpy as np

LOG_2PI = np.log(2 * np.pi)
GAUSSIAN_FORMS = ("full", "tied", "diagonal", "tied_diagonal", "spherical", "tied_spherical")


def log_sum_exp(log_terms):
    """ln sum_k exp(log_terms[:, k]), safe where all terms are small or some are -inf."""
    top = log_terms.max(axis=1, keepdims=True)
    return (top + np.log(np.exp(log_terms - top).sum(axis=1, keepdims=True)))[:, 0]


def variance_name(form):
    """The parameter that holds the spread: a matrix `cov`, or element-wise `var`."""
    return "cov" if form in ("full", "tied") else "var"


def component_covariances(form, spread, K, D):
    """The K covariance matrices [K, D, D] that a form stands for."""
    spread = np.asarray(spread, dtype=float)
    if form == "full":
        return spread
    if form == "tied":
        return np.broadcast_to(spread, (K, D, D))
    if form == "diagonal":
        variances = spread
    elif form == "tied_diagonal":
        variances = np.broadcast_to(spread, (K, D))
    elif form == "spherical":
        variances = np.repeat(spread[:, None], D, axis=1)
    else:
        variances = np.full((K, D), float(spread))
    return np.stack([np.diag(v) for v in variances])


def restrict(form, covariance, K):
    """The start: every component has the part of one common covariance that the form can hold."""
    diagonal = np.diag(covariance)
    return {
        "full": lambda: np.stack([covariance] * K),
        "tied": lambda: covariance.copy(),
        "diagonal": lambda: np.stack([diagonal] * K),
        "tied_diagonal": lambda: diagonal.copy(),
        "spherical": lambda: np.full(K, diagonal.mean()),
        "tied_spherical": lambda: np.array(diagonal.mean()),
    }[form]()


class GaussianEmission:
    """y ~ Normal(mean[z], cov[z]) in one of the six covariance forms."""

    def __init__(self, y, form):
        self.y, self.form = np.asarray(y, dtype=float), form

    def log_density(self, parameters):
        mean = parameters["mean"]
        K, D = mean.shape
        covariances = component_covariances(self.form, parameters[variance_name(self.form)], K, D)
        columns = []
        for k in range(K):
            lower = np.linalg.cholesky(covariances[k])
            whitened = np.linalg.solve(lower, (self.y - mean[k]).T)
            log_det = 2 * np.log(np.diag(lower)).sum()
            columns.append(-0.5 * (D * LOG_2PI + log_det + (whitened**2).sum(axis=0)))
        return np.stack(columns, axis=1)

    def maximise(self, r):
        y, form = self.y, self.form
        (N, D), K = y.shape, r.shape[1]
        count = r.sum(axis=0)
        # The mean is taken about the column means: sums of large numbers lose digits that the tests look at.
        origin = y.mean(axis=0)
        mean = origin + (r.T @ (y - origin)) / count[:, None]
        scatter = np.empty((K, D, D))
        for k in range(K):
            d = y - mean[k]
            scatter[k] = (r[:, k, None] * d).T @ d
        own = scatter / count[:, None, None]
        pooled = scatter.sum(axis=0) / N
        spread = {
            "full": lambda: own,
            "tied": lambda: pooled,
            "diagonal": lambda: np.stack([np.diag(c) for c in own]),
            "tied_diagonal": lambda: np.diag(pooled).copy(),
            "spherical": lambda: np.array([np.trace(c) / D for c in own]),
            "tied_spherical": lambda: np.array(np.trace(pooled) / D),
        }[form]()
        return {"mean": mean, variance_name(form): spread}


class BernoulliEmission:
    """y[d] ~ Bernoulli(p[z, d]), independent over d."""

    def __init__(self, y):
        self.y = np.asarray(y, dtype=float)

    def log_density(self, parameters):
        p = parameters["p"]
        with np.errstate(divide="ignore"):
            log_p, log_q = np.log(p), np.log1p(-p)
        # 0 ln 0 = 0: a column of zeros has p = 0 and costs nothing.
        terms = np.where(self.y[:, None, :] == 1, log_p[None], log_q[None])
        return terms.sum(axis=2)

    def maximise(self, r):
        # ones / (ones + zeros) cannot leave [0, 1]; ones / count can, by rounding.
        ones, zeros = r.T @ self.y, r.T @ (1 - self.y)
        return {"p": ones / (ones + zeros)}


class PoissonEmission:
    """y ~ Poisson(rate[z]), one count a row."""

    def __init__(self, y):
        self.y = np.asarray(y, dtype=float)
        self.log_factorial = np.array([np.log(np.arange(1, count + 1)).sum() for count in self.y])

    def log_density(self, parameters):
        rate = parameters["rate"]
        return self.y[:, None] * np.log(rate) - rate - self.log_factorial[:, None]

    def maximise(self, r):
        return {"rate": (r.T @ self.y) / r.sum(axis=0)}


class CategoricalEmission:
    """c ~ Categorical(p[z]), one category 0 ... V-1 a row; the parameter is named by the caller."""

    def __init__(self, levels, V, name="p"):
        self.levels, self.V, self.name = np.asarray(levels, dtype=int), V, name

    def log_density(self, parameters):
        with np.errstate(divide="ignore"):
            terms = np.log(parameters[self.name])[:, self.levels].T
        return np.where(self.levels[:, None] < 0, 0.0, terms)

    def maximise(self, r):
        seen = self.levels >= 0
        one_hot = np.eye(self.V)[self.levels[seen]]
        return {self.name: (r[seen].T @ one_hot) / r[seen].sum(axis=0)[:, None]}


class LatentClassEmission:
    """c[d] ~ Categorical(p[z, d]): D items of V levels each, independent given z.  A cell of -1 is absent: it tells nothing."""

    def __init__(self, levels, V):
        self.items = [CategoricalEmission(column, V) for column in np.asarray(levels, dtype=int).T]

    def log_density(self, parameters):
        return sum(item.log_density({"p": parameters["p"][:, d]}) for d, item in enumerate(self.items))

    def maximise(self, r):
        return {"p": np.stack([item.maximise(r)["p"] for item in self.items], axis=1)}


class Mixture:
    """P(z) = Categorical(weight); the emissions are independent given z."""

    def __init__(self, *emissions):
        self.emissions = emissions

    def joint(self, parameters):
        """ln P(z = k) + ln P(y | z = k), [N, K]."""
        with np.errstate(divide="ignore"):
            terms = np.log(parameters["weight"])[None, :]
        for emission in self.emissions:
            terms = terms + emission.log_density(parameters)
        return terms

    def log_likelihood(self, parameters):
        return float(log_sum_exp(self.joint(parameters)).sum())

    def responsibilities(self, parameters):
        joint = self.joint(parameters)
        return np.exp(joint - log_sum_exp(joint)[:, None])

    def maximise(self, r):
        parameters = {"weight": r.sum(axis=0) / len(r)}
        for emission in self.emissions:
            parameters.update(emission.maximise(r))
        return parameters

    def step(self, parameters):
        return self.maximise(self.responsibilities(parameters))

    def run(self, parameters, iterations):
        """Parameters after that many EM updates, and the log likelihood at them."""
        for _ in range(iterations):
            parameters = self.step(parameters)
        return parameters, self.log_likelihood(parameters)

    def converge(self, parameters, most=200_000):
        """Until the remaining gain (Aitken: gain / (1 - rate)) is below 1e-11 nats, or below what doubles can show."""
        value, gain = self.log_likelihood(parameters), np.inf
        still = 0
        for iteration in range(1, most + 1):
            parameters = self.step(parameters)
            last_gain, last_value = gain, value
            value = self.log_likelihood(parameters)
            gain = value - last_value
            rounding = 64 * np.finfo(float).eps * max(1.0, abs(value))
            if gain < -rounding:
                raise ArithmeticError(f"the log likelihood dropped by {-gain} at iteration {iteration}")
            rate = gain / last_gain if last_gain > 0 else 0.0
            small = gain <= 1e-11 and (rate >= 1 or gain / (1 - rate) < 1e-11) or abs(gain) <= 2e-16 * abs(value)
            still = still + 1 if small else 0
            if still == 10:
                return parameters, value, iteration
        raise ArithmeticError(f"no convergence in {most} iterations; last gain {gain}")


def spaced_rows(N, K):
    """K row numbers spread evenly over a table: the middle of each of K equal stretches."""
    return [(2 * k + 1) * N // (2 * K) for k in range(K)]


def gaussian_start(y, form, K):
    """Means at K rows of the data, one common covariance, equal weights."""
    y = np.asarray(y, dtype=float)
    covariance = np.atleast_2d(np.cov(y.T, bias=True))
    return {
        "weight": np.full(K, 1 / K),
        "mean": y[spaced_rows(len(y), K)].copy(),
        variance_name(form): restrict(form, covariance, K),
    }
