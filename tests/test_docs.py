"""Documentation is tested: what is undocumented, out of date, broken or untrue fails here."""

import dataclasses
import importlib
import inspect
import os
import re
import subprocess
import sys

import pytest
import reference
import yaml

import merx
from merx import registry
from merx.artefact import save
from merx.cli import main as command_line
from merx.config import ShopConfig
from merx.data.schema import TABLES
from merx.decisions import Decision
from merx.price.events import Event
from tests.contract import test_recommenders as contract
from tests.pages import DOCS, PAGES, ROOT, name_of

PYTHON_PAGE = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
DOCUMENTED = re.findall(r"^::: ([\w.]+)$", PYTHON_PAGE, re.MULTILINE)


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
    assert [name for name, _ in reference.commands() if f"## {name}\n" not in cli] == []
    assert set(command_line.commands) <= {name.split()[1] for name, _ in reference.commands()}
    assert [f.name for f in dataclasses.fields(ShopConfig) if f"[{f.name}" not in settings] == []
    assert [name for name in registry.KINDS if f"### [models.{name}]" not in settings] == []
    assert [c for table in TABLES.values() for c in table.names if f"| `{c}` |" not in tables] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_table_is_empty(page):
    assert not re.search(r"^\|[-:|]+\|\n(?!\|)", page.read_text(encoding="utf-8") + "\n", re.MULTILINE)


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
    events = page.partition("## Proposed prices")[2].partition("\n## ")[0]
    assert [f.name for f in dataclasses.fields(Event) if f"`{f.name}`" not in events] == []
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
