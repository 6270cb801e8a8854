"""The truth of the benchmark of the blend: who will buy what, as the simulator draws it."""

import numpy as np
import pytest

from _truth import true_rates
from merx.simulate.simulation import Simulation


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    simulated = Simulation(users=60, items=24, days=140, seed=3).run()
    folder = tmp_path_factory.mktemp("shop")
    simulated.write(folder)
    return simulated.truth, true_rates(simulated.truth, folder / "events.parquet")


def test_every_unit_has_one_buyer(shop):
    truth, rate = shop
    units = truth.expected_weekly_units(truth.price_now[:, None])[:, 0]
    assert rate.shape == (60, 24) and (rate >= 0).all()
    assert rate.sum(axis=0) == pytest.approx(units)


def test_late_buyers_and_their_friends_buy_more_than_by_taste_alone(shop):
    truth, rate = shop
    by_taste = np.stack([truth.purchase_rate(u) for u in range(60)])
    more = rate / by_taste
    assert more.max() > 2 and more.min() < 1
    assert np.corrcoef(np.log(rate.ravel()), np.log(by_taste.ravel()))[0, 1] > 0.8
