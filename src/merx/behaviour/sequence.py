"""Recommendation by a sequence network: what was met, in its order, tells what comes next.

The frame is a residual network over a recurrent cell (`merx.behaviour.network`), after Hidasi, Karatzoglou,
Baltrunas & Tikk, Session-based recommendations with recurrent neural networks, ICLR (2016), and Yue, Wang,
He, Zeng, McAuley & Wang, Linear recurrent units for sequential recommendation, WSDM (2024). The loss, a
softmax over shared negatives, is what its accuracy rests on: Klenitskiy & Vasilev, Turning dross into gold
loss: is BERT4Rec really better than SASRec?, RecSys (2023).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from merx.behaviour.heads import (
    HEADS,
    Heads,
    NextActions,
    calibrated,
    class_weights,
    corrected,
    next_actions,
)
from merx.behaviour.reading import SIDES, attributes_of, counted, gap_code, quantity_code, read, sides_of
from merx.data.catalogue import Catalogue
from merx.data.contracts import Progress
from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError, RequestError
from merx.kernels.products import ProductIndex
from merx.kernels.recurrent import CELLS, STATES, Layers, Weights, run, step
from merx.kernels.threads import over_rows
from merx.tunable import among, between

FEWEST = 200  # held-out events below which their gain says nothing
MOST = 10_000  # of them that are looked at after each epoch
ROWS = 256  # histories that a thread takes at a time


@dataclass(frozen=True)
class Sequence:
    """A recurrent network over what shoppers met.

    Parameters
    ----------
    cell : str
        "linear" (a gated linear recurrence, the fastest to train and to serve), "gru" or "lstm".
    width : int
        Length of the vectors of items and states.
    blocks : int
        Cells above each other.
    dropout : float
        Share of the numbers left out while training.
    loss : str
        "softmax", or "bpr_max".
    negatives : int
        Items that the next one is told from, the same for a whole batch; 0: all of them.
    popularity : float
        Power of an item's popularity by which it is drawn: 0 draws all alike.
    logq : float
        How far the softmax is corrected for how it was drawn: 0 not, 1 in full.
    score_penalty : float
        How strongly BPR-max holds back the scores of others.
    heads : tuple of str
        What is foretold: "item" (the next one), "event" (the next one's name, or that none follows), "gap"
        (the time until then), "purchase" (whether one is still to come in the row).
    balance : float
        How much more rare events and purchases count while training: 0 not, 1 as much as common ones.
    inputs : tuple of str
        What is read beside the items: "event" (its name), "gap" (the pause before it), "quantity".
    reorder : float
        Share of the histories whose items are shuffled while training, others each time.
    length : int
        Longer histories are cut into pieces of about that many events for training.
    batch : int
        Events of a batch.
    learning_rate, weight_decay : float
        Of AdamW: the size of a step, and how strongly large weights are held back.
    epochs : int
        Times that the events are gone through, at most.
    patience : int
        Epochs without gain on the newest events after which training stops; 0: all epochs are trained, on
        all events.
    held_out : float
        Share of the events that training is stopped by, the newest.
    seed : int
        Of the first weights, the batches and what is drawn in them.
    """

    cell: str = among("linear", *CELLS)
    width: int = between(64, 32, 128, log=True)
    blocks: int = between(2, 1, 3)
    dropout: float = between(0.5, 0.0, 0.6)
    loss: str = "softmax"
    negatives: int = 1024
    popularity: float = between(0.0, 0.0, 1.0)
    logq: float = between(0.0, 0.0, 1.0)
    score_penalty: float = 1.0
    heads: tuple[str, ...] = ("item",)
    balance: float = 0.5
    inputs: tuple[str, ...] = ("event", "gap", "quantity")
    reorder: float = between(0.2, 0.0, 0.5)
    length: int = 50
    batch: int = 2048
    learning_rate: float = between(0.002, 0.0003, 0.02, log=True)
    weight_decay: float = 0.01
    epochs: int = 100
    patience: int = 3
    held_out: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("cell", CELLS), ("loss", ("softmax", "bpr_max"))):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it is one of {', '.join(known)}.")
        if not self.heads or set(self.heads) - {"item", *HEADS}:
            raise ConfigError(f"heads: {self.heads}; they are some of item, {', '.join(HEADS)}.")
        if unknown := set(self.inputs) - set(SIDES):
            raise ConfigError(f"inputs: there is no {min(unknown)!r}; they are {', '.join(SIDES)}.")
        if min(self.width, self.blocks, self.length, self.batch, self.epochs) < 1:
            raise ConfigError("width, blocks, length, batch and epochs are at least 1.")

    def fit(
        self,
        sessions: Interactions,
        catalogue: Catalogue | None = None,
        *,
        progress: Progress | None = None,
        checkpoint: Path | None = None,
    ) -> "FittedSequence":
        """Train on the rows, of visits or of shoppers; on a GPU where there is one.

        Parameters
        ----------
        catalogue : Catalogue, of the same items, optional
            An item's vector then holds those of its category and price band, also of an item nobody met.
        progress : Progress, optional
            Told after each epoch.
        checkpoint : Path, optional
            A folder in which training is kept after each epoch, and gone on with where it holds one.

        Raises
        ------
        FitError
            The loss is not a number, or torch is not installed.
        ConfigError
            The checkpoint is of other settings or other data.
        """
        try:
            import torch
        except ModuleNotFoundError:
            raise FitError("sequence is trained with torch: pip install 'merx[network]'.") from None

        from merx.behaviour.export import exported, heads_of
        from merx.behaviour.network import Network, Shape
        from merx.behaviour.training import Trainer, held_out

        found = read(sessions, self.heads, self.inputs, self.held_out)
        attributes = {} if catalogue is None else attributes_of(catalogue)
        shape = Shape(
            items=len(found.met),
            width=self.width,
            blocks=self.blocks,
            cell=self.cell,
            dropout=self.dropout,
            sides={name: SIDES[name] for name in found.rows.sides},
            attributes={name: int(code.max()) + 1 for name, code in attributes.items()},
            heads={name: HEADS[name] for name in self.heads if name != "item"},
        )
        rows, newest = held_out(found.rows, found.late, MOST)
        stop_by = newest if self.patience and np.count_nonzero(newest.labelled()) >= FEWEST else None
        if stop_by is None:
            rows = found.rows
        weights = class_weights(rows, self.balance)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            codes = {name: torch.from_numpy(code[found.met]) for name, code in attributes.items()}
            trainer = Trainer(Network(shape, codes), rows, stop_by, found.times, weights, self)
            trainer.train(progress or (lambda *_: None), checkpoint)
        heads = corrected(heads_of(trainer.network), weights, rows)
        if "purchase" in self.heads and stop_by is not None:
            said, bought = trainer.said(stop_by, "purchase")
            heads = calibrated(heads, said[:, 0] - np.log(weights["purchase"]), bought)
        return exported(trainer.network, found, attributes, sessions.items, self, heads)


@dataclass(frozen=True)
class State:
    """All that is remembered of a shopper.

    Parameters
    ----------
    memory : float32 (blocks, vectors of the cell, F)
    vector : float32 (F,)
        Its product with an item's vector is the item's score; zeros before the first event.
    time : int
        Of the last event, in microseconds since 1970, UTC; -1 before the first.
    """

    memory: np.ndarray
    vector: np.ndarray
    time: int


@dataclass(frozen=True)
class FittedSequence:
    """Parameters
    ----------
    items : Vocabulary (I,)
    item_factors : float32 (I, F)
        Zeros for an item never met, unless its category or price band was.
    side_factors : float32 (codes of all SIDES, F)
        One below the other; zeros for a code never met.
    weights : Weights
    cell : str
    heads : Heads
    recommends : bool
        Whether the next item is foretold.
    """

    items: Vocabulary
    item_factors: np.ndarray
    side_factors: np.ndarray
    weights: Weights
    cell: str
    heads: Heads
    recommends: bool

    @cached_property
    def index(self) -> ProductIndex:
        """The item vectors, for ranking. Raises RequestError where the next item is not foretold."""
        if not self.recommends:
            raise RequestError(
                'this network does not foretell the next item; fit it with heads = ["item", ...].'
            )
        return ProductIndex.of(self.item_factors)

    def embed(self, histories: Interactions) -> np.ndarray:
        """What is known after each history, float32 (U, F); zeros where no item of it was met before."""
        kept = counted(histories)
        kept = kept.keep(self._met[kept.item])
        width = self.item_factors.shape[1]
        memory = np.zeros((kept.n_users, *self._remembered), np.float32)
        out = np.zeros((kept.n_users, width), np.float32)
        sides = sides_of(kept)

        def work(first: int, last: int) -> None:
            entries = slice(kept.offsets[first], kept.offsets[last])
            x = self._read(kept.item[entries], {name: side[entries] for name, side in sides.items()})
            offsets = kept.offsets[first : last + 1] - kept.offsets[first]
            run(0, last - first, offsets, x, *self._network, memory[first:last], out[first:last])

        over_rows(kept.n_users, ROWS, work)
        return out

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): inner products with the item vectors."""
        return self.index.scores(self.embed(histories))

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """How much lower the score would be without an item of the history: part (k, n), exact.

        The network is run again without each of them. What two items say together is in the parts of both,
        so they need not sum to the score.
        """
        history, fewer = self._without_each(histories)
        vector = self.embed(fewer).astype(np.float64)  # (n + 1, F)
        part: np.ndarray = self.item_factors[item] @ (vector[-1] - vector[:-1]).T  # (k, n)
        return Contributions(part, history)

    def foretell(self, histories: Interactions) -> NextActions:
        """What each shopper is expected to do next."""
        hidden = self.embed(histories)
        said = {name: part.copy() for name, part in self.heads.say(hidden).items()}
        for part in said.values():
            part[~hidden.any(axis=1)] = np.nan
        return next_actions(said, len(hidden))

    def explain_purchase(self, histories: Interactions) -> Contributions:
        """How much lower the chance of a purchase would be without an item of the history: part (1, n)."""
        history, fewer = self._without_each(histories)
        chance = np.nan_to_num(self.foretell(fewer).purchase)
        return Contributions((chance[-1] - chance[:-1])[None], history)

    def start(self) -> State:
        """The state of who did nothing yet."""
        return State(
            np.zeros(self._remembered, np.float32), np.zeros(self.item_factors.shape[1], np.float32), -1
        )

    def step(self, state: State, item: int, event: int, time: int, quantity: float = np.nan) -> State:
        """The state after one more event: as that of the longer history. Items never met change nothing.

        Parameters
        ----------
        item : int
            Code in `items`.
        event : int
            Place in `merx.data.schema.EVENTS`.
        time : int
            Microseconds since 1970, UTC.
        quantity : float
            Units; NaN: not known.
        """
        if not self._met[item]:
            return state
        gap = 0 if state.time < 0 else int(gap_code(np.array(time - state.time)))
        code = {"event": event, "gap": gap, "quantity": int(quantity_code(np.array(quantity)))}
        x = self._read(np.array([item]), {name: np.array([side]) for name, side in code.items()})[0]
        memory, vector = state.memory.copy(), np.empty_like(state.vector)
        step(x, *self._network, memory, vector)
        return State(memory, vector, time)

    def top(self, state: State, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k best items after a state and their scores, int32 and float32 (k,), as in a Ranking."""
        item, score = self.index.top(state.vector[None], k, None, None)
        return item[0], score[0]

    def _without_each(self, histories: Interactions) -> tuple[np.ndarray, Interactions]:
        """The items (n,) of a batch of one; n histories that each lack one of them, and the whole one."""
        history = np.unique(counted(histories).item).astype(np.int32)
        history = history[self._met[history]]
        every = histories.take(np.zeros(len(history) + 1, np.int64))
        left_out = np.append(history, -1)[every.user]
        return history, every.keep(every.item != left_out)

    @cached_property
    def _met(self) -> np.ndarray:
        return np.asarray(self.item_factors.any(axis=1))

    @property
    def _remembered(self) -> tuple[int, int, int]:
        return len(self.weights.gate), STATES[CELLS.index(self.cell)], self.item_factors.shape[1]

    @cached_property
    def _network(self) -> tuple[int, Layers]:
        return CELLS.index(self.cell), Layers(**vars(self.weights))

    def _read(self, item: np.ndarray, sides: dict[str, np.ndarray]) -> np.ndarray:
        """The vectors (n, F) that the network reads."""
        x = self.item_factors[item]
        first = 0
        for name, codes in SIDES.items():
            x += self.side_factors[first + sides[name]]
            first += codes
        return np.ascontiguousarray(x, np.float32)
