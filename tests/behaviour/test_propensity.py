"""Propensities: GA4's definitions against loops, shoppers whose chances are known, what is refused."""

import numpy as np
import pytest

from merx.behaviour.activity_features import FEATURES, features
from merx.behaviour.calibration import platt, reliability
from merx.behaviour.propensity import Churn, Purchase, Revenue, link
from merx.behaviour.propensity_training import CHURN, GOALS, MEMORY, PURCHASE, REVENUE, lessons, outcome
from merx.behaviour.ranks import auc, rank_correlation
from merx.data.activity import COUNTS, Activity
from merx.errors import FitError
from tests.behaviour.shoppers import FIRST, activity, steady_shoppers

KINDS = {"purchase": Purchase, "churn": Churn, "revenue": Revenue}


@pytest.fixture(scope="module")
def world():
    return steady_shoppers()


@pytest.fixture(scope="module")
def fitted(world):
    return {name: kind().fit(world[0]) for name, kind in KINDS.items()}


def days_of(found: Activity, user):
    """Entries of a shopper: day -> (counts, revenue)."""
    entries = range(found.offsets[user], found.offsets[user + 1])
    return {
        int(found.day[e]): (dict(zip(COUNTS, found.count[e], strict=True)), found.revenue[e]) for e in entries
    }


def test_the_three_definitions(world):
    """Google Analytics 4: active in 28, 7 and 28 days; orders in 7, nothing in 7, revenue in 28."""
    found = world[0]
    day = FIRST + 100
    expected = {goal: {} for goal in (PURCHASE, CHURN, REVENUE)}
    for user in range(200):
        days = days_of(found, user)
        month = any(day - 28 <= d < day for d in days)
        week = any(day - 7 <= d < day for d in days)
        if month:
            expected[PURCHASE][user] = any(days[d][0]["orders"] for d in days if day <= d < day + 7)
            expected[REVENUE][user] = sum(days[d][1] for d in days if day <= d < day + 28)
        if week:
            expected[CHURN][user] = not any(day <= d < day + 7 for d in days)
    for goal, wanted in expected.items():
        user = found.active(day - goal.active, day)
        user = user[user < 200]
        assert user.tolist() == list(wanted)
        np.testing.assert_allclose(outcome(found, goal, user, day), list(wanted.values()))


def test_features_by_definition(world):
    found, day = world[0], FIRST + 100
    user = found.active(day - 28, day)[:60]
    value = dict(zip(FEATURES, features(found, user, day).T, strict=True))
    for place, one in enumerate(user):
        days = {d: entry for d, entry in days_of(found, one).items() if d < day}
        ordered = [d for d in days if days[d][0]["orders"]]
        for span in (7, 28, 84):
            inside = [days[d] for d in days if d >= day - span]
            assert value[f"days in {span} days"][place] == len(inside)
            assert value[f"views in {span} days"][place] == sum(count["views"] for count, _ in inside)
            assert value[f"revenue in {span} days"][place] == pytest.approx(
                sum(r for _, r in inside), rel=1e-5
            )
        assert value["orders so far"][place] == len(ordered)
        assert value["days since the last visit"][place] == day - max(days)
        assert value["days since the first visit"][place] == day - min(days)
        last = day - max(ordered) if ordered else np.nan
        np.testing.assert_equal(float(value["days since the last order"][place]), last)
        assert value["days between visits"][place] == pytest.approx((day - min(days)) / len(days))


def test_nothing_of_the_day_or_later_is_seen(world):
    found = world[0]
    day = FIRST + 100
    before = found.day < day
    kept = np.concatenate([[0], np.cumsum(before)])[found.offsets]
    cut = Activity(
        found.users, kept, found.day[before], found.count[before], found.revenue[before], found.first, day
    )
    user = found.active(day - 28, day)
    np.testing.assert_array_equal(features(cut, user, day), features(found, user, day))


def test_lessons_are_of_spans_that_are_over_and_do_not_overlap(world):
    found = world[0]
    assert len(lessons(found, PURCHASE, 99)) == (150 - 1 - MEMORY) // 7
    assert len(lessons(found, REVENUE, 99)) == (150 - 1 - MEMORY) // 28
    newest = lessons(found, PURCHASE, 3)[0]
    day = found.end - 8
    user = found.active(day - 28, day)
    np.testing.assert_array_equal(newest.outcome, outcome(found, PURCHASE, user, day))
    np.testing.assert_array_equal(newest.features, features(found, user, day))


def test_chances_are_near_the_true_ones(world, fitted):
    found, comes, orders, worth = world
    buys = 1 - (1 - comes * orders) ** 7
    true = {"purchase": buys, "churn": (1 - comes) ** 7, "revenue": 28 * comes * orders * worth}
    for name, model in fitted.items():
        said = model.predict(found)
        known = np.isfinite(said)
        goal = GOALS[name]
        assert np.flatnonzero(known).tolist() == found.active(found.end - goal.active, found.end).tolist()
        curve = reliability(said[known], true[name][known])
        assert curve.error < (0.02 if name != "revenue" else 0.15 * true[name][known].mean())
        assert rank_correlation(said[known], true[name][known]) > 0.6
        if name != "revenue":
            assert said[known].min() > 0 and said[known].max() < 1


def test_what_is_reported_was_not_learnt_from(world, fitted):
    """The order and the error are about those that the truth itself has on the spans tested."""
    assert 0.6 < fitted["purchase"].order < 0.9
    assert fitted["purchase"].tested.error < 0.03
    assert fitted["purchase"].tested.count.sum() == fitted["purchase"].shoppers
    assert 0 < fitted["revenue"].order < 0.9


def test_parts_add_up(world, fitted):
    found = world[0]
    for name, model in fitted.items():
        said = model.predict(found)
        user = np.flatnonzero(np.isfinite(said))[:20]
        why = model.explain(found, user)
        assert why.part.shape == (len(user), len(FEATURES)) and why.names == FEATURES
        np.testing.assert_allclose(link(GOALS[name], why.base + why.part.sum(axis=1)), said[user], rtol=1e-6)
        np.testing.assert_array_equal(why.value, features(found, user, found.end))


def test_a_history_too_short_is_refused():
    found, *_ = steady_shoppers(users=300, days=45)
    with pytest.raises(FitError, match=r"purchase: the events span 45 days, and it takes 50: 28 to know"):
        Purchase().fit(found)
    with pytest.raises(FitError, match=r"revenue: the events span 45 days, and it takes 113"):
        Revenue().fit(found)


def test_too_few_buyers_are_refused():
    rows = [(user, day, 1, 0, 0.0) for user in range(300) for day in range(user % 3, 90, 3)]
    with pytest.raises(
        FitError, match=r"purchase: 0 shoppers ordered and .* did not among those to learn from"
    ):
        Purchase().fit(activity(rows, 300, 90))
    with pytest.raises(FitError, match=r"churn: 0 shoppers stayed away"):
        Churn().fit(activity(rows, 300, 90))


def test_nobody_active_gets_no_number(fitted):
    quiet = activity([(0, 0, 1, 0, 0.0)], 2, 100)
    assert np.isnan(fitted["purchase"].predict(quiet)).all()


def test_platt_finds_the_line_it_was_made_by():
    rng = np.random.default_rng(0)
    said = rng.normal(-1, 2, 40_000)
    label = rng.random(40_000) < 1 / (1 + np.exp(-(0.6 * said - 0.8)))
    np.testing.assert_allclose(platt(said, label), (0.6, -0.8), atol=0.05)
    for label in (np.zeros(9, bool), np.ones(9, bool)):
        assert np.isfinite(platt(np.arange(9.0), label)).all()


def test_reliability_by_definition():
    curve = reliability(np.array([0.9, 0.1, 0.8, 0.3]), np.array([1.0, 0.0, 0.0, 0.0]))
    np.testing.assert_allclose(curve.predicted, [0.1, 0.3, 0.8, 0.9])
    np.testing.assert_allclose(curve.observed, [0, 0, 0, 1])
    assert curve.error == pytest.approx((0.1 + 0.3 + 0.8 + 0.1) / 4)
    assert reliability(np.linspace(0, 1, 105), np.zeros(105)).count.tolist() == [11] * 5 + [10] * 5


def test_auc_by_definition():
    rng = np.random.default_rng(1)
    said, label = rng.integers(0, 9, 60), rng.random(60) < 0.3
    pairs = [
        (said[i] > said[j]) + 0.5 * (said[i] == said[j])
        for i in np.flatnonzero(label)
        for j in np.flatnonzero(~label)
    ]
    assert auc(said, label) == pytest.approx(np.mean(pairs))
    assert np.isnan(auc(said, np.zeros(60, bool)))


@pytest.mark.slow
def test_calibrated_on_a_simulated_shop(tmp_path):
    """Six weeks, each foretold by a model fitted on what was known before it; one alone has its own level."""
    from merx.fitting import Inputs
    from merx.shop import Shop
    from merx.simulating import simulate
    from merx.store.duckdb_engine import DuckDBEngine
    from merx.store.tables import Tables

    simulate(tmp_path / "shop", users=3000, items=150, days=330, seed=0)
    tables = Tables(tmp_path / "shop" / "tables")
    engine = DuckDBEngine(tables, tables.current())
    settings = Shop(tmp_path / "shop").config
    said, came = [], []
    whole = Inputs(engine, settings).of("activity")
    for weeks in range(2, 20, 3):
        day = whole.end - 1 - 7 * weeks
        known = Inputs(engine, settings, until=day * 86_400_000_000).of("activity")
        assert known.end == day
        chance = Purchase().fit(known).predict(known)
        active = np.flatnonzero(np.isfinite(chance))
        place = whole.users.codes(known.users.ids.take(active))
        said.append(chance[active])
        came.append(outcome(whole, PURCHASE, place, day))
    engine.close()
    assert reliability(np.concatenate(said), np.concatenate(came)).error < 0.02
