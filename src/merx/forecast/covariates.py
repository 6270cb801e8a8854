"""What the covariates of a panel are planned to be, kept with a fitted model."""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import Panel
from merx.errors import RequestError


@dataclass(frozen=True)
class Plan:
    """The planned covariates of S series.

    Parameters
    ----------
    names : tuple of K str
    value : float64 (S, H, K)
        0 where nothing is planned.
    steps : int64 (K,)
        So many steps ahead each covariate is planned for every series, without a gap.
    """

    names: tuple[str, ...]
    value: np.ndarray
    steps: np.ndarray

    @classmethod
    def of(cls, panel: Panel) -> "Plan":
        """What a panel plans (`exog_ahead`)."""
        names, S = panel.exog_names, panel.n_series
        value = panel.exog_ahead if len(panel.exog_ahead) else np.empty((S, 0, len(names)))
        known = np.isfinite(value).all(axis=0)  # (H, K)
        steps = np.logical_and.accumulate(known, axis=0).sum(axis=0)
        return cls(names, np.where(np.isfinite(value), value, 0.0), steps)

    def ahead(self, horizon: int, exog: np.ndarray | None) -> np.ndarray:
        """The covariates of the next `horizon` steps, (S, horizon, K): `exog`, or else what was planned.

        Raises RequestError that names the covariates that are missing.
        """
        wanted = (len(self.value), horizon, len(self.names))
        if not self.names:
            return np.zeros(wanted)
        if exog is None:
            if lacking := [
                f"{name} ({steps} steps planned)"
                for name, steps in zip(self.names, self.steps, strict=True)
                if steps < horizon
            ]:
                raise RequestError(
                    f"The model was fitted with covariates that are not planned for all {horizon} steps: "
                    f"{', '.join(lacking)}. Plan them in the panel's exog_ahead and fit again, give "
                    f"exog of the shape {wanted}, or ask for fewer steps."
                )
            return self.value[:, :horizon]
        exog = np.asarray(exog, dtype=np.float64)
        if exog.shape != wanted:
            raise RequestError(
                f"exog has the shape {exog.shape}, needed is {wanted}: series, steps and the covariates "
                f"{', '.join(self.names)}."
            )
        if lacking := [name for k, name in enumerate(self.names) if not np.isfinite(exog[:, :, k]).all()]:
            raise RequestError(
                f"exog has steps without a value of {', '.join(lacking)}; give one for every series and step."
            )
        return exog
