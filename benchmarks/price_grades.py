"""What the evidence of a real shop is worth: grades and elasticities of every product of Online Retail."""

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from _process import data
from _record import Row, record
from merx.price.limits import PriceRules
from merx.price.optimise import optimise
from merx.price.response import PriceResponse
from merx.shop import Shop

MARGIN = 0.4
PROTOCOL = (
    "UCI Online Retail, every product that ever had a price over a whole week. The data hold no costs: a "
    f"margin of {MARGIN:.0%} is assumed, which decides the proposed prices and nothing else here. Medians of "
    "the mean elasticities of the products of a grade. Published beside it: -1.88, by double machine "
    "learning on this file, all products together."
)
PUBLISHED = -1.88


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop.init(Path(folder) / "retail")
        shop.ingest(data("online_retail") / "online_retail.parquet")
        with shop.inputs() as inputs:
            panel = inputs.of("prices")
    model = PriceResponse().fit(panel)
    quotes = optimise(model, panel, PriceRules(assumed_margin=MARGIN))
    grade, elasticity = np.array(quotes.grade), model.elasticity.mean(axis=0)
    rows = [Row("all", "products", float(len(grade)))]
    for letter, count in sorted(Counter(quotes.grade).items()):
        rows.append(Row(f"grade {letter}", "products", float(count)))
        middle = float(np.median(elasticity[grade == letter]))
        rows.append(Row(f"grade {letter}", "median elasticity", middle, PUBLISHED, "published, all together"))
    moved = np.array(quotes.price) != panel.price_now
    rows.append(Row("all", "share of prices that would move", float(moved.mean())))
    record("price_grades", PROTOCOL, rows)


if __name__ == "__main__":
    main()
