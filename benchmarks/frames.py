"""Whether the look-alikes of a video's frames are frames of the same video."""

import tempfile
from pathlib import Path

import numpy as np

from _process import data
from _record import Row, record
from grocery import CLOTHES, clothes, products
from grocery import pictures as groceries
from merx.media.decoding import decoded
from merx.media.encode import pooled
from merx.media.network import Network
from merx.media.picture_net import FittedPictureNet, PictureNet
from merx.shop import Shop
from merx.simulating import simulate
from pictures import pixels_of, unpacked

SIZE, WIDE = 128, 9 / 16  # of a frame; its height by its width
PROTOCOL = (
    "bottle-detection.mp4 (product_video), the one clip that there is: the frames that merx keeps, among "
    "3,781 photos of clothes (clothing_images), 81 of groceries (grocery) and 200 drawn pictures of a "
    "simulated shop, rows above and below blanked in all of these as in a frame of 16:9, so that the white "
    "bars tell nothing. Nearest by cosine. Same clip: the share of frames whose nearest other picture is one "
    "of the clip; of those as many nearest as the clip has other frames, the share that are of the clip. "
    "Halves: how many pictures are nearer to the pooled vector of the first half of the frames than that of "
    "the second half is. Untrained: the weights that training begins with, seed 0. Catalogue: as merx media "
    "trains it on the simulated shop's pictures. Clothes: trained on clothing_images, "
    f"{CLOTHES.epochs} epochs. None saw the clip."
)


def untrained() -> FittedPictureNet:
    """The weights before the first step."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(PictureNet().length, {}).folded()
    return FittedPictureNet({name: value.numpy() for name, value in network.state_dict().items()}, (), SIZE)


def drawn(folder: Path) -> tuple[np.ndarray, FittedPictureNet]:
    """The pictures of a simulated shop, and the network that it trains on them."""
    simulate(folder, users=1000, items=200, days=364, seed=0)
    shop = Shop(folder)
    shop.media()
    [made] = (folder / "media" / "encoder").iterdir()
    from merx.media.picture_net import brought

    files = [("picture", path) for path in sorted((folder / "raw").rglob("*.png"))]
    return np.concatenate(list(decoded(files, SIZE))), brought(made / "arrays.safetensors", SIZE)


def barred(pixels: np.ndarray) -> np.ndarray:
    """Pictures (n, S, S, 3) with the white bars of a frame."""
    found, bar = pixels.copy(), round(SIZE * (1 - WIDE) / 2)
    found[:, :bar], found[:, -bar:] = 255, 255
    return found


def rows(name: str, network: FittedPictureNet, frames: np.ndarray, others: np.ndarray) -> list[Row]:
    """What one network says."""
    own, other = network.vectors(frames), network.vectors(others)
    every = np.concatenate([own, other])
    likeness = own @ every.T
    np.fill_diagonal(likeness, -np.inf)
    n = len(own)
    near = np.argsort(-likeness, axis=1, kind="stable")[:, : n - 1] < n
    first, second = pooled(own[: n // 2]), pooled(own[n // 2 :])
    nearer = int((other @ first > second @ first).sum())
    return [
        Row(f"{name} network", f"of {n} frames, nearest is of the same clip", float(near[:, 0].mean())),
        Row(f"{name} network", f"of the {n - 1} nearest, of the same clip", float(near.mean())),
        Row(f"{name} network", f"pictures of {len(other):,} nearer than the other half", nearer),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as room:
        [frames] = decoded([("video", data("product_video/bottle-detection.mp4"))], SIZE)
        shown, catalogue = drawn(Path(room) / "shop")
        files = [file for part in unpacked(Path(room) / "clothes").values() for file in part]
        others = barred(np.concatenate([pixels_of(files), groceries(products()[2], SIZE), shown]))
    networks = {"untrained": untrained(), "catalogue": catalogue, "clothes": clothes()}
    record("frames", PROTOCOL, [row for entry in networks.items() for row in rows(*entry, frames, others)])


if __name__ == "__main__":
    main()
