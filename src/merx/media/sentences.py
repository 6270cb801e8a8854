"""Texts to vectors by a sentence encoder of the user's own: a folder with its weights, on this disk.

The files are those that sentence-transformers keeps of a model: `model.onnx` (or `onnx/model.onnx`),
`tokenizer.json`, and, where it does not pool by the mean, `1_Pooling/config.json`. Nothing is downloaded and
nothing is unpickled. Reimers & Gurevych, Sentence-BERT: sentence embeddings using siamese BERT-networks,
EMNLP (2019): the vector of a text is the mean of its tokens' vectors, scaled to unit length.

Vectors are kept by the SHA-256 of the text, so only new texts are computed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from merx.data.contracts import Progress, quiet
from merx.errors import ConfigError, DataError
from merx.kernels.threads import THREADS
from merx.media.library import Library, Medium

BATCH = 32  # texts in the network at a time
TOKENS = 256  # of a text, at most; what follows is left out
PART = 1024  # texts kept at a time: what an interruption may cost
KIND = "text"
SETTING = "[media] text_encoder"
NEEDED = ("onnxruntime", "tokenizers")  # of merx[text]
MASK, IDS, TYPES = "attention_mask", "input_ids", "token_type_ids"  # inputs of such networks
WHOLE = "sentence_embedding"  # the output that is pooled already, where there is one


@dataclass(frozen=True)
class SentenceEncoder:
    """A folder with an encoder; it is read when the first text is embedded.

    Parameters
    ----------
    folder : path

    Raises
    ------
    ConfigError
        The folder lacks a file, or a package is missing.
    """

    folder: Path

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise ConfigError(f"{SETTING}: {self.folder} is no folder.")
        if self._model is None or not self._tokenizer.exists():
            lacks = "model.onnx" if self._model is None else "tokenizer.json"
            raise ConfigError(
                f"{SETTING}: {self.folder} has no {lacks}; it takes the folder of a sentence-transformers "
                "model in ONNX form, with model.onnx and tokenizer.json."
            )

    @property
    def _model(self) -> Path | None:
        places = (self.folder / "model.onnx", self.folder / "onnx" / "model.onnx")
        return next((path for path in places if path.exists()), None)

    @property
    def _tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell this encoder from others."""
        assert self._model is not None
        found = hashlib.sha256(str((TOKENS, self._first)).encode())
        beside = sorted(self._model.parent.glob(f"{self._model.name}*"))  # large weights lie in a second file
        for path in (*beside, self._tokenizer):
            with open(path, "rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
        return found.hexdigest()[:16]

    @cached_property
    def _first(self) -> bool:
        """Whether the first token's vector stands for the text, and not the mean of all."""
        path = self.folder / "1_Pooling" / "config.json"
        if not path.exists():
            return False
        told = json.loads(path.read_text(encoding="utf-8"))
        first, mean = (bool(told.get(f"pooling_mode_{name}")) for name in ("cls_token", "mean_tokens"))
        if first == mean:
            raise ConfigError(
                f"{path}: pools neither by the mean nor by the first token, which is all there is."
            )
        return first

    @cached_property
    def _network(self) -> tuple[Any, Any]:
        """The session of ONNX Runtime, and the tokenizer."""
        if missing := [name for name in NEEDED if find_spec(name) is None]:
            raise ConfigError(f"{SETTING} needs {', '.join(missing)}: pip install 'merx[text]'.")
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.log_severity_level = 3
        wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
        there = [name for name in wanted if name in onnxruntime.get_available_providers()]
        try:
            session = onnxruntime.InferenceSession(str(self._model), options, providers=there)
            tokenizer = Tokenizer.from_file(str(self._tokenizer))
        except Exception as error:  # onnxruntime and tokenizers raise no common type
            told = " ".join(str(error).split())[:300]
            raise ConfigError(f"{SETTING}: {self.folder} cannot be read ({told}).") from None
        tokenizer.enable_truncation(TOKENS)
        if tokenizer.padding is None:
            tokenizer.enable_padding()
        unknown = {one.name for one in session.get_inputs()} - {MASK, IDS, TYPES}
        if unknown:
            raise ConfigError(
                f"{SETTING}: {self._model} asks for {', '.join(sorted(unknown))}; known are {IDS}, {MASK} "
                f"and {TYPES}."
            )
        return session, tokenizer

    def embed(self, titles: Sequence[str | None], descriptions: Sequence[str | None]) -> np.ndarray:
        """Vectors of n texts, float32 (n, F), of length 1; zeros where there is no text.

        Raises
        ------
        ConfigError
            The files cannot be read, or a package is missing.
        DataError
            The network gives numbers that are not finite.
        """
        texts = [_joined(*both) for both in zip(titles, descriptions, strict=True)]
        some = [place for place, text in enumerate(texts) if text]
        some.sort(key=lambda place: len(texts[place]))  # texts of like length side by side: little padding
        parts = [self._vectors([texts[p] for p in some[n : n + BATCH]]) for n in range(0, len(some), BATCH)]
        length = parts[0].shape[1] if parts else 0
        found = np.zeros((len(texts), length), np.float32)
        if parts:
            found[some] = np.concatenate(parts)
        return found

    def _vectors(self, texts: list[str]) -> np.ndarray:
        """Of B texts, float32 (B, F)."""
        session, tokenizer = self._network
        encodings = tokenizer.encode_batch(texts)
        ids = np.array([one.ids for one in encodings], np.int64)  # (B, L)
        mask = np.array([one.attention_mask for one in encodings], np.int64)
        given = {IDS: ids, MASK: mask, TYPES: np.array([one.type_ids for one in encodings], np.int64)}
        asked = {one.name: given[one.name] for one in session.get_inputs()}
        outputs = [one.name for one in session.get_outputs()]
        [said] = session.run([WHOLE if WHOLE in outputs else outputs[0]], asked)
        if said.ndim == 3:  # (B, L, F)
            weight = mask[:, :, None].astype(np.float32)
            said = (
                said[:, 0] if self._first else (said * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
            )
        if not np.isfinite(said).all():
            raise DataError(f"{SETTING}: {self.folder} gives vectors that are not finite; use other weights.")
        length = np.linalg.norm(said, axis=1, keepdims=True)
        return np.asarray(said / np.maximum(length, 1e-12), np.float32)


def kept_vectors(
    encoder: SentenceEncoder,
    store: Path,
    titles: Sequence[str | None],
    descriptions: Sequence[str | None],
    progress: Progress = quiet,
) -> np.ndarray:
    """As `encoder.embed`; what `store` (SHOP/media/text) holds is not computed again, new ones go there."""
    library = Library(store)
    texts = [_joined(*both) for both in zip(titles, descriptions, strict=True)]
    hashes = [hashlib.sha256(text.encode()).hexdigest() if text else "" for text in texts]
    table = library.vectors(encoder.fingerprint)
    known = dict(
        zip(table["sha256"].to_pylist(), table["vector"].to_numpy(zero_copy_only=False), strict=True)
    )
    new = {key: text for key, text in zip(hashes, texts, strict=True) if key and key not in known}
    keys = list(new)
    for begin in range(0, len(keys), PART):
        part = keys[begin : begin + PART]
        vectors = encoder.embed([new[key] for key in part], [None] * len(part))
        library.add(encoder.fingerprint, [Medium(KIND, key, store) for key in part], list(vectors))
        known |= dict(zip(part, vectors, strict=True))
        progress("texts: vectors", begin + len(part), len(keys))
    if new:
        library.forget_all_but(encoder.fingerprint)
    length = len(next(iter(known.values()))) if known else 0
    nothing = np.zeros(length, np.float32)
    return np.array([known[key] if key else nothing for key in hashes], np.float32).reshape(
        len(hashes), length
    )


def _joined(title: str | None, description: str | None) -> str:
    """What the network reads of a product."""
    return "\n".join(text.strip() for text in (title, description) if text and text.strip())
