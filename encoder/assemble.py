"""A station and its application to groups, one after the other: which group comes next, and what is in it.

The multiplex carries 1187.5 / 104 = 11.418 groups/s. At most this is asked for (groups/s):

    application 4 | 2A 3.33 | 0A 3 | 1A 0.5 | 3A 0.25 | 4A 1/60      = 11.10 of 11.418

and what is left goes to 0A. Every stream has a period; its group n may be sent from n x period on and is due a window
later. 3A and the application's slots come first, so that these are even to two groups; then what is due earliest, with
0A due 1/3 s after the last 0A. Earliest deadline first keeps what can be kept at all. Worst cases in half an hour at
4 application groups/s: an application group begins 0.18 s after its slot, three 0A take 0.97 s, 64 characters of radio
text 4.82 s, 3A comes every 4.03 s. An application slot that the carousel leaves empty falls to the next in line. A
burst is 4 application groups/s for as long as the application asks for it.

4A stands outside the sequence: it is the group whose end is nearest to the minute edge (EN 50067, 3.1.5.6: within
0.1 s), so at most half a group, 0.044 s, away from it; it says the minute that begins there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, Protocol

from rds.basic import (
    PS_LENGTH,
    RT_LENGTH,
    Programme,
    af_pairs,
    pack_0a,
    pack_1a,
    pack_2a,
    pack_4a,
    radio_text_bytes,
)
from rds.constants import GROUP_BITS
from rds.group import Group
from rds.oda.announcement import Announcement, pack_announcement
from rds.oda.application_group import CodedSymbol, pack_symbol

_BITS_IN_16_S: Final = 19_000
"""1187.5 bit/s in whole numbers, so that the time of the millionth group is as exact as the first's."""
_16_S_IN_US: Final = 16_000_000
_SECOND_US: Final = 1_000_000
_RT_SEGMENT: Final = 4

PERIOD_0A_US: Final = _SECOND_US // 3
"""At least two 0A groups in every second: a second holds at least two whole periods."""
PERIOD_2A_US: Final = 3 * _SECOND_US // 10
"""16 segments, 64 characters, in 4.8 s where 5 s are asked for: room for one group's lateness."""
PERIOD_1A_US: Final = 2 * _SECOND_US
PERIOD_3A_US: Final = 4 * _SECOND_US
"""The protocol asks for one in 5 s; a second is left for what comes between."""
BURST_US: Final = _SECOND_US // 4
_FIRST_US: Final = -_SECOND_US
"""Due long before it may be sent: nothing else is due as early."""
_SOON_US: Final = _SECOND_US // 5


def group_start(index: int) -> timedelta:
    """From the first group's first bit to that of group `index`, cut to the microsecond."""
    return timedelta(microseconds=_bit_us(index * GROUP_BITS))


def _bit_us(bit: int) -> int:
    return bit * _16_S_IN_US // _BITS_IN_16_S


@dataclass(frozen=True, slots=True)
class RadioText:
    """A text and the moment from which it is sent."""

    start: datetime
    text: bytes


@dataclass(frozen=True, slots=True)
class Station:
    """What a station says of itself, and how it carries the application."""

    programme: Programme
    ps: bytes
    group_type: str
    aid: int
    groups_per_second: int
    burst: bool = False
    """4 application groups/s while an urgent envelope waits or is in its own run."""
    radio_texts: tuple[RadioText, ...] = ()
    """By rising start; each change turns the A/B flag over."""
    ta: int = 0
    ms: int = 1
    di: int = 0
    """d3 d2 d1 d0."""
    af_words: tuple[int, ...] = tuple(af_pairs([]))
    """Block 3 of 0A in turn (`rds.basic.af_pairs`)."""
    ecc: int | None = None
    utc_offset: timedelta = timedelta()
    """Local time at the station, for 4A."""

    def __post_init__(self) -> None:
        if len(self.ps) != PS_LENGTH:
            raise ValueError(f"a programme service name has {PS_LENGTH} bytes, not {len(self.ps)}")


class Application(Protocol):
    """What fills the application's slots: a carousel."""

    @property
    def announcement(self) -> Announcement:
        """What 3A says now."""

    @property
    def urgent(self) -> bool:
        """Whether it wants the slots of a burst."""

    def next_symbol(self, now: datetime) -> CodedSymbol | None:
        """The symbol for a slot at `now`, or None."""


@dataclass(slots=True)
class _Stream:
    """Groups of one kind, wanted once a period."""

    period_us: int
    window_us: int
    make: Callable[[datetime], Group | None]
    release_us: int = 0

    @property
    def due_us(self) -> int:
        return self.release_us + self.window_us


class Assembler:
    """A station's groups in the order sent. Time is counted in bits from `clock`, the first group's first bit."""

    def __init__(self, station: Station, application: Application, *, clock: datetime) -> None:
        self._station = station
        self._application = application
        self._clock = clock
        self._index = 0
        self._due_0a_us = PERIOD_0A_US
        self._sent_0a = 0
        self._text_index = -1
        self._text = b""
        self._segment = 0
        self._slot_us = _SECOND_US // station.groups_per_second
        self._slots = _Stream(self._slot_us, _FIRST_US, self._application_group)
        self._streams = [
            _Stream(PERIOD_3A_US, _FIRST_US, self._announce),
            self._slots,
            _Stream(PERIOD_2A_US, _SOON_US, self._radio_text),
            _Stream(PERIOD_1A_US, _SECOND_US, self._slow_label),
        ]

    @property
    def moment(self) -> datetime:
        """When the first bit of the next group is sent."""
        return self._clock + group_start(self._index)

    def next_group(self) -> Group:
        """The next group; whatever is new at its moment has to be ordered before."""
        now, start_us = self.moment, _bit_us(self._index * GROUP_BITS)
        edge = self._minute_edge()
        self._index += 1
        if edge is not None:
            return pack_4a(self._station.programme, edge.astimezone(timezone(self._station.utc_offset)))
        if self._station.burst:
            self._pace(start_us)
        released = [stream for stream in self._streams if stream.release_us <= start_us]
        for stream in sorted(released, key=lambda stream: stream.due_us):
            if self._due_0a_us <= stream.due_us:
                break
            stream.release_us += stream.period_us
            group = stream.make(now)
            if group is not None:
                return group
        self._due_0a_us = start_us + PERIOD_0A_US
        return self._tuning()

    def _pace(self, now_us: int) -> None:
        """Sets the application's slots to a burst or back; a slot before now is not made up for."""
        period_us = BURST_US if self._application.urgent else self._slot_us
        if period_us != self._slots.period_us:
            last_us = self._slots.release_us - self._slots.period_us
            self._slots.release_us = max(last_us + period_us, now_us)
            self._slots.period_us = period_us

    def _minute_edge(self) -> datetime | None:
        """The minute edge between the middles of this group and the next: this group's end is the nearest to it."""
        middle = self._index * GROUP_BITS + GROUP_BITS // 2
        before = self._clock + timedelta(microseconds=_bit_us(middle))
        after = self._clock + timedelta(microseconds=_bit_us(middle + GROUP_BITS))
        edge = after.replace(second=0, microsecond=0)
        return edge if before < edge else None

    def _announce(self, _now: datetime) -> Group:
        station = self._station
        announcement = self._application.announcement
        return pack_announcement(announcement, station.programme, group_type=station.group_type, aid=station.aid)

    def _application_group(self, now: datetime) -> Group | None:
        symbol = self._application.next_symbol(now)
        return None if symbol is None else pack_symbol(symbol, self._station.group_type, self._station.programme)

    def _tuning(self) -> Group:
        station = self._station
        segment = self._sent_0a % (PS_LENGTH // 2)
        af_pair = station.af_words[self._sent_0a % len(station.af_words)]
        self._sent_0a += 1
        return pack_0a(
            station.programme,
            segment=segment,
            ps=station.ps,
            af_pair=af_pair,
            ta=station.ta,
            ms=station.ms,
            di=station.di,
        )

    def _radio_text(self, now: datetime) -> Group | None:
        texts = self._station.radio_texts
        newest = sum(text.start <= now for text in texts) - 1
        if newest < 0:
            return None
        if newest != self._text_index:
            self._text_index, self._segment = newest, 0
            self._text = radio_text_bytes(texts[newest].text, segment_length=_RT_SEGMENT, longest=RT_LENGTH)
        segment = self._segment
        self._segment = (segment + 1) % (len(self._text) // _RT_SEGMENT)
        return pack_2a(self._station.programme, segment=segment, text=self._text, ab=newest % 2)

    def _slow_label(self, _now: datetime) -> Group | None:
        return None if self._station.ecc is None else pack_1a(self._station.programme, ecc=self._station.ecc)
