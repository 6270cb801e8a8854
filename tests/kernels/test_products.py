"""The largest entries of products against all of the product."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from merx.kernels import products, threads
from merx.kernels.products import Barred, ProductIndex, sparse_scores, top_sparse


def best(scores, k, barred, allowed):
    """The k best of each row by a stable sort; what may not be chosen and -inf left out."""
    column = np.full((len(scores), k), -1)
    score = np.full((len(scores), k), np.nan, np.float32)
    for u, row in enumerate(scores):
        left_out = set(barred.column[barred.offsets[u] : barred.offsets[u + 1]].tolist())
        eligible = [i for i in range(len(row)) if row[i] > -np.inf and allowed[i] and i not in left_out]
        order = sorted(eligible, key=lambda i: (-row[i], i))[:k]
        column[u, : len(order)] = order
        score[u, : len(order)] = row[order]
    return column, score


def limits(rng, users, items, share):
    count = rng.binomial(items, share, users)
    column = [rng.choice(items, n) for n in count]  # repeats, in any order
    offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    barred = Barred(offsets, np.concatenate([[], *column]).astype(np.int32))
    return barred, rng.random(items) < 0.8


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 10_000),
    users=st.integers(0, 6),
    items=st.integers(1, 200),
    factors=st.integers(1, 50),
    k=st.integers(1, 210),
    whole=st.booleans(),
)
def test_top_of_dense_products_is_a_stable_sort_of_all(seed, users, items, factors, k, whole):
    rng = np.random.default_rng(seed)
    if whole:  # small whole numbers: many ties, and no rounding
        queries, vectors = rng.integers(-2, 3, (users, factors)), rng.integers(-2, 3, (items, factors))
    else:
        decay = 0.8 ** np.arange(factors)
        queries, vectors = (
            rng.normal(size=(users, factors)) * decay,
            rng.normal(size=(items, factors)) * decay,
        )
    queries, vectors = queries.astype(np.float32), vectors.astype(np.float32)
    vectors[rng.random(items) < 0.1] = 0
    barred, allowed = limits(rng, users, items, 0.2)
    index = ProductIndex.of(vectors)
    scores = index.scores(queries)
    zero = ~queries.any(axis=1)[:, None] | ~vectors.any(axis=1)[None, :]
    np.testing.assert_allclose(scores, np.where(zero, -np.inf, queries @ vectors.T), rtol=1e-5, atol=1e-5)
    column, score = index.top(queries, k, barred, allowed)
    expected = best(scores, k, barred, allowed)
    np.testing.assert_array_equal(column, expected[0])
    np.testing.assert_array_equal(score, expected[1])


def random_sparse(rng, rows, columns, share):
    values = rng.integers(-1, 4, (rows, columns)) * (rng.random((rows, columns)) < share)
    matrix = sparse.csr_array(values.astype(np.float32))
    matrix.data[rng.random(matrix.nnz) < 0.1] = 0  # stored zeros
    return matrix


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 10_000),
    users=st.integers(0, 6),
    between=st.integers(1, 20),
    items=st.integers(1, 40),
    k=st.integers(1, 50),
)
def test_top_of_sparse_products_is_a_stable_sort_of_all(seed, users, between, items, k):
    rng = np.random.default_rng(seed)
    left, right = random_sparse(rng, users, between, 0.4), random_sparse(rng, between, items, 0.3)
    barred, allowed = limits(rng, users, items, 0.2)
    product = left.toarray() @ right.toarray()
    scores = np.where(product > 0, product, -np.inf)
    np.testing.assert_array_equal(sparse_scores(left, right), scores)
    column, score = top_sparse(left, right, k, barred, allowed)
    expected = best(scores, k, barred, allowed)
    np.testing.assert_array_equal(column, expected[0])
    np.testing.assert_array_equal(score, expected[1])


def test_everything_barred_or_nothing_allowed_leaves_an_empty_list():
    vectors = np.eye(3, dtype=np.float32)
    every = Barred(np.array([0, 3]), np.array([2, 0, 1], np.int32))
    nothing = np.zeros(3, bool)
    for barred, allowed in ((every, None), (None, nothing)):
        assert (ProductIndex.of(vectors).top(np.ones((1, 3)), 2, barred, allowed)[0] == -1).all()
        one = sparse.csr_array(np.ones((1, 3), np.float32))
        assert (top_sparse(one, sparse.csr_array(vectors), 2, barred, allowed)[0] == -1).all()


def test_no_vectors_and_no_factors():
    column, score = ProductIndex.of(np.zeros((4, 3), np.float32)).top(np.ones((2, 3)), 2)
    assert (column == -1).all() and np.isnan(score).all()
    assert ProductIndex.of(np.ones((4, 3), np.float32)).top(np.zeros((2, 3)), 2)[0].max() == -1


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(3)
    decay = 0.9 ** np.arange(40)
    queries = (rng.normal(size=(1500, 40)) * decay).astype(np.float32)
    vectors = (rng.normal(size=(700, 40)) * decay * rng.gamma(1.0, size=(700, 1))).astype(np.float32)
    barred, _ = limits(rng, 1500, 700, 0.05)
    left, right = random_sparse(rng, 1500, 300, 0.05), random_sparse(rng, 300, 700, 0.05)
    return queries, ProductIndex.of(vectors), barred, left, right


def answers(world):
    queries, index, barred, left, right = world
    return (*index.top(queries, 10, barred), *top_sparse(left, right, 10, barred))


def test_one_by_one_is_all_at_once(world):
    queries, index, barred, left, right = world
    every = answers(world)
    for u in range(0, 1500, 97):
        mine = Barred(
            np.array([0, barred.offsets[u + 1] - barred.offsets[u]]),
            barred.column[slice(*barred.offsets[[u, u + 1]])],
        )
        one = (*index.top(queries[[u]], 10, mine), *top_sparse(left[[u]], right, 10, mine))
        for alone, together in zip(one, every, strict=True):
            np.testing.assert_array_equal(alone[0], together[u])


@pytest.mark.parametrize("count", [1, 5])
def test_the_number_of_threads_changes_nothing(world, count, monkeypatch):
    expected = answers(world)
    monkeypatch.setattr(threads, "THREADS", count)
    for got, wanted in zip(answers(world), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_callers_in_several_threads_get_what_one_gets(world):
    expected = answers(world)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: answers(world), range(12)):
            for got, wanted in zip(found, expected, strict=True):
                np.testing.assert_array_equal(got, wanted)


def test_products_of_one_vector_are_the_same_wherever_it_stands():
    vector = np.random.default_rng(1).normal(size=37).astype(np.float32)
    index = ProductIndex.of(np.tile(vector, (products.PANEL + 5, 1)))
    column, score = index.top(vector[None] * 3, 8)
    assert column.tolist() == [list(range(8))]
    assert len(set(score[0].tolist())) == 1
