"""Members of a blend are heard: each names its best new items, and scores all that any of them named."""

from collections.abc import Mapping
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
class Hearing:
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
    """Of the columns of `Hearing.features`; those of a member begin with its name and a blank."""
    of_members = [f"{member} {what}" for what in ("share", "place") for member in members]
    return [*of_members, STARS, "members", FUSION, *NAMES]


def hear(
    members: Mapping[str, Recommender],
    critic: Recommender | None,
    facts: ItemFacts,
    histories: Interactions,
    n: int,
    exclude: Interactions | None = None,
    allowed: np.ndarray | None = None,
    also: np.ndarray | None = None,
) -> Hearing:
    """Ask each member for n new items and for its word on all candidates.

    Candidates are those new items and the shopper's own, without what is excluded, not allowed or disliked.
    Where that leaves less than half of the new ones, the members name n more out of what is allowed.

    Parameters
    ----------
    critic : Recommender, optional
        A model of ratings, which names no candidates: the best rated are not what shoppers take next.
    histories : Interactions (U users)
    exclude : Interactions (the same U users), optional
    allowed : bool (I,), optional
    also : int64, optional
        Numbers user * I + item that are candidates in any case.
    """
    n_users, n_items = histories.n_users, histories.n_items
    met = Barred(histories.offsets, histories.item)
    voices = [voice(member, histories) for member in members.values()]
    named, score = zip(*(one.top(n, met, None) for one in voices), strict=True)
    new = np.unique(np.concatenate([_keys(item, n_items) for item in named]))
    own = np.unique(_keys_of(_latest(histories, OWN)))
    unwanted = disliked(histories, facts.most_stars)
    if exclude is not None:
        unwanted = np.union1d(unwanted, _keys_of(exclude))

    def kept(keys: np.ndarray) -> np.ndarray:
        fine = ~np.isin(keys, unwanted, assume_unique=True)
        return keys[fine if allowed is None else fine & allowed[keys % n_items]]

    left = kept(new)
    if allowed is not None:
        counts = [np.bincount(keys // max(n_items, 1), minlength=n_users) for keys in (left, new)]
        few = 2 * counts[0] < counts[1]  # (U,)
        if few.any():
            more = [_keys(one.top(n, met, allowed)[0], n_items) for one in voices]
            extra = np.concatenate(more)
            left = np.union1d(left, kept(np.unique(extra[few[extra // n_items]])))
    keys = np.concatenate([left, kept(own), *([] if also is None else [also])])
    candidates = Candidates.of(keys, n_users, n_items)
    said = np.stack([one.at(candidates.offsets, candidates.item) for one in voices])  # (M, P)
    order = [_reference(*pair, n) for pair in zip(voices, score, strict=True)]
    place = np.stack([places(s, candidates.offsets, best) for s, best in zip(said, order, strict=True)])
    first = np.stack([best[:, 0] for best in order])
    stars = np.full(len(candidates.item), np.nan, np.float32)
    if critic is not None:
        rated = voice(critic, histories).at(candidates.offsets, candidates.item)
        stars = np.where(np.isfinite(rated), rated, np.float32(np.nan))
    return Hearing(candidates, said, np.where(np.isfinite(said), place, n), first, n, stars)


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


def _keys_of(histories: Interactions) -> np.ndarray:
    """The numbers user * I + item, int64 (N,)."""
    keys: np.ndarray = histories.user.astype(np.int64) * histories.n_items + histories.item
    return keys


def _keys(item: np.ndarray, n_items: int) -> np.ndarray:
    """The numbers user * I + item of lists (U, n), int64."""
    keys = np.arange(len(item), dtype=np.int64)[:, None] * n_items + item
    found: np.ndarray = keys[item >= 0]
    return found
