"""A driver's table from the configuration in, a frozen dataclass of checked options out."""

import types
import typing
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final, TypeVar

from rds.errors import UsageError

_KINDS: Final[dict[type, str]] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def number(
    default: float | None, *, low: float, high: float
) -> Any:  # Any: as dataclasses.field, it stands for the value
    """A field of an options dataclass that holds a number from `low` to `high`."""
    return field(default=default, metadata={"low": low, "high": high})


def choice(default: object, *allowed: object) -> Any:  # Any: as dataclasses.field, it stands for the value
    """A field of an options dataclass that holds one of these values."""
    return field(default=default, metadata={"allowed": allowed})


Form = TypeVar("Form")


def read_options(form: type[Form], table: Mapping[str, object], *, driver: str) -> Form:
    """Fill a dataclass whose fields are str, int, float or bool, or one of these or None, and all have a default.

    Raises:
        UsageError: a name that is no field, a value of another type or outside the field's range.
    """
    hints = typing.get_type_hints(form)
    unknown = sorted(set(table) - set(hints))
    if unknown:
        allowed = ", ".join(sorted(hints)) or "none"
        raise UsageError(f"charger {driver} has no option {unknown[0]!r}; allowed: {allowed}")
    for name, value in table.items():
        kind = _plain_type(hints[name])
        bounds = form.__dataclass_fields__[name].metadata  # type: ignore[attr-defined]  # a dataclass by contract
        # TOML's true is no number, though Python's True is an int.
        fits = isinstance(value, bool) == (kind is bool) and isinstance(value, (int, float) if kind is float else kind)
        if "allowed" in bounds and not (fits and value in bounds["allowed"]):
            listed = ", ".join(str(one) for one in bounds["allowed"])
            raise UsageError(f"charger {driver} option {name} is {value!r}; allowed: {listed}")
        if not fits or ("low" in bounds and not bounds["low"] <= value <= bounds["high"]):
            span = f" from {bounds['low']} to {bounds['high']}" if bounds else ""
            raise UsageError(f"charger {driver} option {name} is {value!r}; allowed: {_KINDS[kind]}{span}")
    return form(**table)


def _plain_type(hint: Any) -> type:  # Any: a type hint may be a union, which is no type
    """The type itself from `T` or `T | None`."""
    plain: type = next(part for part in typing.get_args(hint) or (hint,) if part is not types.NoneType)
    return plain
