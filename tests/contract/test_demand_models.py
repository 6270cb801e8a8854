"""What every demand model in the registry must do. A new kind is under test as soon as it is registered."""

import dataclasses
import functools

import numpy as np
import pytest

from merx import artefact, registry
from merx.data.contracts import DemandConfig, DemandModel
from merx.data.panel import PricePanel
from merx.errors import RequestError
from merx.price.limits import PriceRules
from merx.price.optimise import optimise
from tests.price.worlds import make_world

KINDS = [kind.name for kind in registry.kinds_for("price")]
ITEMS = 30


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return make_world("random", seed=7, items=ITEMS, weeks=60, categories=3).panel


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def fitted(name, panel):
    config, _ = registry.kind(name).load()
    return config().fit(panel)


@pytest.fixture(scope="module")
def once(panel):
    """The model of a kind on the panel, fitted once for the tests that only ask it."""
    return functools.cache(lambda name: fitted(name, panel))


def grid(panel):
    """From half to double the prices of now, (I, 7)."""
    return panel.price_now[:, None] * np.geomspace(0.5, 2.0, 7)


def test_meets_the_protocol(kind, panel, once):
    config, fitted_type = registry.kind(kind).load()
    model = once(kind)
    assert isinstance(config(), DemandConfig)
    assert isinstance(model, DemandModel)
    assert isinstance(model, fitted_type)
    assert dataclasses.is_dataclass(config) and config.__dataclass_params__.frozen
    assert fitted_type.__dataclass_params__.frozen
    assert model.items == panel.items


def test_demand_is_finite_never_negative_and_the_mean_of_its_draws(kind, panel, once):
    model = once(kind)
    demand, draws = model.demand(grid(panel)), model.draws(grid(panel))
    assert demand.shape == (ITEMS, 7)
    assert draws.shape[1:] == (ITEMS, 7)
    assert np.isfinite(draws).all() and (draws >= 0).all()
    np.testing.assert_allclose(demand, draws.mean(axis=0))


def test_dearer_never_sells_more(kind, panel, once):
    draws = once(kind).draws(grid(panel))
    assert (np.diff(draws, axis=2) <= 1e-9).all()


def test_fit_twice_is_fit_once_and_input_is_not_mutated(kind, panel):
    before = {name: value.copy() for name, value in vars(panel).items() if isinstance(value, np.ndarray)}
    first, second = fitted(kind, panel), fitted(kind, panel)
    prices = grid(panel)
    held = prices.copy()
    assert first.draws(prices).tobytes() == second.draws(prices).tobytes()
    np.testing.assert_array_equal(prices, held)
    for name, value in before.items():
        np.testing.assert_array_equal(value, getattr(panel, name), err_msg=name)


def test_save_and_load_is_bit_equal(kind, panel, once, tmp_path):
    config, fitted_type = registry.kind(kind).load()
    model = once(kind)
    artefact.save(model, tmp_path / "m", kind=kind, config=config(), about={})
    again = artefact.load(tmp_path / "m", kind, fitted_type, config)
    assert again.draws(grid(panel)).tobytes() == model.draws(grid(panel)).tobytes()
    assert again.items == model.items


def test_permuting_items_permutes_results(kind, panel, once):
    order = np.random.default_rng(0).permutation(ITEMS)
    permuted = panel.take(order)
    expected = once(kind).draws(grid(panel))[:, order]
    np.testing.assert_allclose(fitted(kind, permuted).draws(grid(permuted)), expected, rtol=1e-5)


def test_some_items_alone_are_as_among_all(kind, panel, once):
    model, which = once(kind), np.array([20, 3])
    some = model.take(which)
    assert isinstance(some, DemandModel)
    assert some.items.ids.to_pylist() == panel.items.ids.take(which).to_pylist()
    np.testing.assert_array_equal(some.draws(grid(panel)[which]), model.draws(grid(panel))[:, which])
    assert some.take(np.array([], dtype=np.int64)).draws(np.empty((0, 7))).shape[1:] == (0, 7)


def test_prices_of_another_shape_are_refused(kind, panel, once):
    model = once(kind)
    with pytest.raises(RequestError, match=f"{ITEMS} rows"):
        model.draws(grid(panel)[:3])
    with pytest.raises(RequestError, match=f"{ITEMS} rows"):
        model.demand(grid(panel)[:3])


def test_a_catalogue_of_one_can_be_priced(kind, panel):
    one = panel.take(np.array([5]))
    quotes = optimise(fitted(kind, one), one, PriceRules())
    assert quotes.item_id == (panel.items.ids[5].as_py(),)
    assert np.isfinite(quotes.price).all()
