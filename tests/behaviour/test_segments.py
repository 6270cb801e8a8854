"""Segments: everyone in one, by the rules, with a hold-out that is drawn at random and stays."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from merx.behaviour.segments import PROPENSITY_RULES, RFM_RULES, by_propensity, draw, rfm
from merx.data.vocabulary import Vocabulary
from tests.behaviour.customers import customers


def crowd(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    x, age = rng.permutation(n), np.full(n, 900.0)
    world = customers(x, rng.uniform(0, 900, n), age)
    return replace(world, total=rng.gamma(2, 50, n))


def vocabulary(n):
    return Vocabulary(pa.array([f"u{u}" for u in range(n)]))


def named(segments):
    return [segments.names[place] for place in segments.segment]


def test_rfm_by_definition():
    world = crowd()
    found = named(rfm(world))
    fifth = lambda score: np.argsort(np.argsort(score)) * 5 // 1000 + 1  # noqa: E731
    recency = fifth(world.recency - world.age)
    worth = np.ceil((fifth(world.frequency) + fifth(world.total)) / 2)
    for place in range(1000):
        expected = next(r[0] for r in RFM_RULES if recency[place] in r[1] and worth[place] in r[2])
        assert found[place] == expected


def test_every_pair_of_fifths_has_one_rule():
    for recency in range(1, 6):
        for worth in range(1, 6):
            assert any(recency in rule[1] and worth in rule[2] for rule in RFM_RULES)


def test_the_best_are_champions_and_the_worst_lost():
    world = customers([30, 0] + [5] * 8, [895, 0] + [400] * 8, [900] * 10, [90, 1] + [20] * 8)
    found = named(rfm(world))
    assert found[0] == "champions" and found[1] == "lost"


def test_equal_customers_share_a_segment():
    found = rfm(customers([0] * 70, [0] * 70, [50] * 70))
    assert len(set(found.segment.tolist())) == 1


def test_propensity_segments():
    n = 100
    chance = np.arange(n) / n
    found = by_propensity(vocabulary(n), chance, chance[::-1].copy())
    names = named(found)
    assert set(names[80:]) == {"about to buy"}
    assert set(names[:20]) == {"about to leave"}
    assert set(names[51:80]) == {"undecided"}
    assert set(names[21:50]) == {"just looking"}
    assert named(by_propensity(vocabulary(n), chance, chance))[-1] == "about to buy, may leave"


def test_who_was_not_active_is_left_out():
    purchase = np.array([0.1, np.nan, 0.3, 0.2])
    found = by_propensity(vocabulary(4), purchase, np.full(4, np.nan))
    assert found.users.ids.to_pylist() == ["u0", "u2", "u3"]
    assert found.names == tuple(rule[0] for rule in PROPENSITY_RULES)
    assert len(by_propensity(vocabulary(2), np.full(2, np.nan), np.full(2, np.nan)).segment) == 0


def test_the_hold_out_is_random_and_stays():
    users = vocabulary(20_000)
    drawn = draw(users, 0.1, seed=0)
    assert drawn.mean() == pytest.approx(0.1, abs=0.01)
    np.testing.assert_array_equal(
        draw(Vocabulary(users.ids.take(np.arange(500, 900))), 0.1, 0), drawn[500:900]
    )
    assert (draw(users, 0.2, 0) | ~drawn).all()  # who is drawn stays so when more are
    other = draw(users, 0.1, seed=1)
    assert (drawn & other).mean() == pytest.approx(0.01, abs=0.005)
    assert not draw(users, 0.0, 0).any() and draw(users, 1.0, 0).all()
    assert not len(draw(vocabulary(0), 0.1, 0))


def test_table_and_csv(tmp_path):
    found = rfm(crowd(), held_out=0.2)
    table = found.to_table()
    pyarrow.csv.write_csv(table, tmp_path / "segments.csv")
    again = pyarrow.csv.read_csv(tmp_path / "segments.csv")
    assert again.column_names[:4] == ["user_id", "segment", "action", "held_out"]
    for row in again.to_pylist():
        place = found.names.index(row["segment"])
        assert row["action"] == ("none" if row["held_out"] else found.actions[place])
    summary = found.summary().to_pylist()
    assert sum(row["shoppers"] for row in summary) == 1000
    assert sum(row["held_out"] for row in summary) == found.held_out.sum()
    champions = table.filter(pa.compute.equal(table["segment"], "champions"))
    assert summary[0]["total"] == pytest.approx(pa.compute.mean(champions["total"]).as_py())
