"""Texts to vectors by a sentence encoder of the user's own: a folder with its weights, on this disk.

The files are those that sentence-transformers keeps of a model: `model.onnx` (or `onnx/model.onnx`), or
`model.safetensors` with `config.json`; `tokenizer.json`; and, where it does not pool by the mean,
`1_Pooling/config.json`. Nothing is downloaded, nothing is unpickled, and no code of the folder is run.
Reimers & Gurevych, Sentence-BERT: sentence embeddings using siamese BERT-networks, EMNLP (2019): the vector
of a text is the mean of its tokens' vectors, scaled to unit length.

Vectors are kept by the SHA-256 of the text, so only new texts are computed.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
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
NEEDED = {  # of the extras of merx that run the two sorts of weights
    "text": ("onnxruntime", "tokenizers"),
    "transformers": ("torch", "tokenizers", "transformers"),
}
WEIGHTS = {"model.onnx": "text", "onnx/model.onnx": "text", "model.safetensors": "transformers"}
TAKES = "it takes the folder of a sentence-transformers model"
LAYERS = {"Transformer", "Pooling", "Normalize"}  # of sentence-transformers; others are not known here
POOLED = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
}
MASK, IDS, TYPES = "attention_mask", "input_ids", "token_type_ids"  # inputs of such networks
WHOLE = "sentence_embedding"  # the output that is pooled already, where there is one

Network = Callable[[dict[str, np.ndarray]], np.ndarray]
"""From IDS, MASK and TYPES, int64 (B, L) each, to vectors of the tokens (B, L, F) or of the texts (B, F)."""


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
        if not any((self.folder / name).exists() for name in WEIGHTS):
            raise ConfigError(f"{SETTING}: {self.folder} has none of {', '.join(WEIGHTS)}; {TAKES}.")
        if not (self.folder / "tokenizer.json").exists():
            raise ConfigError(f"{SETTING}: {self.folder} has no tokenizer.json; {TAKES}.")

    @property
    def _weights(self) -> Path:
        """The first that is there."""
        return next(path for name in WEIGHTS if (path := self.folder / name).exists())

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell this encoder from others."""
        found = hashlib.sha256(str((self._tokens, self._first)).encode())
        beside = sorted(self._weights.parent.glob(f"{self._weights.name}*"))  # large ones lie in two files
        settings = [self.folder / "config.json"] if self._weights.suffix == ".safetensors" else []
        for path in (*beside, *settings, self.folder / "tokenizer.json"):
            with open(path, "rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
        return found.hexdigest()[:16]

    @cached_property
    def _first(self) -> bool:
        """Whether the first token's vector stands for the text, and not the mean of all."""
        told = self._told("1_Pooling/config.json") or {"pooling_mode": "mean"}
        modes = {name for name, prefix in POOLED.items() if told.get(prefix)}  # as older versions keep it
        modes |= {str(told["pooling_mode"])} if "pooling_mode" in told else set()
        if modes not in ({"cls"}, {"mean"}):
            raise ConfigError(
                f"{self.folder / '1_Pooling/config.json'}: pools neither by the mean nor by the first token, "
                "which is all there is."
            )
        return modes == {"cls"}

    @cached_property
    def _tokens(self) -> int:
        """How many tokens of a text are read, at most."""
        told = self._told("sentence_bert_config.json").get("max_seq_length")
        told = told or self._told("tokenizer_config.json").get("model_max_length")
        return int(min(TOKENS, told or TOKENS))

    def _told(self, name: str) -> Any:
        """A file of settings; without one, none."""
        path = self.folder / name
        if not path.exists():
            return {}
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{SETTING}: {path} cannot be read ({error}).") from None

    @cached_property
    def _network(self) -> tuple[Network, Any]:
        """The network, and its tokenizer."""
        extra = WEIGHTS[self._weights.relative_to(self.folder).as_posix()]
        if missing := [name for name in NEEDED[extra] if find_spec(name) is None]:
            raise ConfigError(f"{SETTING} needs {', '.join(missing)}: pip install 'merx[{extra}]'.")
        self._check_layers()
        from tokenizers import Tokenizer

        opened = _onnx if self._weights.suffix == ".onnx" else _safetensors
        try:
            network = opened(self._weights)
            tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        except ConfigError:
            raise
        except Exception as error:  # the libraries raise no common type
            told = " ".join(str(error).split())[:300]
            raise ConfigError(f"{SETTING}: {self.folder} cannot be read ({told}).") from None
        tokenizer.enable_truncation(self._tokens)
        # Published ones pad every text to one length, which is work for nothing: to the longest of a batch.
        tokenizer.enable_padding(**((tokenizer.padding or {}) | {"length": None}))
        return network, tokenizer

    def _check_layers(self) -> None:
        """Refuse a model whose vectors go through layers that are not read here."""
        named = {str(layer.get("type")).rpartition(".")[2] for layer in self._told("modules.json")}
        if unknown := sorted(named - LAYERS):
            raise ConfigError(
                f"{self.folder / 'modules.json'}: has the layer {', '.join(unknown)}; known are "
                f"{', '.join(sorted(LAYERS))}."
            )

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
        network, tokenizer = self._network
        encodings = tokenizer.encode_batch(texts)
        ids = np.array([one.ids for one in encodings], np.int64)  # (B, L)
        mask = np.array([one.attention_mask for one in encodings], np.int64)
        said = network({IDS: ids, MASK: mask, TYPES: np.array([one.type_ids for one in encodings], np.int64)})
        if said.ndim == 3:  # (B, L, F)
            weight = mask[:, :, None].astype(np.float32)
            said = (
                said[:, 0] if self._first else (said * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
            )
        if not np.isfinite(said).all():
            raise DataError(f"{SETTING}: {self.folder} gives vectors that are not finite; use other weights.")
        length = np.linalg.norm(said, axis=1, keepdims=True)
        return np.asarray(said / np.maximum(length, 1e-12), np.float32)


def _onnx(weights: Path) -> Network:
    """A network in ONNX form, by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    there = [name for name in wanted if name in onnxruntime.get_available_providers()]
    session = onnxruntime.InferenceSession(str(weights), options, providers=there)
    inputs = [one.name for one in session.get_inputs()]
    if unknown := set(inputs) - {MASK, IDS, TYPES}:
        raise ConfigError(
            f"{SETTING}: {weights} asks for {', '.join(sorted(unknown))}; known are {IDS}, {MASK} and "
            f"{TYPES}."
        )
    outputs = [one.name for one in session.get_outputs()]
    output = WHOLE if WHOLE in outputs else outputs[0]
    return lambda given: session.run([output], {name: given[name] for name in inputs})[0]


def _safetensors(weights: Path) -> Network:
    """A network of the transformers library, whose kind `config.json` names among those the library knows."""
    from inspect import signature

    import torch
    from transformers import AutoModel
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModel.from_pretrained(
        weights.parent, local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
    model = model.eval().to(device)
    inputs = {IDS, MASK, TYPES} & signature(model.forward).parameters.keys()

    def network(given: dict[str, np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            said = model(**{name: torch.from_numpy(given[name]).to(device) for name in inputs})
        vectors: np.ndarray = said.last_hidden_state.float().cpu().numpy()
        return vectors

    return network


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
