"""Category, brand and price of products as vectors."""

import numpy as np
from scipy import sparse

from merx.data.catalogue import Catalogue
from merx.data.categories import levels
from merx.media.leading import leading
from merx.media.terms import price_bands, term_vectors

DIMENSIONS = 256
PRICE = 0.1  # weight of the price band; categories and brands have 1 each


def attribute_vectors(catalogue: Catalogue) -> np.ndarray:
    """Vectors float32 (I, at most 256) of the category with all above it, the brand and the price band.

    The inner product of two is the weighted sum of the three cosines, as far as the first singular
    directions carry it.
    """
    blocks = [
        term_vectors(map(levels, catalogue.category.to_pylist())),
        term_vectors([name] if name else [] for name in catalogue.brand.to_pylist()),
        price_bands(catalogue.price) * np.float32(np.sqrt(PRICE)),
    ]
    matrix = sparse.csr_array(sparse.hstack(blocks, format="csr", dtype=np.float32))  # (I, terms)
    vectors: np.ndarray = matrix @ leading(matrix, DIMENSIONS)
    known = np.diff(blocks[0].indptr) + np.diff(blocks[1].indptr) > 0  # a price alone says next to nothing
    return np.where(known[:, None], vectors, np.float32(0))
