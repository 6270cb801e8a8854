"""Likelihoods by their definitions: the integrals of the papers, and slopes by differences."""

import math

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.special import beta as beta_function
from scipy.special import gammaln

from merx.kernels import lifetime

X = np.array([0, 0, 1, 2, 5, 12.0])
LAST = np.array([0, 0, 3, 10, 30, 20.0])
AGE = np.array([39, 3, 3, 39, 39, 39.0])
PARETO, BETA_GEOMETRIC = (0.553, 10.578, 0.606, 11.669), (0.243, 4.414, 0.793, 2.426)


def gamma_density(rate, shape, scale):
    return scale**shape * rate ** (shape - 1) * math.exp(-scale * rate) / math.gamma(shape)


def rows(kernel, parameters, *more):
    n = len(X)
    value, slope, alive = np.empty(n), np.empty((n, len(parameters))), np.empty(n)
    kernel(0, n, X, LAST, AGE, parameters, *more, value, slope, alive)
    return value, slope, alive


def pareto_by_definition(x, t, T, r, alpha, s, beta):
    """Over both rates: still there at T, or gone between t and T."""

    def still(leaving, rate):
        return rate**x * math.exp(-(rate + leaving) * T)

    def gone(leaving, rate):
        both = rate + leaving
        return rate**x * leaving / both * (math.exp(-both * t) - math.exp(-both * T))

    found = [
        dblquad(
            # u^k for each rate takes the pole at 0 out
            lambda m, k, part=part: (
                part(m**4, k**4)
                * gamma_density(k**4, r, alpha) * 4 * k**3
                * gamma_density(m**4, s, beta) * 4 * m**3
            ),
            1e-9, 1.5, 1e-9, 1.5, epsabs=1e-13, epsrel=1e-9,
        )[0]
        for part in (still, gone)
    ]  # fmt: skip
    return math.log(sum(found)), found[0] / sum(found)


def beta_geometric_by_definition(x, t, T, r, alpha, a, b, at_zero):
    """Over the chance to leave; over the rate it is a Gamma function."""
    k = x + at_zero

    def over_rates(time):
        return math.gamma(r + x) / math.gamma(r) * alpha**r / (alpha + time) ** (r + x)

    def over_chances(power_p, power_q):  # substitutions that take the poles at 0 and 1 out
        left = quad(
            lambda u: 4 * u ** (4 * (a + power_p) - 1) * (1 - u**4) ** (b + power_q - 1), 0, 0.5**0.25
        )
        right = quad(
            lambda u: 4 * u ** (4 * (b + power_q) - 1) * (1 - u**4) ** (a + power_p - 1), 0, 0.5**0.25
        )
        return (left[0] + right[0]) / beta_function(a, b)

    still = over_chances(0, k) * over_rates(T)
    gone = over_chances(1, k - 1) * over_rates(t) if k else 0.0
    return math.log(still + gone), still / (still + gone)


@pytest.mark.parametrize("row", [0, 2, 3])
def test_pareto_nbd_is_the_double_integral(row):
    value, _, alive = rows(lifetime.pareto_rows, PARETO)
    expected = pareto_by_definition(X[row], LAST[row], AGE[row], *PARETO)
    np.testing.assert_allclose((value[row], alive[row]), expected, rtol=1e-5)


def test_pareto_nbd_keeps_its_digits_whatever_the_customers():
    """Against 200 nodes on ten pieces, for shapes and scales from an eighth to eight mean ages."""
    rng = np.random.default_rng(0)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    part = (np.arange(10)[:, None] + (nodes + 1) / 2).ravel() / 10  # (200,) of the integral's length
    for r, alpha, s, beta in np.exp(rng.uniform(-2.1, 2.1, (100, 4))):
        T = np.exp(rng.uniform(-4, 2, (50, 1)))
        x = rng.integers(0, 30, (50, 1)).astype(float)
        t = T * rng.random((50, 1)) * (x > 0)
        n, length = r + x, np.log((alpha + T) / (alpha + t))
        e = length * part
        u = (alpha + t) * np.exp(e) - alpha
        logs = np.log(alpha + u) - n * e - (s + 1) * np.log(beta + u) + s * np.log(beta + T)
        gone = s * length[:, 0] / 20 * (np.exp(logs) @ np.tile(weights, 10))
        still = np.exp(-n * length)[:, 0]
        value, slope, alive = np.empty(50), np.empty((50, 4)), np.empty(50)
        rows = (column[:, 0].copy() for column in (x, t, T))
        lifetime.pareto_rows(0, 50, *rows, (r, alpha, s, beta), value, slope, alive)
        scale = gammaln(n) - gammaln(r) + r * np.log(alpha) - n * np.log(alpha + t)
        scale += s * np.log(beta / (beta + T))
        np.testing.assert_allclose(alive, still / (still + gone), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(value, scale[:, 0] + np.log(still + gone), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("at_zero", [0, 1])
def test_bg_nbd_is_the_integral_over_chances(at_zero):
    value, _, alive = rows(lifetime.beta_geometric_rows, BETA_GEOMETRIC, at_zero)
    for row in range(len(X)):
        expected = beta_geometric_by_definition(X[row], LAST[row], AGE[row], *BETA_GEOMETRIC, at_zero)
        np.testing.assert_allclose((value[row], alive[row]), expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("kernel", "parameters", "more"),
    [
        (lifetime.pareto_rows, PARETO, ()),
        (lifetime.pareto_rows, (3.0, 0.4, 1.0, 250.0), ()),
        (lifetime.beta_geometric_rows, BETA_GEOMETRIC, (0,)),
        (lifetime.beta_geometric_rows, BETA_GEOMETRIC, (1,)),
    ],
)
def test_slopes_are_those_of_differences(kernel, parameters, more):
    _, slope, _ = rows(kernel, parameters, *more)
    for place, parameter in enumerate(parameters):
        step = np.zeros(4)
        step[place] = 1e-5 * parameter
        up, _, _ = rows(kernel, tuple(parameters + step), *more)
        down, _, _ = rows(kernel, tuple(parameters - step), *more)
        np.testing.assert_allclose((up - down) / (2 * step[place]), slope[:, place], rtol=1e-4, atol=1e-6)


def test_gamma_gamma_is_the_integral_over_rates_and_its_slopes_are_those_of_differences():
    p, q, v = 6.25, 3.74, 15.44
    x, mean = np.array([1.0, 2, 7]), np.array([22.0, 51.5, 9.0])

    def at(parameters):
        value, slope = np.empty(3), np.empty((3, 3))
        lifetime.gamma_gamma_rows(0, 3, x, mean, parameters, value, slope)
        return value, slope

    value, slope = at((p, q, v))
    for row in range(3):  # a mean of x purchases is Gamma(p x, x rate)
        density, _ = quad(
            lambda rate, row=row: (
                gamma_density(mean[row], p * x[row], rate * x[row]) * gamma_density(rate, q, v)
            ),
            0, 10, epsabs=1e-14, points=[0.1, 0.5, 1.0],
        )  # fmt: skip
        assert value[row] == pytest.approx(math.log(density), rel=1e-8)
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1e-5
        numeric = (at(tuple(np.array([p, q, v]) + step))[0] - at(tuple(np.array([p, q, v]) - step))[0]) / 2e-5
        np.testing.assert_allclose(numeric, slope[:, place], rtol=1e-5)


def test_digamma():
    from scipy.special import digamma

    z = np.array([0.01, 0.5, 1.0, 7.9, 8.1, 300.0])
    np.testing.assert_allclose([lifetime.digamma(one) for one in z], digamma(z), rtol=1e-12)
