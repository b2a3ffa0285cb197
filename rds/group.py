"""Four information words as a group: its type, the fields that every group carries, its bits (EN 50067, 3.1).

block 1  PI, 16 bits
block 2  TTTT V T PPPPP xxxxx   group type 4, version 1 (B), TP 1, PTY 5, 5 free bits
block 3  16 bits; in version B the PI again, under offset word C'
block 4  16 bits
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.block import encode_block
from rds.constants import BLOCK_BITS, BLOCKS, GROUP_BITS

GROUP_TYPES: Final = tuple(f"{number}{version}" for number in range(16) for version in "AB")
"""All group types by their five-bit code, type << 1 | version: "0A", "0B", "1A" and so on."""


def group_type_code(group_type: str) -> int:
    """The five-bit code of a group type such as "11A" (`type << 1 | version`).

    Raises:
        ValueError: the name is none of 0A to 15B.
    """
    if group_type not in GROUP_TYPES:
        raise ValueError(f"group type {group_type!r}; allowed: 0A, 0B, 1A to 15B")
    return GROUP_TYPES.index(group_type)


def check_width(name: str, value: int, bits: int) -> None:
    """Lets a value pass that fits its field.

    Raises:
        ValueError: it does not.
    """
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{name} is {value}; allowed: 0 to {(1 << bits) - 1}")


@dataclass(frozen=True, slots=True)
class Group:
    """A group to be sent: four words of 16 bits."""

    words: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        if any(not 0 <= word <= 0xFFFF for word in self.words):
            raise ValueError(f"a group is four words of 16 bits, not {self.words}")

    @property
    def pi(self) -> int:
        """Programme identification, 16 bits."""
        return self.words[0]

    @property
    def group_type(self) -> str:
        """Such as "3A"."""
        return GROUP_TYPES[self.words[1] >> 11]

    @property
    def tp(self) -> int:
        """Traffic programme flag."""
        return self.words[1] >> 10 & 1

    @property
    def pty(self) -> int:
        """Programme type, 5 bits."""
        return self.words[1] >> 5 & 0x1F

    @property
    def free5(self) -> int:
        """The five low bits of block 2, whose meaning is the group type's."""
        return self.words[1] & 0x1F

    def blocks(self) -> tuple[int, int, int, int]:
        """The four 26-bit blocks, checkwords and offset words in place."""
        one, two, three, four = self.words
        third = "C'" if two >> 11 & 1 else "C"
        return encode_block(one, "A"), encode_block(two, "B"), encode_block(three, third), encode_block(four, "D")


def make_group(
    group_type: str, *, pi: int, tp: int = 0, pty: int = 0, free5: int = 0, block3: int | None = None, block4: int = 0
) -> Group:
    """A group from its fields. In version B block 3 is the PI and `block3` must be left out.

    Raises:
        ValueError: a field does not fit its width, or `block3` goes against the version.
    """
    version_b = group_type_code(group_type) & 1
    if version_b != (block3 is None):
        raise ValueError(f"block 3 of a version {'B group is the PI' if version_b else 'A group must be given'}")
    for name, value, bits in (("tp", tp, 1), ("pty", pty, 5), ("free5", free5, 5)):
        check_width(name, value, bits)
    block2 = group_type_code(group_type) << 11 | tp << 10 | pty << 5 | free5
    return Group((pi, block2, pi if block3 is None else block3, block4))


def groups_to_bits(groups: Iterable[Group]) -> npt.NDArray[np.uint8]:
    """The bits of groups in the order sent: uint8 of 0 and 1, shape (104 x groups,)."""
    blocks = np.array([group.blocks() for group in groups], dtype=np.uint32).reshape(-1, BLOCKS)
    shifts = np.arange(BLOCK_BITS - 1, -1, -1, dtype=np.uint32)
    bits: npt.NDArray[np.uint8] = (blocks[:, :, np.newaxis] >> shifts & 1).astype(np.uint8)
    return bits.reshape(len(blocks) * GROUP_BITS)
