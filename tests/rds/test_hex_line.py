"""Lines of hex as decoders print them, to words and back; anything else is no group."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.hex_line import Words, format_words, parse_words

CASES: dict[str, Words] = {
    "9331 20B6 594C 554D": (0x9331, 0x20B6, 0x594C, 0x554D),
    "---- ---- ---- 4153": (None, None, None, 0x4153),
    "3C4D ---- ---- ----": (0x3C4D, None, None, None),
    "---- ---- ---- ----": (None, None, None, None),
    "0000 0001 0010 FFFF": (0, 1, 0x10, 0xFFFF),
}


@pytest.mark.parametrize("line", CASES)
def test_a_line_is_its_words_and_back(line: str) -> None:
    assert parse_words(line) == CASES[line]
    assert format_words(CASES[line]) == line


@pytest.mark.parametrize(
    "line", ["9331 20b6 594c 554d\n", "  9331\t20B6 594C 554D\r\n", "9331 20B6 594C 554D 2026-06-01 # x"]
)
def test_case_spaces_and_what_follows_do_not_matter(line: str) -> None:
    assert parse_words(line) == (0x9331, 0x20B6, 0x594C, 0x554D)


@pytest.mark.parametrize(
    "line",
    [
        "", "\n", "# comment", "9331", "9331 20B6 594C", "9331 20B6 594C 554", "9331 20B6 594C 554D5",
        "933120B6594C554D", "9331,20B6,594C,554D", "0x9331 20B6 594C 554D",
        "G331 20B6 594C 554D", "+331 20B6 594C 554D",
        "9331 20B6 594C ---", "9331 20B6 594C -----", "\u0660\u0660\u0660\u0660 20B6 594C 554D",
    ],
)  # fmt: skip
def test_anything_else_is_no_group(line: str) -> None:
    assert parse_words(line) is None


any_word = st.none() | st.integers(0, 0xFFFF)


@given(st.tuples(any_word, any_word, any_word, any_word))
def test_words_come_back(words: Words) -> None:
    assert parse_words(format_words(words)) == words


@given(st.text() | st.text(alphabet=string.hexdigits + "- \t\r\n"))
def test_any_line_is_words_or_none(line: str) -> None:
    words = parse_words(line)
    assert words is None or all(word is None or 0 <= word <= 0xFFFF for word in words)
