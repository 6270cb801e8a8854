"""Documentation is tested: what is undocumented, out of date, broken or untrue fails here."""

import dataclasses
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "tools"))

import reference  # noqa: E402
import tutorial  # noqa: E402

import merx  # noqa: E402
from merx import registry  # noqa: E402
from merx.artefact import save  # noqa: E402
from merx.cli import main as command_line  # noqa: E402
from merx.config import ShopConfig, build, read_config  # noqa: E402
from merx.data.schema import TABLES  # noqa: E402
from merx.decisions import Decision  # noqa: E402
from merx.registry import Kind  # noqa: E402
from tests.contract import test_recommenders as contract  # noqa: E402

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
PYTHON_PAGE = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
DOCUMENTED = re.findall(r"^::: ([\w.]+)$", PYTHON_PAGE, re.MULTILINE)


def name_of(page):
    return str(page.relative_to(ROOT))


def code_blocks(page, language):
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


# What the code says about itself


def test_nothing_is_undocumented():
    assert reference.undocumented() == []


def test_the_check_for_undocumented_settings_sees_one():
    @dataclasses.dataclass(frozen=True)
    class Silent:
        """A section.

        Parameters
        ----------
        told, also_told : int
            What they are.
        named : int
        """

        told: int = 1
        also_told: int = 2
        named: int = 3
        silent: int = 4

    assert reference.parameters(Silent) == {
        "told": ("int", "What they are."),
        "also_told": ("int", "What they are."),
        "named": ("int", ""),
    }


def test_generated_pages_are_up_to_date():
    stale = [name_of(path) for path in reference.out_of_date()]
    assert stale == [], "run python tools/reference.py"


def test_every_command_setting_kind_and_column_is_on_its_page():
    cli, settings, tables = (
        (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")
        for name in ("cli", "settings", "tables")
    )
    assert [name for name in command_line.commands if f"## merx {name}\n" not in cli] == []
    assert [f.name for f in dataclasses.fields(ShopConfig) if f"[{f.name}" not in settings] == []
    assert [name for name in registry.KINDS if f"### [models.{name}]" not in settings] == []
    assert [c for table in TABLES.values() for c in table.names if f"| `{c}` |" not in tables] == []


# The public face


def resolve(path):
    """The object that a dotted path names."""
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = getattr(found, name)
        return found
    raise LookupError(path)


def public(thing):
    """The public functions and classes of a module, or the public methods and properties of a class."""
    for name, member in vars(thing).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield name, member.fget
        elif isinstance(member, classmethod | staticmethod):
            yield name, member.__func__
        elif inspect.isfunction(member) or inspect.isclass(member):
            own = getattr(member, "__module__", None) == getattr(thing, "__module__", thing.__name__)
            if own:
                yield name, member


def without_docstring(path, thing):
    missing = [] if inspect.getdoc(thing) else [path]
    if inspect.ismodule(thing) or inspect.isclass(thing):
        for name, member in public(thing):
            missing += without_docstring(f"{path}.{name}", member)
    return missing


@pytest.mark.parametrize("path", DOCUMENTED)
def test_what_the_python_page_shows_has_docstrings(path):
    assert without_docstring(path, resolve(path)) == []


def test_the_face_is_on_the_python_page():
    face = {name for name in merx.__all__ if not name.startswith("__")}
    assert face <= {path.rpartition(".")[2] for path in DOCUMENTED}
    configs = {kind.config for kind in registry.KINDS.values()}
    assert configs <= {path.rpartition(".")[2] for path in DOCUMENTED}


def test_formats_are_as_the_code_has_them(tmp_path):
    page = (DOCS / "reference" / "formats.md").read_text(encoding="utf-8")
    decisions = page.partition("## Decisions")[2].partition("\n## ")[0]
    assert [f.name for f in dataclasses.fields(Decision) if f"| `{f.name}` |" not in decisions] == []
    config, _ = registry.kind("popularity").load()
    fitted = config().fit(contract.random_histories(0))
    save(fitted, tmp_path / "model", kind="popularity", config=config(), about={})
    manifest = importlib.import_module("json").loads((tmp_path / "model" / "manifest.json").read_text())
    assert [key for key in manifest if f"| `{key}` |" not in page] == []


def test_every_dependency_is_justified():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["project"]["optional-dependencies"].values()
    needed = [*project["project"]["dependencies"], *(entry for group in groups for entry in group)]
    page = (DOCS / "explanation" / "dependencies.md").read_text(encoding="utf-8")
    names = [re.split(r"[<>=!~\[ ]", entry)[0] for entry in needed]
    assert [
        name for name in names if not re.search(rf"^\|.*\b{re.escape(name)}\b.*\|", page, re.MULTILINE)
    ] == []


# Links and navigation


def anchors(page):
    from markdown.extensions.toc import slugify

    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "") for heading in headings)
    return {slugify(heading, "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        if not aim.exists() or (anchor and aim.suffix == ".md" and anchor not in anchors(aim)):
            broken.append(target)
    assert broken == []


def navigation(entries):
    for entry in entries:
        for aim in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(aim, str):
                yield aim
            else:
                yield from navigation(aim)


def test_every_page_is_in_the_navigation_and_there():
    config = yaml.load((ROOT / "mkdocs.yml").read_text(), yaml.SafeLoader)
    listed = set(navigation(config["nav"]))
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert listed - there == set()
    assert there - listed == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_name_no_machine(page):
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"/(?:work|root|home|tmp)/\S*", text) == []


# What the pages claim


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
            options = {name for option in command_line.commands[verb].params for name in option.opts}
            assert {word for word in words[1:] if word.startswith("-")} <= options, line


def test_the_mapping_of_the_guide_reads_its_file(tmp_path):
    from merx.shop import Shop

    page = DOCS / "how-to" / "your-own-data.md"
    (csv,), (mapping,) = code_blocks(page, "csv"), code_blocks(page, "toml")
    (tmp_path / "till.csv").write_text(csv)
    Shop.init(tmp_path / "shop")
    with open(tmp_path / "shop" / "shop.toml", "a") as settings:
        settings.write(mapping)
    (file,) = Shop(tmp_path / "shop").ingest(tmp_path / "till.csv").files
    assert (file.dialect, file.read, file.accepted) == ("till", 3, 3), file.reasons


@pytest.fixture(scope="module")
def nightly(tmp_path_factory):
    """What a run on a small shop gives, as JSON."""
    from merx.shop import Shop, simulate

    folder = tmp_path_factory.mktemp("nightly")
    simulate(folder / "shop", users=60, items=20, days=120)
    return folder, Shop(folder / "shop").run(folder / "shop" / "raw" / "events.parquet").to_dict()


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
    from merx.shop import Shop, simulate

    assert reference.undocumented() == []
    assert "### [models.bought_together]" in reference.settings_page()
    config, _ = added.load()
    assert build(config, {"support": 3}, "models.bought_together").support == 3
    simulate(tmp_path / "shop", users=60, items=20, days=90)
    shop = Shop(tmp_path / "shop")
    assert added.name in {fit.kind for fit in shop.fit().fits if not fit.refused}
    decision = shop.recommend("u000003", k=3, model=added.name)
    assert decision.models.keys() == {added.name}
    assert shop.why(decision.id).same


# The site


def test_site_builds_without_warnings_and_asks_nothing_of_the_network(tmp_path):
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    # not --quiet, which would hide the warnings from --strict
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    loads = re.compile(r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=[\"']?(https?:[^\"'\s>]+)")
    found = {
        (page.name, address)
        for page in (tmp_path / "site").rglob("*.html")
        for address in loads.findall(page.read_text(encoding="utf-8"))
    }
    found |= {
        (sheet.name, address)
        for sheet in (tmp_path / "site").rglob("*.css")
        for address in re.findall(r"url\([\"']?(https?:[^)\"']+)|@import", sheet.read_text(encoding="utf-8"))
    }
    assert found == set()


# Benchmarks


def test_an_unknown_benchmark_names_the_known_ones():
    script = ROOT / "benchmarks" / "run.py"
    done = subprocess.run([sys.executable, str(script), "simlate"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Did you mean simulate?" in done.stderr


def test_goals_that_were_not_met_are_shown():
    import benchmarks_page

    row = {"case": "c", "metric": "m", "ours": 2.0, "peer": 1.0, "peer_name": "p", "ratio": 2.0}
    result = {
        "name": "n",
        "protocol": "How.",
        "command": "make bench",
        "commit": "",
        "date": "",
        "machine": "",
    }
    missed = {**result, "rows": [{**row, "goal": "<= 1", "met": False}]}
    assert "Not met" in benchmarks_page._goals([missed])
    assert "| <= 1 | **no** |" in benchmarks_page._section(missed)
