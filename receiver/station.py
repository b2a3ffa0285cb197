"""Groups to what the station says of itself: PI, PS, radio text, clock time, frequencies, applications.

All of it is a hint: nothing here is signed. A PI is taken when heard twice; a PS or text when its segments are whole.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from rds.basic import PS_LENGTH, PTYN_LENGTH, RT_2B_LENGTH, RT_LENGTH, af_frequency_hz, unpack_4a
from rds.oda.announcement import announced_group_type
from rds.text import CARRIAGE_RETURN, decode_text
from receiver.received_group import ReceivedGroup

_MAX_FACTS: Final = 64
"""Frequencies and applications kept; a hostile station may name any number."""


@dataclass(frozen=True, slots=True)
class StationFacts:
    """What has been heard of a station so far; None where nothing whole has been. A text is the last whole one."""

    pi: int | None = None
    ps: str | None = None
    ps_so_far: str | None = None
    """The segments heard of the present one, blanks between them."""
    radio_text: str | None = None
    radio_text_so_far: str | None = None
    ptyn: str | None = None
    pty: int | None = None
    tp: int | None = None
    ta: int | None = None
    ms: int | None = None
    ecc: int | None = None
    clock_time: datetime | None = None
    af_hz: tuple[int, ...] = ()
    aids: tuple[tuple[int, str], ...] = ()
    """AID and the group type that carries it, in the order first heard."""


@dataclass(slots=True)
class _Text:
    """A text sent in segments; it is whole when every segment has been heard and none has changed since."""

    length: int
    flag: int | None = None
    heard: dict[int, int] = field(default_factory=dict)

    def put(self, start: int, octets: bytes, flag: int | None = None) -> None:
        """Takes a segment. One that says another thing than before, or has another A/B flag, begins a new text."""
        segment = dict(enumerate(octets, start))
        if flag != self.flag or any(self.heard.get(at, octet) != octet for at, octet in segment.items()):
            self.flag, self.heard = flag, {}
        self.heard |= segment

    @property
    def _end(self) -> int:
        return min((at for at, octet in self.heard.items() if octet == CARRIAGE_RETURN), default=self.length)

    @property
    def whole(self) -> str | None:
        """The text, once every segment has been heard."""
        if any(at not in self.heard for at in range(self._end)):
            return None
        return decode_text(bytes(self.heard[at] for at in range(self._end))).rstrip()

    @property
    def so_far(self) -> str | None:
        """The text with blanks where no segment has been heard."""
        blank = ord(" ")
        return decode_text(bytes(self.heard.get(at, blank) for at in range(self._end))).rstrip() or None


def _latest(text: _Text, before: str | None) -> str | None:
    """The text if it is whole, otherwise the last one that was."""
    return before if text.whole is None else text.whole


class Station:
    """Keeps the facts of one station from its groups."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._last_pi: int | None = None
        self._begin()

    def _begin(self) -> None:
        """Forgets everything: from here on this is another station."""
        self.facts = StationFacts()
        self._ps, self._ptyn = _Text(PS_LENGTH), _Text(PTYN_LENGTH)
        self._text_a, self._text_b = _Text(RT_LENGTH), _Text(RT_2B_LENGTH)

    def feed(self, group: ReceivedGroup) -> bool:
        """Takes a group; whether a fact has changed."""
        before = self.facts
        one, two, three, four = group.words
        pi = one if one is not None else three if group.group_type and group.group_type[-1] == "B" else None
        heard_twice = pi == self._last_pi
        self._last_pi = pi if pi is not None else self._last_pi
        if pi is not None and pi != self.facts.pi:
            if heard_twice:
                if self.facts.pi is not None:
                    self._begin()
                self._set(pi=pi)
            elif self.facts.pi is not None:
                # Once may be a block that was corrected into another, so the rest is not believed either.
                return False
        if two is not None:
            self._set(pty=two >> 5 & 0x1F, tp=two >> 10 & 1)
            self._read(group.group_type or "", two, three, four)
        return self.facts != before

    def _set(self, **facts: object) -> None:
        self.facts = replace(self.facts, **facts)  # type: ignore[arg-type]  # names and types stand at the call

    def _read(self, group_type: str, two: int, three: int | None, four: int | None) -> None:
        """What the group type says beyond block 2."""
        match group_type:
            case "0A" | "0B":
                self._set(ta=two >> 4 & 1, ms=two >> 3 & 1)
                self._read_name(two, four)
                if group_type == "0A" and three is not None:
                    self._read_frequencies(three)
            case "1A" if three is not None and three >> 12 & 7 == 0 and three & 0xFF:
                self._set(ecc=three & 0xFF)
            case "2A" | "2B":
                self._read_text(group_type, two, three, four)
            case "3A" if four is not None and (carrier := announced_group_type(two)) is not None:
                if (four, carrier) not in self.facts.aids:
                    self._set(aids=(*self.facts.aids, (four, carrier))[-_MAX_FACTS:])
            case "4A" if three is not None and four is not None:
                if (moment := unpack_4a(two, three, four)) is not None:
                    self._set(clock_time=moment)
            case "10A" if three is not None and four is not None:
                self._ptyn.put(4 * (two & 1), (three << 16 | four).to_bytes(4, "big"), two >> 4 & 1)
                self._set(ptyn=_latest(self._ptyn, self.facts.ptyn))

    def _read_name(self, two: int, four: int | None) -> None:
        if four is not None:
            self._ps.put(2 * (two & 3), four.to_bytes(2, "big"))
            self._set(ps=_latest(self._ps, self.facts.ps), ps_so_far=self._ps.so_far)

    def _read_frequencies(self, three: int) -> None:
        for code in three.to_bytes(2, "big"):
            frequency_hz = af_frequency_hz(code)
            if frequency_hz is not None and frequency_hz not in self.facts.af_hz:
                self._set(af_hz=(*self.facts.af_hz, frequency_hz)[-_MAX_FACTS:])

    def _read_text(self, group_type: str, two: int, three: int | None, four: int | None) -> None:
        segment, flag = two & 0xF, two >> 4 & 1
        if four is None or (group_type == "2A" and three is None):
            return
        text = self._text_a if group_type == "2A" else self._text_b
        if group_type == "2A":
            text.put(4 * segment, ((three or 0) << 16 | four).to_bytes(4, "big"), flag)
        else:
            text.put(2 * segment, four.to_bytes(2, "big"), flag)
        self._set(radio_text=_latest(text, self.facts.radio_text), radio_text_so_far=text.so_far)
