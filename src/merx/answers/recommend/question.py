"""What can be asked of a list: where it stands, for whom, and everything that shop.toml or a caller chose."""

from dataclasses import dataclass

from merx.config import ShopConfig
from merx.errors import RequestError
from merx.recommend.rules import Rule
from merx.toml import nearest


@dataclass(frozen=True)
class RecommendQuestion:
    """What was asked.

    Parameters
    ----------
    user : str or None
        The shopper's id; None: an anonymous visitor.
    weights : dict of event name -> weight
        What each event of the history counts.
    model, newcomer, k, about, exclude, in_stock_only, fill, rules, diversity, objective, give_up,
    new_share, new_days
        As in `merx.recommend.scenario.Scenario`.
    category : str or None
        Only items of this category or below it.
    scenario : str
        Where the list stands, for people.
    item : str or None
        The item of a product page.
    cart : tuple of str
        The items in the cart.
    recent : tuple of str
        The items looked at just now, newest last, which no table holds yet.
    without, without_category : tuples of str
        Items, and categories with all below them, that this list must not show.
    assumed_margin : float or None
        (price - cost) / price where the cost is not known.
    friends : bool
        Whether those whom the shopper follows count at all.
    relations : tuple of str
        The kinds of relation that count; none named: all.
    min_friends : int
        At least so many of them must have bought a product before a reason counts them.
    sensitive : tuple of str
        Categories, with all below them, in which what friends bought plays no part.
    """

    user: str | None
    weights: dict[str, float]
    model: tuple[str, ...]
    k: int
    exclude: str
    in_stock_only: bool
    category: str | None = None
    scenario: str = "home"
    about: str = "shopper"
    item: str | None = None
    cart: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    without_category: tuple[str, ...] = ()
    fill: bool = True
    rules: tuple[Rule, ...] = ()
    diversity: float = 0.0
    objective: str = "relevance"
    give_up: float = 0.05
    new_share: float = 0.0
    new_days: int = 28
    assumed_margin: float | None = None
    newcomer: tuple[str, ...] = ()
    friends: bool = False
    relations: tuple[str, ...] = ()
    min_friends: int = 3
    sensitive: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        config: ShopConfig,
        user: str | None = None,
        *,
        scenario: str | None = None,
        item: str | None = None,
        cart: tuple[str, ...] = (),
        recent: tuple[str, ...] = (),
    ) -> "RecommendQuestion":
        """What the shop's settings ask of one list.

        Without a scenario, an item asks for the list of its product page, a cart for that of the cart, and
        neither for that of the home page.

        Raises RequestError where there is no such scenario.
        """
        if scenario is None:
            scenario = "product" if item is not None else "cart" if cart else "home"
        if scenario not in config.scenario_names:
            raise RequestError(
                f"there is no scenario {scenario!r}.{nearest(scenario, list(config.scenario_names))}"
            )
        settings = dict(vars(config.scenario(scenario)))
        visitor = settings.pop("visitor")
        if user is None and recent and settings["about"] == "shopper":
            settings["model"] = (*visitor, *settings["model"])
        return cls(
            user=user,
            weights=config.events.weights,
            scenario=scenario,
            item=item,
            cart=cart,
            recent=recent,
            assumed_margin=config.price.assumed_margin,
            friends=config.social.friends != "never",
            relations=config.social.kinds,
            min_friends=config.social.min_friends,
            sensitive=config.social.sensitive,
            **settings,
        )

    def check(self) -> None:
        """Raise RequestError where something is missing that the scenario is about, or is impossible."""
        if self.k < 1:
            raise RequestError(f"k = {self.k}: a list needs at least 1 item.")
        if self.user is not None and not self.user.strip():
            raise RequestError("the shopper's id is empty.")
        for about, given, what in (
            ("item", self.item is not None, "an item (--item ID)"),
            ("cart", bool(self.cart), "the items in the cart (--cart ID,ID)"),
            ("purchases", self.user is not None, "a shopper (--user ID)"),
        ):
            if self.about == about and not given:
                raise RequestError(f"the scenario {self.scenario} is about {what}; none was given.")

    @property
    def page(self) -> tuple[str, ...]:
        """The items that the list stands beside and so does not show."""
        return self.cart if self.item is None else (self.item, *self.cart)

    @property
    def told_by(self) -> tuple[str, ...]:
        """What tells this list from others, whenever it is asked for: the shopper, the scenario, the page."""
        return (self.user or "", self.scenario, *self.page, *self.recent)
