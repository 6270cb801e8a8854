"""Cells, packing and losses against slow references; the kernel and the state against torch."""

import numpy as np
import pytest
import torch
from torch import nn

from merx.behaviour.batches import Negatives, Rows, batches, canonical, pack, pieces, reordered
from merx.behaviour.cells import Scan, cell_of, scan_by_steps, slopes_by_steps
from merx.behaviour.export import weights_of
from merx.behaviour.losses import SharedSoftmax, bpr_max, places
from merx.behaviour.network import Dropout, Network, Shape
from merx.kernels.recurrent import CELLS, GATES, STATES, Layers, run

WIDTH = 8
LENGTHS = np.array([3, 1, 5, 2, 5])
STARTS = np.concatenate([[0], np.cumsum(LENGTHS)[:-1]])


def by_definition(cell, name, x):
    """States (T, F) of one piece (T, F), step by step, from the formulas."""
    state, memory, states = torch.zeros(WIDTH), torch.zeros(WIDTH), []
    for now in x:
        if name == "linear":
            gate, new = cell.gates(now).chunk(2)
            state = (1 - gate.sigmoid()) * state + gate.sigmoid() * new
        else:
            inner = cell.cell
            a = (inner.weight_ih_l0 @ now + inner.bias_ih_l0).chunk(4 if name == "lstm" else 3)
            b = (inner.weight_hh_l0 @ state + inner.bias_hh_l0).chunk(len(a))
            if name == "gru":
                reset, keep = (a[0] + b[0]).sigmoid(), (a[1] + b[1]).sigmoid()
                state = (1 - keep) * (a[2] + reset * b[2]).tanh() + keep * state
            else:
                take, keep, show = ((a[i] + b[i]).sigmoid() for i in (0, 1, 3))
                memory = keep * memory + take * (a[2] + b[2]).tanh()
                state = show * memory.tanh()
        states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_over_packed_pieces_is_its_formula_step_by_step(name):
    torch.manual_seed(0)
    cell, x = cell_of(name, WIDTH), torch.randn(LENGTHS.sum(), WIDTH)
    packed = pack(STARTS, LENGTHS)
    state = torch.empty_like(x)
    state[packed.entry] = cell(x[packed.entry], packed.sizes.tolist())
    for start, length in zip(STARTS, LENGTHS, strict=True):
        own = slice(start, start + length)
        torch.testing.assert_close(state[own], by_definition(cell, name, x[own]), rtol=1e-5, atol=1e-6)


def test_the_slopes_of_the_scan_are_those_of_differences():
    torch.manual_seed(1)
    keep = torch.rand(9, 3, dtype=torch.float64, requires_grad=True)
    add = torch.randn(9, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda k, a: Scan.apply(k, a, [4, 3, 2]), (keep, add))


def test_the_scan_is_the_same_on_any_device():
    torch.manual_seed(2)
    keep, add, slope, sizes = torch.rand(9, 3), torch.randn(9, 3), torch.randn(9, 3), [4, 3, 2]
    keep.requires_grad_(), add.requires_grad_()
    state = Scan.apply(keep, add, sizes)
    state.backward(slope)
    with torch.no_grad():
        stepped, by_keep, by_add = add.clone(), torch.zeros(9, 3), slope.clone()
        scan_by_steps(keep, stepped, sizes)
        slopes_by_steps(keep, stepped, by_keep, by_add, sizes)
    for kernel, steps in ((state, stepped), (keep.grad, by_keep), (add.grad, by_add)):
        torch.testing.assert_close(kernel.detach(), steps)


def test_packing_pads_nothing_and_keeps_the_order_of_each_piece():
    packed = pack(STARTS, LENGTHS)
    assert sorted(packed.entry.tolist()) == list(range(LENGTHS.sum()))
    assert packed.sizes.tolist() == [5, 4, 3, 2, 2]
    first = np.concatenate([[0], np.cumsum(packed.sizes)])
    for step in range(1, len(packed.sizes)):
        running = packed.sizes[step]
        before = packed.entry[first[step - 1] : first[step - 1] + running]
        np.testing.assert_array_equal(packed.entry[first[step] : first[step] + running], before + 1)


def some_rows(rng, rows=20):
    length = rng.integers(0, 12, rows)
    offsets = np.concatenate([[0], np.cumsum(length)])
    item = rng.integers(0, 9, offsets[-1])
    last = np.zeros(offsets[-1], bool)
    last[offsets[1:][length > 0] - 1] = True
    return Rows(offsets, item, {}, {"item": np.where(last, -1, np.roll(item, -1))})


def test_pieces_hold_every_labelled_event_once_and_batches_every_piece_once():
    rows = some_rows(np.random.default_rng(0))
    start, length = pieces(rows, 4)
    assert length.max() <= 4 and length.min() >= 1
    entry = np.concatenate([b.entry for b in batches(start, length, 16, np.random.default_rng(1))])
    assert sorted(entry.tolist()) == np.flatnonzero(rows.labels["item"] >= 0).tolist()


def test_reordering_moves_items_within_their_piece_alone():
    packed = pack(STARTS, LENGTHS)
    for share in (0.0, 0.5, 1.0):
        entry, follows = reordered(packed, share, np.random.default_rng(2))
        for piece in range(5):
            own = packed.piece == piece
            assert sorted(entry[own]) == sorted(packed.entry[own])
            assert follows[own].tolist() == [*entry[own][1:].tolist(), -1]
    entry, _ = reordered(packed, 0.0, np.random.default_rng(2))
    np.testing.assert_array_equal(entry, packed.entry)


def test_the_canonical_order_does_not_depend_on_the_order_given():
    rows = some_rows(np.random.default_rng(3))
    length = np.diff(rows.offsets)
    rng = np.random.default_rng(4)
    shuffle = rng.permutation(len(length))
    item = np.concatenate([rows.item[rows.offsets[r] : rows.offsets[r + 1]] for r in shuffle])
    offsets = np.concatenate([[0], np.cumsum(length[shuffle])])

    def content(offsets, item):
        return [item[offsets[r] : offsets[r + 1]].tolist() for r in canonical(offsets, [item])]

    assert content(offsets, item) == content(rows.offsets, rows.item)


@pytest.mark.parametrize("popularity", [0.0, 0.75])
def test_negatives_are_drawn_as_often_as_they_say(popularity):
    met = np.array([1, 2, 4, 8, 100, 30, 3, 3, 9, 1])
    negatives = Negatives.of(met, popularity, 4)
    rng = np.random.default_rng(5)
    drawn = np.stack([negatives.draw(rng) for _ in range(4000)])
    assert (np.diff(drawn, axis=1) > 0).all()
    share = np.bincount(drawn.ravel(), minlength=10) / 4000
    np.testing.assert_allclose(share, np.exp(negatives.log_chance), atol=0.03 if popularity == 0 else 0.2)
    assert Negatives.of(met, popularity, 0).draw(rng).tolist() == list(range(10))


def softmax_inputs(n=7, k=5, width=3):
    torch.manual_seed(2)
    hidden, target, others = (
        torch.randn(size, width, dtype=torch.float64, requires_grad=True) for size in (n, n, k)
    )
    return hidden, target, others, torch.rand(k, dtype=torch.float64), torch.tensor([-1, 0, 4, -1, 2, -1, 1])


def test_the_shared_softmax_is_the_cross_entropy_and_has_its_slopes(monkeypatch):
    monkeypatch.setattr("merx.behaviour.losses.CHUNK", 12)  # two rows at a time
    hidden, target, others, shift, same = softmax_inputs()
    score = hidden @ others.T - shift
    barred = score.clone()
    barred[torch.nonzero(same >= 0)[:, 0], same[same >= 0]] = -torch.inf
    whole = torch.cat([(hidden * target).sum(1, keepdim=True), barred], 1)
    expected = nn.functional.cross_entropy(whole, torch.zeros(7, dtype=torch.long))
    found = SharedSoftmax.apply(hidden, target, others, shift, same)
    torch.testing.assert_close(found, expected)
    slopes = torch.autograd.grad(found, (hidden, target, others))
    for slope, wanted in zip(slopes, torch.autograd.grad(expected, (hidden, target, others)), strict=True):
        torch.testing.assert_close(slope, wanted)


def test_bpr_max_by_definition():
    hidden, target, others, same = (softmax_inputs()[place].detach() for place in (0, 1, 2, 4))
    total = 0.0
    for n in range(7):
        own = float(hidden[n] @ target[n])
        score = [float(hidden[n] @ other) for k, other in enumerate(others) if k != same[n]]
        share = np.exp(score) / np.exp(score).sum()
        beats = (share / (1 + np.exp(np.array(score) - own))).sum()
        total += -np.log(beats) + 0.5 * (share * np.square(score)).sum()
    assert float(bpr_max(hidden, target, others, same, 0.5)) == pytest.approx(total / 7)


def test_places_are_found_among_sorted_items():
    found = places(torch.tensor([2, 5, 9]), torch.tensor([5, 1, 9, 10, 2]))
    assert found.tolist() == [1, -1, 2, -1, 0]


def test_dropout_keeps_the_mean_and_does_nothing_while_serving():
    torch.manual_seed(3)
    layer, ones = Dropout(0.25), torch.ones(1000, 101)
    dropped = layer(ones)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1, abs=0.01)
    assert torch.equal(layer.eval()(ones), ones)


@pytest.mark.parametrize("name", CELLS)
def test_the_kernel_is_the_network_event_by_event(name):
    torch.manual_seed(4)
    network = Network(Shape(10, WIDTH, 2, name, 0.5), {}).eval()
    x = torch.randn(int(LENGTHS.sum()), WIDTH)
    packed = pack(STARTS, LENGTHS)
    hidden = torch.empty_like(x)
    with torch.no_grad():
        hidden[packed.entry] = network(x[packed.entry], {}, packed.sizes.tolist())
    code = CELLS.index(name)
    weights = weights_of(network)
    assert weights.gate.shape == (2, WIDTH, GATES[code] * WIDTH)
    state = np.zeros((5, 2, STATES[code], WIDTH), np.float32)
    out = np.zeros((5, WIDTH), np.float32)
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    run(0, 5, offsets, x.numpy(), code, Layers(**vars(weights)), state, out)
    np.testing.assert_allclose(out, hidden.numpy()[offsets[1:] - 1], rtol=1e-5, atol=1e-5)
