"""What a dialect is: a record that says how raw lines of a file become rows of one canonical table.

Adding one takes one file in `ingest/dialects/` and one line in `ingest/dialects/__init__.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dialect:
    """How files of one origin are read.

    All SQL is DuckDB's, over a relation `raw` that holds the file: CSV columns are VARCHAR (an empty
    cell is null), Parquet and JSON columns have their own types (nested ones too). `raw` has the extra
    column `_row` (BIGINT, from 1, the record's place in the file). Column names in SQL are written
    as the file has them; header matching ignores case, blanks and underscores.

    Parameters
    ----------
    name : str
        As given to `--dialect`.
    title : str
        For people.
    signature : tuple of frozenset of str
        A file is of this dialect if its header holds all the columns of one of these sets. The dialect
        whose matching set is largest wins.
    table : str
        The canonical table that its lines become.
    columns : mapping of canonical column -> SQL expression over the relation `lines`
        VARCHAR or typed; the caller casts, and rejects a line whose value cannot be cast. A column
        left out is null.
    optional : frozenset of str
        Columns of the file that the SQL names but that a file may lack; they read as null.
    lines : str
        A query over `raw` giving one row per line of the canonical table (`_row` kept; a record that
        fans out to several lines adds `_part`, from 1). Default: one line a record.
    reject : mapping of reason -> SQL predicate over `lines`
        Lines that this dialect knows to be no rows of the table, e.g. postage in a list of products sold.
    products : mapping of products column -> SQL expression over `lines`
        For events: what each line says about its product (title, category, ...); the most frequent value
        per item becomes a row of the products table.
    """

    name: str
    title: str
    signature: tuple[frozenset[str], ...]
    table: str
    columns: Mapping[str, str]
    optional: frozenset[str] = frozenset()
    lines: str = "SELECT * FROM raw"
    reject: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, str] = field(default_factory=dict)
