"""What the invented shop's report says of what was read, and of how good its models are."""

from __future__ import annotations

from merx.report import (
    Capability,
    Evaluation,
    Finding,
    Ingest,
    IngestFile,
    ModelScore,
    Readiness,
    RejectReason,
    ScoreTable,
    TargetScore,
    TargetTable,
)


def targets() -> TargetTable:
    ahead = "Who ordered in 7 days, of who was active in the 28 before"
    return TargetTable(
        (
            TargetScore(
                "purchase",
                ahead,
                "log loss",
                0.557,
                0.608,
                "the same chance for all",
                True,
                "certain",
                False,
                0.69,
                0.5,
                0.05,
            ),
            TargetScore(
                "revenue",
                "Orders",
                "mean error",
                78.9,
                79.4,
                "the 28 days before again",
                False,
                "by chance",
                True,
            ),
        ),
        "As of 1 February 2026.",
    )


def evaluation() -> Evaluation:
    def rank(model: str, ndcg: float, recall: float, beats: bool | None, text: str = "") -> ModelScore:
        metrics = {"NDCG@10": ndcg, "recall@10": recall, "MRR": ndcg * 0.8, "catalogue": 0.2 + ndcg}
        return ModelScore(model, metrics, beats, text, trivial=beats is None)

    def ahead(model: str, mase: float, beats: bool | None) -> ModelScore:
        metrics = {"MASE": mase, "sMAPE": mase * 0.2, "coverage80": 0.79, "coverage95": 0.94}
        return ModelScore(model, metrics, beats, trivial=beats is None)

    return Evaluation(
        ranking=ScoreTable(
            (
                rank("ItemKNN", 0.212, 0.301, True, "certain: 0.031 to 0.052 above it"),
                rank("ALS", 0.198, 0.29, True, "certain: 0.017 to 0.039 above it"),
                rank("GRU4Rec", 0.205, 0.284, True, "likely: −0.001 to 0.046 above it"),
                rank("Most popular", 0.171, 0.22, None),
                rank("Content", 0.12, 0.17, False, "knows titles only"),
            ),
            "NDCG@10",
        ),
        forecast=ScoreTable(
            (
                ahead("SARIMA", 0.82, True),
                ahead("ETS", 0.87, True),
                ahead("LSTM", 1.08, False),
                ahead("Last week again", 1.0, None),
            ),
            "MASE",
            "lower",
        ),
        propensity=targets(),
        lifetime=ScoreTable(
            (
                ModelScore("bg_nbd", {"rmse": 1.229, "correlation": 0.624, "bias": -0.2}, False, "by chance"),
                ModelScore(
                    "same_rate", {"rmse": 1.24, "correlation": 0.613, "bias": -0.216}, None, trivial=True
                ),
            ),
            "rmse",
            "lower",
        ),
        price=ScoreTable(
            (
                ModelScore("Hierarchical demand", {"regret": 0.031, "elasticity error": 0.24}, True),
                ModelScore("Prices as they are", {"regret": 0.118}, None, trivial=True),
            ),
            "regret",
            "lower",
        ),
        protocol="Time is cut at 1 February 2026: models see what lies before and are judged on what came "
        "after.\nMetrics are averaged over shoppers; a difference counts where its 95 % bootstrap range "
        "excludes zero.",
    )


def ingest() -> Ingest:
    return Ingest(
        (
            IngestFile(
                "events.csv",
                128_431,
                127_702,
                729,
                512,
                "GA4",
                (
                    RejectReason("the same event was there already", 512, "line 40,112: purchase of T-00017"),
                    RejectReason("price <= 0", 189, "line 88: item 'T-00007', -3.00"),
                    RejectReason("time in the future", 28, "line 5,204: 2062-01-02"),
                ),
                (
                    "`event_timestamp` was read as microseconds: as such it spans 14 months; as milliseconds "
                    "it would reach the year 57,000.",
                    "Rows that agree in shopper, event, product and second count as one.",
                ),
            ),
            IngestFile("products.csv", 4_012, 4_000, 12, 0, "Google Merchant"),
            IngestFile("prices.parquet", 36_220, 36_220, 0, 0, "plain"),
        )
    )


def readiness() -> Readiness:
    return Readiness(
        (
            Capability("Recommend", "ready", "1,000 shoppers with 2 events", "18,204", ""),
            Capability("Forecast the shop", "ready", "two seasons of a week", "60 weeks", ""),
            Capability(
                "Propose prices",
                "weak",
                "5 price changes per product",
                "5 or more for 1,210 of 4,000 products",
                "The others borrow from products like them. Vary prices a little: this improves by itself.",
            ),
            Capability(
                "Recommend by friends",
                "refused",
                "a table of who follows whom",
                "none",
                "Hand over relations.csv if your shop knows who follows whom.",
            ),
        ),
        (
            Finding(
                "Costs are missing for 310 products",
                "They get no price until their cost is known.",
                "serious",
            ),
            Finding("Stock is not known", "Days without sales may have been days without stock.", "warning"),
            Finding("One currency", "All prices are in EUR.", "info"),
        ),
    )
