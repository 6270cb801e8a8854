"""A shop whose price follows a raw material's, a week later."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from merx.shop import Shop
from tests.shops import csv, settings

DAYS, LAG = 120, 7


def test_what_a_market_did_is_read_by_the_forecast_of_a_price(tmp_path):
    rng = np.random.default_rng(3)
    cotton = np.exp(rng.normal(0, 0.03, DAYS).cumsum())
    shirt = 20 * np.concatenate([np.full(LAG, cotton[0]), cotton[:-LAG]]) * np.exp(rng.normal(0, 0.003, DAYS))
    first = date(2024, 1, 1)
    day = [np.datetime64(first + timedelta(days=n), "us") for n in range(DAYS)]
    rows = [("shirt", when, price, None) for when, price in zip(day, shirt, strict=True)]
    rows += [("cotton", when, price, "exchange") for when, price in zip(day, cotton, strict=True)]
    names = ("item_id", "time", "price", "competitor")
    table = pa.table({name: [row[n] for row in rows] for n, name in enumerate(names)})
    pq.write_table(table, tmp_path / "prices.parquet")
    shop = Shop.init(tmp_path / "shop")
    sales = [f"u{n % 5},shirt,purchase,{first + timedelta(days=n)}T12:00:00,20,1" for n in range(DAYS)]
    shop.ingest(csv(tmp_path / "events.csv", *sales), tmp_path / "prices.parquet")

    def width(shop):
        shop.fit("arima")
        decision = shop.forecast(item="shirt", price=True)
        last = decision.answer["rows"][-1]
        assert shop.why(decision.id).same
        return np.log(last["q0.9"] / last["q0.1"]), last["q0.5"]

    text = f'[forecast]\nhorizon = {LAG}\nprice_model = "arima"\n'
    alone, _ = width(settings(shop, text))
    beside, middle = width(settings(shop, 'market = ["cotton at exchange"]\n'))
    assert beside < 0.3 * alone
    assert abs(np.log(middle / (20 * cotton[-1]))) < 0.02
