"""Any fitted record <-> a folder, without pickle.

    manifest.json        format, kind, config, shapes, dtypes, hashes; never an import path
    arrays.safetensors   every array, under its dotted field name
    <field>.parquet      every Vocabulary

A fitted model is a frozen dataclass. Its fields, and so the fields of dataclasses inside it, may be: NumPy
arrays (finite), dicts of them by name, CSR arrays, Vocabulary, str, int, float, bool, tuple[str, ...] and
dataclasses of these. Saving and loading walk those fields, so models hold no code for it. What to construct
is said by the caller's type, never by the file.
"""

import dataclasses
import hashlib
import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse

from merx.data.vocabulary import Vocabulary
from merx.errors import ArtefactError
from merx.typed import typed

FORMAT = 1
MANIFEST, ARRAYS = "manifest.json", "arrays.safetensors"
CSR_PARTS = ("data", "indices", "indptr")

Record = TypeVar("Record")


def save(record: Any, folder: Path, *, kind: str, config: Any, about: Mapping[str, Any]) -> None:
    """Write a fitted record to a folder that does not exist yet.

    Parameters
    ----------
    record : frozen dataclass
    kind : str
        Its name in the registry.
    config : frozen dataclass
        What it was fitted with.
    about : mapping of JSON values
        Data span and fingerprint, metrics, seconds: whatever a reader may want to know.

    Raises
    ------
    ArtefactError
        A float array holds NaN or infinity, a field has a type that cannot be saved, or the disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    arrays: dict[str, np.ndarray] = {}
    values: dict[str, Any] = {}
    vocabularies: dict[str, Vocabulary] = {}
    _take_apart(record, "", arrays, values, vocabularies)
    for name, value in [*arrays.items(), *values.items()]:
        if not _finite(np.asarray(value)):
            raise ArtefactError(f"{kind}: {name} holds NaN or infinity, so the model is not saved.")
    folder.mkdir(parents=True)
    try:
        save_file(arrays, folder / ARRAYS)
    except SafetensorError as error:
        raise ArtefactError(f"{folder}: the model could not be written ({error}).") from None
    for name, vocabulary in vocabularies.items():
        pq.write_table(pa.table({"id": vocabulary.ids}), folder / f"{name}.parquet", compression="zstd")
    manifest = {
        "format": FORMAT,
        "kind": kind,
        "config": dataclasses.asdict(config),
        "about": dict(about),
        "values": values,
        "arrays": {name: [a.dtype.name, list(a.shape)] for name, a in arrays.items()},
        "sha256": {path.name: _sha256(path) for path in sorted(folder.iterdir())},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))


def read_manifest(folder: Path, kind: str) -> dict[str, Any]:
    """The manifest, checked to be of this format and kind. Raises ArtefactError."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text())
    except FileNotFoundError:
        raise ArtefactError(
            f"{folder}: there is no {MANIFEST}, so this is no saved model; fit again."
        ) from None
    except ValueError:
        raise ArtefactError(f"{path}: not readable as JSON; the model is damaged, fit again.") from None
    keys = {"format", "kind", "config", "about", "values", "arrays", "sha256"}
    if not isinstance(manifest, dict) or type(manifest.get("format")) is not int:
        raise ArtefactError(f"{path}: no format number, so this is no saved model of merx.")
    if manifest["format"] > FORMAT:
        raise ArtefactError(
            f"{path}: format {manifest['format']}, newer than this merx can read ({FORMAT}); "
            "update merx or fit again."
        )
    if set(manifest) != keys:
        raise ArtefactError(f"{path}: expected the keys {sorted(keys)}, found {sorted(manifest)}.")
    if manifest["kind"] != kind:
        raise ArtefactError(f"{path}: a model of kind {manifest['kind']!r} where {kind!r} was expected.")
    return manifest


def load(folder: Path, kind: str, fitted: type[Record], config: type) -> Record:
    """Audit a saved model, then construct it.

    Raises
    ------
    ArtefactError
        The folder was changed, is truncated, foreign or of a newer format.
    """
    from safetensors import SafetensorError

    try:
        return _load(folder, kind, fitted, config)
    except (KeyError, TypeError, ValueError, AttributeError, OSError, SafetensorError) as error:
        raise ArtefactError(f"{folder}: damaged, fit again ({type(error).__name__}: {error}).") from None


def _load(folder: Path, kind: str, fitted: type[Record], config: type) -> Record:
    from safetensors.numpy import load_file

    manifest = read_manifest(folder, kind)
    # a hyper-parameter that the manifest lacks came later, and had its default then
    if unknown := sorted(set(manifest["config"]) - {field.name for field in dataclasses.fields(config)}):
        raise ArtefactError(f"{folder / MANIFEST}: {kind} has no hyper-parameter {unknown[0]!r}; fit again.")
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    if present != set(manifest["sha256"]):
        raise ArtefactError(
            f"{folder}: holds {sorted(present)}, the manifest lists {sorted(manifest['sha256'])}."
        )
    for name, expected_hash in manifest["sha256"].items():
        if _sha256(folder / name) != expected_hash:
            raise ArtefactError(f"{folder / name}: not the file that was saved (SHA-256 differs); fit again.")
    arrays = load_file(folder / ARRAYS)
    declared = {name: (dtype, tuple(shape)) for name, (dtype, shape) in manifest["arrays"].items()}
    if {name: (a.dtype.name, a.shape) for name, a in arrays.items()} != declared:
        raise ArtefactError(f"{folder / ARRAYS}: shapes or dtypes differ from the manifest's.")
    if bad := [name for name, array in arrays.items() if not _finite(array)]:
        raise ArtefactError(f"{folder / ARRAYS}: {bad[0]} holds NaN or infinity.")
    vocabularies = {path.stem: _vocabulary(path) for path in folder.glob("*.parquet")}
    values = dict(manifest["values"])
    record = _put_together(fitted, "", arrays, values, vocabularies, folder)
    if left := sorted([*arrays, *values, *vocabularies]):
        raise ArtefactError(f"{folder}: {left[0]} is no field of a fitted {kind}.")
    return typing.cast(Record, record)


def _take_apart(
    record: Any,
    prefix: str,
    arrays: dict[str, np.ndarray],
    values: dict[str, Any],
    vocabularies: dict[str, Vocabulary],
) -> None:
    for field in dataclasses.fields(record):
        name, value = prefix + field.name, getattr(record, field.name)
        if isinstance(value, np.ndarray):
            arrays[name] = np.ascontiguousarray(value)
        elif isinstance(value, dict):
            arrays |= {f"{name}.{key}": np.ascontiguousarray(array) for key, array in value.items()}
        elif isinstance(value, sparse.csr_array):
            for part in CSR_PARTS:
                arrays[f"{name}.{part}"] = getattr(value, part)
            arrays[f"{name}.shape"] = np.array(value.shape, dtype=np.int64)
        elif isinstance(value, Vocabulary):
            vocabularies[name] = value
        elif dataclasses.is_dataclass(value):
            _take_apart(value, name + ".", arrays, values, vocabularies)
        elif isinstance(value, str | int | float | tuple):
            values[name] = value
        else:
            raise ArtefactError(f"{type(record).__name__}.{name}: a {type(value).__name__} cannot be saved.")


def _put_together(
    record: type,
    prefix: str,
    arrays: dict[str, np.ndarray],
    values: dict[str, Any],
    vocabularies: dict[str, Vocabulary],
    folder: Path,
) -> Any:
    """Construct `record` from the parts, each of which is taken out of its dict."""
    hints = get_type_hints(record)
    found: dict[str, Any] = {}
    for field in dataclasses.fields(record):
        name, wanted = prefix + field.name, hints[field.name]
        try:
            if wanted is np.ndarray:
                found[field.name] = arrays.pop(name)
            elif wanted == dict[str, np.ndarray]:
                inside = [key for key in arrays if key.startswith(name + ".")]
                found[field.name] = {key[len(name) + 1 :]: arrays.pop(key) for key in inside}
            elif wanted is sparse.csr_array:
                found[field.name] = _csr(name, arrays, folder)
            elif wanted is Vocabulary:
                found[field.name] = vocabularies.pop(name)
            elif dataclasses.is_dataclass(wanted):
                found[field.name] = _put_together(
                    typing.cast(type, wanted), name + ".", arrays, values, vocabularies, folder
                )
            else:
                found[field.name] = typed(values.pop(name), wanted)
        except KeyError:
            raise ArtefactError(f"{folder}: {name} is missing; the model is damaged, fit again.") from None
        except TypeError as error:
            raise ArtefactError(f"{folder / MANIFEST}: {name}: {error}") from None
    return record(**found)


def _vocabulary(path: Path) -> Vocabulary:
    ids = pq.read_table(path)["id"].combine_chunks()
    if ids.type != pa.string() or ids.null_count or len(pc.unique(ids)) != len(ids):
        raise ArtefactError(f"{path}: ids must be distinct strings; the model is damaged, fit again.")
    return Vocabulary(ids)


def _csr(name: str, arrays: dict[str, np.ndarray], folder: Path) -> sparse.csr_array:
    shape = tuple(arrays.pop(f"{name}.shape").tolist())
    try:
        matrix = sparse.csr_array(tuple(arrays.pop(f"{name}.{part}") for part in CSR_PARTS), shape=shape)
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise ArtefactError(f"{folder / ARRAYS}: {name} is no CSR matrix ({error}).") from None
    return matrix


def _finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
