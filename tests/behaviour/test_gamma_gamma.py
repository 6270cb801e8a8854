"""Gamma-Gamma and lifetime value: published figures, known populations, by definition."""

import numpy as np
import pytest

from merx.behaviour.gamma_gamma import FittedGammaGamma, GammaGamma
from merx.behaviour.lifetime_value import lifetime_value
from merx.behaviour.pareto_nbd import FittedParetoNBD
from merx.errors import FitError
from tests.behaviour.customers import customers, gamma_gamma_world, pareto_world
from tests.behaviour.test_bg_nbd import sample

CDNOW = FittedGammaGamma(6.25, 3.74, 15.44, 0.0, 946, 0.0)  # Fader & Hardie (2013), section 4


def test_who_never_came_back_is_worth_the_mean():
    """v p / (q - 1) = 35.22; who came back is drawn from it towards the own mean, the more the more often."""
    value = CDNOW.value(customers([0, 1, 10, 1000], [0, 1, 10, 20], [30] * 4, [np.nan, 100, 100, 100]))
    assert value[0] == pytest.approx(15.44 * 6.25 / 2.74)
    assert value[0] < value[1] < value[2] < value[3] < 100
    assert value[3] == pytest.approx(100, rel=1e-2)


def test_a_known_population_is_found_again():
    found = GammaGamma().fit(gamma_gamma_world(20_000, 6.0, 4.0, 15.0, seed=1))
    np.testing.assert_allclose((found.p, found.q, found.v), (6.0, 4.0, 15.0), rtol=0.1)
    assert abs(found.correlation) < 0.05


def test_the_currency_changes_nothing_but_the_scale():
    world = gamma_gamma_world(3_000, 6.0, 4.0, 15.0, seed=2)
    dear = customers(world.frequency, world.recency, world.age, 100 * world.value)
    np.testing.assert_allclose(GammaGamma().fit(dear).value(dear), 100 * GammaGamma().fit(world).value(world))


def test_refuses_values_that_depend_on_the_number_of_purchases():
    world = gamma_gamma_world(2_000, 6.0, 4.0, 15.0)
    with pytest.raises(FitError, match=r"rank correlation 0\.\d\d"):
        GammaGamma().fit(customers(world.frequency, world.recency, world.age, world.value * world.frequency))


def test_refuses_few_customers():
    with pytest.raises(FitError, match="of 99 customers, and it takes 100"):
        GammaGamma().fit(gamma_gamma_world(99, 6.0, 4.0, 15.0))


def test_refuses_values_without_a_mean():
    with pytest.raises(FitError, match="their mean is infinite"):
        GammaGamma().fit(gamma_gamma_world(20_000, 6.0, 0.6, 15.0))


def test_lifetime_value():
    model = FittedParetoNBD(0.7, 50.0, 0.8, 150.0, 0, 0.0)
    world = pareto_world(50, 0.7, 50.0, 0.8, 150.0)
    plain = lifetime_value(model, CDNOW, world, 365.0, discount=0.0)
    np.testing.assert_allclose(plain.purchases, model.expected(world, 365.0))
    np.testing.assert_allclose(plain.predicted, plain.purchases * CDNOW.value(world))
    np.testing.assert_allclose(plain.total, plain.historic + plain.predicted)
    assert plain.to_table().num_rows == 50

    discounted = lifetime_value(model, CDNOW, world, 365.0, discount=0.2).predicted
    days = np.arange(0.0, 366.0)
    made = np.diff([model.expected(world, day) for day in days], axis=0)  # (365, U)
    daily = (made * 1.2 ** (-(days[:-1, None] + 0.5) / 365.25)).sum(axis=0) * CDNOW.value(world)
    np.testing.assert_allclose(discounted, daily, rtol=1e-3)
    assert (discounted < plain.predicted).all()


@pytest.mark.slow
def test_cdnow():
    found = sample("cdnow_customers_summary_with_transactions.csv")
    value = np.where(found["x"] > 0, found["zbar"], np.nan)
    fitted = GammaGamma().fit(customers(found["x"], found["t_x"], found["t"], value))
    np.testing.assert_allclose((fitted.p, fitted.q, fitted.v), (6.25, 3.74, 15.44), atol=0.02)
