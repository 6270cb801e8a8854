"""Recurrent networks event by event: what `merx.behaviour.network` is once it is trained.

The same steps are taken for a whole history and for one new event, so both give the same numbers, whatever
else is asked for with them.
"""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
from numba import njit

CELLS = ("linear", "gru", "lstm")
LINEAR, GRU, LSTM = 0, 1, 2  # their places
STATES = (1, 1, 2)  # vectors that each cell remembers
GATES = (2, 3, 4)
SMALL = 1e-5  # added to a variance, as torch does


@dataclass(frozen=True)
class Weights:
    """The weights of L blocks of width F with G gates, inputs first: y = x @ weight + bias. All float32.

    Parameters
    ----------
    scale, shift : (L, 2, F)
        Of the norms before the cell and before the feed-forward layer.
    gate : (L, F, G F)
        From the input to the gates.
    gate_bias : (L, G F)
    turn : (L, F, G F)
        From the state to the gates; (L, 0, 0) for the linear recurrence, which has none.
    turn_bias : (L, G F), or (L, 0)
    widen : (L, F, W)
    widen_bias : (L, W)
    narrow : (L, W, F)
    narrow_bias : (L, F)
    last_scale, last_shift : (F,)
        Of the norm at the end.
    """

    scale: np.ndarray
    shift: np.ndarray
    gate: np.ndarray
    gate_bias: np.ndarray
    turn: np.ndarray
    turn_bias: np.ndarray
    widen: np.ndarray
    widen_bias: np.ndarray
    narrow: np.ndarray
    narrow_bias: np.ndarray
    last_scale: np.ndarray
    last_shift: np.ndarray


Layers = namedtuple("Layers", Weights.__annotations__)  # type: ignore[misc]  # the same, as numba reads it


@njit(nogil=True, cache=True)
def run(first, last, offsets, x, cell, layers, state, out):
    """Let the events x (N, F) of the rows first..last go by: state (R, L, S, F) and out (R, F) are written.

    A row without events leaves its state as it is and its out at 0.
    """
    for row in range(first, last):
        for event in range(offsets[row], offsets[row + 1]):
            step(x[event], cell, layers, state[row], out[row])


@njit(nogil=True, cache=True)
def step(x, cell, layers, state, out):
    """One event x (F,): state (L, S, F) becomes the one after it, out (F,) what is known then."""
    value = x.copy()
    width = len(x)
    for block in range(len(state)):
        normed = _norm(value, layers.scale[block, 0], layers.shift[block, 0])
        gate = _affine(normed, layers.gate[block], layers.gate_bias[block])
        memory = state[block]
        if cell == LINEAR:
            for j in range(width):
                take = _sigmoid(gate[j])
                memory[0, j] = (np.float32(1) - take) * memory[0, j] + take * gate[width + j]
        else:
            turn = _affine(memory[0], layers.turn[block], layers.turn_bias[block])
            if cell == GRU:
                _gru(gate, turn, memory)
            else:
                _lstm(gate, turn, memory)
        for j in range(width):
            value[j] += memory[0, j]
        normed = _norm(value, layers.scale[block, 1], layers.shift[block, 1])
        wide = _affine(normed, layers.widen[block], layers.widen_bias[block])
        for j in range(len(wide)):
            wide[j] *= _sigmoid(wide[j])
        value += _affine(wide, layers.narrow[block], layers.narrow_bias[block])
    out[:] = _norm(value, layers.last_scale, layers.last_shift)


@njit(nogil=True, cache=True)
def _gru(gate, turn, memory):
    """torch's order of the gates: reset, update, new."""
    width = memory.shape[1]
    for j in range(width):
        reset = _sigmoid(gate[j] + turn[j])
        keep = _sigmoid(gate[width + j] + turn[width + j])
        new = np.tanh(gate[2 * width + j] + reset * turn[2 * width + j])
        memory[0, j] = (np.float32(1) - keep) * new + keep * memory[0, j]


@njit(nogil=True, cache=True)
def _lstm(gate, turn, memory):
    """torch's order of the gates: input, forget, new, output."""
    width = memory.shape[1]
    for j in range(width):
        take = _sigmoid(gate[j] + turn[j])
        keep = _sigmoid(gate[width + j] + turn[width + j])
        new = np.tanh(gate[2 * width + j] + turn[2 * width + j])
        show = _sigmoid(gate[3 * width + j] + turn[3 * width + j])
        memory[1, j] = keep * memory[1, j] + take * new
        memory[0, j] = show * np.tanh(memory[1, j])


@njit(nogil=True, cache=True)
def _affine(x, weight, bias):
    """X @ weight + bias, input by input, so that the outputs are summed side by side."""
    out = bias.copy()
    for i in range(len(x)):
        factor, row = x[i], weight[i]
        for j in range(len(out)):
            out[j] += factor * row[j]
    return out


@njit(nogil=True, cache=True)
def _norm(x, scale, shift):
    """Mean 0 and variance 1, then scale and shift."""
    mean = np.float32(0)
    for j in range(len(x)):
        mean += x[j]
    mean /= np.float32(len(x))
    variance = np.float32(0)
    for j in range(len(x)):
        variance += (x[j] - mean) ** 2
    factor = np.float32(1) / np.sqrt(variance / np.float32(len(x)) + np.float32(SMALL))
    return (x - mean) * factor * scale + shift


@njit(nogil=True, cache=True, inline="always")
def _sigmoid(x):
    return np.float32(1) / (np.float32(1) + np.exp(-x))


@njit(nogil=True, cache=True)
def scan(keep, state, sizes):
    """h_t = keep_t h_{t-1} + add_t along each piece of a packed batch (N, F), from 0, in place of add.

    `sizes` (T,): how many pieces have an event at step t, falling; see `merx.behaviour.batches`.
    """
    now = sizes[0]
    for t in range(1, len(sizes)):
        before = now - sizes[t - 1]
        for piece in range(sizes[t]):
            for j in range(state.shape[1]):
                state[now + piece, j] += keep[now + piece, j] * state[before + piece, j]
        now += sizes[t]


@njit(nogil=True, cache=True)
def scan_slopes(keep, state, by_keep, by_add, sizes):
    """From the slopes by the states, in `by_add` (N, F): those by what was added, there, and by `keep`.

    `by_keep` (N, F) comes as zeros, which stay at the first events.
    """
    now = len(state)
    for t in range(len(sizes) - 1, 0, -1):
        now -= sizes[t]
        before = now - sizes[t - 1]
        for piece in range(sizes[t]):
            for j in range(state.shape[1]):
                by_add[before + piece, j] += keep[now + piece, j] * by_add[now + piece, j]
                by_keep[now + piece, j] = by_add[now + piece, j] * state[before + piece, j]
