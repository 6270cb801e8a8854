"""Lifetime models: 1 million customers, CDNOW against the package lifetimes, and CDNOW's second 39 weeks."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # matrices of 4 x 4 are no work for threads, here or there

from pathlib import Path
from time import perf_counter

import lifetimes
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from lifetimes import BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter

from _process import data
from _record import Row, medians, record
from merx.behaviour.bg_nbd import BGNBD, MBGNBD
from merx.behaviour.gamma_gamma import GammaGamma
from merx.behaviour.pareto_nbd import ParetoNBD
from merx.data.customers import Customers, customers_of
from merx.data.vocabulary import Vocabulary

MILLION = 1_000_000
SECONDS, FASTER = 30, 10
RUNS = 7
WEEK, HALF = 7.0, 273  # days; of 39 weeks
MODELS = {"BG/NBD": BGNBD(), "MBG/NBD": MBGNBD(), "Pareto/NBD": ParetoNBD()}
PEERS = {"BG/NBD": BetaGeoFitter, "MBG/NBD": ModifiedBetaGeoFitter, "Pareto/NBD": ParetoNBDFitter}
SAMPLE = (1.603, 0.630)  # RMSE and correlation of the Pareto/NBD on the sample
PUBLISHED = {"BG/NBD": -9582.43, "MBG/NBD": -9582.14, "Pareto/NBD": -9594.98}


def population(n: int) -> Customers:
    """Customers by the Pareto/NBD, in whole days of the last two years."""
    rng = np.random.default_rng(0)
    age = rng.integers(30, 730, n).astype(float)
    life = np.minimum(rng.exponential(1 / rng.gamma(0.6, 1 / 200, n)), age)
    x = rng.poisson(rng.gamma(0.6, 60**-1.0, n) * life)
    last = np.floor(life * rng.random(n) ** (1 / np.maximum(x, 1)))
    x = np.minimum(x, last)  # one purchase a day
    value = np.where(
        x > 0, rng.gamma(6 * np.maximum(x, 1), 1 / (rng.gamma(4, 1 / 15, n) * np.maximum(x, 1))), np.nan
    )
    users = Vocabulary(pa.array(np.arange(n).astype(str)))
    return Customers(users, x, np.where(x > 0, last, 0), age, value, np.zeros(n))


def halves(customer: np.ndarray, day: np.ndarray, value: np.ndarray) -> tuple[Customers, np.ndarray]:
    """CDNOW's first 39 weeks, and on how many days each customer of these bought in the next 39."""
    who, user = np.unique(customer, return_inverse=True)
    key, place = np.unique(user * 100_000 + day, return_inverse=True)
    user, day, value = key // 100_000, key % 100_000, np.bincount(place, value)
    end = int(np.datetime64("1997-09-30").astype(int))
    first = day <= end
    known, place = np.unique(user[first], return_inverse=True)
    names = Vocabulary(pa.array(who[known].astype(str)))
    later = np.bincount(user[~first & (day <= end + HALF)], minlength=len(who))[known]
    return customers_of(names, place, day[first], value[first], end), later.astype(float)


def complete() -> tuple[Customers, np.ndarray]:
    """Of the complete file."""
    table = pq.read_table(data("cdnow") / "cdnow_master.parquet")
    table = table.filter(pa.compute.greater(table["dollar_value"], 0))
    day = table["date"].cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)
    return halves(table["customer_id"].to_numpy(), day, table["dollar_value"].to_numpy())


def sample() -> tuple[Customers, np.ndarray]:
    """Of the 1/10 sample: id in the complete file, id, date, discs, dollars."""
    rows = np.loadtxt(Path(lifetimes.__file__).parent / "datasets" / "CDNOW_sample.txt")
    text = rows[:, 2].astype(int).astype(str)
    day = np.array([np.datetime64(f"{date[:4]}-{date[4:6]}-{date[6:]}").astype(int) for date in text])
    return halves(rows[:, 1].astype(int), day, rows[:, 4])


def seconds_of(fit: object) -> float:
    start = perf_counter()
    fit()  # type: ignore[operator]
    return perf_counter() - start


def million() -> list[Row]:
    crowd = population(MILLION)
    small = population(2_000)
    rows = []
    for name, model in {**MODELS, "Gamma-Gamma": GammaGamma()}.items():
        model.fit(small)  # compiled
        taken = seconds_of(lambda model=model: model.fit(crowd))
        rows.append(
            Row(f"{name}, 1 million customers", "fit, s", taken, goal=f"under {SECONDS}", met=taken < SECONDS)
        )
    return rows


def against_lifetimes() -> list[Row]:
    table = pyarrow.csv.read_csv(Path(lifetimes.__file__).parent / "datasets" / "cdnow_customers_summary.csv")
    x, last, age = (table[name].to_numpy().astype(float) for name in ("frequency", "recency", "T"))
    none = np.full(len(x), np.nan)
    users = Vocabulary(table["ID"].cast(pa.string()).combine_chunks())
    seen = Customers(users, x, last * WEEK, age * WEEK, none, none)
    rows = []
    for name, model in MODELS.items():
        found = model.fit(seen)
        likelihood = found.log_likelihood + float(x.sum() * np.log(WEEK))  # times in weeks, as published
        published = PUBLISHED[name]
        rows.append(
            Row(
                f"{name}, CDNOW sample",
                "log-likelihood",
                likelihood,
                published,
                "published",
                goal="at least the published",
                met=likelihood > published - 0.01,
            )
        )
        pairs = []
        for _ in range(RUNS):
            mine = seconds_of(lambda model=model: model.fit(seen))
            pairs.append((mine, seconds_of(lambda name=name: PEERS[name]().fit(x, last, age))))
        mine, peer, ratio = medians(pairs)
        goal = f"at most 1/{FASTER} of the peer's"
        met = ratio * FASTER <= 1
        rows.append(Row(f"{name}, CDNOW sample", "fit, s", mine, peer, "lifetimes", ratio, goal, met))
    return rows


def second_half() -> list[Row]:
    rows = []
    for seen, later in (sample(), complete()):
        published = SAMPLE if len(seen) == 2357 else (None, None)
        for name, model in MODELS.items():
            expected = model.fit(seen).expected(seen, float(HALF))
            case = f"{name}, CDNOW {len(seen):,} customers, 39 + 39 weeks"
            rmse = float(np.sqrt(((expected - later) ** 2).mean()))
            correlation = float(np.corrcoef(expected, later)[0, 1])
            for metric, value, known in zip(
                ("RMSE", "correlation"), (rmse, correlation), published, strict=True
            ):
                rows.append(Row(case, metric, value, known, "Pareto/NBD as found before" if known else ""))
            rows.append(
                Row(case, "purchases expected", float(expected.sum()), float(later.sum()), "what came")
            )
    return rows


if __name__ == "__main__":
    record(
        "lifetime",
        "1 million customers simulated by the Pareto/NBD, in whole days of two years, fitted once. CDNOW's "
        "1/10 sample as it comes with the package lifetimes: log-likelihood in weeks against the published "
        f"one, seconds as the median of {RUNS} fits by turns, both with one BLAS thread. 39 + 39 weeks, the "
        "sample and the complete file: fitted to 1997-09-30, then days with a purchase in the next 39 weeks "
        "(of the complete file, purchases of no value left out).",
        [*million(), *against_lifetimes(), *second_half()],
    )
