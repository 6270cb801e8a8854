"""The models folder of a shop: versions that are never changed, and which one is current.

models/<kind>/<utc>-<hash8>/   one saved model
models/<kind>/current          the name of the version in force; replaced atomically
"""

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from merx import artefact, registry
from merx.errors import ArtefactError
from merx.store.tables import remove_tree, replace_text


class Models:
    """Saves and loads fitted models by kind and version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._load = lru_cache(maxsize=16)(self._read)

    def save(self, kind: str, fitted: Any, config: Any, about: Mapping[str, Any]) -> str:
        """Save a fitted model and make it the current one; gives its version."""
        home = self.folder / kind
        home.mkdir(parents=True, exist_ok=True)
        scratch = home / "scratch"
        remove_tree(scratch)  # what an interrupted save left behind
        artefact.save(fitted, scratch, kind=kind, config=config, about=about)
        digest = hashlib.sha256((scratch / artefact.MANIFEST).read_bytes()).hexdigest()[:8]
        version = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{digest}"
        os.replace(scratch, home / version)
        replace_text(home / "current", version)
        return version

    def versions(self) -> dict[str, str]:
        """The version in force of every kind that was fitted."""
        pointers = {kind: self.folder / kind / "current" for kind in registry.KINDS}
        return {kind: pointer.read_text().strip() for kind, pointer in pointers.items() if pointer.exists()}

    def load(self, kind: str, version: str) -> Any:
        """A fitted model, audited before it is constructed. Raises ArtefactError."""
        return self._load(kind, version)

    def about(self, kind: str, version: str) -> Mapping[str, Any]:
        """What was written down at the fit: data fingerprint, span, seconds."""
        about: Mapping[str, Any] = artefact.read_manifest(self.folder / kind / version, kind)["about"]
        return about

    def _read(self, kind: str, version: str) -> Any:
        config, fitted = registry.kind(kind).load()
        folder = self.folder / kind / version
        if not version or folder.parent != self.folder / kind or not folder.is_dir():
            raise ArtefactError(f"{folder}: this version of the model is not there.")
        return artefact.load(folder, kind, fitted, config)
