"""What data carry, weakly carry, or do not carry."""

from datetime import timedelta

from merx import registry
from merx.ingest.capabilities import NEEDS
from merx.ingest.readiness import check
from tests.ingest.shops import (
    START,
    Open,
    Shop,
    capability,
    event,
    found,
    states,
    titles,
)


def test_an_empty_shop_is_refused_everything(open_shop: Open) -> None:
    readiness = check(open_shop({}))
    assert set(states(readiness).values()) == {"refused"}
    assert all(entry.advice for entry in readiness.capabilities)
    assert readiness.findings == ()


def test_products_alone_carry_nothing(clean: Shop, open_shop: Open) -> None:
    readiness = check(open_shop({"products": clean["products"]}))
    assert set(states(readiness).values()) == {"refused"}


def test_events_without_shoppers_carry_demand_and_prices_only(clean: Shop, open_shop: Open) -> None:
    events = [{**row, "user_id": None} for row in clean["events"]]
    readiness = check(open_shop({**clean, "events": events}))
    assert capability(readiness, "Popular").state == "refused"
    assert capability(readiness, "what goes together").state == "refused"
    assert capability(readiness, "of the shop").state == "ready"
    assert capability(readiness, "best prices").state == "ready"
    assert found(readiness, "without a shopper").severity == "warning"
    assert "(100 %)" in found(readiness, "without a shopper").text


def test_views_alone_carry_recommendations_only(clean: Shop, open_shop: Open) -> None:
    events = [row for row in clean["events"] if row["event"] == "view_item"]
    readiness = check(open_shop({**clean, "events": events}))
    assert capability(readiness, "what goes together").state == "ready"
    assert capability(readiness, "of the shop").state == "refused"
    assert capability(readiness, "best prices").state == "refused"
    assert found(readiness, "Views but no purchases").severity == "warning"


def test_events_without_products_carry_nothing(open_shop: Open) -> None:
    events = [event("page_view", START + timedelta(hours=n), None, f"u{n % 9}") for n in range(50)]
    readiness = check(open_shop({"events": events}))
    assert set(states(readiness).values()) == {"refused"}


def test_one_purchase(open_shop: Open) -> None:
    readiness = check(open_shop({"events": [event("purchase", START, "a", "u")]}))
    assert capability(readiness, "of the shop").state == "weak"
    assert "1 purchase over 1 day" in capability(readiness, "of the shop").has
    assert "no catalogue" in titles(readiness)


def test_a_short_shop_is_weak(clean: Shop, open_shop: Open) -> None:
    events = [row for row in clean["events"] if row["time"] < START + timedelta(days=20)]
    readiness = check(open_shop({**clean, "events": events}))
    assert capability(readiness, "of the shop").state == "weak"
    assert capability(readiness, "of each product").state == "weak"


def test_costs(clean: Shop, open_shop: Open) -> None:
    products = [{**row, "cost_of_goods_sold": None} for row in clean["products"]]
    engine = open_shop({**clean, "products": products})
    assert capability(check(engine), "profit").state == "refused"
    assumed = capability(check(engine, assumed_margin=0.4), "profit")
    assert assumed.state == "weak"
    assert "a margin of 40 %" in assumed.has
    assert "30 of 30 products that sold lack a cost" in found(check(engine), "catalogue").text


def test_the_cost_of_a_price_list_counts(clean: Shop, open_shop: Open) -> None:
    products = [{**row, "cost_of_goods_sold": None} for row in clean["products"]]
    prices = [{**row, "cost": 1.0} for row in clean["prices"]]
    readiness = check(open_shop({**clean, "products": products, "prices": prices}))
    assert capability(readiness, "profit").state == "ready"


def test_a_yearly_season_needs_two_years_and_weeks(open_shop: Open) -> None:
    engine = open_shop(
        {"events": [event("purchase", START + timedelta(days=n), "a", "u") for n in range(735)]}
    )
    assert capability(check(engine), "Yearly").state == "weak"
    assert 'step = "week"' in capability(check(engine), "Yearly").advice
    assert capability(check(engine, step="week"), "Yearly").state == "ready"


def test_prices_that_never_move_are_refused(clean: Shop, open_shop: Open) -> None:
    prices = [{**row, "price": 3.0} for row in clean["prices"]]
    readiness = check(open_shop({**clean, "prices": prices}))
    assert capability(readiness, "best prices").state == "refused"
    assert "0 of 30 products" in capability(readiness, "best prices").has


def test_ratings(open_shop: Open) -> None:
    events = [
        event("rate", START + timedelta(minutes=n), f"p{n % 30}", f"u{n % 200}", value=4.0)
        for n in range(NEEDS.ratings)
    ]
    assert capability(check(open_shop({"events": events})), "Ratings").state == "ready"


def test_visits_of_nobody_known(open_shop: Open) -> None:
    events = [
        event("view_item", START + timedelta(hours=n, minutes=look), f"p{look}", session_id=f"s{n}")
        for n in range(NEEDS.visits)
        for look in range(2)
    ]
    found = capability(check(open_shop({"events": events})), "Recommendations for a visit")
    assert found.state == "ready"
    assert found.has == "1,000 visits, 1,000 of them by nobody known"
    alone = capability(check(open_shop({"events": events[::2]})), "Recommendations for a visit")
    assert alone.state == "refused"


def test_relations_between_shoppers(clean: Shop, open_shop: Open) -> None:
    def tied(n: int) -> list[dict[str, object]]:
        return [
            {"user_id": "u0", "other_user_id": f"u{m}", "kind": "follows", "weight": 1.0} for m in range(1, n)
        ]

    for n, state in ((0, "refused"), (20, "weak"), (300, "ready")):
        found = capability(check(open_shop({**clean, "relations": tied(n)})), "Lists that count friends")
        assert found.state == state
    assert [kind.name for kind in registry.KINDS.values() if "relations" in kind.reads] == [
        "social_als",
        "social_knn",
    ]
