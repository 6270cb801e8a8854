"""Training of the network on labels, on factors, or on both at once."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, interpolate
from torch.optim.lr_scheduler import OneCycleLR

from merx.media.augment import augmented, mixed
from merx.media.muon import Muon
from merx.media.network import Network, device, scaled

if TYPE_CHECKING:
    from merx.media.picture_net import PictureNet

PHASES = (
    (1 / 3, 0.5),
    (2 / 3, 0.75),
    (1.0, 1.0),
)  # until which share of the steps, at which part of the size
BATCH = (32, 64)  # pictures in a batch, a sixteenth of all within these bounds
LEARNING_RATE = 0.003
WEIGHT_DECAY = 0.05
SMOOTHING = 0.1  # of labels
MIX = 0.2  # alpha of mixup
BALANCE = 0.5  # how much more rare classes count: 0 not, 1 as much as common ones
MEMORY = 0.995  # of the mean of the weights
WARM = 0.1  # share of the steps in which the learning rate rises
CHUNK = 256  # pictures worked on at a time outside training


class Course:
    """One training: the pictures at hand, the network and the mean of its weights."""

    def __init__(
        self,
        pixels: Tensor,
        label: Tensor | None,
        factors: Tensor | None,
        settings: "PictureNet",
    ) -> None:
        """Pixels uint8 (n, 3, S, S); label int64 (n,), -1 where not known; factors (n, K), zeros likewise."""
        self.device = device()
        self.pixels, self.label, self.factors = pixels, label, factors
        heads = {} if label is None else {"label": int(label.max()) + 1}
        heads |= {} if factors is None else {"factors": factors.shape[1]}
        self.network = Network(settings.length, heads).to(self.device)
        self.mean = Network(settings.length, heads).to(self.device)
        self.mean.load_state_dict(self.network.state_dict())
        self.means, self.weights = (
            [weight for weight in network.state_dict().values() if weight.is_floating_point()]
            for network in (self.mean, self.network)
        )
        self.recolour = settings.recolour
        self.epochs = epochs(len(pixels), settings)
        self.class_weight = None if label is None else class_weight(label).to(self.device)

    def train(self, tell: Callable[[str, int, int], None]) -> Network:
        """The network with the mean of its weights, made for serving."""
        count = len(self.pixels)
        batch = min(int(np.clip(count // 16, *BATCH)), count)
        steps = count // batch * self.epochs
        optimisers = optimisers_of(self.network)
        schedules = [
            OneCycleLR(optimiser, LEARNING_RATE, steps, pct_start=WARM, cycle_momentum=False)
            for optimiser in optimisers
        ]
        step, pixels, side = 0, self.pixels, self.pixels.shape[-1]
        for epoch in range(self.epochs):
            part = next(part for until, part in PHASES if (epoch + 0.5) / self.epochs < until)
            if pixels.shape[-1] != round(part * side):
                pixels = resized(self.pixels, round(part * side))
            self.network.train()
            for chosen in torch.randperm(count)[: count // batch * batch].split(batch):
                loss = self.loss(pixels, chosen)
                self.network.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
                for optimiser, schedule in zip(optimisers, schedules, strict=True):
                    optimiser.step()
                    schedule.step()
                step += 1
                self.remember(min(MEMORY, step / (step + 20)))
            tell("training", (epoch + 1) * count, self.epochs * count)
        return self.mean.folded()

    def loss(self, pixels: Tensor, chosen: Tensor) -> Tensor:
        """Of the pictures at the places `chosen` (B,)."""
        views = augmented(scaled(pixels[chosen].to(self.device)), self.recolour)
        views, other, share = mixed(views, MIX)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half_precision(views)):
            vector = self.network(views.contiguous(memory_format=torch.channels_last))
        said = self.network.says(vector)
        loss = torch.zeros((), device=self.device)
        for part, which in ((share, chosen), (1 - share, chosen[other])):
            if self.label is not None and self.class_weight is not None:
                label = self.label[which].to(self.device)
                each = cross_entropy(
                    said["label"], label, ignore_index=-1, label_smoothing=SMOOTHING, reduction="none"
                )
                loss = loss + part * (each * self.class_weight[label.clamp(min=0)]).mean()
            if self.factors is not None:
                loss = loss + part * away(said["factors"], self.factors[which].to(self.device)).mean()
        return loss

    @torch.no_grad()
    def remember(self, memory: float) -> None:
        """Move the mean towards the weights as they are."""
        torch._foreach_lerp_(self.means, self.weights, 1 - memory)


def optimisers_of(network: Network) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the two convolutions of each block; AdamW for all else, biases without decay."""
    inner, outer = list[nn.Parameter](), list[nn.Parameter]()
    for name, weight in network.named_parameters():
        (inner if name.endswith(("first.conv.weight", "second.conv.weight")) else outer).append(weight)
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in outer if weight.ndim > 1]},
        {"params": [weight for weight in outer if weight.ndim < 2], "weight_decay": 0.0},
    ]
    return (
        Muon(inner, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True),
    )


def away(said: Tensor, factors: Tensor) -> Tensor:
    """1 - cosine (B,) of what is said (B, K) and the factors (B, K); 0 where these are zeros."""
    return (1 - cosine_similarity(said, factors)) * (factors != 0).any(1)


def class_weight(label: Tensor) -> Tensor:
    """Weights (C,) of the classes, 1 on average over the pictures that have one."""
    count = torch.bincount(label[label >= 0]).float().clamp(min=1)
    weight = count**-BALANCE
    return weight * count.sum() / (weight * count).sum()


def epochs(count: int, settings: "PictureNet") -> int:
    """Times that each of `count` pictures is shown."""
    return max(1, min(settings.epochs, settings.shown // count))


def resized(pixels: Tensor, side: int) -> Tensor:
    """Pixels uint8 (n, 3, S, S) at another size."""
    found = [
        interpolate(chunk.float(), (side, side), mode="bilinear", antialias=True).round().clamp(0, 255)
        for chunk in pixels.split(CHUNK)
    ]
    return torch.cat([chunk.to(torch.uint8) for chunk in found])


def half_precision(pictures: Tensor) -> bool:
    """Whether 16 bits are faster for pictures (B, 3, H, W); on a processor without them they are far slower.

    Not for tiny ones: oneDNN's gradient of a convolution at a single place then reads what was never written.
    """
    quick = pictures.device.type == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())
    return quick and pictures.shape[-1] >= 32


def train(
    pixels: np.ndarray,
    label: np.ndarray | None,
    factors: np.ndarray | None,
    settings: "PictureNet",
    tell: Callable[[str, int, int], None],
) -> dict[str, np.ndarray]:
    """The weights by name.

    Parameters
    ----------
    pixels : uint8 (n, S, S, 3)
    label : int64 (n,), -1 where not known
    factors : float32 (n, K), zeros where not known
    """
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        course = Course(
            torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))),
            None if label is None else torch.from_numpy(label.astype(np.int64)),
            None if factors is None else torch.from_numpy(factors.astype(np.float32)),
            settings,
        )
        network = course.train(tell)
    return {name: np.ascontiguousarray(weight.cpu().numpy()) for name, weight in network.state_dict().items()}
