"""What a dialect is: a record that says how raw lines of a file become rows of one canonical table.

Adding one takes one file in `ingest/dialects/` and one line in `ingest/dialects/__init__.py`.
"""

import re
from collections.abc import Iterable, Mapping
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
        left out is null. Give the file's own column wherever it will do: the caller trims texts, reads
        times (counts since 1970, ISO, orders of day and month; one form a file), numbers (`1,234.56`,
        `12.50 GBP`, a decimal comma) and names of events, and makes a `purchase` of a negative quantity a
        `refund`. A regular expression around a column costs more than reading the file.
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
    aliases : mapping of column in the SQL -> other names that a file may have for it
        The column's own name comes first, then its aliases in order; one file column may serve two.
    without : frozenset of str
        Columns (or aliases of them) that a file of this dialect must not have: they tell it from a
        dialect that reads more.
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
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """All columns of the file that the SQL may name."""
        return self.optional.union(*self.signature)

    def read_as(self, header: Iterable[str]) -> dict[str, str]:
        """Which column of the file each column named in the SQL is; one that the file lacks is left out."""
        held: dict[str, str] = {}
        for column in header:
            held.setdefault(folded(column), column)
        found: dict[str, str] = {}
        for name in self.names | self.without:
            spellings = (folded(spelling) for spelling in (name, *self.aliases.get(name, ())))
            match = next((held[spelling] for spelling in spellings if spelling in held), None)
            if match is not None:
                found[name] = match
        return found

    def match(self, header: Iterable[str]) -> int:
        """The size of the largest signature that a file with this header holds; 0: not of this dialect."""
        held = self.read_as(header).keys()
        if held & self.without:
            return 0
        return max((len(columns) for columns in self.signature if columns <= held), default=0)


def folded(name: str) -> str:
    """A column's name as header matching sees it."""
    return re.sub(r"[\s_]", "", name).lower()
