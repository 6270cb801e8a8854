import numpy as np
import pytest
from scipy import sparse

from merx.errors import ConfigError
from merx.media.leading import leading
from merx.media.text import Text

KITCHEN = ["blue steel pan", "large steel pan with lid", "steel saucepan, blue", "small frying pan"]
CLOTHES = ["red wool hat", "warm woollen hat", "red scarf of wool", "wool gloves, red"]
CHINESE = ["红色羊毛帽子", "羊毛帽子 冬季", "蓝色不锈钢锅", "不锈钢炒锅 带盖"]


def fitted(titles):
    return Text(dimensions=4).fit(titles, [None] * len(titles))


def embedded(model, *titles):
    return model.embed(list(titles), [None] * len(titles))


def test_texts_of_one_sort_lie_together():
    vectors = embedded(fitted(KITCHEN + CLOTHES), *KITCHEN, *CLOTHES)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    alike = vectors @ vectors.T
    within = np.concatenate([alike[:4, :4][np.triu_indices(4, 1)], alike[4:, 4:][np.triu_indices(4, 1)]])
    assert within.mean() > 0.5
    assert abs(alike[:4, 4:]).max() < within.min()


@pytest.mark.parametrize(
    ("title", "places"), [("woollen scarfs", range(4, 8)), ("stel pans", range(4)), ("saucepans", range(4))]
)
def test_an_unseen_text_with_unseen_forms_of_words_finds_its_like(title, places):
    model = fitted(KITCHEN + CLOTHES)
    alike = embedded(model, *KITCHEN, *CLOTHES) @ embedded(model, title)[0]
    assert np.argmax(alike) in places


def test_writing_without_spaces_needs_no_segmenter():
    vectors = embedded(fitted(CHINESE), *CHINESE)
    alike = vectors @ vectors.T
    assert alike[0, 1] > 0.5 > alike[0, 2]
    assert alike[2, 3] > 0.4 > alike[1, 3]


def test_a_text_of_which_nothing_is_known_is_zeros():
    model = fitted(KITCHEN)
    np.testing.assert_array_equal(model.embed([None, "???", "zyx"], [None, "", None]), 0)
    assert fitted([]).embed(["pan"], [None]).shape == (1, 0)


def test_the_words_that_two_texts_share_and_nothing_else_make_them_alike():
    model = Text().fit(KITCHEN, ["for the oven"] * 2 + [None] * 2)
    found = model.alike_by(("blue steel pan", "for the oven"), ("Blue Steel saucepan", None))
    assert {word for word, _ in found} == {"blue", "steel"}
    assert sum(share for _, share in found) == pytest.approx(1)
    assert dict(found)["blue"] > dict(found)["steel"]  # the rarer word says more
    assert model.alike_by(("pan", None), ("hat", None)) == []


def test_a_vector_has_at_least_one_dimension():
    with pytest.raises(ConfigError, match="dimensions"):
        Text(dimensions=0)


def test_leading_directions_are_those_of_the_singular_value_decomposition():
    rng = np.random.default_rng(0)
    dense = (rng.normal(size=(60, 5)) * [9, 7, 5, 3, 2]) @ rng.normal(size=(5, 40))
    matrix = sparse.csr_array((dense + 0.01 * rng.normal(size=dense.shape)).astype(np.float32))
    found = leading(matrix, 3)
    _, _, exact = np.linalg.svd(matrix.toarray())
    np.testing.assert_allclose(np.abs(found.T @ exact[:3].T), np.eye(3), atol=1e-3)
    assert (found[np.abs(found).argmax(axis=0), np.arange(3)] > 0).all()
    np.testing.assert_array_equal(found, leading(matrix, 3))
    assert leading(matrix, 99).shape[1] == 5  # the rest is noise
    assert leading(sparse.csr_array((3, 4), dtype=np.float32), 2).shape == (4, 0)
