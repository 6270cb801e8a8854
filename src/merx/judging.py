"""Judge every kind of model on days it has not seen, against the trivial one."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from merx import registry
from merx.config import ShopConfig
from merx.data.contracts import Progress
from merx.data.vocabulary import Vocabulary
from merx.errors import DataError, MerxError
from merx.evaluate.forecasting import ForecastScores, backtest, naive_season
from merx.evaluate.price_forecasts import PriceScores, RandomWalk, compare_prices
from merx.evaluate.pricing import elasticity_error, profit_regret
from merx.evaluate.split import last_days, split_by_time
from merx.evaluate.verdict import compare
from merx.files import replace_text
from merx.fitting import Inputs, config_of, forecast_panels
from merx.holdout import hold_out
from merx.judged import Each, Judged, Score
from merx.judging_new import new_products
from merx.judging_shoppers import customers, held_out, propensities
from merx.price.limits import ladder
from merx.price.optimise import optimise
from merx.registry import Kind
from merx.simulate.truth import read_truth
from merx.store.engine import Engine
from merx.typed import without_nan

BAR_RANKING, BAR_FORECAST, BAR_PRICE = "popularity", "seasonal_naive", "random_walk"  # the trivial models
LAST = "evaluation.json"
SERIES = 200  # best-selling products that forecasts are judged on
GRID_POINTS = 401  # on which the truly best price is sought: 0.1 % apart at 20 % change


@dataclass(frozen=True)
class EvaluationReport:
    """Scores of every task, the protocol of each, and what could not be judged and why.

    Parameters
    ----------
    series : mapping of series key -> forecaster -> MASE on the days held out
        For the series that the slow kinds were judged on as well.
    reliability : mapping of propensity -> "predicted", "observed", "count" -> a number for each bin
        Of the chances.
    """

    scores: tuple[Score, ...]
    protocol: dict[str, str]
    refused: dict[str, str]
    series: dict[str, dict[str, float]]
    reliability: dict[str, dict[str, list[float]]]

    def to_table(self) -> pa.Table:
        """task, model, metric, value: one row per metric."""
        rows = [
            {"task": score.task, "model": score.model, "metric": metric, "value": value}
            for score in self.scores
            for metric, value in score.metrics.items()
        ]
        return pa.Table.from_pylist(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; a measure that is not defined is null."""
        return {
            "scores": [without_nan(vars(score)) for score in self.scores],
            "protocol": self.protocol,
            "refused": self.refused,
            "series": self.series,
            "reliability": self.reliability,
        }


def evaluate(
    engine: Engine, config: ShopConfig, truth: Path, progress: Progress, media: Path | None = None
) -> EvaluationReport:
    """Judge every kind in the registry; a task or a kind that the data cannot judge says why.

    Parameters
    ----------
    truth : Path
        Where a simulated shop's truth lies; prices are judged only where it is there.
    media : path, optional
        SHOP/media.
    """
    scores: list[Score] = []
    protocol: dict[str, str] = {}
    refused: dict[str, str] = {}
    series: dict[str, dict[str, float]] = {}
    reliability: dict[str, dict[str, list[float]]] = {}
    inputs = Inputs(engine, config, media=media)
    held = cache(lambda: held_out(engine, inputs, config))

    def each(task: str, judge: Callable[[Kind], Judged]) -> dict[str, Judged]:
        """What `judge` finds of every kind of a task, without those that refuse."""
        found: dict[str, Judged] = {}
        kinds = [kind for kind in registry.without(config.skipped) if kind.task == task]
        for place, kind in enumerate(kinds):
            progress(f"judge {kind.name}", place, len(kinds))
            try:
                found[kind.name] = judge(kind)
            except MerxError as error:
                refused[kind.name] = str(error)
        return found

    tasks: dict[str, Callable[[], tuple[list[Score], str]]] = {
        "recommend": lambda: _rankings(engine, inputs, config, each, media),
        "new_products": lambda: new_products(inputs, config),
        "forecast": lambda: _forecasts(inputs, config, each, series),
        "price_forecast": lambda: _price_forecasts(inputs, config, each),
        "propensity": lambda: propensities(engine, inputs, config, each, reliability),
        "lifetime": lambda: customers("lifetime", held(), config, each),
        "value": lambda: customers("value", held(), config, each),
        "price": lambda: _prices(inputs, config, truth, each),
    }
    for task, judge in tasks.items():
        try:
            found, words = judge()
            if found:
                scores += found
                protocol[task] = words
        except MerxError as error:
            refused[task] = str(error)
    return EvaluationReport(tuple(scores), protocol, refused, series, reliability)


def write_down(report: EvaluationReport, folder: Path, data: str) -> None:
    """Keep an evaluation, and the fingerprint of the snapshot it was made on, in the shop's folder."""
    replace_text(folder / LAST, json.dumps({"data": data, **report.to_dict()}, indent=1))


def last(folder: Path) -> dict[str, Any] | None:
    """The evaluation that was kept last, None where there is none. Raises DataError where it is damaged."""
    path = folder / LAST
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except ValueError:
        raise DataError(f"{path}: damaged; run `merx evaluate` again.") from None
    return found


def _rankings(
    engine: Engine, inputs: Inputs, config: ShopConfig, each: Each, media: Path | None
) -> tuple[list[Score], str]:
    """Lists for known shoppers against what they took in the last days."""
    days, k = config.evaluate.days, config.evaluate.k
    histories = inputs.of("histories")
    held = hold_out(engine, config, split_by_time(histories, last_days(histories, days)), media)
    results = each("recommend", lambda kind: held.score(kind, config_of(kind, config)))
    verdicts = {entry.model: entry for entry in compare(results, BAR_RANKING)}
    scores = []
    for name, result in results.items():
        metrics = {f"{metric}@{k}": result.mean(metric) for metric in result.per_user}
        metrics |= {f"{metric}@{k}": value for metric, value in result.beyond_the_head.items()}
        metrics |= {"coverage": result.coverage, "novelty": result.novelty}
        verdict = verdicts.get(name)
        sentence = verdict.sentence if verdict else "The bar for the others."
        scores.append(Score("recommend", name, metrics, verdict.beats if verdict else None, sentence))
    left_out = "" if held.exclude is None else f", what they {config.recommend.exclude} before left out"
    return scores, (
        f"Split by time: fitted on all events before the last {days} days; judged on the "
        f"{held.histories.n_users:,} known shoppers with a history who {held.took} in those days, "
        f"over the full catalogue{left_out}."
    )


def _forecasts(
    inputs: Inputs, config: ShopConfig, each: Each, series: dict[str, dict[str, float]]
) -> tuple[list[Score], str]:
    """Every forecaster on the shop, its categories and its best sellers."""
    items = min(config.forecast.items or SERIES, SERIES)
    settings = dataclasses.replace(config.forecast, items=items)
    judged = dataclasses.replace(config, forecast=settings)
    every, few = forecast_panels(inputs.of("demand"), judged, inputs.of("drivers"))
    horizon = min(settings.horizon, int(every.length.max()) // 3)
    if horizon < 1:
        raise DataError("fewer than 3 steps of sales: too short to hold some out and judge forecasts.")
    answering = registry.kind(settings.model)

    def judge(kind: Kind) -> list[ForecastScores]:
        own = config_of(kind, config)
        if kind.name == BAR_FORECAST:
            own = dataclasses.replace(own, season_length=naive_season(every, horizon))
        if kind.reads == ("series",):
            return [backtest(own, every, horizon)]
        # a kind for few series: beside the answering one on the same series
        return [backtest(own, few, horizon), backtest(config_of(answering, config), few, horizon)]

    scores = []
    for name, (result, *beside) in each("forecast", judge).items():
        metrics = result.means()
        better = None if name == BAR_FORECAST else metrics["mase"] < metrics["naive_mase"]
        sentence = "The bar for the others." if better is None else result.sentence
        for other in beside:
            sentence += f" {answering.name} on the same series: MASE {other.means()['mase']:.3f}."
            for key, *errors in zip(result.keys.ids.to_pylist(), result.mase, other.mase, strict=True):
                pair = zip((name, answering.name), errors, strict=True)
                series[key] = {kind: round(float(mase), 3) for kind, mase in pair if np.isfinite(mase)}
        scores.append(Score("forecast", name, metrics, better, sentence))
    return scores, (
        f"The last {horizon} {settings.step}s held out of the shop, its categories and its {items} "
        f"best-selling products: {every.n_series:,} series, {few.n_series:,} for the slow kinds; one origin; "
        "stock-outs are not scored. MASE: 1 is the error of the seasonal naive forecast within the history."
    )


def _price_forecasts(inputs: Inputs, config: ShopConfig, each: Each) -> tuple[list[Score], str]:
    """Prices to come against the random walk with the changes of the past."""

    def judge(kind: Kind) -> tuple[PriceScores, ...]:
        every = inputs.of(kind.reads[0])
        panel = every.take(np.arange(0, every.n_series, -(-every.n_series // SERIES)))
        horizon = min(config.forecast.horizon, max(int(panel.length.max()) // 3, 1))
        own = dataclasses.replace(config_of(kind, config), horizon=horizon)
        return compare_prices({kind.name: own, BAR_PRICE: RandomWalk(horizon)}, panel, horizon, 1, horizon)

    scores = []
    for name, (own, bar) in each("price_forecast", judge).items():
        scores.append(Score("price_forecast", name, own.means(), own.beats(bar), own.against(bar)))
        walk = Score("price_forecast", BAR_PRICE, bar.means(), None, "The bar for the others.")
    return [*scores, walk] if scores else [], (
        f"The last {config.forecast.horizon} {config.forecast.step}s (at most a third) of up to {SERIES} "
        "prices, one origin. Errors are shares of the last price. The random walk has the quantiles of all "
        "changes of that many steps in the past of the same price."
    )


def _prices(inputs: Inputs, config: ShopConfig, truth: Path, each: Each) -> tuple[list[Score], str]:
    """Proposed prices against the best possible ones, where the truth is known."""
    if not truth.is_dir():
        raise DataError("prices can be judged only where the truth is known, as in a simulated shop.")
    known = read_truth(truth)
    panel = inputs.of("prices")
    row = Vocabulary(pa.array(known.item_ids)).codes(
        panel.items.ids
    )  # (I,) item of the panel -> of the truth
    if (row < 0).any():
        raise DataError(f"{truth}: holds no truth about {(row < 0).sum():,} of the shop's products.")

    def profit(prices: np.ndarray) -> np.ndarray:  # (I, G) -> (I, G)
        every = np.repeat(known.price_now[:, None], prices.shape[1], axis=1)  # (T, G)
        every[row] = prices
        of_panel: np.ndarray = known.profit(every)[row]
        return of_panel

    now = panel.price_now[:, None]  # (I, 1)
    earned = profit(now)[:, 0]
    steps = ladder(panel.price_now, panel.cost, config.price)
    allowed = np.where(steps.excluded.any(axis=0), -np.inf, profit(steps.price))  # (I, G)
    grid = now * (1 + np.linspace(-1, 1, GRID_POINTS) * config.price.max_change)  # (I, G)
    best = {"": np.maximum(allowed.max(axis=1), earned), ", free": profit(grid).max(axis=1)}

    def judge(kind: Kind) -> Score:
        quotes = optimise(config_of(kind, config).fit(panel), panel, config.price)
        at_quote = profit(quotes.price[:, None])[:, 0]
        grade = np.array(quotes.grade)
        groups = {"": np.ones_like(earned, dtype=bool), ", A and B": np.isin(grade, ["A", "B"])}
        metrics = {
            f"gain share{against}{group}": profit_regret(at_quote[of], earned[of], top[of]).gain_share
            for group, of in groups.items()
            if of.any()
            for against, top in best.items()
        }
        everywhere = profit_regret(at_quote, earned, best[""])
        error = elasticity_error(quotes.elasticity, known.elasticity[row])
        metrics |= {
            "regret": everywhere.regret,
            "regret today": everywhere.regret_now,
            "elasticity RMSE": error.rmse,
            "elasticity bias": error.bias,
            **{f"graded {letter}": float(np.mean(grade == letter)) for letter in "ABCD"},
        }
        sentence = f"Reaches {everywhere.gain_share:.0%} of the best possible gain over all products"
        share = metrics.get("gain share, A and B")
        if share is not None:
            graded = np.mean(groups[", A and B"])
            sentence += f", {share:.0%} where the grade is A or B ({graded:.0%} of products)"
        return Score("price", kind.name, metrics, everywhere.gain_share > 0, f"{sentence}.")

    return list(each("price", judge).values()), (
        "Expected true profit of the coming week at the proposed prices. Gain share: of what the best prices "
        "under the same rules, today's among them, would bring beyond today's prices; free: of what the best "
        f"prices within {config.price.max_change:.0%} of today's would bring, whatever their ending and "
        "margin. Regret: the share of the profit at the best prices under the rules that is missed. The "
        "trivial answer is to keep today's prices (gain share 0)."
    )
