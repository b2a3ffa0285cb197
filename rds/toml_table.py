"""TOML text to typed values: a strict reader whose every complaint names file, line, value seen and values allowed.

    table = parse_toml(text, source="charger.toml")
    rating_a = table.integer("rating_a", low=6, high=80, default=32)
    region = table.parsed("region", Region.parse)
    radio = table.table("radio")        # [radio]; table.tables("message") for [[message]]
    table.close()                       # refuses every field that nobody asked for, in sub-tables too

A value is required unless a default is given; `"name" in table` tells whether an optional one stands there.
"""

import datetime as dt
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from rds.errors import UsageError

T = TypeVar("T")
Path = tuple[str | int, ...]
"""From the document's root: names, and the index inside an array of tables."""

_BARE_OR_QUOTED: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY: Final = rf"{_BARE_OR_QUOTED}(?:\s*\.\s*{_BARE_OR_QUOTED})*"
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({_KEY})\s*\]\]?")
_ASSIGNMENT: Final = re.compile(rf"\s*({_KEY})\s*=")
_TOKEN: Final = re.compile(r'''"""|\'\'\'|"(?:[^"\\]|\\.)*"|'[^']*'|#.*|[\[{]|[\]}]''')
_CLOSE: Final = {'"""': re.compile(r'(?<!\\)(?:\\\\)*"{3,5}'), "'''": re.compile("'{3,5}")}
"""A multi-line string may end in one or two quotes of its own; an escaped quote closes nothing."""
_SYNTAX_LINE: Final = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")


def parse_toml(text: str, *, source: str) -> "TomlTable":
    """The root table of a document; `source` is what messages call it.

    Raises:
        UsageError: the text is no TOML.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _SYNTAX_LINE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        reason = _SYNTAX_LINE.sub("", str(error)).strip()
        raise UsageError(f"{source}:{line}: not TOML: {reason}; mend this line") from None
    return TomlTable(values, _Origin(source, _lines_of(text)), ())


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a document came from and the line of each of its fields."""

    source: str
    lines: Mapping[Path, int]

    def place(self, path: Path) -> str:
        """`file:line` of a field, or of what holds it where it has no line of its own (inline tables)."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.source}:{self.lines.get(path, 1)}"


class TomlTable:
    """One table; every value is asked for by name and type, and what was never asked for is refused by `close`."""

    def __init__(self, values: Mapping[str, object], origin: _Origin, path: Path) -> None:
        self._values = values
        self._origin = origin
        self._path = path
        self._asked: dict[str, list[TomlTable]] = {}

    def __contains__(self, name: str) -> bool:
        self._asked.setdefault(name, [])
        return name in self._values

    def string(self, name: str, *, default: str | None = None) -> str:
        """A string."""
        return self._take(name, (str,), "a string in quotes", default)

    def integer(self, name: str, *, low: int, high: int, default: int | None = None) -> int:
        """A whole number in low..high."""
        return self._in_range(name, self._take(name, (int,), f"a whole number {low}..{high}", default), low, high)

    def number(self, name: str, *, low: float, high: float, default: float | None = None) -> float:
        """A number in low..high; a whole one is taken too."""
        wanted = f"a number {low:g}..{high:g}"
        return self._in_range(name, float(self._take(name, (float, int), wanted, default)), low, high)

    def boolean(self, name: str, *, default: bool | None = None) -> bool:
        """True or false."""
        return self._take(name, (bool,), "true or false", default)

    def moment(self, name: str, *, default: dt.datetime | None = None) -> dt.datetime:
        """A date and time with its offset from UTC (RFC 3339, without quotes), given in UTC."""
        wanted = "RFC 3339 with an offset, such as 2026-12-01T17:00:00Z"
        value = self._take(name, (dt.datetime,), wanted, default)
        if value.tzinfo is None:
            raise self.refusal(name, f"allowed: {wanted}")
        return value.astimezone(dt.UTC)

    def choice(self, name: str, allowed: Iterable[str], *, default: str | None = None) -> str:
        """One of the strings allowed."""
        names = list(allowed)
        value = self.string(name, default=default)
        if value not in names:
            raise self.refusal(name, f"allowed: {', '.join(names)}")
        return value

    def parsed(self, name: str, parse: Callable[[str], T], *, default: T | None = None) -> T:
        """What `parse` makes of a string; its ValueError's text, which should say what is allowed, goes on."""
        if default is not None and name not in self:
            return default
        return self._parse(name, self.string(name), parse)

    def parsed_list(self, name: str, parse: Callable[[str], T], *, low: int = 0, high: int | None = None) -> list[T]:
        """What `parse` makes of each string of an array of low..high of them; an absent one is empty if low is 0."""
        count = f"{low} or more" if high is None else f"{low}..{high}"
        wanted = f"an array of {count} strings"
        items = self._take(name, (list,), wanted, [] if low == 0 else None)
        if len(items) < low or (high is not None and len(items) > high):
            raise self.refusal(name, f"allowed: {wanted}")
        if not all(isinstance(item, str) for item in items):
            raise self.refusal(name, f"allowed: {wanted}")
        return [self._parse(name, item, parse) for item in items]

    def table(self, name: str) -> "TomlTable":
        """The sub-table [name]; an absent one is empty, and its required fields complain."""
        values = self._take(name, (dict,), f"a table [{name}]", {})
        return self._child(name, values, (*self._path, name))

    def tables(self, name: str) -> list["TomlTable"]:
        """The tables of [[name]], in order; none where it is absent."""
        items = self._take(name, (list,), f"tables [[{name}]]", [])
        if not all(isinstance(item, dict) for item in items):
            raise self.refusal(name, f"allowed: tables [[{name}]]")
        return [self._child(name, item, (*self._path, name, index)) for index, item in enumerate(items)]

    def has_tables(self, name: str) -> bool:
        """Whether [[name]] stands there, rather than [name] or nothing."""
        return isinstance(self._values.get(name), list)

    def rest(self) -> dict[str, object]:
        """Every field not asked for so far, as TOML gave it: for options that another part reads."""
        values = {name: value for name, value in self._values.items() if name not in self._asked}
        self._asked.update({name: [] for name in values})
        return values

    def place(self, name: str | None = None) -> str:
        """`file:line` of a field, or of the table itself."""
        return self._origin.place(self._path if name is None else (*self._path, name))

    def refusal(self, name: str, allowed: str) -> UsageError:
        """The error that says what stands in a field and what may: `file:line: name = seen; allowed: ..`."""
        return UsageError(f"{self.place(name)}: {name} = {_shown(self._values.get(name))}; {allowed}")

    def close(self) -> None:
        """Refuses fields that nobody asked for, here and in the sub-tables that were opened.

        Raises:
            UsageError: the first such field.
        """
        for name in self._values:
            if name not in self._asked:
                allowed = ", ".join(sorted(self._asked)) or "none"
                raise UsageError(f"{self.place(name)}: unknown field {name!r}{self._inside()}; allowed: {allowed}")
            for child in self._asked[name]:
                child.close()

    def _child(self, name: str, values: Mapping[str, object], path: Path) -> "TomlTable":
        child = TomlTable(values, self._origin, path)
        self._asked[name].append(child)
        return child

    def _take(self, name: str, kinds: tuple[type[T], ...], wanted: str, default: T | None) -> T:
        self._asked.setdefault(name, [])
        value = self._values.get(name, default)
        if value is None:
            given = ", ".join(self._values) or "none"
            raise UsageError(f"{self.place()}: no field {name!r}{self._inside()} (given: {given}); add {wanted}")
        # A bool is an int to Python, but not to who writes `rating_a = true`.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise self.refusal(name, f"allowed: {wanted}")
        return value

    def _in_range(self, name: str, value: T, low: float, high: float) -> T:
        if not low <= value <= high:  # type: ignore[operator]  # called with numbers alone
            raise self.refusal(name, f"allowed: {low:g}..{high:g}")
        return value

    def _parse(self, name: str, text: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise UsageError(f"{self.place(name)}: {name}: {error}") from None

    def _inside(self) -> str:
        names = ".".join(str(step) for step in self._path if isinstance(step, str))
        return f" in [{names}]" if names else ""


def _shown(value: object) -> str:
    """A value as its owner wrote it, near enough, and never longer than a line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.isoformat() if isinstance(value, (dt.date, dt.time)) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, of every table header and every assignment outside an inline table. The text is valid TOML."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    inside: Path = ()
    quote, depth = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not quote and depth == 0:
            if header := _HEADER.match(line):
                inside = _header_path(_steps(header[2]), counts, is_array=header[1] == "[[")
                lines.setdefault(inside, number)
                continue
            if assignment := _ASSIGNMENT.match(line):
                lines.setdefault(inside + _steps(assignment[1]), number)
        quote, depth = _after_line(line, quote, depth)
    return lines


def _header_path(steps: Path, counts: dict[Path, int], *, is_array: bool) -> Path:
    """The path of a header's table: below an array of tables it is the newest table's, [[..]] begins another."""
    path: Path = ()
    for step in steps[:-1]:
        path = (*path, step)
        if path in counts:
            path = (*path, counts[path] - 1)
    path = (*path, steps[-1])
    if is_array:
        counts[path] = counts.get(path, 0) + 1
        path = (*path, counts[path] - 1)
    return path


def _steps(key: str) -> Path:
    """A dotted key's names, unquoted."""
    value: object = tomllib.loads(f"{key} = 0")
    steps = []
    while isinstance(value, dict):
        [(step, value)] = value.items()
        steps.append(step)
    return tuple(steps)


def _after_line(line: str, quote: str, depth: int) -> tuple[str, int]:
    """The multi-line quote and the bracket depth that are open after a line."""
    start = 0
    while True:
        if quote:
            close = _CLOSE[quote].search(line, start)
            if close is None:
                return quote, depth
            quote, start = "", close.end()
        token = _TOKEN.search(line, start)
        if token is None:
            return quote, depth
        start = token.end()
        if token[0] in ('"""', "'''"):
            quote = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
