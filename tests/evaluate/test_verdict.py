"""Verdicts: which models beat the trivial one by more than chance."""

import math

import numpy as np
import pytest

from merx.errors import DataError
from merx.evaluate.ranking import RankingScores
from merx.evaluate.verdict import FEWEST, compare

# One shopper, k = 5: hits at places 1 and 3 of the list, three targets.


def scores_of(ndcg: np.ndarray, k: int = 10) -> RankingScores:
    return RankingScores(k, np.arange(len(ndcg)), 0, {"ndcg": ndcg}, 0.5, 3.0, {}, math.nan)


def test_compare_by_hand():
    # differences 0.1 and 0.3, 20 of each: mean 0.2, standard deviation 0.1 * sqrt(40 / 39),
    # standard error 0.1 / sqrt(39), and t(39) at 0.975 is 2.02269
    bar = np.linspace(0, 0.6, 40)
    better = bar + np.tile([0.1, 0.3], 20)
    (result,) = compare({"als": scores_of(better), "popularity": scores_of(bar)}, "popularity")
    assert result.difference == pytest.approx(0.2)
    assert result.margin == pytest.approx(2.02269 * 0.1 / math.sqrt(39), rel=1e-5)
    assert result.beats
    assert result.sentence == "als beats popularity by 0.200 ± 0.032 NDCG@10 (40 shoppers)."


def test_compare_is_paired():
    # shoppers differ far more than models do; an unpaired interval would see nothing
    bar = np.random.default_rng(1).random(200)
    better = bar + 0.01 + 0.001 * np.random.default_rng(2).standard_normal(200)
    (result,) = compare({"popularity": scores_of(bar), "als": scores_of(better)}, "popularity")
    assert result.beats
    unpaired = math.hypot(scores_of(bar).standard_error("ndcg"), scores_of(better).standard_error("ndcg"))
    assert result.margin < 0.02 * unpaired


def test_the_other_verdicts():
    draw = np.random.default_rng(4)
    bar = draw.random(100)
    models = {
        "popularity": bar,
        "noise": bar + 0.05 * draw.standard_normal(100),
        "same": bar.copy(),
        "bad": bar - 0.1,
    }
    noise, same, bad = compare({name: scores_of(value) for name, value in models.items()}, "popularity")
    assert [noise.beats, same.beats, bad.beats] == [False, False, False]
    assert "noise does not beat popularity (" in noise.sentence
    assert same.sentence == (
        "same does not beat popularity (+0.000 ± 0.000 NDCG@10, 100 shoppers). Prefer popularity."
    )
    assert bad.sentence.startswith("bad is worse than popularity (-0.100 ± 0.000 NDCG@10, 100 shoppers).")


def test_few_shoppers_tell_nothing():
    bar = np.zeros(FEWEST - 1)
    (result,) = compare({"als": scores_of(bar + 1), "popularity": scores_of(bar)}, "popularity")
    assert not result.beats
    assert result.margin == math.inf
    assert result.sentence == (
        "als cannot be told from popularity: 29 shoppers have a target, at least 30 are needed. "
        "Prefer popularity."
    )
    bar = np.zeros(FEWEST)
    (enough,) = compare({"als": scores_of(bar + 1), "popularity": scores_of(bar)}, "popularity")
    assert enough.beats


def test_of_many_worthless_models_seldom_one_beats():
    draw = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        bar = draw.random(60)
        models = {f"model {number}": scores_of(bar + draw.standard_normal(60)) for number in range(10)}
        verdicts = compare({"popularity": scores_of(bar), **models}, "popularity")
        found += any(verdict.beats for verdict in verdicts)
    # one-sided, 2.5 % of 200 = 5 expected; without the correction it would be about 45
    assert found <= 12


def test_only_like_is_compared_with_like():
    bar = scores_of(np.zeros(40))
    with pytest.raises(DataError, match="'als' was measured on 40 shoppers at k = 5"):
        compare({"als": scores_of(np.zeros(40), k=5), "popularity": bar}, "popularity")
    with pytest.raises(DataError, match="'als' was measured on 41 shoppers"):
        compare({"als": scores_of(np.zeros(41)), "popularity": bar}, "popularity")
    assert compare({"popularity": bar}, "popularity") == ()
