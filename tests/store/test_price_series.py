"""Prices over time, what drives demand, and what rules ask of products: from tables of a few rows."""

from datetime import date, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

from merx.data.price_facts import NEVER
from merx.data.schema import ADDED
from merx.errors import DataError
from merx.store.demand import (
    demand,
    demand_panel,
    group_panel,
    price_panel,
)
from merx.store.drivers import drivers
from merx.store.duckdb_engine import DuckDBEngine
from merx.store.price_facts import price_facts
from merx.store.price_series import beside_market, price_series

from .rows import price_row, sale, tables_of

MONDAY = date(2024, 1, 1)


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
