"""Made-up prices whose chain is known."""

import numpy as np

from tests.forecast.worlds import panel_of


def shelf(n, seed, begin=0.15, end=0.5, change=0.02, depths=(-0.3, -0.2), size=0.06, start=1.0):
    """Log price and promotion flag of the chain of `ShelfPrice`, with hazards that do not depend on age."""
    rng = np.random.default_rng(seed)
    regular, depth, log, flag = start, 0.0, np.empty(n), np.zeros(n, dtype=bool)
    for t in range(n):
        if depth < 0:
            depth = 0.0 if rng.random() < end else depth
        elif rng.random() < begin:
            depth = rng.choice(depths)
        if depth == 0 and rng.random() < change:
            regular += size * rng.choice([-1, 1])
        log[t], flag[t] = regular + depth, depth < 0
    return log, flag


def shelves(series=40, n=200, step="week", **chain):
    """A panel of such prices."""
    return panel_of([np.exp(shelf(n, seed, **chain)[0]) for seed in range(series)], step=step)


def mixed_prices():
    """Steps, promotions, a constant price, a single step, gaps, a walk, and a series without any price."""
    rng = np.random.default_rng(0)
    log = [shelf(120, 0)[0], shelf(60, 1)[0], np.zeros(40), np.ones(1), shelf(90, 2)[0]]
    series = [np.exp(part) for part in log] + [np.exp(rng.normal(0, 0.02, 150).cumsum()), np.ones(5)]
    available = [np.ones(len(y), dtype=bool) for y in series]
    available[4][30:45] = available[4][-3:] = False
    available[6][:] = False
    return panel_of(series, available, step="week")
