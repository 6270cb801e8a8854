"""Lifetime models: 1 million customers, CDNOW and Online Retail, against lifetimes and pymc-marketing.

pymc-marketing needs an environment of its own (`pip install pymc-marketing`): set PYMC_MARKETING to its
Python. Without it only our figures and those of lifetimes are recorded.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # matrices of 4 x 4 are no work for threads, here or there

import tempfile
from pathlib import Path
from time import perf_counter

import lifetimes
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from lifetimes import BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter

from _lifetime_peer import PymcMarketing
from _process import data
from _record import Row, medians, record
from merx.behaviour.bg_nbd import BGNBD, MBGNBD, FittedBGNBD
from merx.behaviour.gamma_gamma import FittedGammaGamma, GammaGamma
from merx.behaviour.likelihood import Kernel, likeliest
from merx.behaviour.pareto_nbd import FittedParetoNBD, ParetoNBD
from merx.data.activity import Activity
from merx.data.customers import Customers, customers_of
from merx.data.schema import DAY
from merx.data.vocabulary import Vocabulary
from merx.kernels.lifetime import beta_geometric_rows, gamma_gamma_rows, pareto_rows
from merx.shop import Shop

MILLION = 1_000_000
SECONDS, FASTER = 30, 10
RUNS, PEER_RUNS = 7, 3  # pymc-marketing takes seconds
WEEK, HALF = 7.0, 273  # days; of 39 weeks
MODELS = {"BG/NBD": BGNBD(), "MBG/NBD": MBGNBD(), "Pareto/NBD": ParetoNBD()}
PEERS = {"BG/NBD": BetaGeoFitter, "MBG/NBD": ModifiedBetaGeoFitter, "Pareto/NBD": ParetoNBDFitter}
SAMPLE = (1.603, 0.630)  # RMSE and correlation of the Pareto/NBD on the sample
PENALIZER, HELD_BACK = (
    0.1,
    0.01,
)  # of lifetimes, whose search ends nowhere at .001 and .01; and of each customer for a squared log parameter
SPLITS = {"2011-06-10": 182, "2011-09-09": 91, "2011-11-11": 28}  # Online Retail: fitted before, days after
SEASON = ("2011-06-10", "2011-07-22", "2011-08-19", "2011-09-16", "2011-10-14", "2011-11-11")
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


def kernel_of(name: str) -> Kernel:
    """value, slope and alive of rows, by the model's name."""
    if name == "Pareto/NBD":
        return pareto_rows
    at_zero = int(name == "MBG/NBD")
    return lambda first, last, x, t, T, given, *out: beta_geometric_rows(
        first, last, x, t, T, given, at_zero, *out
    )


def likelihood_at(name: str, parameters: tuple[float, ...], x: np.ndarray, *more: np.ndarray) -> float:
    """Of our formulas at somebody's parameters; `more`: recency and age, or mean values."""
    value, slope, alive = np.empty(len(x)), np.empty((len(x), len(parameters))), np.empty(len(x))
    if name == "Gamma-Gamma":
        gamma_gamma_rows(0, len(x), x, *more, parameters, value, slope)
    else:
        kernel_of(name)(0, len(x), x, *more, parameters, value, slope, alive)
    return float(value.sum())


def against_pymc(peer: PymcMarketing) -> list[Row]:
    """Likelihood and seconds on CDNOW's sample, times in weeks."""
    folder = Path(lifetimes.__file__).parent / "datasets"
    table = pyarrow.csv.read_csv(folder / "cdnow_customers_summary_with_transactions.csv")
    x, last, age, value = (table[name].to_numpy().astype(float) for name in ("x", "t_x", "T", "zbar"))
    back = x > 0
    users = Vocabulary(table["ID"].cast(pa.string()).combine_chunks())
    seen = Customers(users, x, last, age, np.where(back, value, np.nan), np.zeros(len(x)))
    purchases = {"frequency": x, "recency": last, "T": age}
    asked = dict.fromkeys(MODELS, purchases)
    asked["Gamma-Gamma"] = {"frequency": x[back], "monetary_value": value[back]}
    rows = []
    for name, model in {**MODELS, "Gamma-Gamma": GammaGamma()}.items():
        found = model.fit(seen)
        parameters, _, _ = peer.fit(name, **asked[name])  # compiled from here on
        theirs = likelihood_at(name, parameters, *asked[name].values())
        case, who = f"{name}, CDNOW sample", "pymc-marketing"
        met = found.log_likelihood >= theirs - 0.01
        goal = "at least the peer's"
        rows.append(Row(case, "log-likelihood", found.log_likelihood, theirs, who, goal=goal, met=met))
        fits, alone = [], []
        for _ in range(PEER_RUNS):
            mine = seconds_of(lambda model=model: model.fit(seen))
            _, seconds, optimiser = peer.fit(name, **asked[name])
            fits.append((mine, seconds))
            alone.append((mine, optimiser))
        mine, seconds, ratio = medians(fits)
        goal = f"at most 1/{FASTER} of the peer's"
        rows.append(Row(case, "fit, s", mine, seconds, who, ratio, goal, ratio * FASTER <= 1))
        mine, seconds, ratio = medians(alone)
        rows.append(Row(case, "fit, s", mine, seconds, f"{who}, its optimiser alone", ratio))
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


def online_retail() -> tuple[Activity, dict[str, Customers]]:
    """What shoppers did on which day, and who was a customer before each day."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop.init(Path(folder) / "shop")
        shop.ingest(data("online_retail/online_retail.parquet"))
        before = {}
        for day in {*SPLITS, *SEASON}:
            with shop.inputs(until=int(np.datetime64(day, "D").astype(int)) * DAY) as inputs:
                before[day] = inputs.of("customers")
        with shop.inputs() as inputs:
            return inputs.of("activity"), before


def came(activity: Activity, seen: Customers, day: str, days: int) -> dict[str, np.ndarray]:
    """What the customers did in so many days from a day on."""
    first = int(np.datetime64(day, "D").astype(int))
    return activity.between(activity.users.codes(seen.users.ids), first, first + days)


def record_of(name: str, parameters: tuple[float, ...], unit: float) -> FittedBGNBD | FittedParetoNBD:
    """Ours at somebody's parameters, whose times are in so many days."""
    first, time, third, fourth = parameters
    if name == "Pareto/NBD":
        return FittedParetoNBD(first, time * unit, third, fourth * unit, 0, 0.0)
    return FittedBGNBD(first, time * unit, third, fourth, name == "MBG/NBD", 0, 0.0)


def held_back(name: str, seen: Customers) -> FittedBGNBD | FittedParetoNBD:
    """Ours, but with a normal prior on each log parameter that weighs HELD_BACK for each customer."""
    plain = kernel_of(name)

    def kernel(first, last, x, t, T, given, value, slope, alive):  # type: ignore[no-untyped-def]
        plain(first, last, x, t, T, given, value, slope, alive)
        logs = np.log(given)
        value[first:last] -= HELD_BACK / 2 * (logs**2).sum()
        slope[first:last] -= HELD_BACK * logs / np.array(given)

    times = (False, True, False, name == "Pareto/NBD")
    return record_of(name, tuple(likeliest(kernel, seen, times, name)[0]), 1.0)


def priors(case: str, seen: Customers, days: int, later: np.ndarray, peer: PymcMarketing | None) -> list[Row]:
    """Whether something that holds the parameters back makes `alive` say more, or foretells better.

    Of the models by which every customer may leave.
    """
    rows = []
    for name in ("MBG/NBD", "Pareto/NBD"):
        weeks = {"frequency": seen.frequency, "recency": seen.recency / WEEK, "T": seen.age / WEEK}
        fitter = PEERS[name](penalizer_coef=PENALIZER).fit(*weeks.values())
        others = {
            f"lifetimes, penalizer {PENALIZER}": record_of(name, tuple(fitter.params_), WEEK),
            "log parameters held back": held_back(name, seen),
        }
        if peer is not None:
            others["pymc-marketing, its priors"] = record_of(name, peer.fit(name, **weeks)[0], WEEK)
        told = {who: told_of(found, seen, days, later) for who, found in others.items()}
        for metric, mine in told_of(MODELS[name].fit(seen), seen, days, later).items():
            rows += [Row(f"{name}, {case}", metric, mine, told[who][metric], who) for who in others]
    return rows


def told_of(
    found: FittedBGNBD | FittedParetoNBD, seen: Customers, days: int, later: np.ndarray
) -> dict[str, float]:
    """How far `alive` is from 1; how well purchases, and whether any comes, are foretold."""
    alive = found.alive(seen)
    given = tuple(vars(found).values())[:4]
    x, t, T = seen.frequency, seen.recency, seen.age
    if isinstance(found, FittedBGNBD):
        quiet = 1 - alive + alive * ((found.alpha + T) / (found.alpha + T + days)) ** (found.r + x)
    else:
        seen_for = [np.empty(len(x)) for _ in range(2)]
        for value, more in zip(seen_for, (0, days), strict=True):
            pareto_rows(0, len(x), x, t, T + more, given, value, np.empty((len(x), 4)), np.empty(len(x)))
        quiet = np.exp(seen_for[1] - seen_for[0])
    loss = -np.log(np.where(later > 0, 1 - quiet, quiet))
    expected = found.expected(seen, float(days))
    return {
        "alive, mean": float(alive.mean()),
        "came back, log loss": float(loss.mean()),
        "purchases, RMSE": float(np.sqrt(((expected - later) ** 2).mean())),
    }


def seasons(activity: Activity, before: dict[str, Customers]) -> list[Row]:
    """Purchases expected in the four weeks from a day on, and those that came."""
    rows = []
    for day in SEASON:
        seen = before[day]
        expected = float(BGNBD().fit(seen).expected(seen, 28.0).sum())
        later = float(came(activity, seen, day, 28)["order_days"].sum())
        case = f"BG/NBD, Online Retail, 28 days from {day}"
        rows.append(Row(case, "purchases expected", expected, later, "what came", expected / later))
    return rows


def revenues(case: str, seen: Customers, days: int, paid: np.ndarray) -> list[Row]:
    """Expected purchases of the BG/NBD at the value that Gamma-Gamma expects, or at trivial ones."""
    purchases = BGNBD().fit(seen).expected(seen, float(days))
    model: FittedGammaGamma = GammaGamma().fit(seen)
    mean = float(np.nanmean(seen.value))
    own = np.where(np.isfinite(seen.value), seen.value, mean)
    trivial = {
        "each customer's own mean": purchases * own,
        "one mean for all": purchases * mean,
        "revenue as before": days * seen.frequency / np.maximum(seen.age, 1) * own,
    }

    def rmse(told: np.ndarray) -> float:
        return float(np.sqrt(((told - paid) ** 2).mean()))

    mine = rmse(purchases * model.value(seen))
    return [
        Row(f"Gamma-Gamma, {case}", "revenue, RMSE", mine, rmse(told), who, mine / rmse(told))
        for who, told in trivial.items()
    ]


def paid_later(seen: Customers) -> np.ndarray:
    """What CDNOW's customers paid in the second 39 weeks."""
    table = pq.read_table(data("cdnow") / "cdnow_master.parquet")
    day = table["date"].cast(pa.date32()).cast(pa.int32()).to_numpy()
    user = seen.users.codes(table["customer_id"].cast(pa.string()).combine_chunks())
    end = int(np.datetime64("1997-09-30").astype(int))
    later = (day > end) & (day <= end + HALF) & (user >= 0)
    return np.bincount(user[later], table["dollar_value"].to_numpy()[later], minlength=len(seen))


def shops(peer: PymcMarketing | None) -> list[Row]:
    """Priors, seasons and revenue on Online Retail and CDNOW."""
    activity, before = online_retail()
    seen, later = complete()
    case = f"CDNOW {len(seen):,} customers, 39 + 39 weeks"
    rows, worth = priors(case, seen, HALF, later, peer), revenues(case, seen, HALF, paid_later(seen))
    for day, days in SPLITS.items():
        seen, case = before[day], f"Online Retail, {days} days from {day}"
        outcome = came(activity, seen, day, days)
        rows += priors(case, seen, days, outcome["order_days"], peer) if days == 182 else []
        worth += revenues(case, seen, days, outcome["revenue"])
    return [*rows, *seasons(activity, before), *worth]


if __name__ == "__main__":
    peer = PymcMarketing() if "PYMC_MARKETING" in os.environ else None
    pymc = against_pymc(peer) if peer else []
    rows = [*million(), *against_lifetimes(), *pymc, *second_half(), *shops(peer)]
    if peer:
        peer.close()
    record(
        "lifetime",
        "1 million customers simulated by the Pareto/NBD, in whole days of two years, fitted once. CDNOW's "
        "1/10 sample as it comes with the package lifetimes: log-likelihood in weeks against the published "
        f"one, seconds as the median of {RUNS} fits by turns, {PEER_RUNS} with pymc-marketing, all with one "
        'BLAS thread. pymc-marketing fits by fit_method="map" with its own priors, and builds and compiles '
        "its model each time; its first fit, which compiles for longer, is not counted. Its log-likelihood "
        "is that at its parameters, by our formulas. 39 + 39 weeks, the sample and the complete file: fitted "
        "to 1997-09-30, then days with a purchase in the next 39 weeks (of the complete file, purchases of "
        "no value left out). Online Retail: fitted to what was before a day, judged on the days from it on. "
        f"Held back: {HELD_BACK / 2:g} for each customer and squared log parameter, times in units of the "
        "mean age. The peers read times in weeks. Nothing was chosen by these figures.",
        rows,
    )
