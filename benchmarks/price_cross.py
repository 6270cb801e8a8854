"""Prices that count what they do to the sales of other products, in shops where that is known."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import pyarrow as pa
from scipy import sparse

from _record import Row, record
from merx.answers.touched import ASKED
from merx.data.vocabulary import Vocabulary
from merx.fitting import Inputs
from merx.price.candidates import candidates
from merx.price.coupling import Coupling
from merx.price.cross import Substitutes, refine
from merx.price.cross_effects import cross_elasticities
from merx.price.limits import PriceRules, ladder
from merx.price.optimise import optimise
from merx.shop import Shop
from merx.simulate.truth import Truth, read_truth
from merx.simulating import simulate

SEEDS = range(10, 13)
SHOPS = {
    "two years, 20 units a week": {"users": 5_000, "items": 100, "days": 728},
    "a year, 4 units a week": {"users": 2_000, "items": 200, "days": 364},
    "two years, follows demand": {
        "users": 5_000,
        "items": 100,
        "days": 728,
        "price_policy": "follows_demand",
    },
}
HARM = 0.001  # of the profit: what false effects may cost
PROTOCOL = (
    f"merx.simulate shops, ingested as any data; means over seeds {SEEDS[0]} to {SEEDS[-1]}, where "
    "development used 0 to 4. With cross effects each product has up to two substitutes (cross elasticity "
    "10 to 30 % of its own, about .5) and some a complement (5 to 20 %, below 0), of its own taste; without, "
    "none. Pairs: up to eight neighbours of each product by bought_together and eight by item_knn. Clear: "
    "likelier to have an effect of that sign than not. Regret: share of the profit of the coming week, all "
    "prices moving together, that is missed by the prices of `merx price` beside the best found with the "
    "truth under the same default rules (local search; the shop's own prices also need 70 % confidence). "
    "True effects: chosen with the true cross elasticities of all pairs and the same estimated demand."
)


@dataclass(frozen=True)
class Fared:
    """How one shop fared.

    Parameters
    ----------
    pairs, hit, known : float
        Pairs looked at, the share of them that is true, the share of the true ones that was looked at.
    rmse, size : float
        Of the cross elasticities of the pairs: error, and root mean square of the truth.
    clear, right : float
        Clear pairs, and the share of them that is true and has that sign.
    ignoring, counting, truly : float
        Regret of prices without cross effects, with those estimated, with the true ones.
    promised : float
        Gain over ignoring them as the answer tells it.
    """

    pairs: float
    hit: float
    known: float
    rmse: float
    size: float
    clear: float
    right: float
    ignoring: float
    counting: float
    truly: float
    promised: float


def fared(folder: Path, **settings: object) -> Fared:
    """Simulate a shop, fit it and price it with and without cross effects."""
    simulate(folder, **settings)
    shop = Shop(folder)
    shop.fit(*ASKED, "price_response")
    with shop._engine() as (engine, _):
        panel = Inputs(engine, shop.config).of("prices")
    versions = shop.models.versions()
    model = shop.models.load("price_response", versions["price_response"])
    assert model.items == panel.items
    near = [shop.models.load(kind, versions[kind]) for kind in ASKED]
    effects = cross_elasticities(
        panel, candidates(panel.items, [(one.items, one.similarity) for one in near])
    )
    truth = read_truth(shop.truth)
    row = Vocabulary(pa.array(truth.item_ids)).codes(panel.items.ids)  # (I,)
    cross = sparse.csr_array(truth.cross().toarray()[np.ix_(row, row)])
    true = cross.toarray()[effects.sold, effects.priced]
    right = effects.clear & (np.sign(true) == np.sign(effects.mean))

    best = profit(truth, row, oracle(truth, row, panel.price_now, cross))
    counting = shop.price()
    with open(folder / "shop.toml", "a") as file:
        file.write("\n[price]\ncross_effects = false\n")
    ignoring = Shop(folder).price()
    prices = [
        np.array([one["price"] for one in decision.answer["rows"]]) for decision in (ignoring, counting)
    ]
    without, with_ = (profit(truth, row, price) for price in prices)
    truly = profit(truth, row, optimise(model, panel, PriceRules(), cross=cross).price)
    together = counting.answer.get("together")
    return Fared(
        pairs=len(true),
        hit=float((true != 0).mean()),
        known=float((true != 0).sum() / cross.nnz) if cross.nnz else np.nan,
        rmse=float(np.sqrt(np.mean((effects.mean - true) ** 2))),
        size=float(np.sqrt(np.mean(true**2))),
        clear=float(effects.clear.sum()),
        right=float(right.sum() / effects.clear.sum()) if effects.clear.any() else np.nan,
        ignoring=1 - without / best,
        counting=1 - with_ / best,
        truly=1 - truly / best,
        promised=together["value"] / together["ignoring"] - 1 if together else 0.0,
    )


def profit(truth: Truth, row: np.ndarray, price: np.ndarray) -> float:
    """Expected profit of the coming week at prices (I,) of the panel's items, all of them moving together."""
    every = truth.price_now.copy()
    every[row] = price
    return float((truth.weekly_units(every) * (every - truth.cost_now)).sum())


def oracle(truth: Truth, row: np.ndarray, now: np.ndarray, cross: sparse.csr_array) -> np.ndarray:
    """The best prices (I,) found with the truth."""
    steps = ladder(now, truth.cost_now[row], PriceRules())
    every = np.repeat(truth.price_now[:, None], steps.price.shape[1], axis=1)
    every[row] = steps.price
    allowed = steps.barred == 0
    allowed[:, 0] = True  # today's price may stay
    value = np.where(allowed, truth.profit(every)[row], -np.inf)
    shop = Substitutes(value, np.log(steps.price / now[:, None]), cross)
    place = refine(shop, value.argmax(axis=1), Coupling.of([], value.shape[1]))
    best: np.ndarray = steps.price[np.arange(len(now)), place]
    return best


def rows_of(case: str, there: list[Fared], none: list[Fared]) -> list[Row]:
    """The table of one kind of shop."""

    def over(found: list[Fared], name: str) -> float:
        values = [getattr(one, name) for one in found]
        return float(mean([value for value in values if np.isfinite(value)] or [np.nan]))

    of = {name: over(there, name) for name in vars(there[0])}
    harm = over(none, "counting") - over(none, "ignoring")
    first, other = f"cross: {case}", f"cross: {case}, none there"
    return [
        Row(first, "pairs looked at", of["pairs"]),
        Row(first, "of these true", of["hit"]),
        Row(first, "of the true ones looked at", of["known"]),
        Row(
            *(first, "RMSE of cross elasticities", of["rmse"], of["size"], "0 for all"),
            *(of["rmse"] / of["size"], "below", of["rmse"] < of["size"]),
        ),
        Row(first, "clear pairs", of["clear"]),
        *([] if np.isnan(of["right"]) else [Row(first, "of these right", of["right"])]),
        Row(
            *(first, "regret", of["counting"], of["ignoring"], "without cross effects"),
            *(of["counting"] / of["ignoring"], "no more", of["counting"] <= of["ignoring"]),
        ),
        Row(first, "regret, true effects", of["truly"]),
        Row(first, "gain over ignoring them, as told", of["promised"]),
        Row(other, "RMSE of cross elasticities", over(none, "rmse")),
        Row(other, "clear pairs, all false", over(none, "clear")),
        Row(other, "profit lost to them", harm, goal=f"<= {HARM}", met=bool(harm <= HARM)),
    ]


def main() -> None:
    rows = []
    for case, settings in SHOPS.items():
        found: dict[bool, list[Fared]] = {True: [], False: []}
        for seed in SEEDS:
            for there in (True, False):
                with tempfile.TemporaryDirectory() as folder:
                    found[there].append(
                        fared(Path(folder) / "shop", seed=seed, cross_effects=there, **settings)
                    )
        rows += rows_of(case, found[True], found[False])
    record("price_cross", PROTOCOL, rows)


if __name__ == "__main__":
    main()
