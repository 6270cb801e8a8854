"""Look-alikes against all cosines, sorted."""

import sys

import numpy as np
import pytest
from scipy import sparse

from merx.errors import ConfigError
from merx.media import alike as module
from merx.media.alike import alike, all_alike, cosines


def unit(vectors):
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


@pytest.fixture
def vectors():
    """Two sorts of 30 items; each lacks one of three, and some are twice there."""
    rng = np.random.default_rng(0)
    dense, terms = rng.normal(size=(30, 5)), rng.random((30, 40)) * (rng.random((30, 40)) < 0.2)
    dense[10:13], terms[10:13] = dense[:3], terms[:3]
    dense[::3], terms[1::3] = 0, 0
    return unit(dense), sparse.csr_array(unit(terms))


def slow(sorts, item, count):
    """The cosine of the vectors laid side by side, item by item, of the sorts that `item` has."""
    sorts = [own for own in sorts if own[item].any()]
    found = []
    for other in range(len(sorts[0])):
        if other != item and any(own[other].any() for own in sorts):
            one, two = (np.concatenate([own[i] for own in sorts]).astype(np.float64) for i in (item, other))
            found.append((-(one @ two) / np.linalg.norm(one) / np.linalg.norm(two), other))
    return [(other, -value) for value, other in sorted(found)][:count]


@pytest.mark.parametrize("item", range(6))
def test_by_one_sort_and_by_both(vectors, item):
    whole = [vectors[0], vectors[1].toarray()]
    for chosen in ([0], [1], [0, 1]):
        if not any(whole[place][item].any() for place in chosen):
            continue
        other, similarity = alike([vectors[place] for place in chosen], item, 40)
        expected = slow([whole[place] for place in chosen], item, 40)
        assert len(other) == len(expected)
        np.testing.assert_allclose(similarity, [value for _, value in expected], atol=1e-6)
        settled = dict(expected)
        np.testing.assert_allclose(similarity, [settled[name] for name in other.tolist()], atol=1e-6)
        assert (np.diff(other)[np.diff(similarity) == 0] > 0).all()  # ties by place


def test_what_has_no_vector_has_no_look_alikes_and_is_nobodys(vectors):
    other, _ = alike([vectors[0]], 0, 5)
    assert len(other) == 0
    found, similarity = all_alike(vectors[0], 25)
    assert (found[::3] == -1).all() and np.isnan(similarity[::3]).all()
    assert not np.isin(found, np.arange(0, 30, 3)).any()
    assert (all_alike(np.zeros((3, 2), np.float32), 2)[0] == -1).all()


def test_all_have_the_look_alikes_that_each_has(vectors):
    found, similarity = all_alike(vectors[0], 4)
    for item in (1, 2, 10, 11):
        other, score = alike([vectors[0]], item, 4)
        np.testing.assert_array_equal(found[item], other)
        np.testing.assert_allclose(similarity[item], score, atol=1e-6)


def test_the_cosines_with_one(vectors):
    np.testing.assert_allclose(
        cosines(vectors[1], 2), vectors[1].toarray() @ vectors[1].toarray()[2], atol=1e-6
    )


def test_beyond_the_stated_size_an_index_finds_nearly_all(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(module, "EXACT", 100)
    vectors = unit(np.random.default_rng(0).normal(size=(1500, 8)))
    vectors[7] = vectors[3]
    vectors[5] = 0
    found, similarity = all_alike(vectors, 10)
    monkeypatch.setattr(module, "EXACT", 5000)
    exact, scores = all_alike(vectors, 10)
    same = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact, strict=True)])
    assert same > 0.98
    assert found[3, 0] == 7 and (found[5] == -1).all() and np.isnan(similarity[5]).all()
    assert (found != np.arange(1500)[:, None]).all()
    np.testing.assert_allclose(similarity[:3], scores[:3], atol=1e-5)


def test_without_faiss_the_reason_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(module, "EXACT", 1)
    with pytest.raises(ConfigError, match=r"merx\[media\]"):
        all_alike(unit(np.ones((3, 2))), 1)
