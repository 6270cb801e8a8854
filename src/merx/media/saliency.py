"""What the network looks at in a picture: a map of where its answer comes from, laid over the picture.

Grad-CAM: the places of the last block but one (the last has too few), each channel weighed by how much the
answer rises with it. The answer is the likeliest class; of a network without classes it is the picture's own
vector. Source: Selvaraju, Cogswell, Das, Vedantam, Parikh & Batra, Grad-CAM: visual explanations from deep
networks via gradient-based localization, ICCV (2017), as captum has it.
"""

from pathlib import Path

import numpy as np

from merx.media.picture_net import FittedPictureNet

COLOUR = np.array([255.0, 60.0, 0.0])  # of what is looked at


def saliency(encoder: FittedPictureNet, pixels: np.ndarray) -> tuple[np.ndarray, str]:
    """Where the answer comes from, float32 (S, S) from 0 to 1, and its class, "" where there is none.

    Parameters
    ----------
    pixels : uint8 (S, S, 3)
    """
    import torch
    from captum.attr import LayerAttribution, LayerGradCam

    from merx.media.network import scaled

    network = encoder.network
    where = next(network.parameters()).device
    picture = scaled(torch.from_numpy(pixels[None]).permute(0, 3, 1, 2).to(where)).requires_grad_()
    with torch.no_grad():
        own = network(picture)

    def answer(pictures: torch.Tensor) -> torch.Tensor:
        vector = network(pictures)
        return network.says(vector)["label"] if encoder.classes else (vector * own).sum(1, keepdim=True)

    best = int(answer(picture).argmax())
    cam = LayerGradCam(answer, network.blocks[-2]).attribute(picture, best, relu_attributions=True)
    wide = LayerAttribution.interpolate(cam, pixels.shape[:2], "bilinear")[0, 0]
    heat = (wide / wide.max().clamp(min=1e-12)).detach().cpu().numpy().astype(np.float32)
    return heat, encoder.classes[best] if encoder.classes else ""


def write_overlay(pixels: np.ndarray, heat: np.ndarray, path: Path) -> None:
    """The picture uint8 (S, S, 3) beside itself with the map (S, S) laid over it, as a PNG file."""
    from PIL import Image

    grey = pixels.mean(axis=2, keepdims=True)  # so that the colour of the map stands out
    over = (1 - 0.65 * heat[..., None]) * grey + 0.65 * heat[..., None] * COLOUR
    Image.fromarray(np.concatenate([pixels, over.astype(np.uint8)], axis=1)).save(path, "PNG")
