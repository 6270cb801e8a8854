import numpy as np
import pyarrow as pa
import pytest

from merx.data.vocabulary import Vocabulary
from merx.evaluate.price_forecasts import PriceScores


def scores(crps):
    n = len(crps)
    keys = Vocabulary(pa.array([f"price: {s}" for s in range(n)]))
    return PriceScores("ours", keys, np.asarray(crps), np.asarray(crps), np.ones(3), np.ones(3), 0.0)


def test_a_model_beats_the_bar_only_beyond_chance():
    rng = np.random.default_rng(0)
    bar = scores(rng.uniform(1, 2, 100))
    noise = rng.normal(0, 0.1, 100)
    noise -= noise.mean()
    error = 0.1 / 10
    assert scores(bar.crps + noise - 3 * error).beats(bar) is True  # plain JSON
    assert not scores(bar.crps + noise - 1 * error).beats(bar)
    assert not scores(bar.crps + noise + 3 * error).beats(bar)
    assert "does not clearly beat" in scores(bar.crps + noise - error).against(bar)
    assert not bar.beats(bar)


@pytest.mark.parametrize("known", [0, 1])
def test_one_price_tells_nothing(known):
    few = np.full(4, np.nan)
    few[:known] = 1.0
    assert not scores(few - 0.5).beats(scores(few))
