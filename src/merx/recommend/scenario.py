"""Where a list stands, and what is wanted of it there: on the home page, a product page, in the cart."""

from dataclasses import dataclass
from typing import Any

from merx.errors import ConfigError
from merx.recommend.objective import OBJECTIVES
from merx.recommend.rules import Rule

ABOUT = ("shopper", "purchases", "item", "cart")
EXCLUDE = ("met", "bought", "nothing")

# The scenarios that every shop has: what each changes of [recommend].
SCENARIOS: dict[str, dict[str, Any]] = {
    "home": {},
    "product": {"about": "item", "model": ("bought_together", "viewed_also_viewed", "item_knn", "content")},
    "cart": {"about": "cart", "model": ("bought_together", "item_knn", "content")},
    "again": {"about": "purchases", "model": ("buy_again",), "exclude": "nothing", "fill": False},
    "trending": {"model": ("trending",)},
}


@dataclass(frozen=True)
class Scenario:
    """[recommend]: the lists a shopper sees; [scenarios.NAME] holds what is different there.

    Parameters
    ----------
    model : list of str
        The kinds that answer: the first that was fitted, then the next for the places that it leaves empty.
    visitor : list of str
        Kinds that answer before those for a visitor who is not known but looks at products just now.
    newcomer : list of str
        Kinds that answer before those for a shopper without a history who follows others that have one.
    k : int
        Items in a list.
    about : str
        What the models are asked about: the "shopper" and what they do just now, their "purchases", the
        "item" of a product page, or the "cart".
    exclude : str
        What is not shown again: what the shopper "met" (by any event that counts), what was "bought", or
        "nothing".
    in_stock_only : bool
        Leave out what is known to be out of stock.
    fill : bool
        Places that the models leave empty are filled up with what is popular.
    rules : list of tables
        The merchant's wishes, each in a table [[recommend.rules]] of its own.
    diversity : float
        0 (off) to 1: how much unlike the products above it a product should be.
    objective : str
        What the order is for: "relevance", "conversion" (purchases) or "profit".
    give_up : float
        0 to 1: the share of a list's relevance that the objective may cost.
    new_share : float
        0 (off) to 1: the share of the places that goes at least to new products which the model scores.
    new_days : int
        New is what nobody met earlier than so many days before the latest event.
    """

    model: tuple[str, ...] = ("blend", "item_knn")
    visitor: tuple[str, ...] = ("session_knn",)
    newcomer: tuple[str, ...] = ("social_knn",)
    k: int = 10
    about: str = "shopper"
    exclude: str = "met"
    in_stock_only: bool = True
    fill: bool = True
    rules: tuple[Rule, ...] = ()
    diversity: float = 0.0
    objective: str = "relevance"
    give_up: float = 0.05
    new_share: float = 0.0
    new_days: int = 28

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ConfigError(f"k = {self.k}: a list needs at least 1 item.")
        if not self.model:
            raise ConfigError("model = []: name at least one kind.")
        for key, choices in (("about", ABOUT), ("exclude", EXCLUDE), ("objective", OBJECTIVES)):
            value = getattr(self, key)
            if value not in choices:
                raise ConfigError(f"{key} = {value!r}: it is one of {', '.join(choices)}.")
        if self.new_days < 1:
            raise ConfigError(f"new_days = {self.new_days}: at least 1.")
        for key in ("diversity", "give_up", "new_share"):
            if not 0 <= getattr(self, key) <= 1:
                raise ConfigError(f"{key} = {getattr(self, key):g}: it must be from 0 to 1.")
