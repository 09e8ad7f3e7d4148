#!/usr/bin/env python3
"""Where the observed-data likelihood of tables with absent cells is greatest: missing_direct.py [folder of the CSV files] freezes
missing_direct.json beside this script.

No EM is involved. SciPy maximises the log likelihood of missing.py (marginal densities of what is observed, their gradient) over
log weights, means and the Cholesky factors or log variances: from the start that fits are given, by L-BFGS-B; then Newton steps with
differences of that gradient polish the parameters themselves, whose error is the square root of the objective's otherwise. A case
stands here where the maximum is one: all eigenvalues of the Hessian, but the one that moves all log weights together, are positive.
"""
import numpy as np
from scipy.optimize import minimize

import em
import generate_fixtures as complete
import missing


def tril_only(direct, x):
    """Entries above the diagonals of Cholesky factors move nothing."""
    free = np.ones(len(x), dtype=bool)
    if direct.name == "cov":
        at = direct.K + direct.K * direct.D
        free[at:] = np.broadcast_to(np.tril(np.ones((direct.D, direct.D), dtype=bool)), direct.shape).ravel()
    return np.flatnonzero(free)


def hessian(direct, x, free, h=1e-5):
    columns = []
    for i in free:
        step = np.zeros(len(x))
        step[i] = h
        columns.append((direct.value(x + step)[1] - direct.value(x - step)[1])[free] / (2 * h))
    columns = np.array(columns)
    return (columns + columns.T) / 2


def maximum(direct, start):
    x = direct.pack(start)
    for _ in range(6):  # restarts forget a bad curvature
        x = minimize(direct.value, x, jac=True, method="L-BFGS-B",
                     options={"maxiter": 20000, "maxfun": 40000, "ftol": 0, "gtol": 1e-9, "maxcor": 50}).x
    free = tril_only(direct, x)
    for _ in range(4):
        x[free] -= np.linalg.lstsq(hessian(direct, x, free), direct.value(x)[1][free], rcond=1e-10)[0]
    value, gradient = direct.value(x)
    curvature = np.linalg.eigvalsh(hessian(direct, x, free))
    return direct.unpack(x), -value, np.abs(gradient[free]).max(), curvature


def case(name, form, K):
    columns, y = complete.table(name)
    holes, cells = missing.remove(y, 20)
    mixture, start = missing.Mixture(missing.Gaussian(holes, form)), missing.start_of(y, form, K)
    direct = missing.Direct(mixture, start)
    error = direct.gradient_error(start)
    assert error < 1e-6, (name, form, K, error)
    parameters, value, slope, curvature = maximum(direct, start)
    level = curvature / np.abs(curvature).max()
    assert slope < 1e-6 and level[0] > -1e-9 and level[1] > 1e-8, (name, form, K, slope, level[:3])
    print(f"{name:9}{form:15}K={K} {value:16.9f}  gradient {slope:.1e}  least curvature {curvature[1]:.1e}", flush=True)
    return {"data": name, "columns": columns, "form": form, "K": K, "removed": cells.tolist(), "start": complete.plain(start),
            "log_likelihood": value, "parameters": complete.plain(parameters)}


def main():
    cases = [case(name, form, K) for name in ("faithful", "iris") for form in em.GAUSSIAN_FORMS for K in (1, 2)]
    complete.write("missing_direct", cases)


if __name__ == "__main__":
    main()
