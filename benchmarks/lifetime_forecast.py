"""Lifetime models judged by what came: CDNOW's second 39 weeks, and UCI Online Retail month by month.

Without PYMC_MARKETING (`_lifetime_peer.py`) its priors are left out.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from dataclasses import replace

import numpy as np

from _lifetime_data import Split, cdnow_complete, cdnow_sample, online_retail
from _lifetime_peer import Lifetimes, PymcMarketing, kernel_of, log_likelihoods
from _record import Row, record
from merx.behaviour.bg_nbd import BGNBD, MBGNBD, FittedBGNBD
from merx.behaviour.gamma_gamma import GammaGamma
from merx.behaviour.likelihood import likeliest
from merx.behaviour.pareto_nbd import FittedParetoNBD, ParetoNBD
from merx.data.customers import Customers

MODELS = {"BG/NBD": BGNBD(), "MBG/NBD": MBGNBD(), "Pareto/NBD": ParetoNBD()}
RMSE, CORRELATION = 1.603, 0.630  # to reach: the Pareto/NBD on CDNOW's sample, to three digits
LEAVERS = ("MBG/NBD", "Pareto/NBD")  # by which every customer may leave
WEEK = 7.0  # days; the peers read times in weeks
PENALIZER = 0.1  # of lifetimes, whose search ends nowhere at .001 and .01
HELD_BACK = 0.01  # of each customer, for half a squared log parameter
HALF_YEAR = ("2011-06-10", 182)
QUARTER = ("2011-09-09", 91)
MONTHS = [(f"2011-{date}", 28) for date in ("06-24", "07-22", "08-19", "09-16", "10-14", "11-11")]


def rmse(told: np.ndarray, came: np.ndarray) -> float:
    return float(np.sqrt(((told - came) ** 2).mean()))


def same_rate(split: Split) -> np.ndarray:
    """Purchases, where each customer goes on as before."""
    return split.days * split.seen.frequency / np.maximum(split.seen.age, 1)


def second_half(split: Split, sample: bool) -> list[Row]:
    """Purchases expected by all three models."""
    rows, came, before = [], split.purchases, same_rate(split)
    for name, model in MODELS.items():
        case, expected = f"{name}, {split.case}", model.fit(split.seen).expected(split.seen, split.days)
        error, trivial = rmse(expected, came), rmse(before, came)
        alike, trivially = (float(np.corrcoef(told, came)[0, 1]) for told in (expected, before))
        total, who = float(expected.sum()), "the same rate as before"
        held = sample and name == "Pareto/NBD"
        low, high = (f"at most {RMSE}", f"at least {CORRELATION:.3f}") if held else ("", "")
        rows += [
            Row(case, "RMSE", error, trivial, who, error / trivial, low, error <= RMSE if held else None),
            Row(
                case, "correlation", alike, trivially, who, None, high, alike >= CORRELATION if held else None
            ),
            Row(case, "purchases expected", total, float(came.sum()), "what came", total / came.sum()),
        ]
    return rows


def fitted(name: str, parameters: tuple[float, ...], unit: float = 1.0) -> FittedBGNBD | FittedParetoNBD:
    """Ours at somebody's parameters, whose times are in so many days."""
    first, time, third, fourth = parameters
    if name == "Pareto/NBD":
        return FittedParetoNBD(first, time * unit, third, fourth * unit, 0, 0.0)
    return FittedBGNBD(first, time * unit, third, fourth, name == "MBG/NBD", 0, 0.0)


def held_back(name: str, seen: Customers) -> tuple[float, ...]:
    """Our parameters under a normal prior on each log parameter, of weight HELD_BACK for each customer."""
    plain = kernel_of(name)

    def kernel(first, last, x, t, T, given, value, slope, alive):  # type: ignore[no-untyped-def]
        plain(first, last, x, t, T, given, value, slope, alive)
        logs = np.log(given)
        value[first:last] -= HELD_BACK / 2 * (logs**2).sum()
        slope[first:last] -= HELD_BACK * logs / np.array(given)

    times = (False, True, False, name == "Pareto/NBD")
    return tuple(likeliest(kernel, seen, times, name)[0])


def judged(name: str, found: FittedBGNBD | FittedParetoNBD, split: Split) -> dict[str, float]:
    """How far `alive` is from 1; how well purchases, and whether any comes, are foretold."""
    seen, parameters = split.seen, tuple(vars(found).values())[:4]
    none_until = [  # what was seen, and nothing more in so many days
        log_likelihoods(name, parameters, seen.frequency, seen.recency, seen.age + days)
        for days in (0, split.days)
    ]
    none = np.exp(none_until[1] - none_until[0])
    loss = -np.log(np.where(split.purchases > 0, 1 - none, none))
    return {
        "alive, mean": float(found.alive(seen).mean()),
        "came back, log loss": float(loss.mean()),
        "purchases, RMSE": rmse(found.expected(seen, split.days), split.purchases),
    }


def priors(split: Split, peers: list[Lifetimes | PymcMarketing]) -> list[Row]:
    """Whether what holds the parameters back makes `alive` say more, or foretells better."""
    rows, seen = [], split.seen
    weeks = replace(seen, recency=seen.recency / WEEK, age=seen.age / WEEK)
    for name in LEAVERS:
        others = {peer.name: fitted(name, peer.fit(name, weeks)[0], WEEK) for peer in peers}
        others["log parameters held back"] = fitted(name, held_back(name, seen))
        told = {who: judged(name, found, split) for who, found in others.items()}
        for metric, ours in judged(name, MODELS[name].fit(seen), split).items():
            rows += [
                Row(f"{name}, {split.case}", metric, ours, of[metric], who, ours / of[metric])
                for who, of in told.items()
            ]
    return rows


def months(splits: list[Split]) -> list[Row]:
    """Purchases expected in four weeks, of all customers and of each, beside trivial answers."""
    rows = []
    for split in splits:
        case, came = f"BG/NBD, {split.case}", split.purchases
        expected, total = BGNBD().fit(split.seen).expected(split.seen, split.days), float(came.sum())
        rows.append(
            Row(case, "purchases expected", expected.sum(), total, "what came", expected.sum() / total)
        )
        for who, trivial in (
            ("the same rate as before", same_rate(split)),
            ("the 28 days before", split.before),
        ):
            mine, other = (abs(float(told.sum()) - total) for told in (expected, trivial))
            rows.append(Row(case, "error of the total", mine, other, who, mine / other))
            mine, other = rmse(expected, came), rmse(trivial, came)
            rows.append(Row(case, "RMSE", mine, other, who, mine / other))
    return rows


def revenues(split: Split) -> list[Row]:
    """Expected purchases of the BG/NBD at the value that Gamma-Gamma expects, or at trivial ones."""
    seen = split.seen
    purchases = BGNBD().fit(seen).expected(seen, split.days)
    mean = float(np.nanmean(seen.value))
    own = np.where(np.isfinite(seen.value), seen.value, mean)
    mine = rmse(purchases * GammaGamma().fit(seen).value(seen), split.paid)
    trivial = {
        "each customer's own mean": purchases * own,
        "one mean for all": purchases * mean,
        "the same revenue as before": same_rate(split) * own,
    }
    return [
        Row(f"Gamma-Gamma, {split.case}", "revenue, RMSE", mine, other, who, mine / other)
        for who, other in ((who, rmse(told, split.paid)) for who, told in trivial.items())
    ]


if __name__ == "__main__":
    complete = cdnow_complete()
    half_year, quarter, *each_month = online_retail([HALF_YEAR, QUARTER, *MONTHS])
    pymc = PymcMarketing() if "PYMC_MARKETING" in os.environ else None
    peers = [Lifetimes(PENALIZER), *([pymc] if pymc else [])]
    rows = [
        *second_half(cdnow_sample(), True),
        *second_half(complete, False),
        *priors(complete, peers),
        *priors(half_year, peers),
        *months(each_month),
        *(row for split in (complete, half_year, quarter, each_month[-1]) for row in revenues(split)),
    ]
    if pymc:
        pymc.close()
    record(
        "lifetime_forecast",
        "CDNOW, the 1/10 sample and the complete file (purchases of no value left out): fitted to "
        "1997-09-30, then days with a purchase in the next 39 weeks. Online Retail: fitted to what was "
        "before a day, judged on the days from it on. The same rate as before: purchases after the first "
        'over the days since. Priors: pymc-marketing by method="map" with its own, lifetimes with its '
        f"penalizer at {PENALIZER:g}, both with times in weeks; log parameters held back: {HELD_BACK / 2:g} "
        "for each customer and squared log parameter, times in units of the mean age; all are read by our "
        "formulas. Nothing was chosen by these figures.",
        rows,
    )
