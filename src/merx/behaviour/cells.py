"""Recurrent cells over packed batches (`merx.behaviour.batches`): (N, F) in, (N, F) out.

gru: Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP (2014).
lstm: Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997; with forget gates.
linear: the gated linear recurrence of Feng, Tung, Ahmed, Bengio & Hajimirsadeghi, Were RNNs all we needed?,
2024 (minGRU):

    z_t = sigmoid(W_z x_t),  h_t = (1 - z_t) h_{t-1} + z_t W_h x_t.

Its gates do not look at the state, so they are made for all steps at once; what is left to do step by step
is one multiplication and one addition per number.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from merx.kernels.recurrent import scan, scan_slopes


class Scan(torch.autograd.Function):
    """h_t = keep_t h_{t-1} + add_t along each piece of a packed batch, from 0.

    On a CPU by a compiled kernel, as one operation of torch for each step would take longer than the step.
    """

    @staticmethod
    def forward(ctx: Any, keep: Tensor, add: Tensor, sizes: list[int]) -> Tensor:  # noqa: D102
        state = add.clone()  # (N, F)
        if state.is_cpu:
            scan(keep.detach().numpy(), state.numpy(), np.array(sizes))
        else:
            scan_by_steps(keep, state, sizes)
        ctx.save_for_backward(keep, state)
        ctx.sizes = sizes
        return state

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        keep, state = ctx.saved_tensors
        by_keep, by_add = torch.zeros_like(keep), slope.clone()
        if state.is_cpu:
            scan_slopes(
                keep.detach().numpy(), state.numpy(), by_keep.numpy(), by_add.numpy(), np.array(ctx.sizes)
            )
        else:
            slopes_by_steps(keep, state, by_keep, by_add, ctx.sizes)
        return by_keep, by_add, None


def scan_by_steps(keep: Tensor, state: Tensor, sizes: list[int]) -> None:
    """`merx.kernels.recurrent.scan` on any device."""
    kept, states = torch.split(keep, sizes), torch.split(state, sizes)
    for t in range(1, len(sizes)):
        states[t].addcmul_(kept[t], states[t - 1][: sizes[t]])


def slopes_by_steps(keep: Tensor, state: Tensor, by_keep: Tensor, by_add: Tensor, sizes: list[int]) -> None:
    """`merx.kernels.recurrent.scan_slopes` on any device."""
    kept, states, by_kept, by_added = (torch.split(part, sizes) for part in (keep, state, by_keep, by_add))
    for t in range(len(sizes) - 1, 0, -1):
        by_added[t - 1][: sizes[t]].addcmul_(kept[t], by_added[t])
        torch.mul(by_added[t], states[t - 1][: sizes[t]], out=by_kept[t])


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
