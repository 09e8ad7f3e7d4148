"""Special functions to about 40 digits, by series in decimal arithmetic: the reference of the densities and of ops.

Run as a program it writes tests/unit/tensor/special_values.h.
"""
from decimal import Decimal as D, getcontext
import os

getcontext().prec = 90
getcontext().Emax = 10**9
PI = D("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651")
HALF_LOG_TWO_PI = (2 * PI).ln() / 2
BERNOULLI = [D(1) / 6, -D(1) / 30, D(1) / 42, -D(1) / 30, D(5) / 66, -D(691) / 2730, D(7) / 6, -D(3617) / 510,
             D(43867) / 798, -D(174611) / 330, D(854513) / 138, -D(236364091) / 2730, D(8553103) / 6,
             -D(23749461029) / 870, D(8615841276005) / 14322]


def binets(x):
    """Binet's function, its derivative and its second."""
    x = D(x)
    value = slope = curve = D(0)
    while x < 80:
        log = (1 + 1 / x).ln()
        value += (x + D("0.5")) * log - 1
        slope += log - (1 / x + 1 / (x + 1)) / 2
        curve += 1 / (x * (x + 1)) ** 2 / 2
        x += 1
    for k, b in enumerate(BERNOULLI, 1):
        term = b / (2 * k * (2 * k - 1))
        value += term / x ** (2 * k - 1)
        slope -= term * (2 * k - 1) / x ** (2 * k)
        curve += term * (2 * k - 1) * (2 * k) / x ** (2 * k + 1)
    return value, slope, curve


def lgamma(x):
    x = D(x)
    return (x - D("0.5")) * x.ln() - x + HALF_LOG_TWO_PI + binets(x)[0]


def bessels(x):
    """I0(x), I1(x) for x >= 0."""
    x = D(x)
    q, k = x * x / 4, 1
    i0 = s0 = D(1)
    i1 = s1 = D(1)
    while s0 > i0 * D(10) ** -80:
        s0 *= q / (k * k)
        s1 *= q / (k * (k + 1))
        i0 += s0
        i1 += s1
        k += 1
    return i0, i1 * x / 2


def log_bessel(x):
    return bessels(abs(D(x)))[0].ln() - abs(D(x))


def bessel_ratio(x):
    i0, i1 = bessels(abs(D(x)))
    return (i1 / i0).copy_sign(D(x))


def bessel_slope(x):
    x = abs(D(x))
    if x == 0:
        return D("0.5")
    ratio = bessel_ratio(x)
    return 1 - ratio / x - ratio * ratio


def erf(x):
    x = D(x)
    total = term = x
    n = 0
    while abs(term) > D(10) ** -85 * abs(total):
        n += 1
        term *= -x * x / n
        total += term / (2 * n + 1)
    return 2 / PI.sqrt() * total


def erfcx(x):
    x = D(x)
    if x < 7:
        return (x * x).exp() * (1 - erf(x)) if x > -20 else 2 * (x * x).exp() - erfcx(-x)
    fraction = D(0)  # continued fraction, from its tail
    for n in range(600, 0, -1):
        fraction = D(n) / 2 / (x + fraction)
    return 1 / PI.sqrt() / (x + fraction)


def log_normal_cdf(x):
    x = D(x)
    if x > -7:
        return ((1 + erf(x / D(2).sqrt())) / 2).ln()
    return -x * x / 2 + (erfcx(-x / D(2).sqrt()) / 2).ln()


def sin(x):
    x = D(x) % (2 * PI)
    total = term = x
    n = 1
    while abs(term) > D(10) ** -85:
        term *= -x * x / ((n + 1) * (n + 2))
        total += term
        n += 2
    return total


def cos(x):
    return sin(D(x) + PI / 2)


def main():
    positive = [1e-8, 1e-3, 0.1, 0.5, 0.9, 1.0, 1.25, 2.0, 3.7, 8.0, 10.9, 14.3, 15.99, 16.0, 40.0, 1e3, 1e6, 1e9]
    any_size = [0.0, 1e-9, 0.01, 0.5, 2.0, 5.0, 9.86, 11.8, 12.0, 15.0, 26.9, 29.9, 30.0, 50.0, 700.0, -3.0, -40.0]
    rows = []
    for op, f, points in (
            ("binet", lambda x: binets(x)[0], positive), ("binet_slope", lambda x: binets(x)[1], positive),
            ("binet_curve", lambda x: binets(x)[2], positive), ("log_bessel", log_bessel, any_size),
            ("bessel_ratio", bessel_ratio, any_size), ("bessel_slope", bessel_slope, any_size),
            ("erfcx", erfcx, [-26.0, -5.3, -1.0, -1e-5, 0.0, 0.3, 1.0, 2.5, 5.99, 6.0, 7.1, 20.0, 1e4, 1e100]),
            ("cos", cos, [0.0, 0.5, -1.5707963267948966, 3.0, 100.0, -8571.71, 1e8]),
            ("sin", sin, [0.0, 0.5, -1.5707963267948966, 3.141592653589793, 100.0, -8571.71, 1e8])):
        rows += ["    {Op::%s, %r, %r}," % (op, x, float(f(x))) for x in points]
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../unit/tensor/special_values.h"), "w") as file:
        file.write("#pragma once\n// Written by tests/oracles/special_functions.py: values rounded from about 40 digits.\n\n"
                   '#include "ir/tensor/tensor.h"\n\nnamespace lvm::test {\n\nusing ir::Op;\n\n'
                   "struct SpecialValue {\n  Op op;\n  double x, value;\n};\n\n"
                   "inline constexpr SpecialValue special_values[] = {\n" + "\n".join(rows)
                   + "\n};\n\n}  // namespace lvm::test\n")


if __name__ == "__main__":
    main()
