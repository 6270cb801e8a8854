"""Categories with levels, as in "Home > Lamps"."""

LEVEL = " > "  # between two levels


def levels(category: str | None) -> list[str]:
    """All above a category and itself, the widest first: "Home > Lamps" is in "Home" too; none of none."""
    parts = category.split(LEVEL) if category else []
    return [LEVEL.join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def within(name: str, category: str) -> bool:
    """Whether a category is `category` or lies below it."""
    return name == category or name.startswith(category + LEVEL)
