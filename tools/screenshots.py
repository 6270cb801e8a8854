"""Takes the pictures of the documentation from the report that `make demo` wrote.

    make demo && python tools/screenshots.py

Needs Chromium at /usr/bin/chromium. The pictures go to docs/images.
"""

from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "demo" / "simulated" / "report.html"
IMAGES = ROOT / "docs" / "images"
WIDTH = 1180
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def take(page: Page, name: str, top: float, bottom: float) -> None:
    """Save the part of the page between two heights."""
    clip = {"x": 0, "y": top, "width": WIDTH, "height": bottom - top}
    page.screenshot(path=IMAGES / f"{name}.png", full_page=True, clip=clip)  # type: ignore[arg-type]


def span(element: Locator) -> tuple[float, float]:
    """Top and bottom of an element on the page."""
    box = element.bounding_box()
    assert box is not None
    return box["y"], box["y"] + box["height"]


def main() -> None:
    """Take all pictures."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        page.goto(REPORT.as_uri())
        page.wait_for_timeout(1500)  # the charts are drawn
        # headings say where a part begins; the next heading, where it ends
        heading = {
            text: span(page.get_by_role("heading", name=text, exact=True).first)[0]
            for text in (
                "What should each product cost?",
                "All prices",
                "What will happen?",
                "Unusual days",
                "Who will buy, who stays away?",
                "How far chances can be trusted",
                "What should each shopper see?",
                "How good is this?",
            )
        }
        take(page, "report", 0, heading["What should each product cost?"] - 60)
        take(
            page, "report-prices", heading["What should each product cost?"] - 30, heading["All prices"] - 40
        )
        take(page, "report-forecast", heading["What will happen?"] - 30, heading["Unusual days"] - 40)
        coming = heading["Who will buy, who stays away?"] - 30
        take(page, "report-coming", coming, coming + 900)
        trusted = heading["How far chances can be trusted"]
        take(page, "report-chances", trusted - 40, heading["What should each shopper see?"] - 60)
        shoppers = heading["What should each shopper see?"] - 30
        take(page, "report-shoppers", shoppers, min(shoppers + 900, heading["How good is this?"] - 60))
        browser.close()


if __name__ == "__main__":
    main()
