"""Gaps filled from features, on worlds whose truth is known."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from merx.behaviour.calibration import reliability
from merx.errors import ConfigError, FitError
from merx.media.completion import Completion
from merx.media.pool import Pool, folds
from merx.media.values import OTHER, classes_of, most_likely

CLASSES = np.array(["Home > Lamps", "Home > Rugs", "Garden > Tools", "Garden > Seeds"])


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def world(n=500, seed=0, sharp=(4.0, 3.0), features=6):
    """Blocks, values and the true probabilities of values drawn by a logistic model of both blocks."""
    rng = np.random.default_rng(seed)
    blocks = {"words": unit(rng.normal(size=(n, features))), "picture": unit(rng.normal(size=(n, features)))}
    score = sum(
        s * block @ rng.normal(size=(features, 4)) for s, block in zip(sharp, blocks.values(), strict=True)
    )
    truth = softmax(score, axis=1)
    drawn = (truth.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return blocks, list(CLASSES[drawn]), truth[:, np.argsort(CLASSES)]


def log_loss(chances, label):
    return -np.log(chances[np.arange(len(label)), label]).mean()


def test_probabilities_come_near_the_true_ones_and_are_calibrated():
    blocks, values, truth = world(n=1000)
    fitted = Completion().fit(blocks, values, levels=True)
    assert fitted.classes == tuple(sorted(CLASSES))
    label = fitted.pool.label
    assert log_loss(fitted.judged, label) < log_loss(truth[fitted.known], label) + 0.06
    right = fitted.judged.argmax(axis=1) == label
    assert reliability(fitted.judged.max(axis=1), right).error < 0.06
    chances, _ = fitted.chances({name: block[:50] for name, block in blocks.items()})
    assert np.abs(chances - truth[:50]).mean() < 0.06
    assert np.allclose(chances.sum(axis=1), 1)


def test_both_blocks_together_beat_each_alone_and_noise_counts_for_nothing():
    blocks, values, _ = world()

    def loss(**given):
        fitted = Completion().fit(given, values, levels=True)
        return log_loss(fitted.judged, fitted.pool.label), fitted

    both, _ = loss(**blocks)
    assert both < min(loss(words=blocks["words"])[0], loss(picture=blocks["picture"])[0]) - 0.1
    noise = unit(np.random.default_rng(9).normal(size=(500, 6)))
    noisy, fitted = loss(**blocks, video=noise)
    assert noisy < both + 0.03
    assert fitted.pool.weights(np.ones(3, bool), np.ones(500, bool))[2] < 0.1


def test_a_product_that_lacks_a_block_is_told_from_the_other_as_if_there_were_no_such_block():
    blocks, values, _ = world()
    without = {"words": blocks["words"], "picture": np.zeros((500, 6))}
    alone, _ = Completion().fit({"words": blocks["words"]}, values, levels=True).chances(without)
    chances, used = Completion().fit(blocks, values, levels=True).chances(without)
    assert np.allclose(chances, alone, atol=1e-6) and not used[:, 1].any()
    nothing = {name: np.zeros((1, 6)) for name in blocks}
    assert np.isnan(Completion().fit(blocks, values, levels=True).chances(nothing)[0]).all()


def test_the_pool_has_the_weights_of_least_log_loss():
    """With scores that are too timid by half, the weight is two: as temperature scaling finds it."""
    rng = np.random.default_rng(1)
    score = rng.normal(0, 3, (4000, 3))
    label = (softmax(score, axis=1).cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    nothing = np.zeros((1, 4000, 3))
    every = np.ones((4000, 1), bool)
    pool = Pool(score[None] / 2, nothing, nothing[0], np.log(np.full(3, 1 / 3)), label, every)
    weight = pool.weights(np.array([True]), np.ones(4000, bool))
    assert weight[0] == pytest.approx(2, rel=0.06)
    losses = [
        -log_softmax(one * score / 2, axis=1)[np.arange(4000), label].mean()
        for one in weight[0] * np.array([0.97, 1, 1.03])
    ]
    assert np.argmin(losses) == 1


def test_a_block_that_was_made_from_the_values_is_judged_on_others_alone():
    """A network that learnt the labels by heart says the label of those it saw, and nothing of others."""
    blocks, values, _ = world()
    rng = np.random.default_rng(2)
    learnt = rng.random(500) < 0.7
    code = np.searchsorted(np.sort(CLASSES), values)
    by_heart = np.where(learnt[:, None], np.eye(6)[code], unit(rng.normal(size=(500, 6))))
    given = {"words": blocks["words"], "picture": by_heart}
    fooled = Completion().fit(given, values, levels=True)
    fitted = Completion().fit(given, values, levels=True, unseen={"picture": ~learnt})
    alone = Completion().fit({"words": blocks["words"]}, values, levels=True)

    def accuracy(fitted):
        return (fitted.judged.argmax(axis=1) == fitted.pool.label).mean()

    assert accuracy(fooled) > accuracy(alone) + 0.2
    assert accuracy(fitted) < accuracy(alone) + 0.03


def test_rare_values_count_as_the_level_above_and_those_without_one_are_never_proposed():
    values = ["A > x"] * 6 + ["A > y"] * 2 + ["B > z"] * 5 + ["C"] * 3 + ["D"] * 2 + [None]
    assert classes_of(values, 5, levels=True) == [
        *["A > x"] * 6,
        *["A"] * 2,
        *["B > z"] * 5,
        *[OTHER] * 5,
        None,
    ]
    assert classes_of(values[:-3], 5, levels=True)[-3:] == [None] * 3  # too few to make a class of their own
    assert classes_of(["A > x"] * 5, 5, levels=False) == ["A > x"] * 5
    chances = np.array([[0.5, 0.1, 0.4], [0.05, 0.9, 0.05], [0.1, 0.0, 0.9], [np.nan] * 3])
    said, sure = most_likely(chances, ("A > x", OTHER, "A > y"), 0.8, levels=True)
    assert said == ["A", "", "A > y", ""]
    assert sure[[0, 2]] == pytest.approx([0.9, 0.9])


def test_proposals_are_right_as_often_as_their_probability_says():
    blocks, values, _ = world(n=800)
    known = np.arange(800) < 500
    gaps = [value if k else None for value, k in zip(values, known, strict=True)]
    fitted = Completion().fit(blocks, gaps, levels=True)
    chances, _ = fitted.chances({name: block[500:] for name, block in blocks.items()})
    said, sure = most_likely(chances, fitted.classes, 0.8, levels=True)
    hits = [value.startswith(one) for value, one in zip(values[500:], said, strict=True) if one]
    assert len(hits) > 100
    assert np.mean(hits) == pytest.approx(sure[np.array([bool(one) for one in said])].mean(), abs=0.06)


def test_the_slope_is_that_of_the_log_probability():
    blocks, values, _ = world()
    fitted = Completion().fit({"words": blocks["words"]}, values, levels=True)
    x, step = blocks["words"][:1], np.zeros((1, 6))
    step[0, 2] = 1e-4

    def home(x):
        chances = softmax(x @ fitted.learnt.alone[0][:-1] + fitted.learnt.alone[0][-1], axis=1)
        return np.log(chances[0, [n.startswith("Home") for n in fitted.classes]].sum()), chances[0]

    numeric = (home(x + step)[0] - home(x - step)[0]) / 2e-4
    assert fitted.slope("words", home(x)[1], "Home")[2] == pytest.approx(numeric, rel=1e-5)


def test_what_cannot_be_learnt_is_refused():
    x = {"words": unit(np.random.default_rng(0).normal(size=(20, 3)))}
    with pytest.raises(FitError, match=r"9 of 20 products have one"):
        Completion().fit(x, ["A"] * 9 + [None] * 11, levels=True)
    with pytest.raises(FitError, match="title, a picture"):
        Completion().fit({"words": np.zeros((20, 3))}, ["A", "B"] * 10, levels=True)
    bare = {"words": np.where(np.arange(20)[:, None] < 15, x["words"], 0)}  # nothing is known of class C
    assert Completion().fit(bare, ["A", "B", "A"] * 5 + ["C"] * 5, levels=True).classes == ("A", "B")
    with pytest.raises(ConfigError, match="at least 2"):
        Completion(fewest=1)
    with pytest.raises(ConfigError, match="above 0"):
        Completion(held=0)


def test_folds_spread_every_class():
    label = np.repeat([0, 1, 2], [50, 10, 7])
    fold = folds(label, 0)
    for one in range(3):
        count = np.bincount(fold[label == one], minlength=5)
        assert count.max() - count.min() <= 1
