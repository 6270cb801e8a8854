"""Cross elasticities against a shop where they are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from merx.data.vocabulary import Vocabulary
from merx.errors import RequestError
from merx.price.candidates import NEIGHBOURS, candidates
from merx.price.cross_effects import cannibalised, cross_elasticities
from merx.price.mixture_prior import shrunk

from .worlds import make_world

ITEMS = 60


@pytest.fixture(scope="module")
def shop():
    """Items 4k and 4k + 1 touch each other; items 4k + 2 and 4k + 3 have nothing to do with each other."""
    rng = np.random.default_rng(0)
    panel = make_world("random", 3, items=ITEMS, weeks=104, categories=5).panel
    truth = np.zeros((ITEMS, ITEMS))
    for k in range(0, ITEMS - 1, 4):
        truth[k + 1, k] = 0.8
        truth[k, k + 1] = -0.6 if k % 8 == 0 else 0.8
    x = np.log(panel.price / panel.price_now[panel.item]).reshape(ITEMS, -1)
    season = 0.3 * np.sin(2 * np.pi * np.arange(104) / 52)
    units = rng.poisson(60.0 * rng.gamma(40, 0.025, x.shape) * np.exp(-2.6 * x + truth @ x + season))
    panel = replace(panel, units=units.ravel().astype(float), available=np.ones_like(panel.available))
    pairs = np.array([(i, j) for k in range(0, ITEMS - 1, 2) for i, j in ((k, k + 1), (k + 1, k))])
    return panel, truth, pairs


def test_cross_elasticities_are_found_and_those_that_are_none_stay_near_0(shop):
    panel, truth, pairs = shop
    found = cross_elasticities(panel, pairs)
    true = truth[found.sold, found.priced]
    assert np.sqrt(np.mean((found.mean - true) ** 2)) < 0.25
    assert 0.5 < np.mean(found.mean[true == 0.8]) < 0.85  # half of the pairs are none: the others are shrunk
    assert -0.65 < np.mean(found.mean[true == -0.6]) < -0.3
    assert np.abs(found.mean[true == 0]).mean() < 0.2
    z = (found.mean - true) / found.sd
    assert (
        0.6 < z.std() < 1.3
    )  # those that are none are closer to 0 than their deviation, which allows for some
    assert (found.clear == (true != 0)).mean() > 0.9
    matrix = found.matrix()
    assert matrix.shape == (ITEMS, ITEMS) and matrix.nnz == len(pairs)
    assert matrix[1, 0] == found.mean[(found.sold == 1) & (found.priced == 0)][0]


def test_in_a_shop_without_cross_effects_the_prior_closes_in_on_0(shop):
    panel, _, _ = shop
    shuffled = np.random.default_rng(1).permutation(ITEMS)
    away = np.array([(i, shuffled[i]) for i in range(ITEMS) if abs(i - shuffled[i]) > 1])
    found = cross_elasticities(panel, away)
    assert np.abs(found.mean).mean() < 0.02
    assert found.clear.mean() < 0.05


def test_cannibalisation_in_units_and_money(shop):
    panel, _, pairs = shop
    found = cross_elasticities(panel, pairs)
    units = np.full(ITEMS, 25.0)
    moved = cannibalised(found, panel, units, 0, 0.9 * panel.price_now[0])
    assert moved.item.tolist() == [1]
    cross = found.mean[(found.sold == 1) & (found.priced == 0)][0]
    assert moved.units[0] == pytest.approx(25.0 * (0.9**cross - 1))
    assert moved.units[0] < 0  # a substitute loses
    assert moved.profit[0] == pytest.approx(moved.units[0] * (panel.price_now[1] - panel.cost[1]))


def test_pairs_that_are_none_are_refused_and_no_pair_is_none(shop):
    panel, _, _ = shop
    for pairs in ([(0, 0)], [(0, ITEMS)], [(0, 1), (0, 1)]):
        with pytest.raises(RequestError, match="two different items"):
            cross_elasticities(panel, np.array(pairs))
    assert cross_elasticities(panel, np.zeros((0, 2))).matrix().nnz == 0


def test_estimates_are_believed_as_far_as_all_of_them_allow():
    rng = np.random.default_rng(0)
    true = np.where(rng.random(20_000) < 0.1, rng.normal(0, 0.4, 20_000), 0.0)
    error = rng.uniform(0.1, 0.4, 20_000)
    mean, _, sure = shrunk(true + rng.normal(0, error), error)
    best = 0.1 * 0.4**2  # of what can be known: the error of one who believes nothing
    assert np.mean((mean - true) ** 2) < 0.65 * best
    right = np.sign(mean) * np.sign(true) > 0
    for low, high in ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        some = (sure >= low) & (sure < high)
        assert sure[some].mean() - 0.06 < right[some].mean() < sure[some].mean() + 0.2  # rather too careful
    none = shrunk(rng.normal(0, error), error)
    assert np.abs(none[0]).mean() < 0.005 and (none[2] > 0.5).mean() < 0.001
    wide = shrunk(rng.normal(0, 1.05 * error), error)  # errors that say too little
    assert np.abs(wide[0]).mean() < 0.005 and (wide[2] > 0.5).mean() < 0.001


def test_candidates_are_the_nearest_of_each_product_read_both_ways():
    rng = np.random.default_rng(0)
    items = Vocabulary.of([f"i{n:02d}" for n in range(40)])
    known = Vocabulary.of([*(f"i{n:02d}" for n in range(0, 40, 2)), "gone"])  # others never met
    near = sparse.csr_array(np.where(rng.random((21, 21)) < 0.7, rng.random((21, 21)), 0.0))
    pairs = candidates(items, [(known, near)])
    both = near.toarray() + near.toarray().T
    np.fill_diagonal(both, 0.0)
    place = items.codes(known.ids)
    both = both[place >= 0][:, place >= 0]  # "gone" takes no place
    expected = {
        (int(place[place >= 0][i]), int(place[place >= 0][j]))
        for i in range(len(both))
        for j in np.argsort(-both[i], kind="stable")[:NEIGHBOURS]
        if both[i, j] > 0
    }
    assert {tuple(pair) for pair in pairs.tolist()} == expected
    twice = candidates(items, [(known, near), (known, near)])
    assert np.array_equal(twice, pairs)
    assert candidates(items, []).shape == (0, 2)
