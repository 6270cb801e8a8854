"""Seek the hyper-parameters of recommenders: chosen on validation days, reported once on the days after.

The search is a Tree-structured Parzen Estimator (Bergstra et al., "Algorithms for Hyper-Parameter
Optimization", NeurIPS 2011) as Optuna has it. It begins with the settings in force, so what is found is never
worse on the validation days. It is kept only where it is better there by more than one standard error of the
difference, shopper by shopper: the best of many tries is better than the first by luck alone. Every trial is
written down, so that a search that was interrupted goes on where it stopped.
"""

import dataclasses
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from merx import registry
from merx.config import SETTINGS, TUNED, ShopConfig
from merx.data.contracts import Progress
from merx.data.schema import DAY
from merx.errors import ConfigError, MerxError, RequestError
from merx.evaluate.split import last_days, split_three_ways
from merx.files import replace_text
from merx.fitting import Inputs, config_of
from merx.holdout import Holdout, hold_out
from merx.registry import Kind
from merx.store.engine import Engine
from merx.toml import nearest, read_toml
from merx.tunable import Among, Between, searched
from merx.typed import without_nan

METRIC = "ndcg"


@dataclass(frozen=True)
class Search:
    """How long to seek.

    Parameters
    ----------
    trials : int
        At most so many settings are tried of each kind, earlier runs on the same data included.
    patience : int
        A kind is done after so many trials in a row without a better one.
    minutes : float
        No trial begins later than this after the kind's first.
    seed : int
    """

    trials: int = 50
    patience: int = 15
    minutes: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("trials", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(f"tune: {name} = {getattr(self, name)}: at least 1.")
        if self.minutes <= 0:
            raise ConfigError(f"tune: minutes = {self.minutes:g}: above 0.")


@dataclass(frozen=True)
class Tuned:
    """What was found for one kind: NDCG@k of the settings in force and of the best found, on two spans.

    On the test it is measured only where they are kept; otherwise it is NaN.

    Parameters
    ----------
    settings : dict of hyper-parameter -> value
        The best found, of the hyper-parameters that were sought.
    kept : bool
        Whether they are better on the validation days by more than a standard error, and so written down.
    """

    kind: str
    settings: dict[str, Any]
    trials: int
    validation_before: float
    validation: float
    test_before: float
    test: float
    kept: bool
    seconds: float


@dataclass(frozen=True)
class TuningReport:
    """One row per kind, and what could not be tuned and why."""

    tuned: tuple[Tuned, ...]
    refused: dict[str, str]
    protocol: str

    def to_table(self) -> pa.Table:
        """kind, settings, trials, validation_before, validation, test_before, test, kept, seconds."""
        return pa.Table.from_pylist(
            [{**vars(entry), "settings": _toml(entry.settings, ", ")} for entry in self.tuned]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "tuned": [without_nan(vars(entry)) for entry in self.tuned],
            "refused": self.refused,
            "protocol": self.protocol,
        }


def tune(
    engine: Engine,
    config: ShopConfig,
    folder: Path,
    data: str,
    kinds: Sequence[str],
    search: Search,
    progress: Progress,
) -> TuningReport:
    """Seek the hyper-parameters of recommenders.

    Parameters
    ----------
    folder : Path
        The shop's: shop.toml, tuning/ with the trials, tuned.toml with what was found.
    data : str
        Fingerprint of the snapshot; trials on other data do not count.
    kinds : names of recommenders; none: all that have something to seek. What shop.toml sets by hand is not
        sought.
    search : Search

    Raises
    ------
    RequestError
        A kind is no recommender, or has nothing to seek.
    DataError
        The events do not span enough days to choose on and to report on.
    """
    wanted = _wanted(kinds, read_toml(folder / SETTINGS).get("models", {}))
    days, k = config.evaluate.days, config.evaluate.k
    histories = Inputs(engine, config).of("histories")
    second = last_days(histories, days)
    split = split_three_ways(histories, second - days * DAY, second)
    choose, report = (
        hold_out(engine, config, part, folder / "media") for part in (split.choose, split.report)
    )
    study_of = f"{data[:16]}-{days}-{k}-{config.recommend.exclude}"
    found: list[Tuned] = []
    refused: dict[str, str] = {}
    for kind, names in wanted.items():
        start = perf_counter()
        current = config_of(kind, config)
        try:
            best, trials = _seek(kind, current, names, choose, folder / "tuning", study_of, search, progress)
            better = dataclasses.replace(current, **best)
            chosen = _paired(choose, kind, current, better)
            kept = chosen.gain > chosen.standard_error
            reported = _paired(report, kind, current, better) if kept else None
        except MerxError as error:
            refused[kind.name] = str(error)
            continue
        if kept:
            _write_down(folder / TUNED, kind.name, best)
        found.append(
            Tuned(
                kind=kind.name,
                settings=best,
                trials=trials,
                validation_before=chosen.before,
                validation=chosen.after,
                test_before=reported.before if reported else float("nan"),
                test=reported.after if reported else float("nan"),
                kept=kept,
                seconds=round(perf_counter() - start, 1),
            )
        )
    return TuningReport(
        tuple(found),
        refused,
        f"NDCG@{k}. Chosen on the {choose.histories.n_users:,} known shoppers who {choose.took} in the "
        f"{days} days before the last {days}, fitted on what came before; reported once on the "
        f"{report.histories.n_users:,} who {report.took} in the last {days} days, fitted on all days before.",
    )


def _wanted(kinds: Sequence[str], by_hand: Mapping[str, Collection[str]]) -> dict[Kind, list[str]]:
    """The kinds to tune and the hyper-parameters to seek of each."""
    known = {kind.name: kind for kind in registry.kinds_for("recommend")}
    for name in kinds:
        if name not in known:
            raise RequestError(f"no recommender {name!r} to tune.{nearest(name, list(known))}")
    wanted = {}
    for name, kind in known.items():
        names = [field for field in searched(kind.load()[0]) if field not in by_hand.get(name, ())]
        if names and (not kinds or name in kinds):
            wanted[kind] = names
        elif name in kinds:
            raise RequestError(f"{name} has nothing to tune, or shop.toml sets all of it.")
    return wanted


@dataclass(frozen=True)
class Paired:
    """Means of two settings over the same shoppers, and the standard error of their difference."""

    before: float
    after: float
    standard_error: float

    @property
    def gain(self) -> float:
        """After less before."""
        return self.after - self.before


def _paired(held_out: Holdout, kind: Kind, current: Any, better: Any) -> Paired:
    before, after = (held_out.score(kind, config).per_user[METRIC] for config in (current, better))
    error = (after - before).std(ddof=1) / np.sqrt(len(before)) if len(before) > 1 else np.inf
    return Paired(float(before.mean()), float(after.mean()), float(error))


def _seek(
    kind: Kind,
    current: Any,
    names: list[str],
    choose: Holdout,
    folder: Path,
    study_of: str,
    search: Search,
    progress: Progress,
) -> tuple[dict[str, Any], int]:
    """The best settings on the days to choose on, and how many were tried."""
    try:
        import optuna
    except ModuleNotFoundError:
        raise ConfigError("tuning needs Optuna; install it with `pip install 'merx[tune]'`.") from None
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it warns, at length, of a trial that was interrupted
    folder.mkdir(exist_ok=True)
    path = str(folder / f"{kind.name}.log")  # JSON lines
    storage = JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path)))
    study = optuna.create_study(
        storage=storage,
        study_name=f"{study_of}-{'+'.join(names)}",
        direction="maximize",
        load_if_exists=True,
    )
    # a sampler that began anew at each start would draw the same settings again
    study.sampler = optuna.samplers.TPESampler(seed=search.seed + len(study.trials))
    space = searched(current)
    in_force = {name: getattr(current, name) for name in names}

    def objective(trial: Any) -> float:
        drawn = {name: _draw(trial, name, space[name]) for name in names}
        try:
            return choose.score(kind, dataclasses.replace(current, **drawn)).mean(METRIC)
        except MerxError:
            raise optuna.TrialPruned from None  # these settings do not go together

    begun = perf_counter()

    def stop(study: Any, trial: Any) -> None:
        best = study.best_trial.number if _complete(study) else 0
        progress(f"tune {kind.name}: trials", trial.number + 1, search.trials)
        late = perf_counter() - begun > 60 * search.minutes
        if late or trial.number - best >= search.patience or trial.number + 1 >= search.trials:
            study.stop()

    left = search.trials - len(study.trials)
    if left > 0:
        study.enqueue_trial(in_force, skip_if_exists=True)
        study.optimize(objective, n_trials=left, callbacks=[stop])
    if not _complete(study):
        return in_force, len(study.trials)
    return {name: _short(study.best_params[name]) for name in names}, len(study.trials)


def _complete(study: Any) -> bool:
    return any(trial.value is not None for trial in study.trials)


def _draw(trial: Any, name: str, where: Between | Among) -> Any:
    if isinstance(where, Among):
        return trial.suggest_categorical(name, list(where.choices))
    suggest = trial.suggest_int if isinstance(where.low, int) else trial.suggest_float
    return _short(suggest(name, where.low, where.high, log=where.log))


def _short(value: Any) -> Any:
    """Three digits are enough of a hyper-parameter."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _write_down(path: Path, kind: str, settings: Mapping[str, Any]) -> None:
    """Put the settings of one kind into tuned.toml, beside those of other kinds."""
    models = tomllib.loads(path.read_text(encoding="utf-8"))["models"] if path.exists() else {}
    models[kind] = {**models.get(kind, {}), **settings}
    tables = [f"[models.{name}]\n{_toml(models[name], chr(10))}\n" for name in sorted(models)]
    head = "# Found by `merx tune`. What shop.toml says of a model wins over this.\n\n"
    replace_text(path, head + "\n".join(tables))


def _toml(settings: Mapping[str, Any], separator: str) -> str:
    """name = value, with values as TOML writes them."""

    def value(setting: Any) -> str:
        if isinstance(setting, bool):
            return str(setting).lower()
        return f'"{setting}"' if isinstance(setting, str) else repr(setting)

    return separator.join(f"{name} = {value(setting)}" for name, setting in settings.items())
