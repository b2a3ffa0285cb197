"""Symbols and announcements in groups: hand-worked words, round trips, and every word that can arrive."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.basic import Programme
from rds.group import GROUP_TYPES, group_type_code
from rds.oda.announcement import Announcement, announced_group_type, pack_announcement, unpack_announcement
from rds.oda.application_group import CodedSymbol, pack_symbol, unpack_symbol

_WORD: Final = st.integers(0, 0xFFFF)


def test_a_symbol_by_hand() -> None:
    """Block 2 is 0101 0 1 00111 11101: 5A, TP, PTY 7, ESI 29; tag 10 precedes the symbol's first 14 bits, all 1."""
    group = pack_symbol(CodedSymbol(tag=2, esi=29, value=0x3FFF0001), "5A", Programme(pi=0x9331, tp=1, pty=7))
    assert group.words == (0x9331, 0x54FD, 0xBFFF, 0x0001)


@given(st.integers(0, 3), st.integers(0, 29), st.integers(0, 2**30 - 1))
def test_a_symbol_both_ways(tag: int, esi: int, value: int) -> None:
    symbol = CodedSymbol(tag, esi, value)
    assert unpack_symbol(*pack_symbol(symbol, "11A", Programme(pi=1)).words[1:]) == symbol


@given(_WORD, _WORD, _WORD)
def test_any_words_are_a_symbol_or_none(block2: int, block3: int, block4: int) -> None:
    symbol = unpack_symbol(block2, block3, block4)
    assert (symbol is None) == (block2 & 0x1F >= 30)


def test_a_version_b_group_has_no_room() -> None:
    with pytest.raises(ValueError, match="version B"):
        pack_symbol(CodedSymbol(0, 0, 0), "11B", Programme(pi=1))


@pytest.mark.parametrize("group_type", GROUP_TYPES[1:31])
def test_the_group_type_that_is_announced(group_type: str) -> None:
    group = pack_announcement(Announcement(network=7), Programme(pi=1), group_type=group_type, aid=0xC0DE)
    assert announced_group_type(group.words[1]) == group_type
    assert group.words[3] == 0xC0DE


@pytest.mark.parametrize("group_type", ["0A", "15B"])
def test_no_group_and_fault_name_none(group_type: str) -> None:
    assert announced_group_type(0x3000 | group_type_code(group_type)) is None


@given(_WORD)
def test_any_hints_both_ways(block3: int) -> None:
    announcement = unpack_announcement(block3)
    group = pack_announcement(announcement, Programme(pi=1), group_type="11A", aid=0xC0DE)
    assert group.words[2] == block3


def test_hints_are_low_bits() -> None:
    group = pack_announcement(Announcement(network=64 + 7, epoch=9, run=17), Programme(1), group_type="11A", aid=0xC0DE)
    assert unpack_announcement(group.words[2]) == Announcement(network=7, epoch=1, run=1)
