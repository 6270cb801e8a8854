"""Writing names and values into SQL so that no file name, header or shop.toml can break out of them."""


def identifier(name: str) -> str:
    """Write a name of a column or relation."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int | float) -> str:
    """Write a text or a number."""
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def items(parts: list[str]) -> str:
    """Write a list of expressions."""
    return ", ".join(parts)
