"""How the network of a recurrent forecaster is trained: windows, a likelihood, when it ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from merx.errors import FitError
from merx.forecast.boosted_features import WINDOWS, Past
from merx.forecast.boosted_training import Lesson
from merx.forecast.recurrent import Decoder

if TYPE_CHECKING:
    from merx.forecast.recurrent import Recurrent

FEWEST = 100
"""Steps that a network is trained on, at least."""

READ = 2
"""Which of WINDOWS is read: 28 days, 8 weeks."""

WIDE = 64
"""Units of the layer between."""

DROPOUT = 0.2
"""Share of what is remembered and known that is left out while training."""

PATIENCE = 3
"""Epochs without gain on the steps held out after which training ends."""

ONCE = 8192
"""Windows that are read at a time where nothing is learnt."""


@dataclass(frozen=True)
class Trained:
    """A network after so many epochs, the best of them; 0 where there was too little to learn from."""

    cell: nn.GRU | nn.LSTM
    decoder: Decoder
    epochs: int


def train(
    past: Past, lesson: Lesson, held: Lesson | None, config: "Recurrent", epochs: int | None = None
) -> Trained:
    """On the steps of a lesson, until those held out gain no more; without these for so many epochs.

    Raises FitError where the loss is not a number.
    """
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = _Network(config.cell, config.width, lesson.rows.X).to(device)
        best, best_epoch, weights = np.inf, 0, _copy(network)
        if len(lesson.sold) < FEWEST or not lesson.sold.any():
            epochs = 0
        optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate)
        rng = np.random.default_rng(config.seed)
        # steps seen from one origin come together, so that its window is read once
        window = np.unique(np.stack([lesson.series, lesson.origin]), axis=1, return_inverse=True)[1].ravel()
        most = config.epochs if epochs is None else epochs
        for epoch in range(1, most + 1):
            network.train()
            order = np.argsort(rng.permutation(len(window))[window], kind="stable")
            for number, part in enumerate(np.array_split(order, -(-len(order) // config.batch))):
                loss = _loss(network, past, lesson, part)
                if not torch.isfinite(loss):
                    raise FitError(
                        f"recurrent: the loss is {loss.item()} in epoch {epoch}, batch {number + 1}, at a "
                        f"learning rate of {config.learning_rate:g}. Lower it."
                    )
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimiser.step()
            if held is None or not len(held.sold):
                best_epoch, weights = epoch, _copy(network)
                continue
            network.eval()
            loss_held = _mean_loss(network, past, held)
            if loss_held < best:
                best, best_epoch, weights = loss_held, epoch, _copy(network)
            elif epoch - best_epoch >= PATIENCE:
                break
        network.load_state_dict(weights)
        network.eval()
        return Trained(network.cell.cpu(), network.cpu().exported(), best_epoch)


def remember(past: Past, series: np.ndarray, origin: np.ndarray, trained: Trained) -> np.ndarray:
    """What the cell remembers of the steps before each origin, float32 (n, F)."""
    found = np.empty((len(series), trained.cell.hidden_size), np.float32)
    with torch.no_grad():
        for start in range(0, len(series), ONCE):
            part = slice(start, start + ONCE)
            read = torch.from_numpy(_windows(past, series[part], origin[part]))
            found[part] = _last(trained.cell, read).numpy()
    return found


class _Network(nn.Module):
    centre: Tensor
    scale: Tensor

    def __init__(self, cell: str, width: int, X: np.ndarray) -> None:
        super().__init__()
        self.cell: nn.GRU | nn.LSTM = {"gru": nn.GRU, "lstm": nn.LSTM}[cell](2, width, batch_first=True)
        self.widen = nn.Linear(width + X.shape[1], WIDE)
        self.narrow = nn.Linear(WIDE, 2)
        nn.init.zeros_(self.narrow.weight)  # at first: the level
        nn.init.zeros_(self.narrow.bias)
        centre = X.mean(axis=0) if len(X) else np.zeros(X.shape[1])
        scale = np.maximum(X.std(axis=0), 1e-3) if len(X) else np.ones(X.shape[1])
        self.register_buffer("centre", torch.tensor(centre, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))

    def forward(self, read: Tensor, window: Tensor, X: Tensor) -> Tensor:
        """Windows (w, L, 2), which of them each step is seen from (n,), and features (n, K) to (n, 2)."""
        both = torch.cat([_last(self.cell, read)[window], (X - self.centre) / self.scale], 1)
        both = nn.functional.dropout(both, DROPOUT, self.training)
        said: Tensor = self.narrow(nn.functional.silu(self.widen(both)))
        return said

    def exported(self) -> Decoder:
        def array(tensor: Tensor) -> np.ndarray:
            return np.ascontiguousarray(tensor.detach().numpy())

        return Decoder(
            array(self.centre),
            array(self.scale),
            array(self.widen.weight.T),
            array(self.widen.bias),
            array(self.narrow.weight.T),
            array(self.narrow.bias),
        )


def _last(cell: nn.GRU | nn.LSTM, read: Tensor) -> Tensor:
    """The state after windows (n, L, 2): (n, F)."""
    return cell(read)[0][:, -1]  # type: ignore[no-any-return]


def _windows(past: Past, series: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """What was sold in the L steps before each origin and whether they were available, float32 (n, L, 2).

    Sales are log(1 + units / their mean in the window); 0 where not available, or before the series began.
    """
    panel = past.panel
    step = origin[:, None] + np.arange(-WINDOWS[panel.step][READ], 0)  # (n, L)
    place = np.where(step >= 0, panel.offsets[series][:, None] + step, 0)
    if not len(past.sold):
        return np.zeros((*step.shape, 2), np.float32)
    known = (step >= 0) & panel.available[place]
    units = np.where(known, past.sold[place], 0.0)
    mean = units.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    relative = np.log1p(units / np.maximum(mean, 1e-9)[:, None])
    return np.stack([relative, known], axis=2).astype(np.float32)


def _loss(network: _Network, past: Past, lesson: Lesson, part: np.ndarray) -> Tensor:
    """Mean of - log likelihood of the negative binomials, without what does not depend on the network."""
    device = network.centre.device
    seen, window = np.unique(
        np.stack([lesson.series[part], lesson.origin[part]]), axis=1, return_inverse=True
    )
    read = torch.from_numpy(_windows(past, *seen)).to(device)
    X = torch.from_numpy(lesson.rows.X[part]).to(device)
    level = torch.from_numpy(lesson.rows.level[part]).float().to(device)
    sold = torch.from_numpy(lesson.sold[part]).float().to(device)
    said = network(read, torch.from_numpy(window.ravel()).to(device), X).clamp(-8, 8)
    mean, shape = level * said[:, 0].exp(), said[:, 1].exp()
    likelihood = (
        torch.lgamma(sold + shape)
        - torch.lgamma(shape)
        + shape * torch.log(shape / (shape + mean))
        + sold * torch.log(mean / (shape + mean))
    )
    loss: Tensor = -likelihood.mean()
    return loss


@torch.no_grad()
def _mean_loss(network: _Network, past: Past, held: Lesson) -> float:
    def parts() -> Iterator[float]:
        for start in range(0, len(held.sold), ONCE):
            part = np.arange(start, min(start + ONCE, len(held.sold)))
            yield float(_loss(network, past, held, part)) * len(part)

    return sum(parts()) / len(held.sold)


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}
