"""lvm: latent-variable models that are written as P(z), P(y | z) and q(z | y), compiled and fitted.

    model = lvm.Model("gmm.lvm", settings={"K": 2}).fit(X)
    model.predict(X), model.parameters_["mean"], model.score_samples(X)
"""
from ._lvm import Error, explain, version as __version__
from .estimator import Model, Warning, load

__all__ = ["Error", "Model", "Warning", "explain", "load", "__version__"]
