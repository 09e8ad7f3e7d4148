"""FactorAnalysis of scikit-learn: factors.py TABLE.npy FACTORS BASE ITERATIONS -> one JSON line."""
import json
import sys
import time
import warnings

import numpy as np
from sklearn.decomposition import FactorAnalysis

warnings.simplefilter("ignore")  # it warns that it has not converged
y = np.load(sys.argv[1])
factors, base, iterations = map(int, sys.argv[2:5])


def seconds(count):
    begin = time.perf_counter()
    fit = FactorAnalysis(factors, tol=0, max_iter=count, svd_method="lapack").fit(y)
    return time.perf_counter() - begin, fit


short, _ = seconds(base)
long, fit = seconds(iterations)
print(json.dumps({"seconds": (long - short) / (iterations - base), "log_likelihood": float(fit.score_samples(y).sum())}))
