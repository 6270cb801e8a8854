"""Price tests: which products cost what in which weeks, and how long it takes to learn from it.

What is randomised is a cluster of substitutes (`merx.price.clusters`), never one of two products that buyers
choose between: a cut price would take its sales from the other arm, and the effect would count twice. In a
*switchback* every cluster goes through all arms, in blocks of weeks in random order, and is compared with
itself (Bojinov, Simchi-Levi and Zhao, Management Science 69, 2023); the first weeks of a block, in which the
old price still echoes, do not count. In a test by *clusters* each keeps one arm for the whole test, which is
one block, and its level is the one before the test.

With z the log of units sold over units expected of cluster c in block b, and x the log of the price ratio,

    z_cb = cluster_c + block_b + elasticity x_cb + noise,      Var[noise] = v_c / weeks that count

and v_c is read off the past: from the same ratio over earlier weeks.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr

from merx.data.panel import PricePanel
from merx.errors import ConfigError, RequestError
from merx.price.confounding import LITERATURE_MEAN
from merx.price.grid import Grid

Kind = Literal["switchback", "clusters"]
MIN_AVAILABLE = 0.5
PAST = 52  # weeks that the noise is read off
MOST = 52  # weeks of a test
POWER = 0.8
SURE = 1.96


@dataclass(frozen=True)
class Design:
    """A price test of n items in C clusters over B blocks of weeks.

    Parameters
    ----------
    kind : "switchback" or "clusters"
    cluster : int64 (n,)
    arm : int64 (C, B)
        Which of the ratios each cluster has in each block.
    ratio : float64 (K,)
        Price over the price of now, of each arm.
    block, washout : int
        Weeks of a block; how many of them, the first, do not count.
    """

    kind: Kind
    cluster: np.ndarray
    arm: np.ndarray
    ratio: np.ndarray
    block: int
    washout: int

    @property
    def log_ratio(self) -> np.ndarray:
        """log of the price ratio of each cluster in each block, float64 (C, B)."""
        found: np.ndarray = np.log(self.ratio)[self.arm]
        return found

    @property
    def weeks(self) -> int:
        """Length of the test."""
        return self.block * int(self.arm.shape[1])

    def counted(self) -> np.ndarray:
        """The weeks that count, int64 (B, block - washout)."""
        first = np.arange(self.arm.shape[1])[:, None] * self.block
        return first + np.arange(self.washout, self.block)

    def redrawn(self, rng: np.random.Generator) -> np.ndarray:
        """Another assignment that the same design could have drawn, int64 (C, B)."""
        clusters, blocks = self.arm.shape
        return assign(self.kind, clusters, blocks, len(self.ratio), rng)


def design(
    cluster: np.ndarray,
    *,
    kind: Kind = "switchback",
    ratio: tuple[float, ...] = (0.9, 1.1),
    weeks: int = 8,
    block: int = 2,
    washout: int = 1,
    seed: int = 0,
) -> Design:
    """Draw a test of the clusters (n,).

    Raises
    ------
    ConfigError
        Where there are fewer than two ratios, clusters or blocks, a ratio is not above 0, or no week of a
        block counts.
    """
    ratios = np.array(ratio, dtype=np.float64)
    block = weeks if kind == "clusters" else block
    blocks, count = weeks // block if block > 0 else 0, int(cluster.max(initial=-1)) + 1
    if len(np.unique(ratios)) < 2 or not (ratios > 0).all():
        raise ConfigError(f"ratio is {list(ratio)}; a test needs two different price ratios above 0.")
    if not 0 <= washout < block:
        raise ConfigError(f"washout is {washout} and block {block}; some weeks of a block must count.")
    if blocks < 2 and kind == "switchback":
        raise ConfigError(f"{weeks} weeks hold {blocks} blocks of {block}; a switchback needs two.")
    if count < 3:
        raise ConfigError(
            f"{count} clusters of substitutes: too few to compare; add products of other categories."
        )
    arm = assign(kind, count, blocks, len(ratios), np.random.default_rng(seed))
    return Design(kind, cluster, arm, ratios, block, washout)


def assign(kind: Kind, clusters: int, blocks: int, arms: int, rng: np.random.Generator) -> np.ndarray:
    """Arms at random, each as often as the others, int64 (C, B): over time, or over the clusters."""
    if kind == "clusters":
        each = rng.permutation(np.arange(clusters) % arms)
        return np.repeat(each[:, None], blocks, axis=1)
    even = np.arange(blocks) % arms
    order = rng.permuted(np.tile(even, (clusters, 1)), axis=1)
    return (order + rng.integers(0, arms, (clusters, 1))) % arms


def ratios(units: np.ndarray, expected: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """log of sold over expected units (I, T) of each cluster, float64 (C, T); half a unit keeps it finite."""
    count = int(cluster.max(initial=-1)) + 1
    sold, usual = np.zeros((2, count, units.shape[1]))
    np.add.at(sold, cluster, units)
    np.add.at(usual, cluster, expected)
    found: np.ndarray = np.log((sold + 0.5) / (usual + 0.5))
    return found


def past(
    panel: PricePanel, elasticity: np.ndarray | float = LITERATURE_MEAN
) -> tuple[np.ndarray, np.ndarray]:
    """Units sold and expected in the last weeks of the panel, float64 (I, T) each.

    Expected is the item's mean, for its time in stock and at its price of the week under the elasticity.
    """
    grid = Grid.of(panel, MIN_AVAILABLE)
    recent = slice(-PAST, None)
    units, exposure = grid.units[:, recent], grid.exposure[:, recent]
    shape = exposure * np.exp(np.broadcast_to(elasticity, len(units))[:, None] * grid.log_price[:, recent])
    sold = np.where(exposure > 0, units, 0.0)
    level = sold.sum(axis=1) / np.maximum(shape.sum(axis=1), 1e-9)
    return sold, level[:, None] * shape


def noise(panel: PricePanel, cluster: np.ndarray, kept: int, kind: Kind = "switchback") -> np.ndarray:
    """Variance of a cluster's log ratio over `kept` weeks in a row, float64 (C,), from the past.

    The mean of each week over the clusters is taken out, as the analysis does; so is the cluster's own mean,
    but not in a test by clusters, whose level is the one before the test: there a drift counts as noise.
    """
    sold, expected = past(panel)
    spans = sold.shape[1] // kept
    if spans < 3:
        raise RequestError(
            f"The panel has {sold.shape[1]} weeks: too few to tell how sales vary over {kept} weeks in a row."
        )
    used = spans * kept
    sold, expected = (x[:, -used:].reshape(len(x), spans, kept).sum(axis=2) for x in (sold, expected))
    z = ratios(sold, expected, cluster)  # (C, spans)
    if kind == "clusters":  # each span against the one before
        z = np.diff(z, axis=1)
    z = z - z.mean(axis=0) - (z.mean(axis=1, keepdims=True) - z.mean() if kind == "switchback" else 0.0)
    free = z.shape[1] - (1 if kind == "switchback" else 0)
    variance = (z**2).sum(axis=1) / free * len(z) / max(len(z) - 1, 1)
    pooled = np.median(variance[variance > 0]) if (variance > 0).any() else 1.0
    drawn: np.ndarray = (free * variance + 4.0 * pooled) / (
        free + 4.0
    )  # few spans tell little of one cluster
    return drawn


def centred(x: np.ndarray, weight: np.ndarray, kind: Kind) -> np.ndarray:
    """x (C, B) less its block means, weighted by cluster (C,), and in a switchback its cluster means."""
    share = weight[:, None] / weight.sum()
    x = x - (share * x).sum(axis=0)
    if kind == "switchback":
        x = x - x.mean(axis=1, keepdims=True)
    return x


def standard_error(plan: Design, variance: np.ndarray) -> float:
    """Of the elasticity, at the variance (C,) of `noise`."""
    weight = 1.0 / variance
    x = centred(plan.log_ratio, weight, plan.kind)
    information = float((weight[:, None] * x**2).sum())
    return float(1.0 / np.sqrt(information)) if information > 0 else float("inf")


def power(error: float, difference: float) -> float:
    """The chance to tell an elasticity from another that is `difference` away, at 5 % of false alarms."""
    away = difference / error
    return float(ndtr(away - SURE) + ndtr(-away - SURE))


def weeks_needed(panel: PricePanel, plan: Design, difference: float) -> int | None:
    """The shortest test of this kind with a power of .8; None where none is, up to `MOST` weeks.

    A switchback gains with every block. A test by clusters gains little, as what sets clusters apart lasts:
    it needs more clusters, or a larger step of the price.
    """
    step = 1 if plan.kind == "clusters" else plan.block
    kept = plan.block - plan.washout
    variance = noise(panel, plan.cluster, kept, plan.kind)
    for weeks in range(plan.washout + 1 if plan.kind == "clusters" else 2 * step, MOST + 1, step):
        longer = design(
            plan.cluster,
            kind=plan.kind,
            ratio=tuple(plan.ratio.tolist()),
            weeks=weeks,
            block=plan.block,
            washout=plan.washout,
        )
        if plan.kind == "clusters":
            if 3 * (weeks - plan.washout) > PAST:
                return None
            variance = noise(panel, plan.cluster, weeks - plan.washout, plan.kind)
        if power(standard_error(longer, variance), difference) >= POWER:
            return weeks
    return None
