"""What price tests are worth: the error of a test, and of the fit that is held against its result."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from _record import Row, record
from _tested_shop import ShopAfterATest, shop_after_a_test
from merx.price.experiment import Kind, standard_error
from merx.price.experiment_result import pooled
from merx.price.response import PriceResponse

TESTS: dict[Kind, int] = {"switchback": 800, "clusters": 400}
SHOPS, BEFORE = 60, 52
PASTS: dict[str, dict[str, Any]] = {
    "never moved": {"moves": 0.0},
    "moved by 1 %": {"moves": 0.01},
    "moved by 5 %": {"moves": 0.05},
    "followed the week's demand": {"moves": 0.03, "reacts": 0.3},
}
BANDS = ((0.8, "80 %"), (0.95, "95 %"))
MEAN, SPREAD = -2.6, 0.7  # of the true means of the shops, as the prior of the fit has it

PROTOCOL = (
    "Simulated shops of one category: 60 products in 20 clusters, 12 units a week each, elasticities with "
    "standard deviation .5, lasting shocks of products, clusters and the shop, prices 10 % up or down for 8 "
    "weeks in blocks of 2 or by cluster. Tests: after half a year of prices that moved by 5 %; the true mean "
    f"is {MEAN}; beside the standard deviation of their error, what each test told of it, and foretold. "
    f"Fits: {SHOPS} shops for each past, {BEFORE} weeks before a switchback, true means drawn from {MEAN} "
    f"with standard deviation {SPREAD}: root mean square error of the shop's mean elasticity with the weeks "
    "of the test in the panel, held against its result or not, and how often the central bands of single "
    "products hold."
)


def of_tests(kind: Kind, found: Sequence[ShopAfterATest]) -> list[Row]:
    """How far tests are off, and whether they know it."""
    miss = np.array([shop.result.elasticity - shop.tested for shop in found])
    held = [shop.result.low <= shop.tested <= shop.result.high for shop in found]
    figures = {
        "bias": miss.mean(),
        "standard deviation": miss.std(),
        "standard error told": np.mean([shop.result.error for shop in found]),
        "standard error foretold": np.mean([standard_error(shop.plan, shop.variance) for shop in found]),
        "95 % intervals that hold": np.mean(held),
    }
    case = f"{len(found)} tests, {kind}"
    return [Row(case, metric, float(value)) for metric, value in figures.items()]


def of_fits(past: str) -> list[Row]:
    """What the result of a test adds to its weeks."""
    miss: dict[str, list[float]] = {"without": [], "with": []}
    held: dict[str, list[list[bool]]] = {name: [] for _, name in BANDS}
    for seed in range(SHOPS):
        mean = np.random.default_rng(1000 + seed).normal(MEAN, SPREAD)
        shop = shop_after_a_test(seed, before=BEFORE, mean=mean, **PASTS[past])
        elasticity, error = pooled([shop.result])
        plain = PriceResponse().fit(shop.panel)
        model = PriceResponse(tested_elasticity=elasticity, tested_error=error).fit(shop.panel)
        miss["without"].append(float(plain.elasticity.mean() - shop.elasticity.mean()))
        miss["with"].append(float(model.elasticity.mean() - shop.elasticity.mean()))
        for share, name in BANDS:
            low, high = np.quantile(model.elasticity, [(1 - share) / 2, (1 + share) / 2], axis=0)
            held[name].append((low <= shop.elasticity) & (shop.elasticity <= high))
    without, by_test = (float(np.sqrt(np.mean(np.square(miss[name])))) for name in ("without", "with"))
    case = f"past prices {past}"
    return [
        Row(
            case,
            "error of the mean elasticity",
            by_test,
            without,
            "without the result",
            by_test / without,
            "below",
            by_test < without,
        ),
        *(Row(case, f"{name} band of a product", float(np.mean(held[name]))) for _, name in BANDS),
    ]


def main() -> None:
    rows = []
    for kind, count in TESTS.items():
        rows += of_tests(kind, [shop_after_a_test(seed, kind) for seed in range(count)])
    for past in PASTS:
        rows += of_fits(past)
    record("price_tests", PROTOCOL, rows)


if __name__ == "__main__":
    main()
