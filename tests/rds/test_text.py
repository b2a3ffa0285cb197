"""Characters of the standard's table, cited one by one, and back; what is refused; any bytes at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.text import decode_text, encode_text

# EN 50067:1998, annex E, table E.1: row (low four bits) and column (high four bits) as printed.
CITED = {
    0x20: " ", 0x24: "¤", 0x41: "A", 0x5E: "―", 0x60: "‖", 0x7A: "z", 0x7E: "¯",
    0x80: "á", 0x82: "é", 0x8A: "Ñ", 0x8D: "β", 0x8F: "Ĳ", 0x91: "ä", 0x97: "ö", 0x99: "ü", 0x9A: "ñ", 0x9F: "ĳ",
    0xA0: "ª", 0xA3: "‰", 0xA8: "π", 0xA9: "€", 0xAA: "£", 0xAB: "$", 0xAC: "←", 0xAF: "↓",
    0xB0: "º", 0xB4: "±", 0xB8: "µ", 0xBA: "÷", 0xBB: "°", 0xBF: "§",
    0xC0: "Á", 0xCA: "Ř", 0xCC: "Š", 0xCF: "Ŀ", 0xD1: "Ä", 0xD7: "Ö", 0xDC: "š", 0xDE: "đ", 0xDF: "ŀ",
    0xE0: "Ã", 0xE1: "Å", 0xE2: "Æ", 0xE7: "Ø", 0xE9: "Ŋ", 0xEF: "ð", 0xF0: "ã", 0xF1: "å", 0xF7: "ø", 0xFE: "ŧ",
}  # fmt: skip


@pytest.mark.parametrize("code", CITED, ids=lambda code: f"{code:02X}")
def test_a_character_of_the_table(code: int) -> None:
    assert decode_text(bytes([code])) == CITED[code]
    assert encode_text(CITED[code]) == bytes([code])


def test_most_of_ascii_stands_in_its_place() -> None:
    moved = set("$^`~\x7f")
    ascii_text = "".join(chr(code) for code in range(0x20, 0x80) if chr(code) not in moved)
    assert encode_text(ascii_text) == ascii_text.encode("ascii")


def test_the_radio_text_of_a_real_station() -> None:
    # Off the air, 93.1 MHz, Chicago: the segments 2 to 5 of tests/vectors/basic_groups.toml.
    assert decode_text(bytes.fromhex("4143 4B20 474F 4C44 2F53 4F55 4C20 4153")) == "ACK GOLD/SOUL AS"


@pytest.mark.parametrize("text", ["\n", "\r", "\x7f", "ÿ", "^", "`", "~", "日", "\U0001f50c", "\udc80"])
def test_a_character_outside_the_table_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=rf"\(U\+{ord(text):04X}\) is not in the RDS character table"):
        encode_text("PS" + text)


def test_each_code_has_one_character_and_each_character_one_code() -> None:
    codes = [code for code in range(0x20, 0x100) if code not in (0x7F, 0xFF)]
    characters = decode_text(bytes(codes))
    assert len(set(characters)) == len(codes)
    assert encode_text(characters) == bytes(codes)


@given(st.binary())
def test_any_bytes_are_printable_text_of_their_length(data: bytes) -> None:
    text = decode_text(data)
    assert len(text) == len(data)
    assert text.isprintable()
