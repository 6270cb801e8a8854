"""The folder SHOP/media: vectors of pictures and videos by what the files hold, each computed once.

encoder/<fingerprint>/            the network that was trained here (see merx.artefact)
current                           the fingerprint of the network in force
text/                             vectors of texts by a sentence encoder, in the same form (see sentences)
links.parquet                     what each product's links lead to: the file's hash, or why there is none
vectors/<fingerprint>/*.parquet   kind, hash, vector or reason; parts written whole, never changed

A part holds what was computed in a few seconds; an interrupted run loses no more. Vectors are kept by the
SHA-256 of a file's bytes: a renamed file is known, a changed one is new. A file whose size and time of
change are as they were is not read again.
"""

import hashlib
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.data.vocabulary import Vocabulary
from merx.files import replace_text, write_parquet
from merx.media.decode import MOST_BYTES
from merx.media.kept import read_kept

KINDS = {"picture": "image_link", "video": "video_link"}  # and the column of products that names the file
MOST_VIDEO_BYTES = 2_000_000_000
MEND = "delete it, and what it held is computed again"
ELSEWHERE = ("http://", "https://", "//")

LINKS = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("link", pa.string(), nullable=False),
        pa.field("path", pa.string()),  # null: not on this disk
        pa.field("size", pa.int64()),
        pa.field("changed", pa.int64()),  # nanoseconds since 1970
        pa.field("sha256", pa.string()),
        pa.field("reason", pa.string()),  # why there is no file to read; null where there is one
    ]
)
VECTORS = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("vector", pa.list_(pa.float32())),
        pa.field("reason", pa.string()),  # why the file has no vector; null where it has one
    ]
)


@dataclass(frozen=True)
class Medium:
    """One file, by its kind and its hash; `path` is one of those where it lies."""

    kind: str
    sha256: str
    path: Path


def linked(products: pa.Table, root: Path, before: pa.Table | None) -> pa.Table:
    """What the products' links lead to (LINKS), in the order of the products, pictures first.

    A link is a path below `root`; one that leads out of it is refused, and what lies elsewhere in the net is
    not fetched.

    Parameters
    ----------
    products : table with item_id, image_link, video_link
    before : table (LINKS), optional
        As last found: a file whose size and time of change are the same has the same hash.
    """
    root = root.resolve()
    known: dict[tuple[str, int, int], str] = {}
    if before is not None:
        columns = (before[name].to_pylist() for name in ("path", "size", "changed", "sha256"))
        known = {(path, size, changed): sha for path, size, changed, sha in zip(*columns, strict=True) if sha}
    rows = []
    for kind, column in KINDS.items():
        for item_id, link in zip(products["item_id"].to_pylist(), products[column].to_pylist(), strict=True):
            if link:
                row = {"item_id": item_id, "kind": kind, "link": link}
                rows.append({**row, **_found(root, link, kind, known)})
    return pa.Table.from_pylist(rows, schema=LINKS)


def _found(
    root: Path, link: str, kind: str, known: Mapping[tuple[str, int, int], str]
) -> dict[str, str | int]:
    """The columns of LINKS that say what is at the end of a link."""
    if link.lower().startswith(ELSEWHERE):
        return {"reason": "not on this disk; nothing is fetched from the net"}
    try:
        path = (root / link).resolve()
        if not path.is_relative_to(root):
            return {"reason": "leads out of the folder of media"}
        state = path.stat()
        if not path.is_file():
            return {"reason": "no file"}
        most = MOST_BYTES if kind == "picture" else MOST_VIDEO_BYTES
        if state.st_size > most:
            return {"reason": f"{state.st_size / 1e6:,.0f} MB, more than {most / 1e6:,.0f}"}
        key = (str(path), state.st_size, state.st_mtime_ns)
        sha256 = known.get(key) or _sha256(path)
    except FileNotFoundError:
        return {"reason": "there is no such file"}
    except (OSError, ValueError) as error:  # ValueError: a link that can be no path
        return {"reason": f"cannot be read: {getattr(error, 'strerror', None) or error}"}
    return {"path": key[0], "size": key[1], "changed": key[2], "sha256": sha256}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def media_of(links: pa.Table) -> list[Medium]:
    """The distinct files behind links, in their order."""
    found: dict[tuple[str, str], Medium] = {}
    columns = (links[name].to_pylist() for name in ("kind", "sha256", "path"))
    for kind, sha256, path in zip(*columns, strict=True):
        if sha256:
            found.setdefault((kind, sha256), Medium(kind, sha256, Path(path)))
    return list(found.values())


class Library:
    """The folder; nothing is made before something is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> str:
        """The fingerprint of the network in force, "" where there is none."""
        path = self.folder / "current"
        return path.read_text().strip() if path.exists() else ""

    def encoder(self, fingerprint: str) -> Path:
        """Where a network that was trained here is kept."""
        return self.folder / "encoder" / (fingerprint or "none")

    def use(self, fingerprint: str) -> None:
        """Make this the network in force."""
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_text(self.folder / "current", fingerprint)

    def links(self) -> pa.Table | None:
        """As last written (LINKS); None before. Raises DataError where the file is damaged."""
        path = self.folder / "links.parquet"
        return read_kept(path, LINKS, MEND) if path.exists() else None

    def keep_links(self, links: pa.Table) -> None:
        """Write them down in place of those before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_parquet(links, self.folder / "links.parquet")

    def vectors(self, fingerprint: str) -> pa.Table:
        """All that this network has computed (VECTORS). Raises DataError where a part is damaged."""
        parts = sorted((self.folder / "vectors" / (fingerprint or "none")).glob("[!.]*.parquet"))
        return pa.concat_tables([read_kept(path, VECTORS, MEND) for path in parts] or [VECTORS.empty_table()])

    def add(self, fingerprint: str, media: Sequence[Medium], found: Iterable[np.ndarray | str]) -> None:
        """Write a part: of each medium its vector, or the reason why it has none."""
        rows = [
            {
                "kind": medium.kind,
                "sha256": medium.sha256,
                "vector": None if isinstance(one, str) else one.tolist(),
                "reason": one if isinstance(one, str) else None,
            }
            for medium, one in zip(media, found, strict=True)
        ]
        folder = self.folder / "vectors" / fingerprint
        folder.mkdir(parents=True, exist_ok=True)
        write_parquet(pa.Table.from_pylist(rows, schema=VECTORS), folder / f"{secrets.token_hex(8)}.parquet")

    def forget_all_but(self, fingerprint: str) -> None:
        """Remove the networks and vectors that are not in force any more."""
        for folder in [*self.folder.glob("encoder/*"), *self.folder.glob("vectors/*")]:
            if folder.name != fingerprint:
                shutil.rmtree(folder)


def vectors_of(folder: Path, items: Vocabulary) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What is known of the looks of I items, by kind: unit vectors float32 (I, F), and present, bool (I,).

    Parameters
    ----------
    folder : path
        SHOP/media, which need not be there.

    Returns
    -------
    dict of "picture" and "video" to (vectors, present)
        Only of kinds that any of the items has; zeros for the other items.
    """
    library = Library(folder)
    links, table = library.links(), library.vectors(library.current())
    if links is None or not len(table):
        return {}
    table = table.filter(table["vector"].is_valid())
    if not len(table):
        return {}
    every = np.stack(table["vector"].to_numpy(zero_copy_only=False)).astype(np.float32)  # (files, F)
    keys = zip(table["kind"].to_pylist(), table["sha256"].to_pylist(), strict=True)
    place = {key: number for number, key in enumerate(keys)}
    found = {}
    for kind in KINDS:
        of_kind = links.filter(pc.equal(links["kind"], kind))
        at = np.array([place.get((kind, sha), -1) for sha in of_kind["sha256"].to_pylist()], np.int64)
        item = items.codes(of_kind["item_id"])
        good = (at >= 0) & (item >= 0)
        if good.any():
            vectors, present = np.zeros((len(items), every.shape[1]), np.float32), np.zeros(len(items), bool)
            vectors[item[good]], present[item[good]] = every[at[good]], True
            found[kind] = (vectors, present)
    return found
