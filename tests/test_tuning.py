"""merx tune: better settings where there are any, chosen on days that are not reported on."""

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from merx.cli import main
from merx.errors import ConfigError, RequestError
from merx.holdout import Holdout
from merx.shop import Shop
from merx.tunable import Among, Between, among, between, searched
from merx.tuning import Search

SETTINGS = Path(__file__).parents[1] / "benchmarks" / "settings"
QUICK = Search(trials=8, patience=8)


def csv(path, rows):
    path.write_text("\n".join(["user_id,item_id,event,time,price,quantity", *rows]) + "\n")
    return path


@pytest.fixture
def fashion(tmp_path):
    """Every fortnight all shoppers buy the two things then in fashion: only recent days tell the next ones.

    The days to choose on begin on day 172, when the fashion of that day is four days old.
    """
    rows = []
    for day in range(186):
        for user in range(40):
            if (user + day) % 5 == 0:
                item = (day // 14) * 2 + user % 2
                when = f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}T10:00:00"
                rows.append(f"u{user:02d},i{item:02d},purchase,{when},5,1")
    shop = Shop.init(tmp_path / "fashion")
    with open(shop.folder / "shop.toml", "a") as settings:
        settings.write('\n[evaluate]\ndays = 7\nk = 2\n\n[recommend]\nexclude = "nothing"\n')
    shop = Shop(shop.folder)
    shop.ingest(csv(tmp_path / "orders.csv", rows))
    return shop


def test_finds_better_settings_keeps_them_and_uses_them(fashion):
    with open(fashion.folder / "shop.toml", "a") as settings:
        settings.write("\n[models.item_knn]\nneighbours = 7\n")
    shop = Shop(fashion.folder)
    (found,) = shop.tune("popularity", search=Search(trials=20)).tuned
    assert found.kept and found.validation > found.validation_before
    assert found.settings["half_life"] < 14
    assert found.test >= found.test_before
    assert shop.config.models["popularity"] == found.settings
    again = Shop(shop.folder).config.models
    assert again["popularity"] == found.settings and again["item_knn"] == {"neighbours": 7}


def test_goes_on_where_it_stopped(fashion):
    first = fashion.tune("popularity", search=Search(trials=3)).tuned[0]
    log = fashion.folder / "tuning" / "popularity.log"
    before = log.read_text()
    second = fashion.tune("popularity", search=Search(trials=5)).tuned[0]
    assert (first.trials, second.trials) == (3, 5)
    assert log.read_text().startswith(before)
    drawn = [json.loads(line) for line in log.read_text().splitlines()]
    tried = [entry["param_value_internal"] for entry in drawn if "param_value_internal" in entry]
    assert len(tried) == len(set(tried)) == 5


def test_what_is_set_by_hand_is_not_sought(fashion):
    with open(fashion.folder / "shop.toml", "a") as settings:
        settings.write("\n[models.popularity]\nhalf_life = 90.0\n")
    with pytest.raises(RequestError, match=r"shop\.toml sets all of it"):
        Shop(fashion.folder).tune("popularity", search=QUICK)


def test_settings_in_force_stay_where_nothing_is_better(fashion):
    fashion.tune("popularity", search=Search(trials=20))
    text = (fashion.folder / "tuned.toml").read_text()
    (again,) = fashion.tune("popularity", search=Search(trials=20)).tuned
    assert not again.kept and again.test != again.test  # NaN: nothing was reported
    assert (fashion.folder / "tuned.toml").read_text() == text


def test_shop_toml_wins_over_what_was_tuned(fashion):
    (fashion.folder / "tuned.toml").write_text("[models.popularity]\nhalf_life = 3.0\n")
    assert Shop(fashion.folder).config.models["popularity"] == {"half_life": 3.0}
    with open(fashion.folder / "shop.toml", "a") as settings:
        settings.write("\n[models.popularity]\nhalf_life = 90.0\n")
    assert Shop(fashion.folder).config.models["popularity"] == {"half_life": 90.0}


def test_unknown_kinds_and_impossible_searches_are_refused(fashion):
    with pytest.raises(RequestError, match="no recommender 'auto_ets'"):
        fashion.tune("auto_ets", search=QUICK)
    with pytest.raises(RequestError, match="Did you mean popularity"):
        fashion.tune("popular", search=QUICK)
    with pytest.raises(ConfigError, match="trials = 0"):
        Search(trials=0)


def test_the_command_tells_before_and_after(fashion):
    done = CliRunner().invoke(main, ["tune", str(fashion.folder), "--model", "popularity", "--trials", "20"])
    assert done.exit_code == 0, done.output
    assert "popularity" in done.output and "->" in done.output and "Chosen on the" in done.output
    assert "Kept in tuned.toml: popularity" in done.output
    assert "popularity" in tomllib.loads((fashion.folder / "tuned.toml").read_text())["models"]
    done = CliRunner().invoke(
        main, ["tune", str(fashion.folder), "--model", "popularity", "--trials", "20", "--json"]
    )
    assert json.loads(done.stdout)["tuned"][0]["kind"] == "popularity"


def test_an_interrupted_search_is_told_and_goes_on(fashion, monkeypatch):
    command = ["tune", str(fashion.folder), "--model", "popularity", "--trials", "6"]
    score, seen = Holdout.score, []

    def interrupted(self, kind, settings):
        seen.append(settings)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return score(self, kind, settings)

    monkeypatch.setattr(Holdout, "score", interrupted)
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1 and "goes on where it stopped" in done.output
    assert "Traceback" not in done.output and not (fashion.folder / "tuned.toml").exists()
    done = CliRunner().invoke(main, [*command, "--json"])
    assert json.loads(done.stdout)["tuned"][0]["trials"] == 6
    assert len({settings.half_life for settings in seen[:6]}) == 6  # nothing is tried twice


@pytest.mark.parametrize("path", sorted(SETTINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_settings_of_data_sets_can_be_a_shops_tuned_toml(path, tmp_path):
    shop = Shop.init(tmp_path / "shop")
    (shop.folder / "tuned.toml").write_text(path.read_text())
    assert Shop(shop.folder).config.models == tomllib.loads(path.read_text())["models"]


def test_ranges_stand_beside_their_defaults():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Config:
        factors: int = between(64, 16, 256, log=True)
        measure: str = among("cosine", "cosine", "jaccard")
        seed: int = 0

    assert Config() == Config(64, "cosine", 0)
    assert searched(Config) == {"factors": Between(16, 256, True), "measure": Among(("cosine", "jaccard"))}
