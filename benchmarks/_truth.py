"""What the shoppers of a simulated shop will buy, as its truth has it."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse

from merx.data.vocabulary import Vocabulary
from merx.simulate.buyers import INFLUENCE_WEEKS, REORDER_WEEKS
from merx.simulate.truth import Truth


def true_rates(truth: Truth, events: Path) -> np.ndarray:
    """Units that each user will buy of each item in the week after the span, float64 (U, I).

    At today's prices, with stock, by the rules of `merx.simulate.buyers`: a unit is a reorder by one of the
    item's late buyers; or is taken by a follower of one of them, if it is to her taste; or goes to someone of
    the taste that it is bought for. Of an earlier buyer who was not known, no more is known than the taste.

    Parameters
    ----------
    events : Path
        The shop's events, which tell who bought of late.
    """
    leaning = truth.user_factors / truth.user_factors.sum(axis=1, keepdims=True)  # (U, F)
    reordering = _late_buyers(truth, events, REORDER_WEEKS)  # (I, U), rows sum to 1 at most
    reorders = truth.repeat_share[:, None] * reordering
    offered = truth.influence_share * (_late_buyers(truth, events, INFLUENCE_WEEKS) @ _follows(truth))
    after_friends = offered * (truth.item_factors @ leaning.T)  # (I, U)
    # what neither earlier buyers nor friends took, by taste (I, F)
    rest = truth.item_factors * (1 - reorders.sum(axis=1, keepdims=True) - offered @ leaning)
    share = reorders + after_friends + rest @ truth.user_factors.T  # (I, U), rows sum to 1
    units = truth.expected_weekly_units(truth.price_now[:, None])  # (I, 1)
    rates: np.ndarray = (units * share).T
    return rates


def _late_buyers(truth: Truth, events: Path, weeks: int) -> np.ndarray:
    """Each user's share of an item's units in the last weeks, float64 (I, U), without unknown visitors."""
    table = pq.read_table(events, columns=["time", "event", "user_id", "item_id", "quantity"])
    since = truth.start + timedelta(days=truth.available.shape[1] - 7 * weeks)
    late = pc.greater_equal(table["time"].cast(pa.date32()), pa.scalar(since))
    table = table.filter(pc.and_(late, pc.equal(table["event"].cast(pa.string()), "purchase")))
    item = Vocabulary(pa.array(truth.item_ids)).codes(table["item_id"])
    user = Vocabulary(pa.array(truth.user_ids)).codes(table["user_id"])
    units = np.zeros((len(truth.item_ids), len(truth.user_ids) + 1))  # the last column: who was not known
    np.add.at(units, (item, user), table["quantity"].to_numpy())
    share: np.ndarray = units / np.maximum(units.sum(axis=1, keepdims=True), 1)
    return share[:, :-1]


def _follows(truth: Truth) -> sparse.csr_array:
    """Chance that a leader's purchase is offered to each follower, CSR (U, U); rows sum to 1, or 0."""
    users = len(truth.user_ids)
    whole = np.bincount(truth.leader, truth.influence, users)
    return sparse.csr_array(
        (truth.influence / whole[truth.leader], (truth.leader, truth.follower)), shape=(users, users)
    )
