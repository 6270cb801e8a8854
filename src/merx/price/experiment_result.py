"""What a price test says of the elasticity, with an error that rests on the draw of the test alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from merx.errors import RequestError
from merx.price.experiment import Design, centred, ratios

REDRAWS = 999
SPREAD = 0.75
"""Standard deviation of the elasticities of a shop, as published ones of comparable goods spread."""


@dataclass(frozen=True)
class TestResult:
    """The elasticity of the tested products, weighted by what they sell.

    Parameters
    ----------
    elasticity, error : float
    low, high : float
        Of the central 95 %.
    chance : float
        How often a test without any effect would show as much, among `REDRAWS` assignments that it could have
        drawn.
    clusters, weeks : int
        How many were compared; how many weeks counted.
    """

    __test__ = False  # not a class of tests

    elasticity: float
    error: float
    low: float
    high: float
    chance: float
    clusters: int
    weeks: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return dict(vars(self))


def analyse(
    plan: Design, units: np.ndarray, expected: np.ndarray, log_price: np.ndarray, variance: np.ndarray
) -> TestResult:
    """The elasticity and its error.

    The assignment is the instrument of the price that was charged (a Wald estimate), so prices that were
    rounded, or not changed everywhere, do not bias it. The error is the standard deviation of the estimate
    over assignments that the design could have drawn, were the elasticity the estimated one (Fisher's
    randomisation; Imbens and Rubin, Causal Inference, 2015, chapter 5).

    Parameters
    ----------
    plan : Design
    units, expected : float64 (n, W)
        Sold in each week of the test; what would have been without it, such as the mean of the weeks before
        times the share of the week in stock. 0 where the item was out of stock.
    log_price : float64 (n, W)
        log of the price charged over the price before the test.
    variance : float64 (C,)
        Of each cluster (`merx.price.experiment.noise`); it weighs them, and no more.

    Raises
    ------
    RequestError
        The weeks are not those of the test, or the prices charged did not follow it.
    """
    if units.shape[1] != plan.weeks:
        raise RequestError(f"Sales of {units.shape[1]} weeks were given; the test has {plan.weeks}.")
    counted = plan.counted()  # (B, kept)
    blocks = np.stack([units[:, weeks].sum(axis=1) for weeks in counted], axis=1)  # (n, B)
    usual = np.stack([expected[:, weeks].sum(axis=1) for weeks in counted], axis=1)
    z = ratios(blocks, usual, plan.cluster)  # (C, B)
    price = _mean_price(plan, log_price, expected, counted)
    weight = 1.0 / variance

    def instrument(arm: np.ndarray) -> np.ndarray:
        found: np.ndarray = weight[:, None] * centred(np.log(plan.ratio)[arm], weight, plan.kind)
        return found

    drawn = instrument(plan.arm)
    followed = float((drawn * price).sum())
    if followed <= 0.2 * float((drawn * plan.log_ratio).sum()):
        raise RequestError(
            "The prices charged hardly followed the test, so it tells nothing of their effect."
        )
    elasticity = float((drawn * z).sum()) / followed
    rng = np.random.default_rng(0)
    others = np.stack([instrument(plan.redrawn(rng)) for _ in range(REDRAWS)])  # (R, C, B)
    rest = z - elasticity * price
    cells = (len(z) - 1) * max(z.shape[1] - 1, 1)  # one of them goes into the estimate itself
    error = float((others * rest).sum(axis=(1, 2)).std() / followed * np.sqrt(cells / (cells - 1)))
    nothing = np.abs((others * z).sum(axis=(1, 2)))
    wide = float(stdtrit(cells - 1, 0.975)) * error
    return TestResult(
        elasticity=elasticity,
        error=error,
        low=elasticity - wide,
        high=elasticity + wide,
        chance=float((1 + (nothing >= abs((drawn * z).sum())).sum()) / (1 + REDRAWS)),
        clusters=len(z),
        weeks=int(counted.size),
    )


def pooled(results: Sequence[TestResult]) -> tuple[float, float]:
    """A shop's mean elasticity as its tests found it, and the standard error.

    The products of a test are a sample of the shop's, so its estimate tells of the shop's mean with the
    variance error^2 + SPREAD^2 / clusters.
    """
    weight = np.array([1.0 / (result.error**2 + SPREAD**2 / result.clusters) for result in results])
    elasticity = np.array([result.elasticity for result in results])
    return float(weight @ elasticity / weight.sum()), float(weight.sum() ** -0.5)


def updated(prior: tuple[float, float], seen: tuple[float, float]) -> tuple[float, float]:
    """Mean and deviation of a normal prior after an estimate with that error."""
    precision = prior[1] ** -2 + seen[1] ** -2
    return (prior[0] * prior[1] ** -2 + seen[0] * seen[1] ** -2) / precision, precision**-0.5


def tested(folder: Path) -> dict[str, float]:
    """tested_elasticity and tested_error of the price response by the tests of a folder; empty without any.

    Each file NAME.json holds a test's `result`.
    """
    found = [json.loads(path.read_text(encoding="utf-8"))["result"] for path in sorted(folder.glob("*.json"))]
    results = [TestResult(**result) for result in found if result]
    if not results:
        return {}
    elasticity, error = pooled(results)
    return {"tested_elasticity": elasticity, "tested_error": error}


def under_test(folder: Path) -> dict[str, str]:
    """The products of the tests of a folder that have no result yet, and the last day of each."""
    tests = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    running = sorted((test["until"], test["items"]) for test in tests if not test["result"])
    return {item: until for until, items in running for item in items}  # the longest, where there are two


def _mean_price(plan: Design, log_price: np.ndarray, expected: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Mean log price ratio of each cluster in each block, weighted by what sells, (C, B)."""
    total, weight = np.zeros((2, *plan.arm.shape))
    for b, weeks in enumerate(counted):
        share = expected[:, weeks]
        np.add.at(total[:, b], plan.cluster, (share * log_price[:, weeks]).sum(axis=1))
        np.add.at(weight[:, b], plan.cluster, share.sum(axis=1))
    found: np.ndarray = total / np.maximum(weight, 1e-12)
    return found
