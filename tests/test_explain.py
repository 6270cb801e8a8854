"""Reasons against contributions that are known."""

import numpy as np

from merx.data.interactions import history
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.explain.recommendation import Reason, Source, brought, reasons


class Told:
    """A model whose contributions are given."""

    items = Vocabulary.of(["a", "b", "c", "d"])

    def __init__(self, part, entries):
        self.contributions = Contributions(np.array(part, dtype=np.float64), np.array(entries, np.int32))

    def explain(self, histories, item):
        return self.contributions


def test_strongest_reasons_first_with_their_shares_of_what_speaks_for_the_item():
    model = Told([[1.0, 3.0, -5.0], [0.0, 0.0, -1.0], [2.0, 2.0, 4.0]], [2, 0, 1])
    found = reasons(model, history(["a", "b", "c"], model.items), np.array([3, 3, 3]), most=2)
    assert found == [
        (Reason("a", 0.75), Reason("c", 0.25)),
        (),
        (Reason("b", 0.5), Reason("c", 0.25)),  # of equal ones, the earlier of the history
    ]


def test_a_history_that_plays_no_part_gives_no_reason():
    assert reasons(Told(np.zeros((2, 0)), []), history([], Told.items), np.array([0, 1])) == [(), ()]


class Joined(Told):
    """A model of which the part of each sort of data is given."""

    def sources(self, histories, item):
        return ("what shoppers take", "text", "picture"), np.array([[1.0, 3.0, 0.0], [2.0, -5.0, 2.0]])[item]


def test_the_shares_of_the_sorts_of_data_add_up_and_the_strongest_comes_first():
    model = Joined(np.zeros((2, 0)), [])
    found = brought(model, history([], model.items), np.array([0, 1]))
    assert found == [
        (Source("text", 0.75), Source("what shoppers take", 0.25)),
        (Source("what shoppers take", 0.5), Source("picture", 0.5)),  # what speaks against it gave nothing
    ]
    assert brought(Told(np.zeros((2, 0)), []), history([], model.items), np.array([0, 1])) == [(), ()]


def test_the_shares_of_the_sorts_of_data_are_rounded_to_hundredths_that_add_up():
    """Of the first, 34 + 34 + 33 hundredths would be one too many."""

    class Uneven(Joined):
        def sources(self, histories, item):
            part = np.array([[0.335, 0.335, 0.33], [0.4965, 0.499, 0.0045]])
            return ("what shoppers take", "text", "picture"), part[item]

    first, second = brought(Uneven(np.zeros((2, 0)), []), history([], Joined.items), np.array([0, 1]))
    assert first == (Source("what shoppers take", 0.34), Source("text", 0.33), Source("picture", 0.33))
    assert second == (Source("text", 0.5), Source("what shoppers take", 0.5))
