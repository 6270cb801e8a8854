"""Pareto/NBD: published figures, known populations."""

import numpy as np
import pytest

from merx.behaviour.pareto_nbd import FittedParetoNBD, ParetoNBD
from tests.behaviour.customers import customers, pareto_world
from tests.behaviour.test_bg_nbd import WEEK, cdnow, in_weeks

# Fader, Hardie & Lee (2005), table 2, in weeks there
CDNOW = FittedParetoNBD(0.553, 10.578 * WEEK, 0.606, 11.669 * WEEK, 2357, 0.0)


def test_the_vignettes_customers():
    """Of the R package BTYD: a new one in 52 weeks, and number 1516 (26 purchases), seen for 31 weeks."""
    assert CDNOW.expected_new(52 * WEEK) == pytest.approx(1.473434, abs=1e-3)
    seen = customers([26], [30.857142857 * WEEK], [31 * WEEK])
    assert CDNOW.alive(seen)[0] == pytest.approx(0.9979, abs=1e-4)
    assert CDNOW.expected(seen, 52 * WEEK)[0] == pytest.approx(25.456, abs=0.01)


def test_rates_of_leaving_of_shape_one_are_no_pole():
    seen = customers([0, 3], [0, 100], [200, 200])
    at, beside = (FittedParetoNBD(0.5, 30.0, s, 90.0, 0, 0.0).expected(seen, 90.0) for s in (1.0, 1 + 1e-7))
    np.testing.assert_allclose(at, beside, rtol=1e-6)


def test_a_known_population_is_found_again():
    true = (0.7, 50.0, 0.8, 150.0)
    found = ParetoNBD().fit(pareto_world(20_000, *true, seed=1))
    np.testing.assert_allclose((found.r, found.alpha, found.s, found.beta), true, rtol=0.25)
    new = pareto_world(20_000, *true, seed=2)
    expected = np.mean([found.expected_new(age) for age in new.age[:2000]])
    assert expected == pytest.approx(new.frequency[:2000].mean(), rel=0.1)


@pytest.mark.slow
def test_cdnow():
    """Fader, Hardie & Lee (2005), table 2."""
    seen = cdnow()
    found = ParetoNBD().fit(seen)
    weeks = (found.r, found.alpha / WEEK, found.s, found.beta / WEEK)
    np.testing.assert_allclose(weeks, (0.553, 10.578, 0.606, 11.669), atol=1.5e-3)
    assert in_weeks(found, seen) == pytest.approx(-9594.98, abs=0.01)
