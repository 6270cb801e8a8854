"""Influence and likeness told apart in simulated shops, with influence and without."""

import numpy as np
import pyarrow as pa

from _record import Row, record
from merx.data.interactions import Interactions
from merx.data.relations import NEVER, Ties
from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.evaluate.influence import Influence, about, influence
from merx.evaluate.matched import Matched, matched
from merx.simulate import SimulatedShop, Simulation

DAYS = 28
SMALL = {"users": 300, "items": 60, "days": 364}
LARGE = {"users": 2000, "items": 200, "days": 364}
SHOPS, LARGE_SHOPS = 100, 10
KNOWN = 0.8  # of purchases name their shopper


def look(shop: SimulatedShop) -> tuple[Influence, Matched]:
    """What is found in one shop."""
    events, truth = shop.tables["events"].to_pandas(), shop.truth
    events = events[events["user_id"].notna()]
    user = events["user_id"].str[1:].astype(int).to_numpy()
    time = events["time"].to_numpy().astype("datetime64[us]").astype(np.int64)
    code = events["event"].map(EVENT_CODE).to_numpy().astype(np.int8)
    order = np.lexsort((time, user))
    met = Interactions(
        np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(truth.user_ids)))]).astype(np.int64),
        events["item_id"].str[1:].astype(np.int32).to_numpy()[order],
        np.ones(len(order), np.float32),
        time[order],
        code[order],
        Vocabulary(pa.array(truth.item_ids)),
    )
    n = len(truth.follower)
    ties = Ties(
        truth.follower, truth.leader, np.ones(n), np.full(n, NEVER), np.zeros(n, np.int32), ("follows",)
    )
    bought, seen = met.keep(met.event == EVENT_CODE["purchase"]), about(met)
    return influence(bought, seen, ties, DAYS, "follows"), matched(bought, seen, ties, DAYS)


rows = []
for words, size, shops in (("small", SMALL, SHOPS), ("large", LARGE, LARGE_SHOPS)):
    about_shop = f"{shops} shops of {size['users']:,} shoppers"
    for share in (0.25, 0.0):
        found, beside, truth = [], [], []
        for seed in range(shops):
            shop = Simulation(**size, seed=seed, influence=share).run()
            one, other = look(shop)
            found.append(one)
            beside.append(other)
            truth.append(shop.truth.influenced_share * KNOWN)
        said = np.array([one.found for one in found])
        owed = np.array([one.share for one in found])
        inside = np.array([one.low <= so <= one.high for one, so in zip(found, truth, strict=True)])
        match = np.array([one.low > 0 for one in beside])
        print(words, share, said.mean(), owed.mean(), np.mean(truth), inside.mean(), match.mean(), flush=True)
        state = "influence on" if share else "influence off"
        case = f"{state}, {about_shop}"
        if share:
            rows += [
                Row(
                    case, "owed to friends, estimated", float(owed.mean()), float(np.mean(truth)), "the truth"
                ),
                Row(
                    case,
                    "truth within the 95 % interval",
                    float(inside.mean()),
                    goal="0.9 or more",
                    met=bool(inside.mean() >= 0.9),
                ),
                Row(case, "found", float(said.mean())),
            ]
        else:
            rows += [
                Row(case, "owed to friends, estimated", float(owed.mean()), 0.0, "the truth"),
                Row(
                    case,
                    "false alarms",
                    float(said.mean()),
                    goal="at most 0.05",
                    met=bool(said.mean() <= 0.05),
                ),
            ]
        rows.append(Row(case, "matched comparison finds it", float(match.mean())))
record(
    "influence",
    "Simulated shops of a year, in which three quarters of follows are chosen by taste. On: a quarter of "
    "units is offered to a follower of a buyer of the last weeks; off: none is. The truth is the share of"
    f" purchases that a follower took so, times {KNOWN:g}, since a fifth of purchases names nobody and so "
    f"cannot be seen to be followed. A friend's purchase counts for {DAYS} days.",
    rows,
)
