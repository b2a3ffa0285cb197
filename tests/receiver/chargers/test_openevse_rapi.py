"""RAPI lines by the maker's own examples, in any cutting, and with garbage between them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from receiver.chargers._openevse_rapi import LINE_BYTES, Line, Lines, checksum, encode_command, parse_line

EXAMPLES = {"F0 1": 0x43, "F0 0": 0x42, "SK 0": 0x2C, "G0": 0x53, "GC": 0x20, "GS": 0x30, "GU": 0x36, "GV": 0x35}
"""Commands with the checksums that the comments of rapi_proc.h give."""


def test_the_checksums_of_the_makers_examples() -> None:
    for command, value in EXAMPLES.items():
        assert checksum(f"${command}".encode()) == value
        assert encode_command(command, None) == b"$%s^%02X\r" % (command.encode(), value)


def test_a_sequence_stands_before_the_checksum() -> None:
    # "$GV" gives 35; " :0A" adds 20 ^ 3A ^ 30 ^ 41 = 6B; 35 ^ 6B = 5E: by hand.
    assert encode_command("GV", 10) == b"$GV :0A^5E\r"


def test_lines_are_words_with_or_without_a_sequence() -> None:
    def sealed(text: str) -> bytes:
        return text.encode() + b"^%02X" % checksum(text.encode())

    assert parse_line(sealed("$OK 16")) == Line(("OK", "16"), None)
    assert parse_line(sealed("$NK 6 :FF")) == Line(("NK", "6"), 255)
    assert parse_line(sealed("$AT 03 03 16 0140")) == Line(("AT", "03", "03", "16", "0140"), None)
    for damaged in (b"$OK 16", sealed("$OK 16")[:-1] + b"0", b"$^24", sealed("$ "), sealed("$OK \x07"), b"OK^04"):
        assert parse_line(damaged) is None or parse_line(damaged) == Line(("OK", "16"), None)
    assert parse_line(b"$OK 16^00") is None
    assert parse_line(b"$OK 16") is None


STREAM = b"\x00noise\r" + encode_command("OK 16 :01", None) + b"$lost$" + encode_command("AT 03", 2)[1:] + b"$cut^00\r"
EXPECTED = [Line(("OK", "16"), 1), Line(("AT", "03"), 2)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=9))
def test_any_cutting_gives_the_same_lines(cuts: list[int]) -> None:
    lines = Lines()
    places = [0, *sorted(cuts), len(STREAM)]
    assert [line for one, other in pairwise(places) for line in lines.feed(STREAM[one:other])] == EXPECTED


@given(st.lists(st.binary(max_size=600), max_size=5))
def test_garbage_gives_nothing_and_keeps_little(pieces: list[bytes]) -> None:
    lines = Lines()
    for piece in pieces:
        for line in lines.feed(piece):
            assert line.words
        assert len(lines._kept) <= LINE_BYTES
    assert lines.feed(b"\r" + STREAM) == EXPECTED


@given(st.binary(max_size=40))
def test_a_line_of_any_bytes_parses_or_not(text: bytes) -> None:
    parse_line(text)
    body = b"$" + text
    parse_line(body + b"^%02X" % checksum(body))
