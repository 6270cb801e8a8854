"""Lists: where they stand, what they keep to, and the rules that changed them."""

import pytest

from merx.errors import RequestError
from merx.shop import Shop
from tests.shops import csv, ids, settings

USER = "u000003"


def test_a_newcomer_gets_what_is_popular(shop):
    decision = shop.recommend("nobody ' OR 1=1 --", model="item_knn")
    assert {row["model"] for row in decision.answer["rows"]} == {"popularity"}
    assert "filled up with what is popular: 10 of 10 places" in decision.rules
    assert len(decision.answer["rows"]) == 10
    assert shop.why(decision.id).same
    assert all("without a history" in reason for reason in shop.recommend("nobody").reasons)


def test_category_and_stock_are_kept_to(shop):
    rows = shop.recommend(USER).answer["rows"]
    category = rows[0]["category"]
    decision = shop.recommend(USER, category=category)
    assert {row["category"] for row in decision.answer["rows"]} == {category}
    with pytest.raises(RequestError, match="no product is in the category"):
        shop.recommend(USER, category="Nonsense")


def test_every_scenario_answers_and_replays(shop):
    first, second, third = ids(shop.recommend(USER))[:3]
    decisions = [
        shop.recommend(USER, scenario="again"),
        shop.recommend(scenario="trending"),
        shop.recommend(item=first),
        shop.recommend(USER, cart=[first, second]),
        shop.recommend(recent=[first, second, third]),
        shop.recommend(USER, recent=[first], without=[second], without_category=["Home"]),
    ]
    for decision in decisions:
        assert shop.why(decision.id).same
    again, trending, page, cart, visitor, wishes = decisions
    assert {row["model"] for row in again.answer["rows"]} == {"buy_again"}
    assert all("bought on" in reason for reason in again.reasons)
    assert [row["model"] for row in trending.answer["rows"]].count("trending") > 5
    assert page.answer["scenario"] == "product" and first not in ids(page)
    assert "goes with" in page.reasons[0]
    assert visitor.question["model"] == ["session_knn", "blend", "item_knn"]
    assert cart.answer["scenario"] == "cart" and not {first, second} & set(ids(cart))
    assert visitor.answer["user_id"] is None and visitor.answer["history"] == 3
    assert not {first, second, third} & set(ids(visitor))
    assert {why["item_id"] for row in visitor.answer["rows"] for why in row["reasons"]} <= {
        first,
        second,
        third,
    }
    assert not {first, second} & set(ids(wishes))
    assert not any((row["category"] or "").startswith("Home") for row in wishes.answer["rows"])


def test_what_is_looked_at_now_counts_at_once(shop):
    [item] = ids(shop.recommend("nobody", k=1))
    decision = shop.recommend("nobody", recent=[item])
    assert decision.answer["rows"][0]["reasons"][0]["item_id"] == item
    assert item not in ids(decision)
    assert shop.why(decision.id).same


def test_questions_about_lists_that_cannot_be_answered(shop):
    for wrong, message in (
        ({"scenario": "hom"}, "no scenario 'hom'. Did you mean home"),
        ({"scenario": "product"}, "about an item"),
        ({"scenario": "cart"}, "about the items in the cart"),
        ({"scenario": "again"}, "about a shopper"),
        ({"recent": ["i00001", "no", "nor"]}, "2 of 3 recent items are unknown to the shop: 'no', 'nor'"),
        ({"item": "no"}, "1 of 1 items of the page"),
        ({"without_category": ["Nonsense"]}, "no product is in the category 'Nonsense'"),
        ({"user": " "}, "id is empty"),
    ):
        with pytest.raises(RequestError, match=message):
            shop.recommend(**wrong)


def test_every_rule_that_changed_a_list_is_named_and_no_other(shop):
    plain = shop.recommend(USER)
    first, second, *others = ids(plain)
    last = ids(shop.recommend(USER, k=12))[-1]
    shop = settings(
        shop,
        f"""
        [[recommend.rules]]
        do = "exclude"
        items = ["{second}"]
        [[recommend.rules]]
        do = "boost"
        name = "first is first anyway"
        items = ["{first}"]
        by = 7
        [[recommend.rules]]
        do = "boost"
        items = ["{last}"]
        by = 5
        [[recommend.rules]]
        do = "bury"
        items = ["{others[0]}"]
        [[recommend.rules]]
        do = "pin"
        items = ["{others[3]}", "{second}", "nonsense"]
        place = 1
        [[recommend.rules]]
        do = "exclude"
        brand = "no such brand"
        """,
    )
    decision = shop.recommend(USER)
    shown = ids(decision)
    assert shown[:3] == [others[3], first, last]
    assert second not in shown and others[0] not in shown
    told = [rule for rule in decision.rules if not rule.startswith(("in stock", "not what"))]
    assert [rule.partition(":")[0] for rule in told] == [
        f"exclude {second}",
        f"boost {last} by 5",
        f"bury {others[0]}",
        f"pin {others[3]} or {second} or nonsense to place 1",
        f"pin {others[3]} or {second} or nonsense to place 1",
        f"pin {others[3]} or {second} or nonsense to place 1",
    ]
    assert told[0].endswith("1 left out")
    assert "from below the list" in told[1] and told[2].endswith("out of the list")
    assert f"{second} is not shown, barred by: exclude {second}" in told[4]
    assert "the shop knows no such product" in told[5]
    by_item = {row["item_id"]: row["rules"] for row in decision.answer["rows"]}
    assert by_item[last] and by_item[others[3]] and not by_item[first]
    assert shop.why(decision.id).same


def test_caps_diversity_and_only(shop):
    plain = shop.recommend(USER)
    category = plain.answer["rows"][0]["category"].partition(" > ")[0]
    shop = settings(
        shop,
        f"""
        [scenarios.capped]
        diversity = 0.5
        [[scenarios.capped.rules]]
        do = "cap"
        per = "brand"
        most = 1
        [[scenarios.only.rules]]
        do = "only"
        category = "{category}"
        [[scenarios.cheap.rules]]
        do = "only"
        price_to = 20
        """,
    )
    capped = shop.recommend(USER, scenario="capped")
    with shop._engine() as (engine, _):
        products = {row["item_id"]: row for row in engine.query("products").to_pylist()}
    brands = [products[name]["brand"] for name in ids(capped)]
    assert len(brands) == len(set(brands))
    assert any(rule.startswith("at most 1 per brand") for rule in capped.rules)
    only = shop.recommend(USER, scenario="only")
    assert all(row["category"].startswith(category) for row in only.answer["rows"])
    assert all(products[name]["price"] <= 20 for name in ids(shop.recommend(USER, scenario="cheap")))
    assert all(shop.why(decision.id).same for decision in (capped, only))


def test_the_objective_says_what_it_costs_and_refuses_without_costs(shop, tmp_path):
    shop = settings(
        shop, "[scenarios.earn]\nobjective = 'profit'\n[scenarios.sell]\nobjective = 'conversion'\n"
    )
    for name in ("earn", "sell"):
        decision = shop.recommend(USER, scenario=name)
        [told] = [rule for rule in decision.rules if rule.startswith("objective")]
        assert "at most -5%" in told and "expected" in told
        assert shop.why(decision.id).same
    bare = Shop.init(tmp_path / "bare")
    rows = [
        f"u{u},i{i},purchase,2024-01-0{1 + i}T10:0{u}:00,2,1" for u in range(6) for i in range(u % 2, 6, 2)
    ]
    bare.ingest(csv(tmp_path / "a.csv", *rows))
    bare.fit("popularity", "item_knn")
    bare = settings(bare, "[recommend]\nobjective = 'profit'\n")
    with pytest.raises(RequestError, match=r"the cost of .* is not known .*assumed_margin"):
        bare.recommend("nobody")
    bare = settings(bare, "[price]\nassumed_margin = 0.4\n")
    assert bare.recommend("nobody").answer["rows"]


def test_a_kind_that_was_not_fitted_is_passed_over_and_named(shop):
    shop = settings(shop, '[recommend]\nmodel = ["buy_again", "item_knn"]\n')
    (shop.models.folder / "buy_again" / "current").unlink()
    decision = shop.recommend(USER)
    assert decision.answer["model"] == "item_knn"
    assert "passed over, not fitted: buy_again" in decision.rules


def test_new_products_get_the_share_that_the_shop_sets(tmp_path):
    """20 old products, two that came with the last week, and one that nobody met: its words are known."""
    shop = Shop.init(tmp_path / "young")
    words = ["oak table", "oak chair", "steel lamp", "steel shelf"]
    old = [f"old{i:02d}" for i in range(20)]
    rows = [
        f"u{u},{item},purchase,2024-0{1 + u % 3}-01T1{u % 10}:00,2,1"
        for u in range(30)
        for i, item in enumerate(old)
        if (u + i) % 4 < 2
    ]
    late = [f"u{u},new{u % 2},purchase,2024-06-0{1 + u % 7}T10:00,2,1" for u in range(6)]
    catalogue = [f"{item},{words[i % 4]}" for i, item in enumerate([*old, "new0", "new1", "unmet"])]
    (tmp_path / "p.csv").write_text("\n".join(["item_id,title", *catalogue]) + "\n")
    shop.ingest(csv(tmp_path / "e.csv", *rows, *late))
    shop.ingest(tmp_path / "p.csv")
    shop.fit("popularity", "item_knn", "content")
    new = {"new0", "new1", "unmet"}

    shop = settings(shop, '[recommend]\nmodel = ["item_knn"]\nfill = false\nexclude = "bought"\nk = 5\n')
    users = [f"u{u}" for u in range(6, 10)]
    plain = {user: ids(shop.recommend(user)) for user in users}
    assert not new & {item for shown in plain.values() for item in shown}
    shop = settings(shop, "new_share = 0.3\nnew_days = 10\n[scenarios.words]\nmodel = ['content']\n")
    with_new = {user: shop.recommend(user) for user in users}
    counts = [len(new & set(ids(decision))) for decision in with_new.values()]
    assert set(counts) == {1, 2}  # 1.5 of 5 places
    assert not any("unmet" in ids(decision) for decision in with_new.values())  # no neighbour of it is known
    for user, decision in with_new.items():
        others = [name for name in ids(decision) if name not in new]
        assert others == plain[user][: len(others)]
        told = [why for name, why in zip(ids(decision), decision.reasons, strict=True) if name in new]
        assert all("Moved by 30% of places to what is new here: to place" in why for why in told)
        assert any(rule.startswith("30% of places to what is new here: ") for rule in decision.rules)
    assert shop.why(with_new["u7"].id).same
    assert any("unmet" in ids(shop.recommend(user, scenario="words")) for user in users)
    barred = settings(shop, "[[recommend.rules]]\ndo = 'exclude'\nitems = ['new0', 'new1']\n")
    assert ids(barred.recommend("u7")) == plain["u7"]
