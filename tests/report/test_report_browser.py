"""The page in a real browser: it draws, moves, sorts, turns dark, runs nothing foreign, asks no network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from merx.report import Reason, write_report
from merx.report import formats as f
from tests.report import sample

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"
)

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NASTY = "</script><script>window.pwned=1</script><img src=x onerror='window.pwned=1'>\u2028{b}<!--<script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(sample.report(), tmp_path_factory.mktemp("plain") / "report.html")


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    r = sample.report(quotes=30)
    assert r.prices
    assert r.shoppers
    assert r.forecasts
    assert r.ingest
    shoppers = tuple(
        replace(
            s,
            id=NASTY,
            recommendations=tuple(
                replace(x, title=NASTY, sentence=NASTY, reasons=(Reason(NASTY, 0.7), Reason(NASTY, 0.3)))
                for x in s.recommendations
            ),
        )
        for s in r.shoppers.shoppers
    )
    assert r.coming
    r = replace(
        r,
        coming=replace(
            r.coming,
            segments=tuple(replace(x, name=NASTY, action=NASTY) for x in r.coming.segments),
            hidden=tuple(replace(x, reason=NASTY) for x in r.coming.hidden),
        ),
        shop=NASTY,
        folder=NASTY,
        ingest=replace(r.ingest, files=tuple(replace(x, name=NASTY) for x in r.ingest.files)),
        shoppers=replace(r.shoppers, shoppers=shoppers),
        forecasts=replace(r.forecasts, series=tuple(replace(s, title=NASTY) for s in r.forecasts.series)),
        prices=replace(
            r.prices,
            quotes=tuple(replace(q, title=NASTY, reason=NASTY, binding=NASTY) for q in r.prices.quotes),
            curves=tuple(
                replace(
                    c, title=NASTY, sentence=NASTY, touched=tuple(replace(t, title=NASTY) for t in c.touched)
                )
                for c in r.prices.curves
            ),
        ),
    )
    return write_report(r, tmp_path_factory.mktemp("nasty") / "report.html")


class Visit:
    """An open page, and all that it complained of or asked the network for."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}} | context)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console", lambda m: self.errors.append(m.text) if m.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]", timeout=10_000)
        assert self.requests == [path.as_uri()]
        self.requests.clear()

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *error: object) -> None:
        self.page.close()
        if error[0] is None:
            assert self.errors == []
            assert self.requests == []

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector)).strip()

    def column(self, nth: int) -> list[str]:
        rows = "#quotes-body tr:not(.more) > :nth-child({}) .main"
        return list(self.page.locator(rows.format(nth)).all_inner_texts())


def test_every_chart_is_drawn_and_named(browser: Any, plain: Path) -> None:
    with Visit(browser, plain) as visit:
        charts = visit.page.locator(".chart:visible")
        # price, forecast, parts, two of segments, two of chances, reasons, four evaluations, files
        assert charts.count() == 14
        for i in range(charts.count()):
            assert charts.nth(i).locator("svg path").count() > 3
            assert len(charts.nth(i).get_attribute("aria-label")) > 30
            assert charts.nth(i).get_attribute("role") == "img"


def test_the_slider_moves_the_numbers_and_the_mark(browser: Any, plain: Path) -> None:
    with Visit(browser, plain) as visit:
        c = sample.curve(3, 24.9, -1.6)
        visit.page.click("#at-now")
        assert visit.text("#at-price") == "€24.90"
        units = float(np.interp(24.9, c.price, c.units))
        assert visit.text("#at-units") == f.number(units)
        assert visit.text("#at-revenue") == f.money(units * 24.9, f.currency("EUR"))
        assert visit.text("#at-profit-change") == "as now"
        before = visit.page.inner_html("#curve-chart")
        visit.page.focus("#price-slider")
        for _ in range(30):
            visit.page.keyboard.press("ArrowRight")
        assert float(visit.text("#at-price")[1:]) > 25.0
        assert float(visit.text("#at-units")) < units
        assert "against now" in visit.text("#at-profit-change")
        assert visit.page.inner_html("#curve-chart") != before
        assert visit.text("#at-price") in visit.page.get_attribute("#price-slider", "aria-valuetext")
        visit.page.click("#at-proposed")
        assert visit.text("#at-price") == f"€{c.price_proposed:.2f}"
        visit.page.select_option("#curve-choice", index=1)
        assert "Best without rules" in visit.page.inner_html("#way-chart")
        shown = [bool(curve.touched) for curve in sample.report().prices.curves]
        for place, there in enumerate(shown):
            visit.page.select_option("#curve-choice", index=place)
            assert visit.page.is_visible("#touched") == there
            if there:
                assert "−1.5 units" in visit.page.inner_html("#touched-chart")
        assert any(shown) and not all(shown)
        visit.page.select_option("#curve-choice", index=1)
        assert visit.text("#curve-why") == "merx why tea-shop p-0000b"


def test_sorting_filtering_searching_and_turning_pages(browser: Any, plain: Path) -> None:
    with Visit(browser, plain) as visit:
        page = visit.page
        assert visit.text("#quotes-count") == "1–20 of 4,000"
        page.click("#quotes [data-sort=proposed]")
        assert page.locator("th[aria-sort=descending]").inner_text().startswith("Proposed")
        prices = [float(x[1:]) for x in visit.column(3)]
        assert prices == sorted(prices, reverse=True)
        page.click("#quotes [data-sort=proposed]")
        prices = [float(x[1:]) for x in visit.column(3)]
        assert prices == sorted(prices)
        page.click("#quotes-next")
        assert visit.text("#quotes-count") == "21–40 of 4,000"
        for grade in "BCD":
            page.locator(f"[data-grade-filter][value={grade}]").uncheck(force=True)
        grades = set(page.locator("#quotes-body .grade").all_inner_texts())
        assert grades == {"A"}
        page.fill("#quotes-search", "no such product")
        assert "No price matches" in visit.text("#quotes-body")
        page.fill("#quotes-search", "t-0000")
        assert all("T-0000" in x for x in page.locator("#quotes-body .product .note").all_inner_texts())
        page.locator("#quotes-body button").first.click()
        assert "merx why tea-shop p-0000" in visit.text("#quotes-body tr.more:visible")


def test_dropdowns_change_series_and_shopper(browser: Any, plain: Path) -> None:
    with Visit(browser, plain) as visit:
        before = visit.page.inner_html("#forecast-chart")
        visit.page.select_option("#forecast-choice", label="Tea")
        assert visit.page.inner_html("#forecast-chart") != before
        assert "f-0003" in visit.text("#forecast .aside:visible")
        visit.page.locator("[data-reasons='0-3']").click()
        assert "r-0004" in visit.text("#shoppers .details:visible")
        visit.page.select_option("#shopper-choice", index=2)
        assert visit.page.locator(".shopper:visible").count() == 1
        assert "r-0201" in visit.text("#shoppers .details:visible")


def test_dark_mode_repaints_the_charts(browser: Any, plain: Path) -> None:
    def colour(page: Any) -> tuple[int, str]:
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        accent = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent')")
        return sum(map(int, re.findall(r"\d+", paper)[:3])), accent.strip()

    with Visit(browser, plain, color_scheme="light") as visit:
        light, accent = colour(visit.page)
        assert accent in visit.page.inner_html("#forecast-chart")
        visit.page.emulate_media(color_scheme="dark")
        visit.page.wait_for_timeout(
            300
        )  # the policy forbids eval, and so Playwright's waiting for a function
        assert accent not in visit.page.inner_html("#forecast-chart")
        dark, other = colour(visit.page)
        assert dark < 150 < 600 < light
        assert other in visit.page.inner_html("#curve-chart")


def test_shoppers_to_come_are_read_in_light_and_dark_and_on_a_phone(browser: Any, plain: Path) -> None:
    with Visit(browser, plain) as visit:
        page = visit.page
        page.click("nav a[href='#coming']")
        assert page.locator("#coming .segments tbody tr").count() == 6
        assert page.locator("#coming .mark").all_inner_texts() == ["act", "act"]
        labels = page.locator("[data-chart=segments-shoppers] svg text").all_text_contents()
        assert {"about to buy", "410", "1,904"} <= set(labels)
        assert "€31,400" in page.locator("[data-chart=segments-value] svg text").all_text_contents()
        box = page.locator("[data-chart=reliability-purchase]")
        box.scroll_into_view_if_needed()
        size = box.bounding_box()
        box.hover(position={"x": size["width"] * 0.5, "y": size["height"] * 0.5})
        page.wait_for_timeout(120)
        assert "By chance alone" in page.locator(".tip:visible").inner_text()
        light = page.inner_html("[data-chart=reliability-purchase]")
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(300)
        assert page.inner_html("[data-chart=reliability-purchase]") != light
    with Visit(browser, plain, viewport={"width": 390, "height": 844}) as visit:
        table = visit.page.locator("#coming .segments")
        card = visit.page.locator("#coming .card").first.bounding_box()
        cells = [cell.bounding_box() for cell in table.locator("td:visible, tbody th").all()]
        assert all(
            card["x"] < cell["x"] and cell["x"] + cell["width"] <= card["x"] + card["width"] for cell in cells
        )
        assert table.locator("[data-label='Will stay away']:visible").count() == 4  # not known of two
        charts = visit.page.locator("#coming .chart")
        assert all(one.bounding_box()["width"] > 250 for one in charts.all())


@pytest.mark.parametrize("width", [360, 420, 768])
def test_no_page_is_wider_than_the_screen(browser: Any, plain: Path, width: int) -> None:
    with Visit(browser, plain, viewport={"width": width, "height": 800}) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width


def test_markup_in_a_title_is_text(browser: Any, nasty: Path) -> None:
    with Visit(browser, nasty) as visit:
        page = visit.page
        assert page.locator("h1").inner_text().startswith("</script>")
        page.locator("#quotes-body button").first.click()
        page.locator("[data-reasons='0-1']").click()
        for selector in (
            "#shoppers .details .chart:visible",
            "#forecast-chart",
            "#curve-chart",
            "[data-chart=ingest]",
            "[data-chart=segments-shoppers]",
            "[data-chart=reliability-churn]",
        ):
            box = page.locator(selector).first
            box.scroll_into_view_if_needed()
            size = box.bounding_box()
            box.hover(position={"x": size["width"] * 0.6, "y": size["height"] * 0.4})
            page.wait_for_timeout(120)
            assert page.locator(".tip").count() > 0
        assert page.locator("img").count() == 0
        assert page.evaluate("window.pwned") is None


def test_the_policy_stops_a_handler_even_if_it_got_in(browser: Any, nasty: Path) -> None:
    page = browser.new_page()
    page.goto(nasty.as_uri())
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=data:, onerror=window.pwned=1>');"
        "const s = document.createElement('script'); s.textContent = 'window.pwned = 1';"
        "document.body.append(s)"
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    page.close()


def test_without_scripts_the_words_and_first_prices_are_there(browser: Any, plain: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(plain.as_uri())
    assert "prices should move" in page.inner_text("#prices .lead")
    assert page.locator("#quotes-body tr").count() == 20
    page.context.close()


def test_paper_is_light_even_on_a_dark_screen(browser: Any, plain: Path) -> None:
    with Visit(browser, plain, color_scheme="dark") as visit:
        dark = visit.page.evaluate(
            "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
        ).strip()
        visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert dark not in visit.page.inner_html("#forecast-chart")
        visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert dark in visit.page.inner_html("#forecast-chart")
