"""Past prices, and the grade of the evidence."""

from dataclasses import replace

import numpy as np

from merx.data.panel import distinct_prices
from merx.price.confounding import find_confounding
from merx.price.grade import grade
from merx.price.history import price_spread

from .worlds import make_world


def test_prices_count_in_steps_of_one_percent_and_only_in_stock():
    panel = make_world("random", 1, items=2, weeks=8, categories=1).panel
    price = np.array([10, 10.01, 12, 12, 12, 12, 12, 99.0] + [7.0] * 8)
    available = np.array([1.0] * 7 + [0.0] + [1.0] * 8)
    panel = replace(panel, price=price, available=available)
    stocked = available > 0
    assert distinct_prices(panel.item[stocked], price[stocked], 2).tolist() == [2, 1]
    assert price_spread(panel)[1] == 0
    assert np.isclose(price_spread(panel)[0], np.std(np.log(price[:7])))


def test_grades_fall_with_the_evidence():
    panel = make_world("random", 1, items=20, categories=1).panel
    sure, vague, unknown = (np.random.default_rng(0).normal(-2.5, sd, (200, 20)) for sd in (0.3, 0.9, 3.0))
    confounding = find_confounding(panel)
    assert set(grade(panel, sure, confounding).grade) == {"A"}
    assert set(grade(panel, vague, confounding).grade) == {"C"}
    refused = grade(panel, unknown, confounding)
    assert set(refused.grade) == {"D"}
    assert "its elasticity is known to about ±2.9 only" in refused.missing[0]
    assert "weeks" in refused.evidence[0]


def test_confounded_prices_are_never_better_than_c():
    panel = make_world("follows_demand", 1, items=60, categories=2).panel
    graded = grade(panel, np.random.default_rng(0).normal(-2.5, 0.1, (200, 60)), find_confounding(panel))
    assert set(graded.grade) == {"C"}
    assert "followed demand" in graded.alarm[0]
