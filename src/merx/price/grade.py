"""The evidence behind each elasticity, graded A to D in one place. D refuses, and says what is missing."""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel
from merx.price.confounding import Confounding
from merx.price.history import price_spread


@dataclass(frozen=True)
class GradeBar:
    """What the grades A, B and C ask for at least (or, of `max_sd`, at most); below C is D.

    Parameters
    ----------
    prices : int
        Distinct prices, in steps of 1 %. Two prices cannot tell a response from a coincidence.
    spread : float
        Standard deviation of log price. At .02 an elasticity of -2.6 moves demand by 5 %, which is about
        the noise of the mean of a season of weeks.
    weeks : int
        Weeks with stock: a season for C, half a year for B, a whole year, so that the season can be told
        from the price, for A.
    units : float
        Sold in all. The relative error of a mean of n sales is at least 1 / sqrt(n): 22, 13 and 7 %.
    max_sd : float
        Posterior standard deviation of the elasticity. Published elasticities spread by about 1 within
        comparable goods: an estimate no closer than that adds nothing to the literature.
    """

    prices: tuple[int, int, int] = (8, 4, 3)
    spread: tuple[float, float, float] = (0.05, 0.03, 0.02)
    weeks: tuple[int, int, int] = (52, 26, 13)
    units: tuple[float, float, float] = (200.0, 60.0, 20.0)
    max_sd: tuple[float, float, float] = (0.45, 0.65, 1.2)


BAR = GradeBar()


@dataclass(frozen=True)
class Grades:
    """The grade of n items, and what it rests on.

    Parameters
    ----------
    grade, evidence, missing, alarm : tuples of n str
        `evidence` in words ("12 prices in 90 weeks"); `missing` what a D lacks, "" for other grades;
        `alarm` why the prices are suspected to follow demand, "" where they are not.
    sells_too_little : bool (n,)
        Even a price test would not tell, for want of units.
    """

    grade: tuple[str, ...]
    evidence: tuple[str, ...]
    missing: tuple[str, ...]
    alarm: tuple[str, ...]
    sells_too_little: np.ndarray


def grade(panel: PricePanel, elasticity: np.ndarray, confounding: Confounding) -> Grades:
    """Grade the items of the panel, given posterior draws (draws, I) of their elasticities.

    Where prices seem to follow demand (`merx.price.confounding`) no grade is above C, since there posterior
    intervals are too narrow, unless costs move prices strongly enough to tell the two apart.
    """
    items = panel.n_items
    stocked = panel.available > 0
    measured = {
        "prices": panel.distinct_prices.astype(float),
        "spread": price_spread(panel),
        "weeks": np.bincount(panel.item[stocked], minlength=items).astype(float),
        "units": np.bincount(panel.item, panel.units, items),
        "max_sd": -elasticity.std(axis=0),
    }
    rank = np.zeros(items, dtype=np.int64)  # 0 is A, 3 is D
    for name, value in measured.items():
        bars = np.array(getattr(BAR, name)) * (-1 if name == "max_sd" else 1)
        rank = np.maximum(rank, (value[:, None] < bars).sum(axis=1))
    if not confounding.settled:
        rank = np.where(confounding.item, np.maximum(rank, 2), rank)

    prices, weeks = measured["prices"].astype(int), measured["weeks"].astype(int)
    evidence = tuple(
        f"{_count(p, 'price')} in {_count(w, 'week')}" for p, w in zip(prices, weeks, strict=True)
    )
    missing = tuple(
        _missing({name: float(value[i]) for name, value in measured.items()}) if rank[i] == 3 else ""
        for i in range(items)
    )
    alarm = tuple(_alarm(confounding, i, int(panel.category[i])) for i in range(items))
    rate = measured["units"] / np.maximum(measured["weeks"], 1)
    return Grades(
        grade=tuple("ABCD"[r] for r in rank),
        evidence=evidence,
        missing=missing,
        alarm=alarm,
        sells_too_little=rate * BAR.weeks[0] < BAR.units[2],
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _missing(measured: dict[str, float]) -> str:
    """What keeps an item from grade C, the plainest want first."""
    prices, weeks = int(measured["prices"]), int(measured["weeks"])
    if weeks == 0:
        return "it was never in stock with a price"
    if prices < BAR.prices[2]:
        return f"only {_count(prices, 'price')} in {_count(weeks, 'week')}"
    if weeks < BAR.weeks[2]:
        return f"only {_count(weeks, 'week')} with stock"
    if measured["units"] < BAR.units[2]:
        return f"only {measured['units']:.0f} units sold in {_count(weeks, 'week')}"
    if measured["spread"] < BAR.spread[2]:
        return f"its {_count(prices, 'price')} differ by {measured['spread']:.1%} only"
    return f"its elasticity is known to about ±{-measured['max_sd']:.1f} only"


def _alarm(confounding: Confounding, i: int, category: int) -> str:
    if not confounding.item[i]:
        return ""
    return f"past prices seem to have followed demand: {_sign(confounding, i, category)}{_help(confounding)}"


def _sign(confounding: Confounding, i: int, category: int) -> str:
    """What gives it away, the surest first."""
    costs = confounding.costs
    if costs is not None and costs.disagrees:
        plain = costs.elasticity + costs.bias
        return (
            f"taken at face value the shop's elasticity is {plain:.1f}, by its costs {costs.elasticity:.1f}"
        )
    if confounding.shop_implausible:
        return (
            f"taken at face value the shop's mean elasticity would be {confounding.shop_elasticity:.1f}, "
            "which is not plausible"
        )
    if confounding.implausible[i]:
        mean = confounding.category_elasticity[category]
        return f"taken at face value the category's elasticity would be {mean:.1f}, which is not plausible"
    if confounding.lead(category) > 0:
        return "strong weeks were followed by higher prices"
    return "strong weeks were followed by lower prices, as where large orders get a discount"


def _help(confounding: Confounding) -> str:
    if confounding.settled:
        return "; moves of the costs tell the two apart"
    return "; the true response may be another"
