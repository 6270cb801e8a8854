"""The features of a shop's items, from its catalogue."""

import numpy as np

from merx.data.catalogue import Catalogue
from merx.data.features import ItemFeatures, item_features
from merx.media.attributes import attribute_vectors
from merx.media.text import Text


def features_of(catalogue: Catalogue, seen: dict[str, np.ndarray] | None = None) -> ItemFeatures:
    """Vectors of the texts and the attributes of all items, beside those of what was seen of them.

    Parameters
    ----------
    seen : dict of "picture", "video" -> (I, F), optional
        Zeros where an item has none.
    """
    title, description = catalogue.title.to_pylist(), catalogue.description.to_pylist()
    vectors = (seen or {}) | {
        "text": Text().fit(title, description).embed(title, description),
        "attributes": attribute_vectors(catalogue),
    }
    return item_features(catalogue.items, vectors)
