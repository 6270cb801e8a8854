"""The catalogue's words: departments, product kinds and styles, and the texts made of them.

A taste is a style within a department. Titles, descriptions and brands are drawn by taste and by
category, so a text model can find the taste.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Leaf:
    """A second-level category: its nouns, usual price, and the share of purchases that are reorders."""

    name: str
    nouns: tuple[str, ...]
    price: float
    repeat: float


@dataclass(frozen=True)
class Department:
    """A first-level category with its four leaves and the materials its products are made of."""

    name: str
    use: str
    materials: tuple[str, ...]
    leaves: tuple[Leaf, Leaf, Leaf, Leaf]


@dataclass(frozen=True)
class Style:
    """The words and brands of one look."""

    adjectives: tuple[str, ...]
    colours: tuple[str, ...]
    brands: tuple[str, ...]
    phrase: str


LEAVES_PER_DEPARTMENT = 4

DEPARTMENTS: tuple[Department, ...] = (
    Department(
        "Home",
        "the living room",
        ("Oak", "Linen", "Brass", "Glass", "Walnut"),
        (
            Leaf("Lamps", ("Table Lamp", "Floor Lamp", "Pendant Light", "Desk Lamp"), 68.0, 0.02),
            Leaf("Cushions", ("Cushion", "Throw Pillow", "Seat Pad", "Bolster"), 24.0, 0.06),
            Leaf("Rugs", ("Rug", "Runner", "Hallway Mat", "Round Rug"), 110.0, 0.01),
            Leaf("Candles", ("Scented Candle", "Pillar Candle", "Tealight Set", "Room Diffuser"), 17.0, 0.25),
        ),
    ),
    Department(
        "Kitchen",
        "the kitchen",
        ("Stoneware", "Steel", "Cast Iron", "Bamboo", "Porcelain"),
        (
            Leaf("Cookware", ("Saucepan", "Frying Pan", "Casserole", "Wok"), 54.0, 0.02),
            Leaf("Tableware", ("Dinner Plate", "Serving Bowl", "Mug", "Pitcher"), 19.0, 0.08),
            Leaf("Knives", ("Chef's Knife", "Bread Knife", "Paring Knife", "Knife Block"), 62.0, 0.01),
            Leaf("Coffee", ("Coffee Beans", "Espresso Roast", "Filter Coffee", "Decaf Blend"), 14.0, 0.35),
        ),
    ),
    Department(
        "Garden",
        "the terrace",
        ("Teak", "Terracotta", "Rattan", "Zinc", "Canvas"),
        (
            Leaf("Planters", ("Planter", "Window Box", "Hanging Pot", "Raised Bed"), 36.0, 0.05),
            Leaf("Furniture", ("Garden Chair", "Bistro Table", "Bench", "Lounger"), 145.0, 0.01),
            Leaf("Tools", ("Hand Trowel", "Secateurs", "Watering Can", "Leaf Rake"), 27.0, 0.03),
            Leaf("Seeds", ("Wildflower Seeds", "Herb Seeds", "Tulip Bulbs", "Lawn Seed"), 9.0, 0.30),
        ),
    ),
    Department(
        "Fashion",
        "every day",
        ("Cotton", "Wool", "Denim", "Silk", "Leather"),
        (
            Leaf("Shirts", ("Shirt", "Blouse", "Polo", "Tee"), 39.0, 0.08),
            Leaf("Knitwear", ("Jumper", "Cardigan", "Knitted Vest", "Roll Neck"), 72.0, 0.03),
            Leaf("Bags", ("Tote Bag", "Backpack", "Shoulder Bag", "Weekender"), 95.0, 0.01),
            Leaf("Socks", ("Ankle Socks", "Crew Socks", "Knee Socks", "Tights"), 11.0, 0.25),
        ),
    ),
    Department(
        "Sports",
        "training",
        ("Merino", "Mesh", "Rubber", "Carbon", "Recycled Nylon"),
        (
            Leaf("Running", ("Running Shoe", "Running Vest", "Headband", "Running Shorts"), 84.0, 0.05),
            Leaf("Yoga", ("Yoga Mat", "Yoga Block", "Yoga Strap", "Meditation Stool"), 33.0, 0.02),
            Leaf("Cycling", ("Cycling Jersey", "Bike Helmet", "Bike Light", "Saddle Bag"), 58.0, 0.03),
            Leaf("Nutrition", ("Protein Bar Box", "Energy Gel Set", "Recovery Drink", "Oat Mix"), 22.0, 0.35),
        ),
    ),
    Department(
        "Kids",
        "the nursery",
        ("Beech", "Felt", "Organic Cotton", "Cardboard", "Velour"),
        (
            Leaf("Toys", ("Building Blocks", "Pull-along Toy", "Shape Sorter", "Play Kitchen"), 29.0, 0.02),
            Leaf("Puzzles", ("Jigsaw Puzzle", "Memory Game", "Floor Puzzle", "Domino Set"), 18.0, 0.04),
            Leaf("Bedding", ("Cot Sheet", "Baby Blanket", "Sleeping Bag", "Bed Bumper"), 41.0, 0.04),
            Leaf("Crafts", ("Finger Paints", "Crayon Set", "Modelling Clay", "Sticker Pack"), 12.0, 0.25),
        ),
    ),
)

STYLES: tuple[Style, ...] = (
    Style(("Nordic", "Calm", "Pale"), ("Snow", "Birch"), ("Fjordhus", "Lysa"), "Quiet lines and light wood."),
    Style(("Industrial", "Loft", "Raw"), ("Iron", "Rust"), ("Forge & Co", "Pier 9"), "Made to look used."),
    Style(
        ("Vintage", "Retro", "Heirloom"),
        ("Mustard", "Sepia"),
        ("Oldfield", "Marlow"),
        "As grandmother had it.",
    ),
    Style(
        ("Boho", "Woven", "Free"), ("Saffron", "Clay"), ("Tierra", "Solana"), "Knots, fringes and warm earth."
    ),
    Style(
        ("Coastal", "Breezy", "Salt"), ("Sea Blue", "Sand"), ("Harbourside", "Dune"), "Fresh as a day at sea."
    ),
    Style(
        ("Minimal", "Pure", "Plain"),
        ("Black", "White"),
        ("Form Null", "Kanso"),
        "Nothing that is not needed.",
    ),
    Style(
        ("Rustic", "Farmhouse", "Hearty"),
        ("Wheat", "Barn Red"),
        ("Millstone", "Acre"),
        "Sturdy country craft.",
    ),
    Style(
        ("Glamour", "Deco", "Gilded"),
        ("Gold", "Emerald"),
        ("Maison Orphée", "Luxor"),
        "A little shine is allowed.",
    ),
    Style(
        ("Playful", "Pop", "Bright"), ("Cherry", "Lemon"), ("Hoopla", "Zigzag"), "Loud colours, good mood."
    ),
    Style(
        ("Botanical", "Leafy", "Wild"), ("Fern", "Moss"), ("Verdant", "Thicket"), "Leaves, stems and petals."
    ),
    Style(("Urban", "Tech", "Sharp"), ("Graphite", "Neon"), ("Gridline", "Volt"), "Built for the city."),
    Style(
        ("Classic", "Tailored", "Fine"),
        ("Navy", "Burgundy"),
        ("Ashford", "Whitmore"),
        "Never out of fashion.",
    ),
)

CATEGORIES: tuple[str, ...] = tuple(
    f"{d.name} > {leaf.name}" for d in DEPARTMENTS for leaf in d.leaves
)  # (K,)
CATEGORY_PRICE = np.array([leaf.price for d in DEPARTMENTS for leaf in d.leaves])  # (K,)
CATEGORY_REPEAT = np.array([leaf.repeat for d in DEPARTMENTS for leaf in d.leaves])  # (K,)


def style_of(taste: np.ndarray) -> np.ndarray:
    """The style (index in STYLES) of each taste."""
    return taste % len(STYLES)


def department_of(taste: np.ndarray) -> np.ndarray:
    """The department (index in DEPARTMENTS) that each taste looks at most."""
    department: np.ndarray = (taste + taste // len(STYLES)) % len(DEPARTMENTS)
    return department


@dataclass(frozen=True)
class Texts:
    """Title, description and brand per item, each a list of I strings."""

    title: list[str]
    description: list[str]
    brand: list[str]


def draw_texts(taste: np.ndarray, category: np.ndarray, rng: np.random.Generator) -> Texts:
    """Texts for I items of the given taste (I,) and category (I,), drawn word by word."""
    pick = rng.random((taste.size, 6))  # (I, 6): adjective, second adjective, colour, brand, noun, material
    style_code = style_of(taste)
    texts = Texts([], [], [])
    for i in range(taste.size):
        style = STYLES[style_code[i]]
        department = DEPARTMENTS[category[i] // LEAVES_PER_DEPARTMENT]
        leaf = department.leaves[category[i] % LEAVES_PER_DEPARTMENT]
        adjective, second, colour, brand, noun, material = (
            words[int(u * len(words))]
            for u, words in zip(
                pick[i],
                (
                    style.adjectives,
                    style.adjectives,
                    style.colours,
                    style.brands,
                    leaf.nouns,
                    department.materials,
                ),
                strict=True,
            )
        )
        texts.title.append(f"{brand} {adjective} {material} {noun}, {colour}")
        texts.description.append(
            f"{noun} in {colour.lower()} {material.lower()} for {department.use}. {style.phrase} "
            f"From the {second.lower()} {leaf.name.lower()} range of {brand}."
        )
        texts.brand.append(brand)
    return texts
