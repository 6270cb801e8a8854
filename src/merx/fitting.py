"""Fit every kind of model that the shop's tables can carry."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from merx import registry
from merx.config import ShopConfig, build
from merx.data.panel import Panel, stack
from merx.errors import DataError, FitError
from merx.models import Models
from merx.registry import Kind
from merx.store import assemble
from merx.store.demand import Demand, best_sellers, demand, demand_panel, group_panel, price_panel
from merx.store.engine import Engine

Progress = Callable[[str, int, int], None]  # what is done, done so far, of how many


@dataclass(frozen=True)
class Fit:
    """How the fit of one kind went; `refused` says why where the data do not carry it."""

    kind: str
    version: str
    fitted_on: str
    seconds: float
    refused: str = ""


@dataclass(frozen=True)
class FitReport:
    """One row per kind."""

    fits: tuple[Fit, ...]

    def to_table(self) -> pa.Table:
        """kind, version, fitted_on, seconds, refused."""
        return pa.Table.from_pylist([vars(fit) for fit in self.fits])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"fits": [vars(fit) for fit in self.fits]}


def config_of(kind: Kind, config: ShopConfig) -> Any:
    """The hyper-parameters of a kind: its defaults, with what [models.KIND] and its task's settings say."""
    config_type, _ = kind.load()
    values = dict(config.models.get(kind.name, {}))
    if kind.task == "forecast":
        values = {
            "horizon": config.forecast.horizon,
            "season_length": config.forecast.season_length,
            **values,
        }
    return build(config_type, values, f"models.{kind.name}")


def forecast_panels(demand: Demand, config: ShopConfig) -> tuple[Panel, Panel]:
    """The series that every forecaster is fitted on, and those for the costly ones."""
    settings = config.forecast
    groups = group_panel(demand, settings.step)
    every = best_sellers(demand, settings.items)
    few = best_sellers(demand, 0)[: settings.costly_items]
    return (
        stack([groups, demand_panel(demand, settings.step, np.sort(every))]),
        stack([groups, demand_panel(demand, settings.step, np.sort(few))]),
    )


def fit(engine: Engine, models: Models, config: ShopConfig, data: str, progress: Progress) -> FitReport:
    """Fit and save every kind in the registry.

    A kind that the data do not carry is refused with the reason, and the others go on.

    Parameters
    ----------
    data : str
        Fingerprint of the snapshot, written into each model.

    Raises
    ------
    DataError
        No kind at all could be fitted.
    """
    inputs = Inputs(engine, config)
    fits = []
    kinds = list(registry.KINDS.values())
    for place, kind in enumerate(kinds):
        progress(f"fit {kind.name}", place, len(kinds))
        start = perf_counter()
        try:
            data_in, fitted_on = inputs.of(kind)
            settings = config_of(kind, config)
            fitted = settings.fit(data_in)
            seconds = perf_counter() - start
            about = {"data": data, "fitted_on": fitted_on, "seconds": round(seconds, 3)}
            version = models.save(kind.name, fitted, settings, about)
            fits.append(Fit(kind.name, version, fitted_on, seconds))
        except (DataError, FitError) as error:
            fits.append(Fit(kind.name, "", "", perf_counter() - start, refused=str(error)))
    progress("fit", len(kinds), len(kinds))
    if all(entry.refused for entry in fits):
        raise DataError(f"no model could be fitted. {fits[0].kind}: {fits[0].refused}")
    return FitReport(tuple(fits))


class Inputs:
    """What each task's models are fitted on, assembled once and when first needed."""

    def __init__(self, engine: Engine, config: ShopConfig) -> None:
        self._engine, self._config = engine, config
        self._made: dict[str, tuple[Any, str]] = {}
        self._demand: Demand | None = None

    def of(self, kind: Kind) -> tuple[Any, str]:
        """The input of a kind, and what it is in words. Raises DataError where the tables do not hold it."""
        name = kind.task + (" costly" if kind.costly else "")
        if name not in self._made:
            make = {"recommend": self._histories, "forecast": self._series, "price": self._prices}[kind.task]
            make()
        return self._made[name]

    def demand(self) -> Demand:
        """Demand by product and day."""
        if self._demand is None:
            self._demand = demand(self._engine)
        return self._demand

    def _histories(self) -> None:
        histories, _ = assemble.interactions(self._engine, self._config.events.weights)
        words = f"{len(histories):,} events of {histories.n_users:,} shoppers, {histories.n_items:,} products"
        self._made["recommend"] = (histories, words)

    def _series(self) -> None:
        step = self._config.forecast.step
        every, few = forecast_panels(self.demand(), self._config)
        for name, panel in (("forecast", every), ("forecast costly", few)):
            longest = int(panel.length.max())
            self._made[name] = (panel, f"{panel.n_series:,} series of up to {longest} {step}s")

    def _prices(self) -> None:
        panel = price_panel(self._engine, self.demand())
        weeks = int(panel.week.max()) + 1
        self._made["price"] = (panel, f"{panel.n_items:,} products over {weeks} weeks")
