"""What models are fitted on, out of a simulated shop."""

from pathlib import Path

from merx.data.catalogue import Catalogue
from merx.data.interactions import Interactions
from merx.fitting import Inputs
from merx.shop import Shop
from merx.simulating import simulate
from merx.store.duckdb_engine import DuckDBEngine


def histories_and_catalogue(folder: Path, **world: int) -> tuple[Interactions, Catalogue]:
    """Of a shop that is simulated into the folder."""
    simulate(folder, **world)
    shop = Shop(folder)
    engine = DuckDBEngine(shop.tables, shop.tables.current())
    try:
        inputs = Inputs(engine, shop.config)
        return inputs.of("histories"), inputs.of("catalogue")
    finally:
        engine.close()
