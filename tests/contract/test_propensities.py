"""What every propensity in the registry must do. A new kind is under test as soon as it is registered."""

from dataclasses import fields, replace

import numpy as np
import pytest

from merx import artefact, registry
from merx.data.activity import Activity
from merx.data.contracts import Propensity, PropensityConfig
from merx.data.vocabulary import Vocabulary
from merx.errors import FitError
from tests.behaviour.shoppers import activity, steady_shoppers

KINDS = [kind.name for kind in registry.kinds_for("propensity")]


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def config(kind):
    return registry.kind(kind).load()[0](trees=20)


@pytest.fixture(scope="module")
def world():
    return steady_shoppers(users=700, days=150, seed=1)[0]


@pytest.fixture(scope="module")
def fitted(config, world):
    return config.fit(world)


def taken(found: Activity, users) -> Activity:
    """Some shoppers, in that order."""
    entry = np.concatenate([np.arange(found.offsets[u], found.offsets[u + 1]) for u in users])
    offsets = np.concatenate([[0], np.cumsum(np.diff(found.offsets)[users])])
    names = Vocabulary(found.users.ids.take(users))
    return Activity(
        names, offsets, found.day[entry], found.count[entry], found.revenue[entry], found.first, found.end
    )


def test_meets_the_protocol(kind, config, fitted):
    _, fitted_type = registry.kind(kind).load()
    assert isinstance(config, PropensityConfig)
    assert isinstance(fitted, Propensity)
    assert isinstance(fitted, fitted_type)
    assert config.__dataclass_params__.frozen and fitted_type.__dataclass_params__.frozen


def test_a_number_for_the_active_alone(fitted, world):
    said = fitted.predict(world)
    assert said.shape == (700,) and said.dtype == np.float64
    assert 0 < np.isfinite(said).sum() < 700
    assert np.nanmin(said) >= 0


def test_fit_twice_is_fit_once_and_the_input_is_not_changed(config, fitted, world):
    copies = {
        field.name: np.copy(getattr(world, field.name)) for field in fields(world) if field.name != "users"
    }
    np.testing.assert_array_equal(config.fit(world).predict(world), fitted.predict(world))
    for name, copy in copies.items():
        np.testing.assert_array_equal(getattr(world, name), copy)


def test_shoppers_in_another_order_or_alone_are_told_the_same(fitted, world):
    said = fitted.predict(world)
    for users in (
        np.random.default_rng(0).permutation(700),
        np.array([5]),
        np.flatnonzero(np.isfinite(said))[:3],
    ):
        np.testing.assert_array_equal(fitted.predict(taken(world, users)), said[users])


def test_parts_are_those_of_the_prediction(fitted, world):
    said = fitted.predict(world)
    user = np.flatnonzero(np.isfinite(said))
    why = fitted.explain(world, user)
    total = why.base + why.part.sum(axis=1)
    assert why.part.shape == why.value.shape == (len(user), len(why.names))
    rising = said[user][np.argsort(total)]
    assert (np.diff(rising) >= -1e-9 * rising[1:]).all()


def test_save_and_load_is_bit_equal(kind, config, fitted, world, tmp_path):
    artefact.save(fitted, tmp_path / "m", kind=kind, config=config, about={})
    again = artefact.load(tmp_path / "m", kind, type(fitted), type(config))
    np.testing.assert_array_equal(again.predict(world), fitted.predict(world))
    assert again.tested.error == fitted.tested.error
    arrays = artefact.read_manifest(tmp_path / "m", kind)["arrays"]
    assert not registry.kind(kind).keeps_histories and all(max(shape) < 700 for _, shape in arrays.values())


def test_an_empty_shop_is_refused(config):
    with pytest.raises(FitError, match="the events span 3 days"):
        config.fit(activity([(0, 0, 1, 0, 0.0)], 1, 3))


def test_later_days_change_with_the_end(fitted, world):
    """As of another day it is another answer."""
    later = replace(world, end=world.end + 20)
    assert np.isfinite(fitted.predict(later)).sum() < np.isfinite(fitted.predict(world)).sum()
