"""Members of a blend are heard: each names its best new items, and scores all that any of them named."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from merx.data.contracts import Recommender
from merx.data.interactions import Interactions
from merx.kernels.pairs import places
from merx.kernels.products import Barred
from merx.recommend.blend_features import NAMES, Candidates, ItemFacts, disliked, shopper_features
from merx.recommend.voice import Voice, voice

OWN = 300  # of the items that a shopper met, those met last are candidates too
SMOOTHING = 60.0  # of Cormack, Clarke & Büttcher (2009): how little the first places stand out

STARS, FUSION = "expected stars", "fusion"  # names of features


@dataclass(frozen=True)
class Said:
    """What M members say of P candidates of U shoppers.

    Parameters
    ----------
    candidates : Candidates
    said : float32 (M, P)
        Scores, -inf where a member has nothing to say.
    place : int32 (M, P)
        How many of the new items that a member would name first it puts before the candidate, at most n.
        A member that names no new items puts them among those that it names.
    first : float32 (M, U)
        A member's score of the first of these items, NaN where it names none.
    n : int
        How many each member named.
    stars : float32 (P,)
        The rating that the shopper is expected to give, NaN where nothing is known of it.
    """

    candidates: Candidates
    said: np.ndarray
    place: np.ndarray
    first: np.ndarray
    n: int
    stars: np.ndarray

    @property
    def votes(self) -> np.ndarray:
        """What each member adds to the reciprocal rank fusion, float64 (M, P); 0 where it says nothing."""
        return np.where(np.isfinite(self.said), 1 / (SMOOTHING + self.place + 1), 0.0)

    def features(self, facts: ItemFacts, histories: Interactions) -> np.ndarray:
        """What the forest sees of each candidate, float32 (P, K), named by `feature_names`."""
        heard = np.isfinite(self.said)
        with np.errstate(invalid="ignore", divide="ignore"):
            first = np.where(self.first > 0, self.first, np.nan)[:, self.candidates.user]
            share = np.where(heard, self.said / first, np.nan)
            place = np.where(heard, np.log2(1 + self.place), np.nan)
        named = (self.place < self.n).sum(axis=0)
        of_members = np.vstack([share, place, self.stars, named, self.votes.sum(axis=0)])
        return np.concatenate(
            [of_members.T.astype(np.float32), shopper_features(facts, histories, self.candidates)], axis=1
        )


def feature_names(members: list[str]) -> list[str]:
    """Of the columns of `Said.features`; those of a member begin with its name and a blank."""
    of_members = [f"{member} {what}" for what in ("share", "place") for member in members]
    return [*of_members, STARS, "members", FUSION, *NAMES]


@dataclass(frozen=True)
class Hearing:
    """Members that were asked about U shoppers, each for n new items.

    Parameters
    ----------
    voices : tuple of Voice
    critic : Voice or None
        Of a model of ratings, which names no candidates: the best rated are not what shoppers take next.
    histories : Interactions (U users)
    n : int
    new, own : int64, ascending
        Numbers user * I + item of the new items named, and of what the shoppers met last and did not dislike.
    order : tuple of float32 (U, n)
        Of each member, the scores that places are counted among.
    """

    voices: tuple[Voice, ...]
    critic: Voice | None
    histories: Interactions
    n: int
    new: np.ndarray
    own: np.ndarray
    order: tuple[np.ndarray, ...]

    @classmethod
    def of(
        cls,
        members: Iterable[Recommender],
        critic: Recommender | None,
        most_stars: float,
        histories: Interactions,
        n: int,
    ) -> "Hearing":
        """Ask each member for n items that a shopper has not met."""
        met = Barred(histories.offsets, histories.item)
        voices = tuple(voice(member, histories) for member in members)
        named, score = zip(*(one.top(n, met, None) for one in voices), strict=True)
        return cls(
            voices=voices,
            critic=None if critic is None else voice(critic, histories),
            histories=histories,
            n=n,
            new=np.unique(np.concatenate([_keys(item, histories.n_items) for item in named])),
            own=np.setdiff1d(keys_of(_latest(histories, OWN)), disliked(histories, most_stars)),
            order=tuple(_reference(*pair, n) for pair in zip(voices, score, strict=True)),
        )

    def more(self, allowed: np.ndarray) -> np.ndarray:
        """n new items more of each member out of what is allowed (I,): numbers user * I + item, ascending."""
        met = Barred(self.histories.offsets, self.histories.item)
        named = [one.top(self.n, met, allowed)[0] for one in self.voices]
        return np.unique(np.concatenate([_keys(item, self.histories.n_items) for item in named]))

    def on(self, keys: np.ndarray) -> Said:
        """The members' word on candidates: numbers user * I + item, ascending."""
        candidates = Candidates.of(keys, self.histories.n_users, self.histories.n_items)
        offsets, item = candidates.offsets, candidates.item
        said = np.stack([one.at(offsets, item) for one in self.voices])  # (M, P)
        place = np.stack([places(s, offsets, best) for s, best in zip(said, self.order, strict=True)])
        stars = np.full(len(item), np.nan, np.float32)
        if self.critic is not None:
            rated = self.critic.at(offsets, item)
            stars = np.where(np.isfinite(rated), rated, np.float32(np.nan))
        first = np.stack([best[:, 0] for best in self.order])
        return Said(candidates, said, np.where(np.isfinite(said), place, self.n), first, self.n, stars)


def _reference(one: Voice, new: np.ndarray, n: int) -> np.ndarray:
    """The scores (U, n) that places are counted among: of new items, or of any by one that names no new ones.

    A model of repeat purchase speaks of nothing but what a shopper bought.
    """
    none_new = np.isnan(new[:, 0])  # (U,)
    if not none_new.any():
        return new
    return np.where(none_new[:, None], one.top(n, None, None)[1], new)


def _latest(histories: Interactions, n: int) -> Interactions:
    """The last n entries of each history."""
    after = np.repeat(histories.offsets[1:], np.diff(histories.offsets)) - np.arange(len(histories))
    return histories.keep(after <= n)


def keys_of(histories: Interactions) -> np.ndarray:
    """The numbers user * I + item, int64 (N,)."""
    keys: np.ndarray = histories.user.astype(np.int64) * histories.n_items + histories.item
    return keys


def _keys(item: np.ndarray, n_items: int) -> np.ndarray:
    """The numbers user * I + item of lists (U, n), int64."""
    keys = np.arange(len(item), dtype=np.int64)[:, None] * n_items + item
    found: np.ndarray = keys[item >= 0]
    return found
