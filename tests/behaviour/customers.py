"""Simulated customers whose parameters are known."""

import numpy as np
import pyarrow as pa

from merx.data.customers import Customers
from merx.data.vocabulary import Vocabulary


def customers(x, t, T, value=None):
    x, t, T = (np.asarray(column, np.float64) for column in (x, t, T))
    value = np.full(len(x), np.nan) if value is None else np.asarray(value, np.float64)
    users = Vocabulary(pa.array([f"u{u}" for u in range(len(x))]))
    return Customers(users, x, t, T, value, np.nan_to_num(value) * (x + 1))


def rates(n, r, alpha, seed):
    """A generator, rates of purchase (n,) and days observed (n,)."""
    rng = np.random.default_rng(seed)
    return rng, rng.gamma(r, 1 / alpha, n), rng.uniform(100, 500, n)


def pareto_world(n, r, alpha, s, beta, seed=0):
    rng, rate, T = rates(n, r, alpha, seed)
    life = np.minimum(rng.exponential(1 / rng.gamma(s, 1 / beta, n)), T)
    x = rng.poisson(rate * life)
    t = np.where(x > 0, life * rng.random(n) ** (1 / np.maximum(x, 1)), 0)  # the largest of x uniform moments
    return customers(x, t, T)


def beta_geometric_world(n, r, alpha, a, b, at_zero, seed=0):
    rng, rate, T = rates(n, r, alpha, seed)
    p = rng.beta(a, b, n)
    there = rng.random(n) > p if at_zero else np.ones(n, bool)
    x, t, now = np.zeros(n), np.zeros(n), np.zeros(n)
    while there.any():
        now = now + rng.exponential(1 / rate)
        there &= now <= T
        x[there] += 1
        t[there] = now[there]
        there &= rng.random(n) > p
    return customers(x, t, T)


def gamma_gamma_world(n, p, q, v, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 8, n).astype(float)
    value = rng.gamma(p * x, 1 / (rng.gamma(q, 1 / v, n) * x))  # the mean of x purchases
    return customers(x, x, x + 1, value)
