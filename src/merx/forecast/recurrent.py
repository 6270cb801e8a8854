"""Recurrent: one LSTM or GRU for all series, with a negative binomial for each step ahead."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
from scipy.special import expit

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError
from merx.forecast.boosted_features import Past, with_covariates
from merx.forecast.boosted_spread import POISSON, Spread, place_in
from merx.forecast.boosted_training import draw, rows_ahead, told
from merx.forecast.covariates import Plan
from merx.forecast.predictive import check_config, check_request
from merx.forecast.season import CANDIDATE

if TYPE_CHECKING:
    from merx.forecast.recurrent_training import Trained

HELD = 5
"""A fifth of `rows` is held out, to end the training and for the spread."""

CELLS = ("gru", "lstm")
MOST = 20.0
"""No mean is beyond exp(MOST) times its level, or below exp(-MOST) of it."""


@dataclass(frozen=True)
class Recurrent:
    """A recurrent network, learnt from all series together.

    A GRU or LSTM reads what was sold in the steps before the origin, relative to the level, and which of
    them were not available. A layer over what it remembers, h, and over what is known of the step ahead, x
    (as in `merx.forecast.boosted`: past, groups, calendar, covariates), says a negative binomial,

        (a, b) = W_2 silu(W_1 [h, x] + b_1) + b_2,   mean = level exp(a),   shape = exp(b),

    and the network is taught by its likelihood. Every step ahead is forecast directly. Training ends where
    the last 2 horizons, held out, gain no more; the quantiles are corrected there
    (`merx.forecast.boosted_spread`); then it is trained on everything for as long.

    Steps that were not available (stock-outs) are neither learnt from nor read.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in a cycle; 0: that of the step (7 days, 52 weeks), 1: none. Series of less than two cycles
        have none.
    cell : str
        "gru" or "lstm".
    width : int
        What the cell remembers, in numbers.
    rows : int
        Steps that it learns from in an epoch, at most; drawn at random.
    batch : int
        Steps of a batch.
    learning_rate : float
        Of AdamW.
    epochs : int
        Times that the steps are gone through, at most.
    seed : int
        Of the first weights and the batches.

    Notes
    -----
    Sources: Salinas, Flunkert, Gasthaus & Januschowski, DeepAR, International Journal of Forecasting 36
    (2020), whose likelihood and scaling these are; Wen, Torkkola, Narayanaswamy & Madeka, A multi-horizon
    quantile recurrent forecaster (2017), that forecasts every step directly.
    """

    horizon: int = 28
    season_length: int = 0
    cell: str = "gru"
    width: int = 32
    rows: int = 150_000
    batch: int = 1024
    learning_rate: float = 0.003
    epochs: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ConfigError(f"cell is {self.cell!r}; it is one of {', '.join(CELLS)}.")
        if min(self.width, self.rows, self.batch, self.epochs) < 1:
            raise ConfigError("width, rows, batch and epochs are at least 1.")

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedRecurrent":
        """Learn from all series of the panel together, whatever their order; on a GPU where there is one.

        `progress` is told after each of three parts. Raises ConfigError on an impossible config, FitError
        where torch is not installed.
        """
        check_config(self.horizon, self.season_length)
        try:
            from merx.forecast.recurrent_training import remember, train
        except ModuleNotFoundError:
            raise FitError("recurrent is trained with torch: pip install 'merx[network]'.") from None
        tell = progress or (lambda *_: None)
        H = self.horizon
        past = Past.of(panel, self.season_length or CANDIDATE[panel.step])
        length = past.panel.length
        split = np.maximum(length - 2 * H, 0)

        early = draw(past, np.zeros_like(split), split, H, self.rows)
        held = draw(past, split, length, H, max(self.rows // HELD, 1))
        first = train(past, early, held, self)
        tell("network before the steps held out", 1, 3)
        said = first.decoder.say(remember(past, held.series, held.origin, first), held.rows.X)
        spread = Spread.of(place_in(held.sold, *_distribution(held.rows.level, said)), held.ahead, H)
        tell("spread of the steps held out", 2, 3)

        every = draw(past, np.zeros_like(split), length, H, self.rows)
        last = train(past, every, None, self, first.epochs)
        plan, S = Plan.of(panel), panel.n_series
        order = pc.sort_indices(panel.keys.ids).to_numpy()
        back = np.argsort(order)
        rows = rows_ahead(past, H, plan.value[order])
        # in the order of the keys: the last digits of a product depend on where a row stands
        memory = remember(past, np.arange(S), length, last)
        said = last.decoder.say(np.repeat(memory, H, axis=0), rows.X)
        mean, shape = (part.reshape(S, H)[back] for part in _distribution(rows.level, said))
        tell("network", 3, 3)
        return FittedRecurrent(
            keys=panel.keys,
            start=panel.end,
            step=panel.step,
            specification=told(_words(last, self.cell), panel),
            season_length=past.season_length[back],
            memory=memory[back],
            features=rows.X.reshape(S, H, len(past.names))[back],
            level=rows.level.reshape(S, H)[back, 0],
            mean=mean,
            shape=shape,
            decoder=last.decoder,
            spread=spread,
            plan=plan,
        )


@dataclass(frozen=True)
class Decoder:
    """The layers over what a cell remembers (n, F) and what is known of steps (n, K): W units, 2 numbers.

    Parameters
    ----------
    centre, scale : float32 (K,)
        By which the features are brought to mean 0 and deviation 1.
    widen : float32 (F + K, W)
    widen_bias : float32 (W,)
    narrow : float32 (W, 2)
    narrow_bias : float32 (2,)
    """

    centre: np.ndarray
    scale: np.ndarray
    widen: np.ndarray
    widen_bias: np.ndarray
    narrow: np.ndarray
    narrow_bias: np.ndarray

    def say(self, memory: np.ndarray, X: np.ndarray) -> np.ndarray:
        """The logarithms of mean / level and of the shape, float64 (n, 2)."""
        wide = np.concatenate([memory, (X - self.centre) / self.scale], axis=1) @ self.widen + self.widen_bias
        said: np.ndarray = (wide * expit(wide)) @ self.narrow + self.narrow_bias
        return said.astype(np.float64)


@dataclass(frozen=True)
class FittedRecurrent:
    """What the network remembers of each series, and the layers that say the steps ahead.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    specification : tuple of S str
        Such as "gru of 32, 5 epochs".
    season_length : int64 (S,)
        1 where there is none.
    memory : float32 (S, width)
    features : float32 (S, H, K)
        What is known of each step; the covariates come last, each followed by its change.
    level : float64 (S,)
        Units a step, before the network.
    mean, shape : float64 (S, H)
        Of the negative binomials, under the plan of the covariates.
    decoder : Decoder
    spread : Spread
    plan : Plan
        What the panel planned of its covariates.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    specification: tuple[str, ...]
    season_length: np.ndarray
    memory: np.ndarray
    features: np.ndarray
    level: np.ndarray
    mean: np.ndarray
    shape: np.ndarray
    decoder: Decoder
    spread: Spread
    plan: Plan

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units.

        Parameters
        ----------
        exog : float64 (S, horizon, K), optional
            What the covariates will be; None: as the panel planned.

        Raises RequestError where the horizon is beyond the fitted one, a covariate is missing, or `probs`
        are not ascending between 0 and 1.
        """
        probs = check_request(horizon, self.mean.shape[1], probs)
        planned = self.plan.ahead(horizon, exog)
        mean, shape = self.mean[:, :horizon].copy(), self.shape[:, :horizon]
        if exog is not None and self.plan.names:
            mean, shape = self._under(planned)
        return Forecast(
            self.keys, self.start, self.step, mean, self.spread.quantile(mean, shape, probs), probs
        )

    def _under(self, exog: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and shape, each (S, h), with covariates (S, h, K) other than planned."""
        S, horizon, _ = exog.shape
        X = with_covariates(self.features[:, :horizon], exog)
        said = self.decoder.say(np.repeat(self.memory, horizon, axis=0), X.reshape(S * horizon, -1))
        mean, shape = _distribution(np.repeat(self.level, horizon), said)
        return mean.reshape(S, horizon), shape.reshape(S, horizon)


def _distribution(level: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and shape of negative binomials, both (n,)."""
    mean = level * np.exp(np.clip(said[:, 0], -MOST, MOST))
    return mean, np.clip(np.exp(np.clip(said[:, 1], -MOST, MOST)), 1 / POISSON, POISSON)


def _words(trained: "Trained", cell: str) -> str:
    if not trained.epochs:
        return "level: too few steps for a network"
    width = trained.decoder.widen.shape[0] - len(trained.decoder.centre)
    return f"{cell} of {width}, {trained.epochs} {'epoch' if trained.epochs == 1 else 'epochs'}"
