"""Association: counts by hand, the ratio against its definition, chance held in check."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from merx.data.interactions import Interactions, history
from merx.data.vocabulary import Vocabulary
from merx.recommend.association import Association, likelihood_ratio
from merx.recommend.rank import rank


def baskets(*contents: str, items: str = "ABCDE") -> Interactions:
    """One basket per word, of which each letter is an item."""
    vocabulary = Vocabulary.of(list(items))
    entries = vocabulary.codes([letter for basket in contents for letter in basket])
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum([len(basket) for basket in contents])]).astype(np.int64),
        item=entries,
        weight=np.ones(len(entries), np.float32),
        time=np.zeros(len(entries), np.int64),
        event=np.full(len(entries), 10, np.int8),
        items=vocabulary,
    )


def random_baskets(seed: int, n: int, shares: np.ndarray) -> Interactions:
    """Baskets in which every item falls independently of the others."""
    held = np.random.default_rng(seed).random((n, len(shares))) < shares
    letters = [f"i{i:03d}" for i in range(len(shares))]
    row, column = np.nonzero(held)
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum(held.sum(axis=1))]).astype(np.int64),
        item=column.astype(np.int32),
        weight=np.ones(len(row), np.float32),
        time=np.zeros(len(row), np.int64),
        event=np.full(len(row), 10, np.int8),
        items=Vocabulary.of(letters),
    )


# 20 baskets: A in 8, B in 6, both in 5
TWENTY = ["AB"] * 5 + ["A"] * 3 + ["B"] + ["C"] * 11


def test_counts_by_hand():
    table = Association(neighbours=5).fit(baskets(*TWENTY)).to_table().to_pylist()
    assert [(row["item_id"], row["other_id"]) for row in table] == [("A", "B"), ("B", "A")]
    first, second = table
    assert first["baskets"] == second["baskets"] == 5
    assert first["support"] == second["support"] == pytest.approx(5 / 20)
    assert (first["confidence"], second["confidence"]) == pytest.approx((5 / 8, 5 / 6))
    assert first["lift"] == second["lift"] == pytest.approx((5 / 20) / (8 / 20 * 6 / 20))
    by_hand = 2 * (
        5 * np.log(5 / 2.4) + 3 * np.log(3 / 5.6) + 1 * np.log(1 / 3.6) + 11 * np.log(11 / 8.4)
    )  # expected counts: 20 x share x share
    assert first["likelihood"] == pytest.approx(by_hand)


def test_the_score_is_confidence_and_lift():
    fit = baskets(*TWENTY)
    lift = 5 * 20 / (8 * 6)
    for power in (0.0, 0.25, 1.0):
        model = Association(lift=power).fit(fit)
        score = model.score(history(["A"], model.items))[0]
        assert score[1] == pytest.approx(5 / 8 * lift**power, rel=1e-6)
        assert np.isneginf(score[[0, 2, 3, 4]]).all()


def test_a_product_page_shows_what_is_bought_with_the_product():
    model = Association(support=1).fit(baskets(*["AB"] * 9, *["AC"] * 4, *["D"] * 40, *["DE"] * 6, "BD"))
    page = history(["A"], model.items)
    lists = rank(model, page, 5, exclude=page)
    assert model.items.names(lists.item[0]).to_pylist() == ["B", "C", None, None, None]


# Dunning (1993), table 1: bigrams of a corpus of 31,777 words; the counts of both, the first word alone,
# the second alone and neither, and the -2 log likelihood ratio that he prints
@pytest.mark.parametrize(
    ("both", "first_alone", "second_alone", "neither", "published"),
    [
        (110, 2442, 111, 29114, 270.72),
        (29, 13, 123, 31612, 263.90),
        (31, 23, 139, 31584, 256.84),
        (10, 0, 3, 31764, 167.23),
    ],
)
def test_the_likelihood_ratio_of_dunnings_table(both, first_alone, second_alone, neither, published):
    n = both + first_alone + second_alone + neither
    found = likelihood_ratio(np.array([both]), np.array([both + first_alone]), [both + second_alone], n)
    assert found[0] == pytest.approx(published, abs=0.02)


@given(st.integers(1, 30), st.integers(0, 30), st.integers(0, 30), st.integers(1, 50))
def test_the_likelihood_ratio_is_that_of_scipy(both, first, second, neither):
    table = np.array([[both, first], [second, neither]])
    expected = 0.0
    if table.sum(axis=0).all() and table.sum(axis=1).all():
        expected = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    found = likelihood_ratio([both], [both + first], [both + second], int(table.sum()))
    assert found[0] == pytest.approx(expected, abs=1e-8)


def test_pairs_by_definition():
    """Every pair, brute force: counted, tested, and kept by the rule of Benjamini and Hochberg."""
    rng = np.random.default_rng(3)
    fit = random_baskets(3, 200, rng.uniform(0.02, 0.3, 20))
    held = fit.matrix().toarray() > 0
    held[:, 1] = held[:, 0] & (rng.random(200) < 0.9)  # two pairs that are no chance
    held[:, 3] = held[:, 2] | (rng.random(200) < 0.02)
    row, column = np.nonzero(held)
    fit = Interactions(
        offsets=np.concatenate([[0], np.cumsum(held.sum(axis=1))]).astype(np.int64),
        item=column.astype(np.int32),
        weight=np.ones(len(row), np.float32),
        time=np.zeros(len(row), np.int64),
        event=np.full(len(row), 10, np.int8),
        items=fit.items,
    )
    held = held[held.any(axis=1)]  # an empty basket is none
    n, count = len(held), held.sum(axis=0)
    able = np.flatnonzero(count >= 2)
    p = {}
    for h in able:
        for i in able:
            both = int((held[:, h] & held[:, i]).sum())
            if h < i and both >= 2 and both * n > count[h] * count[i]:
                table = [[both, count[h] - both], [count[i] - both, n - count[h] - count[i] + both]]
                p[h, i] = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue / 2
    tests = len(able) * (len(able) - 1) / 2
    order = sorted(p.values())
    threshold = max((v for r, v in enumerate(order, 1) if v <= 0.05 * r / tests), default=-1)
    expected = {pair for pair, value in p.items() if value <= threshold}
    found = Association(support=2, chance=0.05).fit(fit).together.tocoo()
    assert {(h, i) for h, i in zip(*found.coords, strict=True) if h < i} == expected
    assert {(0, 1), (2, 3)} <= expected
    assert set(zip(*found.coords, strict=True)) == {(i, h) for h, i in zip(*found.coords, strict=True)}


def test_items_that_have_nothing_to_do_with_each_other_make_no_pairs():
    pairs = [
        Association().fit(random_baskets(seed, 2000, np.full(40, 0.1))).together.nnz for seed in range(10)
    ]
    assert np.mean(np.array(pairs) > 0) <= 0.3  # at rate 0.05 one in twenty is to be expected
    unheld = Association(chance=1.0).fit(random_baskets(0, 2000, np.full(40, 0.1))).together.nnz
    assert unheld > 500  # half of the 1,560 are above 1 in lift by chance alone


@settings(max_examples=30)
@given(st.lists(st.text("ABCDE", min_size=1, max_size=4), min_size=4, max_size=15))
def test_what_holds_of_any_baskets(contents):
    fit = baskets(*[basket for basket in contents for _ in range(5)])
    model = Association(support=1, chance=1.0).fit(fit)
    table = model.to_table().to_pydict()
    assert all(0 < value <= 1 for value in table["confidence"])
    assert all(value > 1 for value in table["lift"])
    turned = Association(support=1, chance=1.0).fit(fit.take(np.arange(fit.n_users)[::-1]))
    assert (turned.similarity != model.similarity).nnz == 0
    shopper = history(sorted(set(contents[0])), model.items)
    score = model.score(shopper)[0]
    item = np.flatnonzero(np.isfinite(score))
    why = model.explain(shopper, item)
    np.testing.assert_allclose(why.part.sum(axis=1), score[item], rtol=1e-5)


def test_neighbours_are_the_best_pairs_of_each_item():
    fit = random_baskets(5, 300, np.linspace(0.05, 0.4, 12))
    every = Association(support=1, chance=1.0).fit(fit).similarity.toarray()
    few = Association(support=1, chance=1.0, neighbours=3).fit(fit).similarity.toarray()
    for h in range(12):
        best = np.argsort(-every[h], kind="stable")[:3]
        best = best[every[h][best] > 0]
        assert np.flatnonzero(few[h]).tolist() == sorted(best.tolist())


def test_the_threshold_is_on_the_chi_square_of_one_degree():
    assert special.chdtrc(1, 3.841) == pytest.approx(0.05, abs=1e-4)  # as to_table says
