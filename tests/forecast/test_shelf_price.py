"""Prices in steps: promotions told from regular prices, a known chain found and forecast, the bar beaten."""

from dataclasses import replace

import numpy as np
import pytest

from merx.errors import FitError, RequestError
from merx.evaluate.price_forecasts import RandomWalk, compare_prices
from merx.forecast import ShelfPrice
from merx.forecast.price_states import price_states
from tests.forecast.price_worlds import shelf, shelves
from tests.forecast.worlds import panel_of

PROBS = np.array([0.1, 0.5, 0.9])


def states(prices, flags=None, step="week"):
    return price_states(np.array(prices, dtype=float), step, None if flags is None else np.array(flags, bool))


def test_a_fall_that_comes_back_is_a_promotion_and_one_that_stays_is_a_new_price():
    found = states([4, 4, 3, 3, 4, 4, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3, 3.5])
    assert found.promotion.tolist() == [False] * 2 + [True] * 2 + [False] * 10 + [True, False]
    np.testing.assert_allclose(np.exp(found.regular), [4] * 6 + [3.5] * 10)
    assert found.age.tolist() == [1, 2, 1, 2, *range(1, 11), 1, 1]
    assert found.open == 16


def test_a_promotion_may_end_near_its_beginning_or_at_a_higher_price():
    found = states([4, 3, 3.96, 3, 4.2, 4.2])
    assert found.promotion.tolist() == [False, True, False, True, False, False]
    np.testing.assert_allclose(np.exp(found.regular), [4, 4, 3.96, 3.96, 4.2, 4.2])


def test_a_fall_at_the_end_is_left_open_unless_it_is_old():
    assert states([4, 4, 4, 4, 3, 3]).open == 4
    old = states([4, 4, 4, 4] + [3] * 7)
    assert old.open == 11 and not old.promotion.any()


def test_what_may_be_the_end_of_a_promotion_is_not_read():
    assert states([3, 3, 4, 4, 4, 4, 4, 4]).first == 2
    assert states([4, 4, 4, 4, 4, 4, 4, 4]).first == 0


def test_flags_are_believed():
    found = states([4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 5, 2], [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0])
    assert found.promotion.tolist() == [False] * 2 + [True] * 8 + [False] * 2
    np.testing.assert_allclose(np.exp(found.regular), [4] * 10 + [5, 2])


def test_the_filter_finds_most_promotions_of_a_known_chain():
    right = []
    for seed in range(20):
        log, flag = shelf(200, seed)
        right.append((price_states(np.exp(log), "week").promotion == flag).mean())
    assert np.mean(right) > 0.95


def test_rates_and_sizes_of_a_known_chain_are_found():
    fitted = ShelfPrice(horizon=8).fit(shelves(60, 300))
    assert np.average(fitted.begins[:, 0]) == pytest.approx(0.15, abs=0.03)
    assert np.average(fitted.ends[:, 0]) == pytest.approx(0.5, abs=0.05)
    assert fitted.changes.mean() == pytest.approx(0.02, abs=0.01)
    assert np.median(fitted.depth) == pytest.approx(-0.25, abs=0.06)
    assert np.median(np.abs(fitted.size)) == pytest.approx(0.06, abs=0.02)


def test_a_series_keeps_its_own_rates_as_far_as_it_has_seen_them():
    busy = [np.exp(shelf(300, seed, begin=0.3)[0]) for seed in range(10)]
    calm = [np.exp(shelf(300, seed, begin=0.03)[0]) for seed in range(10)]
    new = [np.array([4.0, 4.0])]
    begins = ShelfPrice(horizon=4).fit(panel_of(busy + calm + new, step="week")).begins[:, 0]
    assert begins[:10].mean() > 4 * begins[10:20].mean()
    assert begins[10:20].mean() < begins[20] < begins[:10].mean()


def test_the_hazard_follows_the_age_of_the_state():
    y = np.tile([4.0, 4, 4, 4, 3], 40)  # every fifth week a promotion of one week
    fitted = ShelfPrice(horizon=10).fit(panel_of([y] * 5, step="week"))
    median = fitted.forecast(10, PROBS).quantile[0, :, 1]
    np.testing.assert_allclose(median[:9], [4, 4, 4, 4, 3, 4, 4, 4, 4])


def test_a_price_in_promotion_goes_back():
    y = np.concatenate([np.tile([4.0] * 6 + [3], 20), [4, 4, 4, 3]])
    forecast = ShelfPrice(horizon=4).fit(panel_of([y], step="week")).forecast(4, PROBS)
    np.testing.assert_allclose(forecast.quantile[0, :, 1], 4.0)


def test_intervals_and_chances_of_a_known_chain_are_right():
    panel = shelves(150, 208)
    history = panel.head(panel.length - 8)
    fitted = ShelfPrice(horizon=8).fit(history)
    actual = panel.y.reshape(150, 208)[:, 200:]
    low, high = fitted.forecast(8, np.array([0.025, 0.975])).interval(0.95)
    covered = ((actual >= low - 1e-6) & (actual <= high + 1e-6)).mean()
    assert 0.93 <= covered <= 0.99  # prices are few: the bounds themselves are likely
    last = history.y.reshape(150, 200)[:, -1:]
    changed = (np.abs(np.log(actual / last)) > 0.005).any(axis=1)
    said = np.array([fitted.outlook(s, 8)["change"] for s in range(150)])
    assert said.mean() == pytest.approx(changed.mean(), abs=0.08)


def test_the_random_walk_is_beaten_where_prices_have_promotions():
    walk, own = compare_prices({"walk": RandomWalk(8), "own": ShelfPrice(8)}, shelves(40, 150), 8, 3, 8)
    assert own.error.mean() < 0.9 * walk.error.mean()
    assert own.crps.mean() < 0.95 * walk.crps.mean()


def test_what_is_not_known_has_the_price_before_it():
    log = shelf(80, 3)[0]
    y, held = np.exp(log), np.exp(log)
    seen = np.ones(80, dtype=bool)
    seen[40:50] = False
    held[40:50] = y[39]
    y[40:50] = np.nan
    config = ShelfPrice(horizon=4)
    gap = config.fit(panel_of([y], [seen], step="week")).forecast(4, PROBS)
    np.testing.assert_array_equal(
        gap.quantile, config.fit(panel_of([held], step="week")).forecast(4, PROBS).quantile
    )


def test_flags_of_the_panel_are_read_and_series_without_any_are_filtered():
    y = np.array([4.0, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3] * 5)
    flag = (y == 3).astype(float)
    panel = panel_of([y, y], step="week")
    exog = np.concatenate([flag, np.zeros(60)])[:, None]
    fitted = ShelfPrice(horizon=4).fit(replace(panel, exog=exog, exog_names=("promotion",)))
    assert fitted.specification == (
        "steps: 0 changes, 5 promotions in 60",
        "steps: 9 changes, 0 promotions in 60",
    )
    assert fitted.promoted.tolist() == [1.0, 0.0]


def test_prices_of_nothing_are_refused():
    with pytest.raises(FitError, match="2 of 3 prices are not above 0"):
        ShelfPrice(horizon=2).fit(panel_of([np.array([1.0, 0.0, -1.0])]))


def test_a_short_history_cannot_be_compared():
    with pytest.raises(FitError, match="need series longer than 17"):
        compare_prices({"walk": RandomWalk(8)}, shelves(2, 17), 8, 2, 8)
    with pytest.raises(RequestError, match="Ask for 1 to 8"):
        RandomWalk(8).fit(shelves(2, 17)).forecast(9, PROBS)


def test_the_random_walk_stays_and_spreads():
    rng = np.random.default_rng(1)
    panel = panel_of([np.exp(rng.normal(0, 0.1, 4000).cumsum())], step="week")
    for changes in ("past", "normal"):
        forecast = RandomWalk(9, changes).fit(panel).forecast(9, PROBS)
        np.testing.assert_allclose(forecast.mean, panel.y[-1])
        np.testing.assert_allclose(forecast.quantile[:, :, 1], panel.y[-1])
        width = np.log(forecast.quantile[0, :, 2] / forecast.quantile[0, :, 0])
        assert width[0] == pytest.approx(2 * 1.2816 * 0.1, rel=0.05)
        assert width[8] == pytest.approx(3 * width[0], rel=0.1)
