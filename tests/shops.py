"""What tests do with a shop's folder."""

from merx.shop import Shop

SMALL = "\n[models.boosted]\ntrees = 30\nleaves = 8\n"
"""Settings for tests that do not look at how good a forecast is: the large forest takes most of a run."""


def csv(path, *rows):
    path.write_text("\n".join(["user_id,item_id,event,time,price,quantity", *rows]) + "\n")
    return path


def settings(shop, text):
    """The shop with more settings."""
    with open(shop.folder / "shop.toml", "a") as file:
        file.write(text)
    return Shop(shop.folder)


def ids(decision):
    return [row["item_id"] for row in decision.answer["rows"]]
