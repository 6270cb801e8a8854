"""What the shop knows of each of its items, whether or not anyone has met it."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class Catalogue:
    """Attributes of I items, in the order of `items`; an item without a row in the catalogue has nulls.

    Parameters
    ----------
    items : Vocabulary (I,)
    title, description, brand, category : pyarrow string array (I,)
        Null where not known; the levels of a category are separated by " > ".
    price, cost : float64 (I,)
        Of one unit, NaN where not known.
    """

    items: Vocabulary
    title: pa.StringArray
    description: pa.StringArray
    brand: pa.StringArray
    category: pa.StringArray
    price: np.ndarray
    cost: np.ndarray

    @property
    def n_items(self) -> int:
        """I."""
        return len(self.items)

    def only(self, known: np.ndarray) -> "Catalogue":
        """Nothing is known of the items for which `known`, bool (I,), is false."""
        mask = pa.array(known)
        text = {
            name: pc.if_else(mask, getattr(self, name), None)
            for name in ("title", "description", "brand", "category")
        }
        return replace(
            self,
            **text,
            price=np.where(known, self.price, np.nan),
            cost=np.where(known, self.cost, np.nan),
        )
