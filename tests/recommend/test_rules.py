"""Rules, diversity and objective on small worlds whose lists are known beforehand, and what always holds."""

import itertools
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merx.data.catalogue import Catalogue
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, RequestError
from merx.recommend.arrange import Cap, Wishes, arrange, relevance_of, worth_of
from merx.recommend.diversity import alike
from merx.recommend.new_share import NewShare, draw
from merx.recommend.objective import discount, profit, shrunk
from merx.recommend.rules import Rule, Shelf, groups

SHELF = Shelf(
    Catalogue(
        items=Vocabulary(pa.array(["a", "b", "c", "d", "e"])),
        title=pa.array(["A", "B", "C", "D", "E"]),
        description=pa.nulls(5, pa.string()),
        brand=pa.array(["X", "X", "Y", None, "Y"]),
        category=pa.array(["Home", "Home > Kitchen", "Homes", "Home > Kitchen > Pans", None]),
        price=np.array([1.0, 10.0, 20.0, np.nan, 50.0]),
        cost=np.full(5, np.nan),
    ),
    bought_ago=np.array([np.inf, 3.0, 40.0, np.inf, 30.0]),
)


@pytest.mark.parametrize(
    ("selectors", "chosen"),
    [
        ({"items": ("a", "e", "nothing")}, "ae"),
        ({"brand": ("X",)}, "ab"),
        ({"brand": ("X", "Y")}, "abce"),
        ({"category": ("Home",)}, "abd"),  # and below; "Homes" is another
        ({"category": ("Home > Kitchen",)}, "bd"),
        ({"price_from": 10.0}, "bce"),
        ({"price_to": 20.0}, "abc"),
        ({"price_from": 10.0, "price_to": 20.0}, "bc"),
        ({"bought_days": 30}, "be"),
        ({"brand": ("X",), "category": ("Home > Kitchen",)}, "b"),  # all that are given
    ],
)
def test_a_rule_selects(selectors, chosen):
    selected = Rule("exclude", **selectors).selects(SHELF)
    assert "".join(np.array(list("abcde"))[selected]) == chosen


def test_a_cap_counts_what_has_a_brand():
    assert groups(Rule("cap", per="brand", most=1), SHELF).tolist() == [0, 0, 1, -1, 1]
    assert groups(Rule("cap", per="brand", most=1, price_to=10.0), SHELF).tolist() == [0, 0, -1, -1, -1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"do": "promote", "brand": ("X",)}, "one of only, exclude"),
        ({"do": "exclude"}, "selects nothing"),
        ({"do": "boost", "brand": ("X",)}, "by: is missing"),
        ({"do": "boost", "brand": ("X",), "by": 0.5}, "above 1"),
        ({"do": "bury", "brand": ("X",), "by": 2.0}, "by: has no meaning"),
        ({"do": "pin", "brand": ("X",), "place": 1}, "by `items`"),
        ({"do": "pin", "items": ("a",), "place": 0}, "place = 0: at least 1"),
        ({"do": "cap", "per": "colour", "most": 1}, "brand"),
        ({"do": "cap", "per": "brand"}, "most: is missing"),
    ],
)
def test_a_rule_that_says_nothing_clear_is_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        Rule(**wrong)


def test_rules_in_words():
    assert Rule("exclude", brand=("X", "Y")).in_words() == "exclude brand X or Y"
    assert Rule("boost", category=("Home",), price_to=5.0, by=2.0).in_words() == (
        "boost category Home, price ..5 by 2"
    )
    assert Rule("pin", items=("a",), place=3).in_words() == "pin a to place 3"
    assert Rule("cap", per="brand", most=2).in_words() == "at most 2 per brand"
    assert Rule("exclude", bought_days=30).in_words() == "exclude bought in the last 30 days"
    assert Rule("exclude", name="no toys", category=("Toys",)).in_words() == "no toys"


# --- arranging ----------------------------------------------------------------------------------------------


def wishes(n, **more):
    return Wishes(discount(n), np.ones(n, dtype=bool), np.zeros(n, dtype=bool), **more)


def boosted(found, item, by):
    relevance = found.relevance.copy()
    relevance[item] *= by
    return replace(found, relevance=relevance)


def test_without_wishes_the_order_of_the_models_stays():
    assert arrange(wishes(6), 4).tolist() == [0, 1, 2, 3]
    assert arrange(wishes(3), 9).tolist() == [0, 1, 2]


def test_a_boost_by_two_takes_place_five_to_two():
    # 1 / log2(6) * 2 = .77: between place 1 (1.00) and place 2 (.63)
    assert arrange(boosted(wishes(6), 4, 2.0), 4).tolist() == [0, 4, 1, 2]


def test_what_is_buried_stands_behind_all_others():
    buried = replace(wishes(5), buried=np.array([True, False, True, False, False]))
    assert arrange(buried, 5).tolist() == [1, 3, 4, 0, 2]
    assert arrange(buried, 3).tolist() == [1, 3, 4]


def test_a_cap_lets_the_next_ones_up():
    cap = Cap(np.array([0, 0, 0, 1, -1, 1]), 1)
    assert arrange(wishes(6, caps=(cap,)), 6).tolist() == [0, 3, 4]


def test_pins_take_their_places_and_count_in_caps():
    cap = Cap(np.array([0, 0, 0, 1, -1, 1]), 1)
    assert arrange(wishes(6, pins={1: 5}), 4).tolist() == [0, 5, 1, 2]
    assert arrange(wishes(6, caps=(cap,), pins={2: 2}), 6).tolist() == [3, 4, 2]
    assert arrange(wishes(2, pins={7: 1}), 9).tolist() == [0, 1]  # no holes


def test_what_no_model_offers_comes_by_a_pin_alone():
    found = replace(wishes(4), offered=np.array([True, True, False, False]))
    assert arrange(found, 4).tolist() == [0, 1]
    assert arrange(replace(found, pins={0: 3}), 4).tolist() == [3, 0, 1]


def test_mmr_takes_the_unlike():
    """0 and 1 are alike, 2 is unlike both: by hand, .7 * .63 - .3 < .7 * .5."""
    likeness = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], float)
    assert arrange(wishes(3, diversity=0.3, alike=likeness), 3).tolist() == [0, 2, 1]
    assert arrange(wishes(3, diversity=0.1, alike=likeness), 3).tolist() == [0, 1, 2]


def test_likeness_of_categories_and_brands():
    found = alike(["A > B > C", "A > B", "A", "X", None], ["m", "n", "m", None, None])
    expected = np.array(
        [
            [1, (2 / 3 + 0) / 2, (1 / 3 + 1) / 2, 0, 0],
            [0, 1, (1 / 2 + 0) / 2, 0, 0],
            [0, 0, 1, 0, 0],
            [0, 0, 0, 1, 0],
            [0, 0, 0, 0, 1],
        ]
    )
    np.testing.assert_allclose(np.triu(found), expected)
    np.testing.assert_array_equal(found, found.T)
    assert alike(["A", "A"], [None, None])[0, 1] == 1  # no brand is known at all: the category alone
    assert alike([None, None], [None, None]).tolist() == [[1, 0], [0, 1]]


def test_profit_wants_costs_or_a_margin():
    price, cost, none = np.array([10.0, 20.0]), np.array([4.0, np.nan]), np.zeros(2)
    with pytest.raises(RequestError, match=r"cost of 1 of 2 .*'b'.*assumed_margin"):
        profit(price, cost, none, None, ["a", "b"])
    assert profit(price, cost, np.array([0.5, 0.0]), 0.25, ["a", "b"]).tolist() == [3.0, 5.0]
    with pytest.raises(RequestError, match="price of 1 of 2"):
        profit(np.array([1.0, np.nan]), price, none, 0.5, ["a", "b"])


def test_rates_are_drawn_to_the_mean_of_the_shop():
    found = shrunk(np.array([0.0, 9.0, 1.0]), np.array([0.0, 10.0, 90.0]), 10.0)
    np.testing.assert_allclose(found, [0.1, (9 + 1) / 20, (1 + 1) / 100])
    assert shrunk(np.zeros(2), np.zeros(2), 5.0).tolist() == [0.0, 0.0]


def test_the_objective_reaches_what_is_possible():
    """Against every order of five products: no list within the cap is worth more than the hull allows."""
    rng = np.random.default_rng(0)
    reached = []
    for _ in range(40):
        found = wishes(5, worth=rng.lognormal(0, 1, 5), give_up=0.1)
        list_ = arrange(found, 3)
        least = 0.9 * relevance_of(np.arange(3), found)
        orders = [np.array(order) for order in itertools.permutations(range(5), 3)]
        best = max(worth_of(order, found) for order in orders if relevance_of(order, found) >= least)
        assert relevance_of(list_, found) >= least - 1e-9
        assert worth_of(list_, found) >= worth_of(np.arange(3), found) - 1e-9
        reached.append(worth_of(list_, found) / best)
    assert np.mean(reached) > 0.97 and min(reached) > 0.85  # a Lagrangian misses what lies inside the hull


def test_an_objective_that_may_cost_nothing_changes_nothing_and_one_that_may_cost_all_sorts_by_worth():
    worth = np.array([1.0, 5.0, 2.0, 9.0])
    assert arrange(wishes(4, worth=worth, give_up=0.0), 4).tolist() == [0, 1, 2, 3]
    by_worth = np.argsort(-discount(4) * worth).tolist()
    assert arrange(wishes(4, worth=worth, give_up=1.0), 4).tolist() == by_worth


def test_new_products_rise_to_the_places_due_to_them():
    new = np.isin(np.arange(9), [5, 6, 8])

    def listed(share, u, **more):
        return arrange(wishes(9, fresh=NewShare(new, share, u), **more), 5).tolist()

    assert listed(0.2, 0.0) == [0, 1, 2, 3, 5]  # floor(.2 p + u) reaches 1 at p = 5
    assert listed(0.2, 0.5) == [0, 1, 5, 2, 3]  # at p = 3, and not 2 within the list
    assert listed(0.3, 0.4) == [0, 5, 1, 2, 3]  # 1.9: no second one
    assert listed(0.3, 0.6) == [0, 5, 1, 2, 6]  # 2.1
    assert listed(1.0, 0.0) == [5, 6, 8, 0, 1]  # there are no more
    assert listed(0.2, 0.0, pins={4: 0}) == [1, 2, 3, 5, 0]  # earlier, as the last place is taken
    assert listed(0.2, 0.5, pins={4: 8}) == [0, 1, 2, 3, 8]  # a pinned one is one of them
    assert listed(0.2, 0.5, caps=(Cap(np.where(new, 0, -1), 0),)) == [0, 1, 2, 3, 4]
    assert listed(0.4, 0.0, caps=(Cap(np.where(new, 0, -1), 1),)) == [0, 1, 5, 2, 3]


def test_the_share_holds_on_average_at_every_depth():
    draws = [draw(f"u{number}", "home") for number in range(4000)]
    assert (
        draws[7] == draw("u7", "home") == pytest.approx(0.7300436231307685, abs=1e-12)
    )  # the same on every machine
    none = np.zeros(0, bool)
    for places in (1, 3, 10):
        due = np.array([NewShare(none, 0.25, u).due(places) for u in draws])
        assert set(due - int(0.25 * places)) <= {0, 1}
        np.testing.assert_allclose(due.mean(), 0.25 * places, atol=3 * 0.5 / np.sqrt(4000))


# --- what always holds --------------------------------------------------------------------------------------


@st.composite
def worlds(draw):
    """A pool with any wishes."""
    n, k = draw(st.integers(1, 30)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    caps = tuple(Cap(rng.integers(-1, 4, n), draw(st.integers(1, 3))) for _ in range(draw(st.integers(0, 2))))
    pinned = rng.permutation(n)[: draw(st.integers(0, min(3, n)))]
    places = rng.permutation(k)[: len(pinned)]
    names = np.array(["A > B", "A", "C", "C > D"])
    found = Wishes(
        relevance=discount(n) * np.where(rng.random(n) < 0.2, 1 + 3 * rng.random(n), 1.0),
        offered=rng.random(n) < 0.9,
        buried=rng.random(n) < 0.2,
        caps=caps,
        pins=dict(zip(places.tolist(), pinned.tolist(), strict=False)),
        diversity=draw(st.sampled_from([0.0, 0.3, 1.0])),
        alike=alike(names[rng.integers(0, 4, n)].tolist(), [None] * n),
        worth=rng.normal(1, 1, n) if draw(st.booleans()) else None,
        give_up=draw(st.floats(0, 1)),
        fresh=NewShare(rng.random(n) < 0.3, share, rng.random())
        if (share := draw(st.floats(0, 1)))
        else None,
    )
    return found, k, rng


@given(worlds())
def test_lists_keep_to_every_wish(world):
    found, k, _ = world
    shown = arrange(found, k)
    pinned = list(found.pins.values())
    assert len(shown) <= k and len(set(shown.tolist())) == len(shown)
    assert set(pinned) <= set(shown.tolist())
    assert all(found.offered[item] or item in pinned for item in shown)
    for place, item in found.pins.items():
        if place < len(shown) - sum(other > place for other in found.pins):
            assert shown[place] == item
    for cap in found.caps:
        for group in range(4):
            inside = [item for item in shown if cap.group[item] == group]
            by_hand = sum(item in pinned for item in inside)
            assert len(inside) <= max(cap.most, by_hand)


@given(worlds())
def test_new_products_get_their_share_unless_a_wish_bars_all_that_are_left(world):
    found, k, _ = world
    if found.fresh is None or len(found.pins) == k:
        return
    new, shown = found.fresh.new, arrange(found, k)
    left = new & found.offered & ~found.buried
    left[shown] = False
    for cap in found.caps:
        count = np.bincount(cap.group[shown] + 1, minlength=6)
        left &= (cap.group < 0) | (count[cap.group + 1] < cap.most)
    assert new[shown].sum() >= found.fresh.due(k) or not left.any()
    if found.worth is None and not found.diversity and not found.caps:
        theirs = [item for item in shown if new[item] and not found.buried[item]]
        theirs = found.relevance[[item for item in theirs if item not in found.pins.values()]]
        assert (np.diff(theirs) <= 0).all()  # in the model's own order


@given(worlds())
def test_without_new_products_or_with_a_share_of_none_nothing_changes(world):
    found, k, rng = world
    n = len(found.offered)
    plain = arrange(replace(found, fresh=None), k)
    for none in (NewShare(np.zeros(n, bool), 1.0, 0.5), NewShare(rng.random(n) < 0.5, 0.0, 0.999)):
        np.testing.assert_array_equal(arrange(replace(found, fresh=none), k), plain)


@given(worlds())
def test_the_objective_gives_up_no_more_than_it_may(world):
    found, k, _ = world
    plain = relevance_of(arrange(replace(found, worth=None), k), found)
    assert relevance_of(arrange(found, k), found) >= (1 - found.give_up) * plain - 1e-9


@given(worlds())
def test_a_boost_never_moves_its_product_down(world):
    found, k, rng = world
    found = replace(found, worth=None)
    item = int(rng.integers(len(found.relevance)))
    before, after = arrange(found, k).tolist(), arrange(boosted(found, item, 1.5), k).tolist()
    place = {
        name: shown.index(item) if item in shown else k
        for name, shown in zip("ab", (before, after), strict=True)
    }
    assert place["b"] <= place["a"]


@given(worlds())
def test_no_diversity_is_no_change(world):
    found, k, _ = world
    np.testing.assert_array_equal(
        arrange(replace(found, diversity=0.0), k), arrange(replace(found, diversity=0.0, alike=None), k)
    )
