"""Google Analytics 4: rows of the BigQuery export, as Parquet or as JSON lines.

Source: https://support.google.com/analytics/answer/7029846 (BigQuery Export schema).

- An event with items becomes one line per item; an event without items keeps one line without a product.
- The shopper is `user_id` where it is set, and the device (`user_pseudo_id`) elsewhere.
- A session is `user_pseudo_id` with the parameter `ga_session_id`, which alone is not unique.
- The parameter `value` is of the whole event, so it stands on the event's first line only.
- `(not set)` is null. Event names are GA4's own; those that merx does not know are rejected by name.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import fanned_out, first, inside, listed, text
from merx.ingest.sql import literal


def _repeated(column: str) -> str:
    """Read a repeated field, also where the Parquet file spells out `list` and `element`."""
    return first([f"nullif({listed(column)}, [])", listed(column, "$.list[*].element")])


_RECORDS = (
    "SELECT *, [json_extract_string(p, '$.key') FOR p IN _parameters] AS _names "  # noqa: S608
    f"FROM (SELECT *, {_repeated('event_params')} AS _parameters FROM raw)"
)


def _parameter(name: str, *kinds: str) -> str:
    value = f"_parameters[list_position(_names, {literal(name)})]"
    return first([inside(value, f"$.value.{kind}_value") for kind in kinds])


def _set(expression: str) -> str:
    return f"nullif({expression}, '(not set)')"


_LEVELS = ("item_category", "item_category2", "item_category3", "item_category4", "item_category5")

GA4 = Dialect(
    name="ga4",
    title="Google Analytics 4, BigQuery export",
    table="events",
    signature=(
        frozenset({"event_name", "event_timestamp", "user_pseudo_id", "event_params"}),
        frozenset({"event_name", "event_timestamp", "user_pseudo_id", "items"}),
    ),
    optional=frozenset({"event_params", "items", "user_id", "ecommerce"}),
    lines=fanned_out(_repeated("items"), f"({_RECORDS})"),
    columns={
        "time": "event_timestamp",
        "event": text("event_name"),
        "user_id": first([text("user_id"), text("user_pseudo_id")]),
        "session_id": f"{text('user_pseudo_id')} || '.' || {_parameter('ga_session_id', 'int', 'string')}",
        "item_id": _set(inside("_item", "$.item_id")),
        "quantity": inside("_item", "$.quantity"),
        "price": inside("_item", "$.price"),
        "currency": _parameter("currency", "string"),
        "transaction_id": first(
            [_set(inside("ecommerce", "$.transaction_id")), _parameter("transaction_id", "string")]
        ),
        "value": f"CASE WHEN _part = 1 THEN {_parameter('value', 'double', 'float', 'int', 'string')} END",
    },
    products={
        "title": _set(inside("_item", "$.item_name")),
        "brand": _set(inside("_item", "$.item_brand")),
        "category": "nullif(concat_ws(' > ', "
        + ", ".join(f"nullif({_set(inside('_item', f'$.{level}'))}, '')" for level in _LEVELS)
        + "), '')",
    },
)

DIALECTS = (GA4,)
