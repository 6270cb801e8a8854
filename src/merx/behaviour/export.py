"""A trained network as plain arrays, which serve without torch."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from merx.behaviour.network import Block, Network
from merx.behaviour.reading import SIDES, Read
from merx.data.vocabulary import Vocabulary
from merx.kernels.recurrent import Weights

if TYPE_CHECKING:
    from merx.behaviour.sequence import FittedSequence, Sequence


@torch.no_grad()
def exported(network: Network, found: Read, items: Vocabulary, settings: "Sequence") -> "FittedSequence":
    """The fitted model of a network that was trained on those rows."""
    from merx.behaviour.sequence import FittedSequence

    network = network.cpu()
    factors = np.zeros((len(items), settings.width), np.float32)
    factors[found.met] = _array(network.vectors(torch.arange(len(found.met))))
    return FittedSequence(items, factors, _side_factors(network, found), weights_of(network), settings.cell)


def _side_factors(network: Network, found: Read) -> np.ndarray:
    tables = []
    for name, codes in SIDES.items():
        table = np.zeros((codes, network.shape.width), np.float32)
        if name in network.sides:
            met = np.unique(found.rows.sides[name])
            table[met] = _array(network.sides[name].weight)[met]  # type: ignore[arg-type]
        tables.append(table)
    return np.concatenate(tables)


def weights_of(network: Network) -> Weights:
    """The weights of the blocks as the kernel reads them."""
    blocks: list[Block] = list(network.blocks)  # type: ignore[arg-type]
    gates = [_gates(block) for block in blocks]

    def stacked(parts: list[np.ndarray]) -> np.ndarray:
        return np.ascontiguousarray(np.stack(parts), np.float32)

    def of(layer: str, part: str) -> np.ndarray:
        return stacked([_array(getattr(getattr(block, layer), part)).T for block in blocks])

    def norms(part: str) -> np.ndarray:
        return stacked([np.stack([_array(getattr(norm, part)) for norm in block.norms]) for block in blocks])

    return Weights(
        scale=norms("weight"),
        shift=norms("bias"),
        gate=stacked([gate[0] for gate in gates]),
        gate_bias=stacked([gate[1] for gate in gates]),
        turn=stacked([gate[2] for gate in gates]),
        turn_bias=stacked([gate[3] for gate in gates]),
        widen=of("widen", "weight"),
        widen_bias=of("widen", "bias"),
        narrow=of("narrow", "weight"),
        narrow_bias=of("narrow", "bias"),
        last_scale=_array(network.norm.weight),
        last_shift=_array(network.norm.bias),
    )


def _gates(block: Block) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weight and bias from the input, then from the state."""
    cell = block.cell
    if hasattr(cell, "gates"):
        gates: nn.Linear = cell.gates
        return _array(gates.weight).T, _array(gates.bias), np.zeros((0, 0)), np.zeros(0)
    inner: nn.GRU = cell.cell  # type: ignore[assignment]
    return (
        _array(inner.weight_ih_l0).T,
        _array(inner.bias_ih_l0),
        _array(inner.weight_hh_l0).T,
        _array(inner.bias_hh_l0),
    )


def _array(tensor: Tensor) -> np.ndarray:
    found: np.ndarray = tensor.detach().cpu().numpy()
    return found.copy()
