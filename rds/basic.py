"""The programme's own groups, packed and unpacked: 0A 0B 1A 2A 2B 4A 10A (EN 50067, 3.1.5 and 3.2).

Letters are bits of block 2's low five, then of blocks 3 and 4:
    0A   A M D CC   aaaaaaaa bbbbbbbb   pppppppp qqqqqqqq   TA, M/S, DI bit, segment; two AF codes; PS
    0B   as 0A with the PI in block 3
    1A   .....      L VVV .... eeeeeeee  DDDDD HHHHH mmmmmm  linkage, variant 0, ECC; programme item number
    2A   F SSSS     four characters                          text flag A/B, segment; radio text
    2B   F SSSS     the PI               two characters
    4A   ...JJ      J(15) H              HHHH mmmmmm s ooooo modified Julian day, hour, minute, offset in half hours
    10A  F ...S     four characters                          flag A/B, segment; programme type name
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from rds.group import Group, check_width, make_group
from rds.text import CARRIAGE_RETURN

PS_LENGTH: Final = 8
PTYN_LENGTH: Final = 8
RT_LENGTH: Final = 64
RT_2B_LENGTH: Final = 32
MAX_AF: Final = 25
"""Alternative frequencies in one list of method A (3.2.1.6.3)."""

_AF_FILLER: Final = 205
_AF_COUNT: Final = 224
_AF_FIRST_HZ: Final = 87_500_000
_AF_STEP_HZ: Final = 100_000
_AF_CODES: Final = range(1, 205)
_MJD_EPOCH: Final = date(1858, 11, 17)
_MJD_RANGE: Final = range(1, 1 << 17)
_HALF_HOUR: Final = timedelta(minutes=30)
_MAX_HALF_HOURS: Final = 31


@dataclass(frozen=True, slots=True)
class Programme:
    """What block 2 and the basic groups say of a programme in every group."""

    pi: int
    tp: int = 0
    pty: int = 0


def af_code(frequency_hz: int) -> int:
    """The code of a frequency from 87.6 to 107.9 MHz in steps of 100 kHz (3.2.1.6.1, table 10).

    Raises:
        ValueError: the frequency has no code.
    """
    code, rest = divmod(frequency_hz - _AF_FIRST_HZ, _AF_STEP_HZ)
    if rest or code not in _AF_CODES:
        raise ValueError(f"{frequency_hz / 1e6:g} MHz has no AF code; allowed: 87.6 to 107.9 MHz in steps of 0.1")
    return code


def af_frequency_hz(code: int) -> int | None:
    """The frequency of an AF code, or None for counts, fillers and reserved codes."""
    return _AF_FIRST_HZ + code * _AF_STEP_HZ if code in _AF_CODES else None


def af_pairs(frequencies_hz: list[int]) -> list[int]:
    """The words of block 3 that carry a list of method A, in turn: the count first, a filler to make it even.

    Raises:
        ValueError: more than 25 frequencies, or one without a code.
    """
    if len(frequencies_hz) > MAX_AF:
        raise ValueError(f"{len(frequencies_hz)} alternative frequencies; at most {MAX_AF}")
    codes = [_AF_COUNT + len(frequencies_hz), *(af_code(frequency) for frequency in frequencies_hz)]
    if len(codes) % 2:
        codes.append(_AF_FILLER)
    return [high << 8 | low for high, low in zip(codes[::2], codes[1::2], strict=True)]


def _segment(text: bytes, segment: int, *, octets: int, lengths: range) -> int:
    """The characters of one segment, as a number of `octets` bytes.

    Raises:
        ValueError: the text is too short, too long or in no whole segments, or has no such segment.
    """
    if len(text) not in lengths:
        raise ValueError(f"a text of {len(text)} bytes; needed: {lengths[0]} to {lengths[-1]}, in segments of {octets}")
    if not 0 <= segment < len(text) // octets:
        raise ValueError(f"segment {segment}; allowed: 0 to {len(text) // octets - 1}")
    return int.from_bytes(text[octets * segment : octets * (segment + 1)], "big")


def _pack_service_name(segment: int, ps: bytes, *, ta: int, ms: int, di: int) -> dict[str, int]:
    """What 0A and 0B share: the low bits of block 2, and block 4."""
    block4 = _segment(ps, segment, octets=2, lengths=range(PS_LENGTH, PS_LENGTH + 1))
    for name, value, bits in (("ta", ta, 1), ("ms", ms, 1), ("di", di, 4)):
        check_width(name, value, bits)
    return {"free5": ta << 4 | ms << 3 | (di >> (3 - segment) & 1) << 2 | segment, "block4": block4}


def pack_0a(
    programme: Programme, *, segment: int, ps: bytes, af_pair: int, ta: int = 0, ms: int = 1, di: int = 0
) -> Group:
    """Segment 0..3 of an 8-byte programme service name, with two AF codes; `di` is d3 d2 d1 d0.

    Raises:
        ValueError: a value does not fit its field; so do the other packers.
    """
    name = _pack_service_name(segment, ps, ta=ta, ms=ms, di=di)
    return make_group("0A", pi=programme.pi, tp=programme.tp, pty=programme.pty, block3=af_pair, **name)


def pack_0b(programme: Programme, *, segment: int, ps: bytes, ta: int = 0, ms: int = 1, di: int = 0) -> Group:
    """As `pack_0a`, with the PI where the frequencies were."""
    name = _pack_service_name(segment, ps, ta=ta, ms=ms, di=di)
    return make_group("0B", pi=programme.pi, tp=programme.tp, pty=programme.pty, **name)


def pack_1a(programme: Programme, *, ecc: int) -> Group:
    """Variant 0 of slow labelling: the extended country code, and no programme item number (3.1.5.2)."""
    check_width("ecc", ecc, 8)
    return make_group("1A", pi=programme.pi, tp=programme.tp, pty=programme.pty, block3=ecc, block4=0)


def radio_text_bytes(text: bytes, *, segment_length: int, longest: int) -> bytes:
    """A radio text ended with a carriage return where shorter than its place, then spaces to whole segments.

    Raises:
        ValueError: the text is longer than `longest`.
    """
    if len(text) > longest:
        raise ValueError(f"radio text of {len(text)} characters; at most {longest}")
    ended = text if len(text) == longest else text + bytes([CARRIAGE_RETURN])
    return ended + b" " * (-len(ended) % segment_length)


def _pack_four(group_type: str, programme: Programme, *, flag: int, segment: int, four: int) -> Group:
    """A group of four characters in blocks 3 and 4, under the text flag A/B."""
    check_width("ab", flag, 1)
    return make_group(
        group_type,
        pi=programme.pi,
        tp=programme.tp,
        pty=programme.pty,
        free5=flag << 4 | segment,
        block3=four >> 16,
        block4=four & 0xFFFF,
    )


def pack_2a(programme: Programme, *, segment: int, text: bytes, ab: int) -> Group:
    """Segment 0..15 of a radio text of whole four-byte segments; `ab` turns over when the text changes."""
    four = _segment(text, segment, octets=4, lengths=range(4, RT_LENGTH + 1, 4))
    return _pack_four("2A", programme, flag=ab, segment=segment, four=four)


def pack_2b(programme: Programme, *, segment: int, text: bytes, ab: int) -> Group:
    """Segment 0..15 of a radio text of whole two-byte segments."""
    block4 = _segment(text, segment, octets=2, lengths=range(2, RT_2B_LENGTH + 1, 2))
    check_width("ab", ab, 1)
    free5 = ab << 4 | segment
    return make_group("2B", pi=programme.pi, tp=programme.tp, pty=programme.pty, free5=free5, block4=block4)


def pack_10a(programme: Programme, *, segment: int, ptyn: bytes, ab: int) -> Group:
    """Half 0 or 1 of an 8-byte programme type name."""
    four = _segment(ptyn, segment, octets=4, lengths=range(PTYN_LENGTH, PTYN_LENGTH + 1))
    return _pack_four("10A", programme, flag=ab, segment=segment, four=four)


def pack_4a(programme: Programme, moment: datetime) -> Group:
    """Clock time and date of an aware datetime; its UTC offset is sent in half hours (3.1.5.6, annex G).

    Raises:
        ValueError: the moment has no UTC offset or one that is not sent so, or its day has no number of 17 bits.
    """
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError(f"{moment} has no UTC offset; a clock time needs one")
    half_hours, rest = divmod(abs(offset), _HALF_HOUR)
    if rest or half_hours > _MAX_HALF_HOURS:
        raise ValueError(f"UTC offset of {offset}; allowed: whole half hours up to 15:30 either way")
    utc = moment.astimezone(UTC)
    mjd = (utc.date() - _MJD_EPOCH).days
    if mjd not in _MJD_RANGE:
        first, last = (_MJD_EPOCH + timedelta(days=day) for day in (_MJD_RANGE[0], _MJD_RANGE[-1]))
        raise ValueError(f"{utc.date()}; allowed: {first} to {last}")
    return make_group(
        "4A",
        pi=programme.pi,
        tp=programme.tp,
        pty=programme.pty,
        free5=mjd >> 15,
        block3=(mjd & 0x7FFF) << 1 | utc.hour >> 4,
        block4=(utc.hour & 0xF) << 12 | utc.minute << 6 | (offset < timedelta()) << 5 | half_hours,
    )


def unpack_4a(block2: int, block3: int, block4: int) -> datetime | None:
    """The aware datetime of a 4A group, or None where its fields name no moment."""
    mjd = (block2 & 3) << 15 | block3 >> 1
    hour, minute = (block3 & 1) << 4 | block4 >> 12, block4 >> 6 & 0x3F
    if hour > 23 or minute > 59 or mjd not in _MJD_RANGE:
        return None
    half_hours = (block4 & 0x1F) * (-1 if block4 & 0x20 else 1)
    zone = UTC if half_hours == 0 else timezone(half_hours * _HALF_HOUR)
    day = _MJD_EPOCH + timedelta(days=mjd)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).astimezone(zone)
