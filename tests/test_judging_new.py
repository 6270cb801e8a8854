"""Products as if nobody had met them: what is judged, and against what."""

import numpy as np
import pytest

from merx.config import ShopConfig
from merx.data.vocabulary import Vocabulary
from merx.errors import DataError
from merx.evaluate.split import held_back
from merx.judging_new import BAR, ablation, new_products, popular_categories
from merx.media.features import features_of
from tests.worlds import catalogue, interactions

ITEMS = [f"i{i:03d}" for i in range(120)]


class Given:
    """Inputs of a shop in which shoppers take items of one parity, and the catalogue tells it."""

    def __init__(self, features=None):
        rows = [
            (u, ITEMS[i], 5.0, i % 60)
            for u in range(60)
            for i in np.random.default_rng(u).permutation(120)[:60]
            if i % 2 == u % 2
        ]
        self.histories = interactions(rows, ITEMS, 60)
        self.catalogue = catalogue(self.histories.items)
        self.features = features or features_of(self.catalogue)

    def of(self, name):
        return getattr(self, name)


def test_features_find_the_shoppers_of_products_that_nobody_met():
    scores, protocol = new_products(Given(), ShopConfig())
    found = {score.model: score for score in scores}
    assert list(found) == [BAR, "text", "attributes", "all features"]
    for name in ("text", "attributes", "all features"):
        assert found[name].beats_trivial, found[name].sentence
        assert found[name].metrics["ndcg@10"] > 1.3 * found[BAR].metrics["ndcg@10"]
    assert "nobody had met" in protocol


def test_a_shop_without_features_is_refused():
    bare = Given()
    with pytest.raises(DataError, match="no product has a text"):
        new_products(Given(bare.features.only([])), ShopConfig())


def test_the_tenth_held_back_is_the_same_in_any_company():
    every = held_back(Vocabulary.of(ITEMS))
    assert 0.03 < every.mean() < 0.2
    np.testing.assert_array_equal(held_back(Vocabulary.of(ITEMS[::3])), every[::3])


def test_ablation_has_each_alone_pairs_all_and_each_missing():
    names = [name for name, _ in ablation(("text", "picture", "attributes"))]
    assert names == [
        *("text", "picture", "attributes"),
        *("text + picture", "text + attributes", "picture + attributes", "all features"),
    ]
    assert [some for _, some in ablation(("text",))] == [("text",)]
    assert list(ablation(())) == []


def test_a_new_product_is_as_popular_as_its_category():
    met = interactions(
        [(0, "i00", 2.0, 0), (1, "i02", 4.0, 0), (1, "i01", 1.0, 0)], ["i00", "i01", "i02", "i04"], 2
    )
    found = popular_categories(met, catalogue(met.items), np.array([False, False, False, True]))
    np.testing.assert_allclose(found.popularity, [2, 1, 4, 3])
