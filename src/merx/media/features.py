"""The features of a shop's items, from its catalogue."""

from merx.data.catalogue import Catalogue
from merx.data.features import ItemFeatures, item_features
from merx.media.attributes import attribute_vectors
from merx.media.text import Text


def features_of(catalogue: Catalogue) -> ItemFeatures:
    """Vectors of the texts and the attributes of all items."""
    title, description = catalogue.title.to_pylist(), catalogue.description.to_pylist()
    vectors = {
        "text": Text().fit(title, description).embed(title, description),
        "attributes": attribute_vectors(catalogue),
    }
    return item_features(catalogue.items, vectors)
