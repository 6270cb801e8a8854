"""Muon's step against what it stands for: the orthogonal factor of the gradient, in all directions alike."""

import pytest

torch = pytest.importorskip("torch")

from merx.media.muon import ROOT_MEAN_SQUARE, Muon, orthogonal  # noqa: E402


@pytest.mark.parametrize("shape", [(8, 30), (6, 6), (7, 3)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonal(1000 * matrix) @ right.T
    assert ((found.diagonal() > 0.65) & (found.diagonal() < 1.25)).all()
    assert torch.allclose(found, found.diagonal().diag(), atol=1e-4)
    assert not orthogonal(torch.zeros(shape)).any()


def test_steps_by_the_book():
    torch.manual_seed(0)
    first, gradients = torch.randn(4, 2, 3, 3), torch.randn(3, 4, 2, 3, 3)
    weight = torch.nn.Parameter(first.clone(memory_format=torch.channels_last))
    muon = Muon([weight], lr=0.01, weight_decay=0.5)
    mean, expected = torch.zeros_like(first), first.clone()
    for gradient in gradients:
        weight.grad = gradient.clone()
        muon.step()
        mean = 0.95 * mean + 0.05 * gradient
        move = orthogonal((0.05 * gradient + 0.95 * mean).reshape(4, 18)).reshape(4, 2, 3, 3)
        expected = expected * (1 - 0.01 * 0.5) - 0.01 * ROOT_MEAN_SQUARE * 18**0.5 * move
    assert torch.allclose(weight, expected, atol=1e-6)


def test_it_reaches_the_least_squares():
    torch.manual_seed(0)
    inputs, truth = torch.randn(50, 12), torch.randn(5, 12)
    weight = torch.nn.Parameter(torch.zeros(5, 12))
    muon = Muon([weight], lr=0.1, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LinearLR(muon, 1.0, 0.001, 200)
    for _ in range(200):
        weight.grad = None
        ((inputs @ (weight - truth).T) ** 2).mean().backward()
        muon.step()
        schedule.step()
    assert torch.allclose(weight, truth, atol=0.05)
