"""One request to a blend: its members are heard and weighed once, for all lists and their reasons."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from merx.data.contracts import Recommender
from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.recommend.blend_features import OF_OWN, ItemFacts
from merx.recommend.blend_forest import Forest
from merx.recommend.blend_hearing import FUSION, STARS, Hearing, Said, feature_names, keys_of

CRITIC, ITSELF = "rating_als", "itself"  # beside the members: who else adds to a score


@dataclass(frozen=True)
class HeardBlend:
    """Parameters
    ----------
    hearing : Hearing (U users)
    members : mapping of name -> fitted model
        In the order in which they were heard, the critic last.
    facts : ItemFacts
    forest : Forest or None
        None: the members vote.
    """

    hearing: Hearing
    members: Mapping[str, Recommender]
    facts: ItemFacts
    forest: Forest | None

    @cached_property
    def said(self) -> Said:
        """Of all new items that the members named, and of the shopper's own."""
        return self.hearing.on(np.union1d(self.hearing.new, self.hearing.own))

    @cached_property
    def features(self) -> np.ndarray:
        """What the forest sees of them, float32 (P, K)."""
        return self.said.features(self.facts, self.hearing.histories)

    @cached_property
    def value(self) -> np.ndarray:
        """The score of each, float32 (P,); -inf where no member has anything to say."""
        return self._judge(self.said, self.features)

    def top(
        self, k: int, exclude: Interactions | None, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best of what may be shown, as in `merx.data.contracts.Heard`.

        Where less than half of a shopper's new items may be shown, the members name more out of what may.
        """
        n_users, n_items = self.hearing.histories.n_users, self.hearing.histories.n_items
        barred = None if exclude is None else keys_of(exclude)

        def kept(keys: np.ndarray) -> np.ndarray:  # bool, of ascending keys
            fine = np.ones(len(keys), bool) if allowed is None else allowed[keys % n_items]
            return fine if barred is None else fine & ~np.isin(keys, barred)

        keys, value = self.said.candidates.keys(n_items), self.value
        if allowed is not None:
            new = self.hearing.new
            counts = [np.bincount(some // n_items, minlength=n_users) for some in (new[kept(new)], new)]
            few = 2 * counts[0] < counts[1]  # (U,)
            if few.any():
                more = np.setdiff1d(self.hearing.more(allowed), keys)
                more = more[few[more // n_items]]
                said = self.hearing.on(more)
                features = said.features(self.facts, self.hearing.histories)
                keys, value = np.append(keys, more), np.append(value, self._judge(said, features))
        shown = kept(keys) & np.isfinite(value)
        user, code = np.divmod(keys[shown], max(n_items, 1))
        order = np.lexsort((code, -value[shown], user))
        place = np.arange(len(order)) - np.searchsorted(user[order], np.arange(n_users))[user[order]]
        order, place = order[place < k], place[place < k]
        item = np.full((n_users, k), -1, np.int32)
        score = np.full((n_users, k), np.nan, np.float32)
        item[user[order], place] = code[order]
        score[user[order], place] = value[shown][order]
        return item, score

    def explain(self, item: np.ndarray) -> Contributions:
        """What each member adds to the score, given to the history as that member explains itself: (k, n).

        With a forest, a member adds the Shapley values of its own features (Lundberg et al., "From local
        explanations to global understanding with explainable AI for trees", Nature Machine Intelligence 2,
        2020) and of the votes its share; without one, its votes. What else the forest looks at, such as
        prices, is no item of the history and is left out, save that the shopper met the item itself. A member
        that puts an item lower adds less than 0.
        """
        histories, item = self.hearing.histories, np.asarray(item)
        history = np.unique(histories.item).astype(np.int32)  # (n,)
        part = np.zeros((len(item), len(history)))
        for name, amount in self._added(item).items():
            if name == ITSELF:
                part += amount[:, None] * (item[:, None] == history)
            elif amount.any():
                own = self.members[name].explain(histories, item)
                positive = np.maximum(own.part, 0)  # (k, n of the member)
                whole = positive.sum(axis=1, keepdims=True)
                share = np.divide(positive, whole, out=np.zeros_like(positive), where=whole > 0)
                part[:, np.searchsorted(history, own.history)] += amount[:, None] * share
        return Contributions(part, history)

    def _judge(self, said: Said, features: np.ndarray) -> np.ndarray:
        votes = said.votes.sum(axis=0)  # (P,)
        value = np.where(votes > 0, votes, -np.inf)
        if self.forest is not None:
            known = (np.diff(self.hearing.histories.offsets) > 0)[said.candidates.user] & (votes > 0)
            value[known] = self.forest.predict(features[known])
        return value.astype(np.float32)

    def _added(self, item: np.ndarray) -> dict[str, np.ndarray]:
        """What each member, the critic and the item ITSELF add to the score of items: float64 (k,) each."""
        said, features, row = self._of(item)
        names = list(self.members)[:-1]
        votes = said.votes[:, row]  # (M, k)
        if self.forest is None or not len(self.hearing.histories):
            return dict(zip(names, votes, strict=True))
        shapley = dict(zip(feature_names(names), self.forest.attribute(features[row]).T, strict=True))
        fusion = shapley[FUSION] / np.maximum(votes.sum(axis=0), np.finfo(float).tiny)
        added = {
            name: shapley[f"{name} share"] + shapley[f"{name} place"] + vote * fusion
            for name, vote in zip(names, votes, strict=True)
        }
        return {**added, CRITIC: shapley[STARS], ITSELF: sum(shapley[name] for name in OF_OWN)}

    def _of(self, item: np.ndarray) -> tuple[Said, np.ndarray, np.ndarray]:
        """What is said of items of the one shopper, its features, and the rows (k,) of the items in both."""
        known = self.said.candidates.item
        row = np.searchsorted(known, item)
        if (np.append(known, -1)[row] == item).all():
            return self.said, self.features, row
        asked, row = np.unique(item, return_inverse=True)
        said = self.hearing.on(asked.astype(np.int64))
        return said, said.features(self.facts, self.hearing.histories), row
