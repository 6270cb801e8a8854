"""Price tests of a shop: drawn and kept in a file each, proposed block by block, read off the sales."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from scipy import sparse

from merx.config import ShopConfig
from merx.data.panel import PricePanel
from merx.errors import DataError, RequestError
from merx.files import replace_text
from merx.governing import Prices
from merx.price.clusters import clusters, interference
from merx.price.events import Event
from merx.price.experiment import (
    MIN_AVAILABLE,
    POWER,
    Design,
    Kind,
    design,
    noise,
    past,
    power,
    standard_error,
    weeks_needed,
)
from merx.price.experiment_result import analyse, tested, under_test
from merx.price.grid import Grid
from merx.price.ledger import Draft
from merx.store.demand import demand, price_panel
from merx.store.engine import Engine

EPOCH = date(1970, 1, 1)
LEAKS = 0.1  # of the likeness between arms: more is warned of
SHARES = 8  # a cluster holds one in so many of the tested products, at most


class PriceTests:
    """The price tests of a shop, one file each.

    Parameters
    ----------
    folder : Path
        Made with the first test.
    config : ShopConfig
    engine : function that opens the engine on the tables
    prices : Prices
        Through which the prices of a test are proposed, approved and exported like any other.
    written : function
        Called when a test or its result was written down.
    """

    def __init__(
        self,
        folder: Path,
        config: ShopConfig,
        engine: Callable[[], AbstractContextManager[tuple[Engine, str]]],
        prices: Prices,
        written: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._config = config
        self._engine = engine
        self._prices = prices
        self._written = written

    def design(
        self,
        name: str,
        *,
        by: str,
        why: str,
        category: str | None = None,
        similar: Path | None = None,
        kind: Kind = "switchback",
        ratio: tuple[float, ...] = (0.95, 1.05),
        weeks: int = 8,
        block: int = 2,
        washout: int = 1,
        difference: float = 1.0,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Draw a test and say beforehand what it can tell; nothing is proposed by it.

        Parameters
        ----------
        category : str, optional
            Only products of this category and those below it that were sold lately; None: of the whole shop.
        similar : path, optional
            CSV of item_id, other_id and similarity: which products buyers choose between. None: products of
            one category are alike.
        difference : float
            An elasticity that far from the one believed so far is to be told from it.

        Raises
        ------
        RequestError
            The name is taken, a product is in a test that has no result yet, or the products and weeks cannot
            tell anything.
        """
        path = self._path(name)
        if path.exists():
            raise RequestError(f"{path} is there already; a test that was drawn is not drawn again.")
        panel = self._panel()
        sold = past(panel)[0].sum(axis=1) > 0
        names = np.array(panel.categories.ids.to_pylist(), dtype=object)[panel.category]
        inside = np.array([category is None or f"{n} > ".startswith(f"{category} > ") for n in names], bool)
        panel = panel.take(np.flatnonzero(sold & inside))
        if panel.n_items < 3:
            raise RequestError(
                f"{panel.n_items} products were sold lately in {category or 'the shop'}: too few."
            )
        start = panel.start + 7 * (int(panel.week.max()) + 1)
        first = (EPOCH + timedelta(days=start)).isoformat()
        running = under_test(self._folder)
        if both := [item for item in panel.items.ids.to_pylist() if running.get(item, "") >= first]:
            raise RequestError(
                f"{len(both)} of {panel.n_items} products are in a price test already (first: {both[0]!r}, "
                f"until {running[both[0]]}): test another category, or when that one has a result."
            )
        likeness = _likeness(panel, similar)
        cluster = clusters(likeness, max(1, panel.n_items // SHARES))
        plan = design(cluster, kind=kind, ratio=ratio, weeks=weeks, block=block, washout=washout, seed=seed)
        variance = noise(panel, cluster, plan.block - plan.washout, kind)
        error = standard_error(plan, variance)
        leaks = float(
            np.mean([interference(likeness, plan.arm[cluster, b]) for b in range(plan.arm.shape[1])])
        )
        expected = {
            "error": error,
            "power": power(error, difference),
            "difference": difference,
            "weeks_needed": weeks_needed(panel, plan, difference),
            "interference": leaks,
        }
        found = {
            "name": name,
            "by": by,
            "why": why,
            "start": first,
            "until": (EPOCH + timedelta(days=start + 7 * plan.weeks - 1)).isoformat(),
            "kind": kind,
            "items": panel.items.ids.to_pylist(),
            "cluster": cluster.tolist(),
            "arm": plan.arm.tolist(),
            "ratio": list(ratio),
            "block": plan.block,
            "washout": washout,
            "price_before": panel.price_now.tolist(),
            "expected": expected,
            "warnings": _warnings(expected, ratio, self._config.governance.block_change),
            "result": None,
        }
        self._folder.mkdir(exist_ok=True)
        replace_text(path, json.dumps(found, indent=1))
        self._written()
        return found

    def propose(self, name: str, *, by: str, why: str, block: int | None = None) -> tuple[Event, ...]:
        """Propose the prices of a block of the test (from 1; None: the one after the last whole week)."""
        test, panel = self._read(name), self._panel()
        plan = _plan(test)
        if block is None:
            ahead = panel.start + 7 * (int(panel.week.max()) + 1) - _day(test["start"])
            block = ahead // (7 * plan.block) + 1
        if not 1 <= block <= plan.arm.shape[1]:
            raise RequestError(f"Block {block} is none of the test {name}: it has 1 to {plan.arm.shape[1]}.")
        ratio = plan.ratio[plan.arm[plan.cluster, block - 1]]
        now = dict(zip(panel.items.ids.to_pylist(), panel.price_now.tolist(), strict=True))
        drafts = [
            Draft(item, round(before * float(step), 2), now[item], "", f"price test {name}, block {block}")
            for item, before, step in zip(test["items"], test["price_before"], ratio, strict=True)
            if item in now
        ]
        return self._prices.propose_these(drafts, by=by, why=why)

    def analyse(self, name: str) -> dict[str, Any]:
        """The elasticity that the test found; kept with it, for the next fit.

        Raises RequestError where the sales of the test are not all there yet.
        """
        test, panel = self._read(name), self._panel()
        plan, first = _plan(test), (_day(test["start"]) - panel.start) // 7
        end = int(panel.week.max()) + 1
        if end < first + plan.weeks:
            raise RequestError(
                f"The test {name} runs until {test['until']}; {max(end - first, 0)} of {plan.weeks} weeks "
                "are there."
            )
        place = panel.items.codes(test["items"])
        if (place < 0).any():
            raise DataError(f"{(place < 0).sum()} products of the test {name} are no longer in the tables.")
        panel = panel.take(place)
        before = _until(panel, first)
        variance = noise(before, plan.cluster, plan.block - plan.washout, plan.kind)
        _, expected = past(before)
        level = expected.sum(axis=1) / np.maximum((expected > 0).sum(axis=1), 1)
        grid, span = Grid.of(panel, MIN_AVAILABLE), slice(first, first + plan.weeks)
        exposure = grid.exposure[:, span]
        price = np.log(grid.reference / np.array(test["price_before"]))[:, None] + grid.log_price[:, span]
        result = analyse(
            plan,
            np.where(exposure > 0, grid.units[:, span], 0.0),
            level[:, None] * exposure,
            np.where(exposure > 0, price, 0.0),
            variance,
        )
        test["result"] = result.to_dict()
        replace_text(self._path(name), json.dumps(test, indent=1))
        self._written()
        return {"name": name, **result.to_dict(), **tested(self._folder)}

    def _panel(self) -> PricePanel:
        with self._engine() as (engine, _):
            return price_panel(engine, demand(engine))

    def _path(self, name: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise RequestError(f"{name!r} is no name of a test: letters, digits, - and _ will do.")
        return self._folder / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any]:
        path = self._path(name)
        if not path.exists():
            there = ", ".join(sorted(one.stem for one in self._folder.glob("*.json"))) or "none"
            raise RequestError(f"{path}: no such test; there are: {there}.")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def _plan(test: dict[str, Any]) -> Design:
    return Design(
        kind=test["kind"],
        cluster=np.array(test["cluster"]),
        arm=np.array(test["arm"]),
        ratio=np.array(test["ratio"]),
        block=test["block"],
        washout=test["washout"],
    )


def _day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def _until(panel: PricePanel, week: int) -> PricePanel:
    """What the panel was before a week."""
    kept = panel.week < week
    count = np.bincount(panel.item[kept], minlength=panel.n_items)
    return replace(
        panel,
        offsets=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        **{name: getattr(panel, name)[kept] for name in ("week", "units", "price", "promotion", "available")},
    )


def _likeness(panel: PricePanel, similar: Path | None) -> sparse.csr_array:
    """How far buyers choose between two items, (I, I)."""
    items = panel.n_items
    if similar is None:
        member = sparse.csr_array(
            (np.ones(items), (np.arange(items), panel.category)), shape=(items, len(panel.categories))
        )
        return sparse.csr_array(member @ member.T)
    kinds = {"item_id": pa.string(), "other_id": pa.string(), "similarity": pa.float64()}
    try:  # an id is no number, though it may look like one
        table = pyarrow.csv.read_csv(
            similar, convert_options=pyarrow.csv.ConvertOptions(column_types=kinds, strings_can_be_null=False)
        )
    except pa.ArrowInvalid as error:
        raise DataError(f"{similar}: {error}.") from None
    if missing := kinds.keys() - set(table.column_names):
        raise DataError(f"{similar}: the column {min(missing)} is missing.")
    one, other = (panel.items.codes(table[name].combine_chunks()) for name in ("item_id", "other_id"))
    value = table["similarity"].to_numpy()
    if not (value >= 0).all():
        raise DataError(f"{similar}: {(~(value >= 0)).sum()} similarities are empty or below 0; 0 is unlike.")
    known = (one >= 0) & (other >= 0)
    if not known.any():
        raise DataError(f"{similar}: none of its {len(known):,} pairs is of two products of the test.")
    return sparse.csr_array((value[known], (one[known], other[known])), shape=(items, items))


def _warnings(expected: Mapping[str, Any], ratio: Sequence[float], most: float) -> list[str]:
    """What speaks against the test."""
    found = []
    if expected["power"] < POWER:
        needed = expected["weeks_needed"]
        found.append(
            f"Its power is {expected['power']:.0%}: "
            + (
                f"{needed} weeks would have {POWER:.0%}."
                if needed
                else "no length of it would do; take more products, or larger steps of the price."
            )
        )
    if expected["interference"] > LEAKS:
        found.append(
            f"{expected['interference']:.0%} of the likeness of the products lies between arms: buyers will "
            "move from one to the other, and the elasticity will come out too strong."
        )
    step = max(ratio) / min(ratio) - 1
    if step > most:
        found.append(
            f"From one arm to the other is a move of {step:.0%}, which [governance] block_change "
            f"({most:.0%}) blocks: take smaller steps."
        )
    return found
