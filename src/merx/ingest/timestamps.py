"""The forms in which files write times; one form is chosen per file."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

from merx.ingest.sql import literal
from merx.ingest.values import is_number

EARLIEST = datetime(1990, 1, 1)


@dataclass(frozen=True)
class TimeForm:
    """One way of writing times.

    Parameters
    ----------
    title : str
        For people.
    sql : str
        Gives a TIMESTAMP in UTC, or null where the text is of another form; `{x}` stands for the text.
    formats : tuple of str
        Tried in this order where the SQL has `{formats}`.
    twin : str
        Title of the form that reads some of the same texts otherwise (day and month exchanged).
    """

    title: str
    sql: str
    formats: tuple[str, ...] = ()
    twin: str = ""

    def read(self, expression: str) -> str:
        """SQL that reads an expression."""
        listed = ", ".join(map(literal, self.formats))
        return self.sql.replace("{x}", expression).replace("{formats}", listed)


def latest() -> datetime:
    """After this, UTC, a time lies in the future: now and a day, for clocks that are ahead."""
    return datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)


def _since_1970(unit: str, factor: str) -> TimeForm:
    micros = f"CAST(TRY_CAST({{x}} AS DECIMAL(28, 6)) * {factor} AS BIGINT)"
    held = f"TRY_CAST({{x}} AS DECIMAL(28, 6)) * {factor} BETWEEN -60000000000000000 AND 250000000000000000"
    return TimeForm(f"{unit} since 1970", f"CASE WHEN {held} THEN make_timestamp({micros}) END")


def _dates(title: str, order: str, separator: str, twin: str = "") -> TimeForm:
    clocks = (" %H:%M", " %H:%M:%S", "", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S")
    formats = [
        order.replace("/", separator).replace("%Y", year) + clock
        for clock, year in product(clocks, ("%Y", "%y"))
    ]
    # %Y also takes two digits, as a year of the first century, so these are left to %y.
    formats.sort(key=lambda text: "%Y" in text)
    return TimeForm(title, "try_strptime({x}, [{formats}])", tuple(formats), twin)


def _exchangeable(separator: str, day_first: bool) -> list[TimeForm]:
    orders = {
        f"day{separator}month{separator}year": "%d/%m/%Y",
        f"month{separator}day{separator}year": "%m/%d/%Y",
    }
    first, second = orders if day_first else reversed(orders)
    return [_dates(first, orders[first], separator, second), _dates(second, orders[second], separator, first)]


_ISO = TimeForm("ISO 8601", "make_timestamp(epoch_us(TRY_CAST({x} AS TIMESTAMPTZ)))")

# In order of preference where several read equally many: an order of day and month is assumed only then.
TEXT_FORMS: tuple[TimeForm, ...] = (
    _ISO,
    TimeForm("YYYYMMDD", "CASE WHEN length({x}) = 8 THEN try_strptime({x}, '%Y%m%d') END"),
    _since_1970("seconds", "1000000"),
    _since_1970("milliseconds", "1000"),
    _since_1970("microseconds", "1"),
    _since_1970("nanoseconds", "0.001"),
    *_exchangeable("/", day_first=False),
    *_exchangeable(".", day_first=True),
    *_exchangeable("-", day_first=True),
    _dates("day, name of month, year", "%d/%b/%Y", " "),
    _dates("day-name of month-year", "%d/%b/%Y", "-"),
    _dates("name of month, day, year", "%b %d, %Y", " "),
)
_COUNTS = tuple(form for form in TEXT_FORMS if form.title.endswith("since 1970"))
_TYPED = TimeForm("times of the file's own type", "CAST({x} AS TIMESTAMP)")
_ZONED = TimeForm("times with a zone", "make_timestamp(epoch_us(CAST({x} AS TIMESTAMPTZ)))")


def forms(kind: str) -> tuple[TimeForm, ...]:
    """The forms that an expression of this DuckDB type may have."""
    if kind in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"):
        return (_ZONED,)
    if kind.startswith(("TIMESTAMP", "DATE")):
        return (_TYPED,)
    if is_number(kind):
        return (
            *_COUNTS,
            TimeForm("YYYYMMDD", "try_strptime(CAST(CAST({x} AS BIGINT) AS VARCHAR), '%Y%m%d')"),
        )
    return TEXT_FORMS


def plausible(expression: str) -> str:
    """Predicate: a time that an event of a shop can have."""
    return f"{expression} BETWEEN TIMESTAMP {literal(str(EARLIEST))} AND TIMESTAMP {literal(str(latest()))}"
