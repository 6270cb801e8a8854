"""Measures of what was told of shoppers: against slow references, by hand, and what must hold for any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, ttest_rel

from merx.evaluate.shoppers import against, average_precision, chances, log_losses, numbers

# Chances of few distinct values, so that many tie, with what came.
TOLD = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1)


def arrays(told):
    said, came = zip(*told, strict=True)
    return np.array(said), np.array(came)


def slow_average_precision(said, came):
    """For each threshold, lowest recall first: precision times what recall it adds."""
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(said), reverse=True):
        above = [c for s, c in zip(said, came, strict=True) if s >= threshold]
        recall = sum(above) / sum(came)
        total += sum(above) / len(above) * (recall - recall_before)
        recall_before = recall
    return total


@given(TOLD)
def test_average_precision_by_thresholds(told):
    said, came = arrays(told)
    found = average_precision(said, came)
    if came.any():
        assert found == pytest.approx(slow_average_precision(said.tolist(), came.tolist()))
        assert average_precision(came.astype(float), came) == pytest.approx(1.0)
    else:
        assert np.isnan(found)


@given(TOLD, st.randoms(use_true_random=False))
def test_measures_do_not_hang_on_the_order_of_shoppers(told, random):
    mixed = list(told)
    random.shuffle(mixed)
    (first, _), (second, _) = chances(*arrays(told)), chances(*arrays(mixed))
    for name in ("auc", "average_precision", "log_loss"):
        np.testing.assert_allclose(first[name], second[name])


def test_the_same_chance_for_all_has_an_average_precision_of_the_base_rate():
    came = np.arange(40) % 8 == 0
    assert average_precision(np.full(40, 0.3), came) == pytest.approx(came.mean())


def test_log_loss_by_hand_and_a_chance_of_nothing_is_finite():
    said, came = np.array([0.8, 0.8, 0.0, 1.0]), np.array([True, False, True, False])
    losses = log_losses(said, came)
    assert losses[:2] == pytest.approx([-np.log(0.8), -np.log(0.2)])
    assert np.isfinite(losses).all() and losses[2:].min() > 20


@given(st.floats(0.01, 0.99), st.integers(2, 30), st.integers(1, 29))
def test_no_chance_for_all_has_less_log_loss_than_the_share_that_came(chance, n, did):
    came = np.arange(n) < min(did, n - 1)
    best = log_losses(np.full(n, came.mean()), came).mean()
    assert best <= log_losses(np.full(n, chance), came).mean() + 1e-12


def test_calibration_error_by_hand():
    """Two in each bin: half a bin apart in one, right in nine."""
    said = np.repeat(np.arange(10) / 20 + 0.25, 2)
    said[:10], said[10:] = 0.5, 0.5
    came = np.arange(20) % 2 == 0  # one of two in every bin
    figures, curve = chances(said, came)
    assert figures["ece"] == curve.error == pytest.approx(0.0)
    came[:2] = True
    figures, curve = chances(said, came)
    assert figures["ece"] == pytest.approx(0.5 / 10)
    assert curve.observed[0] == 1 and curve.count.tolist() == [2] * 10


def test_against_is_the_paired_comparison_of_the_textbook():
    """The interval ends at 0 where the paired t statistic is the normal quantile."""
    rng = np.random.default_rng(0)
    trivial = rng.gamma(2.0, 1.0, 500)
    for gain in (0.0, 0.02, 0.2):
        loss = trivial - gain + rng.normal(0, 0.5, 500)
        verdict = against(loss, trivial)
        t = ttest_rel(trivial, loss).statistic
        assert verdict.gain == pytest.approx((trivial - loss).mean())
        assert verdict.gain / verdict.margin == pytest.approx(t / 1.96)
        assert verdict.beats == (t > 1.96)


def test_nothing_beats_itself_and_one_shopper_proves_nothing():
    loss = np.arange(5.0)
    assert not against(loss, loss).beats
    assert against(np.zeros(1), np.ones(1)).margin == float("inf")
    assert not against(np.zeros(1), np.ones(1)).beats


def test_the_interval_holds_the_truth_in_nineteen_of_twenty():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        trivial = rng.exponential(1.0, 300)
        loss = trivial - 0.1 + rng.normal(0, 1, 300)
        verdict = against(loss, trivial)
        held += abs(verdict.gain - 0.1) <= verdict.margin
    assert 0.92 < held / 400 < 0.98


def test_numbers_by_hand_and_against_scipy():
    rng = np.random.default_rng(2)
    came = rng.poisson(2.0, 80).astype(float)
    expected = came + rng.normal(0.5, 1.0, 80)
    found = numbers(expected, came)
    assert found["rmse"] == pytest.approx(
        sum((e - c) ** 2 for e, c in zip(expected, came, strict=True)) ** 0.5 / 80**0.5
    )
    assert found["correlation"] == pytest.approx(pearsonr(expected, came).statistic)
    assert found["bias"] == pytest.approx(expected.mean() - came.mean())
    assert np.isnan(numbers(np.ones(5), np.arange(5.0))["correlation"])


def test_a_verdict_is_worded_by_where_the_interval_lies():
    trivial = np.array([3.0, 2.0, 4.0, 3.0])
    better, worse = against(trivial - 1 + np.arange(4) / 10, trivial), against(trivial + 1, trivial)
    unsure = against(trivial + np.array([1, -1, 1, -1.5]), trivial)
    assert better.sentence("a", "b", "error").startswith("a beats b (error -0.85 ± ")
    assert "Do not rely" not in better.sentence("a", "b", "error")
    assert worse.sentence("a", "b", "error") == "a is worse than b (error +1 ± 0). Do not rely on it yet."
    assert unsure.sentence("a", "b", "error").startswith("a does not beat b (error ")
