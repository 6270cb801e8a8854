"""The models folder of a shop: versions that are never changed, and which one is current.

models/<kind>/<utc>-<hash16>/  one saved model, its manifest hashing to hash16
models/<kind>/current          the name of the version in force; replaced atomically
models/<kind>/refused          why the last fit was refused; not there where it was not
"""

import dataclasses
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from merx import artefact, registry
from merx.errors import ArtefactError
from merx.files import replace_text, sync


class Models:
    """Saves and loads fitted models by kind and version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._load = lru_cache(maxsize=16)(self._read)

    def save(self, kind: str, fitted: Any, config: Any, about: Mapping[str, Any]) -> str:
        """Save a fitted model and make it the current one; gives its version."""
        home = self.folder / kind
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as scratch:
            model = Path(scratch) / "model"
            artefact.save(fitted, model, kind=kind, config=config, about=about)
            version = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{_digest(model)}"
            for path in (*model.iterdir(), model):
                sync(path)
            os.replace(model, home / version)
        replace_text(home / "current", version)
        (home / "refused").unlink(missing_ok=True)
        return version

    def refuse(self, kind: str, reason: str) -> None:
        """Write down why a kind could not be fitted; a version that is in force stays so."""
        (self.folder / kind).mkdir(parents=True, exist_ok=True)
        replace_text(self.folder / kind / "refused", reason)

    def refused(self) -> dict[str, str]:
        """Why the last fit of a kind was refused, of those of which it was."""
        notes = {kind: self.folder / kind / "refused" for kind in registry.KINDS}
        return {kind: note.read_text(encoding="utf-8") for kind, note in notes.items() if note.exists()}

    def versions(self) -> dict[str, str]:
        """The version in force of every kind that was fitted."""
        pointers = {kind: self.folder / kind / "current" for kind in registry.KINDS}
        return {kind: pointer.read_text().strip() for kind, pointer in pointers.items() if pointer.exists()}

    def load(self, kind: str, version: str) -> Any:
        """A fitted model, audited before it is constructed. Raises ArtefactError."""
        return self._load(kind, version)

    def about(self, kind: str, version: str) -> Mapping[str, Any]:
        """What was written down at the fit: data fingerprint, span, seconds."""
        about: Mapping[str, Any] = artefact.read_manifest(self._home(kind, version), kind)["about"]
        return about

    def goes_on_from(self, kind: str, config: Any) -> str:
        """The version in force that a model of this config can be updated from; "" where there is none."""
        version = self.versions().get(kind, "")
        if not version or not hasattr(config, "update"):
            return ""
        was = artefact.read_manifest(self._home(kind, version), kind)["config"]
        return version if was == json.loads(json.dumps(dataclasses.asdict(config))) else ""

    def _read(self, kind: str, version: str) -> Any:
        config, fitted = registry.kind(kind).load()
        return artefact.load(self._home(kind, version), kind, fitted, config)

    def _home(self, kind: str, version: str) -> Path:
        """The folder of a version, whose name must hold the hash of its manifest. Raises ArtefactError."""
        folder = self.folder / registry.kind(kind).name / version
        if not re.fullmatch(r"\d{8}T\d{12}-[0-9a-f]{16}", version) or not folder.is_dir():
            raise ArtefactError(f"{folder}: this version of the model is not there.")
        if version.rpartition("-")[2] != _digest(folder):
            raise ArtefactError(f"{folder}: its manifest is not the one that was saved; fit again.")
        return folder


def _digest(folder: Path) -> str:
    manifest = folder / artefact.MANIFEST
    return hashlib.sha256(manifest.read_bytes() if manifest.exists() else b"").hexdigest()[:16]
