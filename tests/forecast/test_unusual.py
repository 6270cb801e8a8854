import numpy as np
import pytest

from merx.forecast.unusual import FEWEST, unusual
from tests.forecast.worlds import WEEK, panel_of, weekly_season


def test_a_day_that_was_made_unusual_is_found_with_what_was_expected():
    rng = np.random.default_rng(0)
    y = rng.poisson(30 * np.resize(WEEK, 200)).astype(float)
    y[-3], y[-6] = 110.0, 2.0
    quiet = rng.poisson(30 * np.resize(WEEK, 200))
    found = unusual(panel_of([quiet, y]), 7, 0.001)
    assert found.series.tolist() == [1, 1]
    assert found.step.tolist() == [194, 197]
    assert found.actual.tolist() == [2.0, 110.0]
    assert found.expected == pytest.approx(30 * np.resize(WEEK, 200)[[194, 197]], rel=0.2)
    assert (found.low < found.expected).all() and (found.expected < found.high).all()
    assert found.actual[0] < found.low[0] and found.actual[1] > found.high[1]
    assert (np.exp(found.log_chance) < 1e-3).all()
    assert found.judged == 14


@pytest.mark.parametrize("level", [1, 5, 40])
def test_ordinary_days_are_as_seldom_unusual_as_said(level):
    panel = weekly_season(150, 365, level=level, dispersion=4, seed=level)
    found = unusual(panel, 7, 0.01)
    assert found.judged == 150 * 7
    assert len(found.series) < 2 * 2 * 0.01 * found.judged  # two sides, and twice what was said


def test_the_zeros_of_a_varied_product_are_not_unusual():
    panel = weekly_season(150, 365, level=10, dispersion=4, seed=0)
    assert len(unusual(panel, 7, 0.001).series) <= 0.004 * 150 * 7


def test_a_weekday_of_few_sales_may_vary_more_than_the_others():
    rng = np.random.default_rng(3)
    y = rng.poisson(np.resize([60, 60, 60, 60, 60, 60, 5], 364)).astype(float)
    y[-2], y[-1] = 20.0, 1.0
    assert unusual(panel_of([y]), 7, 0.001).step.tolist() == [362]


def test_a_series_with_bulk_orders_needs_a_larger_one():
    rng = np.random.default_rng(1)
    y = rng.poisson(20, 300).astype(float)
    y[[20, 60, 90, 140, 170, 210, 250]] += 300
    y[-1] = 320
    assert len(unusual(panel_of([y]), 1, 0.001).series) == 0
    calm = rng.poisson(20, 300).astype(float)
    calm[-1] = 320
    assert len(unusual(panel_of([calm]), 1, 0.001).series) == 1


def test_stock_outs_closed_days_and_young_series_are_not_judged():
    rng = np.random.default_rng(2)
    out = rng.poisson(30, 200).astype(float)
    out[-2:] = 0
    known = np.ones(200, dtype=bool)
    known[-2:] = False
    closed = rng.poisson(30, 200) * (np.arange(200) % 7 != (195 % 7))
    young = np.append(rng.poisson(30, FEWEST - 1), 500)
    every = [np.ones(len(y), dtype=bool) for y in (closed, young)]
    found = unusual(panel_of([out, closed, young], [known, *every]), 7, 0.001)
    assert found.judged == 5 + 6
    assert len(found.series) == 0


def test_a_series_shorter_than_the_steps_and_none_at_all():
    assert unusual(panel_of([np.arange(3)]), 7, 0.001).judged == 0
    assert unusual(panel_of([]), 7, 0.001).series.shape == (0,)
    assert unusual(panel_of([np.full(100, 4.0), np.zeros(100)]), 7, 0.001).judged == 0
