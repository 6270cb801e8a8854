"""Gaps in the catalogue: what is missing, what it most likely is, and how sure that is.

Given data stay as they are: proposals are written to a table of their own, SHOP/inferred.parquet, anew each
time. The features of products read categories and brands from it (`merx.media.inferred`); nothing else does.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from merx.artefact import read_manifest
from merx.behaviour.calibration import reliability
from merx.completed import ABOUT, CompletionReport, Filled
from merx.config import ShopConfig
from merx.data.catalogue import Catalogue
from merx.data.categories import within
from merx.data.contracts import Progress
from merx.errors import ArtefactError, FitError, RequestError
from merx.files import write_csv, write_parquet
from merx.fitting import text_encoder
from merx.media.attributes import attribute_vectors
from merx.media.completion import Blocks, Completion, FittedCompletion
from merx.media.inferred import COLUMNS, FILE, INFERRED
from merx.media.library import Library, vectors_of
from merx.media.spoken import Words
from merx.media.values import OTHER, most_likely
from merx.price.gaps import price_gaps
from merx.seeing import KIND, TAUGHT
from merx.store import assemble
from merx.store.engine import Engine

LEAST = 0.8  # probability of a proposal, where nobody says otherwise


def complete(
    engine: Engine,
    config: ShopConfig,
    shop: Path,
    data: str,
    *,
    least: float = LEAST,
    prices: bool = False,
    to: Path | None = None,
    progress: Progress,
) -> CompletionReport:
    """Propose what the catalogue lacks, and write it to SHOP/inferred.parquet; what was given stays as it is.

    Parameters
    ----------
    shop : path
        The shop's folder.
    data : str
        Fingerprint of the tables.
    least : float
        Probability of a proposal.
    prices : bool
        Propose prices too.
    to : path, optional
        A CSV file with the same rows.

    Raises
    ------
    RequestError
        `least` is no probability, or no product is known.
    """
    if not 0 < least < 1:
        raise RequestError(f"least = {least}: a probability between 0 and 1.")
    begun = perf_counter()
    catalogue = assemble.catalogue(engine)
    if not catalogue.n_items:
        raise RequestError("no product is known; ingest a catalogue or events.")
    filled, rows = list[Filled](), list[dict[str, Any]]()
    given = {name: getattr(catalogue, name).to_pylist() for name in COLUMNS}
    gaps = [name for name, values in given.items() if None in values]
    if gaps:
        progress("complete: reading", 0, 1)
        texts = catalogue.title.to_pylist(), catalogue.description.to_pylist()
        words, embed = Words.of(*texts), text_encoder(config, shop / "media")
        seen, unseen = _seen(shop / "media", catalogue, given["category"])
        seen |= {"sentences": embed(*texts)} if embed else {}
    for name in gaps:
        progress(f"complete: {name}", 0, 1)
        other = replace(catalogue, **{name: pa.nulls(catalogue.n_items, pa.string())})
        blocks = {"words": words.block, **seen, "attributes": attribute_vectors(other)}
        one, own = _column(name, given[name], blocks, unseen if name == "category" else None, words, least)
        filled.append(one)
        rows += own
    told = None
    if prices:
        told, own = _prices(engine, catalogue, given)
        rows += own
    ids = catalogue.items.ids.to_pylist()
    table = pa.Table.from_pylist(
        [{**row, "item_id": ids[row["item_id"]], "data": data, "inferred": True} for row in rows],
        schema=INFERRED,
    )
    titles = {ids[row["item_id"]]: catalogue.title[row["item_id"]].as_py() or "" for row in rows}
    seconds = round(perf_counter() - begun, 2)
    report = CompletionReport(tuple(filled), told, least, table, titles, seconds)
    if rows or (shop / FILE).exists() or report.if_any:
        about = {ABOUT: json.dumps({**report.to_dict(), "data": data})}
        write_parquet(table.replace_schema_metadata(about), shop / FILE)
    if to is not None:
        write_csv(table, to)
    return report


def _column(
    name: str,
    values: list[str | None],
    blocks: dict[str, np.ndarray],
    unseen: dict[str, np.ndarray] | None,
    words: Words,
    least: float,
) -> tuple[Filled, list[dict[str, Any]]]:
    """What is said of one column, and the rows of its proposals, `item_id` being a place."""
    missing = np.array([value is None for value in values])
    gaps, levels = np.flatnonzero(missing), COLUMNS[name]
    one = Filled(name, int(len(values) - len(gaps)), len(gaps))
    try:
        fitted = Completion().fit(blocks, values, levels=levels, unseen=unseen)
    except FitError as error:
        return replace(one, refused=str(error)), []
    one = replace(one, **_judged(fitted, values, levels, least), note=_note(fitted, blocks, unseen))
    if one.refused:
        return one, []
    chances, used = fitted.chances({block: vectors[gaps] for block, vectors in blocks.items()})
    proposed, sure = most_likely(chances, fitted.classes, least, levels)
    model = fitted.fingerprint
    rows = [
        {
            "item_id": int(gaps[n]),
            "column": name,
            "value": proposed[n],
            "probability": round(float(sure[n]), 4),
            "because": words.because(fitted, blocks, int(gaps[n]), chances[n], used[n], proposed[n]),
            "model": model,
        }
        for n in np.argsort(-sure, kind="stable")
        if proposed[n]
    ]
    bare = int(np.isnan(chances[:, 0]).sum())
    return replace(one, proposed=len(rows), bare=bare), rows


def _judged(
    fitted: FittedCompletion, values: Sequence[str | None], levels: bool, least: float
) -> dict[str, Any]:
    """The figures of Filled that say how good proposals are, from products treated as gaps."""
    judged = ~np.isnan(fitted.judged[:, 0])
    if not judged.any():
        return {"refused": "too few products have anything in common with those that lack it."}
    chances, label = fitted.judged[judged], fitted.pool.label[judged]
    right = chances.argmax(axis=1) == label
    trivial = float(np.bincount(label).max() / len(label))
    proposed, _ = most_likely(chances, fitted.classes, least, levels)
    truth = [str(values[place]) for place in fitted.known[judged]]
    hits = [within(true, said) for true, said in zip(truth, proposed, strict=True) if said]
    found: dict[str, Any] = {
        "classes": len(set(fitted.classes) - {OTHER}),
        "accuracy": float(right.mean()),
        "balanced": float(np.mean([right[label == one].mean() for one in np.unique(label)])),
        "trivial": trivial,
        "calibration": reliability(chances.max(axis=1), right).error,
        "share": len(hits) / len(label),
        "right": float(np.mean(hits)) if hits else None,
        "by": fitted.used,
    }
    if right.mean() <= trivial:
        found["refused"] = (
            f"its words and pictures put {right.mean():.0%} of the products known right, no more than always "
            "saying the most frequent value does."
        )
    return found


def _note(fitted: FittedCompletion, blocks: Blocks, unseen: Blocks | None) -> str:
    """What is to be said of pictures that the network was trained on."""
    lacking = [m for m, name in enumerate(fitted.blocks) if unseen and name in unseen]
    if not lacking or any(fitted.used[fitted.blocks[m]] for m in lacking):
        return ""
    usable = int(max(fitted.pool.usable[:, m].sum() for m in lacking))
    return (
        f"pictures are left out: the network learnt the categories of all but {usable:,} of them, too few to "
        "tell what it is worth on others."
    )


def _prices(
    engine: Engine, catalogue: Catalogue, given: dict[str, list[str | None]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    listed = assemble.described(engine.query("products"), catalogue.items).price
    found = price_gaps(listed, catalogue.price, given["category"], given["brand"])
    rows = [
        {
            "item_id": one.item,
            "column": "price",
            "value": f"{one.price:.2f}",
            "low": None if np.isnan(one.low) else round(one.low, 2),
            "high": None if np.isnan(one.high) else round(one.high, 2),
            "because": one.because,
            "model": "",
        }
        for one in found.proposals
    ]
    error = None if np.isnan(found.error) else found.error
    told = {"missing": found.missing, "proposed": len(rows), "judged": found.judged, "error": error}
    return told, rows


def _seen(
    media: Path, catalogue: Catalogue, category: Sequence[str | None]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Vectors of pictures and videos, and which products' categories the network was not trained on."""
    seen = {name: vectors for name, (vectors, _) in vectors_of(media, catalogue.items).items()}
    library = Library(media)
    folder, links = library.encoder(library.current()), library.links()
    if not seen or links is None or not folder.exists():
        return seen, {}  # or weights of the user's own, which never saw the shop's categories
    try:
        taught = read_manifest(folder, KIND)["about"].get(TAUGHT)
    except ArtefactError:
        taught = None
    if taught is None:
        return {}, {}  # trained before that was written down
    learnt = np.zeros(catalogue.n_items, bool)
    hashes, item = set(taught), catalogue.items.codes(links["item_id"])
    for code, sha256, kind in zip(item, links["sha256"].to_pylist(), links["kind"].to_pylist(), strict=True):
        if code >= 0 and kind == "picture" and sha256 and sha256[:16] in hashes:
            learnt[code] = True
    return seen, dict.fromkeys(seen, ~learnt)
