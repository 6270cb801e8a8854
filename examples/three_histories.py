"""Three shoppers' histories of buying (1) or not (0), and an LSTM that sees three steps and tells the fourth.

Split by time: the last step of each shopper is told from the three before it, by a network that has seen no
window with a last step in it. So it is asked what it would be in a shop: what do these shoppers do next? Nine
windows in all, six to learn from, three to be judged by.

    python examples/three_histories.py
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from merx.behaviour.cells import cell_of

HISTORIES = ("101001", "010110", "100110")
SHOPPERS, STEPS, SLIPS = 1000, 12, 0.1  # simulated; one step in ten is not as the rule has it
WIDTH, BATCH, ROUNDS, SEEDS = 16, 128, 150, 6

Windows = tuple[np.ndarray, np.ndarray]  # what is seen, int64 (n, steps), and the step after it, int64 (n,)
Teller = Callable[[np.ndarray], np.ndarray]  # what is seen -> the step after it


class Network(nn.Module):
    """An LSTM, and how likely a purchase is after its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.step, self.cell, self.buys = nn.Embedding(2, WIDTH), cell_of("lstm", WIDTH), nn.Linear(WIDTH, 1)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """(n, steps) of 0 and 1 to log odds (n,)."""
        n, steps = seen.shape
        states = self.cell(self.step(seen.T.flatten()), [n] * steps)  # the first step of all, the second ...
        return self.buys(states[-n:])[:, 0]


def lstm(train: Windows, seed: int) -> Teller:
    """The same training for all, whatever the windows held out say: ROUNDS batches, drawn at random."""
    torch.manual_seed(seed)
    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    seen, after = torch.from_numpy(train[0]), torch.from_numpy(train[1]).float()
    for _ in range(ROUNDS):
        some = torch.randint(len(after), (BATCH,))
        optimiser.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(seen[some]), after[some]).backward()
        optimiser.step()

    @torch.no_grad()
    def tell(seen: np.ndarray) -> np.ndarray:
        return (network(torch.from_numpy(seen)) > 0).long().numpy()

    return tell


def markov(train: Windows, order: int) -> Teller:
    """What mostly came after the last `order` steps; of ties and what was never met, after fewer."""

    def one(row: np.ndarray) -> int:
        for first in range(len(row) - order, len(row) + 1):
            same = (train[0][:, first:] == row[first:]).all(axis=1)
            if same.any() and (share := train[1][same].mean()) != 0.5:
                return int(share > 0.5)
        return 0

    def tell(seen: np.ndarray) -> np.ndarray:
        rows, place = np.unique(seen, axis=0, return_inverse=True)
        return np.array([one(row) for row in rows])[place]

    return tell


def windows(histories: np.ndarray, length: int) -> tuple[Windows, Windows]:
    """To learn from: those that end before the last step. Held out: those that end in it."""
    # (shoppers, places, length + 1)
    every = np.lib.stride_tricks.sliding_window_view(histories, length + 1, axis=1)
    early, late = every[:, :-1].reshape(-1, length + 1), every[:, -1].copy()
    return (early[:, :-1], early[:, -1]), (late[:, :-1], late[:, -1])


def simulated(rng: np.random.Generator) -> np.ndarray:
    """Who buys at every third step, from a first one of her own, but for slips: int64 (shoppers, steps)."""
    rule = (np.arange(STEPS) - rng.integers(0, 3, (SHOPPERS, 1))) % 3 == 0
    return (rule ^ (rng.random(rule.shape) < SLIPS)).astype(np.int64)


def best_possible(length: int) -> float:
    """The accuracy of who knows the rule, over all that can be seen in so many steps."""
    seen = np.arange(2**length)[:, None] >> np.arange(length) & 1  # (2^length, length)
    rule = (np.arange(length + 1) - np.arange(3)[:, None]) % 3 == 0  # (first purchases, length + 1)
    chance = np.where(seen[:, None] == rule[:, :-1], 1 - SLIPS, SLIPS).prod(axis=2) / 3  # (2^length, 3)
    buys = chance @ np.where(rule[:, -1], 1 - SLIPS, SLIPS)
    return float(np.maximum(buys, chance.sum(axis=1) - buys).sum())


def show(histories: np.ndarray, length: int) -> None:
    """Print how often each answer is right, on the windows it learned from and on those held out."""
    train, test = windows(histories, length)
    tellers = {"base rate": [markov(train, 0)], "the last step again": [lambda seen: seen[:, -1]]}
    tellers |= {f"after the last {order}": [markov(train, order)] for order in sorted({1, 3, length})}
    tellers["LSTM"] = [lstm(train, seed) for seed in range(SEEDS)]
    print(f"  {'':20}{f'{len(train[1]):,} learned from':>20}{f'{len(test[1]):,} held out':>20}")
    for name, several in tellers.items():
        line = f"  {name:20}"
        for seen, after in (train, test):
            right = [float(np.mean(tell(seen) == after)) for tell in several]
            spread = f" ({min(right):.2f} to {max(right):.2f})" if len(right) > 1 else ""
            line += f"{f'{np.mean(right):.2f}{spread}':>20}"
        print(line)


def main() -> None:
    """Tell the next step of three shoppers, then of a thousand whose rule is known."""
    torch.set_num_threads(1)  # the work is too small for more
    print(f"Three shoppers, 3 steps seen ({SEEDS} seeds)")
    show(np.array([list(map(int, row)) for row in HISTORIES]), 3)
    print(
        "  101 and 010 were each followed by a purchase once and by none once: at most 4 of 6 can be right."
    )
    print(
        "  Of those held out 001 was met before. The two 011 never were, and what is said of them is chance:"
    )
    print("  an LSTM is right about 1 of the 3 or about all, by its seed, and three rows cannot say which.")
    crowd = simulated(np.random.default_rng(0))
    for length in (3, 9):
        best = best_possible(length)
        print(f"\n{SHOPPERS:,} simulated shoppers, {length} steps seen: {best:.2f} is the best possible")
        show(crowd, length)
    print("  Of 3 steps counting tells all there is. Of 9 it meets too few alike; the LSTM finds the rule.")


if __name__ == "__main__":
    main()
