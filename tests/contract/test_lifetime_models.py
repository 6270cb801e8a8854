"""What every lifetime model in the registry must do. A new kind is under test as soon as it is registered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merx import artefact, registry
from merx.data.contracts import CustomerConfig, LifetimeModel
from merx.errors import FitError
from tests.behaviour.customers import customers, pareto_world

KINDS = [kind.name for kind in registry.kinds_for("lifetime")]
WORLD = pareto_world(2_000, 0.7, 50.0, 0.8, 150.0)


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def config(kind):
    return registry.kind(kind).load()[0]()


@pytest.fixture(scope="module")
def fitted(config):
    return config.fit(WORLD)


def test_meets_the_protocol(kind, config, fitted):
    _, fitted_type = registry.kind(kind).load()
    assert isinstance(config, CustomerConfig)
    assert isinstance(fitted, LifetimeModel)
    assert isinstance(fitted, fitted_type)
    assert config.__dataclass_params__.frozen and fitted_type.__dataclass_params__.frozen


def test_chances_are_chances_and_fall_while_a_customer_stays_away(fitted):
    alive = fitted.alive(WORLD)
    assert alive.min() >= 0 and alive.max() <= 1
    idle = np.arange(0, 600, 20.0)
    for x in (1, 4, 30):
        n = len(idle)
        there = fitted.alive(customers(np.full(n, x), np.full(n, 60.0), 60 + idle))
        assert (np.diff(there) <= 0).all() and there[0] > there[1] > there[2]


@given(
    x=st.integers(0, 200),
    last=st.floats(0, 1),
    age=st.floats(1, 3000),
    days=st.floats(0.1, 2000),
)
def test_expected_purchases_rise_with_the_horizon(x, last, age, days):
    one = customers([x], [age * last if x else 0.0], [age])
    for name in KINDS:
        model = _fitted(name)
        near, far = model.expected(one, days)[0], model.expected(one, 1.5 * days)[0]
        assert 0 <= near <= far * (1 + 1e-9)
        assert np.isfinite(far)
        assert 0 <= model.alive(one)[0] <= 1
        assert model.days_to_next(one)[0] > 0


FITTED = {}


def _fitted(name):
    if name not in FITTED:
        FITTED[name] = registry.kind(name).load()[0]().fit(WORLD)
    return FITTED[name]


def test_no_time_no_purchases(fitted):
    np.testing.assert_array_equal(fitted.expected(WORLD, 0.0), 0)


def test_a_new_customer_is_one_seen_for_no_time(fitted):
    one = customers([0], [0], [0])
    for days in (7.0, 365.0):
        assert fitted.expected_new(days) == pytest.approx(fitted.expected(one, days)[0])


def test_more_purchases_more_to_come(fitted):
    often = fitted.expected(customers([1, 3, 9], [190] * 3, [200] * 3), 90.0)
    assert (np.diff(often) > 0).all()


def test_the_sum_expected_is_about_what_came(fitted):
    """Of the customers it was fitted on, from their first day on."""
    expected = sum(fitted.expected_new(age) for age in WORLD.age)
    assert expected == pytest.approx(WORLD.frequency.sum(), rel=0.1)


def test_fit_twice_is_fit_once_in_any_order(config, fitted):
    assert config.fit(WORLD) == fitted
    assert config.fit(WORLD.take(np.random.default_rng(0).permutation(len(WORLD)))) == fitted


def test_one_by_one_is_all_at_once(fitted):
    some = np.array([5, 0, 77])
    np.testing.assert_array_equal(fitted.alive(WORLD.take(some)), fitted.alive(WORLD)[some])
    np.testing.assert_array_equal(fitted.expected(WORLD.take(some), 90.0), fitted.expected(WORLD, 90.0)[some])


def test_time_in_other_units_is_the_same_model(config, fitted):
    """The world in hours says of 24 times the days what it said of the days."""
    hours = customers(WORLD.frequency, 24 * WORLD.recency, 24 * WORLD.age)
    np.testing.assert_allclose(
        config.fit(hours).expected(hours, 24 * 90.0), fitted.expected(WORLD, 90.0), rtol=1e-3
    )


def test_each_customer_twice_changes_nothing(config, fitted):
    twice = customers(*(np.repeat(column, 2) for column in (WORLD.frequency, WORLD.recency, WORLD.age)))
    np.testing.assert_allclose(
        config.fit(twice).expected(WORLD, 90.0), fitted.expected(WORLD, 90.0), rtol=1e-3
    )


def test_save_and_load_is_bit_equal(kind, config, fitted, tmp_path):
    artefact.save(fitted, tmp_path / "m", kind=kind, config=config, about={})
    assert artefact.load(tmp_path / "m", kind, type(fitted), type(config)) == fitted
    kept = artefact.read_manifest(tmp_path / "m", kind)["arrays"]
    assert not kept and not registry.kind(kind).keeps_histories


def test_refuses_a_shop_to_which_few_come_back(kind, config):
    few = customers([0] * 900 + [1] * 99, [0] * 900 + [5] * 99, [30] * 999)
    with pytest.raises(
        FitError, match=f"{kind}: 99 of 999 customers bought on a second day, and it takes 100"
    ):
        config.fit(few)


def never_leaving(n, seed):
    rng = np.random.default_rng(seed)
    age = rng.uniform(100, 500, n)
    count = rng.poisson(rng.gamma(2.0, 1 / 60, n) * age)
    last = np.where(count > 0, age * rng.random(n) ** (1 / np.maximum(count, 1)), 0)
    return customers(count, last, age)


def test_customers_who_never_leave(config):
    """Where nobody leaves the parameters of leaving are far out, and the answers are those of the rates."""
    world = never_leaving(3000, 3)
    model = config.fit(world)
    assert model.alive(world).mean() > 0.95
    assert model.expected(world, 100.0).sum() == pytest.approx(3000 * 2 / 60 * 100, rel=0.1)


@pytest.mark.parametrize("seed", [0, 23, 36])
def test_a_nearly_flat_likelihood_is_climbed_to_its_top(config, seed):
    """In these worlds a first search of bg_nbd or pareto_nbd stops a little short of it."""
    world = never_leaving(500, seed)
    assert config.fit(world).alive(world).mean() > 0.9


@given(x=st.integers(1, 200), last=st.floats(0.1, 1500), idle=st.floats(0, 1500), more=st.floats(0.01, 1500))
def test_the_chance_falls_with_the_time_since_the_last_purchase(x, last, idle, more):
    seen = customers([x, x], [last, last], [last + idle, last + idle + more])
    for name in KINDS:
        sooner, later = _fitted(name).alive(seen)
        assert 0 <= later <= sooner <= 1
        if later > 1e-200 and sooner < 0.99:
            assert later < sooner


@given(x=st.integers(0, 200), last=st.floats(0, 1), age=st.floats(0, 3000))
def test_no_time_no_purchases_of_anyone(x, last, age):
    one = customers([x], [age * last if x else 0.0], [age])
    for name in KINDS:
        assert _fitted(name).expected(one, 0.0)[0] == 0
        assert _fitted(name).expected_new(0.0) == 0
