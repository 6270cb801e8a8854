"""The page as text: what it says, what it leaves out, and that nothing from a shop can leave its place."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from merx.errors import DataError
from merx.report import (
    Evaluation,
    ForecastSeries,
    Interval,
    ModelScore,
    PriceCurve,
    Report,
    ScoreTable,
    Season,
    payload,
    render_report,
    sentences,
    write_report,
)
from merx.report import formats as f
from merx.report.page import embed
from tests.report import sample, sample_quality


class Page(HTMLParser):
    """Collects what a browser would load, run or jump to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.scripts = 0
        self.handlers: list[str] = []
        self.headings: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.headings += [tag] if re.fullmatch("h[1-6]", tag) else []
        for name, value in attrs:
            if name in {"src", "href", "action", "data", "srcset", "poster"}:
                self.addresses.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)


def test_nothing_is_loaded_and_every_link_has_its_target() -> None:
    text = render_report(sample.report(quotes=40))
    page = Page(text)
    assert page.addresses
    for address in page.addresses:
        assert address.startswith("#")
        assert address[1:] in page.ids
    assert len(set(page.ids)) == len(page.ids)
    assert page.handlers == []
    assert page.scripts == 4  # the data, ECharts, charts.js, report.js
    assert "@import" not in text
    assert "url(" not in resources.files("merx.report").joinpath("assets/style.css").read_text("utf-8")
    assert page.headings[0] == "h1"


def test_the_smallest_report_and_each_section_alone() -> None:
    full = sample.report(quotes=3)
    bare = Report(full.shop, full.generated)
    assert "<h1>Harbour Tea &amp; Tableware</h1>" in render_report(bare)
    assert 'id="prices"' not in render_report(bare)
    for name in (
        "summary",
        "ingest",
        "readiness",
        "evaluation",
        "shoppers",
        "coming",
        "friends",
        "gaps",
        "look_alikes",
        "forecasts",
        "prices",
    ):
        text = render_report(replace(bare, **{name: getattr(full, name)}))
        assert ("<section" in text) == (name != "summary")


def test_an_empty_section_says_so() -> None:
    full = sample.report(quotes=0)
    assert full.prices
    text = render_report(replace(full, prices=replace(full.prices, curves=())))
    assert "No product has enough price changes" in text


def test_the_opening_sentences_say_the_conclusion() -> None:
    full = sample.report(quotes=3)
    assert full.prices
    text = render_report(replace(full, prices=replace(full.prices, gain=Interval(1200.0, 800.0, 1500.0))))
    assert "bring €1,200 more profit per week (€800.00 to €1,500)" in text
    assert "Nothing beats" not in text
    assert "ItemKNN is best at what shoppers take next: it beats the simple rule (Most popular) by 24" in text
    assert "167,922 of 168,663 rows were taken; 741 were set aside" in text
    assert "2 of 4 things merx can do; propose prices only weakly; recommend by friends not yet" in text
    assert "7 of 11 models beat a simple rule" in text


def score(model: str, hit_rate: float, beats: bool | None) -> ModelScore:
    return ModelScore(model, {"ndcg@10": hit_rate / 3, "hit_rate@10": hit_rate}, beats, trivial=beats is None)


def test_what_lists_are_worth_is_told_with_the_lists() -> None:
    full = sample.report(quotes=3)
    ranking = ScoreTable(
        (score("ItemKNN", 0.37, True), score("popularity", 0.181, None)), "ndcg@10", protocol="Split by time."
    )
    told = (
        "37\u202f% of the lists of ItemKNN held something that the shopper went on to take, against 18\u202f%"
    )
    text = render_report(replace(full, evaluation=Evaluation(ranking)))
    assert text.count(told) == 2  # in short, and above the lists
    assert "beats the simple rule (popularity)" in text and "Split by time." in text
    assert "hit rate@10" in text and "NDCG@10" in text
    assert "of the lists of" not in render_report(replace(full, evaluation=None))


def test_a_lead_by_chance_is_no_reason_to_leave_the_simple_rule() -> None:
    scores = (score("als", 0.2, False), score("popularity", 0.19, None))
    assert sentences.score_table(ScoreTable(scores, "ndcg@10"), "what shoppers take next") == (
        "als is best at what shoppers take next, but is ahead of the simple rule (popularity) by no more "
        "than chance; prefer the rule."
    )


def test_embedded_json_cannot_end_its_script() -> None:
    nasty = {"</script><!--": "\u2028<script>&\u2029", "n": None}
    text = str(embed(nasty))
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == nasty
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed(float("nan"))


def test_titles_are_escaped_everywhere() -> None:
    nasty = "</script><script>pwned()</script><img src=x onerror=pwned()>"
    full = sample.report(quotes=3)
    assert full.prices
    assert full.shoppers
    quotes = tuple(replace(q, title=nasty, item_id=nasty, binding=nasty) for q in full.prices.quotes)
    one = full.shoppers.shoppers[0]
    shopper = replace(
        one, id=nasty, recommendations=tuple(replace(r, title=nasty) for r in one.recommendations)
    )
    text = render_report(
        replace(
            full,
            shop=nasty,
            folder=nasty,
            prices=replace(full.prices, quotes=quotes),
            shoppers=replace(full.shoppers, shoppers=(shopper,)),
        )
    )
    page = Page(text)
    assert page.scripts == 4
    assert page.handlers == []


def test_the_page_names_the_decisions() -> None:
    text = render_report(sample.report(quotes=3))
    assert "merx why tea-shop f-0001" in text
    assert "merx why tea-shop r-0001" in text
    data = payload(sample.report(quotes=3))
    assert data["quotes"][0][-1] == "p-00000"
    assert data["curves"][0]["decision"] == "p-00003"


def test_unknown_numbers_become_null_not_nan() -> None:
    full = sample.report(quotes=2)
    assert full.prices
    nan = float("nan")
    quotes = tuple(replace(q, profit=replace(q.profit, low=nan, high=nan)) for q in full.prices.quotes)
    curves = tuple(replace(c, profit_low=np.full_like(c.price, nan)) for c in full.prices.curves)
    changed = replace(full, prices=replace(full.prices, quotes=quotes, curves=curves))
    data = payload(changed)
    assert data["quotes"][0][7][1:] == [None, None]
    assert "NaN" not in str(embed(data))


def test_writing_makes_folders_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = write_report(sample.report(quotes=3), tmp_path / "new" / "report.html")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    again = write_report(sample.report(quotes=3), path)
    assert again.read_text("utf-8").rstrip().endswith("</html>")


def test_four_thousand_quotes_stay_small() -> None:
    assert len(render_report(sample.report(quotes=4_000)).encode()) < 3_000_000


def test_the_bundle_is_small_and_fit_to_be_inlined() -> None:
    vendor = resources.files("merx.report").joinpath("vendor")
    bundle = vendor.joinpath("echarts.min.js").read_bytes()
    assert len(bundle) < 620_000
    assert bundle.isascii()
    assert not re.search(rb"</script|<!--", bundle, re.IGNORECASE)
    version = vendor.joinpath("VERSION").read_text("utf-8").split()[1]
    assert f"ECharts {version},".encode() in bundle[:200]
    licence = vendor.joinpath("LICENSE-echarts").read_text("utf-8")
    assert "Apache License" in licence
    assert "NOTICE" in licence


def test_misshapen_sections_are_refused() -> None:
    s = sample.series("Whole shop", 180, 1)
    with pytest.raises(DataError, match=r"forecast 'Whole shop'.*mean \(28,\).*lo80 \(3,\)"):
        replace(s, lo80=s.lo80[:3])
    with pytest.raises(DataError, match="ascend"):
        replace(sample.curve(3, 24.9, -1.6), price=np.ones(29))
    with pytest.raises(DataError, match="'E' is not one of A, B, C, D"):
        replace(sample.quote(1, np.random.default_rng(0)), grade="E")
    assert ForecastSeries.__doc__
    assert PriceCurve.__doc__


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7, "7"),
        (0.12345, "0.123"),
        (4.567, "4.57"),
        (83.14, "83.1"),
        (1204.4, "1,204"),
        (1_254_000, "1.25\u00a0M"),
        (-4.5, "−4.50"),
        (float("nan"), "–"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert f.number(value) == text


def test_money_shares_and_changes() -> None:
    eur, yen, odd = f.currency("EUR"), f.currency("jpy"), f.currency("CHF")
    assert f.money(84.5, eur) == "€84.50"
    assert f.money(-12_340.4, eur) == "−€12,340"
    assert f.price(1_234.5, eur) == "€1,234.50"
    assert f.price(1_234.4, yen) == "¥1,234"
    assert f.price(3, odd) == "CHF\u00a03.00"
    assert f.percent(0.834) == "83\u202f%"
    assert f.percent(0.0312) == "3.1\u202f%"
    assert f.change(0.042) == "+4.2\u202f%"
    assert f.change(-0.0001) == "0.0\u202f%"
    assert f.metric("coverage80", 0.79) == "79.0\u202f%"
    assert f.metric("NDCG@10", 0.2124) == "0.212"


def test_a_gain_on_thin_evidence_is_said_to_be_so() -> None:
    report = sample.report()
    assert report.prices is not None
    thin = replace(report.prices, quotes=tuple(replace(quote, grade="C") for quote in report.prices.quotes))
    unit = f.currency(report.currency)
    assert "try a few of these prices first" in sentences.prices(thin, unit)
    assert "try a few" not in sentences.prices(report.prices, unit)


def test_the_shoppers_to_come_say_how_many_what_they_bring_and_whom_to_act_on() -> None:
    full = sample.report(quotes=3)
    told = (
        "About 205 of the 614 shoppers who were there in the last 28 days are expected to order in the next "
        "7; when tested, 3.1\u202f% too many were foretold. Orders of €34,300 are expected in 28 days from "
        "them; when tested, as much as foretold came. Act first on “must not be lost”, 56 shoppers: write "
        "personally."
    )
    text = render_report(full)
    assert text.count(told) == 2  # in short, and above the section
    assert "merx why tea-shop s-0001" in text
    # the value to come is no better than trivial and so the segments are compared by their orders
    assert "no better than by each customer going on as before. bg_nbd does not beat same_rate." in text
    assert "<h4>Orders in 28 days</h4>" in text
    assert payload(full)["charts"]["segments-value"]["yAxis"]["data"] == [
        "about to buy",
        "about to leave",
        "undecided",
        "just looking",
    ]
    assert "gamma_gamma:</b> needs 100 customers who came back; 61 did." in text


def test_what_is_no_better_than_trivial_is_not_told_without_saying_so() -> None:
    part = sample.coming()
    poor = tuple(replace(one, beats=False, verdict=f"{one.figure} is poor.") for one in part.foretold)
    unit = f.currency("EUR")
    lead = sentences.coming(replace(part, foretold=poor), unit)
    assert "The chances to order are no better than the same chance for everyone" in lead
    assert "last 28 days again; do not rely on them yet" in lead
    cautions = sentences.cautions(replace(part, foretold=poor, nobody_left=True))
    assert [x for x in cautions if "is poor." in x] == cautions[:4]
    assert "takes nearly everyone for a customer still" in cautions[4]
    unjudged = tuple(replace(one, beats=None, verdict="") for one in part.foretold)
    assert sentences.cautions(replace(part, foretold=unjudged)) == [
        "Not all of this was judged yet: run merx evaluate."
    ]
    assert replace(part, foretold=poor).valued == poor[3]


def test_shoppers_of_whom_nothing_can_be_said_are_told_why() -> None:
    part = sample.coming()
    bare = replace(sample.report(quotes=3), coming=replace(part, segments=(), foretold=(), act_on=()))
    text = render_report(bare)
    assert "Nothing can be said of the shoppers to come yet." in text
    assert "needs 100 customers who came back" in text
    assert "Segments, and what to do" not in text


def test_each_propensity_stands_beside_its_own_trivial_answer() -> None:
    table = sample_quality.targets()
    assert sentences.targets(table) == (
        "revenue is no better than the simple answer: do not rely on it yet. The others are better."
    )
    assert "simple answer to its question" in sentences.targets(replace(table, scores=table.scores[:1]))
    text = render_report(sample.report(quotes=3))
    section = text[text.index('id="evaluation"') :]
    for word in (
        "As of 1 February 2026.",
        "0.557",
        "0.608",
        "€78.90",
        "€79.40",
        "same_rate",
        "Calibration error",
    ):
        assert word in section
    assert "is ahead of the simple rule (same_rate) by no more than chance" in section


def test_misshapen_curves_and_unknown_figures_are_refused() -> None:
    with pytest.raises(DataError, match="reliability"):
        replace(sample.curve_of(0.3), count=np.ones(3))
    with pytest.raises(DataError, match="'clicks' is not one of purchase"):
        replace(sample.coming().foretold[0], figure="clicks")


def test_unusual_days_and_trend_changes_are_told() -> None:
    html = render_report(sample.report())
    section = html[html.index('id="forecast"') : html.index("</section>", html.index('id="forecast"'))]
    assert "2 unusual days among 1,526." in section
    assert "one order of 120; fair" in section
    assert "no reason stands in the tables" in section
    assert "1,000,000 or more" in section and "52,000" in section
    assert "the level rises by 40 units a day" in section
    assert "a-77</code>" in section
    assert "The trend is strong (0.81 of 1)" in section


def test_a_decomposition_names_its_seasons_and_holidays() -> None:
    d = sample.decomposition()
    seasons = (Season("Week", d.seasonal / 2, 0.7), Season("Year", d.seasonal / 2, 0.2))
    part = replace(d, seasons=seasons, holiday=np.zeros(420), holidays=(("Christmas", -40.0),))
    assert sentences.decomposition(part) == (
        "Whole shop, taken apart into its trend, the week, the year, holidays and what is left. The trend is "
        "strong (0.81 of 1), the week is strong (0.70 of 1), the year is weak (0.20 of 1). Christmas: 40 "
        "units fewer a day."
    )
