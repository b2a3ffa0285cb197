"""A register's words in, its value out, and back: types, word order, scale and the values that mean "none".

A word is what one Modbus register holds: 16 bits, first-sent byte first. Values of several registers have the high word
first unless `words` says otherwise.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from receiver.chargers._options import choice, number

HIGH_FIRST: Final = "high first"
LOW_FIRST: Final = "low first"
TEXT: Final = "text"
COIL: Final = "coil"
FORMS: Final = {"u16": ">H", "u32": ">I", "u64": ">Q", "float32": ">f", "float64": ">d"}


@dataclass(frozen=True, slots=True)
class Register:
    """Where a value stands and how it is written there.

    Attributes:
        address: As on the wire, from 0.
        kind: Which of the tables of Modbus it is in.
        type: Of each value; a text has two characters in each register.
        count: How many values follow one another; of a text, its registers.
        words: The order of the registers of one value.
        scale: What one count stands for: mA, s or Wh, whatever the role says.
        write: The function that writes it: 5 a coil, 6 one register, 16 several; 0 when it cannot be written.
        readable: Whether it can be read.
        shared: Whether it stands at this address for all connectors of the charger.
        apart: Whether each value must be asked for on its own.
    """

    address: int = number(-1, low=0, high=0xFFFF)
    kind: str = choice("holding", "holding", "input", COIL)
    type: str = choice("u16", *FORMS, TEXT)
    count: int = number(1, low=1, high=60)
    words: str = choice(HIGH_FIRST, HIGH_FIRST, LOW_FIRST)
    scale: float = number(1.0, low=1e-6, high=1e6)
    write: int = choice(0, 0, 5, 6, 16)
    readable: bool = True
    shared: bool = False
    apart: bool = False

    @property
    def size(self) -> int:
        """How many registers, or coils, it takes."""
        return self.count if self.type == TEXT else self.count * self.value_words

    @property
    def value_words(self) -> int:
        """How many registers one value takes."""
        return 1 if self.type == TEXT else struct.calcsize(FORMS[self.type]) // 2

    def raw(self, words: Sequence[int]) -> list[float | None]:
        """The values as they stand in `size` words; None for "none": all bits set, or no number.

        Raises:
            ValueError: another number of words, or one outside 0..65535.
        """
        if len(words) != self.size or any(not 0 <= word <= 0xFFFF for word in words):
            raise ValueError(f"{len(words)} words; allowed: {self.size} of 0 to 65535")
        step = self.value_words
        return [self._one(words[at : at + step]) for at in range(0, len(words), step)]

    def _one(self, words: Sequence[int]) -> float | None:
        ordered = words if self.words == HIGH_FIRST else words[::-1]
        octets = b"".join(word.to_bytes(2, "big") for word in ordered)
        if self.type == TEXT:
            return float(words[0])
        value: float = struct.unpack(FORMS[self.type], octets)[0]
        is_none = not math.isfinite(value) or octets == b"\xff" * len(octets)
        return None if is_none else value

    def values(self, words: Sequence[int]) -> list[float | None]:
        """The values in the unit of the role."""
        return [None if value is None else value * self.scale for value in self.raw(words)]

    def text(self, words: Sequence[int]) -> str:
        """The characters of a text that can be printed; of a number, its digits."""
        if self.type != TEXT:
            return " ".join("none" if value is None else str(value) for value in self.raw(words))
        octets = b"".join(word.to_bytes(2, "big") for word in words)
        return "".join(chr(octet) for octet in octets if 0x20 < octet < 0x7F)

    def encode(self, value: float) -> list[int]:
        """The words of one value that is given in the unit of the role, rounded down to a whole count.

        Raises:
            ValueError: it does not fit.
        """
        if self.type in ("float32", "float64"):
            octets = struct.pack(FORMS[self.type], value / self.scale)
        else:
            # A tenth of a millionth of a count: what the division may have lost.
            count = math.floor(value / self.scale + 1e-7)
            try:
                octets = struct.pack(FORMS[self.type], count)
            except (struct.error, KeyError) as fault:
                raise ValueError(f"{value} is no {self.type} in steps of {self.scale}") from fault
        words = [int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2)]
        return words if self.words == HIGH_FIRST else words[::-1]
