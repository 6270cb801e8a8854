"""Customers to fit models of repeat purchase on, and what they did later: CDNOW and UCI Online Retail."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import lifetimes
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from _process import data
from merx.data.activity import Activity
from merx.data.customers import Customers, customers_of
from merx.data.schema import DAY
from merx.data.vocabulary import Vocabulary
from merx.shop import Shop

HALF = 273  # days of 39 weeks
CDNOW_END = np.datetime64("1997-09-30").astype(int)  # the last day of the first 39 weeks
DATASETS = Path(lifetimes.__file__).parent / "datasets"


@dataclass(frozen=True)
class Split:
    """Customers as of a day, and what each did in the `days` after it, float64 (U,).

    `purchases` are days with a purchase, `paid` is in the shop's currency; `before` are the purchases of the
    28 days up to then.
    """

    case: str
    seen: Customers
    days: int
    purchases: np.ndarray
    paid: np.ndarray
    before: np.ndarray


def cdnow_summary() -> Customers:
    """CDNOW's 1/10 sample, 2,357 customers after 39 weeks, as the papers summarise it: times in weeks."""
    table = pyarrow.csv.read_csv(DATASETS / "cdnow_customers_summary_with_transactions.csv")
    x, last, age, value = (table[name].to_numpy().astype(float) for name in ("x", "t_x", "T", "zbar"))
    users = Vocabulary(table["ID"].cast(pa.string()).combine_chunks())
    return Customers(users, x, last, age, np.where(x > 0, value, np.nan), np.zeros(len(x)))


def cdnow_sample() -> Split:
    """The 1/10 sample in halves. Its file: id in the complete file, id, date, discs, dollars."""
    rows = np.loadtxt(DATASETS / "CDNOW_sample.txt")
    text = rows[:, 2].astype(int).astype(str)
    day = np.array([np.datetime64(f"{date[:4]}-{date[4:6]}-{date[6:]}").astype(int) for date in text])
    return _halves(rows[:, 1].astype(int), day, rows[:, 4])


def cdnow_complete() -> Split:
    """The complete file in halves, without purchases of no value."""
    table = pq.read_table(data("cdnow") / "cdnow_master.parquet")
    table = table.filter(pa.compute.greater(table["dollar_value"], 0))
    day = table["date"].cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)
    return _halves(table["customer_id"].to_numpy(), day, table["dollar_value"].to_numpy())


def _halves(customer: np.ndarray, day: np.ndarray, value: np.ndarray) -> Split:
    """The first 39 weeks, and what came in the next 39."""
    who, user = np.unique(customer, return_inverse=True)
    key, place = np.unique(user * 100_000 + day, return_inverse=True)  # a day's purchases are one
    user, day, value = key // 100_000, key % 100_000, np.bincount(place, value)
    first = day <= CDNOW_END
    known, place = np.unique(user[first], return_inverse=True)
    seen = customers_of(
        Vocabulary(pa.array(who[known].astype(str))), place, day[first], value[first], CDNOW_END
    )
    later = ~first & (day <= CDNOW_END + HALF)
    recent = first & (day > CDNOW_END - 28)
    purchases, paid, before = (
        np.bincount(user[some], weights, minlength=len(who))[known].astype(float)
        for some, weights in ((later, None), (later, value[later]), (recent, None))
    )
    return Split(f"CDNOW {len(seen):,} customers, 39 + 39 weeks", seen, HALF, purchases, paid, before)


def online_retail(splits: list[tuple[str, int]]) -> list[Split]:
    """Who was a customer of UCI Online Retail before a day, and what came in so many days from it on."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop.init(Path(folder) / "shop")
        shop.ingest(data("online_retail/online_retail.parquet"))
        with shop.inputs() as inputs:
            activity: Activity = inputs.of("activity")
        found = []
        for date, days in splits:
            day = int(np.datetime64(date, "D").astype(int))
            with shop.inputs(until=day * DAY) as inputs:
                seen: Customers = inputs.of("customers")
            user = activity.users.codes(seen.users.ids)
            later, before = activity.between(user, day, day + days), activity.between(user, day - 28, day)
            case = f"Online Retail, {days} days from {date}"
            found.append(Split(case, seen, days, later["order_days"], later["revenue"], before["order_days"]))
    return found
