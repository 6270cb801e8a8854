"""The season length of a series: given, or found from the data by its autocorrelation."""

import numpy as np

CANDIDATE: dict[str, int] = {"hour": 24, "day": 7, "week": 52, "month": 12}
"""The one season tried for each step: the day in hours, the week in days, the year in weeks or months."""


def find_season(y: np.ndarray, step: str, week: int = CANDIDATE["day"]) -> int:
    """Season length of one series: the candidate of its step, or 1 where the data show none.

    The candidate is tried where two full cycles were seen, on the linearly detrended series.

    7 days, m = 7 (24 hours and 12 months alike): the autocorrelation at lag m lies above its one-sided 95 %
    bound under the hypothesis that only shorter lags are correlated (Bartlett):
    r_m > 1.645 sqrt((1 + 2 sum_{i<m} r_i^2) / n).

    52 weeks: the mean over five weeks correlates by more than 0.5 with itself a year before. Bartlett's
    bound is of no use here: the 51 shorter lags of a smooth yearly season raise it so far that the season
    itself goes unseen.

    Parameters
    ----------
    y : float64 (n,)
        Without gaps; for sales, log(1 + y), so that one large order doesn't hide the week.
    step : "hour", "day", "week" or "month"
    week : int
        Days in a week of y: fewer than 7 where closed weekdays were taken out.

    Notes
    -----
    Source of the first: the seasonality test of the M4 competition (Makridakis, Spiliotis &
    Assimakopoulos 2020).
    """
    m, n = week if step == "day" else CANDIDATE[step], len(y)
    if m == 1 or n < 2 * m:
        return 1
    time = np.arange(n) - (n - 1) / 2
    detrended = y - y.mean() - time * (time @ y) / (time @ time)
    if detrended @ detrended <= 1e-12 * n:
        return 1
    if step == "week":
        smooth = np.convolve(detrended, np.full(5, 0.2), "same")  # (n,)
        now, before = smooth[m:] - smooth[m:].mean(), smooth[:-m] - smooth[:-m].mean()
        return m if now @ before > 0.5 * np.sqrt((now @ now) * (before @ before)) else 1
    r = np.array([detrended[lag:] @ detrended[:-lag] for lag in range(1, m + 1)]) / (detrended @ detrended)
    bound = 1.645 * np.sqrt((1 + 2 * (r[:-1] @ r[:-1])) / n)
    return m if r[-1] > bound else 1


def find_seasons(y: np.ndarray, step: str, week: int = CANDIDATE["day"]) -> tuple[int, ...]:
    """All the season lengths that one series shows, shortest first.

    Day series are tried for a week (7) and a year (365), hour series for a day (24) and a week (168), others
    for their one candidate. The longer one is sought as `find_season` does it in the sums over the shorter.
    Arguments as there; where closed weekdays were taken out, the year is shorter by them.
    """
    found = [find_season(y, step, week)]
    if step == "day":
        found.append(round(365 * week / 7) * (find_season(_sums(y, week), "week") > 1))
    elif step == "hour":
        found.append(168 * (find_season(_sums(y, 24), "day") > 1))
    return tuple(m for m in found if 1 < m <= len(y) / 2)


def _sums(y: np.ndarray, steps: int) -> np.ndarray:
    """Over each `steps` of y (n,), the latest whole ones."""
    whole = len(y) // steps * steps
    sums: np.ndarray = y[len(y) - whole :].reshape(-1, steps).sum(axis=1)
    return sums


def season_of(y: np.ndarray, step: str, season_length: int, week: int = CANDIDATE["day"]) -> int:
    """The season length to fit to y (n,): `season_length` if not 0, else found.

    It is 1 (none) in any case where the series doesn't hold two full cycles. Where closed weekdays were
    taken out (`week` below 7), a given season of whole weeks is shorter by them.
    """
    if season_length == 0:
        return find_season(y, step, week)
    if step == "day" and season_length % CANDIDATE["day"] == 0:
        season_length = season_length // CANDIDATE["day"] * week
    return season_length if len(y) >= 2 * season_length else 1


def seasons_of(y: np.ndarray, step: str, season_length: int, week: int) -> tuple[int, ...]:
    """The season lengths to take from y (n,), ascending: the given one as in `season_of`, or all found."""
    if season_length == 0:
        return find_seasons(y, step, week)
    m = season_of(y, step, season_length, week)
    return (m,) if m > 1 else ()


def seasonal_profile(y: np.ndarray, season_length: int) -> np.ndarray:
    """What each step of a long cycle adds, (m,), with mean 0; entry i belongs to y[i], y[i + m], ...

    The series less its level, averaged over the cycles and then over three neighbouring steps, as two or
    three years say little about one week alone. The level is a local line over one cycle, taken twice:
    from the series, then from the series less its first profile.

    Parameters
    ----------
    y : float64 (n,), n >= 2 m
    season_length : int
        m.
    """
    from scipy.signal import savgol_filter  # half a second to import

    m, n = season_length, len(y)
    place = np.arange(n) % m
    profile = np.zeros(m)
    for _ in range(2):
        level = savgol_filter(y - profile[place], m | 1, polyorder=1)
        profile = np.bincount(place, y - level, m) / np.bincount(place, minlength=m)
        around = np.pad(profile - profile.mean(), 1, mode="wrap")
        profile = np.convolve(around, np.full(3, 1 / 3), "valid")
    return profile
