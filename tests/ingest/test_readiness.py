"""Faults that are planted are found, and a clean shop has none."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from merx.ingest.capabilities import NEEDS
from merx.ingest.quality import ALARMS, calendar
from merx.ingest.readiness import check
from merx.store.case_queries import CASE_QUERIES
from merx.store.demand import demand
from merx.store.quality_queries import QUALITY_QUERIES
from tests.ingest.shops import (
    DAYS,
    SHOPPERS,
    START,
    Open,
    Shop,
    capability,
    event,
    found,
    planted,
    price_of,
    states,
    titles,
)


def test_a_clean_shop_has_nothing_to_mend(clean: Shop, open_shop: Open) -> None:
    readiness = check(open_shop(clean))
    assert [finding for finding in readiness.findings if finding.severity != "info"] == []
    assert states(readiness) == {
        "Popular products": "ready",
        "Personal recommendations from what goes together": "ready",
        "Recommendations for a visit, also of somebody not known": "ready",
        "Products that nobody has met yet, by what they resemble": "ready",
        "Ratings as a sign of taste": "refused",
        "Lists that count friends": "refused",
        "Demand forecast of the shop and its categories": "ready",
        "Demand forecast of each product": "ready",
        "Yearly season in forecasts": "refused",
        "Forecasts that know of stock-outs": "ready",
        "Who will buy, who stays away": "ready",
        "What a customer is worth": "ready",
        "Price response and best prices": "ready",
        "Prices for profit": "ready",
    }


def test_every_sentence_is_whole(clean: Shop, open_shop: Open) -> None:
    readiness = check(open_shop(clean))
    for text in [finding.text for finding in readiness.findings]:
        assert text.endswith(".")
    for entry in readiness.capabilities:
        assert entry.needs
        assert entry.has
        assert entry.advice.endswith(".") or entry.state == "ready"
        assert entry.verb in {"recommend", "forecast", "shoppers", "price"}
    texts = [finding.text for finding in readiness.findings]
    texts += [text for entry in readiness.capabilities for text in (entry.needs, entry.has, entry.advice)]
    for text in texts:
        assert not any(wrong in text for wrong in ("None", "nan", "  ", "..", "{", "}")), text


def test_to_dict_and_to_table(clean: Shop, open_shop: Open) -> None:
    readiness = check(open_shop(clean))
    plain = readiness.to_dict()
    assert set(plain["capabilities"][0]) == {"name", "verb", "state", "needs", "has", "advice"}
    assert set(plain["findings"][0]) == {"title", "text", "severity"}
    table = readiness.to_table()
    assert table.num_rows == len(readiness.capabilities) + len(readiness.findings)
    assert set(table["part"].to_pylist()) == {"capability", "finding"}


# --- shops that lack something ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*QUALITY_QUERIES, *CASE_QUERIES])
def test_every_query_runs_on_empty_tables(name: str, open_shop: Open) -> None:
    query = {**QUALITY_QUERIES, **CASE_QUERIES}[name]
    params: dict[str, Any] = dict.fromkeys(query.params, 1)
    if "since" in params:
        params["since"] = date(2025, 1, 1)
    open_shop({}).query(name, **params)


def test_closed_weekdays_are_no_gaps(clean: Shop, open_shop: Open) -> None:
    events = [row for row in clean["events"] if row["time"].weekday() not in (5, 6)]
    readiness = check(open_shop({**clean, "events": events}))
    assert "Closed on Saturdays and Sundays" in titles(readiness)
    assert "without any event" not in titles(readiness)


def test_a_gap_is_found(clean: Shop, open_shop: Open) -> None:
    first, last = date(2025, 2, 3), date(2025, 2, 12)
    events = [row for row in clean["events"] if not first <= row["time"].date() <= last]
    finding = found(check(open_shop({**clean, "events": events})), "10 open days without any event")
    assert "3 February 2025 to 12 February 2025 (10)" in finding.text
    assert finding.severity == "warning"


def test_a_holiday_is_no_alarm(clean: Shop, open_shop: Open) -> None:
    events = [row for row in clean["events"] if row["time"].date() != date(2025, 4, 21)]
    finding = found(check(open_shop({**clean, "events": events})), "1 open day without any event")
    assert finding.severity == "info"
    assert "21 April 2025 (1)" in finding.text


def test_a_long_hole_is_serious(clean: Shop, open_shop: Open) -> None:
    events = [row for row in clean["events"] if not 30 <= (row["time"] - START).days < 70]
    assert found(check(open_shop({**clean, "events": events})), "40 open days").severity == "serious"


def test_a_calendar_of_a_shop_with_few_days_claims_nothing() -> None:
    few = calendar([date(2025, 1, 1), date(2025, 1, 20), date(2025, 3, 3)])
    assert few.closed == ()
    assert few.missing == 0


def test_a_last_day_that_breaks_off_is_told_as_demand_leaves_it_out(clean: Shop, open_shop: Open) -> None:
    last = (START + timedelta(days=DAYS - 1)).date()
    events = [row for row in clean["events"] if row["time"].date() < last or row["time"].hour < 12]
    engine = open_shop({**clean, "events": events})
    finding = found(check(engine), "breaks off")
    assert "5 May 2025" in finding.title
    assert "Its last sale is at 11:" in finding.text
    assert demand(engine).days == DAYS - 1


def test_whole_days_and_single_hours(clean: Shop, open_shop: Open) -> None:
    midnight = [{**row, "time": datetime(*row["time"].timetuple()[:3])} for row in clean["events"]]
    readiness = check(open_shop({**clean, "events": midnight}))
    assert found(readiness, "whole days").severity == "info"
    assert "hardly human" not in titles(readiness)
    noon = [{**row, "time": row["time"].replace(hour=12)} for row in clean["events"]]
    assert "12:00 and 12:59" in found(check(open_shop({**clean, "events": noon})), "one hour").text
    mixed = [*midnight[: len(midnight) * 2 // 3], *clean["events"][len(midnight) * 2 // 3 :]]
    assert found(check(open_shop({**clean, "events": mixed})), "at midnight").severity == "warning"


# --- shoppers -----------------------------------------------------------------------------------------------


def test_a_guest_account_is_found(clean: Shop, open_shop: Open) -> None:
    events = [{**row, "user_id": "guest"} if n % 10 == 0 else row for n, row in enumerate(clean["events"])]
    finding = found(check(open_shop({**clean, "events": events})), "One shopper id")
    assert "'guest'" in finding.text
    assert "(10 %)" in finding.text


def test_robots_are_found(clean: Shop, open_shop: Open) -> None:
    night = START + timedelta(days=50, hours=3)
    fast = [event("view_item", night + timedelta(seconds=n), f"p{n % 30}", "robot") for n in range(1000)]
    idle = [
        event("view_item", night + timedelta(minutes=n), f"p{n % 30}", session_id="crawler")
        for n in range(400)
    ]
    finding = found(check(open_shop(planted(clean, "events", fast + idle))), "hardly human")
    assert "robot (1,000 events, up to 1,000 in an hour)" in finding.text
    assert "crawler (400 events, up to 400 in a day and nothing put in a cart)" in finding.text
    assert "2 visitors with 1,400 events" in finding.text


def test_a_long_order_is_no_robot(clean: Shop, open_shop: Open) -> None:
    noon = START + timedelta(days=50, hours=12)
    order = [
        event("purchase", noon, f"p{n % 30}", "wholesaler", price=price_of(n % 30, 50)) for n in range(900)
    ]
    assert "hardly human" not in titles(check(open_shop(planted(clean, "events", order))))


def test_shoppers_and_products_with_little_evidence(clean: Shop, open_shop: Open) -> None:
    noon = START + timedelta(days=50, hours=12)
    once = [event("view_item", noon, f"rare{n}", f"once{n}") for n in range(2000)]
    readiness = check(open_shop(planted(clean, "events", once)))
    assert "2,000 of 2,030 products (99 %)" in found(readiness, "Products with few events").text
    assert found(readiness, "Products with few events").severity == "warning"
    assert found(readiness, "Shoppers with one event").severity == "warning"
    assert capability(readiness, "what goes together").state == "weak"


def test_concentration(clean: Shop, open_shop: Open) -> None:
    noon = START + timedelta(days=50, hours=12)
    more = [event("view_item", noon, f"more{n}", f"u{n}") for n in range(170)]
    even = found(check(open_shop(planted(clean, "events", more))), "How much a few products draw")
    assert even.severity == "info"
    assert "(2 of 200)" in even.text
    views = [event("view_item", noon, "hit", f"u{n % SHOPPERS}") for n in range(40_000)]
    one = found(check(open_shop(planted(clean, "events", more + views))), "How much a few products draw")
    assert one.severity == "warning"


def test_gini_of_known_cases(open_shop: Open) -> None:
    noon = START + timedelta(hours=12)
    alike = [event("view_item", noon, f"p{n % 4}", "u") for n in range(40)]
    assert open_shop({"events": alike}).query("quality_items", few=5, shared=1)["gini"][
        0
    ].as_py() == pytest.approx(0)
    # counts 1, 1, 1, 97: 2 (1 + 2 + 3 + 4 * 97) / (4 * 100) - 5 / 4
    skewed = [event("view_item", noon, f"p{max(n - 96, 0)}", "u") for n in range(100)]
    gini = open_shop({"events": skewed}).query("quality_items", few=5, shared=1)["gini"][0].as_py()
    assert gini == pytest.approx(2 * (1 + 2 + 3 + 4 * 97) / 400 - 5 / 4)


# --- orders and prices --------------------------------------------------------------------------------------


def test_a_cancelled_giant_order_is_found(clean: Shop, open_shop: Open) -> None:
    noon = START + timedelta(days=50, hours=12)
    giant = event("purchase", noon, "p1", "u1", quantity=80_995.0, price=price_of(1, 50))
    refund = {**giant, "event": "refund", "time": noon + timedelta(minutes=12)}
    finding = found(check(open_shop(planted(clean, "events", [giant, refund]))), "extreme quantity")
    assert "80,995 of Product number 1 (p1) on 25 February 2025 where 2 is usual (cancelled or returned)" in (
        finding.text
    )
    assert finding.severity == "warning"
    assert "and others" not in finding.text


def test_a_giant_order_of_a_new_product_is_held_against_the_shop(clean: Shop, open_shop: Open) -> None:
    noon = START + timedelta(days=50, hours=12)
    giant = event("purchase", noon, "new", "u1", quantity=50_000.0)
    finding = found(check(open_shop(planted(clean, "events", [giant]))), "extreme quantity")
    assert "50,000 of new" in finding.text


def test_a_slipped_decimal_point_is_found(clean: Shop, open_shop: Open) -> None:
    noon = START + timedelta(days=50, hours=12)
    usual = sorted(
        row["price"] for row in clean["events"] if row["event"] == "purchase" and row["item_id"] == "p2"
    )
    median = usual[(len(usual) - 1) // 2]
    slip = event("purchase", noon, "p2", "u1", price=round(median * 10, 2))
    finding = found(check(open_shop(planted(clean, "events", [slip]))), "Prices far from")
    assert f"Product number 2 (p2) at {median * 10:.2f} instead of {median:.2f}" in finding.text
    assert "1 of them by ten or a hundred" in finding.text


def test_a_slip_in_the_price_list_is_serious(clean: Shop, open_shop: Open) -> None:
    slip = {
        "item_id": "p3",
        "time": START + timedelta(days=115),
        "price": price_of(3, 112) * 10,
        "from_orders": False,
    }
    finding = found(check(open_shop(planted(clean, "prices", [slip]))), "price list")
    assert finding.severity == "serious"
    assert "p3 from" in finding.text
    assert "on 1 May 2025" in finding.text


def test_mixed_currencies_are_serious(clean: Shop, open_shop: Open) -> None:
    dollars = [
        event("purchase", START + timedelta(days=n, hours=12), "p1", "u1", currency="USD", price=3.0)
        for n in range(9)
    ]
    finding = found(check(open_shop(planted(clean, "events", dollars))), "currencies")
    assert finding.severity == "serious"
    assert "EUR (9,600) and USD (9)" in finding.text


def test_refunds(clean: Shop, open_shop: Open) -> None:
    bought = [row for row in clean["events"] if row["event"] == "purchase"]
    back = [{**row, "event": "refund", "time": row["time"] + timedelta(days=1)} for row in bought[::2]]
    finding = found(check(open_shop(planted(clean, "events", back))), "Refunds")
    assert finding.severity == "warning"
    assert "units bought (50 %)" in finding.text


def test_purchases_without_a_price(clean: Shop, open_shop: Open) -> None:
    events = [{**row, "price": None} if n % 4 == 0 else row for n, row in enumerate(clean["events"])]
    assert found(check(open_shop({**clean, "events": events})), "without a price").severity == "warning"


# --- the catalogue ------------------------------------------------------------------------------------------


def test_same_titles_under_different_ids(clean: Shop, open_shop: Open) -> None:
    twin = {**clean["products"][4], "item_id": "p4-again", "title": " product NUMBER-4."}
    finding = found(check(open_shop(planted(clean, "products", [twin]))), "may be the same")
    assert "2 products share 1 title" in finding.text
    assert "(p4 and p4-again)" in finding.text


def test_variants_of_one_product_may_share_a_title(clean: Shop, open_shop: Open) -> None:
    products = [{**row, "title": "T-shirt", "item_group_id": "shirt"} for row in clean["products"]]
    assert "may be the same" not in titles(check(open_shop({**clean, "products": products})))


def test_a_product_ingested_twice_is_one_product(clean: Shop, open_shop: Open) -> None:
    again = [{**row, "price": 9.0} for row in clean["products"]]
    readiness = check(open_shop(planted(clean, "products", again)))
    assert "may be the same" not in titles(readiness)


def test_ids_that_differ_in_case_or_blanks(clean: Shop, open_shop: Open) -> None:
    noon = START + timedelta(days=50, hours=12)
    odd = [event("view_item", noon, name, "u1") for name in ("P5", "p 6")]
    finding = found(check(open_shop(planted(clean, "events", odd))), "case or blanks")
    assert "4 ids are 2 ids written differently: 'P5' and 'p5'; 'p 6' and 'p6'." in finding.text


def test_products_that_the_catalogue_lacks(clean: Shop, open_shop: Open) -> None:
    readiness = check(open_shop({**clean, "products": clean["products"][1:]}))
    finding = found(readiness, "catalogue lacks")
    assert "1 product with" in finding.text
    assert "p0 (" in finding.text


def test_gaps_of_the_catalogue(clean: Shop, open_shop: Open) -> None:
    products = [{**row, "title": None, "category": None} for row in clean["products"][:10]]
    products += clean["products"][10:]
    finding = found(check(open_shop({**clean, "products": products})), "catalogue has gaps")
    assert "10 of 30 products lack a title" in finding.text
    assert "10 of 30 products lack a category" in finding.text


def test_thresholds_are_explained(request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs/explanation/readiness.md").read_text()
    for bar in (NEEDS, ALARMS):
        for name in vars(bar):
            assert f"`{name}`" in page, name
