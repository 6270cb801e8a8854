"""A world of pictures whose styles are known: each style has its own hue and texture."""

import numpy as np

from merx.simulate.catalogue import STYLES
from merx.simulate.pictures import draw_pictures

SIZE = 32


def styled(count, seed=0, size=SIZE):
    """Pictures uint8 (count, size, size, 3) and the style int (count,) of each."""
    rng = np.random.default_rng(seed)
    taste, category = rng.integers(0, len(STYLES), count), rng.integers(0, 24, count)
    return draw_pictures(taste, category, size, rng), taste
