"""A full report of an invented shop, the same at every call."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from merx.report import (
    Curve,
    Decomposition,
    Forecasts,
    ForecastSeries,
    Foretold,
    Friends,
    Gap,
    Gaps,
    Hidden,
    HistoryItem,
    Interval,
    Listing,
    LookAlike,
    LookAlikes,
    Nearest,
    PriceCurve,
    Prices,
    PriceStep,
    Proposal,
    Quote,
    Reason,
    Recommendation,
    Report,
    Segment,
    Shopper,
    Shoppers,
    ShoppersToCome,
    ShopSummary,
    Tie,
    Touched,
    TrendChange,
    Twice,
    UnusualDay,
    UnusualDays,
)
from tests.report.sample_quality import evaluation, ingest, readiness

NOW = datetime(2026, 3, 2, 7, 30)
KINDS = ("Teapot", "Kettle", "Mug", "Oolong", "Sencha", "Strainer", "Tray", "Cosy", "Tin", "Whisk")
MAKES = ("Asagi", "Brook", "Carrick", "Doma", "Elm", "Fennel", "Garnet", "Harbour")
STUFFS = ("stoneware", "cast iron", "porcelain", "glass", "first flush", "olive wood", "linen")


def title(i: int) -> str:
    return (
        f"{MAKES[i % 8]} {KINDS[i % 10].lower()}, {STUFFS[i % 7]} {1 + i // 280 if i >= 280 else ''}".strip()
    )


def category(i: int) -> str:
    return "Tea" if KINDS[i % 10] in ("Oolong", "Sencha") else "Tableware"


def _season(n: int, start: int, level: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    t = np.arange(start, start + n)
    trend = level * (1 + 0.0006 * t)
    season = level * (0.18 * np.sin(2 * np.pi * t / 7) + 0.12 * np.sin(2 * np.pi * t / 365.25))
    return trend, season, rng.normal(0, 0.09 * level, n)


def series(name: str, level: float, seed: int, n: int = 420, h: int = 28) -> ForecastSeries:
    rng = np.random.default_rng(seed)
    y = np.maximum(sum(_season(n, 0, level, rng)), 0).round(2)
    y[40:44] = np.nan  # a stock-out
    trend, season, _ = _season(h, n, level, rng)
    mean = trend + season
    wide = level * 0.09 * np.sqrt(1 + 0.03 * np.arange(h))
    first = np.datetime64("2025-01-06")
    return ForecastSeries(
        title=name,
        dates=first + np.arange(n),
        y=y,
        future=first + n + np.arange(h),
        mean=mean,
        lo80=mean - 1.28 * wide,
        hi80=mean + 1.28 * wide,
        lo95=mean - 1.96 * wide,
        hi95=mean + 1.96 * wide,
        unit="units",
        model="SARIMA (1, 0, 1)(0, 1, 1) with season 7",
        comparison="It was chosen over ETS, whose error was 6 % larger over four tests, and over repeating "
        "last week, whose error was 21 % larger.",
        decision_id=f"f-{seed:04x}",
    )


def decomposition(n: int = 420) -> Decomposition:
    rng = np.random.default_rng(7)
    trend, season, noise = _season(n, 0, 180, rng)
    return Decomposition(
        dates=np.datetime64("2025-01-06") + np.arange(n),
        observed=trend + season + noise,
        trend=trend,
        seasonal=season,
        remainder=noise,
        trend_strength=0.81,
        seasonal_strength=0.72,
        unit="units",
        changes=(TrendChange(200, "25 July 2025: the level rises by 40 units a day."),),
        unusual=(50, 300),
    )


def unusual() -> UnusualDays:
    return UnusualDays(
        days=(
            UnusualDay(
                datetime(2026, 2, 28),
                title(3),
                140.0,
                22.5,
                9.0,
                44.0,
                52_000,
                ("one order of 120", "fair"),
            ),
            UnusualDay(datetime(2026, 2, 26), "The whole shop", 45.0, 147.0, 107.0, 195.0, 1_000_000),
        ),
        sentence="2 unusual days among 1,526.",
        decision_id="a-77",
    )


def quote(i: int, rng: np.random.Generator) -> Quote:
    now = float(round(6 + 60 * rng.random(), 2))
    step = float(rng.choice([-0.1, -0.06, -0.03, 0.0, 0.02, 0.04, 0.07, 0.1]))
    proposed = round(now * (1 + step), 2)
    units = float(rng.gamma(2.0, 9.0))
    profit = units * proposed * 0.42
    wide = float(rng.uniform(0.1, 0.5))

    def around(value: float) -> Interval:
        return Interval(value, value * (1 - wide), value * (1 + wide))

    return Quote(
        item_id=f"T-{i:05d}",
        title=title(i),
        price_now=now,
        price_proposed=proposed,
        units=around(units),
        revenue=around(units * proposed),
        profit=around(profit),
        profit_now=profit * (1 - abs(step) * 0.6),
        binding=str(rng.choice(["", "at most 10 % a week", "margin of at least 30 %", "ends in .90"])),
        grade="ABCD"[int(min(wide * 8, 3))],  # type: ignore[arg-type]
        reason="Demand falls by 1.3 % when the price rises by 1 %, learned from 9 own price changes; "
        "the best price within the rules lies here.",
        decision_id=f"p-{i:05x}",
    )


def curve(i: int, now: float, elasticity: float) -> PriceCurve:
    price = np.round(np.linspace(now * 0.7, now * 1.4, 29), 2)
    units = 42 * (price / now) ** elasticity
    cost = now * 0.48
    wide = 0.1 + 0.5 * np.abs(price / now - 1)
    profit = units * (price - cost)
    best = float(price[np.argmax(np.where(np.abs(price / now - 1) < 0.1, profit, -np.inf))])
    return PriceCurve(
        item_id=f"T-{i:05d}",
        title=title(i),
        price=price,
        units=units,
        units_low=units * (1 - wide),
        units_high=units * (1 + wide),
        profit=profit,
        profit_low=profit * (1 - 1.3 * wide),
        profit_high=profit * (1 + 1.3 * wide),
        price_now=now,
        price_proposed=best,
        cost=cost,
        sentence="A higher price loses fewer sales than it gains in margin, up to the most "
        "that your rules let a price move in a week.",
        decision_id=f"p-{i:05x}",
        steps=(
            PriceStep("Now", now, float(np.interp(now, price, profit))),
            PriceStep("Best without rules", float(price[np.argmax(profit)]), float(profit.max())),
            PriceStep("Largest change", best, float(np.interp(best, price, profit))),
        ),
        touched=(Touched(title(i + 1), -1.5, -8.25), Touched(title(i + 2), 0.4, 2.0)) if i == 42 else (),
    )


def shopper(u: int) -> Shopper:
    rng = np.random.default_rng(100 + u)
    own = [int(i) for i in rng.choice(300, 9, replace=False)]
    events = ("purchase", "view_item", "add_to_cart", "view_item")
    history = tuple(
        HistoryItem(title(i), events[k % 4], NOW - timedelta(days=3 * k + u)) for k, i in enumerate(own)
    )
    recommendations = []
    for rank in range(1, 9):
        i = int(rng.integers(300, 600))
        share = np.sort(rng.dirichlet(np.ones(4)))[::-1]
        recommendations.append(
            Recommendation(
                rank=rank,
                item_id=f"T-{i:05d}",
                title=title(i),
                category=category(i),
                score=1.4 / rank,
                reasons=tuple(Reason(title(own[k]), float(s)) for k, s in enumerate(share)),
                sentence=f"Shoppers who took the {title(own[0])} often take this next.",
                decision_id=f"r-{u:02x}{rank:02x}",
            )
        )
    return Shopper(
        f"shopper-{u:03d}", history, tuple(recommendations), "A regular who buys tableware in spring."
    )


def curve_of(chance: float) -> Curve:
    """Ten bins around a chance, the last of them a little too low."""
    predicted = chance * np.linspace(0.2, 1.8, 10)
    observed = predicted * 1.05
    return Curve(
        predicted, observed, np.full(10, 91.0), float(np.abs(predicted - observed).mean()), "Measured lately."
    )


def coming() -> ShoppersToCome:
    return ShoppersToCome(
        segments=(
            Segment("about to buy", "Recommend; no discount.", 410, 39, True, 0.46, 0.12, 31_400.0, 92_000.0),
            Segment(
                "about to leave", "Offer a reason to return.", 204, 22, True, 0.08, 0.71, 2_900.0, 20_500.0
            ),
            Segment("undecided", "Test an offer.", 120, 12, True, 0.21, 0.4, 4_100.0, 19_000.0),
            Segment("just looking", "No money.", 90, 9, True, 0.05, 0.5, 700.0, 3_000.0),
            Segment("must not be lost", "Write personally.", 61, 5, False, predicted=30_100.0),
            Segment("lost", "Leave alone.", 1_904, 190, False, predicted=11_000.0),
        ),
        foretold=(
            Foretold(
                "purchase", 614, 204.9, 28, 7, 0.031, True, "purchase beats the base rate.", curve_of(0.33)
            ),
            Foretold("churn", 260, 81.2, 7, 7, -0.12, True, "churn beats the base rate.", curve_of(0.31)),
            Foretold("revenue", 614, 34_300.0, 28, 28, 0.0, True, "revenue beats the same amount as before."),
            Foretold(
                "predicted", 2_570, 153_600.0, 0, 365, beats=False, verdict="bg_nbd does not beat same_rate."
            ),
        ),
        act_on=("must not be lost", "about to leave"),
        hidden=(
            Hidden("gamma_gamma", "what an order is worth", "needs 100 customers who came back; 61 did."),
        ),
        rules="10 % of the shoppers are held out at random.",
        decision_id="s-0001",
    )


def report(quotes: int = 4_000, **changes: object) -> Report:
    rng = np.random.default_rng(1)
    parts: dict[str, object] = {
        "shop": "Harbour Tea & Tableware",
        "generated": NOW,
        "currency": "EUR",
        "folder": "tea-shop",
        "summary": ShopSummary(
            start=datetime(2025, 1, 6),
            end=datetime(2026, 3, 1),
            events=127_702,
            shoppers=18_204,
            products=4_000,
            purchases=21_377,
            revenue=1_284_512.4,
            version="0.1.0",
            fingerprint="9f3c2ab1e07d",
        ),
        "ingest": ingest(),
        "readiness": readiness(),
        "evaluation": evaluation(),
        "coming": coming(),
        "friends": Friends(
            (
                Tie("follows", 15_553, 12_156, 11_592.4, 0.046, 0.032, 0.059),
                Tie("household", 41, 12, 11.2),
            ),
            "Friends move each other: 4.6% of purchases (95 %: 3.2% to 5.9%) are owed to what a friend "
            "bought before.",
            "Models read relations.",
            "Within 28 days 1.2% bought what a friend had just bought, 0.8% of others alike.",
            decision_id="20260301-3f0c",
        ),
        "look_alikes": LookAlikes(
            products=280,
            duplicates=1,
            variants=40,
            pairs=(
                Twice(
                    Listing("p00007", "Harbour <cosy>, linen", 18.0),
                    Listing("p00107", "Cosy & linen, Harbour tea", only="tea"),
                    0.95,
                ),
            ),
            nearest=(Nearest(title(3), "text and picture", (LookAlike(title(11), 0.71, "asagi, linen"),)),),
        ),
        "gaps": Gaps(
            (
                Gap("category", 3_650, 350, 298, 0.91, 0.84, 0.021, 0.97),
                Gap("brand", 3_990, 10, 0, refused="fewer than two different ones have 5 products or more."),
            ),
            (Proposal("Oolong <Spring>", "category", "Tea > Oolong", 0.993, "'oolong', 'leaves', picture"),),
            0.8,
        ),
        "shoppers": Shoppers(tuple(shopper(u) for u in range(4)), "ItemKNN"),
        "forecasts": Forecasts(
            (
                series("Whole shop", 180, 1),
                series("Tableware", 120, 2),
                series("Tea", 60, 3),
                series(title(3), 6, 4),
            ),
            decomposition(),
            unusual(),
        ),
        "prices": Prices(
            tuple(quote(i, rng) for i in range(quotes)),
            (curve(3, 24.9, -1.6), curve(11, 58.0, -2.6), curve(42, 12.5, -1.1)),
        ),
        "notes": ("The shop of this report is invented.",),
    }
    return Report(**(parts | changes))  # type: ignore[arg-type]
