"""EM of scikit-learn from a given start: scikit_learn.py FOLDER ROWS COLUMNS K BASE ITERATIONS full|diag -> one JSON line."""
import json
import pathlib
import sys
import time
import warnings

import numpy as np
from sklearn.mixture import GaussianMixture

folder = pathlib.Path(sys.argv[1])
N, D, K, base, iterations = map(int, sys.argv[2:7])
form = sys.argv[7]
warnings.simplefilter("ignore")  # it warns that it has not converged
y = np.fromfile(folder / "rows.f64").reshape(N, D)
start = json.loads((folder / f"start_{form}.json").read_text())


class Warm(GaussianMixture):
    """Starts from given parameters themselves: an ordinary fit would run k-means before it looked at them."""

    def _initialize_parameters(self, X, random_state):
        self.weights_, self.means_ = np.array(start["weight"]), np.array(start["mean"])
        if form == "diag":
            self.covariances_ = np.array(start["variance"])
            self.precisions_cholesky_ = 1 / np.sqrt(self.covariances_)
        else:
            self.covariances_ = np.array(start["cov"])
            self.precisions_cholesky_ = np.linalg.inv(np.linalg.cholesky(self.covariances_)).transpose(0, 2, 1)


def seconds(count):
    mixture = Warm(K, covariance_type=form, reg_covar=0, tol=0, max_iter=count)
    begin = time.perf_counter()
    mixture.fit(y)
    return time.perf_counter() - begin, mixture


short, _ = seconds(base)
long, mixture = seconds(iterations)
value = float(mixture.score_samples(y).sum())
print(json.dumps({"seconds": (long - short) / (iterations - base), "log_likelihood": value}))
