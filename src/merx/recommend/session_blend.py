"""A network and neighbours together: what a visitor nobody knows meets next.

Each says what the other cannot: the network the order of a visit, the neighbours what few visits or only the
latest ones tell. What they say is pooled as that of two experts, as a weighted sum of logarithms: Genest &
Zidek, Combining probability distributions: a critique and an annotated bibliography, Statistical Science 1
(1986), section 3.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from merx.behaviour.sequence import FittedSequence, Sequence
from merx.data.contracts import Progress
from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.recommend.rank import batch_size, batches
from merx.recommend.session_knn import FittedSessionKNN, SessionKNN

HEARD = 1e-3  # of all that the neighbours say: an item with less is hardly spoken of
LENGTHS = (1, 2, 3, 5)  # of a visit, in events: from each of them on there is a weight
WEIGHTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # that are tried
UNSURE = 0.3  # the network's weight where too little is known to choose one
FEWEST, MOST = 200, 10_000  # held-out steps: below, their gain says nothing; above, a sample says enough
PLACES = 20  # of the lists whose NDCG is the gain


@dataclass(frozen=True)
class SessionBlend:
    """A sequence network and session neighbours, each heard as much as it was worth in the newest visits.

    Parameters
    ----------
    held_out : float
        Share of the visits, the newest, that the weights are chosen on; 0: as where too few are known.
    sequence, session_knn : table
        Settings of the two; what is not said here is as in [models.NAME].
    """

    held_out: float = 0.1
    sequence: Sequence = field(default_factory=Sequence)
    session_knn: SessionKNN = field(default_factory=SessionKNN)

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < 1:
            raise ConfigError(f"held_out is {self.held_out}; it is from 0 to below 1.")

    def fit(self, sessions: Interactions, *, progress: Progress | None = None) -> "FittedSessionBlend":
        """Choose the weights with members that have not seen the newest visits, then fit on everything.

        The network is thus trained twice, but where there are too few visits to choose on.

        Parameters
        ----------
        progress : Progress, optional
            Told after each epoch of the network.

        Raises
        ------
        FitError
            As of the network: its loss is not a number, or torch is not installed.
        """
        network, weight = self.sequence, np.full(len(LENGTHS), UNSURE)
        newest = _newest(sessions, self.held_out)[sessions.user]  # (N,)
        visits, following = _steps(sessions.keep(newest))
        if len(following) >= FEWEST:
            epochs: list[int] = []

            def told(what: str, done: int, of: int) -> None:
                epochs.append(done)
                if progress is not None:
                    progress(what, done, of)

            before = self._fit(sessions.keep(~newest), network, weight, told)
            weight = _chosen(_gains(before, visits, following), _bucket(visits))
            network = _as_long(network, epochs[-1])
        return self._fit(sessions, network, weight, progress)

    def _fit(
        self, sessions: Interactions, network: Sequence, weight: np.ndarray, progress: Progress | None
    ) -> "FittedSessionBlend":
        return FittedSessionBlend(
            items=sessions.items,
            sequence=network.fit(sessions, progress=progress),
            session_knn=self.session_knn.fit(sessions),
            weight=weight,
        )


@dataclass(frozen=True)
class FittedSessionBlend:
    """Parameters
    ----------
    items : Vocabulary (I,)
    sequence : FittedSequence
    session_knn : FittedSessionKNN
    weight : float64 (4,)
        The network's, above 0 and below 1, in visits from each of LENGTHS on.
    """

    items: Vocabulary
    sequence: FittedSequence
    session_knn: FittedSessionKNN
    weight: np.ndarray

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): weight * network + (1 - weight) * neighbours, see `parts`."""
        network, neighbours = self.parts(histories)
        weight = self._weight(histories)[:, None]
        network *= weight
        network += (1 - weight) * neighbours
        return network

    def parts(self, histories: Interactions) -> tuple[np.ndarray, np.ndarray]:
        """What the two say of each item, float32 (U, I) each.

        network : its score, which is the logarithm of a chance but for what is the same for all items.
        neighbours : log(1 + p / HEARD), p being the item's share of all they say; 0 where they are silent.
        """
        said = np.maximum(self.session_knn.score(histories), 0)
        said *= _scale(said)[:, None]
        return self.sequence.score(histories), np.log1p(said, out=said)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each item of the history adds through either: part (k, n), the sum of `added`."""
        network, neighbours = self.added(histories, item).values()
        history = np.union1d(network.history, neighbours.history).astype(np.int32)
        part = np.zeros((len(item), len(history)))
        for one in (network, neighbours):
            part[:, np.searchsorted(history, one.history)] += one.part
        return Contributions(part, history)

    def added(self, histories: Interactions, item: np.ndarray) -> dict[str, Contributions]:
        """What the history (a batch of one) adds to the score of the items (k,) through each member.

        sequence : the weight times how much lower the network's score would be without an item, exact.
        session_knn : all that the neighbours add, shared out by the terms of their sum.
        """
        weight = float(self._weight(histories)[0])
        network = self.sequence.explain(histories, item)
        near = self.session_knn.explain(histories, item)
        said = near.part.sum(axis=1)  # (k,)
        scale = float(_scale(np.maximum(self.session_knn.score(histories), 0))[0])
        amount = (1 - weight) * np.log1p(said * scale)
        share = near.part / np.where(said > 0, said, 1)[:, None]
        return {
            "sequence": Contributions(weight * network.part, network.history),
            "session_knn": Contributions(amount[:, None] * share, near.history),
        }

    def _weight(self, histories: Interactions) -> np.ndarray:
        """The network's, float32 (U,)."""
        return np.asarray(self.weight[_bucket(histories)], np.float32)


def _as_long(network: Sequence, done: int) -> Sequence:
    """To train on everything for as many epochs as were best; training ended `patience` after these."""
    ended = network.patience > 0 and done < network.epochs
    return replace(network, epochs=max(done - network.patience, 1) if ended else done, patience=0)


def _scale(said: np.ndarray) -> np.ndarray:
    """What p / HEARD is for each unit that is said, float32 (U,), of what is said of all items (U, I)."""
    whole = said.sum(axis=1) * np.float32(HEARD)
    return np.asarray(np.divide(1, whole, out=np.zeros_like(whole), where=whole > 0))


def _bucket(histories: Interactions) -> np.ndarray:
    """Which of LENGTHS each history has reached, int64 (U,)."""
    reached = np.searchsorted(LENGTHS, np.diff(histories.offsets), side="right")
    return np.asarray(np.maximum(reached - 1, 0))


def _newest(sessions: Interactions, share: float) -> np.ndarray:
    """Whether each visit is among that share of them that ended last, bool (U,)."""
    some = np.diff(sessions.offsets) > 0
    ended = sessions.time[sessions.offsets[1:][some] - 1]
    newest = np.zeros(sessions.n_users, bool)
    if len(ended):
        newest[some] = ended > np.quantile(ended, 1 - share)
    return newest


def _steps(visits: Interactions) -> tuple[Interactions, np.ndarray]:
    """The visits up to each step but the first (T rows), and the item int32 (T,) met then; MOST of them."""
    kept = visits.keep(visits.weight > 0)
    step = np.flatnonzero(np.diff(kept.user, prepend=-1) == 0)
    if len(step) > MOST:
        step = np.sort(np.random.default_rng(0).choice(step, MOST, replace=False))
    row = kept.user[step]
    each = kept.take(row)
    place = np.arange(len(each)) - np.repeat(each.offsets[:-1], np.diff(each.offsets))
    return each.keep(place < np.repeat(step - kept.offsets[row], np.diff(each.offsets))), kept.item[step]


def _gains(model: FittedSessionBlend, visits: Interactions, following: np.ndarray) -> np.ndarray:
    """NDCG of what followed each visit (T,) under each of WEIGHTS, float64 (T, W); ties go against it."""
    gain = np.zeros((len(following), len(WEIGHTS)))
    for rows in batches(len(following), batch_size(len(model.items))):
        network, neighbours = model.parts(visits.take(rows))
        for column, weight in enumerate(WEIGHTS):
            score = np.float32(weight) * network + np.float32(1 - weight) * neighbours
            own = score[np.arange(len(rows)), following[rows]]
            rank = (score >= own[:, None]).sum(axis=1)
            near = (rank <= PLACES) & (own > -np.inf)
            gain[rows[near], column] = 1 / np.log2(rank[near] + 1)
    return gain


def _chosen(gain: np.ndarray, bucket: np.ndarray) -> np.ndarray:
    """The weight of each of LENGTHS, float64 (4,): the best of all visits, or of those of a length where
    that gains them more than a standard error.

    Parameters
    ----------
    gain : float64 (T, W)
    bucket : int64 (T,)
    """
    best = int(gain.mean(axis=0).argmax())
    chosen = np.full(len(LENGTHS), best)
    for length in range(len(LENGTHS)):
        lead = gain[bucket == length] - gain[bucket == length, best, None]  # (n, W)
        if len(lead) >= FEWEST:
            own = int(lead.mean(axis=0).argmax())
            if lead[:, own].mean() > lead[:, own].std() / np.sqrt(len(lead)):
                chosen[length] = own
    return np.asarray(np.array(WEIGHTS)[chosen])
