"""The network: item vectors in, blocks of a recurrent cell and a feed-forward layer, item vectors out.

    x_0 = item vector + side inputs
    x   = x + cell(norm(x));  x = x + W_2 silu(W_1 norm(x))      for each block
    h   = norm(x),  score of item i = h . (vector of i)

Input and output share the item vectors. An item's vector is its own plus those of what it has in common with
others (its category, its price band), so that an item never met is not a stranger.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from merx.behaviour.cells import cell_of

EXPANSION = 2  # width of the feed-forward layer, in widths of the network


@dataclass(frozen=True)
class Shape:
    """What a network is made of.

    Parameters
    ----------
    items : int
        I, items with a vector of their own.
    width : int
        F.
    blocks : int
    cell : str
    dropout : float
    sides : dict of str to int
        How many codes each side input of an event has.
    attributes : dict of str to int
        How many codes each attribute of an item has.
    heads : dict of str to int
        How many numbers each head says, the next item's left out.
    """

    items: int
    width: int
    blocks: int
    cell: str
    dropout: float
    sides: dict[str, int] = field(default_factory=dict)
    attributes: dict[str, int] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)


class Dropout(nn.Module):
    """Leaves out a share of the numbers, rounded to 1/256: of random bits a byte is enough for each."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.bar = round(256 * share)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape; what is left is scaled up, so that the mean stays."""
        if not (self.training and self.bar):
            return x
        word = torch.empty(-(-x.numel() // 4), dtype=torch.int32, device=x.device).random_(-(2**31), 2**31)
        kept = word.view(torch.uint8)[: x.numel()].view_as(x) >= self.bar
        return x * kept.to(x.dtype).mul_(256 / (256 - self.bar))


class Block(nn.Module):
    """A cell and a feed-forward layer, each beside a way round it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.cell = cell_of(shape.cell, width)
        self.widen = nn.Linear(width, EXPANSION * width)
        self.narrow = nn.Linear(EXPANSION * width, width)
        self.dropout = Dropout(shape.dropout)

    def forward(self, x: Tensor, sizes: list[int]) -> Tensor:
        """(N, F) to (N, F)."""
        x = x + self.dropout(self.cell(self.norms[0](x), sizes))
        wide = self.dropout(nn.functional.silu(self.widen(self.norms[1](x))))
        return x + self.dropout(self.narrow(wide))  # type: ignore[no-any-return]


class Network(nn.Module):
    """See the module."""

    def __init__(self, shape: Shape, attributes: dict[str, Tensor]) -> None:
        """`attributes`: codes (I,) of each attribute of the items."""
        super().__init__()
        self.shape = shape
        width = shape.width

        def table(codes: int) -> nn.Embedding:
            """From 0, so that a code never met says nothing, and few events are not put down to pauses."""
            return nn.Embedding(codes, width, _weight=torch.zeros(codes, width))

        self.item = nn.Embedding(shape.items, width)
        nn.init.normal_(self.item.weight, std=width**-0.5)
        self.sides = nn.ModuleDict({name: table(codes) for name, codes in shape.sides.items()})
        self.attributes = nn.ModuleDict({name: table(codes) for name, codes in shape.attributes.items()})
        for name, codes in attributes.items():
            self.register_buffer(f"{name}_of_item", codes, persistent=False)
        self.blocks = nn.ModuleList([Block(shape) for _ in range(shape.blocks)])
        self.norm = nn.LayerNorm(width)
        self.heads = nn.ModuleDict({name: nn.Linear(width, said) for name, said in shape.heads.items()})
        self.dropout = Dropout(shape.dropout)

    def vectors(self, item: Tensor) -> Tensor:
        """Vectors (n, F) of items (n,)."""
        vector: Tensor = self.item(item)
        for name, table in self.attributes.items():
            vector = vector + table(getattr(self, f"{name}_of_item")[item])
        return vector

    def forward(self, vector: Tensor, sides: dict[str, Tensor], sizes: list[int]) -> Tensor:
        """What is known after each event, (N, F), from the vectors (N, F) and sides (N,) of the events."""
        x = vector
        for name, table in self.sides.items():
            x = x + table(sides[name])
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, sizes)
        return self.norm(x)  # type: ignore[no-any-return]

    def says(self, hidden: Tensor) -> dict[str, Tensor]:
        """What each head but the next item's says, (N, its numbers)."""
        return {name: head(hidden) for name, head in self.heads.items()}


def device() -> torch.device:
    """Where networks are trained here."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
