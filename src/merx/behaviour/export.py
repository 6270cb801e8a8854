"""A trained network as plain arrays, which serve without torch."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from merx.behaviour.heads import Heads
from merx.behaviour.network import Block, Network
from merx.behaviour.reading import SIDES, Read
from merx.data.vocabulary import Vocabulary
from merx.kernels.recurrent import Weights

if TYPE_CHECKING:
    from merx.behaviour.sequence import FittedSequence, Sequence


@torch.no_grad()
def exported(
    network: Network,
    found: Read,
    attributes: dict[str, np.ndarray],
    items: Vocabulary,
    settings: "Sequence",
    heads: Heads,
) -> "FittedSequence":
    """The fitted model of a network that was trained on those rows."""
    from merx.behaviour.sequence import FittedSequence

    network = network.cpu()
    factors = np.zeros((len(items), network.shape.width), np.float32)
    for name, code in attributes.items():
        factors += _array(network.attributes[name].weight)[code]  # type: ignore[arg-type]
    factors[found.met] = _array(network.vectors(torch.arange(len(found.met))))
    sides = _side_factors(network, found)
    return FittedSequence(
        items, factors, sides, weights_of(network), settings.cell, heads, "item" in settings.heads
    )


def heads_of(network: Network) -> Heads:
    """The heads as they were trained."""
    layers: dict[str, nn.Linear] = dict(network.heads.items())  # type: ignore[arg-type]
    nothing = [np.zeros((network.shape.width, 0), np.float32)]
    weight = np.concatenate([*nothing, *(_array(layer.weight).T for layer in layers.values())], axis=1)
    bias = np.concatenate([np.zeros(0, np.float32), *(_array(layer.bias) for layer in layers.values())])
    return Heads(tuple(layers), weight, bias)


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
        gates: nn.Linear = cell.gates  # type: ignore[assignment]
        return _array(gates.weight).T, _array(gates.bias), np.zeros((0, 0)), np.zeros(0)
    inner = dict(cell.cell.named_parameters())  # type: ignore[union-attr]
    return (
        _array(inner["weight_ih_l0"]).T,
        _array(inner["bias_ih_l0"]),
        _array(inner["weight_hh_l0"]).T,
        _array(inner["bias_hh_l0"]),
    )


def _array(tensor: Tensor) -> np.ndarray:
    found: np.ndarray = tensor.detach().cpu().numpy()
    return found.copy()
