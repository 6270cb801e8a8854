"""The section on what happened: the decomposition of a series of a panel, in the report's terms."""

from dataclasses import replace

import numpy as np

from merx import sections
from tests.forecast.worlds import panel_of


def shop(days=400):
    """Closed on one weekday and in the Christmas week, higher from day 250 on."""
    t = np.arange(days)
    y = np.random.default_rng(0).poisson(60 + 30 * (t >= 250)) * (t % 7 != 5).astype(float)
    y[180:187] = 0
    return y


def test_a_closed_week_is_no_trend_and_a_closed_weekday_is_the_week():
    y = shop()
    part = sections.decomposition(panel_of([y]), 0, "The whole shop", 0)
    assert [season.name for season in part.seasons] == ["Week"]
    assert part.seasonal[5::7].max() < -40
    assert part.trend[150:240].min() > 40
    np.testing.assert_array_equal(part.observed, y)
    assert np.isnan(part.remainder[[181, 186]]).all()
    assert [abs(change.at - 250) <= 3 for change in part.changes] == [True]
    assert "the level rises by" in part.changes[0].text
    assert len(part.holiday) == 0


def test_holidays_come_from_the_covariates():
    y = 50 + np.random.default_rng(1).normal(0, 2, 300)
    named = np.zeros((300, 1))
    named[[40, 200]] = 1
    y[[40, 200]] += 40
    panel = replace(panel_of([y]), exog=named, exog_names=("holiday: fair",))
    part = sections.decomposition(panel, 0, "The whole shop", 0)
    [(name, effect)] = part.holidays
    assert name == "fair" and abs(effect - 40) < 4
    assert set(np.flatnonzero(part.holiday)) == {40, 200}
    assert not {40, 200} & set(part.unusual)
