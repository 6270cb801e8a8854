"""Whether a model beats the trivial one, shopper by shopper: a paired comparison, and its verdict."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from merx.errors import DataError
from merx.evaluate.ranking import LABELS, RankingScores, standard_error

FEWEST = 30  # shoppers below which a mean difference and its error say nothing


@dataclass(frozen=True)
class Comparison:
    """One model against the trivial one, shopper by shopper.

    Parameters
    ----------
    model, trivial, metric : str
    k, users : int
    difference : float
        Mean over shoppers of the model's measure less the trivial one's.
    margin : float
        Half the width of the interval around it; infinite for fewer than FEWEST shoppers.
    """

    model: str
    trivial: str
    metric: str
    k: int
    users: int
    difference: float
    margin: float

    @property
    def beats(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.difference > self.margin

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        label = f"{LABELS[self.metric]}@{self.k}"
        if self.users < FEWEST:
            return (
                f"{self.model} cannot be told from {self.trivial}: {self.users} shoppers have a target, "
                f"at least {FEWEST} are needed. Prefer {self.trivial}."
            )
        if self.beats:
            return (
                f"{self.model} beats {self.trivial} by {self.difference:.3f} ± {self.margin:.3f} {label} "
                f"({self.users:,} shoppers)."
            )
        verb = "is worse than" if -self.difference > self.margin else "does not beat"
        return (
            f"{self.model} {verb} {self.trivial} ({self.difference:+.3f} ± {self.margin:.3f} {label}, "
            f"{self.users:,} shoppers). Prefer {self.trivial}."
        )


def compare(
    scores: Mapping[str, RankingScores], trivial: str, metric: str = "ndcg", level: float = 0.95
) -> tuple[Comparison, ...]:
    """Whether each model beats the trivial one, in the order given.

    Differences are taken shopper by shopper, so what makes a shopper hard to serve for both cancels. The
    interval is the mean ± Student's t times the standard error. All the intervals hold at once with
    probability `level` or more (Bonferroni), so trying many models does not make one look good by luck.

    Parameters
    ----------
    scores : model name -> RankingScores
        All for the same k and the same shoppers.
    trivial : str
        The model to beat, one of `scores`.
    metric : str
        One of METRICS.
    level : float
        0.95, never 95.

    Raises DataError where the scores are not of the same shoppers and k.
    """
    bar = scores[trivial]
    others = {model: score for model, score in scores.items() if model != trivial}
    result = []
    for model, score in others.items():
        if score.k != bar.k or not np.array_equal(score.user, bar.user):
            raise DataError(
                f"compare: {model!r} was measured on {score.users:,} shoppers at k = {score.k}, {trivial!r} "
                f"on {bar.users:,} at k = {bar.k}, or on others. Measure both on the same targets and k."
            )
        paired = score.per_user[metric] - bar.per_user[metric]  # (U',)
        margin = float("inf")
        if len(paired) >= FEWEST:
            tail = (1 - level) / len(others) / 2
            margin = float(special.stdtrit(len(paired) - 1, 1 - tail)) * standard_error(paired)
        result.append(Comparison(model, trivial, metric, bar.k, bar.users, float(paired.mean()), margin))
    return tuple(result)
