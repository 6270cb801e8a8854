"""Other views of the same pictures, a batch at a time: what is shown stays, its place and light change."""

import math

import torch
from torch import Tensor

ROTATION = math.pi / 12
ZOOM = 0.25  # of the logarithm of the scale
STRETCH = 0.08  # of the logarithm of the ratio of the sides
SHIFT = 0.1  # of half a side
LIGHT = 0.3  # of contrast, saturation and brightness


def augmented(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) from -1 to 1, each turned, scaled, shifted, mirrored and lit at random."""
    count = len(pictures)

    def draw(most: float) -> Tensor:
        return most * (2 * torch.rand(count) - 1)

    turn, scale, stretch = draw(ROTATION), draw(ZOOM).exp(), draw(STRETCH).exp()
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    cosine, sine = turn.cos() * scale, turn.sin() * scale
    x = torch.stack([cosine * stretch * mirror, -sine / stretch, draw(SHIFT)], 1)
    y = torch.stack([sine * stretch * mirror, cosine / stretch, draw(SHIFT)], 1)
    shape = list(pictures.shape)
    grid = torch.nn.functional.affine_grid(torch.stack([x, y], 1), shape, align_corners=False)
    pictures = torch.nn.functional.grid_sample(
        pictures, grid.to(pictures.device), padding_mode="border", align_corners=False
    )

    def factor() -> Tensor:
        return (1 + draw(LIGHT)).view(-1, 1, 1, 1).to(pictures.device)

    mean = pictures.mean((2, 3), keepdim=True)
    pictures = mean + factor() * (pictures - mean)  # contrast
    grey = pictures.mean(1, keepdim=True)
    pictures = grey + factor() * (pictures - grey)  # saturation
    return factor() * pictures  # brightness


def mixed(pictures: Tensor, alpha: float) -> tuple[Tensor, Tensor, float]:
    """Each picture blended with another of the batch: the pictures, the others' places (B,), their own share.

    Source: Zhang, Cisse, Dauphin & Lopez-Paz, mixup: beyond empirical risk minimization, ICLR (2018).
    """
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    other = torch.randperm(len(pictures))
    return share * pictures + (1 - share) * pictures[other.to(pictures.device)], other, share
