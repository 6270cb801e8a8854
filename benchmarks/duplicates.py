"""Duplicates in a catalogue: where the truth is known by stock codes, by planting, and by labels."""

import csv
import io
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image
from scipy import sparse

from _process import data
from _record import Row, record
from merx.kernels.nearest import nearest_of_all
from merx.kernels.products import Barred, top_sparse
from merx.media.decode import decode
from merx.media.duplicates import Listed, Pair, duplicates
from merx.media.picture_net import PictureNet
from merx.media.terms import words
from merx.media.text import Text
from merx.media.titles import COLOURS, SIZES

MATCHED = {  # folder of product_matching: the two files, separator, columns of title and brand
    "abt_buy": ("abtclean", "buyclean", "|", "name", ""),
    "amazon_google": ("amazonclean", "gpclean", "#", "title", "manufacturer"),
    "walmart_amazon": ("walmartclean", "amazonclean", "|", "title", "brand"),
}
PLANTED = 60  # of each sort
NEAR = 10
# Judged by reading: all pairs found in Online Retail, and 50 drawn of those found in Walmart-Amazon and of
# the variants of Online Retail.
BY_HAND = (
    ("Online Retail as it is, all 36 pairs", "same title, same price", 12 / 36),
    ("Online Retail as it is, all 36 pairs", "same title, another price", 24 / 36),
    ("Online Retail as it is, all 36 pairs", "another title", 0.0),
    ("Online Retail as it is, 50 variants", "one product after all", 1 / 50),
    ("Walmart-Amazon, 50 pairs", "one product", 39 / 50),
    ("Walmart-Amazon, 50 pairs", "cannot be told", 4 / 50),
    ("Walmart-Amazon, 50 pairs", "two products", 7 / 50),
)
PROTOCOL = (
    "Listings: every (stock code, description) with which Online Retail ever sold. Two listings of one "
    "code, without regard to case, are one product; a pair of two codes counts as wrong, though most of "
    "those have word for word the same title. Planted: products of Online Retail (the most frequent "
    f"description of each code, median price) listed again, {PLANTED} for each way of writing them "
    "otherwise, half of them at another price; and as many variants, a number, size or colour put in "
    "place of another. By hand: what was found in the catalogue as it is, judged by reading titles and "
    "prices. Matched: the catalogues of two shops as one, with the published pairs as truth (Köpcke, "
    "Thor & Rahm, VLDB 2010; Mudgal et al., SIGMOD 2018; as cleaned in the repository AI-team- "
    "UoA/pyJedAI, data/ccer/D2, D3 and D8, put into product_matching); pairs within one shop are not "
    "labelled and not judged here, and a label is lacking for many that are one product. The rules were "
    "made on Online Retail, Amazon-Google and Walmart-Amazon; Abt-Buy was looked at once. Grocery: 81 "
    "products with one picture each, all listed again at another price, with a word less where the "
    "title has four or more, the picture cropped to 90 % and darkened; the network is trained on these "
    "pictures for a minute."
)


@dataclass(frozen=True)
class Listings:
    """Titles, brands and prices; the pairs that are one product; where a second shop's begin."""

    titles: list[str]
    brands: list[str | None]
    price: np.ndarray
    same: set[tuple[int, int]]
    border: int = 0


def sold() -> dict[tuple[str, str], tuple[int, float]]:
    """Lines and median price of each (stock code, description) of Online Retail."""
    table = pq.read_table(
        data("online_retail"), columns=["StockCode", "Description", "UnitPrice", "Quantity"]
    )
    table = table.filter((pc.field("UnitPrice") > 0) & (pc.field("Quantity") > 0))
    prices: dict[tuple[str, str], list[float]] = {}
    columns = (table[name].to_pylist() for name in ("StockCode", "Description", "UnitPrice"))
    for code, title, price in zip(*columns, strict=True):
        if title and title.strip() and any(sign.isdigit() for sign in code):
            prices.setdefault((code, title.strip()), []).append(price)
    return {key: (len(own), float(np.median(own))) for key, own in sorted(prices.items())}


def listings() -> Listings:
    keys = sold()
    of: dict[str, list[int]] = {}
    for place, (code, _) in enumerate(keys):
        of.setdefault(code.upper(), []).append(place)
    same = {pair for own in of.values() for pair in combinations(own, 2)}
    titles = [title for _, title in keys]
    return Listings(titles, [None] * len(titles), np.array([price for _, price in keys.values()]), same)


def catalogue() -> Listings:
    """One title for each code."""
    best: dict[str, tuple[int, str, float]] = {}
    for (code, title), (lines, price) in sold().items():
        best[code.upper()] = max(best.get(code.upper(), (0, "", 0.0)), (lines, title, price))
    titles = [title for _, title, _ in best.values()]
    return Listings(titles, [None] * len(titles), np.array([price for *_, price in best.values()]), set())


def matched(folder: str) -> Listings:
    first, second, separator, title, brand = MATCHED[folder]
    home = data(f"product_matching/{folder}")

    def read(name: str) -> list[dict[str, str]]:
        text = (home / f"{name}.csv").read_text(encoding="utf-8", errors="replace")
        return list(csv.DictReader(io.StringIO(text), delimiter=separator))

    rows, others = read(first), read(second)
    place = {row["id"]: n for n, row in enumerate(rows)}
    other = {row["id"]: n + len(rows) for n, row in enumerate(others)}
    same = {(place[row["D1"]], other[row["D2"]]) for row in read("gtclean")}
    every = rows + others
    price = np.array([float((row["price"] or "nan").split()[0]) for row in every])
    return Listings(
        [row[title] for row in every],
        [row.get(brand) or None for row in every],
        np.where(price > 0, price, np.nan),
        same,
        len(rows),
    )


def otherwise(title: str, how: str, rng: np.random.Generator) -> str | None:
    """A title written in another way, as people do; None where this one does not lend itself to it."""
    own = words(title)
    long = [n for n, word in enumerate(own) if len(word) >= 6 and word.isalpha()]
    plain = [n for n, w in enumerate(own) if w.isalpha() and len(w) > 2 and w not in COLOURS | SIZES]
    if len(own) < 4 or not long or len(plain) < 2:
        return None
    if how == "order":
        cut = int(rng.integers(1, len(own)))
        own = own[cut:] + own[:cut]
    elif how == "misspelt":
        n = int(rng.choice(long))
        at = int(rng.integers(1, len(own[n]) - 2))
        own[n] = own[n][:at] + own[n][at + 1] + own[n][at] + own[n][at + 2 :]
    elif how == "together":
        n = int(rng.integers(0, len(own) - 1))
        own[n : n + 2] = ["".join(own[n : n + 2])]
    elif how == "ending":
        n = int(rng.choice(long))
        own[n] = own[n].removesuffix("s") if own[n].endswith("s") else f"{own[n]}s"
    elif how == "a word less":
        del own[int(rng.choice(plain))]
    elif how == "a word more":
        own.append(str(rng.choice(["original", "quality", "design", "gift"])))
    elif how == "as variant":
        kinds = [sorted(COLOURS), ["small", "medium", "large"]]
        for n, word in enumerate(own):
            group = next((group for group in kinds if word in group), None)
            if word.isdigit() or group:
                own[n] = str(int(word) + 1) if word.isdigit() else next(w for w in group if w != word)
                return " ".join(own)
        return None
    return " ".join(own)


def planted(base: Listings) -> tuple[Listings, dict[str, set[tuple[int, int]]]]:
    """The catalogue with products listed again, and which pairs these are, by how they were written."""
    rng = np.random.default_rng(0)
    titles, price = list(base.titles), list(base.price)
    there = {" ".join(sorted(words(title))) for title in titles}
    pairs: dict[str, set[tuple[int, int]]] = {}
    free = iter(rng.permutation(len(base.titles)).tolist())
    for how in ("order", "misspelt", "together", "ending", "a word less", "a word more", "as variant"):
        pairs[how] = set()
        while len(pairs[how]) < PLANTED:
            item = next(free)
            title = otherwise(base.titles[item], how, rng)
            if title is None or (how == "as variant" and " ".join(sorted(words(title))) in there):
                continue
            pairs[how].add((item, len(titles)))
            titles.append(title)
            price.append(base.price[item] * (1.0 if len(pairs[how]) % 2 else float(rng.choice([0.8, 1.25]))))
    return Listings(titles, [None] * len(titles), np.array(price), set()), pairs


def found(given: Listings) -> tuple[list[Pair], list[Pair], float]:
    start = perf_counter()
    pairs = duplicates(Listed(given.titles, given.brands, given.price))
    spent = perf_counter() - start
    return [p for p in pairs if not p.variant], [p for p in pairs if p.variant], spent


def share(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def judged(case: str, given: Listings, pairs: Sequence[Pair], variants: Sequence[Pair]) -> list[Row]:
    right = [(p.one, p.other) in given.same for p in pairs]
    reworded = [ok for ok, p in zip(right, pairs, strict=True) if p.own or p.others]
    return [
        Row(case, "pairs found", len(pairs)),
        Row(case, "precision", share(right)),
        Row(case, "precision where words differ", share(reworded)),
        Row(case, "recall", sum(right) / len(given.same)),
        Row(case, "variants that are one", share([(p.one, p.other) in given.same for p in variants])),
    ]


def nearest_pairs(case: str, given: Listings) -> list[Row]:
    """How many of the true pairs are among the ten nearest, by terms and by directions."""
    nothing: list[str | None] = [None] * len(given.titles)
    text = Text().fit(list(given.titles), nothing)
    weights = text.weights(list(given.titles), nothing)
    n = len(given.titles)
    by_terms, _ = top_sparse(weights, sparse.csr_array(weights.T), NEAR, Barred.itself(n))
    by_directions, _ = nearest_of_all(text.embed(list(given.titles), nothing), NEAR)

    def hit(column: np.ndarray) -> float:
        return share([b in column[a] or a in column[b] for a, b in given.same])

    return [
        Row(case, f"true pair among the {NEAR} nearest by terms", hit(by_terms)),
        Row(case, f"true pair among the {NEAR} nearest by 96 directions", hit(by_directions)),
    ]


def grocery() -> list[Row]:
    """Text alone, and text with pictures."""
    table = pq.read_table(data("grocery/classes_with_text.parquet")).to_pylist()
    rng, titles, files = np.random.default_rng(0), [], []
    with tarfile.open(data("grocery/iconic_images_and_text.tar")) as tar:
        members = {member.name.split("iconic-images-and-descriptions")[-1]: member for member in tar}
        for row in table:
            first = row["information"].lstrip("\ufeff").split("\n")[0].removeprefix("Title:")
            titles.append(first.strip())
            path = row["Iconic Image Path (str)"].split("iconic-images-and-descriptions")[-1]
            files.append(tar.extractfile(members[path]).read())
    n = len(titles)
    again = []
    for title in titles:
        own = words(title)
        plain = [place for place, word in enumerate(own) if word.isalpha()]
        if len(own) > 3:
            del own[int(rng.choice(plain))]
        again.append(" ".join(own))
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"grocery-{os.getpid()}"
    folder.mkdir()
    pixels = []
    for place, content in enumerate(files * 2):
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        if place >= n:
            w, h = picture.size
            picture = picture.crop((w // 20, h // 20, w - w // 20, h - h // 20)).point(lambda v: v * 0.85)
        path = folder / f"{place}.jpg"
        picture.save(path, quality=85)
        pixels.append(np.frombuffer(decode(path, 128), np.uint8).reshape(128, 128, 3))
        path.unlink()
    folder.rmdir()
    shown = np.stack(pixels)
    labels = [row["Coarse Class Name (str)"] for row in table] * 2
    network = PictureNet(shown=8_000, held_out=0.0).fit(shown, labels)
    vectors = network.vectors(shown)
    price = np.concatenate([np.full(n, 10.0), np.full(n, 12.5)])
    price[:n] += np.arange(n)
    rows = []
    for case, looks in (("text alone", None), ("text and picture", vectors)):
        listed = Listed(titles + again, [None] * (2 * n), price, pictures=looks)
        pairs = [p for p in duplicates(listed) if not p.variant]
        right = [p.other - p.one == n for p in pairs]
        rows += [
            Row(f"grocery listed again, {case}", "precision", share(right)),
            Row(f"grocery listed again, {case}", "recall", sum(right) / n),
        ]
    return rows


def main() -> None:
    rows: list[Row] = []
    given = listings()
    pairs, variants, spent = found(given)
    rows += judged("Online Retail, listings of one code", given, pairs, variants)
    rows.append(Row(f"Online Retail, {len(given.titles):,} listings", "seconds", spent))
    rows += nearest_pairs("Online Retail, listings of one code", given)
    base = catalogue()
    before = {(p.one, p.other) for p in found(base)[0]}
    given, ways = planted(base)
    pairs, variants, _ = found(given)
    now = {(p.one, p.other) for p in pairs}
    told = {(p.one, p.other) for p in variants}
    for how, own in ways.items():
        case = f"Online Retail, planted: {how}"
        if how == "as variant":
            rows.append(Row(case, "taken for duplicates", share([pair in now for pair in own])))
            rows.append(Row(case, "told as variants", share([pair in told for pair in own])))
        else:
            rows.append(Row(case, "recall", share([pair in now for pair in own])))
    sown = set().union(*ways.values())
    wrong = [(a, b) for a, b in now - before - sown if b >= len(base.titles)]
    rows.append(Row("Online Retail, planted: all", "pairs with a product not its own", len(wrong)))
    rows += [Row(*judgement) for judgement in BY_HAND]
    for name in MATCHED:
        given = matched(name)
        pairs, variants, spent = found(given)
        apart = [[p for p in own if p.one < given.border <= p.other] for own in (pairs, variants)]
        case = name.replace("_", "-").title()
        rows += judged(case, given, *apart)
        rows.append(Row(f"{case}, {len(given.titles):,} products", "seconds", spent))
        rows += nearest_pairs(case, given)
    rows += grocery()
    record("duplicates", PROTOCOL, rows)


if __name__ == "__main__":
    main()
