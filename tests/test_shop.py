"""The road end to end: a shop answers, writes down what it answered, and can replay it."""

import json

import numpy as np
import pyarrow as pa
import pytest

from merx.errors import ArtefactError, ConfigError, DataError, RequestError
from merx.shop import Shop
from tests.shops import csv, settings

USER = "u000003"


def test_recommend_gives_reasons_and_replays(shop):
    decision = shop.recommend(USER, k=5)
    rows = decision.answer["rows"]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert all(row["title"] and row["category"] for row in rows)
    shares = [sum(why["share"] for why in row["reasons"]) for row in rows]
    assert all(0 <= share <= 1.001 for share in shares) and sum(share > 0 for share in shares) >= 3
    assert decision.models.keys() == {"blend"}
    assert decision == shop.ledger.get(decision.id)
    assert shop.why(decision.id).same


def test_forecast_and_price_replay(shop):
    item = shop.price().answer["rows"][0]["item_id"]
    for decision in (
        shop.forecast(),
        shop.forecast(item=item, horizon=3),
        shop.forecast(model="auto_arima"),
        shop.forecast(item=item, price=True),
        shop.price(item=item),
        shop.price(),
    ):
        assert shop.why(decision.id).same, decision.verb
        assert isinstance(decision.to_table(), pa.Table) and decision.to_table().num_rows


def test_a_price_says_what_it_does_to_the_nearest_products(shop):
    moved = next(row for row in shop.price().answer["rows"] if row["price"] != row["price_now"])
    decision = shop.price(item=moved["item_id"])
    touched = decision.answer["touched"]
    assert 1 <= len(touched) <= 16
    assert moved["item_id"] not in {row["item_id"] for row in touched}
    cheaper = moved["price"] < moved["price_now"]
    for row in touched:  # a substitute loses when this product is cheaper, a complement gains
        assert row["error"] > 0
        assert row["units"] == 0 or (row["units"] < 0) == ((row["elasticity"] > 0) == cheaper)
    assert {"bought_together", "item_knn"} <= decision.models.keys()
    total = sum(row["units"] for row in touched)
    assert any(f"would sell {total:+.2g} units" in reason for reason in decision.reasons)
    assert shop.why(decision.id).same


def test_a_forecast_says_what_the_plan_of_prices_does_to_it(shop):
    decision = shop.forecast(model="boosted")
    effects = decision.answer["effects"]
    assert {"log_price", "holiday: Children's Day"} <= effects.keys()
    told = [name for name, share in effects.items() if abs(share) >= 0.005]
    assert all(name in " ".join(decision.reasons) for name in told)
    assert shop.why(decision.id).same


def test_a_decision_replays_after_new_data_and_new_models(shop, tmp_path):
    before = shop.recommend(USER)
    forecast = shop.forecast()
    last = before.answer["rows"][0]["item_id"]
    shop.ingest(csv(tmp_path / "new.csv", f"{USER},{last},purchase,2024-07-28T10:00:00,5,1"))
    shop.fit()
    after = shop.recommend(USER)
    assert after.data != before.data and after.models != before.models
    assert last not in [row["item_id"] for row in after.answer["rows"]]
    again = Shop(shop.folder)
    assert again.why(before.id).same and again.why(after.id).same and again.why(forecast.id).same


def test_new_products_do_not_stop_prices_and_stale_models_say_so(shop, tmp_path):
    rows = [f",new-item,purchase,2024-07-{day:02d}T10:00:00,5,1" for day in range(1, 29)]
    shop.ingest(csv(tmp_path / "new.csv", *rows))
    decision = shop.price()
    assert any("1 products came after the fit" in rule for rule in decision.rules)
    assert any(rule.startswith("price_response was fitted on earlier data") for rule in decision.rules)
    with pytest.raises(RequestError, match="came after"):
        shop.price(item="new-item")
    assert shop.why(decision.id).same


def test_impressions_are_no_history_and_what_was_bought_can_be_told_from_what_was_met(tmp_path):
    shop = Shop.init(tmp_path / "s")
    rows = [
        f"u{u},i{i},purchase,2024-01-0{1 + i}T10:0{u}:00,2,1" for u in range(6) for i in range(u % 2, 6, 2)
    ]
    rows += [f"u0,i{i},view_item_list,2024-01-09T10:00:0{i},," for i in range(6)]
    rows += ["u0,i1,view_item,2024-01-09T11:00:00,,"]
    shop.ingest(csv(tmp_path / "a.csv", *rows))
    shop.fit()

    def shown(exclude):
        (shop.folder / "shop.toml").write_text(f'[recommend]\nexclude = "{exclude}"\n')
        return {row["item_id"] for row in Shop(shop.folder).recommend("u0").answer["rows"]}

    assert shown("met") == {"i3", "i5"}
    assert shown("bought") == {"i1", "i3", "i5"}
    assert shown("nothing") == {f"i{i}" for i in range(6)}


def test_settings_of_the_day_do_not_change_an_old_decision(shop):
    decision = shop.price()
    with open(shop.folder / "shop.toml", "a") as settings:
        settings.write("\n[price]\nmax_change = 0.05\nendings = []\n")
    changed = Shop(shop.folder)
    assert changed.price().answer != decision.answer
    assert changed.why(decision.id).same


def test_a_replay_that_differs_says_so(shop):
    import sqlite3

    decision = shop.recommend(USER)
    connection = sqlite3.connect(shop.folder / "decisions.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("DELETE FROM decisions")
    connection.execute("DROP TRIGGER decisions_stay")
    answer = json.dumps({**decision.answer, "rows": []})
    connection.execute("UPDATE decisions SET answer = ? WHERE id = ?", (answer, decision.id))
    connection.commit()
    connection.close()
    assert not shop.why(decision.id).same


def test_fusion_says_how_much_each_sort_of_data_gave(shop):
    decision = shop.recommend(USER, model="fusion")
    assert {row["model"] for row in decision.answer["rows"]} == {"fusion"}
    for row, sentence in zip(decision.answer["rows"], decision.reasons, strict=True):
        assert sum(source["share"] for source in row["sources"]) == pytest.approx(1, abs=1e-3)
        assert {source["name"] for source in row["sources"]} <= {"what shoppers take", "text", "attributes"}
        assert "% by its text" in sentence or "% by those who took it" in sentence
    assert shop.why(decision.id).same
    assert not any(row["sources"] for row in shop.recommend(USER, model="item_knn").answer["rows"])


def test_a_decision_of_an_older_merx_replays(shop):
    """Its question and its answer had fewer fields."""
    import sqlite3

    decision = shop.recommend(USER, model="item_knn")
    old = ("user", "weights", "k", "exclude", "in_stock_only", "category")
    question = {name: decision.question[name] for name in old} | {"model": "item_knn"}
    rows = [
        {name: value for name, value in row.items() if name not in ("rules", "bought")}
        for row in decision.answer["rows"]
    ]
    answer = {"user_id": USER, "model": "item_knn", "history": decision.answer["history"], "rows": rows}
    with sqlite3.connect(shop.folder / "decisions.sqlite") as connection:
        connection.execute("DROP TRIGGER decisions_stay")
        connection.execute(
            "UPDATE decisions SET question = ?, answer = ? WHERE id = ?",
            (json.dumps(question), json.dumps(answer), decision.id),
        )
    connection.close()
    assert shop.why(decision.id).same


def test_kinds_can_be_left_out_and_fitted_alone(shop):
    left_out = ["auto_arima", "price_response", "boosted", "blend", "purchase"]
    shop = settings(shop, f"[fit]\nskip = {json.dumps(left_out)}\n")
    assert [fit.kind for fit in shop.fit("item_knn").fits] == ["item_knn"]
    with pytest.raises(ConfigError, match="no model kind 'item_kn'"):
        shop.fit("item_kn")
    assert not set(left_out) & {score.model for score in shop.evaluate().scores}


def test_more_items_than_there_are(shop):
    rows = shop.recommend(USER, k=1000).answer["rows"]
    assert 0 < len(rows) <= 40
    assert len({row["item_id"] for row in rows}) == len(rows)
    with pytest.raises(RequestError, match="at least 1"):
        shop.recommend(USER, k=0)


def test_questions_that_cannot_be_answered(shop):
    with pytest.raises(RequestError, match="none of the"):
        shop.forecast(item="nonsense")
    with pytest.raises(RequestError, match="horizon"):
        shop.forecast(horizon=1000)
    with pytest.raises(RequestError, match="never had a price, or lies beyond"):
        shop.forecast(item="nonsense", price=True)
    with pytest.raises(RequestError, match="price is of one product"):
        shop.forecast(price=True)
    with pytest.raises(RequestError, match="not of both"):
        shop.forecast(item="i00000", category="a", price=True)
    with pytest.raises(RequestError, match="never had a price"):
        shop.price(item="nonsense")
    with pytest.raises(RequestError, match="no decision"):
        shop.why("nonsense")
    with pytest.raises(RequestError, match="no model of kind"):
        shop.recommend(USER, model="../../etc")


def test_an_empty_shop_says_what_to_do(tmp_path):
    shop = Shop.init(tmp_path / "new")
    with pytest.raises(DataError, match="no model could be fitted"):
        shop.fit()
    with pytest.raises(RequestError, match="merx fit"):
        shop.recommend("u")
    with pytest.raises(RequestError, match="nothing was ingested"):
        shop.report()
    with pytest.raises(ConfigError, match="already there"):
        Shop.init(tmp_path / "new")


def test_an_update_keeps_what_was_chosen_and_knows_the_new_day(shop, tmp_path):
    shop.fit("best", "boosted")
    before = shop.models.versions()
    chosen = shop.models.load("best", before["best"]).choice
    first = shop.forecast().answer["rows"][0]["date"]
    # the last day is not whole, so that the one before is the new one
    rows = [f"{USER},i00001,purchase,2024-07-{day}T10:00:00,5,1" for day in (29, 30)]
    shop.ingest(csv(tmp_path / "new.csv", *rows))
    fits = {fit.kind: fit for fit in shop.fit("best", "boosted", "auto_ets", update=True).fits}
    assert {kind: fit.updated_from for kind, fit in fits.items()} == {
        "best": before["best"],
        "boosted": before["boosted"],
        "auto_ets": "",  # it has nothing to keep
    }
    updated = shop.models.load("best", fits["best"].version)
    np.testing.assert_array_equal(updated.choice, chosen)
    assert shop.forecast().answer["rows"][0]["date"] > first
    assert shop.why(shop.forecast().id).same
    assert shop.models.about("best", fits["best"].version)["updated_from"] == before["best"]

    changed = settings(shop, "\n[models.best]\norigins = 2\n")
    assert changed.fit("best", update=True).fits[0].updated_from == ""  # other settings: anew


def test_what_the_data_do_not_carry_is_refused_and_the_rest_goes_on(tmp_path):
    shop = Shop.init(tmp_path / "clicks")
    rows = [
        f"u{u},i{i},view_item,2024-01-{1 + u:02d}T10:00:{i:02d},," for u in range(9) for i in range(u % 3, 6)
    ]
    shop.ingest(csv(tmp_path / "clicks.csv", *rows))
    fits = {fit.kind: fit for fit in shop.fit().fits}
    assert not fits["item_knn"].refused
    assert "no purchase" in fits["auto_ets"].refused and "no purchase" in fits["price_response"].refused
    assert shop.recommend("u0").answer["rows"] == []  # met everything there is
    assert shop.recommend("u2").answer["rows"]


def test_a_tampered_model_is_refused(shop):
    version = shop.models.versions()["item_knn"]
    path = shop.models.folder / "item_knn" / version / "arrays.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtefactError, match="SHA-256"):
        shop.recommend(USER, model="item_knn")


def test_evaluation_is_kept_and_measured_against_the_truth(shop):
    report = shop.evaluate()
    tasks = {score.task for score in report.scores}
    behaviour = {"propensity", "lifetime", "value"}
    assert tasks == {"recommend", "new_products", "forecast", "price_forecast", "price"} | behaviour
    assert not tasks & report.refused.keys()
    record = json.loads((shop.folder / "evaluation.json").read_text())
    assert len(record["scores"]) == len(report.scores)
    assert report.to_table().num_rows > 20


def test_the_report_is_one_file_with_its_decisions(shop):
    shop.evaluate()
    page = shop.report().read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    for decision_id in _decisions(shop):
        assert shop.why(decision_id).same
    assert "https://" not in page.split("<body")[0].replace("https://www.w3.org", "")


def _decisions(shop):
    import sqlite3

    connection = sqlite3.connect(shop.folder / "decisions.sqlite")
    found = [row[0] for row in connection.execute("SELECT id FROM decisions ORDER BY time LIMIT 4")]
    connection.close()
    assert found
    return found


def test_no_model_sees_the_days_it_is_judged_on(shop, monkeypatch):
    """Spies in place of the recommenders record the latest moment they were fitted on."""
    from merx.recommend.item_knn import ItemKNN
    from merx.recommend.popularity import Popularity

    seen = []
    for config in (ItemKNN, Popularity):
        fit = config.fit
        monkeypatch.setattr(
            config, "fit", lambda self, given, fit=fit: seen.append(given.time.max()) or fit(self, given)
        )
    monkeypatch.setattr("merx.holdout.check_no_leak", lambda *parts: seen.append("checked"))
    # what is held back of new products is the products, not the days
    monkeypatch.setattr("merx.judging.new_products", lambda *parts: ([], ""))
    shop.evaluate()
    with shop._engine() as (engine, _):
        events = engine.query("histories")["time"].to_numpy().astype("datetime64[us]").astype("int64")
    cut = events.max() + 1 - shop.config.evaluate.days * 86_400_000_000
    assert seen[0] == "checked"
    assert len(seen) >= 3  # other kinds may build on these
    assert max(seen[1:]) < cut
