"""The blend: several recommenders name candidates, and a forest learnt on later days puts these in order.

The forest is LambdaMART (Burges, From RankNet to LambdaRank to LambdaMART, Microsoft Research MSR-TR-2010-82)
as LightGBM has it. Where too few shoppers came back to learn from, and for a shopper without a history, the
members vote by reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009): the sum of 1 / (60 + place).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from merx.data.catalogue import Catalogue
from merx.data.contracts import Recommender
from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.recommend.als import ALS, FittedALS
from merx.recommend.blend_features import OF_OWN, Candidates, ItemFacts
from merx.recommend.blend_hearing import FUSION, STARS, Hearing, feature_names, hear
from merx.recommend.blend_training import joined, lesson, past_spans, train
from merx.recommend.buy_again import BuyAgain, FittedBuyAgain
from merx.recommend.content import Content, FittedContent
from merx.recommend.item_knn import FittedItemKNN, ItemKNN
from merx.recommend.popularity import FittedPopularity, Popularity
from merx.recommend.rating_als import FittedRatingALS, RatingALS
from merx.recommend.ratings import Scale
from merx.recommend.session_knn import FittedSessionKNN, SessionKNN

# What the fit of each member takes. A member is a field of this name in both classes below; beside them there
# is `rating_als`, which expects stars and names nothing.
MEMBERS = {
    "popularity": "histories",
    "item_knn": "histories",
    "als": "histories",
    "session_knn": "sessions",
    "content": "catalogue",
    "buy_again": "histories",
}
CELLS = 1 << 24  # scores of one member held at once
BATCH = 512  # shoppers at once, at most
ITSELF = "itself"  # what an item owes to its own place in the history


@dataclass(frozen=True)
class Blend:
    """A forest over what several recommenders name: popular, similar, like the visit, alike, bought before.

    Parameters
    ----------
    days : int
        What shoppers took within so many days is what the order is learnt from.
    spans : int
        How many such spans, one before the other, are learnt from, where the histories are long enough.
    shoppers : int
        With fewer shoppers than this to learn from, the members vote instead.
    candidates : int
        How many new items each member names.
    trees, leaves : int
        Trees at most, and leaves of each at most.
    learning_rate : float
        How much each tree adds.
    popularity, item_knn, als, session_knn, content, buy_again, rating_als : table
        Settings of the members; what is not said here is as in [models.NAME].
    """

    days: int = 28
    spans: int = 5
    shoppers: int = 300
    candidates: int = 50
    trees: int = 100
    leaves: int = 15
    learning_rate: float = 0.1
    popularity: Popularity = field(default_factory=Popularity)
    item_knn: ItemKNN = field(default_factory=ItemKNN)
    als: ALS = field(default_factory=ALS)
    session_knn: SessionKNN = field(default_factory=SessionKNN)
    content: Content = field(default_factory=Content)
    buy_again: BuyAgain = field(default_factory=BuyAgain)
    rating_als: RatingALS = field(default_factory=RatingALS)

    def fit(self, histories: Interactions, sessions: Interactions, catalogue: Catalogue) -> "FittedBlend":
        """Learn the order on spans that the members have not seen, then fit the members on everything."""
        spans = past_spans(histories, self.days, self.spans)
        returned = sum(len(span.shopper) for span in spans)
        forest = ""
        if returned >= self.shoppers:
            lessons = []
            for span in spans:
                past = histories.keep(histories.time < span.start)
                voting = self._voting(past, sessions.keep(sessions.time < span.start), catalogue)
                lessons.append(lesson(voting.features, past, span, batch_size(past.n_items)))
            forest = train(joined(lessons), self.trees, self.leaves, self.learning_rate)
        voting = self._voting(histories, sessions, catalogue)
        return replace(voting, forest=forest, returned=returned)

    def _voting(self, histories: Interactions, sessions: Interactions, catalogue: Catalogue) -> "FittedBlend":
        """The members fitted, and no order learnt."""
        inputs = {"histories": histories, "sessions": sessions, "catalogue": catalogue}
        fitted = {name: getattr(self, name).fit(inputs[reads]) for name, reads in MEMBERS.items()}
        rated = (histories.event == EVENT_CODE["rate"]).any()
        return FittedBlend(
            items=histories.items,
            facts=ItemFacts.of(histories, catalogue),
            forest="",
            returned=0,
            candidates=self.candidates,
            rating_als=self.rating_als.fit(histories) if rated else silent(histories.items),
            **fitted,
        )


@dataclass(frozen=True)
class FittedBlend:
    """Parameters
    ----------
    items : Vocabulary (I,)
    facts : ItemFacts
    forest : str
        In LightGBM's text format; empty where too few shoppers came back to learn an order.
    returned : int
        How many came back, counted in each span.
    candidates : int
        How many new items each member names.
    popularity, item_knn, als, session_knn, content, buy_again, rating_als : the fitted members
    """

    items: Vocabulary
    facts: ItemFacts
    forest: str
    returned: int
    candidates: int
    popularity: FittedPopularity
    item_knn: FittedItemKNN
    als: FittedALS
    session_knn: FittedSessionKNN
    content: FittedContent
    buy_again: FittedBuyAgain
    rating_als: FittedRatingALS

    @property
    def members(self) -> dict[str, Recommender]:
        """By name, in the order of MEMBERS."""
        return {name: getattr(self, name) for name in MEMBERS}

    @property
    def learnt(self) -> bool:
        """Whether a forest puts the candidates in order; otherwise the members vote."""
        return bool(self.forest)

    def features(self, histories: Interactions) -> tuple[Candidates, np.ndarray]:
        """The candidates of the shoppers, and what the forest sees of them, float32 (P, K)."""
        hearing = self._hear(histories)
        return hearing.candidates, hearing.features(self.facts, histories)

    def _hear(
        self,
        histories: Interactions,
        exclude: Interactions | None = None,
        allowed: np.ndarray | None = None,
        also: np.ndarray | None = None,
    ) -> Hearing:
        """What the members say of their candidates; see `merx.recommend.blend_hearing.hear`."""
        critic = self.rating_als if self.rating_als.rated.any() else None
        return hear(self.members, critic, self.facts, histories, self.candidates, exclude, allowed, also)

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I), of candidates only; comparable within one shopper's row."""
        score = np.full((histories.n_users, len(self.items)), -np.inf, np.float32)
        for users in batches(histories.n_users, len(self.items)):
            some = histories.take(users)
            hearing = self._hear(some)
            score[users[hearing.candidates.user], hearing.candidates.item] = self._judge(hearing, some)
        return score

    def top(
        self, histories: Interactions, k: int, exclude: Interactions | None, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best of what may be shown, as in `merx.data.contracts.CandidateModel`."""
        item = np.full((histories.n_users, k), -1, np.int32)
        score = np.full((histories.n_users, k), np.nan, np.float32)
        for users in batches(histories.n_users, len(self.items)):
            some = histories.take(users)
            left_out = None if exclude is None else exclude.take(users)
            hearing = self._hear(some, left_out, allowed)
            value = self._judge(hearing, some)
            user = hearing.candidates.user
            order = np.lexsort((hearing.candidates.item, -value, user))
            place = np.arange(len(order)) - hearing.candidates.offsets[user]
            shown = place < k
            item[users[user[shown]], place[shown]] = hearing.candidates.item[order[shown]]
            score[users[user[shown]], place[shown]] = value[order[shown]]
        return item, score

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each member adds to the score, given to the history as that member explains itself: (k, n).

        With a forest, a member adds the Shapley values of its own features (Lundberg et al., "From local
        explanations to global understanding with explainable AI for trees", Nature Machine Intelligence 2,
        2020) and of the votes its share; without one, its votes. What else the forest looks at, such as
        prices, is no item of the history and is left out, save that the shopper met the item itself. A member
        that puts an item lower adds less than 0.
        """
        keys, row = np.unique(np.asarray(item, np.int64), return_inverse=True)
        hearing = self._hear(histories, also=keys)
        chosen = np.searchsorted(hearing.candidates.item, keys)[row]  # (k,)
        history = np.unique(histories.item).astype(np.int32)  # (n,)
        part = np.zeros((len(item), len(history)))
        for name, amount in self._added(hearing, histories, chosen).items():
            if name == ITSELF:
                part += amount[:, None] * (np.asarray(item)[:, None] == history)
                continue
            own = getattr(self, name).explain(histories, item)
            positive = np.maximum(own.part, 0)  # (k, n of the member)
            whole = positive.sum(axis=1, keepdims=True)
            share = np.divide(positive, whole, out=np.zeros_like(positive), where=whole > 0)
            part[:, np.searchsorted(history, own.history)] += amount[:, None] * share
        return Contributions(part, history)

    @cached_property
    def _trees(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.forest)

    def _judge(self, hearing: Hearing, histories: Interactions) -> np.ndarray:
        """The score of each candidate, float32 (P,); -inf where no member has anything to say."""
        votes = hearing.votes.sum(axis=0)  # (P,)
        value = np.where(votes > 0, votes, -np.inf)
        known = (np.diff(histories.offsets) > 0)[hearing.candidates.user] & (votes > 0)
        if self.learnt and known.any():
            features = hearing.features(self.facts, histories)[known]
            value[known] = self._trees.predict(features, num_threads=1)
        return value.astype(np.float32)

    def _added(self, hearing: Hearing, histories: Interactions, chosen: np.ndarray) -> dict[str, np.ndarray]:
        """What each member, and the item ITSELF, add to the score of the chosen candidates: float64 (k,)."""
        votes = hearing.votes[:, chosen]  # (M, k)
        if not self.learnt or not len(histories):
            return dict(zip(MEMBERS, votes, strict=True))
        features = hearing.features(self.facts, histories)[chosen]
        values = self._trees.predict(features, num_threads=1, pred_contrib=True).T  # (K + 1, k)
        shapley = dict(zip(feature_names(list(MEMBERS)), values, strict=False))
        fusion = shapley[FUSION] / np.maximum(votes.sum(axis=0), np.finfo(float).tiny)
        added = {
            member: sum(value for name, value in shapley.items() if name.startswith(f"{member} "))
            + vote * fusion
            for member, vote in zip(MEMBERS, votes, strict=True)
        }
        return {**added, "rating_als": shapley[STARS], ITSELF: sum(shapley[name] for name in OF_OWN)}


def silent(items: Vocabulary) -> FittedRatingALS:
    """The model of ratings in a shop without any: it says nothing."""
    n_items = len(items)
    return FittedRatingALS(
        items=items,
        scale=Scale(0.0, 0.0, 0.0),
        vectors=np.zeros((n_items, 1), np.float32),
        rated=np.zeros(n_items, dtype=bool),
        penalty=np.ones(1, np.float32),
    )


def batch_size(n_items: int) -> int:
    """How many shoppers the members are asked about at once."""
    return max(1, min(BATCH, CELLS // max(1, n_items)))


def batches(n_users: int, n_items: int) -> Iterator[np.ndarray]:
    """Places of the shoppers (U,), a batch at a time."""
    size = batch_size(n_items)
    for first in range(0, n_users, size):
        yield np.arange(first, min(first + size, n_users))
