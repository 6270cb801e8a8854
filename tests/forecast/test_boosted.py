"""The forest over all series: known truths, covariates, groups, features against a slow reference, spread."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import nbinom

from merx.data.panel import stack
from merx.errors import FitError, RequestError
from merx.evaluate.forecasting import backtest, coverage
from merx.forecast import Boosted
from merx.forecast.boosted_features import CYCLES, FLOOR, Past, Rows
from merx.forecast.boosted_spread import Spread, place_in, shape_of
from merx.forecast.boosted_training import Lesson, grow_mean, mean_of
from tests.forecast.worlds import WEEK, mixed, panel_of, weekly_season

PROBS = np.array([0.1, 0.5, 0.9])
SMALL = Boosted(horizon=14, trees=60, leaves=8, learning_rate=0.15, rows=15_000)


def priced(n_series=20, days=200, ahead=14, seed=0):
    """Counts of mean 10 (price / 4)^-2, whose price moves every ten days; the price to come is planned."""
    rng = np.random.default_rng(seed)
    steps = -(-(days + ahead) // 10)
    price = np.repeat(4 * np.exp(rng.uniform(-0.4, 0.4, (n_series, steps))), 10, axis=1)[:, : days + ahead]
    mean = 10 * (price / 4) ** -2
    panel = panel_of(list(rng.poisson(mean[:, :days])))
    log = np.log(price)[:, :, None]
    panel = replace(
        panel, exog=log[:, :days].reshape(-1, 1), exog_names=("log_price",), exog_ahead=log[:, days:]
    )
    return panel, mean[:, days:]


def test_the_week_and_the_level_of_each_series_are_found():
    rng = np.random.default_rng(1)
    level = np.exp(rng.uniform(0, 4, 30))
    season = np.resize(WEEK / WEEK.mean(), 214)
    truth = level[:, None] * season
    mean = SMALL.fit(panel_of(list(rng.poisson(truth[:, :200])))).forecast(14, PROBS).mean
    assert np.abs(mean / truth[:, 200:] - 1).mean() < 0.12
    assert mean.sum() == pytest.approx(truth[:, 200:].sum(), rel=0.05)


def test_a_price_planned_moves_the_forecast_as_it_moved_sales():
    panel, truth = priced()
    fitted = SMALL.fit(panel)
    mean = fitted.forecast(14, PROBS).mean
    assert np.corrcoef(np.log(mean.ravel()), np.log(truth.ravel()))[0, 1] > 0.9
    same = fitted.forecast(14, PROBS, exog=panel.exog_ahead)
    np.testing.assert_allclose(same.mean, mean, rtol=1e-12)
    cheap, dear = (
        fitted.forecast(14, PROBS, exog=np.full((20, 14, 1), np.log(price))).mean.mean() for price in (3, 5)
    )
    effect = fitted.effects(0, 14)["log_price"]
    usual = panel.exog[:200][-28:].mean()  # of the first series, over the window of its level
    level = fitted.forecast(14, PROBS, exog=np.full((20, 14, 1), usual)).mean[0].sum()
    assert 1 + effect == pytest.approx(mean[0].sum() / level, rel=1e-2)
    assert cheap / dear == pytest.approx((5 / 3) ** 2, rel=0.25)


def test_a_plan_that_is_missing_is_refused_by_name():
    panel, _ = priced(n_series=3, days=60)
    fitted = SMALL.fit(replace(panel, exog_ahead=panel.exog_ahead[:, :5]))
    assert fitted.forecast(5, PROBS).mean.shape == (3, 5)
    with pytest.raises(RequestError, match=r"log_price \(5 steps planned\)"):
        fitted.forecast(6, PROBS)


def test_one_more_week_needs_no_new_forest():
    panel = weekly_season(12, 127, 5, 20, seed=4)
    before = SMALL.fit(panel.head(panel.length - 7))
    after = SMALL.update(before, panel.take(np.arange(11)[::-1]))
    assert after.forest == before.forest
    np.testing.assert_array_equal(after.start, before.start[:11] + 7)
    same = SMALL.update(before, panel.head(panel.length - 7))
    np.testing.assert_array_equal(same.forecast(14, PROBS).quantile, before.forecast(14, PROBS).quantile)
    # the weekday of a step is that of the step, whenever it is forecast
    first, later = before.forecast(14, PROBS).mean[:11], after.forecast(14, PROBS).mean[::-1]
    assert np.corrcoef(first[:, 7:].ravel(), later[:, :7].ravel())[0, 1] > 0.95
    with pytest.raises(FitError, match="Fit again"):
        SMALL.update(before, priced(n_series=3, days=60)[0])


def test_a_new_product_begins_at_the_level_of_its_category():
    old = weekly_season(20, 120, 6, 50, seed=1)
    other = weekly_season(20, 120, 0.5, 50, seed=2)
    new = panel_of([np.empty(0), np.empty(0)], start=np.array([120, 120]))
    panel = replace(
        stack([old, other, new]),
        keys=panel_of([np.empty(0)] * 42).keys,
        groups=np.repeat([0, 1, 0, 1], [20, 20, 1, 1])[:, None],
        group_names=("category",),
    )
    fitted = SMALL.fit(panel)
    many, few = fitted.forecast(14, PROBS).mean[-2:].mean(axis=1)
    assert many == pytest.approx(6, rel=0.3)
    assert few == pytest.approx(0.5, rel=0.3)
    assert fitted.specification[0] == "forest of 60 trees"
    assert fitted.specification[-1] == "forest of 60 trees, from the level of its group: no data"


def test_features_are_those_of_a_slow_reference():
    panel = mixed()
    past = Past(panel, np.where(panel.length >= 14, 7, 1))
    series, origin, ahead = np.array([8, 1, 2, 4]), np.array([75, 100, 8, 3]), np.array([9, 1, 3, 2])
    rows = past.rows(series, origin, ahead, np.empty((10, 0, 0)))
    for row, (s, o, h) in enumerate(zip(series, origin, ahead, strict=True)):
        y, known = panel.series(s), panel.available[panel.offsets[s] : panel.offsets[s + 1]]
        seen = y[:o][known[:o]]
        feature = dict(zip(past.names, rows.X[row], strict=True))
        assert feature["ahead"] == h
        assert feature["mean_7"] * rows.level[row] == pytest.approx(seen[-7:].mean(), rel=1e-5)
        assert feature["mean_112"] * rows.level[row] == pytest.approx(seen[-112:].mean(), rel=1e-5)
        assert feature["share_sold"] == pytest.approx((seen[-56:] > 0).mean(), rel=1e-5)
        assert feature["deviation"] * rows.level[row] == pytest.approx(seen[-56:].std(), rel=1e-4)
        assert feature["last"] * rows.level[row] == pytest.approx(seen[-1], rel=1e-5)
        assert np.expm1(feature["since_sale"]) == pytest.approx(
            len(seen) - np.flatnonzero(seen)[-1], rel=1e-5
        )
        assert feature["weekday"] == (3 + o + h - 1) % 7
        target = o + h - 1
        cycle = [t for t in range(target - 7, -1, -7) if t < o][:CYCLES]
        usual = [y[t] for t in cycle if known[t]]
        if panel.length[s] >= 14 and usual:
            assert feature["phase_4"] * rows.level[row] == pytest.approx(np.mean(usual), rel=1e-5)
        else:
            assert feature["phase_4"] == -1


def test_nothing_of_a_row_depends_on_what_came_after_its_origin():
    panel = weekly_season(5, 100, 4, 5, seed=0)
    later = replace(panel, y=panel.y.copy())
    for s in range(5):
        later.y[panel.offsets[s] + 60 : panel.offsets[s + 1]] += 7
    where = np.arange(5), np.full(5, 60), np.full(5, 10), np.empty((5, 0, 0))
    rows = [Past(each, np.full(5, 7)).rows(*where) for each in (panel, later)]
    np.testing.assert_array_equal(rows[0].X, rows[1].X)
    np.testing.assert_array_equal(rows[0].level, rows[1].level)


def test_a_level_is_never_zero():
    rows = Past(panel_of([np.zeros(50)]), np.array([7])).rows(
        np.array([0]), np.array([50]), np.array([1]), np.empty((1, 0, 0))
    )
    assert rows.level[0] == FLOOR


@pytest.mark.parametrize(("level", "dispersion"), [(0.5, 1000), (3, 2), (20, 5)])
def test_intervals_hold_what_they_say(level, dispersion):
    panel = weekly_season(100, 154, level, dispersion, seed=5)
    history = panel.head(panel.length - 14)
    actual = panel.entries(panel.length - 14, panel.length).y.reshape(100, 14)
    forecast = SMALL.fit(history).forecast(14, np.array([0.1, 0.9]))
    truth = level * np.resize(WEEK / WEEK.mean(), 154)[140:]
    best = nbinom.ppf([[0.1], [0.9]], dispersion, dispersion / (dispersion + truth))  # (2, 14)
    low, high = forecast.quantile[:, :, 0], forecast.quantile[:, :, 1]
    # Counts on a bound are within, so that the true interval holds more than 80 % too.
    assert coverage(actual, low, high).mean() == pytest.approx(
        coverage(actual, best[:1], best[1:]).mean(), abs=0.045
    )
    assert (actual > high).mean() == pytest.approx((actual > best[1]).mean(), abs=0.03)
    assert forecast.mean.sum() == pytest.approx(actual.sum(), rel=0.08)


def test_steps_far_above_their_level_do_not_upset_the_forest():
    rng, none = np.random.default_rng(0), np.zeros(2000, dtype=int)
    level = np.repeat([0.05, 5.0], 1000)
    rows = Rows(np.stack([np.log(level), rng.normal(size=2000)], axis=1).astype(np.float32), level)
    lesson = Lesson(rows, none, none, none + 1, rng.poisson(5, 2000).astype(float))
    mean = mean_of(grow_mean(lesson, trees=40, leaves=8, learning_rate=0.3), rows)
    np.testing.assert_allclose(mean.reshape(2, 1000).mean(axis=1), 5, rtol=0.1)


def test_it_beats_the_seasonal_naive_forecast_on_slow_products():
    scores = backtest(SMALL, weekly_season(60, 200, 0.7, 2, seed=3), 14)
    assert np.nanmean(scores.mase) < 0.85 * np.nanmean(scores.naive_mase)
    assert "beats the seasonal naive" in scores.sentence


def test_a_wrong_spread_is_corrected():
    rng = np.random.default_rng(0)
    mean, truth, believed = np.full(40_000, 8.0), np.full(40_000, 2.0), np.full(40_000, 1e6)
    ahead = rng.integers(1, 15, 40_000)

    def sales():
        return rng.negative_binomial(truth, truth / (truth + mean)).astype(float)

    spread = Spread.of(place_in(sales(), mean, believed), ahead, 14)
    quantile = spread.quantile(np.full((1, 14), 8.0), np.full((1, 14), 1e6), PROBS)[0]  # (14, 3)
    np.testing.assert_allclose(quantile, np.tile(nbinom.ppf(PROBS, 2, 2 / 10), (14, 1)), atol=1)


def test_shapes_of_negative_binomials():
    mean = np.array([4.0, 4.0, 4.0])
    shape = shape_of(mean, np.array([12.0, 4.0, 3.0]))
    np.testing.assert_allclose(shape, [2.0, 1e6, 1e6])


def test_a_sum_is_not_counted_as_one_of_its_parts():
    parts = weekly_season(6, 60, 5, 50, seed=1)
    whole = panel_of([parts.y.reshape(6, 60).sum(axis=0)])
    panel = replace(
        stack([whole, parts]),
        keys=panel_of([np.empty(0)] * 7).keys,
        groups=np.array([[-1, -1], *([0, item] for item in range(3)), *([1, item] for item in range(3, 6))]),
        group_names=("category", "item"),
    )
    where = np.arange(7), np.full(7, 60), np.ones(7, dtype=int), np.empty((7, 0, 0))
    past = Past(panel, np.full(7, 7))
    assert "short_category" in past.names and "short_item" not in past.names
    X, level = past.rows(*where).X, past.rows(*where).level
    recent = panel.y.reshape(7, 60)[:, -28:]
    assert level[0] == pytest.approx((recent[0].sum() + CYCLES * panel.y[:60].mean()) / 32)
    short = X[:, past.names.index("short_category")]
    for rows, members in (([0], slice(1, 7)), ([1, 2, 3], slice(1, 4)), ([4, 5, 6], slice(4, 7))):
        mean = [recent[members, -days:].mean() for days in (7, 28)]
        np.testing.assert_allclose(short[rows], np.log((mean[0] + FLOOR) / (mean[1] + FLOOR)), rtol=1e-5)
