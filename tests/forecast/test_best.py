"""Best: that it chooses what is right for a series, says so, and its intervals hold what they say."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from merx.errors import ConfigError
from merx.evaluate.forecasting import backtest
from merx.forecast import AutoETS, Best
from merx.forecast.conformal import LEVELS, Conformal, Z, place, read
from merx.forecast.selection import (
    CHOICES,
    MEMBERS,
    NAIVE,
    UNJUDGED,
    choose,
    class_losses,
    class_of,
    loss_of,
    relative_to_members,
    to_judge,
)
from tests.forecast.worlds import panel_of, weekly_season

PROBS = np.array([0.025, 0.1, 0.5, 0.9, 0.975])


def repeated(n_series, weeks, seed):
    """Each weekday walks on its own, by steps of the same size in units whatever its level is."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 6, (n_series, weeks, 7)), axis=1)
    level = np.array([20.0, 40, 80, 300, 500, 150, 30])
    return list(np.maximum(np.round(level + walk), 0).reshape(n_series, -1))


def test_place_and_read_are_inverse():
    rng = np.random.default_rng(0)
    curve = np.sort(rng.normal(2, 1, (4, 5, len(Z))), axis=2)
    z = rng.uniform(-4, 4, (4, 5, 6))
    log = read(curve, z)
    again = np.stack([place(curve, log[:, :, q]) for q in range(6)], axis=2)
    np.testing.assert_allclose(again, z, atol=1e-6)
    flat = np.maximum(np.linspace(-1, 1, len(Z)), 0.0)  # half of the probability at zero
    assert place(flat, np.array(0.0)) == 0.0
    assert place(flat, np.array(0.0), first=True) == Z[0]
    assert place(flat, np.array(1.0)) == Z[-1]


def test_a_right_curve_is_hardly_corrected_and_a_narrow_one_is_widened():
    rng = np.random.default_rng(0)
    z = rng.normal(0, 1, (60, 4, 28))
    right, spread = Conformal.of(z, z)
    curve = np.broadcast_to(3 + 0.3 * Z, (60, 28, len(Z)))
    expected = np.expm1(3 + 0.3 * ndtri(PROBS))
    np.testing.assert_allclose(right.quantile(curve, spread, PROBS).mean(axis=(0, 1)), expected, rtol=0.03)
    twice, spread = Conformal.of(2 * z, 2 * z)
    expected = np.expm1(3 + 0.6 * ndtri(PROBS))
    np.testing.assert_allclose(twice.quantile(curve, spread, PROBS).mean(axis=(0, 1)), expected, rtol=0.06)


def test_the_correction_knows_the_horizon_and_the_series():
    rng = np.random.default_rng(1)
    wide = np.repeat([1.0, 3.0], 30)[:, None, None] * np.linspace(0.5, 1.5, 28)
    z = rng.normal(0, 1, (60, 4, 28)) * wide
    conformal, spread = Conformal.of(z, z)
    assert spread[30:].min() > 1.2 * spread[:30].max()
    curve = np.broadcast_to(3 + 0.1 * Z, (60, 28, len(Z)))
    ahead = np.expm1(3 + 0.1 * rng.normal(0, 1, (60, 28)) * wide[:, 0])
    quantile = conformal.quantile(curve, spread, PROBS)
    within = (ahead >= quantile[:, :, 1]) & (ahead <= quantile[:, :, 3])
    assert within.mean() == pytest.approx(0.8, abs=0.04)
    for first in range(0, 28, 7):
        assert within[:, first : first + 7].mean() == pytest.approx(0.8, abs=0.07)
    width = (quantile[:, :, 3] - quantile[:, :, 1]).mean(axis=0)
    assert width[27] > 1.5 * width[0]


def test_with_few_steps_nothing_is_corrected():
    none, spread = Conformal.of(*np.full((2, 3, 4, 14), np.nan))
    np.testing.assert_array_equal(spread, 1.0)
    curve = np.broadcast_to(2 + 0.2 * Z, (3, 14, len(Z)))
    expected = np.expm1(2 + 0.2 * ndtri(PROBS[1:4]))
    found = none.quantile(curve, spread, PROBS[1:4])
    np.testing.assert_allclose(found[0, 0], expected, rtol=0.02)


def test_the_loss_is_the_mean_quantile_loss():
    curve = np.log1p(np.arange(len(Z), dtype=float))[None, None]
    error = 5.0 - np.arange(len(Z))
    by_hand = np.mean([max(p * e, (p - 1) * e) for p, e in zip(LEVELS, error, strict=True)])
    np.testing.assert_allclose(loss_of(np.array([[5.0]]), curve), by_hand)
    assert np.isnan(loss_of(np.array([[np.nan]]), curve))[0]


def chosen(loss, tried):
    seen = np.isfinite(loss[:, :, NAIVE])
    relative = relative_to_members(loss, tried, seen)
    expected = class_losses(relative, seen, np.zeros(len(loss), dtype=np.int64))[0]
    return choose(relative, tried, seen, np.tile(expected, (len(loss), 1))), expected.argmin()


def test_the_choice_is_drawn_towards_all_series():
    loss = np.ones((3, 4, len(CHOICES)))
    loss[:2, :, 7] = 0.5
    loss[2, :, 7], loss[2, 0, 9] = 1.0, 0.9  # hardly better, once
    tried = np.ones((3, len(MEMBERS)), dtype=bool)
    choice, usual = chosen(loss, tried)
    np.testing.assert_array_equal(choice, 7)
    assert usual == 7
    loss[2, :, 9] = 0.4
    assert chosen(loss, tried)[0][2] == 9
    tried[2, CHOICES[9][0]] = False  # its member was dropped at the last origin
    loss[2, 1:, 9] = np.nan
    assert chosen(loss, tried)[0][2] != 9
    none, usual = chosen(np.full((2, 4, len(CHOICES)), np.nan), tried[:2])
    assert {*none, usual} == {CHOICES.index(UNJUDGED)}


def test_a_series_that_nothing_beats_the_seasonal_naive_on_says_so():
    fitted = Best(horizon=7).fit(panel_of(repeated(12, 40, seed=0)))
    naive = fitted.choice == NAIVE
    assert naive.mean() > 0.6
    assert all(
        words.startswith("SNaive[") and words.endswith("]; nothing beats it, 4 origins")
        for words, is_naive in zip(fitted.specification, naive, strict=True)
        if is_naive
    )
    np.testing.assert_array_equal(fitted.score[naive], 1.0)


def test_the_choice_and_its_score_are_told():
    panel = weekly_season(12, 200, level=20, dispersion=5, seed=0)
    fitted = Best(horizon=14).fit(panel)
    assert (fitted.origins == 4).all()
    assert (fitted.score < 1).all()
    for words, score in zip(fitted.specification, fitted.score, strict=True):
        assert f"{score:.2f} of the loss of the seasonal naive forecast, 4 origins" in words
    short = Best(horizon=14).fit(panel_of([panel.series(0)[:20], panel.series(1)[:40]]))
    assert "too short to be judged" in short.specification[0]
    assert "1 origin" in short.specification[1]
    assert short.origins.tolist() == [0, 1]


@pytest.mark.parametrize(("level", "dispersion"), [(0.5, 1.0), (4.0, 1000.0), (50.0, 1.0)])
def test_coverage_at_every_part_of_the_horizon_and_error(level, dispersion):
    panel = weekly_season(40, 300, level, dispersion, seed=5)
    scores, ets = (backtest(config, panel, 28) for config in (Best(horizon=28), AutoETS(horizon=28)))
    means = scores.means()
    assert 0.76 < means["coverage_80"] < 0.92  # at half a unit a day no interval covers exactly 80 %
    assert 0.93 < means["coverage_95"] < 0.99
    assert abs(scores.bias) < 0.12
    assert means["pinball"] < 1.02 * ets.means()["pinball"]
    assert scores.step_coverage_80.shape == (28,)
    weeks = scores.step_coverage_80.reshape(4, 7).mean(axis=1)
    assert (weeks > 0.72).all()
    assert weeks.mean() == pytest.approx(means["coverage_80"])


def test_of_many_series_some_are_judged_and_the_others_take_what_is_best_in_their_class():
    smooth = weekly_season(30, 200, level=30, dispersion=30, seed=1)
    lumpy = np.random.default_rng(0).negative_binomial(1, 0.2, (30, 200)) * (np.arange(200) % 9 == 0)
    panel = panel_of([*(smooth.series(s) for s in range(30)), *lumpy.astype(float)])
    fitted = Best(horizon=14, judged=20).fit(panel)
    assert (fitted.origins > 0).sum() == 20
    assert (fitted.origins[:30] > 0).sum() >= 10  # the best sellers, and more
    assert (fitted.origins[30:] > 0).sum() >= 4
    others = fitted.origins == 0
    assert (class_of(panel)[:30] == 0).all() and (class_of(panel)[30:] >= 2).all()
    np.testing.assert_array_equal(fitted.choice[others], fitted.usual[class_of(panel)][others])
    words = np.array(fitted.specification)
    assert all("not judged by itself" in one for one in words[others])
    assert not any("not judged" in one for one in words[~others])
    loss = [
        np.mean(
            [
                loss_of(panel.series(s)[None, -14:], np.log1p(own.forecast(14, LEVELS).quantile[s][None]))
                for s in range(60)
            ]
        )
        for own in (
            Best(horizon=14, judged=20).fit(panel.head(panel.length - 14)),
            Best(horizon=14).fit(panel.head(panel.length - 14)),
        )
    ]
    assert loss[0] < 1.03 * loss[1]
    assert len(to_judge(panel, 7)) == 7 and (to_judge(panel, 60) == np.arange(60)).all()


def test_an_update_keeps_the_choices_and_reads_the_new_day():
    panel = weekly_season(10, 200, level=8, dispersion=2, seed=1)
    config = Best(horizon=14)
    before = config.fit(panel.head(panel.length - 1))
    after = config.update(before, panel.take(np.array([3, 0, 5])))
    np.testing.assert_array_equal(after.choice, before.choice[[3, 0, 5]])
    np.testing.assert_array_equal(after.score, before.score[[3, 0, 5]])
    np.testing.assert_array_equal(after.start, before.start[[3, 0, 5]] + 1)
    late, early = after.forecast(13, PROBS), before.forecast(14, PROBS)
    np.testing.assert_allclose(late.mean, early.mean[[3, 0, 5], 1:], rtol=0.35)
    same = config.update(before, panel.head(panel.length - 1)).forecast(14, PROBS)
    np.testing.assert_array_equal(same.quantile, early.quantile)
    new = config.update(before, panel_of([*(panel.series(s) for s in range(10)), np.full(20, 3.0)]))
    assert new.choice[10] == before.usual[0]
    assert "too short to be judged" in new.specification[10]


def test_no_origins_are_refused():
    with pytest.raises(ConfigError, match="origins is 0"):
        Best(origins=0).fit(panel_of([np.ones(50)]))


def test_the_levels_are_those_of_the_curve():
    np.testing.assert_allclose(LEVELS, ndtr(Z))
