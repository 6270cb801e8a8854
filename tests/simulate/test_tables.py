import numpy as np
import pyarrow.parquet as pq
import pytest

from merx.data.schema import ITEM_EVENTS, TABLES
from merx.errors import ConfigError, DataError
from merx.simulate import Simulation, read_truth


def test_tables_have_the_canonical_schemas(shop):
    assert set(shop.tables) == set(TABLES)
    for name, schema in TABLES.items():
        table = shop.tables[name]
        assert table.schema.equals(schema), name
        table.validate(full=True)
        assert table.num_rows > 0
        for field in schema:
            assert field.nullable or table[field.name].null_count == 0


def test_ids(shop, events):
    truth = shop.truth
    assert truth.user_ids[123] == "u000123"
    assert truth.item_ids[42] == "i00042"
    assert events["event_id"].is_unique
    assert set(events["event"]) <= ITEM_EVENTS
    assert {"view_item", "add_to_cart", "remove_from_cart", "purchase", "refund"} == set(events["event"])
    assert events["transaction_id"].notna().eq(events["event"].isin(["purchase", "refund"])).all()


def test_some_sessions_are_anonymous_and_all_have_one_shopper(events):
    visits = events[events["session_id"].notna()].groupby("session_id")["user"]
    assert visits.nunique().max() == 1
    assert 0.17 < visits.first().eq(-1).mean() < 0.23


def test_time_order(events):
    assert events["time"].is_monotonic_increasing
    visits = events[events["session_id"].notna()]
    gaps = visits.groupby("session_id")["time"].diff().dropna()
    assert (gaps > np.timedelta64(0)).all()
    assert visits.groupby("session_id")["day"].nunique().max() == 1
    first = visits.groupby("session_id")["event"].first()
    assert first.eq("view_item").all()


def test_a_purchase_is_viewed_and_carted_before(events):
    key = ["session_id", "item"]
    first = events.pivot_table(index=key, columns="event", values="time", aggfunc="min").dropna(
        subset="purchase"
    )
    assert (first["view_item"] < first["add_to_cart"]).all()
    assert (first["add_to_cart"] < first["purchase"]).all()


def test_nothing_happens_before_a_user_arrives_or_an_item_is_launched(shop, events):
    known = events[events["user"] >= 0]
    assert (known["day"].values >= shop.truth.arrival[known["user"]]).all()
    assert (events["day"].values >= shop.truth.launch[events["item"]]).all()
    assert (shop.truth.launch > 0).any()
    assert (shop.truth.arrival > 0).any()


def test_refunds_give_back_what_was_bought(events):
    key = ["transaction_id", "item"]
    both = events[events["event"] == "refund"].merge(
        events[events["event"] == "purchase"], on=key, suffixes=("", "_bought"), validate="one_to_one"
    )
    assert len(both) == (events["event"] == "refund").sum()
    assert (both["quantity"] == both["quantity_bought"]).all()
    assert (both["price"] == both["price_bought"]).all()
    assert (both["time"] - both["time_bought"]).min() >= np.timedelta64(3, "D")


def test_price_rows_give_the_price_that_was_paid(shop, events):
    prices = shop.tables["prices"].to_pandas()
    assert prices["time"].is_monotonic_increasing
    bought = events[events["event"] == "purchase"].sort_values("time")
    assert (bought["price"].values == shop.truth.price[bought["item"], bought["day"] // 7]).all()
    for item_id, rows in bought.groupby("item_id"):
        listed = prices[prices["item_id"] == item_id]
        now = np.searchsorted(listed["time"].values, rows["time"].values, side="right") - 1
        assert (listed["price"].values[now] == rows["price"].values).all()


def test_few_changes_are_few():
    prices = Simulation(users=10, items=50, price_policy="few_changes").run().tables["prices"].to_pandas()
    changes = prices.groupby("item_id").size() - 1
    assert changes.max() <= 3
    assert changes.mean() > 1.5
    assert not prices["promotion"].any()


def test_cost_shifters_move_costs_and_partly_prices():
    still, moved = (Simulation(users=10, items=50, cost_shifters=on).run().truth for on in (False, True))
    assert (still.cost == still.cost[:, :1]).all()
    cost = np.log(moved.cost / still.cost)
    price = np.log(moved.price / still.price)
    assert cost.std() > 0.03
    assert np.polyfit(cost.ravel(), price.ravel(), 1)[0] == pytest.approx(0.5, abs=0.15)


def test_jitter_moves_prices_at_random_and_nothing_else():
    worlds = [
        Simulation(users=10, items=50, price_policy="few_changes", price_jitter=sd).run()
        for sd in (0.0, 0.04)
    ]
    still, moved = (world.truth for world in worlds)
    step = np.diff(np.log(moved.price), axis=1) / np.sqrt(2)
    assert np.median(np.abs(step)) / 0.6745 == pytest.approx(0.04, abs=0.004)
    assert (np.diff(still.price, axis=1) == 0).mean() > 0.9
    np.testing.assert_array_equal(still.cost, moved.cost)
    np.testing.assert_array_equal(still.shock, moved.shock)
    with pytest.raises(ConfigError, match="price_jitter is 0"):
        Simulation(price_jitter=0.5)


def test_stock_rows_rebuild_availability(shop):
    truth, stock = shop.truth, shop.tables["stock"].to_pandas()
    day = (stock["time"].values.astype("datetime64[D]") - np.datetime64(truth.start)).astype(int)
    for item, rows in stock.assign(day=day).groupby(stock["item_id"].str[1:].astype(int)):
        state = rows["available"].values[
            np.searchsorted(rows["day"].values, np.arange(364), side="right") - 1
        ]
        assert (state[truth.launch[item] :] == truth.available[item, truth.launch[item] :]).all()


def test_written_tables_read_back(shop, tmp_path):
    paths = shop.write(tmp_path / "tables")
    assert {p.stem for p in paths} == set(TABLES)
    assert pq.read_table(tmp_path / "tables" / "events.parquet").equals(shop.tables["events"])


def test_truth_reads_back_and_stays_out_of_the_tables(shop, tmp_path):
    shop.write(tmp_path / "tables")
    with pytest.raises(ConfigError, match="a folder of its own"):
        shop.write_truth(tmp_path / "tables")
    shop.write_truth(tmp_path / "truth")
    with pytest.raises(ConfigError, match="holds a truth"):
        shop.write(tmp_path / "truth")
    assert not list((tmp_path / "tables").glob("truth*"))
    again = read_truth(tmp_path / "truth")
    for name, value in vars(shop.truth).items():
        assert np.array_equal(value, getattr(again, name)), name


def test_a_missing_truth_is_named(tmp_path):
    with pytest.raises(DataError, match=r"truth\.safetensors: no such file"):
        read_truth(tmp_path)


def test_the_holidays_of_the_settings_are_those_of_the_truth(tmp_path):
    from merx.shop import Shop
    from merx.simulate import read_truth
    from merx.simulating import simulate

    simulate(tmp_path / "shop", users=20, items=5, days=364)
    config = Shop(tmp_path / "shop").config
    named = {day for days in config.forecast.holidays.values() for day in days}
    truth = read_truth(tmp_path / "shop-truth")
    day = np.datetime64(truth.start) + np.arange(len(truth.holiday))
    for text, factor in zip(day.astype(str), truth.holiday, strict=True):
        assert (factor != 1.0) == bool({text, text[5:]} & named), text
