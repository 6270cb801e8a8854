"""What a model of each kind must be able to do: structural, a class meets a contract by its methods."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy import sparse

from merx.data.activity import Activity
from merx.data.customers import Customers
from merx.data.interactions import Interactions
from merx.data.panel import Panel, PricePanel
from merx.data.results import Attribution, Contributions, Forecast
from merx.data.vocabulary import Vocabulary

Progress = Callable[[str, int, int], None]
"""Told of long work: what is done, how much of it so far, of how much."""


def quiet(what: str, done: int, total: int) -> None:
    """Report no progress."""


@runtime_checkable
class Recommender(Protocol):
    """A function from histories to item scores; a new shopper is served without retraining."""

    @property
    def items(self) -> Vocabulary:
        """The items it was fitted on."""
        ...

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I), a new array; higher is better, -inf where nothing speaks for an item.

        `histories` are in the codes of `items`.
        """
        ...

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each entry of a history (a batch of one) adds to the score of the items (k,)."""
        ...


@runtime_checkable
class FactorModel(Recommender, Protocol):
    """A recommender whose scores are inner products; it is ranked without a score of every item."""

    @property
    def index(self) -> Any:
        """The item vectors (I, F), as a `merx.kernels.products.ProductIndex`."""
        ...

    def embed(self, histories: Interactions) -> np.ndarray:
        """Vectors of the shoppers, float32 (U, F); zeros where a history says nothing."""
        ...


@runtime_checkable
class SourcedModel(Recommender, Protocol):
    """A recommender that joins several sorts of data and can say what each of them brought."""

    def sources(self, histories: Interactions, item: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        """Names of the S sorts, and what each adds to the scores of the items (k,), float64 (k, S).

        `histories` is a batch of one.
        """
        ...


@runtime_checkable
class NeighbourModel(Recommender, Protocol):
    """A recommender whose scores are a sparse product; it is ranked without a score of every item."""

    @property
    def similarity(self) -> sparse.csr_array:
        """How much having item h speaks for item i, float32 CSR (I, I) at [h, i]."""
        ...

    def profile(self, histories: Interactions) -> sparse.csr_array:
        """How much each item of a history counts, float32 CSR (U, I)."""
        ...


class Heard(Protocol):
    """What a recommender has to say of some shoppers; it serves several lists and their reasons."""

    def top(
        self, k: int, exclude: Interactions | None, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best items and their scores, int32 and float32 (U, k), as in a Ranking.

        Parameters
        ----------
        exclude : Interactions (the same U users) or None
            The items of these entries must not be shown.
        allowed : bool (I,) or None
            The only items that may be shown.
        """
        ...

    def explain(self, item: np.ndarray) -> Contributions:
        """As `Recommender.explain`, of a batch of one."""
        ...


@runtime_checkable
class CandidateModel(Recommender, Protocol):
    """A recommender that scores few items, and finds out much of a shopper before it can."""

    def hear(self, histories: Interactions) -> Heard:
        """Find that out, once."""
        ...


@runtime_checkable
class RatingModel(Recommender, Protocol):
    """A recommender whose scores are stars; its explanations are what moves them from a baseline.

    score = baseline + the sum of the parts of `explain`, where the score is a number.
    """

    def predict(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Stars of n pairs (row of the histories, code of the item), float64 (n,), within the scale seen.

        Where nothing else is known this comes down to the means.
        """
        ...

    def baseline(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Stars of n pairs before likeness to others counts, float64 (n,), not clipped."""
        ...


@runtime_checkable
class Forecaster(Protocol):
    """A fitted model of the next steps of the series it has seen."""

    @property
    def keys(self) -> Vocabulary:
        """The series it was fitted on."""
        ...

    @property
    def specification(self) -> tuple[str, ...]:
        """What was fitted to each series, in short, such as "ETS(A,N,A)[7]"."""
        ...

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series.

        Parameters
        ----------
        exog : float64 (S, horizon, K), optional
            What the covariates of the panel will be. None: what the panel planned (`exog_ahead`). A kind
            that reads none does not look at it.

        Raises RequestError where the horizon is beyond the fitted one, or a covariate it needs is missing.
        """
        ...


@runtime_checkable
class DemandModel(Protocol):
    """Expected units at prices not yet tried."""

    @property
    def items(self) -> Vocabulary:
        """The items it was fitted on."""
        ...

    def demand(self, prices: np.ndarray) -> np.ndarray:
        """Expected units a week, (I, G): entry (i, g) with item i at prices[i, g] and all others as now."""
        ...

    def draws(self, prices: np.ndarray) -> np.ndarray:
        """Posterior draws of the expected units a week, (draws, I, G), at the prices (I, G)."""
        ...

    def take(self, which: np.ndarray) -> "DemandModel":
        """The same model of the items with the places `which` (n,) alone, in that order."""
        ...


@runtime_checkable
class LifetimeModel(Protocol):
    """Who is a customer still and buys how often, from the days of purchases alone."""

    def alive(self, customers: Customers) -> np.ndarray:
        """The chance that each is a customer still, float64 (U,)."""
        ...

    def expected(self, customers: Customers, days: float) -> np.ndarray:
        """Days with a purchase in the next `days`, float64 (U,)."""
        ...

    def expected_new(self, days: float) -> float:
        """Days with a purchase after the first one, of a new customer in `days`."""
        ...

    def days_to_next(self, customers: Customers) -> np.ndarray:
        """Median days to the next purchase of those who do not leave before, float64 (U,)."""
        ...


@runtime_checkable
class ValueModel(Protocol):
    """What a purchase is worth."""

    def value(self, customers: Customers) -> np.ndarray:
        """Expected value of a later purchase of each customer, float64 (U,)."""
        ...


@runtime_checkable
class Propensity(Protocol):
    """What shoppers who were active lately do in the days to come."""

    def predict(self, activity: Activity) -> np.ndarray:
        """A chance or an amount as of the end of the activity, float64 (U,), NaN for who was not active."""
        ...

    def explain(self, activity: Activity, user: np.ndarray) -> Attribution:
        """What moves the prediction of the shoppers (n,)."""
        ...


@runtime_checkable
class PropensityConfig(Protocol):
    """The hyper-parameters of a propensity."""

    def fit(self, activity: Activity) -> Any:
        """The fitted Propensity."""
        ...


@runtime_checkable
class CustomerConfig(Protocol):
    """The hyper-parameters of a lifetime or value model."""

    def fit(self, customers: Customers) -> Any:
        """The fitted LifetimeModel or ValueModel."""
        ...


@runtime_checkable
class RecommenderConfig(Protocol):
    """The hyper-parameters of a recommender."""

    def fit(self, interactions: Interactions) -> Any:
        """The fitted Recommender."""
        ...


@runtime_checkable
class ForecasterConfig(Protocol):
    """The hyper-parameters of a forecaster."""

    def fit(self, panel: Panel, progress: Progress | None = None) -> Any:
        """The fitted Forecaster; `progress` is told after each series."""
        ...


@runtime_checkable
class DemandConfig(Protocol):
    """The hyper-parameters of a demand model."""

    def fit(self, panel: PricePanel) -> Any:
        """The fitted DemandModel."""
        ...
