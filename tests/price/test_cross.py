"""Products that take sales from each other: against every choice there is, and never worse than without."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse

from merx.price.coupling import Coupling, Row
from merx.price.cross import Substitutes, refine
from merx.price.limits import PriceRules
from merx.price.optimise import optimise

from .shops import world


def substitutes(items: int, points: int, seed: int) -> Substitutes:
    rng = np.random.default_rng(seed)
    ratio = np.linspace(0.8, 1.2, points)
    elasticity = rng.uniform(-4, -1.8, (items, 1))
    base, margin = np.exp(rng.normal(2, 0.5, (items, 1))), rng.uniform(0.2, 0.6, (items, 1))
    value = base * ratio**elasticity * (ratio - 1 + margin)
    cross = rng.uniform(0, 0.8, (items, items)) * (rng.random((items, items)) < 0.6)
    np.fill_diagonal(cross, 0)
    return Substitutes(value, np.broadcast_to(np.log(ratio), value.shape), sparse.csr_array(cross))


def test_scores_are_what_one_move_does_to_the_whole():
    shop, rng = substitutes(6, 5, 0), np.random.default_rng(0)
    place = rng.integers(0, 5, 6)
    scores, worth = shop.scores(place), shop.each(place).sum()
    for i, g in product(range(6), range(5)):
        tried = place.copy()
        tried[i] = g
        assert scores[i, g] - scores[i, place[i]] == pytest.approx(shop.each(tried).sum() - worth)


def test_small_shops_reach_the_best_of_all_choices():
    items, points = 5, 6
    choices = np.array(list(product(range(points), repeat=items)))
    share, gained = [], []
    for seed in range(30):
        shop = substitutes(items, points, seed)
        used = np.tile(np.linspace(0.8, 1.2, points), (items, 1)) / items
        tied = Coupling.of([Row("index", "mean price", np.arange(items), used, 1.05)], points)
        start = np.full(items, 2)  # below the bound
        found = refine(shop, start, tied)
        assert tied.usage(found)[0] <= 1.05 + 1e-6
        step = np.take_along_axis(shop.step[None], choices[:, :, None], axis=2)[:, :, 0]
        worth = (shop.value[np.arange(items), choices] * np.exp(step @ shop.cross.toarray().T)).sum(axis=1)
        kept = used[0][choices].sum(axis=1) <= 1.05 + 1e-9
        best = worth[kept].max()
        reached = shop.each(found).sum()
        assert reached <= best + 1e-9
        assert reached >= shop.each(start).sum()
        share.append((reached - shop.each(start).sum()) / (best - shop.each(start).sum()))
        gained.append(reached)
    assert np.mean(share) > 0.97
    assert np.min(share) > 0.8


def test_a_shop_of_substitutes_asks_more_than_one_that_ignores_them():
    panel, model, _ = world(24, 1)
    cross = np.zeros((24, 24))
    for i in range(0, 24, 2):
        cross[i, i + 1] = cross[i + 1, i] = 0.8
    rules = PriceRules(endings=(), min_confidence=0.0, max_change=0.5)
    plain = optimise(model, panel, rules)
    found = optimise(model, panel, rules, cross=sparse.csr_array(cross))
    assert found.together.value > found.together.ignoring * 1.001
    assert found.price.mean() > plain.price.mean()
    assert found.profit[:, 0].sum() == pytest.approx(found.together.value, rel=1e-9)
    nothing = optimise(model, panel, rules, cross=sparse.csr_array((24, 24)))
    assert np.array_equal(nothing.price, plain.price)
    assert nothing.together.value == pytest.approx(nothing.together.ignoring)
