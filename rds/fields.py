"""Bit layouts declared once and used both ways: named integers to bytes and back, first-sent bit first.

A layout is written as the protocol writes it: `version:2 kind:2 type:4 ts:28`; `offset:s8` is signed.
"""

from collections.abc import Mapping

from bitstring import Bits


class Layout:
    """A row of integer fields without gaps; its bits are padded with zeros to whole bytes."""

    __slots__ = ("_dtypes", "_widths", "bits", "names", "octets")

    def __init__(self, declaration: str) -> None:
        fields = [field.split(":") for field in declaration.split()]
        self.names = tuple(name for name, _ in fields)
        self._dtypes = tuple(f"i{kind[1:]}" if kind[0] == "s" else f"u{kind}" for _, kind in fields)
        self._widths = tuple(int(kind.lstrip("s")) for _, kind in fields)
        self.bits = sum(self._widths)
        self.octets = (self.bits + 7) // 8

    def pack(self, values: Mapping[str, int]) -> bytes:
        """The bytes of the named values.

        Raises:
            ValueError: a field is missing, unknown or does not fit its width.
        """
        if set(values) != set(self.names):
            raise ValueError(f"fields {sorted(values)} given; this layout has {sorted(self.names)}")
        try:
            row = [Bits.from_dtype(dtype, values[name]) for name, dtype in zip(self.names, self._dtypes, strict=True)]
        except ValueError as error:
            raise ValueError(f"a field does not fit its width: {error}") from error
        return Bits.from_joined(row).to_bytes()

    def unpack(self, data: bytes) -> dict[str, int]:
        """The named values at the start of `data`; what follows is not looked at.

        Raises:
            ValueError: `data` is shorter than the layout.
        """
        if len(data) < self.octets:
            raise ValueError(f"{len(data)} bytes given; this layout needs {self.octets}")
        bits = Bits.from_bytes(data)
        values, start = {}, 0
        for name, width, dtype in zip(self.names, self._widths, self._dtypes, strict=True):
            field = bits[start : start + width]
            values[name] = field.i if dtype[0] == "i" else field.u
            start += width
        return values
