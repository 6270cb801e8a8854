"""From tables to demand and prices: against loops over the rows."""

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merx.data.price_facts import NEVER
from merx.data.schema import ADDED, TABLES
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
from merx.store.drivers import drivers
from merx.store.duckdb_engine import DuckDBEngine
from merx.store.price_facts import price_facts
from merx.store.price_series import beside_market, price_series
from merx.store.tables import Part, Snapshot, Tables

MONDAY = date(2024, 1, 1)


@pytest.fixture
def engine_on():
    """Opens an engine on tables made of lists of dicts, and closes it after the test."""
    engines = []

    def opened(tmp_path, **rows):
        engines.append(DuckDBEngine(*tables_of(tmp_path, **rows)))
        return engines[-1]

    yield opened
    for engine in engines:
        engine.close()


def tables_of(tmp_path, **rows):
    tables = Tables(tmp_path / "tables")
    parts = {}
    with tables.writing() as scratch:
        for name, entries in rows.items():
            path = scratch / f"{name}.parquet"
            schema = TABLES[name]
            full = [{field.name: entry.get(field.name) for field in schema} for entry in entries]
            pq.write_table(pa.Table.from_pylist(full, schema), path)
            parts[Part(name, f"{name}.parquet", len(entries))] = path
        tables.commit(Snapshot(tuple(parts)), parts)
    return tables, tables.current()


def sale(day, item="a", quantity=1.0, price=2.0, user="u", event="purchase", hour=12):
    time = datetime(2024, 1, 1) + timedelta(days=day, hours=hour)
    return {
        "time": time, "event": event, "user_id": user, "item_id": item, "quantity": quantity, "price": price,
    }  # fmt: skip


def price_row(day, price, item="a", **more):
    time = datetime(2024, 1, 1) + timedelta(days=day)
    return {"item_id": item, "time": time, "price": price, "from_orders": False, **more}


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


def test_price_series_hold_the_price_in_force_of_the_shop_and_of_others(tmp_path, engine_on):
    engine = engine_on(
        tmp_path,
        events=[sale(0, "a", price=4.0), sale(13, "b", price=9.0)],
        prices=[
            price_row(2, 3.0, "a"),
            price_row(4, 2.0, "a", promotion=True),
            price_row(5.75, 3.0, "a"),
            price_row(3, 8.0, "b", competitor="rival"),
            price_row(9, 7.0, "b", competitor="rival"),
            price_row(9, 5.0, "b", competitor="market"),
        ],
    )
    sold = demand(engine)
    found = price_series(engine, sold, "day", np.array([0]))
    names = ["price: a", "price: b at market", "price: b at rival"]
    assert found.keys.ids.to_pylist() == names
    first = (MONDAY - date(1970, 1, 1)).days
    assert (found.start - first).tolist() == [2, 9, 3]
    assert found.series(0).tolist() == [3.0, 3, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]
    assert found.exog[:12, 0].tolist() == [0, 0, 1, 1] + [0] * 8
    assert found.series(2).tolist() == [8.0] * 6 + [7] * 5
    assert found.available.all()
    weekly = price_series(engine, sold, "week", np.array([0]))
    assert weekly.series(2).tolist() == [8.0, 7.0]
    assert (weekly.start - first).tolist() == [0, 7, 0]
    bare = engine_on(tmp_path / "bare", events=[sale(0, "a", price=None)])
    with pytest.raises(DataError, match="no product has a price"):
        price_series(bare, demand(bare), "day", np.array([0]))


def test_drivers_are_those_in_force_at_noon_and_planned_ahead(tmp_path, engine_on):
    engine = engine_on(
        tmp_path,
        events=[
            sale(day, item, quantity) for day in range(10) for item, quantity in (("a", 1.0), ("b", 3.0))
        ],
        prices=[
            price_row(2, 4.0),
            price_row(5.4, 2.0, promotion=True),
            price_row(12, 3.0),  # two days after the last sale
            price_row(0, 5.0, "b"),
            price_row(3, 9.0, "b", from_orders=True),  # was only paid
        ],
        products=[{"item_id": "a", "category": "x"}, {"item_id": "b", "category": "y"}],
    )
    sold = demand(engine)
    found = drivers(
        engine, sold, 5, {"tenth": ["2024-01-10", "2024-01-14"], "yearly": ["01-02"], "never": []}
    )
    assert found.names == ("log_price", "promotion", "holiday: tenth", "holiday: yearly")
    np.testing.assert_allclose(np.exp(found.of_item["log_price"][0]), [4] * 5 + [2] * 7 + [3] * 3)
    np.testing.assert_allclose(np.exp(found.of_item["log_price"][1]), 5)
    np.testing.assert_array_equal(found.of_item["promotion"][0], [0] * 5 + [1] * 7 + [0] * 3)
    np.testing.assert_array_equal(np.flatnonzero(found.of_day["holiday: tenth"]), [9, 13])
    np.testing.assert_array_equal(np.flatnonzero(found.of_day["holiday: yearly"]), [1])

    panel = demand_panel(sold, "day", drivers=found)
    assert panel.exog_names == found.names
    np.testing.assert_allclose(panel.exog[:10, 0], np.log([4] * 5 + [2] * 5))
    np.testing.assert_allclose(panel.exog_ahead[0, :, 0], np.log([2, 2, 3, 3, 3]))
    np.testing.assert_array_equal(panel.exog_ahead[0, :, 2], [0, 0, 0, 1, 0])
    np.testing.assert_array_equal(panel.groups, [[0, 0], [1, 1]])
    weekly = demand_panel(sold, "week", drivers=found)  # Monday 1 to Sunday 7 January
    np.testing.assert_allclose(weekly.exog[0], [np.log([4] * 5 + [2] * 2).mean(), 2 / 7, 0, 1 / 7])
    np.testing.assert_allclose(weekly.exog_ahead[0], [[np.log([2] * 5 + [3] * 2).mean(), 5 / 7, 2 / 7, 0]])

    groups = group_panel(sold, "day", found)
    weight = 1.0 / (1.0 + 3.0)  # both were sold at the same price
    np.testing.assert_allclose(
        groups.exog[:10, 0], weight * np.log([4] * 5 + [2] * 5) + (1 - weight) * np.log(5)
    )
    np.testing.assert_array_equal(groups.groups, [[-1, -1], [0, -1], [1, -1]])


def test_without_a_price_list_nothing_is_planned(tmp_path, engine_on):
    engine = engine_on(
        tmp_path,
        events=[sale(day) for day in range(5)],
        prices=[price_row(1, 4.0, from_orders=True), price_row(3, 2.0, from_orders=True)],
        products=[],
    )
    sold = demand(engine)
    found = drivers(engine, sold, 3)
    assert found.names == ()
    panel = demand_panel(sold, "day", drivers=found)
    assert panel.exog.shape == (5, 0)
    assert panel.exog_ahead.shape == (1, 3, 0)


def test_facts_for_the_rules_of_prices(tmp_path, engine_on):
    events = [sale(day, item=item) for day in range(42) for item in ("a", "b")]
    prices = [
        price_row(0, 2.0), price_row(20, 1.5), price_row(21, 1.8), price_row(0, 3.0, "b"),
        price_row(5, 1.9, competitor="X"), price_row(30, 2.1, competitor="X"),
        price_row(1, 2.05, competitor="Y"),
    ]  # fmt: skip
    products = [
        {"item_id": "a", "brand": "own", "item_group_id": "g", "pack_size": 500.0, "msrp": 2.5}
        | {"category": "C > D"},
        {"item_id": "b", "stock_quantity": 7.0},
    ]
    engine = engine_on(tmp_path, events=events, prices=prices, products=products)
    sold = demand(engine)
    panel = price_panel(engine, sold)
    facts = price_facts(engine, sold, panel)
    assert facts.items == panel.items
    assert facts.today == (MONDAY + timedelta(days=42) - date(1970, 1, 1)).days
    assert facts.category.tolist() == ["C > D", "(none)"]
    assert facts.brand.tolist() == ["own", ""]
    assert facts.group.tolist() == ["g", ""]
    assert np.isclose(facts.competitor[0], 2.05)  # X asks 2.10 now; its 1.90 is over
    assert np.isnan(facts.competitor[1])
    assert np.isclose(facts.stand_in[0], 2.05)
    assert facts.lowest_30d.tolist() == [1.5, 3.0]
    assert facts.since_change.tolist() == [21, NEVER]
    assert facts.pack_size[0] == 500
    assert facts.msrp[0] == 2.5
    assert facts.stock_quantity[1] == 7
    assert np.isnan(facts.map_price).all()
    assert facts.below("C").tolist() == [True, False]
    assert facts.take(np.array([1])).competitor.shape == (1,)


def test_products_from_before_a_column_read_as_null(tmp_path, engine_on):
    tables, snapshot = tables_of(tmp_path, products=[{"item_id": "a", "title": "A", "msrp": 2.0}])
    [path] = tables.paths(snapshot, "products")
    pq.write_table(pq.read_table(path).drop_columns(list(ADDED)), path)
    engine = DuckDBEngine(tables, snapshot)
    products = engine.query("products")
    engine.close()
    assert products["title"].to_pylist() == ["A"]
    assert products["msrp"].to_pylist() == [None]


def test_the_lowest_price_of_others_is_a_covariate_that_stays(tmp_path, engine_on):
    engine = engine_on(
        tmp_path,
        events=[sale(day, item) for day in range(6) for item in ("a", "b")],
        prices=[
            price_row(0, 8.0, "b", competitor="rival"),
            price_row(2, 6.0, "b", competitor="market"),
            price_row(4, 5.0, "b", competitor="rival"),
            price_row(0, 1.0, "unsold", competitor="rival"),
        ],
        products=[],
    )
    sold = demand(engine)
    found = drivers(engine, sold, 3)
    assert found.names == ("log_competitor_price",)
    lowest = np.log([8, 8, 6, 6, 5, 5, 5, 5, 5])
    np.testing.assert_allclose(found.of_item["log_competitor_price"][1], lowest - lowest.mean())
    np.testing.assert_array_equal(found.of_item["log_competitor_price"][0], 0)


def test_market_prices_stand_beside_others_a_horizon_before(tmp_path, engine_on):
    rng = np.random.default_rng(0)
    cotton, shirt = 10 * np.exp(rng.normal(0, 0.1, (2, 12)).cumsum(axis=1))
    engine = engine_on(
        tmp_path,
        events=[sale(day, "shirt") for day in range(12)],
        prices=[
            *(price_row(day, cotton[day], "cotton", competitor="exchange") for day in range(2, 12)),
            *(price_row(day, shirt[day], "shirt") for day in range(12)),
        ],
        products=[],
    )
    panel = price_series(engine, demand(engine), "day", np.array([0]))
    with pytest.raises(DataError, match="no price of wool at exchange is known"):
        beside_market(panel, np.array([0]), ["wool at exchange"], 3)
    beside = beside_market(panel, np.array([0]), ["cotton at exchange"], 3)
    assert beside.exog_names == ("cotton at exchange",)
    lagged = np.log(cotton[[2, 2, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8]])
    np.testing.assert_allclose(beside.exog[:, 0], lagged)
    np.testing.assert_allclose(beside.exog_ahead[0, :, 0], np.log(cotton[[9, 10, 11]]))
