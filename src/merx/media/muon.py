"""Muon: steps that move a layer by an orthogonal matrix, so that no direction of it lags behind the others.

The weights of a convolution, (out, channels, 3, 3), are the matrix (out, 9 channels) that it applies at each
place.

Sources: Jordan, Jin, Boza, You, Cesista, Newhouse & Bernstein, Muon: an optimizer for hidden layers in neural
networks (2024); the step scaled as AdamW's by Liu et al., Muon is scalable for LLM training, arXiv:2502.16982
(2025). Unlike `torch.optim.Muon` it takes convolutions, and works in 32 bits on the Gram matrix: as fast on a
processor that has 16-bit arithmetic, and some thirty times faster on one that has not.
"""

from collections.abc import Iterable
from math import sqrt

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
ROOT_MEAN_SQUARE = 0.2  # of a step's entries, in learning rates: about AdamW's
QUINTIC = (3.4445, -4.7750, 2.0315)  # p(s) = a s + b s^3 + c s^5 brings singular values from 0 to 1 near 1
ROUNDS = 5  # of p; singular values are then between .7 and 1.2


class Muon(torch.optim.Optimizer):
    """An optimiser of weights with two dimensions or more, the first of them the layer's outputs.

    Parameters
    ----------
    weights : tensors (out, ...)
    lr : float
        Learning rate; one that suits AdamW suits here.
    weight_decay : float
        Part of the weights that a step takes away, in learning rates.
    """

    def __init__(self, weights: Iterable[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move each weight against its gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if not state:
                    state["mean"] = torch.zeros_like(weight)
                state["mean"].lerp_(weight.grad, 1 - MOMENTUM)
                ahead = weight.grad.lerp(state["mean"], MOMENTUM)  # Nesterov's
                move = orthogonal(ahead.flatten(1))
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                size = ROOT_MEAN_SQUARE * sqrt(max(move.shape))
                weight.add_(move.view(weight.shape), alpha=-group["lr"] * size)


def orthogonal(matrix: Tensor) -> Tensor:
    """About U V' (r, c) of a matrix U S V': its singular values near 1, but for those near 0; zeros of zeros.

    Rounds of X <- (a + b X X' + c (X X')^2) X, each a polynomial of the Gram matrix X X' (r, r), which is
    small where r < c. So the rounds are done on that, and X is multiplied once.
    """
    a, b, c = QUINTIC
    unit = matrix / matrix.norm().clamp(min=1e-12)
    gram, one = unit @ unit.T, torch.eye(len(unit), device=unit.device)
    product = one
    for _ in range(ROUNDS):
        factor = a * one + b * gram + c * gram @ gram
        product, gram = factor @ product, factor @ gram @ factor
    found: Tensor = product @ unit
    return found
