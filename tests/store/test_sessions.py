"""From events to visits: against loops over the events."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from merx.config import ShopConfig
from merx.data.schema import EVENT_CODE
from merx.errors import DataError
from merx.fitting import Inputs
from merx.store import assemble

NOON = datetime(2024, 1, 1, 12)
PAUSE = timedelta(minutes=30)
WEIGHTS = {"view_item": 1.0, "add_to_cart": 3.0, "purchase": 5.0, "refund": -5.0}


def event(minute, item="a", user=None, session=None, order=None, name="view_item", **more):
    return {
        "time": NOON + timedelta(minutes=minute), "event": name, "user_id": user, "session_id": session,
        "item_id": item, "transaction_id": order, "quantity": 1.0, **more,
    }  # fmt: skip


def random_events(seed, n=400):
    """Known and unknown visitors, sessions and orders; pages without a product, and impressions."""
    rng = np.random.default_rng(seed)
    return [
        event(
            int(rng.integers(0, 3000)) / 2,
            item=None if rng.random() < 0.1 else f"i{rng.integers(9)}",
            user=None if rng.random() < 0.4 else f"u{rng.integers(4)}",
            session=None if rng.random() < 0.6 else f"s{rng.integers(12)}",
            order=None if rng.random() < 0.7 else f"t{rng.integers(20)}",
            name=str(rng.choice(["view_item", "add_to_cart", "purchase", "page_view", "view_item_list"])),
        )
        for _ in range(n)
    ]


def visits_by_definition(events):
    """Sorted list of visits, each the list of its (time, item, weight), oldest first."""
    groups, latest, number = {}, {}, {}
    for row in sorted(events, key=lambda row: row["time"]):
        user, session, order = row["user_id"], row["session_id"], row["transaction_id"]
        if session is not None:
            key = ("session", user, session)
        elif user is not None:
            if user in latest and row["time"] - latest[user] > PAUSE:
                number[user] = number.get(user, 0) + 1
            latest[user] = row["time"]
            key = ("user", user, number.get(user, 0))
        elif order is not None:
            key = ("order", order)
        else:
            continue
        weight = WEIGHTS.get(row["event"], 0.0)
        if row["item_id"] is not None and weight:
            groups.setdefault(key, []).append((row["time"], row["item_id"], weight))
    return sorted(sorted(visit) for visit in groups.values())


def visits_of(found):
    """The same of Interactions."""
    names = found.items.ids.to_pylist()
    times = found.time.astype("datetime64[us]").tolist()
    rows = [
        sorted(
            (times[entry], names[found.item[entry]], float(found.weight[entry]))
            for entry in range(start, end)
        )
        for start, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)
    ]
    return sorted(row for row in rows if row)


@pytest.mark.parametrize("seed", range(5))
def test_visits_are_those_of_the_definition(tmp_path, engine_on, seed):
    events = random_events(seed)
    found = assemble.sessions(engine_on(tmp_path, events=events), WEIGHTS)
    assert visits_of(found) == visits_by_definition(events)
    within = np.diff(found.time)
    within[found.offsets[1:-1][found.offsets[1:-1] < len(found)] - 1] = 0
    assert (within >= 0).all()


def test_cases_one_by_one(tmp_path, engine_on):
    events = [
        event(0, "a", user="u"), event(30, "b", user="u"), event(60.5, "c", user="u"),  # 30 are none
        event(1, "d", session="s"), event(500, "e", session="s"),  # a session has no pauses
        event(2, "f", user="u", session="s"),  # another's session of the same name
        event(3, "g", order="t", name="purchase"), event(3, "h", order="t", name="purchase"),
        event(4, "i"),  # of nobody, tied to nothing
        event(5, "j", session="s", name="view_item_list"),  # an impression
        event(29, None, user="v", name="page_view"), event(0, "k", user="v"), event(58, "l", user="v"),
    ]  # fmt: skip
    found = assemble.sessions(engine_on(tmp_path, events=events), WEIGHTS)
    items = [[name for _, name, _ in visit] for visit in visits_of(found)]
    assert sorted(items) == [["a", "b"], ["c"], ["d", "e"], ["f"], ["g", "h"], ["k", "l"]]
    assert found.items.ids.to_pylist() == list("abcdefghijkl")
    purchases = found.event == EVENT_CODE["purchase"]
    assert found.weight[purchases].tolist() == [5.0, 5.0]


def test_a_rating_of_no_stars_is_a_rating(tmp_path, engine_on):
    events = [event(0, user="u", name="rate", value=0.0), event(1, "b", user="u", name="rate", value=4.0)]
    for weight, stars in ((1.0, [0.0, 4.0]), (0.0, [])):
        found, _ = assemble.interactions(engine_on(tmp_path, events=events), {**WEIGHTS, "rate": weight})
        assert found.weight.tolist() == stars


def test_no_visit_is_said(tmp_path, engine_on):
    with pytest.raises(DataError, match="session_id"):
        assemble.sessions(engine_on(tmp_path, events=[event(0, "a")]), WEIGHTS)


def test_inputs_keep_what_happened_before(tmp_path, engine_on):
    events = [event(minute, f"i{minute}", session="s") for minute in range(6)]
    until = int(np.datetime64(NOON + timedelta(minutes=4), "us").astype(np.int64))
    inputs = Inputs(engine_on(tmp_path, events=events), ShopConfig(), until)
    assert len(inputs.of("sessions")) == 4
    assert inputs.of("sessions").time.max() < until
    assert inputs.words["sessions"] == "4 events of 1 visits, 6 products"
