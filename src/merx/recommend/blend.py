"""The blend: several recommenders name candidates, and a forest learnt on later days puts these in order.

The forest is LambdaMART (Burges, From RankNet to LambdaRank to LambdaMART, Microsoft Research MSR-TR-2010-82)
as LightGBM has it. Where too few shoppers came back to learn from, and for a shopper without a history, the
members vote by reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009): the sum of 1 / (60 + place).
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from merx.data.catalogue import Catalogue
from merx.data.contracts import Recommender
from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.recommend.als import ALS, FittedALS
from merx.recommend.blend_features import Candidates, ItemFacts
from merx.recommend.blend_forest import Forest
from merx.recommend.blend_heard import HeardBlend
from merx.recommend.blend_hearing import Hearing
from merx.recommend.blend_training import joined, lesson, past_spans, train
from merx.recommend.buy_again import BuyAgain, FittedBuyAgain
from merx.recommend.content import Content, FittedContent
from merx.recommend.item_knn import FittedItemKNN, ItemKNN
from merx.recommend.popularity import FittedPopularity, Popularity
from merx.recommend.rank import batch_size, batches
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
        heard = self.hear(histories)
        return heard.said.candidates, heard.features

    def hear(self, histories: Interactions) -> HeardBlend:
        """Ask all members, once for all lists and reasons."""
        critic = self.rating_als if self.rating_als.rated.any() else None
        members = self.members
        hearing = Hearing.of(members.values(), critic, self.facts.most_stars, histories, self.candidates)
        return HeardBlend(hearing, members | {"rating_als": self.rating_als}, self.facts, self._trees)

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I), of candidates only; comparable within one shopper's row."""
        score = np.full((histories.n_users, len(self.items)), -np.inf, np.float32)
        for users in batches(histories.n_users, batch_size(len(self.items))):
            heard = self.hear(histories.take(users))
            score[users[heard.said.candidates.user], heard.said.candidates.item] = heard.value
        return score

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each member adds to the score, see `merx.recommend.blend_heard.HeardBlend.explain`: (k, n)."""
        return self.hear(histories).explain(item)

    @cached_property
    def _trees(self) -> Forest | None:
        return Forest.of(self.forest) if self.learnt else None


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
