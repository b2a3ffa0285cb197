"""Ratios of a group to the coded symbol in it, or to its being our 3A: what an application knows helps it to hear.

Of an application group all of block 1 and eleven bits of block 2 are known, of our 3A also its AID. What comes out has
a probability and no more; only a signature makes it a message.
"""

from dataclasses import dataclass
from typing import Final

from rds.block import encode_block
from rds.group import GROUP_TYPES, group_type_code
from rds.oda.application_group import CodedSymbol, unpack_symbol
from rds.oda.erasure_code import SYMBOLS
from receiver.likely_group import Float
from receiver.soft_group import PLACES, Trellis

_APPLICATION_SHARE: Final = 0.2
"""How many of a station's groups are the application's: two of 11.4 a second, or four."""
_ANNOUNCEMENT_SHARE: Final = 0.02
"""3A comes every five seconds."""
_A, _B, _C, _C_PRIME, _D, _NEXT_A = range(len(PLACES))


@dataclass(frozen=True, slots=True)
class Station:
    """What is in block 1 and 2 of every group of a station."""

    pi: int
    tp_pty: int
    """The six bits after the group type."""

    def block2(self, group_type: str, free5: int) -> int:
        """The second word of a group."""
        return group_type_code(group_type) << 11 | self.tp_pty << 5 | free5


def soft_symbol(values: Float, station: Station, group_type: str) -> tuple[CodedSymbol, float]:
    """The likeliest coded symbol in a group (float32 of shape (131,)) and the probability that it is there."""
    trellis = _trellis(values, station)
    words = [station.block2(group_type, esi) for esi in range(SYMBOLS)]
    trellis.choose_among(_B, [encode_block(word, "B") for word in words], share=_APPLICATION_SHARE)
    trellis.run()
    index, probability, _ = trellis.choice(_B)
    trellis.settle(_B, index)
    trellis.run()
    three, four = trellis.word(_C), trellis.word(_D)
    symbol = unpack_symbol(words[index], three.word, four.word)
    assert symbol is not None, "ESIs are 0 to 29"
    return symbol, probability * three.probability * four.probability


def soft_announcement(values: Float, station: Station, aid: int) -> tuple[str, float]:
    """The likeliest type A group type that a 3A for `aid` names, and the probability that the group is such a 3A."""
    trellis = _trellis(values, station)
    names = [name for name in GROUP_TYPES[2:] if name.endswith("A")]
    blocks = [encode_block(station.block2("3A", group_type_code(name)), "B") for name in names]
    trellis.choose_among(_B, blocks, share=_ANNOUNCEMENT_SHARE)
    trellis.choose_among(_D, [encode_block(aid, "D")], share=_ANNOUNCEMENT_SHARE)
    trellis.run()
    index, this, any_of_them = trellis.choice(_B)
    _, announced, _ = trellis.choice(_D)
    # The two blocks bear each other out: seen alone, each starts from the same small share.
    odds = _odds(any_of_them) * _odds(announced) / _odds(_ANNOUNCEMENT_SHARE)
    return names[index], odds / (1 + odds) * this / max(1e-12, any_of_them)


def _odds(probability: float) -> float:
    return probability / max(1e-12, 1 - probability)


def _trellis(values: Float, station: Station) -> Trellis:
    """A group of version A of this station."""
    trellis = Trellis.of(values)
    trellis.exclude(_C_PRIME)
    trellis.expect((_A, _NEXT_A), station.pi)
    return trellis
