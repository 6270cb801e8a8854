"""The command line: tables for people, one JSON object for machines, one paragraph for errors."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from merx.cli import main

VERBS = (
    "check",
    "ingest",
    "fit",
    "evaluate",
    "recommend",
    "forecast",
    "anomalies",
    "price",
    "report",
    "run",
    "init",
    "why",
)


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def as_json(*words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output + result.stderr
    lines = result.stdout.strip().splitlines()
    assert len(lines) == 1
    return json.loads(lines[0], parse_constant=pytest.fail)


def test_every_verb_is_a_command():
    assert set(VERBS) <= set(main.commands)
    assert "simulate" in main.commands
    for name in main.commands:
        assert run(name, "--help").exit_code == 0


def test_answers_as_json_and_as_tables(shop):
    folder = shop.folder
    answer = as_json("recommend", folder, "--user", "u000003", "-k", 3)
    assert len(answer["answer"]["rows"]) == 3
    shown = run("why", folder, answer["id"])
    assert shown.exit_code == 0 and "the same answer" in shown.output
    assert as_json("why", folder, answer["id"])["replays_to_the_same_answer"] is True
    assert as_json("forecast", folder, "--horizon", 2)["answer"]["rows"][1]["q0.9"] > 0
    assert as_json("price", folder)["answer"]["grades"]
    assert "decision" in run("price", folder).output
    assert "expected" in run("forecast", folder).output
    priced = as_json("price", folder)["answer"]["rows"][0]
    foretold = as_json("forecast", folder, "--item", priced["item_id"], "--price")
    assert foretold["answer"]["rows"][0]["q0.5"] == pytest.approx(priced["price_now"], rel=0.5)
    assert 0 <= foretold["answer"]["outlook"]["change"] <= 1
    assert "The chance that it changes" in foretold["reasons"][1]
    assert "because of" in run("recommend", folder, "--user", "u000003").output


def test_a_shop_from_files_to_a_report(tmp_path):
    rows = ["user_id,item_id,event,time,price,quantity"]
    rows += [
        f"u{n % 17},i{n * n % 11},purchase,2024-{1 + n % 5:02d}-{1 + n % 28:02d}T10:00:00,{1 + n % 3}.5,1"
        for n in range(600)
    ]
    rows.append("u1,i1,purchase,2024-01-01T10:00:00,-3,1")
    (tmp_path / "orders.csv").write_text("\n".join(rows) + "\n")
    folder = tmp_path / "shop"
    result = as_json("run", folder, tmp_path / "orders.csv")
    [file] = result["ingest"]["files"]
    assert file["read"] == 601 == file["accepted"] + file["rejected"] + file["duplicates"]
    assert sum(file["reasons"].values()) == file["rejected"] == 1
    assert (folder / "report.html").exists()
    again = as_json("ingest", folder, tmp_path / "orders.csv")["files"][0]
    assert (again["read"], again["accepted"], again["duplicates"], again["rejected"]) == (601, 0, 600, 1) or (
        again["duplicates"] == 601
    )
    assert run("run", folder).exit_code == 0


def test_lists_for_every_place(shop):
    folder = shop.folder
    home = [row["item_id"] for row in as_json("recommend", folder, "--user", "u000003")["answer"]["rows"]]
    page = as_json("recommend", folder, "--item", home[0], "-k", 3)
    assert page["answer"]["scenario"] == "product" and len(page["answer"]["rows"]) == 3
    cart = as_json("recommend", folder, "--user", "u000003", "--cart", f"{home[0]}, {home[1]}")
    assert cart["question"]["cart"] == home[:2]
    wishes = ("--recent", f'"{home[0]}",{home[1]}', "--without", home[2], "--without-category", "Home")
    visitor = as_json("recommend", folder, *wishes)
    assert visitor["question"]["recent"] == home[:2] and visitor["question"]["without"] == [home[2]]
    shown = run("why", folder, visitor["id"])
    assert "an anonymous visitor" in shown.output and "the same answer" in shown.output
    assert "bought on" in run("recommend", folder, "--user", "u000003", "--scenario", "again").output


def test_one_kind_can_be_fitted_alone(shop):
    assert [fit["kind"] for fit in as_json("fit", shop.folder, "--only", "popularity")["fits"]] == [
        "popularity"
    ]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("fit", "nowhere"), "merx init"),
        (("recommend", "{shop}", "--user", "u000003", "--model", "nonsense"), "no model of kind"),
        (("recommend", "{shop}", "--scenario", "hom"), "Did you mean home?"),
        (("recommend", "{shop}", "--scenario", "product"), "--item"),
        (("recommend", "{shop}", "--recent", "x,y"), "2 of 2 recent items"),
        (("fit", "{shop}", "--only", "nonsense"), "no model kind"),
        (("ingest", "{shop}", "missing.csv"), "missing.csv"),
        (("forecast", "{shop}", "--item", "nonsense"), "nonsense"),
        (("why", "{shop}", "nonsense"), "nonsense"),
        (("simulate", "{shop}"), "already there"),
        (("simulate", "new-shop", "--prices", "randon"), "random"),
    ],
)
def test_errors_are_one_paragraph_and_exit_1(shop, tmp_path, monkeypatch, words, text):
    monkeypatch.chdir(tmp_path)
    words = [word.format(shop=shop.folder) for word in words]
    result = run(*words)
    assert result.exit_code == 1
    assert text in result.stderr and "Traceback" not in result.stderr + result.output
    assert len(result.stderr.strip().splitlines()) == 1
    machine = run(*words, "--json")
    assert machine.exit_code == 1 and text in json.loads(machine.stdout)["error"]


def test_what_the_system_refuses_is_one_paragraph_too(shop, tmp_path):
    (tmp_path / "file").write_text("")
    (shop.folder / "decisions.sqlite").write_bytes(b"no database " * 100)
    (shop.folder / "evaluation.json").write_text("{")
    for words in (
        ("init", tmp_path / "file"),
        ("init", tmp_path / "file" / "x"),
        ("recommend", shop.folder, "--user", "u"),
        ("report", shop.folder),
    ):
        result = run(*words)
        assert result.exit_code == 1, words
        assert result.exception is None or isinstance(result.exception, SystemExit), words
        assert len(result.stderr.strip().splitlines()) == 1


def test_a_damaged_part_is_named(shop):
    part = next((shop.folder / "tables" / "products").glob("*.parquet"))
    part.write_bytes(b"PAR1 not any more")
    result = run("recommend", shop.folder, "--user", "u000003")
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr
    assert part.name in result.stderr


def test_an_unknown_setting_is_named(shop):
    with open(shop.folder / "shop.toml", "a") as settings:
        settings.write("\n[recomend]\nk = 3\n")
    result = run("fit", shop.folder)
    assert result.exit_code == 1 and "Did you mean recommend?" in result.stderr


def test_merx_is_light():
    """Neither `import merx` nor `merx --help` loads what only the work itself needs."""
    code = "import sys, merx, merx.cli; print(sorted(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("numpy", "pyarrow", "duckdb", "scipy", "pandas", "statsforecast", "rich", "jinja2"):
        assert f"'{heavy}'" not in loaded


def test_ids_with_brackets_are_shown_as_they_are(shop):
    result = run("recommend", shop.folder, "--user", "[/bold] [red]x")
    assert result.exit_code == 0
    assert "[/bold] [red]x" in result.output


def test_a_run_tells_what_was_read_even_where_a_later_step_fails(tmp_path):
    (tmp_path / "friends.csv").write_text("user_id,other_user_id,kind,weight\na,b,friend,1\n")
    result = run("run", tmp_path / "shop", tmp_path / "friends.csv")
    assert result.exit_code == 1
    assert "plain_relations" in result.output
    assert "no model could be fitted" in result.stderr


def test_a_currency_and_an_empty_shopper_are_refused(shop, tmp_path):
    result = run("init", tmp_path / "new", "--currency", "euro")
    assert result.exit_code == 1
    assert not (tmp_path / "new").exists()
    assert run("recommend", shop.folder, "--user", " ").exit_code == 1
