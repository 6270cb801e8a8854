"""The network: a small residual net with channel attention, pictures in, vectors of a fixed length out.

    stem    3 x 3 convolution, stride 2
    stages  blocks of  y = relu(a(conv(relu(conv(x)))) + shortcut(x)),  each stage at half the size
    vector  W mean over the places of the last stage, scaled to unit length
    heads   linear, of 16 times the vector

Sources: He, Zhang, Ren & Sun, Deep residual learning for image recognition, CVPR (2016), with the averaging
shortcut of He, Zhang, Zhang, Zhang, Xie & Li, Bag of tricks for image classification with convolutional
neural networks, CVPR (2019); a, the channel attention, is Hu, Shen & Sun, Squeeze-and-excitation networks,
CVPR (2018).
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

STEM = 24  # channels of the first layer
STAGES = ((32, 1), (64, 2), (128, 2), (256, 1))  # channels and blocks of each stage
SQUEEZE = 8  # by which channel attention narrows
SCALE = 16.0  # of unit vectors, so that a softmax over them can be sure


class Convolution(nn.Module):
    """A convolution and a batch normalisation, which `fold` puts into the convolution's weights."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, out, H / stride, W / stride)."""
        return self.norm(self.conv(x))  # type: ignore[no-any-return]

    def fold(self) -> None:
        """The same function of a picture as in evaluation, in one layer."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv, self.norm = fuse_conv_bn_eval(self.conv.eval(), self.norm.eval()), nn.Identity()


class Attention(nn.Module):
    """Weighs channels by what the whole picture holds."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, channels // SQUEEZE, 1)
        self.widen = nn.Conv2d(channels // SQUEEZE, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        mean = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.widen(torch.relu(self.narrow(mean))))


class Block(nn.Module):
    """Two convolutions beside a way round them."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.first = Convolution(channels, out, 3, stride)
        self.second = Convolution(out, out, 3)
        self.attention = Attention(out)
        if channels == out and stride == 1:
            self.shortcut: nn.Module = nn.Identity()
        else:
            self.shortcut = nn.Sequential(nn.AvgPool2d(stride, ceil_mode=True), Convolution(channels, out, 1))
        nn.init.zeros_(self.second.norm.weight)  # type: ignore[arg-type]  # at first each block is its shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, out, H / stride, W / stride)."""
        inner = self.attention(self.second(torch.relu(self.first(x))))
        return torch.relu(inner + self.shortcut(x))


class Network(nn.Module):
    """See the module.

    Parameters
    ----------
    length : int
        F, of the vectors.
    heads : dict of str to int
        What is foretold of a picture from its vector, and how many numbers that has.
    """

    def __init__(self, length: int, heads: dict[str, int]) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, 3, 2)
        blocks, channels = list[nn.Module](), STEM
        for out, count in STAGES:
            for number in range(count):
                blocks.append(Block(channels, out, 1 if number else 2))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.vector = nn.Linear(channels, length)
        self.heads = nn.ModuleDict({name: nn.Linear(length, said) for name, said in heads.items()})
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on CPUs

    def forward(self, pictures: Tensor) -> Tensor:
        """Unit vectors (B, F) of pictures (B, 3, H, W) with values from -1 to 1."""
        x = self.blocks(torch.relu(self.stem(pictures)))
        return nn.functional.normalize(self.vector(x.mean((2, 3))).float())

    def says(self, vector: Tensor) -> dict[str, Tensor]:
        """What each head says, (B, its numbers), of vectors (B, F)."""
        return {name: head(SCALE * vector) for name, head in self.heads.items()}

    def folded(self) -> "Network":
        """Itself, made for serving: without normalisations and gradients."""
        for module in list(self.modules()):
            if isinstance(module, Convolution):
                module.fold()
        return self.eval().requires_grad_(False)


def scaled(pixels: Tensor) -> Tensor:
    """Pixels uint8 (B, 3, H, W) as the network reads them."""
    return (pixels.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def device() -> torch.device:
    """Where networks run here."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
