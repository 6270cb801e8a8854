import numpy as np
import pytest

from merx.forecast.change_points import change_points
from merx.kernels.pelt import pelt


def least_cost(x, shortest, penalty):
    """Optimal partitioning without pruning, each line by polyfit."""
    n = len(x)
    best = np.full(n + 1, np.inf)
    best[0], before = -penalty, np.zeros(n + 1, dtype=int)
    for end in range(shortest, n + 1):
        for first in range(0, end - shortest + 1):
            t = np.arange(first, end)
            error = np.sum((x[first:end] - np.polyval(np.polyfit(t, x[first:end], 1), t)) ** 2)
            if best[first] + error + penalty < best[end]:
                best[end], before[end] = best[first] + error + penalty, first
    places, end = [], before[n]
    while end > 0:
        places.append(end)
        end = before[end]
    return places[::-1]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shortest", [2, 5, 11])
def test_pruning_keeps_the_best_partition(seed, shortest):
    rng = np.random.default_rng(seed)
    lines = [rng.normal(0, 3) + rng.normal(0, 0.3) * np.arange(k) for k in rng.integers(6, 25, 4)]
    x = np.concatenate(lines)
    x = x + rng.normal(0, 1, len(x))
    x -= x.mean()
    for penalty in (2.0, 10.0, 40.0):
        assert pelt(x, shortest, penalty).tolist() == least_cost(x, shortest, penalty)


def test_a_level_shift_is_found_where_it_is():
    y = 20 + np.random.default_rng(0).normal(0, 1, 300)
    y[180:] += 6
    found = change_points(y, 14)
    assert len(found.at) == 1
    assert abs(found.at[0] - 180) <= 1
    assert found.jump[0] == pytest.approx(6, abs=0.6)
    assert found.is_level.tolist() == [True]


def test_a_bend_is_told_from_a_shift():
    t = np.arange(400)
    y = (
        50
        + 0.1 * np.minimum(t, 200)
        - 0.15 * np.maximum(t - 200, 0)
        + np.random.default_rng(1).normal(0, 1, 400)
    )
    found = change_points(y, 14)
    assert len(found.at) == 1
    assert abs(found.at[0] - 200) <= 20
    assert found.slope_before[0] == pytest.approx(0.1, abs=0.02)
    assert found.slope_after[0] == pytest.approx(-0.15, abs=0.02)
    assert found.is_level.tolist() == [False]


def test_noise_slow_or_not_has_hardly_any_change():
    rng = np.random.default_rng(2)
    false = {}
    for rho in (0.0, 0.5):
        noise = rng.normal(0, 1, (60, 400))
        for t in range(1, 400):
            noise[:, t] += rho * noise[:, t - 1]
        false[rho] = sum(len(change_points(x, 14).at) > 0 for x in noise)
    assert false[0.0] <= 3
    assert false[0.5] <= 6


def test_one_huge_order_is_no_change():
    y = 20 + np.random.default_rng(3).normal(0, 1, 200)
    y[90] += 500
    assert len(change_points(y, 14).at) == 0


@pytest.mark.parametrize("n", [0, 1, 3, 10, 27, 28, 60])
def test_short_and_constant_series_have_none(n):
    assert len(change_points(np.full(n, 4.0), 14).at) == 0
    assert len(change_points(np.arange(n) * 2.0, 14).at) == 0
