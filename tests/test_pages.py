"""What the pages claim is run."""

import importlib
import inspect
import re
import sys

import pytest
import reference
import tutorial

from merx import registry
from merx.cli import main as command_line
from merx.config import read_config
from merx.registry import Kind
from merx.toml import build
from tests.contract import test_recommenders as contract
from tests.pages import DOCS, PAGES, ROOT, code_blocks, name_of
from tests.shops import SMALL, settings


def test_readme_python_runs(tmp_path, monkeypatch, capsys):
    (code,) = code_blocks(ROOT / "README.md", "python")  # the Chinese one has the same: see below
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "myshop" / "report.html").exists()
    assert "True" in capsys.readouterr().out


def test_both_readmes_show_the_same_code():
    first, second = (
        [re.sub(r" *#.*", "", code) for kind in ("python", "sh") for code in code_blocks(ROOT / name, kind)]
        for name in ("README.md", "README.zh-CN.md")
    )
    assert first == second


def test_tutorial_prints_what_it_says():
    text = tutorial.PAGE.read_text(encoding="utf-8")
    assert tutorial.masked(text) == tutorial.masked(tutorial.with_outputs(text)), (
        "run python tools/tutorial.py"
    )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_toml_examples_are_settings(page, tmp_path):
    for number, block in enumerate(code_blocks(page, "toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(block)
        read_config(path)


def commands_in(page):
    """Every command that a page shows: lines of shell blocks, and code in the text."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|console|text)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]
    return [*lines, *re.findall(r"`([^`\n]+)`", prose)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_pages_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in commands_in(page):
        program, _, rest = line.partition(" ")
        words = rest.split(" #")[0].split()
        verb = words[0] if words else ""
        if program == "make" and verb:
            assert verb in targets, line
        if program == "merx" and verb and verb not in ("--help", "--version"):
            assert verb in command_line.commands, line
            command = command_line.commands[verb]
            steps = [step for name, step in getattr(command, "commands", {}).items() if name in words]
            named = len(words) > 2 and "COMMAND" not in words
            assert steps or not named or not hasattr(command, "commands"), line
            options = {name for part in (command, *steps) for option in part.params for name in option.opts}
            assert {word for word in words[1:] if word.startswith("-")} <= options, line


def test_the_mapping_of_the_guide_reads_its_file(tmp_path):
    from merx.shop import Shop

    page = DOCS / "how-to" / "your-own-data.md"
    (csv,), (mapping,) = code_blocks(page, "csv"), code_blocks(page, "toml")
    (tmp_path / "till.csv").write_text(csv)
    Shop.init(tmp_path / "shop")
    with open(tmp_path / "shop" / "shop.toml", "a") as file:
        file.write(mapping)
    (file,) = Shop(tmp_path / "shop").ingest(tmp_path / "till.csv").files
    assert (file.dialect, file.read, file.accepted) == ("till", 3, 3), file.reasons


@pytest.fixture(scope="module")
def nightly(tmp_path_factory):
    """What a run on a small shop gives, as JSON."""
    from merx.shop import Shop
    from merx.simulating import simulate

    folder = tmp_path_factory.mktemp("nightly")
    simulate(folder / "shop", users=60, items=20, days=120)
    shop = settings(Shop(folder / "shop"), SMALL)
    return folder, shop.run(folder / "shop" / "raw" / "events.parquet").to_dict()


def test_what_to_watch_is_in_the_run(nightly):
    _, run = nightly
    page = (DOCS / "how-to" / "run-every-night.md").read_text(encoding="utf-8")
    watched = page.partition("## What to watch")[2].partition("\n## ")[0]
    paths = re.findall(r"`([a-z]+(?:\.[a-z_]+(?:\[\])?)+)`", watched)
    assert len(paths) >= 4
    for path in paths:
        at = run
        for step in path.split("."):
            at = at[step.removesuffix("[]")]
            at = at[0] if step.endswith("[]") else at
    assert {"severity", "title", "text"} <= run["check"]["findings"][0].keys()
    assert "reasons" in run["ingest"]["files"][0]


def test_the_folder_holds_what_the_formats_page_says(nightly):
    folder, _ = nightly
    page = (DOCS / "reference" / "formats.md").read_text(encoding="utf-8")
    tree = page.partition("```text\n")[2].partition("```")[0]
    there = {path.name for path in (folder / "shop").iterdir()} - {"raw"}
    sidecars = {"decisions.sqlite-wal", "decisions.sqlite-shm"}
    assert {
        name for name in there - sidecars if not re.search(rf"^  {re.escape(name)}\b", tree, re.MULTILINE)
    } == set()
    assert (folder / "shop-truth").is_dir()


# Add a model: the page is carried out


@pytest.fixture
def added(tmp_path, monkeypatch):
    """The model of the page, as one file and one line in the registry."""
    file, line = code_blocks(DOCS / "how-to" / "add-a-model.md", "python")
    package = importlib.import_module("merx.recommend")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "bought_together.py").write_text(file)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "more")])
    entry = eval(line.strip().rstrip(","), {"Kind": Kind})
    monkeypatch.setitem(registry.KINDS, entry.name, entry)
    yield entry
    sys.modules.pop(entry.module, None)


CONTRACT = {name: test for name, test in vars(contract).items() if name.startswith("test_")}


@pytest.mark.parametrize("name", CONTRACT)
def test_the_added_model_passes_the_contract_suite(name, added, tmp_path):
    test = CONTRACT[name]
    have = {"kind": added.name, "name": added.name, "tmp_path": tmp_path / "run"}
    (tmp_path / "run").mkdir()
    test(**{parameter: have[parameter] for parameter in inspect.signature(test).parameters})


def test_the_added_model_is_documented_fitted_and_answers(added, tmp_path):
    from merx.shop import Shop
    from merx.simulating import simulate

    assert reference.undocumented() == []
    assert "### [models.bought_together]" in reference.settings_page()
    config, _ = added.load()
    assert build(config, {"support": 3}, "models.bought_together").support == 3
    simulate(tmp_path / "shop", users=60, items=20, days=90)
    shop = settings(Shop(tmp_path / "shop"), SMALL)
    assert added.name in {fit.kind for fit in shop.fit().fits if not fit.refused}
    decision = shop.recommend("u000003", k=3, model=added.name)
    assert decision.models.keys() == {added.name}
    assert shop.why(decision.id).same


# The site
