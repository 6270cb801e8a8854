import pytest

from merx.errors import ConfigError
from merx.simulate import Simulation


@pytest.mark.parametrize(("name", "value"), [("users", 0), ("items", -1), ("days", 0), ("seed", -3)])
def test_impossible_values_are_refused(name, value):
    with pytest.raises(ConfigError, match=rf"{name} is {value}"):
        Simulation(**{name: value})


def test_an_unknown_policy_is_refused_and_the_nearest_named():
    with pytest.raises(ConfigError, match="nearest is 'follows_demand'"):
        Simulation(price_policy="follow_demand")


def test_same_config_same_shop():
    first, second = (Simulation(users=150, items=40, days=60, seed=3).run() for _ in range(2))
    for name, table in first.tables.items():
        assert table.equals(second.tables[name]), name
    assert (first.truth.expected_units == second.truth.expected_units).all()


def test_another_seed_is_another_shop():
    first, second = (Simulation(users=50, items=20, days=30, seed=seed).run() for seed in (0, 1))
    assert not first.tables["events"].equals(second.tables["events"])


def test_the_world_is_the_same_under_every_price_policy():
    shops = [
        Simulation(users=50, items=20, days=30, price_policy=policy).run()
        for policy in ("random", "follows_demand")
    ]
    for name in ("elasticity", "user_factors", "item_factors", "follower", "successors"):
        assert (getattr(shops[0].truth, name) == getattr(shops[1].truth, name)).all()


@pytest.mark.parametrize(("users", "items", "days"), [(1, 1, 1), (1, 30, 9), (40, 1, 30), (3, 2, 400)])
def test_the_smallest_shops_run(users, items, days):
    shop = Simulation(users=users, items=items, days=days).run()
    assert shop.tables["products"].num_rows == items
