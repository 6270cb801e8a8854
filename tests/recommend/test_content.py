"""Content: term weights by definition, worlds of few words, and new items of a simulated shop."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merx.data.catalogue import Catalogue
from merx.data.categories import levels
from merx.data.interactions import history
from merx.data.vocabulary import Vocabulary
from merx.evaluate.ranking import recall
from merx.media.terms import price_bands, term_vectors, words
from merx.recommend.content import Content, nearest
from merx.recommend.popularity import Popularity
from merx.recommend.rank import rank
from tests.recommend.simulated import histories_and_catalogue


def shop(**columns: list) -> Catalogue:
    """A catalogue of items i0, i1, ... with these columns, the rest unknown."""
    n = len(next(iter(columns.values())))
    text = {
        name: pa.array(columns.get(name, [None] * n), pa.string())
        for name in ("title", "description", "brand", "category")
    }
    price = np.array(columns.get("price", [np.nan] * n))
    return Catalogue(Vocabulary.of(f"i{i}" for i in range(n)), **text, price=price, cost=np.full(n, np.nan))


def similarity(catalogue: Catalogue, **settings: float) -> np.ndarray:
    return Content(**settings).fit(catalogue).similarity.toarray()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WHITE Hanging-Heart, T-light_holder 2'x", "white hanging heart t light holder 2 x"),
        ("Café Straße ÅÄÖ", "café strasse åäö"),
        ("红色羊毛帽 XL", "红色 色羊 羊毛 毛帽 xl"),
        ("帽", "帽"),
        ("  ?! ", ""),
        (None, ""),
    ],
)
def test_words(text, expected):
    assert words(text) == expected.split()


def test_levels_of_a_category():
    assert levels("Home > Lamps > Desk") == ["Home", "Home > Lamps", "Home > Lamps > Desk"]
    assert levels(None) == []


def test_term_vectors_by_definition():
    terms = [["red", "red", "hat"], ["red"], [], ["blue", "hat"]]
    weight = {term: math.log(1 + 4 / n) for term, n in {"red": 2, "hat": 2, "blue": 1}.items()}
    first = np.array([(1 + math.log(2)) * weight["red"], weight["hat"], 0])
    last = np.array([0, weight["hat"], weight["blue"]])
    expected = [first / np.linalg.norm(first), [1, 0, 0], [0, 0, 0], last / np.linalg.norm(last)]
    np.testing.assert_allclose(term_vectors(terms).toarray(), expected, rtol=1e-6)


def test_prices_share_bands_where_they_are_close():
    bands = price_bands(np.array([10.0, 10.5, 14.0, 40.0, np.nan, 0.0]))
    alike = (bands @ bands.T).toarray()
    assert alike[0, 1] > alike[0, 2] > alike[0, 3] == 0
    np.testing.assert_allclose(alike.diagonal(), [1, 1, 1, 1, 0, 0], rtol=1e-6)


def test_similarity_is_the_weighted_mean_of_the_cosines_of_the_fields():
    catalogue = shop(
        title=["red hat", "red pan", "old box"], brand=["A", "A", "B"], category=["Hats", "Pans", None]
    )
    weight = {"title": 1.0, "description": 0.5, "category": 1.0, "brand": 0.5, "price": 0.25}
    title = term_vectors([["red", "hat"], ["red", "pan"]])
    cosine = term_vectors([["red", "hat"], ["red", "pan"], ["old", "box"]])[:2].toarray()
    expected = (1.0 * float(cosine[0] @ cosine[1]) + 0.5 * 1.0) / sum(weight.values())
    found = similarity(catalogue, **weight)
    assert title.shape == (2, 3)
    assert found[0, 1] == pytest.approx(expected, rel=1e-5)
    assert not found[2].any() and not found.diagonal().any()


def test_an_item_nobody_met_is_recommended_where_it_resembles_the_history():
    model = Content().fit(shop(title=["red wool hat", "steel pan", "blue wool hat", "copper pan"]))
    one = history(["i0"], model.items)
    assert rank(model, one, 4, exclude=one).item[0].tolist() == [2, -1, -1, -1]
    why = model.explain(one, np.array([2]))
    np.testing.assert_allclose(why.part.sum(), model.score(one)[0, 2], rtol=1e-6)


def test_recent_events_count_more():
    model = Content(half_life=10.0).fit(shop(title=["hat", "pan", "a hat", "a pan"]))
    day = 86_400_000_000
    for times, best in (([0, 50 * day], 3), ([0, 1], 2)):  # the pan is new; both are as old: the lower code
        one = history(["i0", "i1"], model.items, time=times)
        assert rank(model, one, 1, exclude=one).item[0, 0] == best


@given(
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=9),
    st.integers(1, 4),
)
def test_nearest_by_brute_force(terms, k):
    vector = term_vectors(terms)
    alike = (vector @ vector.T).toarray()
    np.fill_diagonal(alike, 0)
    found = nearest(vector, k).toarray()
    for i in range(len(terms)):
        order = np.lexsort((np.arange(len(terms)), -alike[:, i]))[:k]
        expected = np.zeros(len(terms))
        expected[order] = alike[order, i]
        np.testing.assert_allclose(np.sort(found[:, i]), np.sort(expected), rtol=1e-5)


def test_new_items_of_a_simulated_shop(tmp_path):
    """A fifth of the items lose their events; content finds who will buy them, and popularity can't."""
    histories, catalogue = histories_and_catalogue(tmp_path / "shop", users=400, items=150, days=200, seed=3)
    rng = np.random.default_rng(0)
    new = np.zeros(histories.n_items, dtype=bool)
    new[rng.choice(histories.n_items, histories.n_items // 5, replace=False)] = True
    known = histories.keep(~new[histories.item])
    wanted = histories.keep(new[histories.item] & (histories.weight >= 3)).matrix().astype(bool)
    k = 5
    found = {
        name: np.nanmean(recall(rank(model, known, k, candidates=new).item, wanted))
        for name, model in (
            ("content", Content().fit(catalogue)),
            ("popularity", Popularity().fit(known)),
        )
    }
    chance = k / new.sum()
    assert found["popularity"] == 0
    assert found["content"] > 1.5 * chance
