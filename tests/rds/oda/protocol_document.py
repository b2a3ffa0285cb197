"""docs/protocol.md to its examples and tables.

An example is a fenced block `example NAME` of two kinds of lines. `name = value` goes on in lines indented below it.
Any other line is a field: hex digits (a dot if the line above showed them), bits, name, value and perhaps its meaning.
A table stands under a comment `table: NAME`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TEXT: Final = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text(encoding="utf-8")
_EXAMPLE: Final = re.compile(r"^```example ([a-z-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE: Final = re.compile(r"^<!-- table: ([a-z-]+) -->\n\|.*\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Field:
    digits: str
    bits: str
    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Example:
    """The fields and the named values of one fenced block."""

    fields: tuple[Field, ...]
    values: dict[str, str]

    @classmethod
    def parse(cls, body: str) -> "Example":
        rows: list[Field] = []
        values: dict[str, str] = {}
        last = ""
        for line in body.splitlines():
            if line.startswith(" "):
                values[last] += " " + line.strip()
            elif match := re.fullmatch(r"([A-Za-z0-9-]+) += (.*)", line):
                last = match[1]
                values[last] = match[2].strip()
            else:
                rows.append(Field(*[*re.split(r"  +", line.strip()), ""][:5]))
        return cls(tuple(rows), values)

    def octets(self, name: str) -> bytes:
        return bytes.fromhex(self.values[name])

    def numbers(self, name: str) -> list[int]:
        return [int(number) for number in self.values[name].split()]

    @property
    def packed(self) -> bytes:
        """The bytes that the fields' bits make, which their hex digits must show as well."""
        bits = "".join(field.bits for field in self.fields)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")

    @property
    def numbers_by_name(self) -> dict[str, int]:
        """The value of each field, and that its bits say the same."""
        found = {}
        for field in self.fields:
            value = int(field.value, 16) if field.name in ("region", "scope") else int(field.value, 0)
            assert int(field.bits, 2) == value % (1 << len(field.bits)), field
            found[field.name] = value
        return found

    def check_digits(self) -> None:
        """The hex digits in the first column are those of the bits.

        Raises:
            AssertionError: they are not.
        """
        assert "".join(field.digits.strip(".") for field in self.fields) == self.packed.hex().upper()


BLOCKS: Final = dict(_EXAMPLE.findall(TEXT))
"""The text of every example by its name."""
TABLES: Final = {
    name: [[cell.strip() for cell in row.strip("|\n").split("|")] for row in body.splitlines()]
    for name, body in _TABLE.findall(TEXT)
}
"""The cells of every table below its heading, by its name."""
