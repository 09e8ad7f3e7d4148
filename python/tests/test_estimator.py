"""check_estimator of scikit-learn, check by check. Exceptions stand below with their reasons."""
import sys
import warnings

try:
    import numpy as np  # noqa: F401
    import sklearn
    from sklearn.base import clone
    from sklearn.utils.estimator_checks import check_estimator
    import lvm
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

# A mixture that every table of the checks has a fit to: with a prior on its variances no component collapses.
MIXTURE = """
model mixture {
  axis K = 2
  axis D = columns
  data   y: real[D]
  param  weight: simplex[K]     ~ Dirichlet(2)
  param  mean:   real[K, D]
  param  var:    positive[K, D] ~ InverseGamma(2, scale: 1)
  latent z: category[K]
  P(z)     = Categorical(weight)
  P(y | z) = Normal(mean[z], var: var[z])
  q(z | y) = exact
}
"""

EXCEPTIONS = {}


def checks():
    for updatable in (False, True):
        model = lvm.Model(MIXTURE, iterations=50, updatable=updatable)
        assert clone(model).get_params() == model.get_params()
        assert hasattr(model, "partial_fit") == updatable
        yield from check_estimator(model, generate_only=True)


def main():
    failed, passed, excepted = [], 0, []
    for estimator, check in checks():
        name = getattr(check, "func", check).__name__
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", lvm.Warning)
                check(estimator)
            passed += 1
        except Exception as error:  # noqa: BLE001 - whatever a check throws
            if type(error).__name__ == "SkipTest":
                continue
            (excepted if name in EXCEPTIONS else failed).append((name, f"{type(error).__name__}: {error}"))
    for name, error in excepted:
        print(f"excepted: {name}: {EXCEPTIONS[name]}")
    for name, error in failed:
        print(f"FAILED: {name}: {error[:300]}")
    print(f"scikit-learn {sklearn.__version__}: {passed} passed, {len(failed)} failed, {len(excepted)} excepted")
    stale = set(EXCEPTIONS) - {name for name, _ in excepted}
    if stale:
        print(f"no exceptions any more: {sorted(stale)}")
    return 1 if failed or stale else 0


if __name__ == "__main__":
    sys.exit(main())
