from merx.ingest.dialects import DIALECTS
from tests.ingest.dialects.reference import PAGE, page


def test_the_page_is_what_the_dialects_say() -> None:
    told = "python tests/ingest/dialects/reference.py writes it anew"
    assert PAGE.read_text(encoding="utf-8") == page(), told


def test_every_dialect_is_on_the_page() -> None:
    assert [name for name in DIALECTS if f"### `{name}`" not in page()] == []
