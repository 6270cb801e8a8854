"""Products put into a catalogue twice are found, variants are not taken for them."""

import numpy as np
import pytest

from merx.media.duplicates import Listed, candidates, duplicates
from merx.media.titles import Titles, mistakes

NAN = float("nan")
KINDS = ("lantern", "cushion", "teapot", "umbrella", "notebook", "candle", "doormat", "basket")
PATTERNS = ("polkadot", "gingham", "paisley", "striped", "woodland")
COLOURS = ("rosso", "verde", "azzurro")  # no list of ours knows them
CATALOGUE = [f"{colour} {pattern} {kind}" for kind in KINDS for pattern in PATTERNS for colour in COLOURS]


def listed(titles, brands=None, price=None, **more):
    nothing = [None] * len(titles)
    return Listed(titles, brands or nothing, np.full(len(titles), NAN) if price is None else price, **more)


def found(titles, *given, **more):
    pairs = duplicates(listed(titles, *given, **more))
    same, variants = ({(p.one, p.other): p for p in pairs if p.variant is kind} for kind in (False, True))
    return same, variants


@pytest.mark.parametrize(
    ("title", "again"),
    [
        ("Kneeling pad for gardeners", "GARDENERS' KNEELING PAD, FOR"),  # order, case, signs
        ("Panettone tin, vintage", "Pannetone tin vintage"),  # a misspelt word
        ("Vintage bycicle bell in chrome", "Vintage bicycle bell in chrome"),  # neighbours exchanged
        ("Jewel box with spaceboy", "Jewelbox with space boy"),  # together and apart
        ("Hanging candle holders", "Hanging candle holder"),  # a form of the word
        ("红色羊毛帽子", "红色 羊毛 帽子"),  # no spaces
    ],
)
def test_the_same_title_written_otherwise(title, again):
    same, variants = found([*CATALOGUE, title, again])
    n = len(CATALOGUE)
    assert list(same) == [(n, n + 1)] and same[n, n + 1].score > 0.94
    assert (n, n + 1) not in variants


def test_words_that_stand_for_each_other_tell_variants_apart():
    same, variants = found(CATALOGUE)
    assert not same
    pair = variants[0, 1]
    assert (pair.own, pair.others) == (("rosso",), ("verde",))
    words = Titles.of(CATALOGUE)
    assert words.tells_apart("azzurro") and words.tells_apart("gingham") and not words.tells_apart("for")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paper lantern star of 30 cm", "Paper lantern star of 40 cm"),
        ("Wool hat with bobble, red", "Wool hat with bobble, blue"),
        ("Wool hat with bobble, large", "Wool hat with bobble"),
        ("Cable for printers XK2250", "Cable for printers XK2251"),
    ],
)
def test_numbers_sizes_and_colours_do_so_in_any_catalogue(one, other):
    same, variants = found([one, other, "Teapot", "Printers", "Paper star", "Hat of wool"])
    assert not same
    assert list(variants) == [(0, 1)]


def test_a_code_that_no_other_title_holds_outweighs_the_rest():
    titles = ["Weber grill cover WX7550 with lid", "Weber premium grill cover WX7550 22", *CATALOGUE]
    assert list(found(titles)[0]) == [(0, 1)]
    assert not found([*titles, "Weber tongs WX7550"])[0]  # held by a third


def turned(n, step):
    """Pictures of which each is nearest to those beside it."""
    angle = np.arange(n) * step
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_a_word_more_needs_a_picture_among_the_nearest():
    titles = ["Donkey tail game wooden set", "Donkey tail game wooden set classic", *CATALOGUE]
    price = np.full(len(titles), 3.75)
    assert not found(titles, price=price)[0]
    pictures = turned(len(titles), 0.02)
    pair = found(titles, pictures=pictures)[0][0, 1]
    assert pair.picture == pytest.approx(np.cos(0.02), abs=1e-5) and pair.others == ("classic",)
    pictures[1] = pictures[60]
    assert not found(titles, pictures=pictures)[0]


def test_a_picture_far_away_speaks_against_equal_titles_unless_their_price_is_equal_too():
    titles = ["Donkey tail game", *CATALOGUE, "Donkey tail game"]
    price, last = np.arange(1.0, 1.0 + len(titles)), len(titles) - 1
    pictures = turned(len(titles), 0.02)
    assert not found(titles, price=price, pictures=pictures)[0]
    price[last] = 1.02
    assert found(titles, price=price, pictures=pictures)[0][0, last].same_price
    price[last], pictures[0] = 5, 0  # no picture to compare
    assert not found(titles, price=price, pictures=pictures)[0][0, last].same_price


def test_two_brands_are_two_products():
    titles = ["Natural yoghurt 1 kg", "Natural yoghurt 1 kg", "Milk", "Natural soap"]
    assert list(found(titles, brands=["Arla", "ARLA", None, None])[0]) == [(0, 1)]
    same, variants = found(titles, brands=["Arla", "Valio", None, None])
    assert not same and variants[0, 1].own == ("Arla",)


def test_trade_item_numbers_and_groups_of_variants_decide():
    titles = ["Natural yoghurt 1 kg", "Natural yoghurt 1 kg", "Milk", "A pot of it", None]
    same, _ = found(titles, gtin=["4006381333931", None, None, "4006381333931", None])
    assert list(same) == [(0, 1), (0, 3)] and same[0, 3].score == 1
    same, variants = found(titles, gtin=["4006381333931", "4006381333948", None, None, None])
    assert not same and variants[0, 1].own == ("4006381333931",)
    same, variants = found(titles, group=["yoghurt", "yoghurt", None, None, None])
    assert not same and list(variants) == [(0, 1)]


def test_a_price_of_nothing_is_no_price():
    titles = ["Natural yoghurt 1 kg", "Natural yoghurt 1 kg"]
    assert not found(titles, price=np.array([0.0, 0.0]))[0][0, 1].same_price


def test_catalogues_without_titles():
    for titles in ([], [None], [None, None], ["", "???"]):
        assert found(titles) == ({}, {})
        assert candidates(listed(titles)) == []


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("", "", 0), ("pan", "", 3), ("saftey", "safety", 1), ("kitten", "sitting", 3)],
)
def test_mistakes(one, other, count):
    assert mistakes(one, other) == mistakes(other, one) == count
