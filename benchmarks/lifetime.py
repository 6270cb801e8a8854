"""Lifetime models fitted: 1 million customers, and CDNOW against lifetimes and pymc-marketing.

Without PYMC_MARKETING (`_lifetime_peer.py`) only lifetimes is the peer.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # matrices of 4 x 4 are no work for threads, here or there

from time import perf_counter

import numpy as np
import pyarrow as pa

from _lifetime_data import cdnow_summary
from _lifetime_peer import Lifetimes, PymcMarketing, columns_of, log_likelihoods
from _record import Row, medians, record
from merx.behaviour.bg_nbd import BGNBD, MBGNBD
from merx.behaviour.gamma_gamma import GammaGamma
from merx.behaviour.pareto_nbd import ParetoNBD
from merx.data.customers import Customers
from merx.data.vocabulary import Vocabulary

MILLION = 1_000_000
SECONDS, FASTER = 30, 10
MODELS = {"BG/NBD": BGNBD(), "MBG/NBD": MBGNBD(), "Pareto/NBD": ParetoNBD(), "Gamma-Gamma": GammaGamma()}
PUBLISHED = {"BG/NBD": -9582.43, "MBG/NBD": -9582.14, "Pareto/NBD": -9594.98}  # sources: the models' tests
ROUNDED = 0.01  # of a log-likelihood


def population(n: int) -> Customers:
    """Customers by the Pareto/NBD, in whole days of the last two years."""
    rng = np.random.default_rng(0)
    age = rng.integers(30, 730, n).astype(float)
    life = np.minimum(rng.exponential(1 / rng.gamma(0.6, 1 / 200, n)), age)
    x = rng.poisson(rng.gamma(0.6, 1 / 60, n) * life)
    last = np.floor(life * rng.random(n) ** (1 / np.maximum(x, 1)))
    x = np.minimum(x, last)  # one purchase a day
    times = np.maximum(x, 1)
    value = rng.gamma(6 * times, 1 / (rng.gamma(4, 1 / 15, n) * times))
    users = Vocabulary(pa.array(np.arange(n).astype(str)))
    return Customers(users, x, np.where(x > 0, last, 0), age, np.where(x > 0, value, np.nan), np.zeros(n))


def seconds_of(name: str, seen: Customers) -> float:
    """Of one fit of ours."""
    start = perf_counter()
    MODELS[name].fit(seen)
    return perf_counter() - start


def million() -> list[Row]:
    """Seconds on a large shop."""
    crowd, small = population(MILLION), population(2_000)
    rows = []
    for name in MODELS:
        seconds_of(name, small)  # compiled from here on
        taken = seconds_of(name, crowd)
        case = f"{name}, 1 million customers"
        rows.append(Row(case, "fit, s", taken, goal=f"under {SECONDS}", met=taken < SECONDS))
    return rows


def published(seen: Customers) -> list[Row]:
    """The log-likelihoods of the papers."""
    rows = []
    for name, known in PUBLISHED.items():
        found, goal = MODELS[name].fit(seen).log_likelihood, "at least the published"
        met = found >= known - ROUNDED
        rows.append(
            Row(f"{name}, CDNOW sample", "log-likelihood", found, known, "published", goal=goal, met=met)
        )
    return rows


def against(peer: Lifetimes | PymcMarketing, seen: Customers) -> list[Row]:
    """Likelihood and seconds of each model beside a peer's."""
    rows = []
    for name, model in MODELS.items():
        case, found = f"{name}, CDNOW sample", model.fit(seen).log_likelihood
        parameters, _, _ = peer.fit(name, seen)  # compiled from here on
        theirs = float(log_likelihoods(name, parameters, *columns_of(name, seen).values()).sum())
        met = found >= theirs - ROUNDED
        rows.append(
            Row(case, "log-likelihood", found, theirs, peer.name, goal="at least the peer's", met=met)
        )
        fits, alone = [], []
        for _ in range(peer.runs):
            mine = seconds_of(name, seen)
            _, seconds, optimiser = peer.fit(name, seen)
            fits.append((mine, seconds))
            alone.append((mine, optimiser))
        mine, seconds, ratio = medians(fits)
        goal, met = f"at most 1/{FASTER} of the peer's", ratio * FASTER <= 1
        rows.append(Row(case, "fit, s", mine, seconds, peer.name, ratio, goal, met))
        mine, seconds, ratio = medians(alone)
        rows.append(Row(case, "fit, s", mine, seconds, f"{peer.name}, its optimiser alone", ratio))
    return rows


if __name__ == "__main__":
    seen = cdnow_summary()
    rows = [
        *million(),
        *published(seen),
        *against(Lifetimes(), seen),
        *against(Lifetimes(distinct=True), seen),
    ]
    if "PYMC_MARKETING" in os.environ:
        peer = PymcMarketing()
        rows += against(peer, seen)
        peer.close()
    record(
        "lifetime",
        "1 million customers simulated by the Pareto/NBD, in whole days of two years, fitted once. CDNOW's "
        "1/10 sample, 2,357 customers in weeks, as it comes with the package lifetimes: log-likelihood "
        "against the published one and against that of our formulas at the peer's parameters; seconds as "
        f"the median of {Lifetimes.runs} fits by turns, {PymcMarketing.runs} with pymc-marketing, all with "
        "one BLAS thread, each side compiled by a fit that is not counted. A fit is all that the call does: "
        "of lifetimes also the standard errors (not of the Pareto/NBD), of pymc-marketing "
        '(method="map", its own priors) also its model, which it builds and compiles at each call. What '
        "their optimisers take alone is shown apart, beside the same whole fit of ours. Equal customers one "
        "row: counted beforehand and given to lifetimes as weights, as our fit does by itself.",
        rows,
    )
