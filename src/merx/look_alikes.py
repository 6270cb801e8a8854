"""The products held against each other: the look-alikes of one, and those that are there twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from scipy import sparse

from merx.config import ShopConfig
from merx.data.catalogue import Catalogue
from merx.errors import RequestError
from merx.fitting import Inputs, text_encoder
from merx.media.alike import alike, cosines, present
from merx.media.duplicates import Listed, Pair, duplicates
from merx.media.library import Library, vectors_of
from merx.media.text import FittedText, weighed
from merx.seeing import known
from merx.store.assemble import items
from merx.store.engine import Engine

SORTS = ("text", "picture", "video")
WORDS = 5  # of those that made two products alike
SHOWN = 3  # best sellers in a report, and look-alikes of each
MOST_REPORTED = 20_000  # products among which a report looks for duplicates: some seconds


@dataclass(frozen=True)
class Products:
    """The catalogue of I items, and what their texts, pictures and videos are like.

    Parameters
    ----------
    catalogue : Catalogue (I,)
    text : FittedText
        What the terms of titles and descriptions weigh.
    vectors : dict of "text", "picture" and "video" to float32 (I, F), or CSR (I, T)
        Rows of length 1, zeros where an item has none. Texts by the shop's sentence encoder where it names
        one; else by the weights of their terms, not by the few directions of `merx.media.text`, which bring
        products together that share no word.
    """

    catalogue: Catalogue
    text: FittedText
    vectors: dict[str, np.ndarray | sparse.csr_array]

    @classmethod
    def of(cls, engine: Engine, config: ShopConfig, media: Path) -> "Products":
        """Of a shop whose vectors of pictures and videos lie in the folder `media`.

        Raises DataError where no product is known.
        """
        catalogue: Catalogue = Inputs(engine, config).of("catalogue")
        texts = catalogue.title.to_pylist(), catalogue.description.to_pylist()
        text = weighed(*texts)
        embed = text_encoder(config, media)
        seen = {kind: vectors for kind, (vectors, _) in vectors_of(media, catalogue.items).items()}
        return cls(catalogue, text, {"text": embed(*texts) if embed else text.weights(*texts), **seen})

    def words(self, one: int, other: int) -> list[dict[str, Any]]:
        """The words that two texts have in common, with their shares in what weights of words make alike."""
        own, others = (
            (self.catalogue.title[item].as_py(), self.catalogue.description[item].as_py())
            for item in (one, other)
        )
        shared = self.text.alike_by(own, others, WORDS)
        return [{"word": word, "share": round(share, 4)} for word, share in shared]

    def nearest(self, item: int, sorts: Sequence[str], count: int) -> tuple[list[str], list[dict[str, Any]]]:
        """The products most like one: those of the sorts that it has, and a row for each look-alike."""
        there = {name: present(vectors) for name, vectors in self.vectors.items()}
        names = [name for name in sorts if name in there and there[name][item]]
        if not names:
            return [], []
        others, scores = alike([self.vectors[name] for name in names], item, count)
        each = {name: cosines(self.vectors[name], item) for name in there if there[name][item]}
        rows = []
        for rank, (other, score) in enumerate(zip(others.tolist(), scores.tolist(), strict=True), start=1):
            of_sort = {
                name: round(float(each[name][other]), 4) if name in each and there[name][other] else None
                for name in SORTS
            }
            about, words = described(self.catalogue, other), self.words(item, other)
            rows.append({"rank": rank, **about, "similarity": round(score, 4), **of_sort, "words": words})
        return names, rows


def described(catalogue: Catalogue, item: int) -> dict[str, Any]:
    """What people know a product by."""
    price = float(catalogue.price[item])
    told = {name: getattr(catalogue, name)[item].as_py() for name in ("title", "brand", "category")}
    return {
        "item_id": catalogue.items.ids[item].as_py(),
        **told,
        "price": price if np.isfinite(price) else None,
    }


def similar(
    engine: Engine, config: ShopConfig, media: Path, item: str, by: str = "both", count: int = 10
) -> dict[str, Any]:
    """The products most like one, with the similarity of each sort and the words in common.

    Parameters
    ----------
    by : str
        "text", "picture", "video", or "both": all of these that the product has.
    count : int
        How many, at most.

    Returns
    -------
    dict
        `item`, what is known of it; `by`, the sorts that decided; `rows`, most similar first, each with its
        `similarity`, that of each sort (null where one of the two lacks it) and `words`.

    Raises
    ------
    RequestError
        There is no such product, it lacks what it is to be compared by, or `count` is below 1.
    """
    if count < 1:
        raise RequestError(f"count = {count}: at least 1 look-alike is asked for.")
    products = Products.of(engine, config, media)
    code = products.catalogue.items.code(item)
    if code < 0:
        raise RequestError(f"{item!r} is unknown to the shop; neither an event nor the catalogue names it.")
    names, rows = products.nearest(code, SORTS if by == "both" else (by,), count)
    if not names:
        raise RequestError(_lacking(item, by, media))
    return {"item": described(products.catalogue, code), "by": names, "rows": rows}


def _lacking(item: str, by: str, media: Path) -> str:
    """Why a product cannot be compared, and what to do."""
    if by == "text":
        return (
            f"{item}: no word of its title or description is another product's; give it a title in the "
            "catalogue, or compare it by picture."
        )
    library = Library(media)
    if library.links() is None:
        return f"{item}: no pictures were looked at yet; run `merx media {media.parent}`, or compare by text."
    kinds = ("picture", "video") if by == "both" else (by,)
    why = [
        f"{link}: {why}"
        for name, link, why, kind in known(library).rejected
        if name == item and kind in kinds
    ]
    return (
        f"{item} has no {' or '.join(kinds)} ({'; '.join(why) or 'the catalogue names none'}); mend that, "
        f"run `merx media {media.parent}`, or compare by text."
    )


def twice(engine: Engine, config: ShopConfig, media: Path) -> dict[str, Any]:
    """Products that seem to be in the catalogue twice, and pairs of mere variants.

    Returns
    -------
    dict
        `products`: how many were held against each other. `duplicates` and `variants`: pairs, the best score
        first, each with `score`, `one` and `other` (what is known of either), the words, brands or numbers
        that only one of them has (`only_one`, `only_other`), and the cosine of their pictures (`picture`,
        null where one has none).

    Raises
    ------
    DataError
        No product is known.
    """
    catalogue: Catalogue = Inputs(engine, config).of("catalogue")
    return _pairs(engine, catalogue, vectors_of(media, catalogue.items).get("picture", (None,))[0])


def _pairs(engine: Engine, catalogue: Catalogue, pictures: np.ndarray | None) -> dict[str, Any]:
    texts = zip(catalogue.title.to_pylist(), catalogue.description.to_pylist(), strict=True)
    titles = [title or description for title, description in texts]
    products = engine.query("products")
    place = pc.index_in(catalogue.items.ids, products["item_id"].combine_chunks())
    gtin, group = (products[name].take(place).to_pylist() for name in ("gtin", "item_group_id"))
    brand = catalogue.brand.to_pylist()
    pairs = duplicates(Listed(titles, brand, catalogue.price, gtin, group, pictures))
    return {
        "products": sum(title is not None for title in titles),
        "duplicates": [_told(catalogue, pair) for pair in pairs if not pair.variant],
        "variants": [_told(catalogue, pair) for pair in pairs if pair.variant],
    }


def overview(engine: Engine, config: ShopConfig, media: Path) -> dict[str, Any]:
    """What a report shows: pairs as `twice` has them, and `nearest`: some best sellers and what is like them.

    Empty where no product is known, or more are than a report waits for.
    """
    if not 0 < len(items(engine)) <= MOST_REPORTED:
        return {}
    products = Products.of(engine, config, media)
    shown = []
    for name in engine.query("best_sellers", n=SHOWN)["item_id"].to_pylist():
        item = products.catalogue.items.code(name)
        by, rows = products.nearest(item, SORTS, SHOWN)
        if rows:
            shown.append({"item": described(products.catalogue, item), "by": by, "rows": rows})
    return {**_pairs(engine, products.catalogue, products.vectors.get("picture")), "nearest": shown}


def _told(catalogue: Catalogue, pair: Pair) -> dict[str, Any]:
    return {
        "score": round(pair.score, 4),
        "one": described(catalogue, pair.one),
        "other": described(catalogue, pair.other),
        "only_one": list(pair.own),
        "only_other": list(pair.others),
        "picture": None if pair.picture is None else round(pair.picture, 4),
    }
