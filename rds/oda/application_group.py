"""An application group's 37 bits: one coded symbol under its tag, or a hint (protocol, Application group).

block 2  eeeee             ESI: 0..29 a symbol, 30 a trigger of a later version, 31 a hint
block 3  tt ssssssssssssss tag, symbol bits 29..16
block 4  ssssssssssssssss  symbol bits 15..0
"""

from dataclasses import dataclass
from typing import Final

from rds.basic import Programme
from rds.group import Group, make_group
from rds.oda.erasure_code import SYMBOLS

TAGS: Final = 4


@dataclass(frozen=True, slots=True)
class CodedSymbol:
    """Symbol `esi` (0..29) of the envelope that runs under `tag` (0..3); `value` has 30 bits."""

    tag: int
    esi: int
    value: int


def pack_symbol(symbol: CodedSymbol, group_type: str, programme: Programme) -> Group:
    """The group that carries a symbol."""
    return make_group(
        group_type,
        pi=programme.pi,
        tp=programme.tp,
        pty=programme.pty,
        free5=symbol.esi,
        block3=symbol.tag << 14 | symbol.value >> 16,
        block4=symbol.value & 0xFFFF,
    )


def unpack_symbol(block2: int, block3: int, block4: int) -> CodedSymbol | None:
    """The symbol in the words of an application group, or None for ESI 30 and 31."""
    esi = block2 & 0x1F
    if esi >= SYMBOLS:
        return None
    return CodedSymbol(tag=block3 >> 14, esi=esi, value=(block3 & 0x3FFF) << 16 | block4)
