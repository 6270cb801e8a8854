"""What merx can answer from a shop's data: ready, weak or refused, and what is missing."""

from dataclasses import dataclass
from typing import Literal

from merx.behaviour.propensity_training import FEWEST, MEMORY, PURCHASE, REVENUE, SPANS
from merx.forecast.log_series import SHORTEST
from merx.forecast.season import CANDIDATE
from merx.ingest.facts import Facts
from merx.ingest.words import count, share
from merx.price.grade import BAR

State = Literal["ready", "weak", "refused"]


@dataclass(frozen=True)
class Needs:
    """From where on data carry an answer well. What the grades of prices need is in `merx.price.grade`.

    Parameters
    ----------
    events : int
        Of known shoppers, for a list of what is popular: ten for each of a hundred products, so that the
        count of each is known to a third (1 / sqrt(10)).
    shoppers : int
        With two products or more each, for what goes with what. Below, most pairs of products are shared
        by one shopper or none.
    shared : int
        Shoppers a product must have met: ItemKNN adds 10 to the denominator of a similarity, which so
        is halved where some ten shoppers back it, and next to nothing where one does.
    visits : int
        With two products or more each, for what a visitor who is not known goes on to: as `shoppers`.
    ratings : int
        As `events`.
    days : int
        Of sales, for the shop: eight weeks. Two are the least in which a weekly season is looked for;
        in eight a correlation of .22 with the week before is told from chance (1.645 / sqrt(56)).
    sale_days : int
        Days on which a product sold: the mean of ten sales is known to a third.
    sale_span : int
        Days since the first of these: four weeks, so that each weekday was seen four times.
    most : float
        Share of the units, products or prices that must be carried for the whole to be called ready.
    costs : float
        Share of the products sold whose cost is known.
    related : int
        Shoppers named in relations who have events too: below, too few to judge a list made from them,
        or to tell whether they move each other.
    repeat_buyers : int
        Shoppers who bought on two days or more, for what a shopper will do next: 200 tell a share of one
        half to 7 points (1.96 sqrt(.25 / 200)).
    chance_days, revenue_days : int
        Days of events that chances of a week, and the revenue of four, can be learnt from.
    """

    events: int = 1000
    shoppers: int = 1000
    shared: int = 10
    visits: int = 1000
    ratings: int = 1000
    days: int = 56
    sale_days: int = SHORTEST
    sale_span: int = 28
    most: float = 0.5
    costs: float = 0.9
    related: int = 100
    repeat_buyers: int = 200
    chance_days: int = MEMORY + SPANS * PURCHASE.ahead + 1
    revenue_days: int = MEMORY + SPANS * REVENUE.ahead + 1


NEEDS = Needs()


@dataclass(frozen=True)
class Capability:
    """Something merx answers, and whether the data carry it.

    Parameters
    ----------
    name : str
    verb : str
        The command that answers it.
    state : "ready", "weak" or "refused"
        Weak: answered, with little evidence. Refused: not answered, or not by this.
    needs, has, advice : str
        What it needs to be ready, what there is, and what is missing or what merx does instead.
    """

    name: str
    verb: str
    state: State
    needs: str
    has: str
    advice: str = ""


def capabilities(facts: Facts, step: str, assumed_margin: float | None) -> tuple[Capability, ...]:
    """What the tables carry, by verb."""
    return (
        _popular(facts),
        _similar(facts),
        _visits(facts),
        _content(facts),
        _ratings(facts),
        _friends(facts),
        _shop_demand(facts),
        _product_demand(facts),
        _yearly(facts, step),
        _stock(facts),
        _propensity(facts),
        _worth(facts),
        _price_response(facts),
        _profit(facts, assumed_margin),
    )


def _state(ready: bool, weak: bool) -> State:
    return "ready" if ready else "weak" if weak else "refused"


def _popular(facts: Facts) -> Capability:
    personal, known = facts.events["personal"], facts.users["users"]
    state = _state(personal >= NEEDS.events, personal > 0)
    return Capability(
        "Popular products",
        "recommend",
        state,
        f"{NEEDS.events:,} events that name a shopper and a product",
        f"{count(personal, 'event')} of {count(known, 'shopper')}",
        {
            "ready": "",
            "weak": "The list is made, but its order is partly chance.",
            "refused": "Events without a shopper count in no recommendation: hand over user_id and item_id."
            if facts.events["events"]
            else "Hand over events: views, carts, orders.",
        }[state],
    )


def _similar(facts: Facts) -> Capability:
    users, items = facts.users["two_items"], facts.items
    state = _state(users >= NEEDS.shoppers and items["shared"] >= NEEDS.most * items["items"], users > 0)
    return Capability(
        "Personal recommendations from what goes together",
        "recommend",
        state,
        f"{NEEDS.shoppers:,} shoppers with at least two products, and half of the products met by at least "
        f"{NEEDS.shared} shoppers",
        f"{count(users, 'shopper')} with at least two products; {items['shared']:,} of "
        f"{count(items['items'], 'product')} met by at least {NEEDS.shared}",
        {
            "ready": "Shoppers without a history get what is popular.",
            "weak": "Lists are made, but similarities that few shoppers back are pulled down, and many "
            "products appear in no list. Shoppers without a history get what is popular.",
            "refused": "No shopper met two products, so none goes with another: use what is popular "
            "(--model popularity).",
        }[state],
    )


def _visits(facts: Facts) -> Capability:
    visits, anonymous = facts.sessions["two_items"], facts.sessions["anonymous"]
    state = _state(visits >= NEEDS.visits, visits > 0)
    return Capability(
        "Recommendations for a visit, also of somebody not known",
        "recommend",
        state,
        f"{NEEDS.visits:,} visits with at least two products",
        f"{count(visits, 'visit')}, {anonymous:,} of them by nobody known",
        {
            "ready": "",
            "weak": "Lists are made, but few visits are like the one at hand.",
            "refused": "No visit met two products. Hand over a session_id with the events, or the "
            "transaction_id of the orders.",
        }[state],
    )


def _content(facts: Facts) -> Capability:
    products, titled = facts.catalogue["products"], facts.catalogue["titled"]
    unseen, tastes = facts.catalogue["unseen"], facts.events["personal"] > 0
    return Capability(
        "Products that nobody has met yet, by what they resemble",
        "recommend",
        _state(tastes and products > 0 and titled >= NEEDS.most * products, tastes and titled > 0),
        "a title for half of the products of the catalogue, and events that name shoppers",
        f"{titled:,} of {count(products, 'product')} have one; {unseen:,} were never met",
        "" if titled else "Hand over the catalogue with titles, descriptions, brands and categories.",
    )


def _ratings(facts: Facts) -> Capability:
    ratings = facts.events["ratings"]
    return Capability(
        "Ratings as a sign of taste",
        "recommend",
        _state(ratings >= NEEDS.ratings, ratings > 0),
        f"{NEEDS.ratings:,} ratings",
        count(ratings, "rating"),
        "Models of ratings foretell stars, and few stars speak against a product. For the other models a "
        "rating counts as interest, the more so the more stars."
        if ratings
        else "merx goes by what shoppers do. Hand over ratings if the shop collects them.",
    )


def _friends(facts: Facts) -> Capability:
    known = facts.relations["known"]
    return Capability(
        "Lists that count friends",
        "recommend",
        _state(known >= NEEDS.related, known > 0),
        f"{NEEDS.related} shoppers with events who are named in relations",
        f"{count(known, 'shopper')} with events named in relations",
        "" if known >= NEEDS.related else "Lists go by what each shopper does, and by likeness.",
    )


def _sold(facts: Facts) -> int:
    """Days from the first day with a purchase to the last, both counted."""
    days = [row["day"] for row in facts.days if row["last_purchase"] is not None]
    return (days[-1] - days[0]).days + 1 if days else 0


def _shop_demand(facts: Facts) -> Capability:
    days = _sold(facts)
    state = _state(days >= NEEDS.days, days > 0)
    return Capability(
        "Demand forecast of the shop and its categories",
        "forecast",
        state,
        f"purchases over {NEEDS.days} days",
        f"{count(facts.events['purchases'], 'purchase')} over {count(days, 'day')}",
        {
            "ready": "",
            "weak": f"With fewer than {SHORTEST} days the forecast is the mean; the intervals are wide.",
            "refused": "Hand over orders: time, product, quantity, price.",
        }[state],
    )


def _product_demand(facts: Facts) -> Capability:
    sales = facts.sales
    state = _state(
        sales["items"] > 0 and sales["steady_units"] >= NEEDS.most * sales["units"], sales["items"] > 0
    )
    carried = share(sales["steady_units"], sales["units"])
    return Capability(
        "Demand forecast of each product",
        "forecast",
        state,
        f"half of the units bought are of products that sold on at least {NEEDS.sale_days} days and for the "
        f"first time at least {NEEDS.sale_span} days ago",
        f"{sales['steady']:,} of {count(sales['items'], 'product')} are so, with {carried} of the units"
        if sales["items"]
        else "no purchase",
        {
            "ready": f"The other {sales['items'] - sales['steady']:,} get a forecast too, near their mean "
            "and with wide intervals."
            if sales["items"] > sales["steady"]
            else "",
            "weak": "Most products sell too seldom or are too new: their forecasts lie near the mean, with "
            "wide intervals. Trust those of the shop and its categories.",
            "refused": "Hand over orders: time, product, quantity, price.",
        }[state],
    )


def _yearly(facts: Facts, step: str) -> Capability:
    weeks, year = _sold(facts) // 7, CANDIDATE["week"]
    enough = weeks >= 2 * year
    state = _state(enough and step == "week", enough)
    return Capability(
        "Yearly season in forecasts",
        "forecast",
        state,
        f"purchases over {2 * year} weeks (the year twice), and forecasts by week",
        f"{count(weeks, 'week')}, forecasts by {step}",
        {
            "ready": "",
            "weak": 'Forecasts by day have a season of the week only: set [forecast] step = "week".',
            "refused": "Until the year was seen twice, forecasts follow the level and the week; what comes "
            "before Christmas is not foreseen from last Christmas.",
        }[state],
    )


def _stock(facts: Facts) -> Capability:
    sold, known = facts.sales["items"], facts.sales["with_stock"]
    state = _state(sold > 0 and known >= NEEDS.most * sold, known > 0)
    without = (
        "Every day counts as in stock, so that days without stock pull forecasts and price responses down. "
        "Hand over a stock history: product, time, available."
    )
    return Capability(
        "Forecasts that know of stock-outs",
        "forecast",
        state,
        "a stock history of half of the products sold",
        f"{known:,} of {count(sold, 'product')} sold have one",
        {
            "ready": "Days out of stock are filled with what was usual, not read as no demand.",
            "weak": "For the other products every day counts as in stock.",
            "refused": without,
        }[state],
    )


def _propensity(facts: Facts) -> Capability:
    days, buyers = facts.span, facts.users["buyers"]
    state = _state(
        days >= NEEDS.revenue_days and buyers >= NEEDS.shoppers,
        days >= NEEDS.chance_days and buyers >= FEWEST,
    )
    return Capability(
        "Who will buy, who stays away",
        "shoppers",
        state,
        f"events over {NEEDS.revenue_days} days, with {NEEDS.shoppers:,} known shoppers who bought",
        f"{count(buyers, 'known shopper')} who bought, over {count(days, 'day')}",
        {
            "ready": "",
            "weak": "Chances rest on few shoppers, or the revenue to come cannot be foretold yet.",
            "refused": f"It takes {NEEDS.chance_days} days and {FEWEST} shoppers who bought: hand over a "
            "longer history with user_id.",
        }[state],
    )


def _worth(facts: Facts) -> Capability:
    again = facts.users["repeat_buyers"]
    state = _state(again >= NEEDS.repeat_buyers, again >= FEWEST)
    return Capability(
        "What a customer is worth",
        "shoppers",
        state,
        f"{NEEDS.repeat_buyers:,} shoppers who bought on two days or more",
        count(again, "such shopper"),
        {
            "ready": "",
            "weak": "Few came back, so the value to come is rough.",
            "refused": f"It takes {FEWEST} who came back: hand over more orders with user_id and prices.",
        }[state],
    )


def _price_response(facts: Facts) -> Capability:
    moves = facts.price_moves
    state = _state(
        moves["items"] > 0 and moves["carrying"] >= NEEDS.most * moves["items"], moves["carrying"] > 0
    )
    return Capability(
        "Price response and best prices",
        "price",
        state,
        f"half of the products priced had at least {BAR.prices[2]} prices (1 % apart), {BAR.weeks[2]} weeks "
        f"and {BAR.units[2]:.0f} units sold",
        f"{moves['carrying']:,} of {count(moves['items'], 'product')} priced and sold; {moves['moved']:,} "
        "ever changed their price",
        {
            "ready": "Each product gets a grade from A to D. Products of grade D keep their price; where "
            "past prices followed demand, no grade is above C.",
            "weak": "The others get grade D and keep their price. Prices that never move teach nothing: try "
            "a few changes.",
            "refused": "All products get grade D and keep their price, with what is missing for each."
            if moves["items"]
            else "No product has both a price and a sale. Hand over prices paid, or a price list.",
        }[state],
    )


def _profit(facts: Facts, assumed_margin: float | None) -> Capability:
    sold, known = facts.sales["items"], facts.sales["with_cost"]
    state = _state(
        sold > 0 and known >= NEEDS.costs * sold, sold > 0 and (known > 0 or assumed_margin is not None)
    )
    assumed = (
        f"; for the others a margin of {share(assumed_margin, 1)} is assumed"
        if assumed_margin is not None
        else ""
    )
    return Capability(
        "Prices for profit",
        "price",
        state,
        f"the cost of {share(NEEDS.costs, 1)} of the products sold",
        f"{known:,} of {count(sold, 'product')} sold have a cost{assumed}",
        {
            "ready": "Products without a cost keep their price." if known < sold and not assumed else "",
            "weak": "Profits rest on the assumed margin where the cost is not known."
            if assumed
            else "Products without a cost keep their price.",
            "refused": "Without a cost no price is proposed: hand over cost_of_goods_sold, or set [price] "
            "assumed_margin.",
        }[state],
    )
