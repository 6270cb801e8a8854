"""What items are like, as vectors: one for each sort of data, with a note of what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from merx.data.vocabulary import Vocabulary

MODALITIES = ("text", "picture", "video", "attributes")


@dataclass(frozen=True)
class ItemFeatures:
    """Vectors of I items in each of M modalities, those that the shop has, in the order of MODALITIES.

    Parameters
    ----------
    items : Vocabulary (I,)
    names : tuple of M str
        Out of MODALITIES.
    vectors : tuple of M float32 (I, F_m)
        Rows of length 1, zeros where the modality is missing.
    present : bool (I, M)
    """

    items: Vocabulary
    names: tuple[str, ...]
    vectors: tuple[np.ndarray, ...]
    present: np.ndarray

    def of(self, name: str) -> np.ndarray:
        """The vectors of one modality, float32 (I, F_m). Raises KeyError where the shop has none."""
        if name not in self.names:
            raise KeyError(name)
        return self.vectors[self.names.index(name)]

    def only(self, names: Sequence[str]) -> "ItemFeatures":
        """The same with these modalities alone; those that the shop lacks are passed over."""
        kept = [place for place, name in enumerate(self.names) if name in names]
        return replace(
            self,
            names=tuple(self.names[place] for place in kept),
            vectors=tuple(self.vectors[place] for place in kept),
            present=self.present[:, kept],
        )

    def without(self, missing: np.ndarray) -> "ItemFeatures":
        """The same, where `missing`, bool (I, M), takes modalities away from items."""
        vectors = tuple(
            np.where(missing[:, m, None], np.float32(0), vector) for m, vector in enumerate(self.vectors)
        )
        return replace(self, vectors=vectors, present=self.present & ~missing)


def item_features(items: Vocabulary, vectors: dict[str, np.ndarray]) -> ItemFeatures:
    """Features out of vectors (I, F_m) by modality: rows brought to length 1, zeros are what is missing.

    A modality that no item has is left out.
    """
    found: dict[str, np.ndarray] = {}
    for name in MODALITIES:
        if name in vectors and np.any(vectors[name]):
            length = np.linalg.norm(vectors[name], axis=1, keepdims=True)  # (I, 1)
            found[name] = (vectors[name] / np.where(length > 0, length, 1)).astype(np.float32)
    present = np.zeros((len(items), len(found)), dtype=bool)
    for m, vector in enumerate(found.values()):
        present[:, m] = np.any(vector, axis=1)
    return ItemFeatures(items, tuple(found), tuple(found.values()), present)
