"""Price tests, exploring prices and off-policy values, against worlds whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from _tested_shop import panel_of, shop_after_a_test
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, RequestError
from merx.price.clusters import clusters, interference
from merx.price.confounding import find_confounding
from merx.price.constant_elasticity import ConstantElasticity
from merx.price.experiment import design, noise, power, standard_error, weeks_needed
from merx.price.experiment_result import SPREAD, TestResult, analyse, pooled, updated
from merx.price.off_policy import policy_value, propensities, rungs
from merx.price.response import PriceResponse, chance_of_bias
from merx.price.thompson import Drawn


@pytest.mark.parametrize("kind", ["switchback", "clusters"])
def test_a_test_recovers_the_elasticity_and_its_interval_holds_it(kind):
    """80 tests: 95 % intervals hold the truth as often as 95 % do, give or take 2.5 standard errors."""
    found = [shop_after_a_test(seed, kind) for seed in range(80)]
    miss = np.array([shop.result.elasticity - shop.tested for shop in found])
    error = np.array([shop.result.error for shop in found])
    held = np.mean([shop.result.low <= shop.tested <= shop.result.high for shop in found])
    assert abs(miss.mean()) < 2.5 * miss.std() / np.sqrt(len(miss)) + 0.05
    assert 0.95 - 2.5 * np.sqrt(0.05 * 0.95 / 80) <= held
    assert error.mean() == pytest.approx(miss.std(), rel=0.2)
    planned = np.mean([standard_error(shop.plan, shop.variance) for shop in found])
    assert planned == pytest.approx(miss.std(), rel=0.25)


def test_prices_that_followed_by_half_do_not_bias_and_those_that_did_not_are_refused():
    half = [shop_after_a_test(seed, follow=0.5) for seed in range(30)]
    miss = np.array([shop.result.elasticity - shop.tested for shop in half])
    assert abs(miss.mean()) < 3 * miss.std() / np.sqrt(30)
    with pytest.raises(RequestError, match="hardly followed"):
        shop_after_a_test(0, follow=0.0)


def test_without_an_effect_small_chances_are_as_rare_as_they_say():
    rng = np.random.default_rng(0)
    plan = design(np.arange(12), weeks=8, seed=1)
    step = np.repeat(plan.log_ratio, plan.block, axis=1)
    chances = []
    for _ in range(60):
        units = rng.poisson(40, step.shape).astype(float)
        chances.append(analyse(plan, units, np.full(step.shape, 40.0), step, np.ones(12)).chance)
    assert 0.3 < np.mean(chances) < 0.7
    assert np.mean(np.array(chances) < 0.1) < 0.25


@given(
    st.sampled_from(["switchback", "clusters"]), st.integers(3, 9), st.integers(2, 6), st.integers(0, 1000)
)
def test_designs_keep_clusters_together_and_arms_even(kind, count, blocks, seed):
    cluster = np.repeat(np.arange(count), 2)
    plan = design(cluster, kind=kind, weeks=2 * blocks, block=2, washout=1, seed=seed)
    assert plan.weeks == 2 * blocks and plan.arm.shape[0] == count
    share = np.bincount(plan.arm.ravel(), minlength=2)
    if kind == "switchback":
        for row in plan.arm:
            assert abs(np.bincount(row, minlength=2) @ [1, -1]) <= 1
        assert (plan.counted() % 2 == 1).all()  # the first week of each block is washed out
    else:
        assert abs(share @ [1, -1]) <= 1
        assert plan.counted().tolist() == [list(range(1, 2 * blocks))]


def test_a_design_that_cannot_tell_is_refused():
    for wrong in ({"ratio": (0.9,)}, {"ratio": (0.9, -1.0)}, {"weeks": 3}, {"washout": 2}):
        with pytest.raises(ConfigError):
            design(np.arange(6), **wrong)
    with pytest.raises(ConfigError, match="2 clusters"):
        design(np.array([0, 0, 1, 1]))


def test_power_and_the_length_of_a_test():
    assert power(1.0, 2.8016) == pytest.approx(0.8, abs=1e-3)  # z(.975) + z(.8)
    assert power(0.5, 0.0) == pytest.approx(0.05, abs=1e-3)
    rng = np.random.default_rng(3)
    panel = panel_of(rng.poisson(20.0, (30, 52)).astype(float), np.full((30, 52), 10.0))
    plan = design(np.arange(30) // 3)
    lengths = [weeks_needed(panel, plan, difference) for difference in (2.0, 1.0, 0.6)]
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1]
    small = design(np.arange(30) // 3, ratio=(0.97, 1.03))
    assert weeks_needed(panel, small, 1.0) > lengths[1]  # smaller steps take longer
    longest = design(plan.cluster, weeks=lengths[2])
    variance = noise(panel, plan.cluster, 1)
    assert power(standard_error(longest, variance), 0.6) >= 0.78


def likeness(*pairs, items=6):
    row, column, value = zip(*pairs, strict=True)
    return sparse.csr_array((value, (row, column)), shape=(items, items))


def test_substitutes_come_into_one_cluster_up_to_its_size():
    found = clusters(likeness((0, 1, 0.9), (1, 2, 0.8), (3, 4, 0.7), (2, 3, 0.1)), most=3)
    assert found.tolist() == [0, 0, 0, 1, 1, 2]
    all_in_one = clusters(likeness((0, 1, 0.9), (1, 2, 0.8), (3, 4, 0.7), (2, 3, 0.1)), most=6)
    assert all_in_one.tolist() == [0, 0, 0, 0, 0, 1]


def test_what_leaks_between_arms():
    pairs = likeness((0, 1, 3.0), (1, 0, 3.0), (2, 3, 1.0), (3, 2, 1.0), (0, 0, 9.0))
    assert interference(pairs, np.array([0, 0, 1, 1, 0, 1])) == 0.0
    assert interference(pairs, np.array([0, 0, 1, 0, 0, 1])) == 0.25
    assert interference(pairs, np.array([0, 1, 1, 0, 0, 1])) == 1.0


def test_side_by_side_substitutes_bias_and_clusters_do_not():
    """Buyers of a pair move to the cheaper one: single products apart see more than the pair's elasticity."""
    rng = np.random.default_rng(0)
    items, own, cross = 80, -4.0, 2.0  # the pair together: own + cross = -2
    pair = np.repeat(np.arange(items // 2), 2)
    variance = {True: np.ones(items // 2), False: np.ones(items)}
    found = {}
    for together in (True, False):
        plan = design(pair if together else np.arange(items), weeks=12, seed=1)
        step = np.repeat(plan.log_ratio[plan.cluster], plan.block, axis=1)
        other = step.reshape(-1, 2, step.shape[1])[:, ::-1].reshape(step.shape)
        units = rng.poisson(200 * np.exp(own * step + cross * other)).astype(float)
        expected = np.full(step.shape, 200.0)
        found[together] = analyse(plan, units, expected, step, variance[together]).elasticity
    assert found[True] == pytest.approx(own + cross, abs=0.15)
    assert found[False] == pytest.approx(own, abs=0.3)


def test_the_prior_after_tests_is_the_normal_update():
    result = TestResult(-3.4, 0.3, -4.0, -2.8, 0.01, 25, 8)
    variance = 0.3**2 + SPREAD**2 / 25
    assert pooled([result]) == (pytest.approx(-3.4), pytest.approx(np.sqrt(variance)))
    mean, sd = updated((-2.6, 0.7), pooled([result]))
    assert mean == pytest.approx((-2.6 * variance + -3.4 * 0.49) / (0.49 + variance))
    assert sd == pytest.approx(np.sqrt(0.49 * variance / (0.49 + variance)))
    twice = updated((-2.6, 0.7), pooled([result, result]))
    assert abs(twice[0] + 3.4) < abs(mean + 3.4) and twice[1] < sd


def fits_after_tests(shops, **settings):
    """The price response of shops with a test, by the test too, and their elasticities."""
    for seed in range(shops):
        drawn = np.random.default_rng(1000 + seed).normal(-2.6, 0.7)  # as the prior has it
        shop = shop_after_a_test(seed, mean=drawn, **settings)
        mean, error = pooled([shop.result])
        model = PriceResponse(tested_elasticity=mean, tested_error=error).fit(shop.panel)
        yield model, PriceResponse().fit(shop.panel), shop.elasticity


@pytest.mark.parametrize("moves", [0.0, 0.05])
def test_a_test_counts_once_and_widths_are_right(moves):
    """Prices that hardly moved but for the test: counted twice, the mean would come out surer than it is."""
    z, held = [], []
    for model, untested, elasticity in fits_after_tests(24, moves=moves):
        np.testing.assert_array_equal(model.category_elasticity, untested.category_elasticity)
        np.testing.assert_array_equal(model.category_elasticity_sd, untested.category_elasticity_sd)
        z.append(((model.category_elasticity - elasticity.mean()) / model.category_elasticity_sd)[0])
        low, high = np.quantile(model.elasticity, [0.1, 0.9], axis=0)
        held.append(((low <= elasticity) & (elasticity <= high)).mean())
    assert np.sqrt(np.mean(np.square(z))) < 1 + 2 / np.sqrt(2 * 24)
    assert np.mean(held) > 0.8 - 0.03


def test_where_prices_followed_demand_the_test_is_believed():
    off = {"tested": [], "untested": []}
    held = []
    for model, untested, elasticity in fits_after_tests(12, moves=0.03, reacts=0.3):
        off["tested"].append(model.elasticity.mean() - elasticity.mean())
        off["untested"].append(untested.elasticity.mean() - elasticity.mean())
        low, high = np.quantile(model.elasticity, [0.1, 0.9], axis=0)
        held.append(((low <= elasticity) & (elasticity <= high)).mean())
    rms = {name: np.sqrt(np.mean(np.square(values))) for name, values in off.items()}
    assert rms["tested"] < 0.7 * rms["untested"]
    assert np.mean(held) > 0.7


@pytest.mark.parametrize("reacts", [-0.4, 0.4])
def test_prices_that_fall_when_demand_is_strong_are_told_from_those_that_rise(reacts):
    rng = np.random.default_rng(0)
    strong = rng.normal(0, 0.4, (60, 105))
    step = 0.02 * rng.normal(size=(60, 104)) + reacts * strong[:, :-1]  # of the week before
    panel = panel_of(rng.poisson(20 * np.exp(strong[:, 1:] - 2.6 * step)).astype(float), 10 * np.exp(step))
    found = find_confounding(panel)
    assert found.feedback.all()
    assert found.discounted(panel.category).all() == (reacts < 0)
    assert found.discounted(panel.category).any() == (reacts < 0)


def test_the_chance_of_a_bias_grows_with_the_distance_from_the_test():
    chance = [chance_of_bias(distance, 0.3) for distance in (0.0, 0.5, 1.0, 2.0)]
    assert chance == sorted(chance) and chance[0] < 0.1 and chance[-1] > 0.99
    assert chance_of_bias(1.0, 0.9) < chance[2]  # a test that tells little proves little
    with pytest.raises(ConfigError, match="told together"):
        PriceResponse(tested_elasticity=-2.0).fit(panel_of(np.ones((3, 4)), np.ones((3, 4))))


# Exploring


def response(items=40, draws=200, sd=0.5, seed=0):
    rng = np.random.default_rng(seed)
    return ConstantElasticity(
        items=Vocabulary.of(f"i{i:02d}" for i in range(items)),
        reference=np.full(items, 10.0),
        level=np.full((draws, items), 2.0),
        elasticity=np.minimum(rng.normal(-2.5, sd, (draws, items)), -1.05),
    )


def thompson(model, price, allowed, cost, seed):
    """Places of allowed prices that are best under one draw; the first, today's, where none is allowed."""
    profit = Drawn.of(model, seed).draws(price)[0] * (price - cost[:, None])
    place = np.where(allowed, profit, -np.inf).argmax(axis=1)
    return np.where(allowed.any(axis=1), place, 0)


def test_only_allowed_prices_are_drawn_and_as_often_as_they_are_the_best():
    model = response(items=1)
    price, cost = np.linspace(8, 14, 7)[None], np.array([6.0])
    allowed = np.array([[True, False, True, True, True, False, True]])
    drawn = np.array([thompson(model, price, allowed, cost, seed)[0] for seed in range(2000)])
    profit = model.draws(price)[:, 0] * (price - 6.0)
    best = np.where(allowed, profit, -np.inf).argmax(axis=1)
    share, expected = (np.bincount(x, minlength=7) / len(x) for x in (drawn, best))
    assert not share[~allowed[0]].any()
    np.testing.assert_allclose(share, expected, atol=4 * np.sqrt(0.25 / 2000))
    assert (expected > 0.05).sum() >= 2  # it does explore


def test_without_an_allowed_price_today_s_stays_and_sure_models_do_not_explore():
    model = response(sd=0.0)
    price = np.tile(np.linspace(8, 14, 7), (40, 1))
    cost = np.full(40, 6.0)
    assert not thompson(model, price, np.zeros((40, 7), bool), cost, 0).any()
    places = [thompson(model, price, np.ones((40, 7), bool), cost, seed) for seed in range(3)]
    assert len(np.unique(places)) == 1


# Off-policy


def logged(seed, decisions=4000, rungs_=5):
    """Prices that follow a state, which moves sales too; the truth of each rung's profit."""
    rng = np.random.default_rng(seed)
    ratio = np.linspace(0.8, 1.2, rungs_)
    state = rng.integers(0, 3, decisions)
    taste = np.array([[5, 4, 3, 2, 1], [1, 1, 1, 1, 1], [1, 2, 3, 4, 5]], float)
    chance = (taste / taste.sum(axis=1, keepdims=True))[state]
    action = (chance.cumsum(axis=1) < rng.random((decisions, 1))).sum(axis=1)
    demand = 10 * np.array([0.6, 1.0, 1.6])[state][:, None] * ratio**-2.2
    profit = demand * (10 * ratio - 5)
    reward = rng.poisson(demand[np.arange(decisions), action]) * (10 * ratio[action] - 5)
    target = np.tile([0.0, 0.0, 0.1, 0.6, 0.3], (decisions, 1))
    return state, action, reward, chance, target, profit


def wrong_model(action, reward, decisions):
    """The mean reward of each rung, blind to the state that moved both."""
    mean = np.bincount(action, reward) / np.bincount(action)
    return np.tile(mean, (decisions, 1))


def test_doubly_robust_is_right_where_the_model_is_wrong_and_the_direct_method_is_not():
    off = []
    for seed in range(40):
        state, action, reward, _, target, profit = logged(seed)
        model = wrong_model(action, reward, len(action))
        chance = propensities(action, state, 5)
        found = policy_value(action, reward, chance, target, model)
        truth = (target * profit).sum(axis=1).mean()
        off.append([found.value - truth, found.direct - truth, found.error])
    value, direct, error = np.array(off).T
    assert abs(value.mean()) < 2.5 * value.std() / np.sqrt(40) + 0.05
    assert np.abs(direct).mean() > 4 * np.abs(value).mean()
    assert value.std() < error.mean() < 2 * value.std()  # chances read off the same log: cautious


def test_doubly_robust_is_right_where_the_chances_are_wrong_and_the_model_is_not():
    off, error = [], []
    for seed in range(30):
        _, action, reward, chance, target, profit = logged(seed)
        blind = propensities(action, np.zeros_like(action), 5)
        found = policy_value(action, reward, blind, target, profit)
        truth = (target * profit).sum(axis=1).mean()
        right = policy_value(action, reward, chance, target, profit)
        off.append([found.value - truth, found.weighted - truth, right.value - truth, right.weighted - truth])
        error.append(right.error)
    value, weighted, right, alone = np.array(off).T
    assert np.mean(error) == pytest.approx(right.std(), rel=0.3)
    assert np.mean(np.abs(right) < 2 * np.array(error)) > 0.85
    assert right.std() < 0.7 * alone.std()  # with a right model fewer weeks are needed than by weights alone
    assert abs(value.mean()) < 2.5 * value.std() / np.sqrt(30) + 0.05
    assert abs(weighted.mean()) > 10 * abs(value.mean())


def test_the_logging_policy_is_worth_what_it_earned_and_missing_support_is_told():
    state, action, reward, _, _, profit = logged(0)
    own = np.eye(5)[action]
    found = policy_value(action, reward, propensities(action, state, 5), own, profit)
    assert found.logged == pytest.approx(reward.mean())
    chance = np.tile([0.5, 0.5, 0.0, 0.0, 0.0], (len(action), 1))
    target = np.tile([0.0, 0.75, 0.25, 0.0, 0.0], (len(action), 1))
    few = policy_value(np.minimum(action, 1), reward, chance, target, profit)
    assert few.unsupported == pytest.approx(0.25)
    assert few.effective < len(action)


def test_errors_by_cluster_are_wider_where_luck_is_shared():
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(40), 25)
    action = rng.integers(0, 2, 1000)
    reward = 5 + rng.normal(0, 1, 40)[item] + rng.normal(0, 0.2, 1000)
    chance, model = np.full((1000, 2), 0.5), np.full((1000, 2), 5.0)
    alone = policy_value(action, reward, chance, chance, model)
    shared = policy_value(action, reward, chance, chance, model, item)
    assert shared.error > 3 * alone.error
    assert shared.error == pytest.approx(np.sqrt(1 / 40), rel=0.4)


def test_shapes_and_chances_are_checked():
    half = np.full((3, 2), 0.5)
    with pytest.raises(RequestError, match="must have a row"):
        policy_value(np.zeros(2, int), np.zeros(2), half, half, half)
    with pytest.raises(RequestError, match="chance do not add up"):
        policy_value(np.zeros(3, int), np.zeros(3), half + 0.1, half, half)
    assert rungs(np.array([-0.2, 0.0, 0.3]), np.array([-0.05, 0.05])).tolist() == [0, 1, 2]
