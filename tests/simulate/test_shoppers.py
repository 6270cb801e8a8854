import duckdb
import numpy as np
import pytest


def test_factors_are_shares(shop):
    truth = shop.truth
    np.testing.assert_allclose(truth.user_factors.sum(axis=0), 1)
    np.testing.assert_allclose(truth.item_factors.sum(axis=1), 1)
    total = sum(truth.affinity(user) for user in range(len(truth.user_ids)))
    np.testing.assert_allclose(total, 1)


def test_purchases_lie_where_the_truth_ranks_high(shop, events):
    truth = shop.truth
    bought = events[(events["event"] == "purchase") & (events["user"] >= 0)]
    popularity = truth.expected_units.sum(axis=1)
    tenth = len(truth.item_ids) // 10
    popular = np.isin(bought["item"], np.argsort(-popularity)[:tenth]).mean()
    rate = (truth.user_factors @ truth.item_factors.T) * popularity  # (U, I)
    rank = (-rate).argsort(axis=1).argsort(axis=1)
    liked = (rank[bought["user"], bought["item"]] < tenth).mean()
    assert liked > 1.4 * popular
    assert (
        truth.purchase_rate(7).argsort()[-5:]
        == np.argsort(truth.affinity(7) * truth.expected_weekly_units(truth.price_now[:, None])[:, 0])[-5:]
    ).all()


def test_purchases_by_cluster_are_as_the_factors_say(shop, events):
    """Expected units by user cluster and item cluster, with newcomers entering as they arrive."""
    truth = shop.truth
    tastes = truth.item_factors.shape[1]
    by_user = np.eye(tastes)[truth.user_taste]  # (U, clusters)
    by_item = np.eye(tastes)[truth.item_taste]  # (I, clusters)
    expected = np.zeros((tastes, tastes))
    for day in range(364):
        present = truth.user_factors * (truth.arrival <= day)[:, None]  # (U, F)
        who = by_user.T @ (present / present.sum(axis=0))  # (clusters, F)
        expected += who @ (truth.item_factors * truth.expected_units[:, day, None]).T @ by_item
    bought = events[(events["event"] == "purchase") & (events["user"] >= 0)]
    seen = np.zeros_like(expected)
    np.add.at(seen, (truth.user_taste[bought["user"]], truth.item_taste[bought["item"]]), bought["quantity"])
    assert np.corrcoef(seen.ravel(), expected.ravel())[0, 1] > 0.99
    own = np.trace(expected) / expected.sum()
    assert np.trace(seen) / seen.sum() == pytest.approx(own, abs=0.03)


def test_some_items_are_bought_again(shop, events):
    bought = events[(events["event"] == "purchase") & (events["user"] >= 0)]
    again = bought.duplicated(["user", "item"])
    often = shop.truth.repeat_share[bought["item"]] >= 0.25
    assert again[often].mean() > again[~often].mean() + 0.1


def test_views_follow_the_ring_onwards(shop, events):
    truth = shop.truth
    views = events[(events["event"] == "view_item")].sort_values(["session_id", "time"])
    same = views["session_id"].values[1:] == views["session_id"].values[:-1]
    before, after = views["item"].values[:-1][same], views["item"].values[1:][same]
    onwards = (truth.successors[before] == after[:, None]).any(axis=1).mean()
    backwards = (truth.successors[after] == before[:, None]).any(axis=1).mean()
    assert onwards > 0.5
    assert onwards > 2 * backwards


def test_followers_share_the_taste_of_those_they_follow(shop):
    truth = shop.truth
    assert (truth.follower != truth.leader).all()
    alike = (truth.user_taste[truth.follower] == truth.user_taste[truth.leader]).mean()
    chance = ((np.bincount(truth.user_taste) / truth.user_taste.size) ** 2).sum()
    assert alike > 3 * chance


def test_followers_buy_after_those_they_follow_more_than_before(shop):
    """Shared taste is the same in both directions of time; influence is not."""
    events, relations = shop.tables["events"], shop.tables["relations"]  # noqa: F841
    after, before = duckdb.sql(
        """
        WITH bought AS (
            SELECT user_id, item_id, time FROM events WHERE event = 'purchase' AND user_id IS NOT NULL
        ), one_way AS (
            SELECT r.user_id, r.other_user_id FROM relations r
            ANTI JOIN relations b ON r.user_id = b.other_user_id AND r.other_user_id = b.user_id
        )
        SELECT count(*) FILTER (f.time > l.time), count(*) FILTER (f.time < l.time)
        FROM one_way JOIN bought f ON f.user_id = one_way.user_id
        JOIN bought l ON l.user_id = one_way.other_user_id AND l.item_id = f.item_id
        WHERE abs(epoch(f.time) - epoch(l.time)) < 21 * 86400
        """
    ).fetchall()[0]
    assert (after - before) / np.sqrt(after + before) > 5
