"""Training: AdamW over packed batches, stopped where held-out events gain no more, resumed where it was cut.

Loshchilov & Hutter, Decoupled weight decay regularization, ICLR (2019).
"""

import json
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from merx.behaviour.batches import Negatives, Packed, Rows, batches, known, pieces, reordered
from merx.behaviour.losses import SharedSoftmax, bpr_max, heads_loss, places
from merx.behaviour.network import Network, device
from merx.data.contracts import Progress
from merx.errors import ConfigError, FitError

if TYPE_CHECKING:
    from merx.behaviour.sequence import Sequence

CHECKPOINT = "training.safetensors"
PLACES = 20  # of the lists whose NDCG is the gain
SCORES = 1 << 25  # of all items that are held at once


@dataclass
class Course:
    """How far training has come; kept in the checkpoint.

    Parameters
    ----------
    epoch : int
        Epochs done.
    best, best_epoch : float, int
        Highest gain on the held-out events so far, and after how many epochs.
    weights : dict of arrays
        The network's then.
    """

    epoch: int
    best: float
    best_epoch: int
    weights: dict[str, Tensor]


class Trainer:
    """A network with what changes while it learns.

    Parameters
    ----------
    network : Network
    rows : Rows
        To learn from.
    held_out : Rows or None
        To stop by; None: all epochs are trained.
    met : int64 (I,)
        How often each item was met.
    balance : dict of arrays
        How much each class of a head counts.
    settings : Sequence
    """

    def __init__(
        self,
        network: Network,
        rows: Rows,
        held_out: Rows | None,
        met: np.ndarray,
        balance: dict[str, np.ndarray],
        settings: "Sequence",
    ) -> None:
        if "gap" in rows.labels:
            _start_from_the_mean(network.heads["gap"], rows.labels["gap"])
        self.device = device()
        self.network = network.to(self.device)
        self.rows, self.held_out, self.settings = rows, held_out, settings
        self.negatives = Negatives.of(met, settings.popularity, settings.negatives)
        self.balance = {name: torch.from_numpy(part).to(self.device) for name, part in balance.items()}
        self.rng = np.random.default_rng(settings.seed)
        self.optimiser = torch.optim.AdamW(
            network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.course = Course(0, -np.inf, 0, {})

    def train(self, progress: Progress, folder: Path | None) -> None:
        """Train until the gain stays away for `patience` epochs, and keep the network at its best.

        Raises
        ------
        FitError
            A loss is not a number.
        ConfigError
            The checkpoint in the folder is of other settings or other data.
        """
        settings, course = self.settings, self.course
        if folder is not None and (folder / CHECKPOINT).exists():
            self._resume(folder)
        start, length = pieces(self.rows, settings.length)
        began, seen = perf_counter(), 0
        while course.epoch < settings.epochs and not self._over():
            self.network.train()
            for number, batch in enumerate(batches(start, length, settings.batch, self.rng)):
                self._step(batch, f"epoch {course.epoch + 1}, batch {number + 1}")
                seen += len(batch.entry)
            course.epoch += 1
            if self.held_out is not None:
                gain = self.gain(self.held_out)
                if gain > course.best:
                    course.best, course.best_epoch = gain, course.epoch
                    course.weights = {name: t.clone() for name, t in self.network.state_dict().items()}
            speed = seen / (perf_counter() - began)
            left = (settings.epochs - course.epoch) * length.sum() / max(speed, 1)
            told = f"{speed:,.0f} events/s, at most {left:,.0f} s left"
            if self.held_out is not None:
                told += f", best after {course.best_epoch} epochs"
            progress(told, course.epoch, settings.epochs)
            if folder is not None:
                self._save(folder)
        if course.weights:
            self.network.load_state_dict(course.weights)
        self.network.eval()

    def _over(self) -> bool:
        course = self.course
        return self.held_out is not None and course.epoch - course.best_epoch >= self.settings.patience

    def _step(self, batch: Packed, where: str) -> None:
        losses = self._losses(batch)
        for name, part in losses.items():
            if not torch.isfinite(part):
                raise FitError(
                    f"sequence: the loss of {name} is {part.item()} in {where}, at a learning rate of "
                    f"{self.settings.learning_rate:g}. Lower it."
                )
        self.optimiser.zero_grad(set_to_none=True)
        sum(losses.values(), torch.zeros((), device=self.device)).backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()

    def _losses(self, batch: Packed) -> dict[str, Tensor]:
        """The mean loss of each head over a batch."""
        labels = {name: self._to(label[batch.entry]) for name, label in self.rows.labels.items()}
        entry, follows = reordered(batch, self.settings.reorder, self.rng)
        item = self._to(self.rows.item[entry])
        if "item" not in labels:
            hidden = self._hidden(self.rows, batch, self.network.vectors(item))
            return heads_loss(self.network.says(hidden), labels, self.balance)
        following = torch.where(self._to(follows) < 0, labels["item"], self._to(self.rows.item[follows]))
        there = following >= 0
        target = following[there]
        drawn = self.negatives.draw(self.rng)
        others = self._to(drawn)
        # one look-up, so that there is one slope of the size of the table
        every = self.network.vectors(torch.cat([item, target, others]))
        vector, wanted, rest = torch.split(every, [len(item), len(target), len(others)])
        hidden = self._hidden(self.rows, batch, vector)
        losses = heads_loss(self.network.says(hidden), labels, self.balance)
        if not len(target):  # visits of one event, which only other heads learn from
            return losses
        known_hidden, same = hidden[there], places(others, target)
        if self.settings.loss == "bpr_max":
            losses["item"] = bpr_max(known_hidden, wanted, rest, same, self.settings.score_penalty)
        else:
            logq = self.settings.logq
            shift = self._to(logq * self.negatives.log_chance[drawn]) if logq else None
            losses["item"] = SharedSoftmax.apply(known_hidden, wanted, rest, shift, same)  # type: ignore[no-untyped-call]
        return losses

    def _hidden(self, rows: Rows, batch: Packed, vector: Tensor) -> Tensor:
        sides = {name: self._to(side[batch.entry]) for name, side in rows.sides.items()}
        hidden: Tensor = self.network(vector, sides, batch.sizes.tolist())
        return hidden

    def _to(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    @torch.no_grad()
    def gain(self, rows: Rows) -> float:
        """How well the labelled events of the rows are foretold: the NDCG of the next item among all.

        Where the next item is not foretold, the negative of the other heads' losses.
        """
        self.network.eval()
        start, length = pieces(rows, self.settings.length)
        every = self.network.vectors(torch.arange(self.network.shape.items, device=self.device))
        total, count = 0.0, 0
        at_once = max(1, min(self.settings.batch, SCORES // self.network.shape.items))
        for batch in batches(start, length, at_once, None):
            hidden = self._hidden(rows, batch, every[self._to(rows.item[batch.entry])])
            if "item" in rows.labels:
                label = self._to(rows.labels["item"][batch.entry])
                score = hidden[label >= 0] @ every.T  # (n, I)
                target = label[label >= 0]
                rank = (score >= score.gather(1, target[:, None])).sum(1)
                total += float((1 / torch.log2(rank[rank <= PLACES] + 1.0)).sum())
                count += len(target)
            else:
                labels = {name: self._to(label[batch.entry]) for name, label in rows.labels.items()}
                losses = heads_loss(self.network.says(hidden), labels, self.balance)
                total -= float(sum(losses.values())) * len(batch.entry)
                count += len(batch.entry)
        return total / max(count, 1)

    @torch.no_grad()
    def said(self, rows: Rows, head: str) -> tuple[np.ndarray, np.ndarray]:
        """What a head says (n, its numbers) where its label (n,) is known, and the labels."""
        self.network.eval()
        start, length = pieces(rows, self.settings.length)
        found, labels = [], []
        for batch in batches(start, length, self.settings.batch, None):
            vector = self.network.vectors(self._to(rows.item[batch.entry]))
            hidden = self._hidden(rows, batch, vector)
            there = known(rows.labels[head][batch.entry])
            found.append(self.network.heads[head](hidden).cpu().numpy()[there])
            labels.append(rows.labels[head][batch.entry][there])
        return np.concatenate(found).astype(np.float64), np.concatenate(labels)

    def _save(self, folder: Path) -> None:
        """All that the rest of training depends on, in one file that is replaced at once."""
        from safetensors.torch import save_file

        tensors = {f"network.{name}": t for name, t in self.network.state_dict().items()}
        tensors |= {f"best.{name}": t for name, t in self.course.weights.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": t for name, t in state.items()}
        tensors["random"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random_cuda"] = torch.cuda.get_rng_state()
        told = {
            "of": self._of(),
            "epoch": self.course.epoch,
            "best": self.course.best if self.course.weights else None,
            "best_epoch": self.course.best_epoch,
            "rng": self.rng.bit_generator.state,
        }
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{CHECKPOINT}.part"
        save_file({name: t.contiguous() for name, t in tensors.items()}, part, {"course": json.dumps(told)})
        os.replace(part, folder / CHECKPOINT)

    def _of(self) -> str:
        """The settings, but for when training ends, and the data."""
        items = zlib.crc32(self.rows.item.tobytes(), zlib.crc32(self.rows.offsets.tobytes()))
        return f"{replace(self.settings, epochs=1, patience=1)} {items}"

    def _resume(self, folder: Path) -> None:
        from safetensors import safe_open

        with safe_open(folder / CHECKPOINT, "pt") as file:
            told = json.loads(file.metadata()["course"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if told["of"] != self._of():
            raise ConfigError(f"{folder / CHECKPOINT} is of other settings or other data; remove it.")

        def under(prefix: str) -> dict[str, Tensor]:
            return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}

        self.network.load_state_dict(under("network."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in under("optimiser.").items():
            number, part = name.split(".", 1)
            state.setdefault(int(number), {})[part] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.rng.bit_generator.state = told["rng"]
        torch.set_rng_state(tensors["random"])
        if "random_cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random_cuda"])
        self.course.epoch, self.course.best_epoch = told["epoch"], told["best_epoch"]
        self.course.best = -np.inf if told["best"] is None else told["best"]
        self.course.weights = under("best.")


def _start_from_the_mean(head: nn.Module, label: np.ndarray) -> None:
    """Let the head say the mean and the logarithm of the spread of the known labels."""
    label = label[known(label)]
    if len(label):
        mean, spread = float(label.mean()), float(np.log(label.std() + 1e-3))
        head.bias.data.copy_(torch.tensor([mean, spread]))  # type: ignore[operator]


def held_out(rows: Rows, late: dict[str, np.ndarray], most: int) -> tuple[Rows, Rows]:
    """The rows to learn from and those to stop by: labels that are `late` (N,) are hidden from the first.

    Of the late next items, the first `most` of the rows' order are kept.
    """

    def only(mask: dict[str, np.ndarray]) -> Rows:
        labels = {}
        for name, label in rows.labels.items():
            nothing = label.dtype.type(np.nan if label.dtype.kind == "f" else -1)
            labels[name] = np.where(mask[name], label, nothing)
        return Rows(rows.offsets, rows.item, rows.sides, labels)

    shown = {name: ~mask for name, mask in late.items()}
    few = {name: mask & (np.cumsum(mask & known(rows.labels[name])) <= most) for name, mask in late.items()}
    return only(shown), only(few)
