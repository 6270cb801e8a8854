"""Judge every kind of model on days it has not seen, against the trivial one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from merx import registry
from merx.config import ShopConfig
from merx.data.interactions import Interactions
from merx.data.schema import EVENTS
from merx.errors import DataError, FitError
from merx.evaluate.forecasting import backtest
from merx.evaluate.pricing import elasticity_error, profit_regret
from merx.evaluate.ranking import RankingScores, compare, score_ranking
from merx.evaluate.split import BOUGHT, Split, check_no_leak, last_days, split_by_time, targets
from merx.fitting import config_of, forecast_panels
from merx.price.optimise import optimise
from merx.recommend.rank import rank
from merx.simulate.truth import read_truth
from merx.store import assemble
from merx.store.demand import Demand, demand, price_panel
from merx.store.engine import Engine

Progress = Callable[[str, int, int], None]

BAR_RANKING, BAR_FORECAST = "popularity", "seasonal_naive"  # the trivial models
SERIES = 200  # best-selling products that forecasts are judged on
GRID = np.linspace(0.8, 1.2, 401)  # steps of 0.1 % on which the truly best price is sought


@dataclass(frozen=True)
class Score:
    """What one model scored.

    Parameters
    ----------
    task, model : str
    metrics : dict of name -> number
    beats_trivial : bool or None
        None for the trivial model itself.
    sentence : str
        The verdict in words.
    """

    task: str
    model: str
    metrics: dict[str, float]
    beats_trivial: bool | None
    sentence: str


@dataclass(frozen=True)
class EvaluationReport:
    """Scores of every task, the protocol of each, and what could not be judged and why."""

    scores: tuple[Score, ...]
    protocol: dict[str, str]
    refused: dict[str, str]

    def to_table(self) -> pa.Table:
        """task, model, metric, value: one row per metric."""
        rows = [
            {"task": score.task, "model": score.model, "metric": metric, "value": value}
            for score in self.scores
            for metric, value in score.metrics.items()
        ]
        return pa.Table.from_pylist(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "scores": [vars(score) for score in self.scores],
            "protocol": self.protocol,
            "refused": self.refused,
        }


def evaluate(engine: Engine, config: ShopConfig, truth: Path, progress: Progress) -> EvaluationReport:
    """Judge every kind in the registry; a task that the data cannot judge says why.

    Parameters
    ----------
    truth : Path
        Where a simulated shop's truth lies; prices are judged only where it is there.
    """
    scores: list[Score] = []
    protocol: dict[str, str] = {}
    refused: dict[str, str] = {}
    tasks = {"recommend": _rankings, "forecast": _forecasts, "price": _prices}
    for place, (task, judge) in enumerate(tasks.items()):
        progress(f"judge {task}", place, len(tasks))
        try:
            found, protocol[task] = judge(engine, config, truth)
            scores += found
        except (DataError, FitError) as error:
            refused[task] = str(error)
    progress("judge", len(tasks), len(tasks))
    return EvaluationReport(tuple(scores), protocol, refused)


def _rankings(engine: Engine, config: ShopConfig, truth: Path) -> tuple[list[Score], str]:
    """Lists for known shoppers against what they took in the last days."""
    settings = config.evaluate
    histories, _ = assemble.interactions(engine, config.events.weights)
    split = split_by_time(histories, last_days(histories, settings.days))
    check_no_leak(split.train, split.test, split.cut)
    split, wanted, took = _judged(split, config)
    results: dict[str, RankingScores] = {}
    for kind in registry.kinds_for("recommend"):
        model = config_of(kind, config).fit(_whole_train(histories, split.cut))
        lists = rank(model, split.train, settings.k + 1, exclude_seen=config.recommend.exclude_seen)
        results[kind.name] = score_ranking(lists, wanted, split.train, settings.k)
    verdicts = {entry.model: entry for entry in compare(results, BAR_RANKING)}
    scores = []
    for name, result in results.items():
        metrics = {f"{metric}@{settings.k}": result.mean(metric) for metric in result.per_user}
        metrics |= {"coverage": result.coverage, "novelty": result.novelty}
        verdict = verdicts.get(name)
        scores.append(
            Score(
                "recommend",
                name,
                metrics,
                verdict.beats if verdict else None,
                verdict.sentence if verdict else "The bar for the others.",
            )
        )
    users = next(iter(results.values())).users
    return scores, (
        f"Split by time: fitted on all events before the last {settings.days} days; judged on the {users:,} "
        f"known shoppers with a history who {took} in those days, over the full catalogue"
        + (", items met before left out of lists and targets." if config.recommend.exclude_seen else ".")
    )


def _whole_train(histories: Interactions, cut: int) -> Interactions:
    return histories.keep(histories.time < cut)


def _judged(split: Split, config: ShopConfig) -> tuple[Split, Any, str]:
    """The split and the targets of the shoppers to judge: those with a history and a target."""
    new_only = config.recommend.exclude_seen
    took = "bought something new" if new_only else "bought something"
    wanted = targets(split, new_only=new_only, events=BOUGHT)
    if not wanted.nnz:  # a shop of ratings or clicks
        took = "met something new" if new_only else "met something"
        wanted = targets(split, new_only=new_only, events=EVENTS)
    user = np.flatnonzero((np.diff(wanted.indptr) > 0) & (np.diff(split.train.offsets) > 0))
    if not len(user):
        raise DataError(
            f"no shopper with a history {took} in the last {config.evaluate.days} days, so lists cannot "
            "be judged; choose more days in [evaluate] days."
        )
    limit = config.evaluate.users
    if limit and len(user) > limit:
        user = np.sort(np.random.default_rng(0).choice(user, limit, replace=False))
    return Split(split.train.take(user), split.test.take(user), split.cut), wanted[user], took


def _forecasts(engine: Engine, config: ShopConfig, truth: Path) -> tuple[list[Score], str]:
    """Every forecaster on the shop, its categories and its best sellers."""
    sold = demand(engine)
    every, few = _panels(sold, config)
    horizon = min(config.forecast.horizon, int(every.length.max()) // 3)
    if horizon < 1:
        raise DataError("fewer than 3 steps of sales: too short to hold some out and judge forecasts.")
    scores = []
    for kind in registry.kinds_for("forecast"):
        result = backtest(config_of(kind, config), few if kind.costly else every, horizon)
        metrics = result.means()
        trivial = kind.name == BAR_FORECAST
        scores.append(
            Score(
                "forecast",
                kind.name,
                metrics,
                None if trivial else metrics["mase"] < metrics["naive_mase"],
                "The bar for the others." if trivial else result.sentence,
            )
        )
        if kind.costly:  # on the same few series, so that the two can be compared
            answering = registry.kind(config.forecast.model)
            same = backtest(config_of(answering, config), few, horizon)
            scores.append(
                Score(
                    "forecast",
                    f"{answering.name} on the series of {kind.name}",
                    same.means(),
                    same.means()["mase"] < same.means()["naive_mase"],
                    same.sentence,
                )
            )
    step = config.forecast.step
    return scores, (
        f"The last {horizon} {step}s held out of the shop, its categories and its {SERIES} best-selling "
        f"products ({every.n_series:,} series; costly kinds {few.n_series:,}); one origin; "
        "stock-outs are not scored."
    )


def _panels(sold: Demand, config: ShopConfig) -> tuple[Any, Any]:
    from dataclasses import replace

    items = min(config.forecast.items or SERIES, SERIES)
    return forecast_panels(sold, replace(config, forecast=replace(config.forecast, items=items)))


def _prices(engine: Engine, config: ShopConfig, truth: Path) -> tuple[list[Score], str]:
    """Proposed prices against the best possible ones, where the truth is known."""
    if not truth.is_dir():
        raise DataError("prices can be judged only where the truth is known, as in a simulated shop.")
    known = read_truth(truth)
    panel = price_panel(engine, demand(engine))
    row = {name: place for place, name in enumerate(known.item_ids)}
    place = np.array([row[name] for name in panel.items.ids.to_pylist()])  # (I,) panel -> truth
    now = known.price_now[:, None]  # (T, 1)
    change = config.price.max_change
    grid = now * (1 + (GRID - 1) / 0.2 * change)
    best = known.profit(known.best_prices(grid)[:, None])[place, 0]
    scores = []
    for kind in registry.kinds_for("price"):
        model = config_of(kind, config).fit(panel)
        quotes = optimise(model, panel, config.price)
        proposed = np.broadcast_to(now, now.shape).copy()
        proposed[place, 0] = quotes.price
        at_quote, at_now = known.profit(proposed)[place, 0], known.profit(now)[place, 0]
        sure = np.isin(quotes.grade, ["A", "B"])
        metrics = {
            f"share graded {grade}": float(np.mean(np.array(quotes.grade) == grade)) for grade in "ABCD"
        }
        all_items = profit_regret(at_quote, at_now, best)
        metrics |= {"gain share, all": all_items.gain_share, "regret, all": all_items.regret}
        metrics["regret of today's prices"] = all_items.regret_now
        if sure.any():
            graded = profit_regret(at_quote[sure], at_now[sure], best[sure])
            metrics |= {"gain share, A and B": graded.gain_share, "regret, A and B": graded.regret}
        error = elasticity_error(quotes.elasticity, known.elasticity[place])
        metrics |= {"elasticity RMSE": error.rmse, "elasticity bias": error.bias}
        share = metrics.get("gain share, A and B", all_items.gain_share)
        scores.append(
            Score(
                "price",
                kind.name,
                metrics,
                all_items.gain_share > 0,
                f"Reaches {share:.0%} of the best possible gain where the evidence is graded A or B "
                f"({sure.mean():.0%} of products), {all_items.gain_share:.0%} over all.",
            )
        )
    return scores, (
        "Expected true profit of the coming week at the proposed prices, today's, and the best prices within "
        f"{change:.0%} of today's; the trivial answer is to keep today's prices."
    )
