"""pymc-marketing beside merx. It needs an environment of its own, whose Python PYMC_MARKETING names."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

MODELS = {
    "BG/NBD": ("BetaGeoModel", ("r", "alpha", "a", "b")),
    "MBG/NBD": ("ModifiedBetaGeoModel", ("r", "alpha", "a", "b")),
    "Pareto/NBD": ("ParetoNBDModel", ("r", "alpha", "s", "beta")),
    "Gamma-Gamma": ("GammaGammaModel", ("p", "q", "v")),
}


class PymcMarketing:
    """Its models with their own priors, in a process that stays, so that nothing is imported twice."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("_pymc_marketing.py")
        self.process = subprocess.Popen(
            [os.environ["PYMC_MARKETING"], script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def fit(self, name: str, **columns: np.ndarray) -> tuple[tuple[float, ...], float, float]:
        """The parameters of the largest posterior, the seconds, and those of the optimiser alone.

        Parameters
        ----------
        columns : float64 (n,)
            frequency, recency and T, or frequency and monetary_value.
        """
        assert self.process.stdin and self.process.stdout
        model, parameters = MODELS[name]
        table: dict[str, Any] = {key: values.tolist() for key, values in columns.items()}
        table["customer_id"] = list(range(len(table["frequency"])))
        self.process.stdin.write(json.dumps({"model": model, "columns": table}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{os.environ['PYMC_MARKETING']}: pymc-marketing failed on {name}.")
        found = json.loads(line)
        said = tuple(found["parameters"][key] for key in parameters)
        return said, found["seconds"], found["optimiser"]

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()
