"""Recurrent cells over packed batches (`merx.behaviour.batches`): (N, F) in, (N, F) out.

gru: Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP (2014).
lstm: Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997; with forget gates.
linear: the gated linear recurrence of Feng, Tung, Ahmed, Bengio & Hajimirsadeghi, Were RNNs all we needed?,
2024 (minGRU):

    z_t = sigmoid(W_z x_t),  h_t = (1 - z_t) h_{t-1} + z_t W_h x_t.

Its gates do not look at the state, so they are made for all steps at once; what is left to do step by step
is one multiplication and one addition per number.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


class Scan(torch.autograd.Function):
    """h_t = keep_t h_{t-1} + add_t along each piece of a packed batch, from 0."""

    @staticmethod
    def forward(ctx: Any, keep: Tensor, add: Tensor, sizes: list[int]) -> Tensor:  # noqa: D102
        state = add.clone()  # (N, F)
        steps = _steps(sizes)
        for (before, _), (now, size) in pairwise(steps):
            state[now : now + size].addcmul_(keep[now : now + size], state[before : before + size])
        ctx.save_for_backward(keep, state)
        ctx.steps = steps
        return state

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        keep, state = ctx.saved_tensors
        d_add, d_keep = slope.clone(), torch.zeros_like(keep)
        for (before, _), (now, size) in reversed(list(pairwise(ctx.steps))):
            here, there = slice(now, now + size), slice(before, before + size)
            d_add[there].addcmul_(keep[here], d_add[here])
            torch.mul(d_add[here], state[there], out=d_keep[here])
        return d_keep, d_add, None


def _steps(sizes: list[int]) -> list[tuple[int, int]]:
    """First event of each step and how many it has."""
    steps, first = [], 0
    for size in sizes:
        steps.append((first, size))
        first += size
    return steps


class LinearRecurrence(nn.Module):
    """The gated linear recurrence."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gates = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, sizes: list[int]) -> Tensor:
        """States (N, F)."""
        gate, new = self.gates(x).chunk(2, 1)
        take = torch.sigmoid(gate)
        return Scan.apply(1 - take, take * new, sizes)  # type: ignore[no-any-return, no-untyped-call]


class Recurrent(nn.Module):
    """torch's GRU or LSTM."""

    def __init__(self, cell: str, width: int) -> None:
        super().__init__()
        self.cell = {"gru": nn.GRU, "lstm": nn.LSTM}[cell](width, width)

    def forward(self, x: Tensor, sizes: list[int]) -> Tensor:
        """States (N, F)."""
        packed = nn.utils.rnn.PackedSequence(x, torch.tensor(sizes))
        state: Tensor = self.cell(packed)[0].data
        return state


def cell_of(name: str, width: int) -> nn.Module:
    """The cell of that name, of `merx.kernels.recurrent.CELLS`."""
    return LinearRecurrence(width) if name == "linear" else Recurrent(name, width)
