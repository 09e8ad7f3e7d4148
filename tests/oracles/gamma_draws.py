"""Quantiles of Gamma(shape, 1) at those of standard normal numbers, and their derivatives in the shape, by mpmath's incomplete
gamma function in 60 digits: the equation F(z; shape) = Phi(e) solved by secants, the derivative a central difference of its roots.
Run as a program it writes gamma_draws.h of tests/unit/tensor.
"""
import os

from mpmath import mp, mpf, exp, gammainc, log, loggamma, ncdf, sqrt

mp.dps = 60


def log_quantile(shape, noise, near=None):
    """The smaller tail is what is matched."""
    upper = noise > 0
    target = log(ncdf(-abs(noise)))

    def f(y):
        z = exp(y)
        tail = gammainc(shape, z, mp.inf, regularized=True) if upper else gammainc(shape, 0, z, regularized=True)
        return log(tail) - target
    if near is None:
        low = (log(ncdf(noise)) + loggamma(shape + 1)) / shape
        root = 1 - 1 / (9 * shape) + noise / (3 * sqrt(shape))
        near = max(low, log(shape) + 3 * log(root)) if shape > 0.3 and root > 0.1 else low
        if upper and shape < 1:
            near = max(near, log(max(-target - loggamma(shape), mpf("0.05"))) - mpf("0.1"))
    return mp.findroot(f, (near, near + mpf("0.01") / sqrt(shape + 1)), solver="secant", maxsteps=200, tol=mpf(10) ** -80)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../unit/tensor/gamma_draws.h"), "w") as file:
        file.write("#pragma once\n// Written by tests/oracles/gamma_draws.py.\n\n#include <vector>\n\nnamespace lvm::test {\n\n")
        file.write("struct GammaDraw {\n  double shape, noise, log_value, slope;\n};\n\n")
        file.write("inline const std::vector<GammaDraw> gamma_draws = {\n")
        for shape in ("0.001", "0.02", "0.3", "0.5", "0.9", "1", "2.5", "8", "60", "1000", "1000000"):
            for noise in ("-6.5", "-3", "-0.7", "0", "0.4", "2", "3.75", "6"):
                a, e = mpf(float(shape)), mpf(float(noise))
                y = log_quantile(a, e)
                h = a * mpf(10) ** -15
                slope = (log_quantile(a + h, e, y) - log_quantile(a - h, e, y)) / (2 * h)
                file.write("    {%s, %s, %r, %r},\n" % (shape, noise, float(y), float(slope)))
        file.write("};\n\n}  // namespace lvm::test\n")


if __name__ == "__main__":
    main()
