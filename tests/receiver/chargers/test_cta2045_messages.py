"""Messages of CTA-2045: cited bytes, another encoder's, any cutting, then garbage."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cta2045 import app
from cta2045.codec import Duration, DurationType
from hypothesis import given
from hypothesis import strategies as st

from receiver.chargers._cta2045_messages import (
    BASIC,
    INTERMEDIATE,
    Basic,
    Damaged,
    Deframer,
    LinkAnswer,
    Message,
    basic,
    duration_code,
    encode,
    price_code,
    time_code,
)
from receiver.chargers.cta2045 import Driver

PAGE = Path(__file__).parents[3] / "docs" / "chargers" / "cta2045.md"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (basic(Basic.SHED), "08 01 00 02 01 00 0C 3D"),
        (Message(INTERMEDIATE, b"\x06\x00"), "08 02 00 02 06 00 F6 4C"),
        (Message(INTERMEDIATE, b"\x01\x01"), "08 02 00 02 01 01 04 43"),
    ],
)
def test_bytes_of_the_library_pycta2045(message: Message, text: str) -> None:
    """The vectors of its tests/cta2045/test_cta.py."""
    assert encode(message) == bytes.fromhex(text)


@given(st.floats(0, 200_000))
def test_events_are_those_of_the_library_cta2045_and_never_shorter_than_asked(seconds: float) -> None:
    code = duration_code(seconds)
    assert 1 <= code <= 255
    said = Duration.from_byte(code)
    if said.type is not DurationType.Too_Long:
        assert said.seconds is not None
        assert 2 * (code - 1) ** 2 < max(seconds, 0.01) <= said.seconds
    for ours, theirs in {
        Basic.SHED: app.shed,
        Basic.CRITICAL_PEAK: app.critical_peak,
        Basic.GRID_EMERGENCY: app.grid_emergency,
    }.items():
        assert encode(basic(ours, code))[:-2] == theirs(said).to_bytes()
    assert encode(basic(Basic.END_SHED))[:-2] == app.end().to_bytes()


def test_an_event_without_an_end_has_the_code_of_that() -> None:
    assert Duration.from_byte(duration_code(None)).type is DurationType.Unknown


PIECES = st.lists(
    st.builds(Message, st.sampled_from([BASIC, INTERMEDIATE]), st.binary(max_size=40)) | st.just(LinkAnswer(None)),
    max_size=5,
)


def on_wire(pieces: list[Message | LinkAnswer]) -> bytes:
    return b"".join(encode(one) if isinstance(one, Message) else b"\x06\x00" for one in pieces)


@given(PIECES, st.data())
def test_any_cutting_gives_the_same(pieces: list[Message | LinkAnswer], data: st.DataObject) -> None:
    whole = on_wire(pieces)
    assert Deframer().feed(whole) == pieces
    deframer, found = Deframer(), []
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        found += deframer.feed(whole[:size])
        whole = whole[size:]
    assert found == pieces


@given(st.binary(max_size=400))
def test_garbage_ends_and_a_message_after_it_is_heard(garbage: bytes) -> None:
    deframer = Deframer()
    deframer.feed(garbage)
    while deframer.is_amid:
        deframer.flush()
    message = basic(Basic.STATE, 2)
    assert deframer.feed(encode(message)) == [message]


@given(st.integers(0, 7 * 8 + 7))
def test_a_flipped_bit_is_never_another_message(bit: int) -> None:
    wire = bytearray(encode(basic(Basic.SHED, 43)))
    wire[bit // 8] ^= 0x80 >> bit % 8
    deframer = Deframer()
    found = deframer.feed(bytes(wire))
    while deframer.is_amid:
        found += deframer.flush()
    assert all(isinstance(one, (Damaged, LinkAnswer)) for one in found)


def test_the_configuration_of_the_page_is_accepted() -> None:
    [block] = PAGE.read_text(encoding="utf-8").split("```toml\n")[1:]
    charger = tomllib.loads(block.split("```")[0])["charger"]
    assert charger.pop("driver") == "cta2045"
    Driver.from_options(charger, lambda: datetime.now(UTC))


@pytest.mark.parametrize(
    ("ratio", "code"),
    # Y = 65 is the mean and 101 "approx twice" it in EPRI's libcea2045; the others are worked by hand.
    [(None, 0), (-1, 1), (0, 1), (1, 65), (2.003, 101), (2, 100), (9.859864, 255), (1000, 255)],
)
def test_a_relative_price_is_rounded_down(ratio: float | None, code: int) -> None:
    assert price_code(ratio) == code
    if ratio is not None and 0 <= ratio < 10:
        assert (code - 1) * (code + 63) / 8192 <= ratio + 1e-6


def test_the_time_is_a_weekday_from_sunday_on_and_an_hour() -> None:
    assert time_code(datetime(2026, 11, 22, 5, 59, tzinfo=UTC)) == 0b000_00101
    assert time_code(datetime(2026, 11, 28, 23, 0, tzinfo=UTC)) == 0b110_10111
