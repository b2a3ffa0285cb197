"""A configuration's text with some top fields replaced, and nothing else touched: comments, order and tables stay."""

import tomllib
from collections.abc import Collection, Mapping

from rds.errors import UsageError
from rds.toml_table import parse_toml


def with_fields(text: str, put: Mapping[str, str], *, drop: Collection[str] = (), source: str) -> str:
    """The text with `put` as its top fields, in TOML, in the place of what is replaced, else before the first.

    Args:
        text: TOML.
        put: values by name, as TOML writes them.
        drop: names of top fields that go.
        source: what messages call it.

    Raises:
        UsageError: the text is no TOML, or cannot be changed without touching something else.
    """
    parse_toml(text, source=source)
    before = tomllib.loads(text)
    # A line that says so already stays with its comment.
    put = {name: value for name, value in put.items() if before.get(name) != tomllib.loads(f"_ = {value}")["_"]}
    lines = text.split("\n")
    kept: list[str] = []
    place: int | None = None
    first: int | None = None
    start = 0
    while start < len(lines) and not lines[start].lstrip().startswith("["):
        end = _end_of_field(lines, start)
        names = _names(lines[start:end])
        if names and first is None:
            first = len(kept)
        if names & {*put, *drop}:
            place = len(kept) if place is None else place
        else:
            kept += lines[start:end]
        start = end
    new = [f"{name} = {value}" for name, value in put.items()]
    place = next((each for each in (place, first) if each is not None), len(kept))
    if place == len(kept) and kept and not kept[-1].strip() and not lines[start:]:
        place -= 1
    changed = "\n".join([*kept[:place], *new, *kept[place:], *lines[start:]])
    if _others(changed, put, drop) != _others(text, put, drop):
        fields = ", ".join(new)
        raise UsageError(f"{source} cannot be changed safely; write {fields} into it, and take out: {', '.join(drop)}")
    return changed


def _end_of_field(lines: list[str], start: int) -> int:
    """The line after the field, comment or blank that begins on a line."""
    for end in range(start + 1, len(lines) + 1):
        try:
            tomllib.loads("\n".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return start + 1


def _names(lines: list[str]) -> set[str]:
    """The names that lines give values to."""
    try:
        return set(tomllib.loads("\n".join(lines)))
    except tomllib.TOMLDecodeError:
        return set()


def _others(text: str, put: Mapping[str, str], drop: Collection[str]) -> object:
    """All values but those that change; a text that is no TOML equals nothing."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return object()
    return {name: value for name, value in values.items() if name not in put and name not in drop}
