"""lifetimes and pymc-marketing beside merx: fits of both, and their parameters read by our formulas.

pymc-marketing needs an environment of its own (`pip install pymc-marketing`): set PYMC_MARKETING to its
Python.
"""

import json
import os
import subprocess
from pathlib import Path
from time import perf_counter
from typing import Any

import lifetimes
import numpy as np
from lifetimes.fitters import pareto_nbd_fitter

from merx.behaviour.likelihood import Kernel
from merx.data.customers import Customers
from merx.kernels.lifetime import beta_geometric_rows, gamma_gamma_rows, pareto_rows

# Of a fit: the parameters in our order, the seconds, and those of its optimiser alone.
Fit = tuple[tuple[float, ...], float, float]
PARAMETERS = {
    "BG/NBD": ("r", "alpha", "a", "b"),
    "MBG/NBD": ("r", "alpha", "a", "b"),
    "Pareto/NBD": ("r", "alpha", "s", "beta"),
    "Gamma-Gamma": ("p", "q", "v"),
}
FITTERS = {
    "BG/NBD": lifetimes.BetaGeoFitter,
    "MBG/NBD": lifetimes.ModifiedBetaGeoFitter,
    "Pareto/NBD": lifetimes.ParetoNBDFitter,
    "Gamma-Gamma": lifetimes.GammaGammaFitter,
}
PYMC_MODELS = {
    "BG/NBD": "BetaGeoModel",
    "MBG/NBD": "ModifiedBetaGeoModel",
    "Pareto/NBD": "ParetoNBDModel",
    "Gamma-Gamma": "GammaGammaModel",
}


def columns_of(name: str, seen: Customers) -> dict[str, np.ndarray]:
    """What a model reads, by the names that both peers give it."""
    if name == "Gamma-Gamma":
        back = np.isfinite(seen.value)
        return {"frequency": seen.frequency[back], "monetary_value": seen.value[back]}
    return {"frequency": seen.frequency, "recency": seen.recency, "T": seen.age}


def kernel_of(name: str) -> Kernel:
    """value, slope and alive of rows, by a model of repeat purchase."""
    if name == "Pareto/NBD":
        return pareto_rows
    at_zero = int(name == "MBG/NBD")
    return lambda first, last, x, t, T, given, *out: beta_geometric_rows(
        first, last, x, t, T, given, at_zero, *out
    )


def log_likelihoods(name: str, parameters: tuple[float, ...], x: np.ndarray, *more: np.ndarray) -> np.ndarray:
    """Of each customer, by our formulas at somebody's parameters; the columns as `columns_of` has them."""
    value, slope, alive = np.empty(len(x)), np.empty((len(x), len(parameters))), np.empty(len(x))
    if name == "Gamma-Gamma":
        gamma_gamma_rows(0, len(x), x, *more, parameters, value, slope)
    else:
        kernel_of(name)(0, len(x), x, *more, parameters, value, slope, alive)
    return value


class Lifetimes:
    """The package lifetimes, with a row for each customer, or for all that are alike (`distinct`)."""

    runs = 7

    def __init__(self, penalizer: float = 0.0, distinct: bool = False) -> None:
        self.name = "lifetimes"
        if penalizer:
            self.name += f", penalizer {penalizer:g}"
        if distinct:
            self.name += ", equal customers one row"
        self.penalizer = penalizer
        self.distinct = distinct

    def fit(self, name: str, seen: Customers) -> Fit:
        """Its largest likelihood."""
        spent: list[float] = []
        modules = (lifetimes.fitters, pareto_nbd_fitter)  # each has the name `minimize`
        minimize = lifetimes.fitters.minimize

        def timed(*given: Any, **more: Any) -> Any:
            start = perf_counter()
            found = minimize(*given, **more)
            spent.append(perf_counter() - start)
            return found

        columns, weights = np.stack(list(columns_of(name, seen).values())), None
        if self.distinct:
            columns, weights = np.unique(columns, axis=1, return_counts=True)
        for module in modules:
            module.minimize = timed
        start = perf_counter()
        fitter = FITTERS[name](penalizer_coef=self.penalizer).fit(*columns, weights=weights)
        seconds = perf_counter() - start
        for module in modules:
            module.minimize = minimize
        return tuple(float(fitter.params_[key]) for key in PARAMETERS[name]), seconds, sum(spent)


class PymcMarketing:
    """Its models with their own priors, in a process that stays, so that nothing is imported twice."""

    name = "pymc-marketing"
    runs = 3  # it takes seconds

    def __init__(self) -> None:
        script = Path(__file__).with_name("_pymc_marketing.py")
        self.process = subprocess.Popen(
            [os.environ["PYMC_MARKETING"], script],
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def fit(self, name: str, seen: Customers) -> Fit:
        """Its largest posterior."""
        assert self.process.stdin and self.process.stdout
        table: dict[str, Any] = {key: values.tolist() for key, values in columns_of(name, seen).items()}
        table["customer_id"] = list(range(len(table["frequency"])))
        self.process.stdin.write(json.dumps({"model": PYMC_MODELS[name], "columns": table}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{os.environ['PYMC_MARKETING']}: pymc-marketing failed on {name}.")
        found = json.loads(line)
        said = tuple(found["parameters"][key] for key in PARAMETERS[name])
        return said, found["seconds"], found["optimiser"]

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()
