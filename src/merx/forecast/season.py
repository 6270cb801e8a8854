"""The season length of a series: given, or found from the data by its autocorrelation."""

import numpy as np

CANDIDATE: dict[str, int] = {"day": 7, "week": 52}
"""The one season tried for each step: the week in days, the year in weeks."""


def find_season(y: np.ndarray, step: str) -> int:
    """Season length of one series: the candidate of its step, or 1 where the data show none.

    The candidate m (7 days, 52 weeks) is taken where at least two full cycles were seen and the
    autocorrelation at lag m of the linearly detrended series lies above its one-sided 95 % bound under
    the hypothesis that only the lags below m are correlated (Bartlett's formula):
    r_m > 1.645 sqrt((1 + 2 sum_{i<m} r_i^2) / n).

    Parameters
    ----------
    y : float64 (n,)
        Without gaps; for sales, log(1 + y), so that one large order doesn't hide the week.
    step : "day" or "week"

    Notes
    -----
    Source: the seasonality test of the M4 competition (Makridakis, Spiliotis & Assimakopoulos 2020).
    """
    m, n = CANDIDATE[step], len(y)
    if n < 2 * m:
        return 1
    time = np.arange(n) - (n - 1) / 2
    detrended = y - y.mean() - time * (time @ y) / (time @ time)
    variance = detrended @ detrended
    if variance <= 1e-12 * n:
        return 1
    r = np.array([detrended[lag:] @ detrended[:-lag] for lag in range(1, m + 1)]) / variance  # (m,)
    bound = 1.645 * np.sqrt((1 + 2 * (r[:-1] @ r[:-1])) / n)
    return m if r[-1] > bound else 1


def season_of(y: np.ndarray, step: str, season_length: int) -> int:
    """The season length to fit to y (n,): `season_length` if not 0, else found.

    It is 1 (none) in any case where the series doesn't hold two full cycles.
    """
    if season_length == 0:
        return find_season(y, step)
    return season_length if len(y) >= 2 * season_length else 1
