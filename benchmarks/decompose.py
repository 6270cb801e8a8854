"""Decomposition and unusual days: time against statsforecast's MSTL, and what is found against the truth.

The truth is that of simulated shops and of made-up series.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
from statsforecast.mstl import mstl as peer_mstl

from _record import Row, medians, record
from merx.data.panel import Panel
from merx.data.vocabulary import Vocabulary
from merx.forecast import decompose
from merx.forecast.change_points import change_points
from merx.forecast.stl import mstl
from merx.forecast.unusual import unusual
from merx.shop import Shop
from merx.simulate.calendar import BLACK_FRIDAY, HOLIDAYS
from merx.simulate.truth import Truth, read_truth
from merx.simulating import simulate
from merx.store.demand import Demand, demand
from merx.store.duckdb_engine import DuckDBEngine

PAIRS = 7
SHOPS, DAYS = (0, 1), 1096
WEEK = np.array([1.0, 0.9, 0.9, 1.0, 1.4, 1.6, 0.2])
CASES = {
    "days, week": (730, (7,)),
    "days, week and year": (1096, (7, 365)),
    "hours, day and week": (1344, (24, 168)),
}
HOLIDAY_NAMES = ("new year", "valentine", "children", "before christmas", "christmas")
PROTOCOL = (
    f"Time: CPU time of one series of Poisson counts, median of {PAIRS} interleaved pairs; the peer with its "
    "own defaults, plain and robust; merx decides by itself (here robust). Truth: "
    f"{len(SHOPS)} simulated shops of {DAYS} days (users=1000, items=120), the whole shop by day with its "
    "holidays named; strengths as Hyndman & Athanasopoulos define them, from the true trend and seasons and "
    "what was sold less their sum; stock-outs: products that sell 1 a day or more. Change points: 200 series "
    "of 400 days, noise of standard deviation 1 (rho 0.3), half of them with a step of 3. Unusual days: 150 "
    "series of a year of counts (gamma-mixed Poisson, shape 4; steady: shape 50) at 2, 10, 50 and 30 a day, "
    "the last seven judged, one in a thousand on each side; then with one of these days multiplied."
)


def main() -> None:
    rows = [row for name, (n, seasons) in CASES.items() for row in _time(name, n, seasons)]
    with tempfile.TemporaryDirectory() as folder:
        shops = [_simulated(Path(folder) / str(seed), seed) for seed in SHOPS]
        rows += _against_truth(shops)
        rows += _stock_outs(shops)
    record("decompose", PROTOCOL, [*rows, *_changes(), *_unusual()])


def _counts(n: int, seasons: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    t = np.arange(n)
    log = sum(0.3 * np.sin(2 * np.pi * t / m + m) for m in seasons) + rng.normal(0, 0.1, n)
    return rng.poisson(30 * np.exp(log)).astype(np.float64)


def _time(name: str, n: int, seasons: tuple[int, ...]) -> list[Row]:
    y = _counts(n, seasons, np.random.default_rng(0))
    periods = list(seasons)

    def pairs(ours: Callable[[], object], peer: Callable[[], object]) -> tuple[float, float, float]:
        found = []
        for _ in range(PAIRS + 1):  # the first pair compiles and warms up
            start = process_time()
            ours()
            middle = process_time()
            peer()
            found.append((middle - start, process_time() - middle))
        return medians(found[1:])

    rows = []
    for what, ours, peer, peer_name in (
        ("plain", lambda: mstl(y, seasons, False), lambda: peer_mstl(y, periods), "MSTL"),
        (
            "robust",
            lambda: mstl(y, seasons, True),
            lambda: peer_mstl(y, periods, stl_kwargs={"robust": True}),
            "MSTL, robust",
        ),
        (
            "all of decompose",
            lambda: decompose(y, seasons),
            lambda: peer_mstl(y, periods, stl_kwargs={"robust": True}),
            "MSTL, robust",
        ),
    ):
        own, other, ratio = pairs(ours, peer)
        rows.append(
            Row(
                f"{name}, {what}",
                "milliseconds",
                own * 1e3,
                other * 1e3,
                peer_name,
                ratio,
                "at most 1.0",
                ratio <= 1,
            )
        )
    return rows


def _simulated(folder: Path, seed: int) -> tuple[Demand, Truth]:
    simulate(folder, users=1000, items=120, days=DAYS, seed=seed)
    shop = Shop(folder)
    engine = DuckDBEngine(shop.tables, shop.tables.current())
    try:
        return demand(engine), read_truth(shop.truth)
    finally:
        engine.close()


def _holiday_names(sold: Demand) -> list[str]:
    """The simulator's holidays, by day."""
    days = (sold.first_day + np.arange(sold.days)).astype("datetime64[D]")
    names = []
    for day in days.astype(object):
        name = ""
        for (month, low, high, _), called in zip(HOLIDAYS, HOLIDAY_NAMES, strict=True):
            if day.month == month and low <= day.day <= high:
                name = called
        thursday = 1 + (3 - day.replace(month=11, day=1).weekday()) % 7 + 21
        friday = day.replace(month=11, day=thursday + 1) if thursday < 30 else day.replace(month=12, day=1)
        if 0 <= (day - friday).days < len(BLACK_FRIDAY):
            name = "black friday"
        names.append(name)
    return names


def _against_truth(shops: list[tuple[Demand, Truth]]) -> list[Row]:
    signal, raw, trends, gaps, holidays = [], [], [], [], []
    for sold, truth in shops:
        y = sold.units.sum(axis=0)
        first = sold.first_day - np.datetime64(truth.start, "D").astype(int)
        span = slice(first, first + sold.days)
        base = np.bincount(truth.category, truth.base_units, len(truth.categories))  # (K,)
        trend = base.sum() * truth.trend[span]
        season = (base[:, None] * truth.season[:, span]).sum(axis=0) * truth.trend[span] - trend
        expected = truth.expected_units[:, span].sum(axis=0)
        parts = decompose(y, (7, 365), holidays=_holiday_names(sold))
        found = parts.trend + parts.seasonal + parts.holiday
        signal.append(np.abs(found - expected).mean() / expected.mean())
        raw.append(np.abs(y - expected).mean() / expected.mean())
        growth = [
            np.polyfit(np.arange(sold.days), line / line.mean(), 1)[0] * 365 for line in (parts.trend, trend)
        ]
        trends.append(abs(growth[0] - growth[1]))
        rest = y - trend - season
        gaps.append(abs(parts.seasonal_strength - _strength(season, rest)))
        names = np.array(_holiday_names(sold))
        for effect in parts.holiday_effects:
            on = names == effect.name
            factor = truth.holiday[span][on].mean()
            holidays.append((effect.effect / (parts.trend + parts.seasonal)[on].mean(), factor - 1))
    told, true = np.array(holidays).T
    return [
        Row(
            "simulated shop, sum of the parts", "error / mean", float(np.mean(signal)), float(np.mean(raw)),
            "what was sold", float(np.mean(signal) / np.mean(raw)), "ratio below 1",
            bool(np.mean(signal) < np.mean(raw)),
        ),
        Row("simulated shop, trend", "error of growth a year", float(np.mean(trends))),
        Row("simulated shop, seasons", "error of strength", float(np.mean(gaps))),
        Row("simulated shop, holidays", "correlation with the truth", float(np.corrcoef(told, true)[0, 1])),
        Row("simulated shop, holidays", "mean error of the factor", float(np.abs(told - true).mean())),
    ]  # fmt: skip


def _growth(trend: np.ndarray) -> float:
    """Of a year, as a share of the mean."""
    return float(np.polyfit(np.arange(len(trend)), trend / trend.mean(), 1)[0] * 365)


def _strength(part: np.ndarray, rest: np.ndarray) -> float:
    return float(max(0.0, 1 - np.var(rest) / np.var(part + rest)))


def _stock_outs(shops: list[tuple[Demand, Truth]]) -> list[Row]:
    """What trend and season say of days out of stock, with these known and with zeros believed."""
    sums = np.zeros(3)
    for sold, truth in shops:
        first = sold.first_day - np.datetime64(truth.start, "D").astype(int)
        place = Vocabulary.of(list(truth.item_ids)).codes(sold.items.ids)
        for i in range(len(sold.items)):
            begin = sold.first_sale[i]
            known, y = sold.available[i, begin:], sold.units[i, begin:]
            if known.all() or len(y) < 60 or y[known].mean() < 1:
                continue
            true = truth.unconstrained_units[place[i], first + begin : first + sold.days]
            for column, given in enumerate((known, None)):
                parts = decompose(y, 7, known=given)
                sums[column] += (parts.trend + parts.seasonal)[~known].sum()
            sums[2] += true[~known].sum()
    ours, blind = sums[:2] / sums[2] - 1
    return [
        Row(
            "simulated shop, demand without stock-outs", "bias", float(ours), float(blind), "zeros believed",
            goal="within 0.1", met=bool(abs(ours) <= 0.1),
        )
    ]  # fmt: skip


def _changes() -> list[Row]:
    rng = np.random.default_rng(0)
    found, false, seconds = 0, 0, 0.0
    for series in range(200):
        x = rng.normal(0, np.sqrt(1 - 0.3**2), 400)
        for t in range(1, 400):
            x[t] += 0.3 * x[t - 1]
        at = int(rng.integers(60, 340))
        x[at:] += 3 * (series % 2)
        start = process_time()
        changes = change_points(x, 14).at
        seconds += process_time() - start if series else 0.0
        if series % 2:
            found += bool(len(changes) == 1 and abs(changes[0] - at) <= 7)
        else:
            false += len(changes) > 0
    return [
        Row(
            "change points, a step of 3",
            "found within a week",
            found / 100,
            goal="at least 0.9",
            met=found >= 90,
        ),
        Row("change points, none there", "series with one", false / 100, goal="at most 0.05", met=false <= 5),
        Row("change points", "milliseconds", seconds / 199 * 1e3),
    ]


def _unusual() -> list[Row]:
    rng = np.random.default_rng(0)
    rows = []
    for level, shape in ((2, 4), (10, 4), (50, 4), (30, 50)):
        rate = level * np.resize(WEEK / WEEK.mean(), 365)
        counts = rng.poisson(rate * rng.gamma(shape, 1 / shape, (150, 365)))
        name = f"unusual days, {level} a day" + ", steady" * (shape == 50)
        found = unusual(_panel(counts), 7, 0.001)
        share = len(found.series) / found.judged
        rows.append(
            Row(
                f"{name}, none made",
                "share called so",
                share,
                goal="at most 0.004",
                met=share <= 0.004,
            )
        )
        for times in (2, 4, 1 / 4):
            made = counts.copy()
            at = rng.integers(358, 363, 150)  # not on the weekday of few sales
            made[np.arange(150), at] = np.round(made[np.arange(150), at] * times)
            found = unusual(_panel(made), 7, 0.001)
            hit = np.isin(np.arange(150) * 365 + at, found.series * 365 + found.step)
            rows.append(Row(f"{name}, times {times:.2g}", "share found", float(hit.mean())))
    return rows


def _panel(counts: np.ndarray) -> Panel:
    series, days = counts.shape
    return Panel(
        keys=Vocabulary.of([f"s{s:03d}" for s in range(series)]),
        offsets=np.arange(series + 1, dtype=np.int64) * days,
        y=counts.astype(np.float64).ravel(),
        available=np.ones(series * days, dtype=bool),
        start=np.zeros(series, dtype=np.int64),
        step="day",
    )


if __name__ == "__main__":
    main()
