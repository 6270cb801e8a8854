"""A shop whose shoppers follow each other: who is served by friends, and what may be told of them."""

import pytest

from merx.errors import ConfigError, RequestError
from merx.shop import Shop
from tests.shops import csv, ids, settings

ALWAYS = '\n[social]\nfriends = "always"\nmin_friends = 3\nsensitive = ["Health"]\n'


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Six who buy tools, six who buy hats; « newcomer » follows four of the hats, « lone » one of them."""
    folder = tmp_path_factory.mktemp("town")
    rows = [
        f"{group}{u},{group}{i:02d},purchase,2024-01-{1 + i:02d}T10:{u:02d}:00,5,1"
        for group in ("tool", "hat")
        for u in range(6)
        for i in range(8)
        if i != u
    ]
    rows += [f"hat{u},pill00,purchase,2024-01-20T10:0{u}:00,5,1" for u in range(5)]
    shop = Shop.init(folder / "town")
    products = folder / "products.csv"
    products.write_text(
        "item_id,title,category\n"
        + "".join(
            f"{g}{i:02d},{g} {i},{c}\n" for g, c in (("tool", "Tools"), ("hat", "Hats")) for i in range(8)
        )
        + "pill00,Pills,Health > Pills\n"
    )
    relations = folder / "relations.csv"
    ties = [("newcomer", f"hat{u}") for u in range(4)] + [("lone", "hat0"), ("tool0", "hat1")]
    relations.write_text("user_id,other_user_id,kind\n" + "".join(f"{u},{v},follows\n" for u, v in ties))
    shop.ingest(csv(folder / "events.csv", *rows), products, relations)
    shop = settings(shop, ALWAYS)
    shop.fit("popularity", "item_knn", "social_knn", "social_als")
    return shop


@pytest.mark.parametrize("kind", ["social_knn", "social_als"])
def test_one_without_a_history_is_served_by_friends(town, kind):
    decision = town.recommend("newcomer", k=5, model=kind)
    assert {row["category"] for row in decision.answer["rows"]} == {"Hats"}
    assert decision.answer["history"] == 0
    assert town.why(decision.id).same
    assert {row["model"] for row in decision.answer["rows"]} == {kind}


def test_the_kind_for_newcomers_comes_before_those_that_know_nothing_of_them(town):
    first = settings(town, '\n[recommend]\nmodel = ["item_knn"]\n')
    decision = first.recommend("newcomer", k=5)
    assert {row["model"] for row in decision.answer["rows"]} == {"social_knn"}
    assert first.why(decision.id).same
    assert first.recommend("hat1", k=2).answer["rows"][0]["model"] == "item_knn"


def test_one_whom_nobody_knows_gets_what_is_popular(town):
    decision = town.recommend("stranger", model="item_knn")
    assert {row["model"] for row in decision.answer["rows"]} == {"popularity"}


def test_friends_are_told_as_a_count_from_the_threshold_on_and_never_by_name(town):
    decision = town.recommend("newcomer", k=8, model="social_knn")
    assert "bought by 4 people you follow" in " ".join(decision.reasons)
    assert {row["friends"] for row in decision.answer["rows"]} == {3, 4}
    shy = settings_of(town, min_friends=4)
    assert {row["friends"] for row in shy.recommend("newcomer", k=8, model="social_knn").answer["rows"]} == {
        None,
        4,
    }
    lone = town.recommend("lone", k=8, model="social_knn")
    assert {row["friends"] for row in lone.answer["rows"]} == {None}
    for told in (decision, lone):
        assert not any(f"hat{u} " in str(told.to_dict()).replace("'", " ") for u in range(6))
        assert "what shoppers of a like taste met" in " ".join(lone.reasons)


def test_nothing_sensitive_comes_from_friends(town):
    assert "pill00" not in ids(town.recommend("newcomer", k=8, model="social_knn"))
    # where the category is not sensitive, the four who are followed bring it
    open_minded = settings_of(town, sensitive=())
    assert "pill00" in ids(open_minded.recommend("newcomer", k=9, model="social_knn"))
    for kind in ("social_knn", "social_als"):
        for row in town.recommend("tool0", k=15, model=kind).answer["rows"]:
            assert row["item_id"] != "pill00" or row["friends"] is None


def test_never_is_never(town):
    alone = settings_of(town, friends="never")
    decision = alone.recommend("newcomer", model="item_knn")
    assert {row["model"] for row in decision.answer["rows"]} == {"popularity"}
    [fit] = alone.fit("popularity", "social_knn").fits[1:]
    assert "never" in fit.refused


def settings_of(shop, **changed):
    """The same shop, other [social] settings; its folder is left as it is."""
    from dataclasses import replace

    other = Shop(shop.folder)
    other.config = replace(shop.config, social=replace(shop.config.social, **changed))
    return other


def test_settings_that_cannot_be(town, tmp_path):
    for text, match in (
        ('friends = "sometimes"', "where_found, always, never"),
        ("min_friends = 1", "at least 2"),
        ("days = 0", "at least 1"),
    ):
        shop = Shop.init(tmp_path / match[-4:])
        with pytest.raises(ConfigError, match=match):
            settings(shop, f"\n[social]\n{text}\n")


def test_kinds_of_relation_that_do_not_count(town):
    other = settings_of(town, kinds=("trusts",))
    rows = other.recommend("newcomer", model="item_knn").answer["rows"]
    assert {row["model"] for row in rows} == {"popularity"}
    with pytest.raises(RequestError, match="is empty"):
        other.recommend(" ")


def test_influence_is_a_decision_like_any_other(town):
    decision = town.influence()
    [row] = decision.answer["rows"]
    assert row["kind"] == "follows" and row["share"] is None and not decision.answer["found"]
    assert "too few" in decision.reasons[0] and "always" in decision.rules[0]
    assert town.why(decision.id).same
    assert settings_of(town, friends="never").influence().rules[0].endswith("no model reads relations")
    with pytest.raises(RequestError, match="no relation ties"):
        settings_of(town, kinds=("trusts",)).influence()


def test_without_influence_friends_are_left_out_and_the_reason_is_given(town):
    careful = settings_of(town, friends="where_found")
    fits = careful.fit("popularity", "social_knn", "social_als").fits
    assert [bool(entry.refused) for entry in fits] == [False, True, True]
    assert "too few" in fits[1].refused and 'friends = "always"' in fits[1].refused


def test_influence_on_the_command_line(town):
    from click.testing import CliRunner

    from merx.cli import main

    told = CliRunner().invoke(main, ["influence", str(town.folder)])
    assert told.exit_code == 0 and "owed to friends" in " ".join(told.output.split())
