"""What the products look like: a network for their pictures, and the vectors of their pictures and videos."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from merx import artefact
from merx.config import ShopConfig
from merx.data.contracts import Progress
from merx.data.schema import DAY
from merx.errors import FitError, MerxError, RequestError
from merx.evaluate.split import held_back, last_days
from merx.files import write_csv
from merx.fitting import Inputs, config_of
from merx.media.decoding import decoded
from merx.media.encode import encode
from merx.media.library import KINDS, LINKS, Library, Medium, linked, media_of
from merx.media.picture_net import FittedPictureNet, PictureNet, brought
from merx.media.saliency import saliency, write_overlay
from merx.media.values import classes_of
from merx.registry import kind
from merx.store.engine import Engine

KIND = "picture_net"
SETTINGS = PictureNet()
NEEDED = {"torch": "torch", "PIL": "pillow", "av": "av"}  # modules of merx[media], and their packages
TASTE = "als"  # whose item factors pictures learn to foretell
TRAINED_ON = 10_000  # pictures, at most: 0.5 GB of pixels
FEWEST_OF_LABEL = 10  # pictures of a category to be learnt; smaller ones count as the category above
TAUGHT = "taught"  # in the manifest of a network: 16 digits of the hash of each picture whose label it learnt
EXAMPLES = 5


@dataclass(frozen=True)
class Seen:
    """How many products have one kind of media, and what became of it.

    Parameters
    ----------
    linked, elsewhere : int
        Products with a link; those whose link is an address in the net, which is not fetched.
    rejected : int
        Products whose file is missing or gives no pixels.
    """

    linked: int
    elsewhere: int
    rejected: int


@dataclass(frozen=True)
class MediaReport:
    """What `merx media` did.

    Parameters
    ----------
    kinds : dict of "picture" and "video" to Seen
    files, new : int
        Distinct files, and those whose vector was computed now.
    rejected : tuple of (item, link, reason, kind)
        Every link without pixels; they are in rejected/media.csv too.
    encoder : str
        What is said of the network.
    seconds : float
    refused : str
        Why nothing was done; "" where it was.
    """

    kinds: dict[str, Seen]
    files: int = 0
    new: int = 0
    rejected: tuple[tuple[str, str, str, str], ...] = ()
    encoder: str = ""
    seconds: float = 0.0
    refused: str = ""

    def to_table(self) -> pa.Table:
        """One row a kind: kind, linked, elsewhere, rejected."""
        return pa.Table.from_pylist([{"kind": name, **asdict(seen)} for name, seen in self.kinds.items()])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "reasons": self.reasons, "rejected": self.rejected[:EXAMPLES]}

    @property
    def reasons(self) -> dict[str, int]:
        """How many links were rejected for each reason, the most frequent first."""
        return dict(Counter(reason for _, _, reason, _ in self.rejected).most_common())

    def reasons_of(self, kind: str) -> dict[str, int]:
        """Those of pictures, or of videos."""
        of_kind = (reason for _, _, reason, which in self.rejected if which == kind)
        return dict(Counter(of_kind).most_common())


def see(
    engine: Engine, config: ShopConfig, shop: Path, progress: Progress, train: bool = False
) -> MediaReport:
    """Find the products' media, train a network where there is none, and compute what has no vector yet.

    Parameters
    ----------
    shop : path
        The shop's folder.
    train : bool
        Train anew, though there is a network.

    Raises
    ------
    RequestError
        No product has a link to a picture or a video.
    ArtefactError
        The weights named in [media] cannot be used, or the network trained here is damaged.
    """
    begun = perf_counter()
    products = engine.query("products")
    if not any(products[column].null_count < len(products) for column in KINDS.values()):
        raise RequestError("no product has an image_link or a video_link; ingest a catalogue that has them.")
    library = Library(shop / "media")
    links = linked(products, shop / config.media.folder, library.links())
    media = media_of(links)
    if not media:
        return MediaReport(_counts(links, {}), refused=_nothing_there(links, shop / config.media.folder))
    if missing := [package for module, package in NEEDED.items() if find_spec(module) is None]:
        return MediaReport(
            _counts(links, {}),
            refused=f"pictures and videos need {', '.join(missing)}: pip install 'merx[media]'.",
        )
    library.keep_links(links)
    try:
        encoder = _encoder(engine, config, shop, library, products, links, media, progress, train)
    except FitError as error:
        return MediaReport(_counts(links, {}), refused=str(error))
    new = encode(library, encoder, media, progress)
    library.forget_all_but(encoder.fingerprint)
    report = replace(known(library), new=new, encoder=encoder.summary)
    _write_rejected(report, shop / "rejected" / "media.csv")
    return replace(report, seconds=round(perf_counter() - begun, 2))


def known(library: Library) -> MediaReport:
    """What became of the links when they were last followed."""
    links = library.links()
    if links is None:
        return MediaReport(_counts(LINKS.empty_table(), {}))
    rows = library.vectors(library.current()).to_pylist()
    reasons = {(row["kind"], row["sha256"]): row["reason"] for row in rows if row["reason"]}
    rejected = tuple(
        (row["item_id"], row["link"], reason, row["kind"])
        for row in links.to_pylist()
        if (reason := row["reason"] or reasons.get((row["kind"], row["sha256"])))
    )
    return MediaReport(_counts(links, reasons), len(media_of(links)), rejected=rejected)


def _nothing_there(links: pa.Table, folder: Path) -> str:
    first = links.slice(0, 1).to_pylist()[0]
    return (
        f"none of the {len(links):,} links leads to a file below {folder} (first: {first['link']}: "
        f"{first['reason']}); put the files there, or name their folder: [media] folder."
    )


def _encoder(
    engine: Engine,
    config: ShopConfig,
    shop: Path,
    library: Library,
    products: pa.Table,
    links: pa.Table,
    media: Sequence[Medium],
    progress: Progress,
    train: bool,
) -> FittedPictureNet:
    """The weights that the user names, the network trained here before, or a new one."""
    if (config.media.weights or library.encoder(library.current()).exists()) and not train:
        return _encoder_at_hand(config, shop, library)
    progress("media: reading", 0, 1)
    of_item = dict(zip(links["item_id"].to_pylist(), links["sha256"].to_pylist(), strict=True))
    items = {sha256: item for item, sha256 in reversed(of_item.items())}  # the first product of each picture
    shown = [medium for medium in media if medium.kind == "picture" and medium.sha256 in items]
    if len(shown) > TRAINED_ON:
        drawn = np.random.default_rng(SETTINGS.seed).choice(len(shown), TRAINED_ON, replace=False)
        shown = [shown[place] for place in np.sort(drawn)]
    pixels = list(decoded([(medium.kind, medium.path) for medium in shown], SETTINGS.size))
    good = [place for place, found in enumerate(pixels) if not isinstance(found, str)]
    if not good:
        raise FitError("no picture can be read, so there is no network to make vectors with.")
    category = dict(zip(products["item_id"].to_pylist(), products["category"].to_pylist(), strict=True))
    names = [items[shown[place].sha256] for place in good]
    labels = [name or None for name in classes_of([category[name] for name in names], FEWEST_OF_LABEL, True)]
    fitted = SETTINGS.fit(
        np.concatenate([pixels[place] for place in good]),
        labels,
        taste(engine, config, names),
        progress=lambda what, done, total: progress(f"media: {what}", done, total),
    )
    if not library.encoder(fitted.fingerprint).exists():
        apart = SETTINGS.apart(len(good))
        taught = [shown[place].sha256[:16] for n, place in enumerate(good) if labels[n] and not apart[n]]
        about = {TAUGHT: taught if fitted.classes else []}
        artefact.save(fitted, library.encoder(fitted.fingerprint), kind=KIND, config=SETTINGS, about=about)
    library.use(fitted.fingerprint)
    return fitted


def _encoder_at_hand(config: ShopConfig, shop: Path, library: Library) -> FittedPictureNet:
    """The weights that the user names, or else the network that was trained here."""
    if not config.media.weights:
        return artefact.load(library.encoder(library.current()), KIND, FittedPictureNet, PictureNet)
    found = brought(shop / config.media.weights, SETTINGS.size)
    library.use(found.fingerprint)
    return found


def show_saliency(config: ShopConfig, shop: Path, item: str, path: Path) -> dict[str, Any]:
    """Write a PNG file: the picture of a product, and beside it what the network looks at.

    Returns
    -------
    dict
        `item`, `path`, `class` (what the picture is taken for, "" where the network has no classes), `told`.

    Raises
    ------
    RequestError
        There is no network yet, the product has no picture, or the picture cannot be read.
    """
    library = Library(shop / "media")
    links = library.links()
    if links is None or not library.current():
        raise RequestError(f"{shop}: its pictures were not looked at yet; run `merx media {shop}`.")
    rows = [row for row in links.to_pylist() if row["item_id"] == item and row["kind"] == "picture"]
    if not rows or rows[0]["path"] is None:
        why = rows[0]["reason"] if rows else "no link to one"
        raise RequestError(f"{item}: no picture ({why}).")
    encoder = _encoder_at_hand(config, shop, library)
    [pixels] = decoded([("picture", Path(rows[0]["path"]))], encoder.size)
    if isinstance(pixels, str):
        raise RequestError(f"{item}: {rows[0]['link']} cannot be read ({pixels}).")
    heat, name = saliency(encoder, pixels[0])
    write_overlay(pixels[0], heat, path)
    taken = f"taken for {name}; " if name else ""
    told = f"{path}: the picture of {item}, {taken}on the right what the network looks at."
    return {"item": item, "path": str(path), "class": name, "told": told}


def taste(engine: Engine, config: ShopConfig, items: Sequence[str]) -> np.ndarray | None:
    """Factors float32 (n, K) of the items in a collaborative model, zeros where nobody met them.

    The model is fitted on what happened before the days that models are judged and tuned on, so that no
    picture tells of those days; nor of the products that are judged as new. None where the tables do not
    carry it.
    """
    try:
        histories = Inputs(engine, config).of("histories")
        until = last_days(histories, config.evaluate.days) - config.evaluate.days * DAY
        past = Inputs(engine, config, until=until).of("histories")
        fitted = config_of(kind(TASTE), config).fit(past)
    except MerxError:
        return None
    met = (np.bincount(past.item, minlength=past.n_items) > 0) & ~held_back(past.items)
    code = past.items.codes(list(items))
    known = (code >= 0) & met[code]
    return np.where(known[:, None], fitted.item_factors[code], 0.0).astype(np.float32)


def _counts(links: pa.Table, reasons: dict[tuple[str, str], str]) -> dict[str, Seen]:
    found = {}
    for name in KINDS:
        rows = [row for row in links.to_pylist() if row["kind"] == name]
        elsewhere = sum("://" in row["link"] or row["link"].startswith("//") for row in rows)
        lacking = sum(row["sha256"] is None or (name, row["sha256"]) in reasons for row in rows)
        found[name] = Seen(len(rows), elsewhere, lacking - elsewhere)
    return found


def _write_rejected(report: MediaReport, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    columns = list(zip(*report.rejected, strict=True)) or [(), (), (), ()]
    names = ("item_id", "link", "reason", "kind")
    write_csv(pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)}), path)
