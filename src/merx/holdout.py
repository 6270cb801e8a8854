"""Judging recommenders on days they have not seen: what `merx evaluate` and `merx tune` share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from merx.config import ShopConfig
from merx.data.interactions import Interactions
from merx.data.schema import EVENTS
from merx.errors import DataError
from merx.evaluate.ranking import RankingScores, score_ranking
from merx.evaluate.split import BOUGHT, Split, check_no_leak, targets
from merx.fitting import Inputs
from merx.recommend.rank import met_before, rank
from merx.registry import Kind
from merx.store.engine import Engine


@dataclass(frozen=True)
class Holdout:
    """The shoppers that lists are judged on, what good lists would have held, and the past to learn from.

    Parameters
    ----------
    past : Inputs
        Of what happened before the cut.
    histories : Interactions (U users)
        Of the shoppers judged: those with a history before the cut and a target after it.
    targets : bool CSR (U, I)
    exclude : Interactions (U users) or None
        What is not shown again.
    k : int
        Length of the lists.
    took : str
        What a target is, in words.
    """

    past: Inputs
    histories: Interactions
    targets: sparse.csr_array
    exclude: Interactions | None
    k: int
    took: str

    def score(self, kind: Kind, settings: Any) -> RankingScores:
        """How good the lists of a kind with these hyper-parameters are.

        Raises DataError where it has nothing to show, as a kind for what was bought before has not where that
        is left out.
        """
        model = settings.fit(*[self.past.of(name) for name in kind.reads])
        # one place more than is judged tells how often ties decided
        lists = rank(model, self.histories, self.k + 1, exclude=self.exclude)
        if (lists.item < 0).all():
            left_out = "" if self.exclude is None else " once what the shoppers knew is left out"
            raise DataError(f"{kind.name} has nothing to show{left_out}.")
        return score_ranking(lists, self.targets, self.histories, self.k)


def hold_out(engine: Engine, config: ShopConfig, split: Split, media: Path | None = None) -> Holdout:
    """Judge on the test of a split, by the settings in [recommend] exclude and [evaluate].

    Parameters
    ----------
    media : path, optional
        SHOP/media.

    Raises DataError where no shopper with a history took anything in the test.
    """
    check_no_leak(split.train, split.test, split.cut)
    settings = config.evaluate
    known = met_before(split.train, config.recommend.exclude)
    new = " new" if known is not None else ""
    took = f"bought something{new}"
    wanted = targets(split, exclude=known, events=BOUGHT)
    if not wanted.nnz:  # a shop of ratings or clicks
        took = f"met something{new}"
        wanted = targets(split, exclude=known, events=EVENTS)
    user = np.flatnonzero((np.diff(wanted.indptr) > 0) & (np.diff(split.train.offsets) > 0))
    if not len(user):
        raise DataError(
            f"no shopper with a history {took} in the last {settings.days} days, so lists cannot "
            "be judged; choose more days in [evaluate] days."
        )
    if settings.users and len(user) > settings.users:
        user = np.sort(np.random.default_rng(0).choice(user, settings.users, replace=False))
    past = Inputs(engine, config, split.cut, media)
    try:
        histories = past.of("relations").give(split.train, user)
    except DataError:
        histories = split.train.take(user)
    return Holdout(
        past=past,
        histories=histories,
        targets=wanted[user],
        exclude=met_before(histories, config.recommend.exclude),
        k=settings.k,
        took=took,
    )
