"""A shop whose truth is known, made, written down and ingested."""

import json
from pathlib import Path
from typing import Any

from merx.config import SETTINGS
from merx.data.contracts import Progress, quiet
from merx.ingest import IngestReport
from merx.shop import Shop
from merx.simulate import Simulation

HOLIDAYS = """
[forecast.holidays]
{}
"""


def simulate(folder: str | Path, *, progress: Progress = quiet, **config: Any) -> IngestReport:
    """Make a shop whose truth is known: SHOP/raw holds its files, already ingested, SHOP-truth the truth.

    Parameters
    ----------
    config : the fields of `merx.simulate.Simulation`

    Raises
    ------
    ConfigError
        The folder is a shop already, or the simulation cannot be.
    """
    simulation = Simulation(**config)
    shop = Shop.init(folder, name="A simulated shop", currency="EUR")
    progress("simulate", 0, 3)
    simulated = simulation.run()
    progress("write", 1, 3)
    with open(shop.folder / SETTINGS, "a", encoding="utf-8") as settings:
        settings.write(
            HOLIDAYS.format(
                "\n".join(
                    f"{json.dumps(name)} = {json.dumps(dates)}" for name, dates in simulated.holidays.items()
                )
            )
        )
    raw = simulated.write(shop.folder / "raw")
    simulated.write_pictures(shop.folder / "raw")
    simulated.write_truth(shop.truth)
    progress("ingest", 2, 3)
    return shop.ingest(*raw, progress=progress)
