"""Saved models are audited before anything is constructed."""

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from merx import artefact
from merx.data.vocabulary import Vocabulary
from merx.errors import ArtefactError


@dataclass(frozen=True)
class Config:
    rate: float = 0.5
    names: tuple[str, ...] = ("a",)


@dataclass(frozen=True)
class Inner:
    scale: np.ndarray
    words: Vocabulary


@dataclass(frozen=True)
class Fitted:
    items: Vocabulary
    matrix: sparse.csr_array
    inner: Inner
    flags: np.ndarray
    note: tuple[str, ...]
    count: int
    share: float
    on: bool


def example() -> Fitted:
    return Fitted(
        items=Vocabulary.of(["b", "a", "ü"]),
        matrix=sparse.csr_array(np.array([[0, 1.5], [2.5, 0]], np.float32)),
        inner=Inner(np.arange(4.0).reshape(2, 2), Vocabulary.of(["x"])),
        flags=np.array([True, False]),
        note=("one", "two"),
        count=3,
        share=0.25,
        on=True,
    )


@pytest.fixture
def saved(tmp_path):
    artefact.save(example(), tmp_path / "m", kind="example", config=Config(), about={"data": "f"})
    return tmp_path / "m"


def load(folder):
    return artefact.load(folder, "example", Fitted, Config)


def edit(folder, change):
    path = folder / artefact.MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_round_trip(saved):
    record, again = example(), load(saved)
    assert again.items == record.items and again.inner.words == record.inner.words
    assert (again.matrix != record.matrix).nnz == 0 and again.matrix.dtype == np.float32
    np.testing.assert_array_equal(again.inner.scale, record.inner.scale)
    np.testing.assert_array_equal(again.flags, record.flags)
    assert (again.note, again.count, again.share, again.on) == (("one", "two"), 3, 0.25, True)


def test_nothing_in_the_folder_is_a_pickle_or_names_code(saved):
    for path in saved.iterdir():
        content = path.read_bytes()
        assert b"merx." not in content and b"cnumpy" not in content
        assert path.suffix in {".json", ".safetensors", ".parquet"}


@pytest.mark.parametrize("name", ["arrays.safetensors", "items.parquet"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_damaged_files_are_refused(saved, name, damage):
    path = saved / name
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    if damage == "truncate":
        content = content[: len(content) // 2]
    path.unlink()
    if damage != "remove":
        path.write_bytes(content)
    with pytest.raises(ArtefactError, match=r"safetensors|parquet"):
        load(saved)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda m: m.update(format=99), "newer than this merx"),
        (lambda m: m.update(kind="other"), "kind 'other'"),
        (lambda m: m.pop("sha256"), "expected the keys"),
        (lambda m: m.pop("format"), "no format number"),
        (lambda m: m["config"].update(module="os.system"), "no hyper-parameter 'module'"),
        (lambda m: m.update(arrays=[]), "damaged"),
        (lambda m: m.update(values=3), "damaged"),
        (lambda m: m.update(config=3), "damaged"),
        (lambda m: m.update(format=True), "no format number"),
        (lambda m: m["arrays"].update({"inner.scale": ["float64", [4]]}), "shapes or dtypes"),
        (lambda m: m["values"].update(count="3"), "expected int"),
        (lambda m: m["values"].update(on=1), "expected bool"),
        (lambda m: m["values"].pop("note"), "note is missing"),
        (lambda m: m["values"].update(extra=1), "extra is no field"),
    ],
)
def test_a_tampered_manifest_is_refused(saved, change, text):
    edit(saved, change)
    with pytest.raises(ArtefactError, match=text):
        load(saved)


def test_foreign_and_broken_manifests_are_refused(saved, tmp_path):
    (saved / "surprise.bin").write_bytes(b"x")
    with pytest.raises(ArtefactError, match="surprise"):
        load(saved)
    (saved / artefact.MANIFEST).write_text("{")
    with pytest.raises(ArtefactError, match="not readable as JSON"):
        load(saved)
    (saved / artefact.MANIFEST).unlink()
    with pytest.raises(ArtefactError, match="no saved model"):
        load(saved)


def test_a_hyper_parameter_that_came_later_does_not_lock_old_models_out(saved):
    edit(saved, lambda m: m["config"].pop("rate"))
    assert load(saved).count == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_never_saved(tmp_path, bad):
    record = Inner(np.array([1.0, bad]), Vocabulary.of([]))
    with pytest.raises(ArtefactError, match="scale holds NaN or infinity"):
        artefact.save(record, tmp_path / "m", kind="k", config=Config(), about={})


def test_what_is_not_finite_is_never_loaded(saved):
    from safetensors.numpy import load_file, save_file

    arrays = load_file(saved / artefact.ARRAYS)
    arrays["inner.scale"][0, 0] = np.nan
    save_file(arrays, saved / artefact.ARRAYS)
    digest = artefact._sha256(saved / artefact.ARRAYS)
    edit(saved, lambda m: m["sha256"].update({artefact.ARRAYS: digest}))
    with pytest.raises(ArtefactError, match="NaN or infinity"):
        load(saved)


def test_a_matrix_that_points_outside_itself_is_refused(saved):
    from safetensors.numpy import load_file, save_file

    arrays = load_file(saved / artefact.ARRAYS)
    arrays["matrix.indices"][0] = 1000
    save_file(arrays, saved / artefact.ARRAYS)
    digest = artefact._sha256(saved / artefact.ARRAYS)
    edit(saved, lambda m: m["sha256"].update({artefact.ARRAYS: digest}))
    with pytest.raises(ArtefactError, match="no CSR matrix"):
        load(saved)


def test_a_field_of_another_type_is_refused_by_name(tmp_path):
    @dataclass(frozen=True)
    class Odd:
        table: pa.Table

    with pytest.raises(ArtefactError, match=r"Odd\.table"):
        artefact.save(Odd(pa.table({})), tmp_path / "m", kind="k", config=Config(), about={})
