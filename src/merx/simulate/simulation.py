"""The simulation's config and what comes of it."""

from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from merx.errors import ConfigError
from merx.simulate.buyers import INFLUENCE_SHARE, Buyers
from merx.simulate.calendar import holidays
from merx.simulate.catalogue import CATEGORIES, draw_texts
from merx.simulate.cross import Cross, draw_cross, no_cross
from merx.simulate.demand import Demand, draw_demand
from merx.simulate.paths import FOLLOW_SHARE, STEP_SHARES, Ring, draw_ring
from merx.simulate.pictures import write_pictures
from merx.simulate.prices import JITTER_MAX, PRICE_POLICIES
from merx.simulate.sessions import Events, draw_week
from merx.simulate.social import Social, draw_social
from merx.simulate.tables import (
    events_table,
    numbered,
    prices_table,
    products_table,
    relations_table,
    stock_table,
)
from merx.simulate.truth import ARRAYS_FILE, Truth
from merx.simulate.world import World, draw_world


@dataclass(frozen=True)
class SimulatedShop:
    """A simulated shop: what it knows (tables) and what is so (truth).

    Parameters
    ----------
    tables : events, products, prices, relations, stock
        By the schemas of `merx.data.schema.TABLES`.
    holidays : table of lists of str
        The days of each holiday, for the shop's settings.
    truth : Truth
    """

    tables: dict[str, pa.Table]
    holidays: dict[str, tuple[str, ...]]
    truth: Truth

    def write(self, folder: Path) -> list[Path]:
        """Write each table to folder/<name>.parquet (zstd).

        Raises
        ------
        ConfigError
            If the folder holds a truth.
        """
        folder = Path(folder)
        if (folder / ARRAYS_FILE).exists():
            raise ConfigError(f"{folder} holds a truth. Write the tables to a folder of their own.")
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for name, table in self.tables.items():
            paths.append(folder / f"{name}.parquet")
            pq.write_table(table, paths[-1], compression="zstd")
        return paths

    def write_truth(self, folder: Path) -> list[Path]:
        """Write the truth, for `read_truth`; never into the folder of the tables."""
        return self.truth.write(folder)

    def write_pictures(self, folder: Path, size: int = 96) -> list[Path]:
        """Write a picture of size by size pixels for each product, at folder / its `image_link`."""
        truth = self.truth
        return write_pictures(folder, truth.item_ids, truth.item_taste, truth.category, size)


@dataclass(frozen=True)
class Simulation:
    """A shop to simulate. Equal configs give equal shops.

    Parameters
    ----------
    users, items : int
        At least 1. Each user buys 20 units a year on average.
    days : int
        Length of the span, at least 1. A year gives some 350 events per user.
    seed : int
        Not negative. The world (tastes, elasticities, costs, friends) depends on it and the three sizes
        alone, so it is the same under every price policy.
    price_policy : str
        How regular prices move from week to week: `random`, `follows_last_week` (up after strong weeks),
        `follows_demand` (up in weeks that are strong for reasons not in the data) or `few_changes` (two
        or three in the span, and no promotions).
    cost_shifters : bool
        Whether costs move by category over time, half of which goes into the price.
    price_jitter : float
        Standard deviation of a random move of each log price and week, on top of the policy: 0.03 is 3 %.
    cross_effects : bool
        Whether products take sales from each other and bring them: a price moves the units of others.
    influence : float
        Share of the units that are offered to a follower of a recent buyer, from 0 (friends share a taste and
        do not move each other) to 0.5.
    start : date
        The first day.

    Raises
    ------
    ConfigError
        For a value that cannot be.
    """

    users: int = 1000
    items: int = 200
    days: int = 364
    seed: int = 0
    price_policy: str = "random"
    cost_shifters: bool = False
    price_jitter: float = 0.0
    cross_effects: bool = False
    influence: float = INFLUENCE_SHARE
    start: date = date(2024, 1, 1)

    def __post_init__(self) -> None:
        for name, least in (("users", 1), ("items", 1), ("days", 1), ("seed", 0)):
            value = getattr(self, name)
            if value < least:
                raise ConfigError(f"Simulation: {name} is {value}; it must be at least {least}.")
        if not 0 <= self.price_jitter <= JITTER_MAX:
            raise ConfigError(
                f"Simulation: price_jitter is {self.price_jitter}; it must be from 0 to {JITTER_MAX}."
            )
        if not 0 <= self.influence <= 0.5:
            raise ConfigError(f"Simulation: influence is {self.influence}; it must be from 0 to 0.5.")
        if self.price_policy not in PRICE_POLICIES:
            near = get_close_matches(self.price_policy, PRICE_POLICIES, 1, cutoff=0.0)[0]
            raise ConfigError(
                f"Simulation: no price policy '{self.price_policy}'. The nearest is '{near}'; "
                f"there are {', '.join(PRICE_POLICIES)}."
            )

    def run(self) -> SimulatedShop:
        """Simulate the shop."""
        world_rng, text_rng, social_rng, ring_rng, demand_rng, visit_rng, refund_rng, cross_rng = (
            np.random.default_rng(child) for child in np.random.SeedSequence(self.seed).spawn(8)
        )
        world = draw_world(self.users, self.items, self.days, world_rng)
        texts = draw_texts(world.item_taste, world.category, text_rng)
        social = draw_social(world, social_rng)
        ring = draw_ring(world, ring_rng)
        cross = draw_cross(world, cross_rng) if self.cross_effects else no_cross()
        demand = draw_demand(
            *(world, self.start, self.days, self.price_policy, self.cost_shifters, demand_rng),
            self.price_jitter,
            cross,
        )

        buyers = Buyers(world, social, self.influence)
        weeks: list[Events] = []
        sessions = 0
        for week in range(demand.price.shape[1]):
            events, opened = draw_week(week, world, demand, buyers, ring, sessions, visit_rng)
            weeks.append(events)
            sessions += opened
        tables = {
            "events": events_table(Events.concatenate(weeks), self.start, self.days, refund_rng),
            "products": products_table(world, demand, texts),
            "prices": prices_table(world, demand, self.start),
            "relations": relations_table(world, social, self.start),
            "stock": stock_table(world, demand, self.start),
        }
        return SimulatedShop(
            tables,
            holidays(self.start, self.days),
            _truth(self.start, world, social, ring, demand, buyers, cross),
        )


def _truth(
    start: date, world: World, social: Social, ring: Ring, demand: Demand, buyers: Buyers, cross: Cross
) -> Truth:
    items = np.arange(world.launch.size)
    successors = np.stack([ring.neighbour(items, np.full(items.size, step)) for step in (1, 2, 3)], axis=1)
    return Truth(
        user_ids=tuple(numbered("u", np.arange(world.arrival.size), 6).to_pylist()),
        item_ids=tuple(numbered("i", items, 5).to_pylist()),
        categories=CATEGORIES,
        start=start,
        user_factors=world.user_factors,
        item_factors=world.item_factors,
        user_taste=world.user_taste,
        item_taste=world.item_taste,
        category=world.category,
        arrival=world.arrival,
        launch=world.launch,
        elasticity=world.elasticity,
        reference_price=world.reference_price,
        base_units=world.base_units,
        promotion_lift=world.promotion_lift,
        trend=demand.calendar.trend,
        holiday=demand.calendar.holiday,
        season=demand.calendar.season,
        shock=demand.shock,
        price=demand.price,
        cost=demand.cost,
        promotion=demand.promotion,
        available=demand.available,
        expected_units=demand.expected_units,
        unconstrained_units=demand.unconstrained_units,
        next_units=demand.next_units,
        repeat_share=world.repeat_share,
        influence_share=buyers.influence,
        influenced_share=buyers.influenced / max(buyers.units, 1),
        follower=social.follower,
        leader=social.leader,
        influence=social.strength,
        successors=np.where(successors == items[:, None], -1, successors).astype(np.int32),
        successor_shares=np.array(STEP_SHARES),
        follow_share=FOLLOW_SHARE,
        cross_sold=cross.sold,
        cross_priced=cross.priced,
        cross_elasticity=cross.elasticity,
    )
