"""Groups heard from others against their fields; words to groups to bits and back; what is refused."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.block import decode_block
from rds.group import GROUP_TYPES, Group, group_type_code, groups_to_bits, make_group

VECTORS = tomllib.loads((Path(__file__).parents[1] / "vectors" / "groups.toml").read_text(encoding="utf-8"))["group"]

words = st.integers(0, 0xFFFF)
groups = st.builds(lambda *four: Group(four), words, words, words, words)


def _group(line: str) -> Group:
    one, two, three, four = (int(word, 16) for word in line.split())
    return Group((one, two, three, four))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["words"])
def test_the_fields_of_a_group(vector: dict[str, Any]) -> None:  # Any: a table of TOML
    group = _group(vector["words"])
    for name in ("group_type", "pi", "tp", "pty", "free5"):
        assert getattr(group, name) == vector[name], name


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["words"])
def test_a_group_made_of_its_fields(vector: dict[str, Any]) -> None:  # Any: a table of TOML
    expected = _group(vector["words"])
    fields = {name: vector[name] for name in ("pi", "tp", "pty", "free5")}
    block3 = None if vector["group_type"].endswith("B") else expected.words[2]
    assert make_group(vector["group_type"], **fields, block3=block3, block4=expected.words[3]) == expected


def test_group_type_codes() -> None:
    assert len(GROUP_TYPES) == 32
    assert [group_type_code(name) for name in ("0A", "0B", "3A", "11A", "15B")] == [0, 1, 6, 22, 31]


def test_the_bits_of_a_group_worked_by_hand() -> None:
    # The four blocks of tests/vectors/block_code.toml one after the other.
    expected = (
        "1001001100110001 1000100101 0010000010110110 11000011100101100101001100 1101101000 0101010101001101 1000100100"
    ).replace(" ", "")
    bits = groups_to_bits([_group("9331 20B6 594C 554D")])
    assert bits.dtype == np.uint8
    assert "".join(map(str, bits)) == expected


def test_the_third_block_of_version_b_has_its_own_offset_word() -> None:
    third = _group("4E0D 0949 4E0D 5244").blocks()[2]
    assert f"{third:026b}" == "01001110000011010111000001"


def test_no_groups_are_no_bits() -> None:
    assert groups_to_bits([]).shape == (0,)


@given(st.lists(groups, max_size=4))
def test_bits_come_back_as_words(sent: list[Group]) -> None:
    bits = groups_to_bits(sent)
    assert bits.shape == (104 * len(sent),)
    blocks = [int("".join(map(str, block)), 2) for block in bits.reshape(-1, 26)]
    for i, group in enumerate(sent):
        offsets = ("A", "B", "C'" if group.group_type.endswith("B") else "C", "D")
        heard = [decode_block(block, offset) for block, offset in zip(blocks[4 * i :], offsets, strict=False)]
        assert heard == [(word, False) for word in group.words]


@given(st.lists(groups, min_size=1, max_size=5), st.data())
def test_any_cutting_of_the_groups_gives_the_same_bits(sent: list[Group], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(sent)))
    parts = np.concatenate([groups_to_bits(sent[:cut]), groups_to_bits(sent[cut:])])
    assert np.array_equal(parts, groups_to_bits(sent))


@pytest.mark.parametrize("bad", [(0x10000, 0, 0, 0), (0, -1, 0, 0), (0, 0, 0, 1 << 20)])
def test_a_word_of_more_than_16_bits_is_refused(bad: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="four words of 16 bits"):
        Group(bad)


@pytest.mark.parametrize(
    ("group_type", "fields", "message"),
    [
        ("2A", {"tp": 2, "block3": 0}, "tp is 2; allowed: 0 to 1"),
        ("2A", {"pty": 32, "block3": 0}, "pty is 32; allowed: 0 to 31"),
        ("2A", {"free5": -1, "block3": 0}, "free5 is -1; allowed: 0 to 31"),
        ("2A", {}, "block 3 of a version A group must be given"),
        ("2B", {"block3": 0}, "block 3 of a version B group is the PI"),
        ("16A", {"block3": 0}, "group type '16A'; allowed: 0A, 0B, 1A to 15B"),
    ],
)
def test_a_group_that_cannot_be_is_refused(group_type: str, fields: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_group(group_type, pi=0x1234, **fields)
