"""The features of a shop's items, from its catalogue."""

from collections.abc import Callable

import numpy as np

from merx.data.catalogue import Catalogue
from merx.data.features import ItemFeatures, item_features
from merx.media.attributes import attribute_vectors
from merx.media.text import Text

Embed = Callable[[list[str | None], list[str | None]], np.ndarray]


def features_of(
    catalogue: Catalogue, seen: dict[str, np.ndarray] | None = None, embed: Embed | None = None
) -> ItemFeatures:
    """Vectors of the texts and the attributes of all items, beside those of what was seen of them.

    Parameters
    ----------
    seen : dict of "picture", "video" -> (I, F), optional
        Zeros where an item has none.
    embed : titles and descriptions -> float32 (I, F), optional
        A sentence encoder; without one, vectors are learnt from these texts.
    """
    title, description = catalogue.title.to_pylist(), catalogue.description.to_pylist()
    embed = embed or Text().fit(title, description).embed
    vectors = (seen or {}) | {
        "text": embed(title, description),
        "attributes": attribute_vectors(catalogue),
    }
    return item_features(catalogue.items, vectors)
