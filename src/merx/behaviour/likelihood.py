"""Maximum likelihood of models whose rows are worked out by `merx.kernels.lifetime`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from merx.data.customers import Customers
from merx.errors import FitError
from merx.kernels.threads import over_rows

ROWS = 8192  # that a thread takes at a time
SKETCH = 20_000  # rows on which a good start is found first
WIDEST = 10.0  # |ln parameter|, in units of the mean age: wider differences change no answer
FLAT = 1e-5  # slope per row of what counts as a maximum
CLIMBS = 5  # on all rows at most: on a nearly flat likelihood a search may stop short, and goes on from there
FEWEST = 100  # customers who came back: with fewer, four parameters follow accidents

# work(first, last, parameters, value (n,), slope (n, parameters)) fills the rows first:last.
Rows = Callable[[int, int, tuple[float, ...], np.ndarray, np.ndarray], None]
# The same of repeat purchases: kernel(first, last, x, t, T, parameters, value, slope, alive (n,)).
Kernel = Callable[..., None]


@dataclass(frozen=True)
class History:
    """The distinct rows (n,) of customers by x, with how many there are of each; times by the mean age.

    Parameters
    ----------
    x, t, T : float64 (n,)
        Repeat purchases, time of the last, time observed.
    count : float64 (n,)
    unit : float
        The mean age in days.
    """

    x: np.ndarray
    t: np.ndarray
    T: np.ndarray
    count: np.ndarray
    unit: float


def history(customers: Customers, model: str) -> History:
    """What a model of repeat purchase reads. Raises FitError where too few customers came back."""
    back = int(np.count_nonzero(customers.frequency))
    if back < FEWEST:
        raise FitError(
            f"{model}: {back:,} of {len(customers):,} customers bought on a second day, and it takes "
            f"{FEWEST} to tell how often customers come back. Ingest a longer history."
        )
    rows = np.stack([customers.age, customers.recency, customers.frequency])  # (3, U)
    rows = rows[:, np.lexsort(rows)]  # by the last, so that the kernels meet each x once
    first = np.flatnonzero(np.append(True, (np.diff(rows) != 0).any(axis=0)))
    unit = float(customers.age.mean())
    T, t, x = rows[:, first]
    count = np.diff(np.append(first, rows.shape[1])).astype(np.float64)
    return History(x, t / unit, T / unit, count, unit)


def likeliest(
    kernel: Kernel, customers: Customers, times: tuple[bool, ...], model: str
) -> tuple[list[float], float]:
    """The parameters under which the purchases are likeliest, and the log-likelihood, times in days.

    Parameters
    ----------
    times : bool of each parameter
        Whether it is a time.

    Raises
    ------
    FitError
        Too few customers came back, or no maximum was found.
    """
    seen = history(customers, model)

    def rows(some: slice) -> Rows:
        x, t, T = seen.x[some], seen.t[some], seen.T[some]
        alive = np.empty(len(x))
        return lambda first, last, parameters, value, slope: kernel(
            first, last, x, t, T, parameters, value, slope, alive
        )

    found, likelihood = maximise(rows, seen.count, len(times), model)
    purchases = float(customers.frequency.sum())  # each has a density, by the unit of time
    in_days = np.where(times, seen.unit, 1.0) * found
    return in_days.tolist(), likelihood - purchases * float(np.log(seen.unit))


def chance_alive(kernel: Kernel, customers: Customers, parameters: tuple[float, ...]) -> np.ndarray:
    """The chance that each is a customer still, float64 (U,)."""
    n = len(customers)
    value, slope, alive = np.empty(n), np.empty((n, len(parameters))), np.empty(n)
    seen = customers.frequency, customers.recency, customers.age
    over_rows(n, ROWS, lambda first, last: kernel(first, last, *seen, parameters, value, slope, alive))
    return alive


def median_wait(r: float, alpha: float, customers: Customers) -> np.ndarray:
    """Median days to the next purchase of those who do not leave before, float64 (U,).

    Of rates Gamma(r + x, alpha + T) the chance of none in t days is ((alpha + T) / (alpha + T + t))^(r + x).
    """
    return np.asarray((alpha + customers.age) * np.expm1(np.log(2) / (r + customers.frequency)))


def maximise(
    rows: Callable[[slice], Rows], count: np.ndarray, n: int, model: str
) -> tuple[np.ndarray, float]:
    """The n positive parameters of the largest log-likelihood, and its value.

    A start is found on some of the rows; then L-BFGS-B climbs in the logarithms of the parameters, and goes
    on from where it stopped short of the top.

    Parameters
    ----------
    rows : callable
        Gives the work on a slice of all rows.
    count : float64 (rows,)
        How often each row is there.

    Raises
    ------
    FitError
        No maximum was found.
    """
    start = np.zeros(n)
    every = max(1, len(count) // SKETCH)
    for step in [every, *[1] * CLIMBS]:
        some = slice(None, None, step)
        found = _climb(rows(some), count[some], start)
        if step == 1 and _is_flat(found):
            break
        start = found.x
    else:
        raise FitError(
            f"{model}: no parameters fit the purchases better than all others, so they do not follow "
            "this model."
        )
    return np.exp(found.x), -float(found.fun) * float(count.sum())


def _is_flat(found) -> bool:  # type: ignore[no-untyped-def]
    """Whether a search ended where no parameter within the bounds has a slope."""
    inside = np.abs(found.x) < WIDEST
    return bool(np.isfinite(found.fun) and np.abs(found.jac[inside]).max(initial=0) <= FLAT)


def _climb(work: Rows, count: np.ndarray, start: np.ndarray):  # type: ignore[no-untyped-def]
    value, slope = np.empty(len(count)), np.empty((len(count), len(start)))
    total = count.sum()

    def loss(log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = np.exp(log_parameters)
        given = tuple(parameters.tolist())
        over_rows(len(count), ROWS, lambda first, last: work(first, last, given, value, slope))
        up = np.einsum("i,ij->j", count, slope) * parameters
        return -float(np.einsum("i,i->", count, value) / total), -up / total

    return minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-WIDEST, WIDEST)] * len(start),
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500},
    )
