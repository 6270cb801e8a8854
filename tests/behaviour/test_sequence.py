"""The recommender: small worlds whose next step is known, states, explanations, checkpoints."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from merx.behaviour import training
from merx.behaviour.batches import Rows
from merx.behaviour.heads import class_weights
from merx.behaviour.reading import SECOND, gaps, quantity_code, read
from merx.behaviour.sequence import Sequence
from merx.data.interactions import Interactions, history
from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError, RequestError
from merx.recommend.rank import rank
from tests.worlds import catalogue, checkerboard, random_histories

SMALL = {"width": 16, "blocks": 1, "dropout": 0.1, "learning_rate": 0.01, "reorder": 0.0}
VIEW, PURCHASE = EVENT_CODE["view_item"], EVENT_CODE["purchase"]


def walks(rows: int = 60, items: int = 8, seed: int = 0, clock: bool = True) -> Interactions:
    """Visitors who go round a circle of items from anywhere, an event a minute; each starts an hour later."""
    rng = np.random.default_rng(seed)
    length = rng.integers(3, 9, rows)
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
    start, row = rng.integers(0, items, rows), np.repeat(np.arange(rows), length)
    time = (row * 60 + place) * 60 * SECOND if clock else place
    n = len(row)
    return Interactions(
        offsets=offsets,
        item=((start[row] + place) % items).astype(np.int32),
        weight=np.ones(n, np.float32),
        time=time.astype(np.int64),
        event=np.full(n, VIEW, np.int8),
        items=Vocabulary.of(f"i{i}" for i in range(items)),
    )


@pytest.mark.parametrize("cell", ["linear", "gru", "lstm"])
def test_the_next_item_of_a_circle_is_learnt(cell):
    found = walks()
    model = Sequence(cell=cell, epochs=60, **SMALL).fit(found)
    last = found.item[found.offsets[1:] - 1]
    assert (rank(model, found, 1).item[:, 0] == (last + 1) % 8).mean() == 1


@pytest.mark.parametrize("settings", [{"loss": "bpr_max"}, {"negatives": 3, "logq": 1.0, "popularity": 0.5}])
def test_every_loss_learns_the_circle(settings):
    found = walks()
    model = Sequence(epochs=80, **SMALL, **settings).fit(found)
    last = found.item[found.offsets[1:] - 1]
    assert (rank(model, found, 1).item[:, 0] == (last + 1) % 8).mean() == 1


@pytest.mark.parametrize("cell", ["linear", "gru", "lstm"])
def test_a_state_gives_what_the_whole_history_gives(cell):
    found = random_histories(0)
    model = Sequence(cell=cell, epochs=2, heads=("item", "event")).fit(found)
    vector = model.embed(found)
    for u in range(found.n_users):
        state = model.start()
        for n in range(found.offsets[u], found.offsets[u + 1]):
            if found.weight[n] > 0:  # refunds are not read
                state = model.step(state, found.item[n], found.event[n], found.time[n])
        np.testing.assert_array_equal(state.vector, vector[u])
        item, score = model.top(state, 5)
        ranking = rank(model, found.take(np.array([u])), 5)
        np.testing.assert_array_equal(item, ranking.item[0])
        np.testing.assert_array_equal(score, ranking.score[0])


def test_a_step_leaves_the_state_before_it_as_it_was():
    model = Sequence(epochs=1, **SMALL).fit(walks())
    before = model.start()
    after = model.step(before, 1, VIEW, 0)
    assert not before.memory.any() and not before.vector.any() and after.memory.any()
    assert after.memory.nbytes + after.vector.nbytes < 1024


def test_quantities_are_read_where_they_are_known():
    """Whoever takes one piece goes on, whoever takes a dozen comes back for the same."""
    found = walks(rows=120)
    many = np.random.default_rng(1).random(found.n_users) < 0.5
    place = np.arange(len(found)) - found.offsets[:-1][found.user]
    item = np.where(many[found.user], found.item[found.offsets[:-1]][found.user], found.item)
    bought = replace(found, item=item, quantity=np.where(many[found.user], 12, 1).astype(np.float32))
    first = bought.keep(place == 0)
    wanted = np.where(many, first.item, (first.item + 1) % 8)
    model = Sequence(epochs=60, **SMALL).fit(bought)
    assert (rank(model, first, 1).item[:, 0] == wanted).mean() == 1
    blind = Sequence(epochs=60, inputs=("event", "gap"), **SMALL).fit(bought)
    assert (rank(blind, first, 1).item[:, 0] == wanted).mean() < 0.8
    state = model.step(model.start(), first.item[0], VIEW, first.time[0], first.quantity[0])
    np.testing.assert_array_equal(state.vector, model.embed(first)[0])


def test_quantities_are_read_in_powers_of_two():
    assert quantity_code(np.array([np.nan, 0.5, 1, 2, 3, 4, 1e9])).tolist() == [0, 1, 1, 2, 2, 3, 11]


def test_an_item_never_met_changes_no_state():
    items = Vocabulary.of([*(f"i{i}" for i in range(8)), "new"])
    model = Sequence(epochs=1, **SMALL).fit(walks().recode(items))
    state = model.step(model.start(), 1, VIEW, 0)
    assert model.step(state, items.code("new"), VIEW, SECOND) is state
    with_new, without = history(["i1", "new", "i2"], items), history(["i1", "i2"], items)
    np.testing.assert_array_equal(model.embed(with_new) != 0, model.embed(without) != 0)


def test_what_an_item_adds_is_the_score_less_that_without_it():
    model = Sequence(epochs=5, heads=("item", "purchase"), **SMALL).fit(walks())
    one = history(["i1", "i2", "i1", "i3"], model.items)
    why = model.explain(one, np.array([4, 0]))
    score = model.score(one)[0, [4, 0]]
    assert [model.items.ids[int(code)].as_py() for code in why.history] == ["i1", "i2", "i3"]
    for place, code in enumerate(why.history):
        fewer = model.score(one.keep(one.item != code))[0, [4, 0]]
        np.testing.assert_allclose(why.part[:, place], score - fewer, atol=1e-5)
    alone = model.explain_purchase(one)
    fewer = model.foretell(one.keep(one.item != 3)).purchase
    np.testing.assert_allclose(alone.part[0, 2], model.foretell(one).purchase - fewer)


def visits(rows: int = 1500, seed: int = 0) -> Interactions:
    """Visits of 2 to 4 views, ten seconds apart; those that began with i0 end in a purchase, nine in ten."""
    rng = np.random.default_rng(seed)
    length = rng.integers(3, 6, rows)
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    first = offsets[:-1]
    item = rng.integers(0, 6, offsets[-1]).astype(np.int32)
    event = np.full(len(item), VIEW, np.int8)
    buys = (item[first] == 0) & (rng.random(rows) < 0.9)
    event[offsets[1:][buys] - 1] = PURCHASE
    place = np.arange(len(item)) - np.repeat(first, length)
    row = np.repeat(np.arange(rows), length)
    return Interactions(
        offsets=offsets,
        item=item,
        weight=np.ones(len(item), np.float32),
        time=(row * 3600 + place * 10) * SECOND,
        event=event,
        items=Vocabulary.of(f"i{i}" for i in range(6)),
    )


def test_heads_foretell_a_purchase_its_time_and_leaving():
    model = Sequence(
        epochs=30, patience=30, batch=256, heads=("event", "gap", "purchase"), balance=0.7, **SMALL
    ).fit(visits())
    fresh = visits(seed=1)
    begun = fresh.keep(np.arange(len(fresh)) < np.repeat(fresh.offsets[:-1] + 2, np.diff(fresh.offsets)))
    says = model.foretell(begun)
    bold = fresh.item[fresh.offsets[:-1]] == 0
    assert says.purchase[bold].mean() == pytest.approx(0.9, abs=0.07)
    assert says.purchase[~bold].mean() == pytest.approx(0, abs=0.05)
    np.testing.assert_allclose(says.event.sum(axis=1), 1)
    assert says.event[~bold, PURCHASE].mean() < 0.05
    np.testing.assert_allclose(np.median(says.gap), 10, rtol=0.2)
    assert says.event[:, -1].mean() < 0.1  # nobody leaves after two events
    assert np.isnan(model.foretell(history([], model.items)).purchase).all()
    with pytest.raises(RequestError, match="next item"):
        rank(model, fresh, 3)


def test_visits_of_one_event_teach_the_other_heads_alone():
    found = visits(300)
    first = found.keep(np.arange(len(found)) == np.repeat(found.offsets[:-1], np.diff(found.offsets)))
    model = Sequence(epochs=20, heads=("item", "event"), **SMALL).fit(first)
    assert model.foretell(first).event[:, -1].min() > 0.9  # all leave


def test_a_category_makes_a_vector_for_what_was_never_met():
    board = checkerboard()
    grown = board.recode(Vocabulary.of([*board.items.ids.to_pylist(), "i12"]))
    model = Sequence(epochs=30).fit(grown, catalogue(grown.items))
    assert model.item_factors[12].any()
    score = model.score(board.recode(grown.items))[:2, 12]
    assert score[0] > score[1]  # it is of the even kind


def test_training_goes_on_where_it_was_cut(tmp_path, monkeypatch):
    found = walks(400)
    settings = Sequence(epochs=6, patience=6, batch=256, **SMALL)
    whole = settings.fit(found)

    def cut(done, epoch, epochs):
        if epoch == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(training.Trainer, "_save", _saving_before(cut, training.Trainer._save))
    with pytest.raises(KeyboardInterrupt):
        settings.fit(found, checkpoint=tmp_path)
    monkeypatch.undo()
    resumed = settings.fit(found, checkpoint=tmp_path)
    np.testing.assert_array_equal(resumed.item_factors, whole.item_factors)
    np.testing.assert_array_equal(resumed.weights.narrow, whole.weights.narrow)
    with pytest.raises(ConfigError, match="other settings"):
        replace(settings, learning_rate=0.1).fit(found, checkpoint=tmp_path)


def _saving_before(then, save):
    def saved(self, folder):
        save(self, folder)
        then("", self.course.epoch, 0)

    return saved


def test_training_stops_when_the_newest_events_gain_no_more_and_keeps_the_best():
    told = []
    found = walks(600)
    Sequence(epochs=200, patience=2, batch=512, **SMALL).fit(found, progress=lambda *done: told.append(done))
    assert 2 < len(told) < 200
    assert "events/s" in told[0][0] and told[-1][1:] == (len(told), 200)


def test_a_loss_that_is_no_number_says_where():
    with pytest.raises(FitError, match=r"item is (nan|inf) in epoch \d+, batch \d+.*learning rate"):
        Sequence(epochs=50, **{**SMALL, "learning_rate": 1e30}).fit(walks())


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(FitError, match="pip install"):
        Sequence().fit(walks())


def test_settings_that_are_impossible_are_told():
    for wrong in ({"cell": "rnn"}, {"loss": "hinge"}, {"inputs": ("colour",)}, {"heads": ()}, {"width": 0}):
        with pytest.raises(ConfigError):
            Sequence(**wrong)


def test_the_newest_events_are_held_out_by_time_or_by_order():
    with_clock, without = (read(walks(clock=clock), ("item",), (), 0.1) for clock in (True, False))
    rows, late = with_clock.rows, with_clock.late["item"]
    assert 0.05 < late.mean() < 0.15
    assert np.diff(np.flatnonzero(np.diff(rows.offsets) > 0)).size  # rows stay whole
    late = without.late["item"]
    for first, last in zip(without.rows.offsets[:-1], without.rows.offsets[1:], strict=True):
        assert late[first:last].tolist() == [False] * (last - first - 2) + [True, True]


def test_pauses_double_from_code_to_code():
    found = replace(walks(1), time=np.cumsum([5, 0, 1, 3, 7, 60, 10**9, 10**6])[: len(walks(1))] * SECOND)
    assert gaps(found).tolist() == [0, 1, 2, 3, 4, 6, 30, 20][: len(found)]


def test_rare_classes_count_for_more():
    label = np.array([0] * 90 + [1] * 10)
    rows = Rows(np.array([0, 100]), label, {}, {"purchase": label})
    assert class_weights(rows, 1.0)["purchase"] == pytest.approx(9)
    assert class_weights(rows, 0.0)["purchase"] == 1
