"""Models that learn from all series together, a forest and two networks, on UCI Online Retail."""

import tempfile
from pathlib import Path

import numpy as np

from _process import data
from _record import Row, record
from forecast import BEST_SELLERS, HORIZON, demand_of, scores_of
from merx.data.contracts import ForecasterConfig
from merx.forecast.auto_ets import AutoETS
from merx.forecast.boosted import Boosted
from merx.forecast.recurrent import Recurrent
from merx.shop import Shop
from merx.store.demand import demand_panel

ORIGINS = (0, 28, 56)  # days held back
CONFIGS: dict[str, ForecasterConfig] = {
    "AutoETS": AutoETS(HORIZON),
    "Boosted": Boosted(HORIZON),
    "Recurrent, gru": Recurrent(HORIZON),
    "Recurrent, lstm": Recurrent(HORIZON, cell="lstm"),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop.init(Path(folder))
        shop.ingest(data("online_retail/online_retail.parquet"))
        sold = demand_of(shop)
    best = np.sort(np.argsort(-sold.units.sum(axis=1), kind="stable")[:BEST_SELLERS])
    panel = demand_panel(sold, "day", best)
    rows: list[Row] = []
    for name, config in CONFIGS.items():
        rows += scores_of(name, config, [panel], ORIGINS)
    record(
        "forecast_together",
        f"UCI Online Retail, the {BEST_SELLERS} products with most units, daily, no covariates; {HORIZON} "
        "days held out, ending 0, 28 and 56 days before the end. Means over the series, then over origins. "
        "MASE is that of the median.",
        rows,
    )


if __name__ == "__main__":
    main()
