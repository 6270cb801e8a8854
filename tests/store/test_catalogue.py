"""What is known of the items: from the catalogue, else the last price seen."""

import numpy as np
import pytest

from merx.config import ShopConfig
from merx.fitting import Inputs
from merx.store import assemble
from merx.store.duckdb_engine import DuckDBEngine
from tests.store.rows import price_row, sale, tables_of
from tests.worlds import DAY

START = 19723 * DAY  # 2024-01-01


@pytest.mark.parametrize(
    ("until", "price", "cost"),
    [
        (
            None,
            {"a": 4.0, "b": 9.0, "c": 3.5, "d": np.nan},
            {"a": 1.5, "b": np.nan, "c": np.nan, "d": np.nan},
        ),
        (START + 5 * DAY, {"a": 2.0, "b": 9.0, "c": 3.5, "d": np.nan}, {"a": 1.0}),
    ],
)
def test_a_price_that_the_catalogue_lacks_is_the_last_one_seen(tmp_path, until, price, cost):
    engine = DuckDBEngine(
        *tables_of(
            tmp_path,
            events=[sale(0, item="a"), sale(0, item="d")],
            products=[
                {"item_id": "a", "title": "hat"},
                {"item_id": "b", "price": 10.0, "sale_price": 9.0},
                {"item_id": "c", "price": 3.5},
            ],
            prices=[
                price_row(0, 2.0, cost=1.0),
                price_row(5, 3.0, cost=1.5),
                price_row(6, 4.0),
                price_row(0, 7.0, item="b"),
                price_row(1, 1.0, item="d", competitor="another shop"),
            ],
        )
    )
    found = assemble.catalogue(engine, until)
    engine.close()
    assert found.title.to_pylist() == ["hat", None, None, None]
    for name, expected in price.items():
        np.testing.assert_equal(found.price[found.items.code(name)], expected)
    for name, expected in cost.items():
        np.testing.assert_equal(found.cost[found.items.code(name)], expected)


def test_models_that_are_judged_know_nothing_of_items_that_were_met_later(tmp_path):
    engine = DuckDBEngine(
        *tables_of(
            tmp_path,
            events=[sale(0, item="early"), sale(9, item="late")],
            products=[{"item_id": name, "title": name, "price": 1.0} for name in ("early", "late", "never")],
        )
    )
    before = Inputs(engine, ShopConfig(), until=START + 5 * DAY).of("catalogue")
    today = Inputs(engine, ShopConfig()).of("catalogue")
    engine.close()
    assert before.items == today.items
    assert before.title.to_pylist() == ["early", None, None]
    np.testing.assert_equal(before.price, [1.0, np.nan, np.nan])
    assert today.title.to_pylist() == ["early", "late", "never"]
