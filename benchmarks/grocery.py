"""The class of a product from its text, from its picture, and from both: 81 groceries."""

import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.special import log_softmax

from _process import data
from _record import Row, record
from merx.behaviour.calibration import reliability
from merx.data.categories import LEVEL
from merx.media.completion import Completion
from merx.media.decoding import decoded
from merx.media.picture_net import FittedPictureNet, PictureNet
from merx.media.pool import FOLDS, folds
from merx.media.spoken import Words
from merx.media.values import classes_of
from pictures import pixels_of, unpacked

REPEATS = 5
SCRATCH_REPEATS = 2
CLOTHES = PictureNet(epochs=25, recolour=0.3, held_out=0.0)
SCRATCH = PictureNet(size=64, epochs=60, held_out=0.0)
PROTOCOL = (
    "grocery: 81 products, each with a title, a description and one picture. Departments: Fruit, Packages, "
    "Vegetables. Categories: the department, or the shelf within it where five products or more are on it, "
    f"seven classes. Five folds, each class spread over all, {REPEATS} times with other folds; all that is "
    "learnt from classes, the weights of the blocks too, is learnt on the other four. How rare words are is "
    "reckoned over all texts, as in a shop; by the peer over the other four, with which it does better. "
    "Text: words of title and description, or of the title alone. The strength of the regression and its "
    "class weights were looked at on these products too; from a third to three times of the strength nothing "
    "changes. Picture: vectors of merx's network trained on clothing_images alone (all 3,781 photos, "
    f"{CLOTHES.epochs} epochs), which has seen no grocery; from scratch: the same network at {SCRATCH.size} "
    f"pixels, trained on the pictures of the other four folds ({SCRATCH_REPEATS} times). Sd: over the "
    "repeats. Peer: scikit-learn, TfidfVectorizer(sublinear_tf=True) and LogisticRegression, its strength "
    "chosen by log loss in four folds within the other four. Balanced: mean of the accuracies by class; "
    "calibration error: over ten bins of equal counts."
)
Judge = Callable[[np.ndarray, np.ndarray], np.ndarray]  # training and test places -> probabilities (n, C)


def products() -> tuple[dict[str, list[str]], dict[str, np.ndarray], list[str]]:
    """Titles and descriptions; labels by name; paths of the pictures."""
    rows = pq.read_table(data("grocery/classes_with_text.parquet")).to_pylist()
    said = [row["information"].lstrip("\ufeff").split("\n")[0] for row in rows]
    texts = {
        "title": [text.removeprefix("Title:").strip() for text in said],
        "description": [row["description"] for row in rows],
    }
    paths = [row["Iconic Image Path (str)"].lstrip("/") for row in rows]
    shelf = [LEVEL.join(path.split("/")[1:-2][:2]) for path in paths]
    labels = {
        "departments": np.array([name.split(LEVEL)[0] for name in shelf]),
        "categories": np.array(classes_of(shelf, 5, levels=True)),
    }
    return texts, labels, paths


def pictures(paths: list[str], size: int) -> np.ndarray:
    """Uint8 (81, size, size, 3)."""
    with tempfile.TemporaryDirectory() as room:
        with tarfile.open(data("grocery/iconic_images_and_text.tar")) as tar:
            tar.extractall(room, filter="data")
        files = [("picture", Path(room) / "dataset" / path) for path in paths]
        return np.concatenate(list(decoded(files, size)))


def clothes() -> FittedPictureNet:
    """The network that has seen photos of clothes alone."""
    with tempfile.TemporaryDirectory() as room:
        files = [file for part in unpacked(Path(room) / "clothes").values() for file in part]
        return CLOTHES.fit(pixels_of(files), [name for name, _ in files])


def completed(blocks: Mapping[str, np.ndarray], label: np.ndarray) -> Judge:
    """Ours, on these blocks of features."""

    def judge(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        values = [name if place in set(train.tolist()) else None for place, name in enumerate(label)]
        # a class has four fifths of its five products in training
        fitted = Completion(fewest=4).fit(blocks, values, levels=False)
        chances, _ = fitted.chances({name: block[test] for name, block in blocks.items()})
        shares = np.bincount(np.searchsorted(fitted.classes, label[train])) / len(train)
        return np.where(np.isnan(chances), shares, chances)  # of a title without a known word

    return judge


def from_scratch(pixels: np.ndarray, label: np.ndarray) -> Judge:
    """Our network trained on the pictures of the training places."""

    def judge(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        network = SCRATCH.fit(pixels[train], list(label[train]))
        return network.chances(network.vectors(pixels[test]))

    return judge


def peer(texts: list[str], label: np.ndarray) -> Judge:
    """scikit-learn's."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline

    def judge(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        search = GridSearchCV(
            make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(max_iter=1000)),
            {"logisticregression__C": [0.1, 1, 10, 100, 1000]},
            scoring="neg_log_loss",
            cv=StratifiedKFold(4, shuffle=True, random_state=0),  # the rarest class has four products
        )
        search.fit([texts[place] for place in train], label[train])
        return np.asarray(search.predict_proba([texts[place] for place in test]))

    return judge


def measured(judge: Judge, label: np.ndarray, repeats: int) -> np.ndarray:
    """Accuracy, balanced accuracy, log loss and calibration error, float64 (repeats, 4)."""
    code = np.unique(label, return_inverse=True)[1]
    found = []
    for seed in range(repeats):
        fold, chances = folds(code, seed), np.zeros((len(code), code.max() + 1))
        for number in range(FOLDS):
            chances[fold == number] = judge(np.flatnonzero(fold != number), np.flatnonzero(fold == number))
        right = chances.argmax(axis=1) == code
        log = log_softmax(np.log(np.maximum(chances, 1e-12)), axis=1)
        found.append(
            [
                right.mean(),
                np.mean([right[code == one].mean() for one in np.unique(code)]),
                -log[np.arange(len(code)), code].mean(),
                reliability(chances.max(axis=1), right).error,
            ]
        )
    return np.array(found)


MEASURES = ("accuracy", "balanced accuracy", "log loss", "calibration error")


def rows_of(case: str, found: np.ndarray, beside: np.ndarray | None = None) -> list[Row]:
    """One row a measure, beside the peer's."""
    rows = []
    for m, name in enumerate(MEASURES):
        ours, peers = found[:, m].mean(), None if beside is None else float(beside[:, m].mean())
        told = f"{name}, sd {found[:, m].std(ddof=1):.3f}"
        rows.append(Row(case, told, float(ours), peers, "scikit-learn" if peers is not None else ""))
    return rows


def main() -> None:
    texts, labels, paths = products()
    picture = clothes().vectors(pictures(paths, CLOTHES.size))
    small = pictures(paths, SCRATCH.size)
    nothing: list[str | None] = [None] * len(paths)
    full = [f"{title} {text}" for title, text in zip(*texts.values(), strict=True)]
    sources = {
        "title": (Words.of(texts["title"], nothing).block, texts["title"]),
        "text": (Words.of(texts["title"], texts["description"]).block, full),
    }
    rows = []
    for name, label in labels.items():
        alone = measured(completed({"picture": picture}, label), label, REPEATS)
        rows += rows_of(f"{name}, picture", alone)
        scratch = measured(from_scratch(small, label), label, SCRATCH_REPEATS)
        rows += rows_of(f"{name}, picture from scratch", scratch)
        for source, (words, plain) in sources.items():
            told = measured(completed({"words": words}, label), label, REPEATS)
            beside = measured(peer(plain, label), label, REPEATS)
            both = measured(completed({"words": words, "picture": picture}, label), label, REPEATS)
            rows += rows_of(f"{name}, {source}", told, beside) + rows_of(f"{name}, {source} + picture", both)
            for m, sign in ((0, 1), (2, -1)):
                best = max(told[:, m].mean() * sign, alone[:, m].mean() * sign) * sign
                ours, met = float(both[:, m].mean()), bool((both[:, m].mean() - best) * sign > 0)
                case = f"{name}, {source} + picture against each alone"
                rows.append(
                    Row(
                        case,
                        MEASURES[m],
                        ours,
                        float(best),
                        "better of the two",
                        ours / best,
                        "beats each",
                        met,
                    )
                )
    record("grocery", PROTOCOL, rows)


if __name__ == "__main__":
    main()
