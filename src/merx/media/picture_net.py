"""Pictures to vectors: a compact residual network, trained on the shop's own pictures or brought by the user.

It is trained on labels (the category of each picture's product), on taste (the product's factors in a
collaborative model, so that pictures of products that the same people like lie near each other), or on both.
The vector of a picture is the network's last layer before what it was trained to say, scaled to unit length.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from merx.data.contracts import Progress, quiet
from merx.errors import ArtefactError, ConfigError, FitError

if TYPE_CHECKING:
    from merx.media.network import Network

FEWEST = 20  # pictures to train on
BATCH = 128  # pictures in the network at a time


@dataclass(frozen=True)
class PictureNet:
    """What a network is made of and how it is trained.

    Parameters
    ----------
    size : int
        S, the side of the square that each picture is fitted into, in pixels.
    length : int
        F, of the vectors.
    epochs : int
        Times that each picture is shown, at most.
    shown : int
        How many pictures are shown altogether, at most: what bounds the time.
    recolour : float
        Share of the pictures whose colours are exchanged while training: labels that do not hang on colour
        are learnt better, and vectors say less of colours.
    held_out : float
        Share of the labelled pictures that are not trained on, to say how well it does on others.
    seed : int
        Of the first weights, the batches and the views of the pictures.
    """

    size: int = 128
    length: int = 128
    epochs: int = 40
    shown: int = 200_000
    recolour: float = 0.0
    held_out: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("size", 32), ("length", 1), ("epochs", 1), ("shown", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} = {getattr(self, name)}: at least {least}.")
        for name in ("recolour", "held_out"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}: from 0 to below 1.")

    def fit(
        self,
        pixels: np.ndarray,
        labels: Iterable[str | None] | None = None,
        factors: np.ndarray | None = None,
        *,
        progress: Progress = quiet,
    ) -> "FittedPictureNet":
        """Train on n pictures; on a GPU where there is one. Equal seeds give equal weights on one processor.

        Parameters
        ----------
        pixels : uint8 (n, S, S, 3)
        labels : n strings, optional
            None where not known.
        factors : float32 (n, K), optional
            Of each picture's product in a collaborative model; zeros where not known.

        Raises
        ------
        FitError
            There are fewer than 20 pictures, or there is nothing to learn: no two labels and no factors.
        """
        names = [None] * len(pixels) if labels is None else list(labels)
        classes = tuple(sorted({name for name in names if name is not None}))
        code = {name: place for place, name in enumerate(classes)}
        label = np.array([-1 if name is None else code[name] for name in names])
        taught = label >= 0 if len(classes) > 1 else np.zeros(len(pixels), bool)
        if factors is not None:
            taught |= (factors != 0).any(axis=1)
        if taught.sum() < FEWEST:
            raise FitError(
                f"{taught.sum():,} pictures have a label or factors to learn from, fewer than {FEWEST}; name "
                "categories of more products, or bring weights of your own: [media] weights."
            )
        from merx.media.picture_training import train

        apart = self.apart(len(pixels)) & (label >= 0) & (len(classes) > 1)
        used = np.flatnonzero(taught & ~apart)
        weights = train(
            pixels[used],
            label[used] if len(classes) > 1 else None,
            None if factors is None else factors[used],
            self,
            progress,
        )
        fitted = FittedPictureNet(weights, classes if len(classes) > 1 else (), self.size, "")
        return fitted.tested(pixels[apart], label[apart], len(used)) if apart.any() else fitted

    def apart(self, count: int) -> np.ndarray:
        """Which of so many pictures are not trained on where they have a label, bool (count,)."""
        drawn: np.ndarray = np.random.default_rng(self.seed).random(count)
        return drawn < self.held_out


@dataclass(frozen=True)
class FittedPictureNet:
    """A network that was trained.

    Parameters
    ----------
    weights : dict of str to float32
        By name, normalisations folded into the convolutions; see `merx.media.network`.
    classes : tuple of str
        C, what the head `label` tells apart; empty where there is none.
    size : int
        S.
    summary : str
        How it did on pictures that it was not trained on; empty where none were held out.
    """

    weights: dict[str, np.ndarray]
    classes: tuple[str, ...]
    size: int
    summary: str = ""

    @property
    def length(self) -> int:
        """F."""
        return len(self.weights["vector.bias"])

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell these weights from others."""
        found = sha256(str(self.size).encode())
        for name in sorted(self.weights):
            found.update(name.encode() + self.weights[name].tobytes())
        return found.hexdigest()[:16]

    @cached_property
    def network(self) -> "Network":
        """In torch, on a GPU where there is one. Raises ArtefactError where the weights do not fit it."""
        return network_of(self.weights)

    def vectors(self, pixels: np.ndarray) -> np.ndarray:
        """Unit vectors float32 (B, F) of pictures uint8 (B, S, S, 3)."""
        return np.concatenate([*self._raw(pixels), np.zeros((0, self.length), np.float32)])

    def _raw(self, pixels: np.ndarray) -> Iterator[np.ndarray]:
        import torch

        from merx.media.network import scaled

        where = next(self.network.parameters()).device
        for first in range(0, len(pixels), BATCH):
            batch = torch.from_numpy(pixels[first : first + BATCH]).permute(0, 3, 1, 2)
            with torch.inference_mode():
                yield self.network(scaled(batch.to(where))).cpu().numpy()

    def chances(self, vectors: np.ndarray) -> np.ndarray:
        """Probabilities float32 (B, C) of the classes, from vectors (B, F)."""
        import torch

        with torch.inference_mode():
            where = next(self.network.parameters()).device
            said = self.network.says(torch.from_numpy(vectors).to(where))["label"]
            return said.softmax(1).cpu().numpy()

    def tested(self, pixels: np.ndarray, label: np.ndarray, trained_on: int) -> "FittedPictureNet":
        """Itself, with a summary of how it did on these pictures, whose classes are label (n,)."""
        right = self.chances(self.vectors(pixels)).argmax(axis=1) == label  # (n,)
        balanced = np.mean([right[label == one].mean() for one in np.unique(label)])
        summary = (
            f"trained on {trained_on:,} pictures; of {len(label):,} others {right.mean():.0%} were put into "
            f"the right one of {len(self.classes)} categories (balanced over these {balanced:.0%})"
        )
        return FittedPictureNet(self.weights, self.classes, self.size, summary)


def brought(path: Path, size: int) -> FittedPictureNet:
    """A network whose weights the user names: a safetensors file with merx's names and shapes.

    Raises
    ------
    ArtefactError
        The file is missing, no safetensors, lacks a weight, or one is not as it must be.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise ArtefactError(f"{path}: there is no such file; correct [media] weights.") from None
    except (SafetensorError, OSError) as error:
        raise ArtefactError(f"{path}: no readable safetensors file ({error}).") from None
    weights = {name.removeprefix("weights."): array for name, array in weights.items()}
    for name, array in weights.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ArtefactError(f"{path}: {name} must be float32 and finite; it is {array.dtype}.")
    try:
        network_of(weights)
    except ArtefactError as error:
        raise ArtefactError(f"{path}: {error}") from None
    return FittedPictureNet(weights, (), size, f"weights of {path.name}")


def network_of(weights: dict[str, np.ndarray]) -> "Network":
    """The network that has these weights. Raises ArtefactError where they do not fit."""
    import torch

    from merx.media.network import Network, device

    heads = {
        name.split(".")[1]: array.shape[0] for name, array in weights.items() if name.startswith("heads.")
    }
    length = len(weights["vector.bias"]) if "vector.bias" in weights else 1
    network = Network(length, heads).folded()
    try:
        network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    except RuntimeError as error:
        told = " ".join(str(error).split())[:400]
        raise ArtefactError(f"not the weights of this network. {told}") from None
    return network.to(device())
