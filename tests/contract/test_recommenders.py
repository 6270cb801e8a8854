"""What every recommender in the registry must do. A new kind is under test as soon as it is registered."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from merx import artefact, registry
from merx.data.contracts import Recommender
from merx.data.interactions import history
from merx.data.vocabulary import Vocabulary
from merx.errors import FitError
from merx.kernels.topk import top_k
from merx.recommend.rank import hear, rank
from tests.worlds import checkerboard, given, random_histories, rated_checkerboard

KINDS = [kind.name for kind in registry.kinds_for("recommend")]
IMPERSONAL = ("popularity", "trending")  # one list for all; and buy_again offers only what was bought before
RATING_KINDS = [name for name in KINDS if name.startswith("rating_")]  # they read nothing but ratings


def fitted(name, interactions):
    config, _ = registry.kind(name).load()
    return config().fit(*given(registry.kind(name).reads, interactions))


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def test_meets_the_protocol(kind):
    config, fitted_type = registry.kind(kind).load()
    model = fitted(kind, random_histories(0))
    assert isinstance(model, Recommender)
    assert isinstance(model, fitted_type)
    assert dataclasses.is_dataclass(config) and config.__dataclass_params__.frozen
    assert fitted_type.__dataclass_params__.frozen


def test_scores_have_shape_and_are_numbers(kind):
    histories = random_histories(1)
    score = fitted(kind, histories).score(histories)
    assert score.shape == (histories.n_users, histories.n_items)
    assert score.dtype == np.float32
    assert not np.isnan(score).any()
    assert not np.isposinf(score).any()


def test_empty_history_and_empty_batch(kind):
    model = fitted(kind, random_histories(2))
    assert model.score(history([], model.items)).shape == (1, len(model.items))
    nobody = random_histories(2).take(np.array([], dtype=np.int64))
    assert model.score(nobody).shape == (0, len(model.items))
    assert rank(model, nobody, 3).item.shape == (0, 3)


def test_unknown_items_are_left_out(kind):
    model = fitted(kind, random_histories(3))
    known, more = history(["i01", "i02"], model.items), history(["i01", "new!", "i02"], model.items)
    np.testing.assert_array_equal(model.score(known), model.score(more))


def test_batch_equals_single(kind):
    histories = random_histories(4)
    model = fitted(kind, histories)
    batch = model.score(histories)
    for u in range(histories.n_users):
        one = model.score(histories.take(np.array([u])))[0]
        np.testing.assert_allclose(batch[u], one, rtol=1e-5, atol=1e-6)


def test_fit_twice_is_fit_once_and_input_is_not_mutated(kind, tmp_path):
    histories = random_histories(5)
    before = {name: value.copy() for name, value in vars(histories).items() if isinstance(value, np.ndarray)}
    first, second = fitted(kind, histories), fitted(kind, histories)
    np.testing.assert_array_equal(first.score(histories), second.score(histories))
    for name, value in before.items():
        np.testing.assert_array_equal(value, getattr(histories, name))


def test_save_and_load_is_bit_equal(kind, tmp_path):
    histories = random_histories(6)
    config, fitted_type = registry.kind(kind).load()
    model = fitted(kind, histories)
    artefact.save(model, tmp_path / "m", kind=kind, config=config(), about={})
    again = artefact.load(tmp_path / "m", kind, fitted_type, config)
    assert again.score(histories).tobytes() == model.score(histories).tobytes()
    assert again.items == model.items


def test_a_kind_that_keeps_histories_says_so(kind, tmp_path):
    """Where more shoppers have the same histories, its arrays alone grow by what is of each of them."""
    some, config = random_histories(16), registry.kind(kind).load()[0]()
    held = []
    for times in (2, 20):
        model = fitted(kind, some.take(np.tile(np.arange(some.n_users), times)))
        artefact.save(model, tmp_path / str(times), kind=kind, config=config, about={})
        arrays = artefact.read_manifest(tmp_path / str(times), kind)["arrays"]
        held.append(sum(int(np.prod(shape)) for _, shape in arrays.values()))
    grown = held[1] - held[0] > 18 * some.n_users
    assert grown == registry.kind(kind).keeps_histories, held


def test_permuting_users_permutes_results(kind):
    histories = random_histories(7)
    order = np.random.default_rng(0).permutation(histories.n_users)
    permuted = histories.take(order)
    expected = fitted(kind, histories).score(histories)[order]
    np.testing.assert_allclose(fitted(kind, permuted).score(permuted), expected, rtol=1e-5, atol=1e-6)


def test_explanations_name_the_history(kind):
    histories = random_histories(8)
    model = fitted(kind, histories)
    one = histories.take(np.array([3]))
    item = rank(model, one, 5).item[0]
    item = item[item >= 0]
    why = model.explain(one, item)
    assert why.part.shape == (len(item), len(why.history))
    assert np.isfinite(why.part).all()
    assert set(why.history.tolist()) <= set(one.item.tolist())


def test_a_catalogue_of_one_and_a_shop_without_events(kind):
    model = fitted(kind, random_histories(9, users=3, items=1))
    assert model.score(history(["i00"], model.items)).shape == (1, 1)
    empty = random_histories(9).keep(np.zeros(len(random_histories(9)), dtype=bool))
    if kind in RATING_KINDS:
        with pytest.raises(FitError, match="no ratings"):
            fitted(kind, empty)
    else:
        assert (rank(fitted(kind, empty), empty, 3).item == -1).all()


def test_rank_leaves_out_seen_and_forbidden_items(kind):
    histories = random_histories(10)
    model = fitted(kind, histories)
    candidates = np.arange(histories.n_items) % 2 == 0
    ranking = rank(model, histories, 10, exclude=histories, candidates=candidates)
    for u in range(histories.n_users):
        shown = ranking.item[u][ranking.item[u] >= 0]
        seen = histories.item[histories.offsets[u] : histories.offsets[u + 1]]
        assert not set(shown.tolist()) & set(seen.tolist())
        assert all(candidates[shown])
        assert len(set(shown.tolist())) == len(shown)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in IMPERSONAL and name != "buy_again"])
def test_personal_kinds_solve_the_checkerboard(name):
    board = rated_checkerboard() if name in RATING_KINDS else checkerboard()
    ranking = rank(fitted(name, board), board, 1, exclude=board)
    best = ranking.item[:, 0]
    right = [u % 12 for u in range(board.n_users)]
    assert best.tolist() == right


def test_ranking_equals_the_order_of_the_scores(kind):
    histories = random_histories(13)
    model = fitted(kind, histories)
    candidates = np.arange(histories.n_items) % 3 > 0
    ranking = rank(model, histories, 7, exclude=histories, candidates=candidates)
    score = model.score(histories)
    score[:, ~candidates] = -np.inf
    score[histories.user, histories.item] = -np.inf
    item, value = top_k(score, 7)
    np.testing.assert_allclose(ranking.score, value, rtol=1e-5, atol=1e-6)
    same = np.isclose(value[:, 1:], value[:, :-1], rtol=1e-4, atol=1e-5)  # near ties may fall either way
    clear = ~(np.pad(same, ((0, 0), (0, 1)), constant_values=True) | np.pad(same, ((0, 0), (1, 0))))
    assert clear.any() or kind in IMPERSONAL or kind == "buy_again"
    np.testing.assert_array_equal(ranking.item[clear], item[clear])


def test_what_is_heard_once_gives_every_list_and_its_reasons(kind):
    histories = random_histories(15)
    model, one = fitted(kind, histories), histories.take(np.array([2]))
    heard = hear(model, one)
    some = np.arange(histories.n_items) % 2 == 0
    for exclude, allowed in ((None, None), (one, None), (None, some), (one, ~some)):
        item, score = heard.top(5, exclude, allowed)
        ranking = rank(model, one, 5, exclude=exclude, candidates=allowed)
        np.testing.assert_array_equal(item, ranking.item)
        np.testing.assert_array_equal(score, ranking.score)
    every = np.arange(histories.n_items)
    now, anew = heard.explain(every), model.explain(one, every)
    np.testing.assert_array_equal(now.history, anew.history)
    np.testing.assert_array_equal(now.part, anew.part)


def test_recode_to_a_grown_catalogue_keeps_the_history(kind):
    histories = random_histories(11)
    grown = Vocabulary.of([*histories.items.ids.to_pylist(), "a-new-one", "z-new-one"])
    back = histories.recode(grown).recode(histories.items)
    np.testing.assert_array_equal(back.item, histories.item)


@pytest.mark.parametrize(
    "kind", [name for name in KINDS if not {"catalogue", "features"} & set(registry.kind(name).reads)]
)
def test_an_item_nobody_met_changes_nothing_else(kind):
    histories = random_histories(14)
    grown = histories.recode(Vocabulary.of(sorted([*histories.items.ids.to_pylist(), "i07b"])))
    score, more = fitted(kind, histories).score(histories), fitted(kind, grown).score(grown)
    place = grown.items.codes(histories.items.ids)
    np.testing.assert_allclose(more[:, place], score, rtol=1e-4, atol=1e-5)


def test_saving_does_not_reach_outside_the_folder(kind, tmp_path: Path):
    config, _ = registry.kind(kind).load()
    model = fitted(kind, random_histories(12))
    artefact.save(model, tmp_path / "a", kind=kind, config=config(), about={})
    assert {path.name for path in tmp_path.iterdir()} == {"a"}
