"""From tables to demand and prices: against loops over the rows."""

from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest

from merx.data.vocabulary import Vocabulary
from merx.errors import DataError
from merx.store import assemble
from merx.store.demand import (
    DAY,
    as_of,
    best_sellers,
    demand,
    demand_panel,
    group_panel,
    price_panel,
)

from .rows import price_row, sale

MONDAY = date(2024, 1, 1)


def test_demand_is_net_of_the_refunds_of_the_day_and_never_negative(tmp_path, engine_on):
    events = [
        sale(0, quantity=5), sale(0, quantity=2, event="refund"), sale(1, quantity=3, event="refund"),
        sale(2, item="b", quantity=4, user=None), sale(3, item="b"), sale(3, event="view_item"),
    ]  # fmt: skip
    found = demand(engine_on(tmp_path, events=events))
    assert found.items.ids.to_pylist() == ["a", "b"]
    assert found.units.tolist() == [[3, 0, 0, 0], [0, 0, 4, 1]]
    assert found.first_sale.tolist() == [0, 2]
    assert best_sellers(found, 1).tolist() == [1]


def test_a_last_day_that_breaks_off_is_left_out(tmp_path, engine_on):
    events = [sale(day, hour=18) for day in range(10)]
    assert demand(engine_on(tmp_path / "a", events=[*events, sale(10, hour=9)])).days == 10
    assert demand(engine_on(tmp_path / "b", events=[*events, sale(10, hour=17)])).days == 11


def test_weeks_run_from_monday_and_are_whole(tmp_path, engine_on):
    events = [sale(day, quantity=day + 1) for day in range(2, 24)]  # Wednesday to Tuesday
    panel = demand_panel(demand(engine_on(tmp_path, events=events)), "week")
    assert panel.y.tolist() == [sum(range(8, 15)), sum(range(15, 22))]
    assert panel.start.tolist() == [(MONDAY - date(1970, 1, 1)).days + 7]


def test_series_begin_with_the_first_sale_and_groups_add_up(tmp_path, engine_on):
    events = [sale(0), sale(4, item="b", quantity=7), sale(6), sale(6, item="c", quantity=2)]
    products = [{"item_id": "a", "category": "x"}, {"item_id": "b", "category": "y"}]
    found = demand(engine_on(tmp_path, events=events, products=products))
    panel = demand_panel(found, "day")
    assert panel.keys.ids.to_pylist() == ["item: a", "item: b", "item: c"]
    assert [panel.series(s).tolist() for s in range(3)] == [[1, 0, 0, 0, 0, 0, 1], [7, 0, 0], [2]]
    groups = group_panel(found, "day")
    assert groups.keys.ids.to_pylist() == ["shop", "category: (none)", "category: x", "category: y"]
    assert groups.series(0).sum() == sum(groups.series(s).sum() for s in (1, 2, 3))


def test_stock_outs_are_not_zeros(tmp_path, engine_on):
    events = [sale(day) for day in range(6)]
    stock = [
        {"item_id": "a", "time": datetime(2024, 1, 3), "available": False},
        {"item_id": "a", "time": datetime(2024, 1, 5), "available": True},
    ]
    found = demand(engine_on(tmp_path, events=events, stock=stock))
    assert found.available.tolist() == [[True, True, False, False, True, True]]


def test_price_panel_against_a_loop_over_days(tmp_path, engine_on):
    rng = np.random.default_rng(0)
    days, changes = 28, {"a": {0: 5.0, 9: 6.0, 17: 4.0}, "b": {8: 3.0}}
    events = [sale(day, item=item) for item in "abc" for day in range(days)]
    events += [sale(int(day), item="a", quantity=3) for day in rng.integers(0, days, 20)]
    prices = [
        price_row(day, price, item, promotion=price == 4.0, cost=1.5 if item == "a" else None)
        for item, steps in changes.items()
        for day, price in steps.items()
    ]
    products = [{"item_id": "b", "cost_of_goods_sold": 2.5}]
    engine = engine_on(tmp_path, events=events, prices=prices, products=products)
    panel = price_panel(engine, demand(engine))
    assert panel.items.ids.to_pylist() == ["a", "b"]  # c never had a price
    for i, item in enumerate("ab"):
        rows = range(panel.offsets[i], panel.offsets[i + 1])
        weeks = {}
        for day in range(days):
            known = [price for since, price in changes[item].items() if since <= day]
            if known:
                weeks.setdefault(day // 7, []).append(known[-1])
        assert panel.week[list(rows)].tolist() == list(weeks)
        np.testing.assert_allclose(panel.price[list(rows)], [np.mean(w) for w in weeks.values()])
        sold = [
            sum(e["quantity"] for e in events if e["item_id"] == item and (e["time"].day - 1) // 7 == week)
            for week in weeks
        ]
        assert panel.units[list(rows)].tolist() == sold
    assert panel.price_now.tolist() == [4.0, 3.0]
    assert panel.cost.tolist() == [1.5, 2.5]
    assert panel.promotion.max() == 1.0
    np.testing.assert_array_equal(panel.past_cost[panel.item == 0], 1.5)  # of the price list
    assert np.isnan(panel.past_cost[panel.item == 1]).all() and panel.competitor is None


def test_price_panel_has_costs_and_the_lowest_competitor_by_week(tmp_path, engine_on):
    events = [sale(day, item=item) for item in "ab" for day in range(14)]
    prices = [
        price_row(0, 5.0, "a", cost=2.0), price_row(7, 5.0, "a", cost=3.0), price_row(0, 4.0, "b"),
        price_row(0, 8.0, "a", competitor="rival"), price_row(7, 4.0, "a", competitor="other"),
    ]  # fmt: skip
    engine = engine_on(tmp_path, events=events, prices=prices)
    panel = price_panel(engine, demand(engine))
    np.testing.assert_array_equal(panel.past_cost, [2.0, 3.0, np.nan, np.nan])
    half = np.log(np.sqrt(2.0))
    np.testing.assert_allclose(panel.competitor, [half, -half, 0.0, 0.0])
    alone = panel.take(np.array([1]))
    np.testing.assert_array_equal(alone.competitor, [0.0, 0.0])


def test_a_price_list_is_preferred_to_prices_seen_in_orders(tmp_path, engine_on):
    events = [sale(day, item=item) for item in "ab" for day in range(14)]
    prices = [
        price_row(0, 5.0), price_row(0, 4.5, from_orders=True), price_row(7, 4.4, from_orders=True),
        price_row(0, 9.0, "b", from_orders=True),
        price_row(0, 1.0, "a", competitor="rival"),
    ]  # fmt: skip
    engine = engine_on(tmp_path, events=events, prices=prices)
    assert price_panel(engine, demand(engine)).price.tolist() == [5.0, 5.0, 9.0, 9.0]
    assert engine.query("prices")["price"].to_pylist() == [4.5, 5.0, 4.4, 9.0]  # the list's last of a moment


def test_of_two_prices_for_one_moment_the_later_ingested_holds(tmp_path, engine_on):
    prices = [price_row(0, 5.0), price_row(0, 6.0)]
    engine = engine_on(tmp_path, events=[sale(day) for day in range(14)], prices=prices)
    assert price_panel(engine, demand(engine)).price.tolist() == [6.0, 6.0]


def test_what_is_not_there_is_said(tmp_path, engine_on):
    engine = engine_on(tmp_path, events=[sale(0, event="view_item")])
    with pytest.raises(DataError, match="no purchase"):
        demand(engine)
    engine = engine_on(tmp_path / "b", events=[sale(day) for day in range(14)])
    with pytest.raises(DataError, match="no product has a price"):
        price_panel(engine, demand(engine))
    engine = engine_on(tmp_path / "c", events=[sale(0, user=None)])
    with pytest.raises(DataError, match="user_id"):
        assemble.interactions(engine, {})


def test_histories_are_ragged_by_user_oldest_first(tmp_path, engine_on):
    events = [
        sale(3, "b", user="v"), sale(1, "a", user="v", event="view_item"), sale(2, "c", user="u"),
        sale(4, "b", user="v", event="refund"), sale(0, "c", user=None),
        {**sale(5, "a", user="w", event="rate"), "value": 4.0},
    ]  # fmt: skip
    engine = engine_on(tmp_path, events=events)
    found, users = assemble.interactions(engine, {"purchase": 5, "view_item": 1, "refund": -5, "rate": 0.5})
    assert users.ids.to_pylist() == ["u", "v", "w"]
    assert found.offsets.tolist() == [0, 1, 4, 5]
    assert found.items.ids.take(found.item).to_pylist() == ["c", "a", "b", "b", "a"]
    assert found.weight.tolist() == [5, 1, 5, -5, 2]
    assert found.matrix().toarray().tolist() == [[0, 0, 5], [1, 0, 0], [2, 0, 0]]
    assert found.seen().toarray().tolist() == [[0, 0, 1], [1, 1, 0], [1, 0, 0]]
    one = assemble.history(engine, "v", {"purchase": 5, "view_item": 1, "refund": -5}).recode(found.items)
    np.testing.assert_array_equal(one.item, found.take(np.array([1])).item)
    np.testing.assert_array_equal(one.weight, found.take(np.array([1])).weight)


def test_what_is_in_force_at_noon_for_more_items_than_fit_a_careless_key():
    """Ten thousand products over two years, against a dictionary of dates."""
    rng = np.random.default_rng(0)
    items = Vocabulary.of([f"i{n:05d}" for n in range(10_000)])
    first, days = 19_700, 730
    item = np.sort(rng.integers(0, len(items), 20_000))
    day = rng.integers(first - 50, first + days + 10, len(item))
    hour = rng.integers(0, 24, len(item))
    time = day * DAY + hour * (DAY // 24)
    order = np.lexsort((time, item))
    item, time = item[order], time[order]
    table = pa.table({"item_id": items.ids.take(item), "time": pa.array(time).cast(pa.timestamp("us"))})
    found = as_of(table, items, first, days)
    for i in rng.integers(0, len(items), 300):
        rows = np.flatnonzero(item == i)
        for d in rng.integers(0, days, 20):
            since = [row for row in rows if time[row] <= (first + d) * DAY + DAY // 2]
            assert found[i, d] == (since[-1] if since else -1)


def test_a_week_in_which_the_price_switched_adds_no_price(tmp_path, engine_on):
    events = [sale(day, item=item) for item in "ab" for day in range(21)]
    prices = [
        price_row(0, 5.0),
        price_row(10, 6.0),
        price_row(17, 5.0),
        price_row(0, 4.0, "b"),
        price_row(9, 7.0, "b"),
    ]
    stock = [{"item_id": "b", "time": datetime(2024, 1, 10), "available": False}]
    engine = engine_on(tmp_path, events=events, prices=prices, stock=stock)
    panel = price_panel(engine, demand(engine))
    assert len(set(panel.price[:3].tolist())) == 3  # means of the weeks
    assert panel.distinct_prices.tolist() == [2, 1]  # of days in stock
