"""LightGBM as the learners of demand use it: the ratio of units to usual, over weights of a resampling."""

from typing import Any

import numpy as np

from merx.kernels.threads import THREADS

FOR_THREADS = 100_000  # rows below which a second thread waits more than it works
FEWEST = 20  # rows of a leaf, at least, in a panel that has so many


def grow(
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    trees: int,
    leaves: int,
    learning_rate: float,
    objective: str,
    monotone: tuple[int, ...] = (),
    categorical: tuple[int, ...] = (),
) -> list[Any]:
    """A forest (lightgbm.Booster) of y (n,) on X (n, F) for each row of the weights (draws, n).

    Parameters
    ----------
    objective : "poisson" (of exp of the forest) or "regression"
    monotone : F of -1, 0 or 1, optional
        Which way the answer may go with each column.
    categorical : places of columns of codes
    """
    import lightgbm

    settings: dict[str, Any] = {
        "objective": objective,
        "num_leaves": leaves,
        "learning_rate": learning_rate,
        "min_data_in_leaf": max(1, min(FEWEST, len(y) // 10)),
        "poisson_max_delta_step": 0.1,  # the default, 0.7, halves every step of the learning rate
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": THREADS if len(y) >= FOR_THREADS else 1,
        "seed": 0,
        "verbosity": -1,
    }
    if monotone:
        settings |= {"monotone_constraints": list(monotone), "monotone_constraints_method": "intermediate"}
    data = lightgbm.Dataset(X, y, categorical_feature=list(categorical), params=settings)
    forests = []
    for weight in weights:
        data.set_weight(weight)
        forests.append(lightgbm.train(settings, data, trees))
    return forests
