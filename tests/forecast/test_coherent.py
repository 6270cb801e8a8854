"""Products, categories and the shop add up, whole or with a rest; where it pays; what is refused."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from merx.data.panel import stack
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError
from merx.forecast import AutoETS, Boosted, Coherent
from merx.forecast.coherent import with_rest
from tests.forecast.worlds import panel_of, weekly_season

PROBS = np.array([0.1, 0.5, 0.9])
FOREST = Boosted(trees=30, leaves=8, learning_rate=0.2, rows=8_000)
SMALL = Coherent(horizon=14, method="mint", boosted=FOREST)


def shop(days=120, items=8, kept=None, seed=0):
    """The shop, two categories, and of its products those `kept` (all by default)."""
    products = weekly_season(items, days, 4, 5, seed)
    y = products.y.reshape(items, days)
    category = np.arange(items) % 2
    totals = panel_of([y.sum(axis=0), *(y[category == code].sum(axis=0) for code in (0, 1))])
    kept = np.arange(items) if kept is None else kept
    names = ["shop", "category: 0", "category: 1", *(f"item: {item}" for item in kept)]
    return replace(
        stack([totals, products.take(kept)]),
        keys=Vocabulary(pa.array(names)),
        groups=np.array([[-1, -1], [0, -1], [1, -1], *([category[item], item] for item in kept)]),
        group_names=("category", "item"),
    )


@pytest.mark.parametrize("method", ["mint", "bottom_up"])
def test_means_add_up(method):
    panel = shop()
    fitted = replace(SMALL, method=method).fit(panel)
    mean = fitted.forecast(14, PROBS).mean
    np.testing.assert_allclose(mean[0], mean[3:].sum(axis=0))
    np.testing.assert_allclose(mean[0], mean[1:3].sum(axis=0))
    np.testing.assert_allclose(mean[1], mean[3::2].sum(axis=0))
    assert fitted.specification[0].startswith("ETS") and "adds up" in fitted.specification[0]
    assert fitted.specification[3].startswith("forest of 30 trees; adds up")
    assert mean[0].mean() == pytest.approx(32, rel=0.15)


def test_bottom_up_leaves_the_products_as_the_forest_has_them():
    panel = shop()
    found = replace(SMALL, method="bottom_up").fit(panel).forecast(14, PROBS)
    alone = replace(FOREST, horizon=14).fit(panel.take(np.arange(3, 11))).forecast(14, PROBS)
    np.testing.assert_array_equal(found.mean[3:], alone.mean)
    np.testing.assert_array_equal(found.quantile[3:], alone.quantile)


def test_quantiles_move_with_the_mean():
    panel = shop()
    found = SMALL.fit(panel).forecast(14, PROBS)
    alone = AutoETS(14).fit(panel.take(np.arange(3))).forecast(14, PROBS)
    moved = found.mean[:3] / alone.mean
    assert np.abs(moved - 1).max() > 1e-3
    np.testing.assert_allclose(found.quantile[:3], alone.quantile * moved[:, :, None])


def test_products_beyond_the_panel_are_one_series_of_their_category():
    kept = np.array([0, 1, 2, 4, 6])  # all of category 0, one of category 1
    panel = shop(kept=kept)
    whole = with_rest(panel)
    assert whole.keys.ids.to_pylist()[8:] == ["rest: category: 1"]
    beyond = panel.series(2) - panel.series(4)
    np.testing.assert_array_equal(whole.series(8), beyond)
    mean = SMALL.fit(panel).forecast(14, PROBS).mean
    assert mean.shape == (8, 14)
    np.testing.assert_allclose(mean[1], mean[[3, 5, 6, 7]].sum(axis=0))
    np.testing.assert_allclose(mean[0], mean[1] + mean[2])
    assert (mean[2] > mean[4]).all()


def test_sums_that_are_not_those_of_their_parts_are_refused():
    panel = shop()
    wrong = replace(panel, y=panel.y + (np.arange(len(panel.y)) < 120))
    with pytest.raises(FitError, match=r"1 of 3 sums are not what their parts sold \(shop\)"):
        SMALL.fit(wrong)
    short = panel.head(panel.length - (np.arange(11) == 4))
    with pytest.raises(FitError, match="end at 2 different steps"):
        SMALL.fit(short)


def test_an_unknown_method_is_refused():
    with pytest.raises(ConfigError, match=r"method is 'top_down'; it is"):
        Coherent(method="top_down").fit(shop())
