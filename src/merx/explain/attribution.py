"""Why this prediction: which features moved it, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from merx.data.results import Attribution

WORDS = {
    "days": "days there",
    "carts": "products put into the cart",
    "items": "different products",
    "order_days": "days with an order",
}


@dataclass(frozen=True)
class Moved:
    """One feature that moved a prediction.

    Parameters
    ----------
    feature : str
        In words.
    value : float or None
        None where there is nothing to tell, such as the days since an order of one who never ordered.
    factor : float
        By which it multiplies the odds of a chance, or an amount.
    """

    feature: str
    value: float | None
    factor: float


def moved(attribution: Attribution, n: int, most: int = 3) -> tuple[Moved, ...]:
    """What moved prediction n most, the strongest first; what did not move it is left out."""
    part = attribution.part[n]
    order = np.argsort(-np.abs(part), kind="stable")[:most]
    return tuple(
        Moved(
            _words(attribution.names[place]),
            None if np.isnan(attribution.value[n, place]) else float(attribution.value[n, place]),
            float(np.exp(part[place])),
        )
        for place in order.tolist()
        if part[place]
    )


def sentence(found: Sequence[Moved], of: str) -> str:
    """What raised and what lowered it, in words.

    Parameters
    ----------
    of : str
        What the factors multiply, such as "odds".
    """

    def told(some: list[Moved]) -> str:
        return ", ".join(
            f"{one.feature} {'none' if one.value is None else f'{one.value:,.4g}'} ({of} × {one.factor:.2g})"
            for one in some
        )

    up, down = [one for one in found if one.factor > 1], [one for one in found if one.factor < 1]
    said = [f"{verb} by {told(some)}" for verb, some in (("raised", up), ("lowered", down)) if some]
    return "; ".join(said) or "nothing known of the shopper moves it"


def _words(feature: str) -> str:
    """The name of a feature as it is told to people."""
    name, inside, span = feature.partition(" in ")
    return f"{WORDS.get(name, name)} in the last {span}" if inside else feature
