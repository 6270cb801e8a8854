"""Other views of the same pictures, a batch at a time: what is shown stays, its place and light change."""

import math

import torch
from torch import Tensor

ROTATION = math.pi / 12
ZOOM = 0.25  # of the logarithm of the scale
STRETCH = 0.08  # of the logarithm of the ratio of the sides
SHIFT = 0.1  # of half a side
LIGHT = 0.3  # of contrast, saturation and brightness
COVERED = 0.4  # share of the pictures of which a part is covered
COVER = (0.15, 0.4)  # sides of the cover, in sides of the picture
CUT = 0.5  # share of the batches in which pictures are mixed by rectangles


def augmented(pictures: Tensor, recolour: float) -> Tensor:
    """Pictures (B, 3, H, W) from -1 to 1, each turned, scaled, shifted, mirrored and lit at random.

    In part of them a rectangle is covered (Zhong, Zheng, Kang, Li & Yang, Random erasing data augmentation,
    AAAI 2020); a share `recolour` of them gets other colours: red, green and blue exchanged.
    """
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
    pictures = factor() * pictures  # brightness
    if recolour:
        pictures = recoloured(pictures, recolour)
    return covered(pictures)


def recoloured(pictures: Tensor, share: float) -> Tensor:
    """The channels of a share of the pictures in another order, and all of them weighed anew."""
    count = len(pictures)
    order = torch.rand(count, 3).argsort(1)
    order[torch.rand(count) >= share] = torch.arange(3)
    places = order.view(count, 3, 1, 1).expand(pictures.shape).to(pictures.device)
    weight = 1 + LIGHT * (2 * torch.rand(count, 3, 1, 1) - 1)
    return pictures.gather(1, places) * weight.to(pictures.device)


def covered(pictures: Tensor) -> Tensor:
    """A rectangle of one colour laid over some of the pictures."""
    count, _, height, width = pictures.shape
    low, high = COVER
    half = (low + (high - low) * torch.rand(2, count, 1)) / 2
    centre = half + (1 - 2 * half) * torch.rand(2, count, 1)
    across = (torch.linspace(0, 1, width) - centre[0]).abs() < half[0]  # (B, W)
    down = (torch.linspace(0, 1, height) - centre[1]).abs() < half[1]  # (B, H)
    chosen = torch.rand(count) < COVERED
    mask = (chosen[:, None, None] & down[:, :, None] & across[:, None, :])[:, None].to(pictures.device)
    return torch.where(mask, (0.3 * torch.randn(count, 3, 1, 1)).to(pictures.device), pictures)


def mixed(pictures: Tensor, alpha: float) -> tuple[Tensor, Tensor, float]:
    """Each picture mixed with another of the batch: the pictures, the others' places (B,), their own share.

    In one batch of two the other is laid over all of it, faintly by its share, Beta(alpha, alpha): Zhang,
    Cisse, Dauphin & Lopez-Paz, mixup: beyond empirical risk minimization, ICLR (2018). In the other batch a
    rectangle of it, whose share of the area is uniform, is put in: Yun, Han, Oh, Chun, Choe & Yoo, CutMix:
    regularization strategy to train strong classifiers with localizable features, ICCV (2019).
    """
    other = torch.randperm(len(pictures))
    others = pictures[other.to(pictures.device)]
    if torch.rand(()) < CUT:
        _, _, height, width = pictures.shape
        side = float(torch.rand(())) ** 0.5  # of the rectangle, in sides of the picture
        down, across = int(side * height), int(side * width)
        top = int(torch.randint(0, height - down + 1, ()))
        left = int(torch.randint(0, width - across + 1, ()))
        place = (..., slice(top, top + down), slice(left, left + across))
        pictures[place] = others[place]
        return pictures, other, 1 - down * across / (height * width)
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    return share * pictures + (1 - share) * others, other, share
