"""BG/NBD and MBG/NBD: published figures, known populations."""

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest
from scipy.special import hyp2f1

from merx.behaviour.bg_nbd import BGNBD, MBGNBD, FittedBGNBD
from tests.behaviour.customers import beta_geometric_world, customers

WEEK = 7.0
# Fader, Hardie & Lee (2005), table 2 and section 4.3, in weeks there
CDNOW = FittedBGNBD(0.243, 4.414 * WEEK, 0.793, 2.426, False, 2357, 0.0)


def sample(name="cdnow_customers_summary.csv"):
    """CDNOW's 1/10 sample, which the package `lifetimes` brings along."""
    spec = importlib.util.find_spec("lifetimes")
    if spec is None:
        pytest.skip("CDNOW's sample comes with the package lifetimes, which is not installed")
    table = pyarrow.csv.read_csv(Path(spec.origin).parent / "datasets" / name)
    return {column.lower(): table[column].to_numpy() for column in table.column_names}


def cdnow():
    found = sample()
    return customers(found["frequency"], found["recency"] * WEEK, found["t"] * WEEK)


def in_weeks(fitted, seen):
    """The published log-likelihood is that of times in weeks."""
    return fitted.log_likelihood + seen.frequency.sum() * np.log(WEEK)


def test_the_papers_customer():
    """x = 2, t = 30.43, T = 38.86: 1.226 purchases in the next 39 weeks (their spreadsheet)."""
    seen = customers([2], [30.43 * WEEK], [38.86 * WEEK])
    assert CDNOW.expected(seen, 39 * WEEK)[0] == pytest.approx(1.226, abs=5e-4)


def test_expected_purchases_are_equation_10():
    r, alpha, a, b = 0.243, 4.414 * WEEK, 0.793, 2.426
    x, t, T = np.array([0, 1, 2, 9.0]), np.array([0, 50, 213, 240.0]), np.full(4, 272.0)
    for days in (1.0, 70.0, 273.0, 2000.0):
        series = hyp2f1(r + x, b + x, a + b + x - 1, days / (alpha + T + days))
        bracket = 1 - ((alpha + T) / (alpha + T + days)) ** (r + x) * series
        odds = np.where(x > 0, a / (b + x - 1) * ((alpha + T) / (alpha + t)) ** (r + x), 0)
        expected = (a + b + x - 1) / (a - 1) * bracket / (1 + odds)
        np.testing.assert_allclose(CDNOW.expected(customers(x, t, T), days), expected, rtol=1e-8)


def test_a_new_customer_is_equation_9():
    r, alpha, a, b, days = 0.243, 4.414, 0.793, 2.426, 52.0
    series = hyp2f1(r, b, a + b - 1, days / (alpha + days))
    expected = (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + days)) ** r * series)
    assert CDNOW.expected_new(days * WEEK) == pytest.approx(expected, rel=1e-9)


def test_a_chance_to_leave_of_one_is_no_pole():
    """The paper's equation is 0 / 0 at a = 1; what is beside it is what is there."""
    seen = customers([0, 3], [0, 100], [200, 200])
    at, beside = (FittedBGNBD(0.5, 30.0, a, 2.0, True, 0, 0.0).expected(seen, 90.0) for a in (1.0, 1 + 1e-7))
    np.testing.assert_allclose(at, beside, rtol=1e-6)


@pytest.mark.parametrize(("kind", "at_zero"), [(BGNBD, False), (MBGNBD, True)])
def test_a_known_population_is_found_again(kind, at_zero):
    world = beta_geometric_world(20_000, 0.8, 40.0, 0.9, 2.5, at_zero, seed=1)
    found = kind().fit(world)
    np.testing.assert_allclose((found.r, found.alpha, found.a, found.b), (0.8, 40.0, 0.9, 2.5), rtol=0.15)
    again = beta_geometric_world(20_000, 0.8, 40.0, 0.9, 2.5, at_zero, seed=2)
    assert abs(again.frequency.mean() / world.frequency.mean() - 1) < 0.05
    new = np.mean([found.expected_new(age) for age in again.age[:500]])
    assert new == pytest.approx(again.frequency[:500].mean(), rel=0.25)


def test_mbg_lets_one_time_buyers_leave():
    seen = customers([0, 0], [0, 0], [10, 1000])
    np.testing.assert_array_equal(CDNOW.alive(seen), [1.0, 1.0])
    there = FittedBGNBD(0.525, 6.183 * WEEK, 0.891, 1.614, True, 0, 0.0).alive(seen)
    assert 1 > there[0] > there[1] > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "published", "likelihood"),
    [
        (BGNBD, (0.243, 4.414, 0.793, 2.426), -9582.43),  # Fader, Hardie & Lee (2005), table 2
        (MBGNBD, (0.525, 6.183, 0.891, 1.614), -9582.14),  # R package BTYDplus 1.2, vignette
    ],
)
def test_cdnow(kind, published, likelihood):
    seen = cdnow()
    found = kind().fit(seen)
    weeks = (found.r, found.alpha / WEEK, found.a, found.b)
    np.testing.assert_allclose(weeks, published, atol=1.5e-3)
    assert in_weeks(found, seen) == pytest.approx(likelihood, abs=0.01)
