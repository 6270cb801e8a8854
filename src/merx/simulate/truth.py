"""What is true about a simulated shop, and the best that could be done in it."""

import json
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy import sparse

from merx.data.schema import TABLES
from merx.errors import ConfigError, DataError
from merx.simulate.cross import Cross

ARRAYS_FILE, FACTS_FILE = "truth.safetensors", "truth.json"


@dataclass(frozen=True, eq=False)
class Truth:
    """The truth behind the tables: U users, I items, F tastes, K categories, D days, W weeks, R follows,
    X pairs of products that touch each other.

    Row u belongs to `user_ids[u]`, row i to `item_ids[i]`; week w holds the days 7w to 7w + 6.

    Parameters
    ----------
    user_ids, item_ids, categories : tuples of U, I, K str
    start : date of the first day
    user_factors : float64 (U, F)
        Share of each user in the purchases out of a taste, all users being present; columns sum to 1.
    item_factors : float64 (I, F)
        Share of each taste in the purchases of an item; rows sum to 1.
    user_taste, item_taste, category : int32 (U,), (I,), (I,)
        Main taste (cluster) and category.
    arrival, launch : int32 (U,), (I,)
        First day of a user and of an item.
    elasticity, reference_price, base_units, promotion_lift : float64 (I,)
        d log units / d log price; the price it is measured from; units a day at that price, all else
        being 1; factor of a promotion beyond its price.
    trend, holiday : float64 (D,)
    season : float64 (K, D)
    shock : float64 (I, W)
        Log demand shock.
    price, cost : float64 (I, W)
    promotion : bool (I, W)
    available : bool (I, D)
    expected_units, unconstrained_units : float64 (I, D)
        Means of the units bought: as it was, and had there been stock on every day since the launch.
    next_units : float64 (I,)
        Expected units of the seven days after the span at the reference prices, with stock.
    repeat_share : float64 (I,)
        Share of an item's units that are reorders by earlier buyers.
    influence_share : float
        Share of units offered to a follower of a recent buyer. She takes it with a chance of her row of
        `user_factors`, made to sum to 1, at the taste of the unit; otherwise it is bought by taste alone.
    influenced_share : float
        Share of all units that a follower took so.
    follower, leader : int32 (R,)
    influence : float64 (R,)
        Relative strength by which the leader's purchases move the follower.
    successors : int32 (I, 3)
        After a view of an item the next view is, with chance `follow_share`, one of these, with the
        shares `successor_shares` (3,). It is -1 where the taste has no other item.
    cross_sold, cross_priced, cross_elasticity : int32 (X,), int32 (X,), float64 (X,)
        d log units of the one / d log price of the other; X is 0 where no price moves another product.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    categories: tuple[str, ...]
    start: date
    user_factors: np.ndarray
    item_factors: np.ndarray
    user_taste: np.ndarray
    item_taste: np.ndarray
    category: np.ndarray
    arrival: np.ndarray
    launch: np.ndarray
    elasticity: np.ndarray
    reference_price: np.ndarray
    base_units: np.ndarray
    promotion_lift: np.ndarray
    trend: np.ndarray
    holiday: np.ndarray
    season: np.ndarray
    shock: np.ndarray
    price: np.ndarray
    cost: np.ndarray
    promotion: np.ndarray
    available: np.ndarray
    expected_units: np.ndarray
    unconstrained_units: np.ndarray
    next_units: np.ndarray
    repeat_share: np.ndarray
    influence_share: float
    influenced_share: float
    follower: np.ndarray
    leader: np.ndarray
    influence: np.ndarray
    successors: np.ndarray
    successor_shares: np.ndarray
    follow_share: float
    cross_sold: np.ndarray
    cross_priced: np.ndarray
    cross_elasticity: np.ndarray

    @property
    def price_now(self) -> np.ndarray:
        """Prices at the end of the span (I,)."""
        now: np.ndarray = self.price[:, -1]
        return now

    @property
    def cost_now(self) -> np.ndarray:
        """Costs at the end of the span (I,)."""
        now: np.ndarray = self.cost[:, -1]
        return now

    def affinity(self, user: int) -> np.ndarray:
        """Share of one user in the purchases of each item (I,), all users being present."""
        share: np.ndarray = self.item_factors @ self.user_factors[user]
        return share

    def purchase_rate(self, user: int) -> np.ndarray:
        """Expected units (I,) that a user buys in the week after the span, at today's prices, by taste alone.

        Its order is the true order of what this user is most likely to buy next; reorders and the
        influence of friends come on top.
        """
        units = self.expected_weekly_units(self.price_now[:, None])[:, 0]
        rate: np.ndarray = units * self.affinity(user)
        return rate

    def expected_weekly_units(self, prices: np.ndarray) -> np.ndarray:
        """Expected units (I, G) of the seven days after the span at regular prices (I, G), with stock.

        Each item's own price moves; those of the others are as today.
        """
        response = (prices / self.reference_price[:, None]) ** self.elasticity[:, None]
        touched = np.exp(self.cross() @ np.log(self.price_now / self.reference_price))
        units: np.ndarray = (self.next_units * touched)[:, None] * response
        return units

    def cross(self) -> sparse.csr_array:
        """Cross elasticities [i, j]: d log units of i / d log price of j, CSR (I, I)."""
        return Cross(self.cross_sold, self.cross_priced, self.cross_elasticity).matrix(len(self.item_ids))

    def weekly_units(self, price: np.ndarray) -> np.ndarray:
        """Expected units (I,) of the seven days after the span, at these regular prices (I,) together."""
        moved = np.exp(self.cross() @ np.log(price / self.price_now))
        units: np.ndarray = self.expected_weekly_units(price[:, None])[:, 0] * moved
        return units

    def profit(self, prices: np.ndarray) -> np.ndarray:
        """Expected profit (I, G) of the seven days after the span at prices (I, G), others as today."""
        profit: np.ndarray = self.expected_weekly_units(prices) * (prices - self.cost_now[:, None])
        return profit

    def best_prices(self, grid: np.ndarray) -> np.ndarray:
        """The most profitable price (I,) of each row of the grid (I, G)."""
        best: np.ndarray = np.take_along_axis(grid, self.profit(grid).argmax(axis=1)[:, None], axis=1)[:, 0]
        return best

    def write(self, folder: Path) -> list[Path]:
        """Write the arrays as truth.safetensors and all else as truth.json.

        Raises
        ------
        ConfigError
            If the folder holds the shop's tables: a truth among the data is soon learnt from.
        """
        folder = Path(folder)
        if any((folder / f"{name}.parquet").exists() for name in TABLES):
            raise ConfigError(
                f"{folder} holds the tables of a shop. Write the truth to a folder of its own, "
                "so that no model can read it."
            )
        folder.mkdir(parents=True, exist_ok=True)
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: np.ascontiguousarray(v) for name, v in values.items() if isinstance(v, np.ndarray)}
        facts = {name: v for name, v in values.items() if name not in arrays} | {
            "start": self.start.isoformat()
        }
        save_file(arrays, folder / ARRAYS_FILE)
        (folder / FACTS_FILE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        return [folder / ARRAYS_FILE, folder / FACTS_FILE]


def read_truth(folder: Path) -> Truth:
    """Read what `Truth.write` wrote.

    Raises
    ------
    DataError
        If a file is missing or the two do not hold the fields of a truth.
    """
    folder = Path(folder)
    for name in (ARRAYS_FILE, FACTS_FILE):
        if not (folder / name).exists():
            raise DataError(
                f"{folder / name}: no such file. A truth is written by SimulatedShop.write_truth."
            )
    facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    values = {**facts, **load_file(folder / ARRAYS_FILE)}
    expected = {field.name for field in fields(Truth)}
    if set(values) != expected:
        odd = ", ".join(sorted(set(values) ^ expected)[:3])
        raise DataError(
            f"{folder}: its fields are not those of a truth (first: {odd}). Simulate the shop again."
        )
    for name in ("user_ids", "item_ids", "categories"):
        values[name] = tuple(values[name])
    values["start"] = date.fromisoformat(values["start"])
    return Truth(**values)
