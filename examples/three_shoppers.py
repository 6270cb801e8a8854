"""Three shoppers, four products, and user-based collaborative filtering on what they bought.

user1 bought A, B, C; user2 bought A, B, D; user3 bought B, C, D. Each two of them share two of their three
products, so each sees the one product that the other two know and he does not: user1 D, user2 C, user3 A.

    python examples/three_shoppers.py
"""

import numpy as np

from merx.data.interactions import Interactions
from merx.data.vocabulary import Vocabulary
from merx.explain.recommendation import reasons
from merx.recommend.rank import rank
from merx.recommend.user_knn import UserKNN

BOUGHT = {"user1": "ABC", "user2": "ABD", "user3": "BCD"}


def histories() -> Interactions:
    """The purchases, one row a shopper."""
    items = Vocabulary.of("ABCD")
    names = [name for products in BOUGHT.values() for name in products]
    return Interactions(
        offsets=np.array([0, 3, 6, 9]),
        item=items.codes(names),
        weight=np.ones(9, np.float32),
        time=np.tile(np.arange(3), 3),
        event=np.full(9, 10, np.int8),
        items=items,
    )


def cosine(a: set[str], b: set[str]) -> float:
    """Between two sets, as vectors of ones."""
    return len(a & b) / (len(a) * len(b)) ** 0.5


def main() -> None:
    """Recommend to each shopper, and show two ways to get it wrong."""
    shop = histories()
    model = UserKNN(shrinkage=0.0).fit(shop)
    lists = rank(model, shop, 1, exclude=shop)
    for row, (user, products) in enumerate(BOUGHT.items()):
        one = shop.take(np.array([row]))
        (why,) = reasons(model, one, lists.item[row])
        because = ", ".join(reason.item_id for reason in why)
        (item,) = lists.items.names(lists.item[row]).to_pylist()
        print(f"{user} bought {', '.join(products)}: recommend {item}, because of {because}")

    print("\nWrong: the cosine of product names, letter by letter")
    for a, b in (("red wine glass", "red glass wiener"), ("red wine glass", "decanter")):
        print(f"  {a!r} and {b!r}: {cosine(set(a), set(b)):.2f}")
    print("  Names tell how things are spelled, not who buys them together.")

    print("\nWrong: to believe a tiny overlap")
    for mine, theirs in (({"A"}, {"A"}), (set("ABCDEFGHIJ"), set("ABCDEFGHXY"))):
        shared = len(mine & theirs)
        plain, shrunk = cosine(mine, theirs), shared / ((len(mine) * len(theirs)) ** 0.5 + 10)
        print(f"  {shared} shared: cosine {plain:.2f}, with a shrinkage of 10 {shrunk:.2f}")
    print("  One product in common gives the cosine 1; the shrinkage asks for evidence.")


if __name__ == "__main__":
    main()
