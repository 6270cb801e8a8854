import numpy as np
import pytest

from merx.errors import ConfigError
from merx.forecast import MSTL, AutoETS
from merx.forecast.stl import mstl, share_fitted
from tests.forecast.worlds import WEEK, panel_of

PROBS = np.array([0.1, 0.5, 0.9])


def hours(seed, weeks=6):
    """Four series by the hour with a day whose shape is another at the weekend."""
    rng, t = np.random.default_rng(seed), np.arange(weeks * 168)
    day = 1 + 0.6 * np.sin(2 * np.pi * t / 24)
    weekend = 1 - 0.8 * (t // 24 % 7 >= 5)
    rate = 60 * day * weekend
    return [rng.poisson(rate) for _ in range(4)], rate


@pytest.mark.parametrize("rest", ["ets", "trend", "arima"])
def test_hours_know_the_weekend(rest):
    series, rate = hours(0)
    ahead, truth = np.array([y[-168:] for y in series]), rate[-168:]
    panel = panel_of([y[:-168] for y in series], step="hour")
    fitted = MSTL(horizon=168, rest=rest).fit(panel)
    assert all(name.startswith("MSTL[24,168] + ") for name in fitted.specification)
    assert fitted.season_length.tolist() == [24] * 4
    forecast = fitted.forecast(168, PROBS)
    error = np.abs(forecast.mean - truth).mean()
    other = AutoETS(horizon=168).fit(panel).forecast(168, PROBS)
    assert error < 0.12 * truth.mean()
    assert error < 0.4 * np.abs(other.mean - truth).mean()
    low, high = forecast.interval(0.8)
    assert 0.7 < ((ahead >= low) & (ahead <= high)).mean() < 0.92


def test_days_know_the_year():
    rng, t = np.random.default_rng(1), np.arange(3 * 365 + 56)
    truth = 40 * np.resize(WEEK, len(t)) * np.exp(0.5 * np.sin(2 * np.pi * t / 365))
    y = rng.poisson(truth)
    fitted = MSTL(horizon=56).fit(panel_of([y[:-56]]))
    assert fitted.specification == ("MSTL[7,365] + ETS(A,N,N)",)
    flat = AutoETS(horizon=56).fit(panel_of([y[:-56]])).forecast(56, PROBS)
    error = np.abs(fitted.forecast(56, PROBS).mean[0] - truth[-56:]).mean()
    assert error < 0.7 * np.abs(flat.mean[0] - truth[-56:]).mean()


def test_the_year_of_a_shop_that_is_closed_on_a_weekday_is_shorter():
    rng, t = np.random.default_rng(2), np.arange(2 * 365 + 100)
    closed = t % 7 == 6
    rate = 40 * np.resize(WEEK, len(t)) * np.exp(0.5 * np.cos(2 * np.pi * t / 365)) * ~closed
    fitted = MSTL(horizon=14).fit(panel_of([rng.poisson(rate)]))
    assert fitted.specification[0].startswith("MSTL[6,313] + ")
    assert (fitted.forecast(14, PROBS).mean[0] == 0).tolist() == (
        np.arange(len(t), len(t) + 14) % 7 == 6
    ).tolist()


def test_no_season_and_a_given_one():
    y = np.random.default_rng(3).poisson(30, 200)
    assert MSTL().fit(panel_of([y])).specification == ("ETS(A,N,N)",)
    assert MSTL(season_length=9).fit(panel_of([y])).specification == ("MSTL[9] + ETS(A,N,N)",)
    assert (
        MSTL()
        .fit(panel_of([np.resize([3, 4, 5, 6, 7, 8, 9], 200)]))
        .specification[0]
        .startswith("MSTL[7] + ")
    )


def test_the_share_that_seasons_take_up():
    """Of white noise, against what one pass takes."""
    rng = np.random.default_rng(4)
    for n, lengths in ((210, (7,)), (1008, (24, 168)), (730, (7, 365))):
        left = [np.var(y - mstl(y, lengths, False)[1].sum(axis=0)) for y in rng.normal(0, 1, (20, n))]
        assert 1 - np.mean(left) == pytest.approx(share_fitted(n, lengths), abs=0.12)


def test_an_unknown_rest_is_refused():
    with pytest.raises(ConfigError, match="rest is 'naive'"):
        MSTL(rest="naive").fit(panel_of([np.ones(30)]))


def test_hours_and_months_with_an_empty_one():
    rng = np.random.default_rng(5)
    for step, length in (("hour", 24 * 40), ("month", 60)):
        y = rng.poisson(200, length)
        y[length // 2] = 0
        forecast = MSTL(horizon=12).fit(panel_of([y], step=step)).forecast(12, PROBS)
        assert forecast.mean == pytest.approx(200, rel=0.15)
