"""The group sequence: the standard's rates in every second, 4A at the minute edge, and what each group says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from encoder.assemble import Assembler, RadioText, Station, group_start
from rds.basic import Programme, af_pairs, unpack_4a
from rds.constants import GROUP_PERIOD_S
from rds.group import Group
from rds.oda.announcement import Announcement, announced_group_type, unpack_announcement
from rds.oda.application_group import CodedSymbol, unpack_symbol
from tests.encoder.networks import CLOCK

PROGRAMME = Programme(pi=0x1234, tp=0, pty=10)
TEXT = RadioText(CLOCK, b"Sixty-four characters fill all sixteen segments of a radio text.")
FULL = Station(
    programme=PROGRAMME,
    ps=b"EVRDS   ",
    group_type="11A",
    aid=0xC0DE,
    groups_per_second=4,
    radio_texts=(TEXT,),
    af_words=tuple(af_pairs([98_100_000, 100_300_000])),
    ecc=0xE0,
)


class Counter:
    """An application whose symbols count, and which leaves the slots empty that it is told to."""

    announcement = Announcement(network=7, epoch=2, urgent=1, run=5)

    def __init__(self, empty: frozenset[int] = frozenset()) -> None:
        self.asked = 0
        self.urgent = False
        self._empty = empty

    def next_symbol(self, now: datetime) -> CodedSymbol | None:
        self.asked += 1
        return None if self.asked in self._empty else CodedSymbol(1, self.asked % 30, self.asked)


def sequence(station: Station, seconds: float, *, clock: datetime = CLOCK) -> list[Group]:
    assembler = Assembler(station, Counter(), clock=clock)
    return [assembler.next_group() for _ in range(round(seconds / GROUP_PERIOD_S))]


def starts_s(groups: Sequence[Group], group_type: str) -> list[float]:
    """When the groups of a type begin."""
    return [index * GROUP_PERIOD_S for index, group in enumerate(groups) if group.group_type == group_type]


def longest_gap_s(starts: Sequence[float]) -> float:
    return max(later - earlier for earlier, later in pairwise(starts))


STATIONS = st.builds(
    replace,
    st.just(FULL),
    groups_per_second=st.sampled_from((1, 2, 4)),
    radio_texts=st.sampled_from(
        ((), (TEXT,), (RadioText(CLOCK, b"Short"), RadioText(CLOCK + timedelta(seconds=31), b"New")))
    ),
    ecc=st.sampled_from((None, 0xE0)),
)
CLOCKS = st.integers(0, 59_999).map(lambda ms: CLOCK + timedelta(milliseconds=ms))


@settings(max_examples=40, deadline=None)
@given(station=STATIONS, clock=CLOCKS)
@example(station=replace(FULL, groups_per_second=1), clock=CLOCK + timedelta(milliseconds=59_869))
def test_every_rate_holds_in_every_second(station: Station, clock: datetime) -> None:
    seconds = 130
    groups = sequence(station, seconds, clock=clock)
    tuning = starts_s(groups, "0A")
    assert tuning[1] < 1
    assert all(third - first <= 1.0 for first, third in zip(tuning, tuning[2:], strict=False)), "0A under 2/s"
    application = starts_s(groups, "11A")
    assert abs(len(application) - seconds * station.groups_per_second) <= 1
    slot_s = 1 / station.groups_per_second
    lateness_s = [start - index * slot_s for index, start in enumerate(application)]
    # Another group may have begun as the slot comes, and 3A or 4A may stand in its place.
    assert min(lateness_s) >= 0
    assert max(lateness_s) <= 3 * GROUP_PERIOD_S + 1e-6
    assert sum(late > GROUP_PERIOD_S for late in lateness_s) <= len(starts_s(groups, "4A") + starts_s(groups, "3A"))
    announcements = starts_s(groups, "3A")
    # The clock time alone goes before it: where a minute begins with the second group, 4A is the first.
    assert announcements[0] == (GROUP_PERIOD_S if 0.0 in starts_s(groups, "4A") else 0)
    assert longest_gap_s(announcements) <= 5
    if station.ecc is not None:
        assert longest_gap_s(starts_s(groups, "1A")) <= 3
    if station.radio_texts:
        assert len(starts_s(groups, "2A")) == pytest.approx(seconds / 0.3, abs=2)
    assert {group.words[0] for group in groups} == {0x1234}
    assert {group.pty for group in groups} == {10}


@settings(max_examples=20, deadline=None)
@given(station=STATIONS, clock=CLOCKS)
def test_a_radio_text_of_64_characters_takes_5_s(station: Station, clock: datetime) -> None:
    groups = sequence(replace(station, radio_texts=(TEXT,)), 130, clock=clock)
    text = starts_s(groups, "2A")
    assert all(last - first + GROUP_PERIOD_S <= 5.0 for first, last in zip(text, text[15:], strict=False))


@settings(max_examples=40, deadline=None)
@given(station=STATIONS, clock=CLOCKS)
def test_4a_ends_within_a_tenth_of_a_second_of_every_minute_edge_and_says_it(station: Station, clock: datetime) -> None:
    groups = sequence(station, 190, clock=clock)
    clocks = [(index, group) for index, group in enumerate(groups) if group.group_type == "4A"]
    assert len(clocks) in (3, 4)
    for index, group in clocks:
        said = unpack_4a(group.words[1], group.words[2], group.words[3])
        assert said is not None
        assert abs(clock + group_start(index + 1) - said) <= timedelta(milliseconds=44)
    assert [later - earlier for (earlier, _), (later, _) in pairwise(clocks)] == pytest.approx(
        [685] * (len(clocks) - 1), abs=1
    )


def test_4a_stands_outside_the_sequence() -> None:
    with_edge = sequence(FULL, 20, clock=CLOCK + timedelta(seconds=50))
    without = sequence(FULL, 20, clock=CLOCK + timedelta(seconds=10))
    [at] = [index for index, group in enumerate(with_edge) if group.group_type == "4A"]
    assert with_edge[:at] == without[:at]


def test_4a_tells_local_time_and_its_offset() -> None:
    station = replace(FULL, utc_offset=timedelta(hours=-3, minutes=-30))
    clock = datetime(2026, 12, 1, 0, 59, 59, tzinfo=UTC)
    [group] = [group for group in sequence(station, 2, clock=clock) if group.group_type == "4A"]
    said = unpack_4a(*group.words[1:])
    assert said == datetime(2026, 12, 1, 1, tzinfo=UTC)
    assert said.utcoffset() == timedelta(hours=-3, minutes=-30)
    # MJD 61375 is 2026-12-01; UTC 01:00; minus sign and 7 half hours (EN 50067, 3.1.5.6), worked by hand.
    assert group.words[1] & 3 == 61375 >> 15
    assert group.words[2] == (61375 & 0x7FFF) << 1
    assert group.words[3] == 1 << 12 | 1 << 5 | 7


def test_0a_tells_name_flags_decoder_and_frequencies_in_turn() -> None:
    station = replace(FULL, programme=replace(PROGRAMME, tp=1), ta=1, ms=0, di=0b0001)
    groups = [group for group in sequence(station, 5) if group.group_type == "0A"][:8]
    assert [group.free5 & 3 for group in groups] == [0, 1, 2, 3] * 2
    assert b"".join(group.words[3].to_bytes(2, "big") for group in groups[:4]) == b"EVRDS   "
    assert all(group.free5 >> 3 == 0b10 and group.tp for group in groups), "TA 1, speech"
    assert [group.free5 >> 2 & 1 for group in groups[:4]] == [0, 0, 0, 1], "d0 comes with segment 3"
    assert [group.words[2] for group in groups[:2]] == af_pairs([98_100_000, 100_300_000])


def test_a_station_without_alternatives_says_so() -> None:
    station = Station(programme=PROGRAMME, ps=FULL.ps, group_type="11A", aid=0xC0DE, groups_per_second=2)
    groups = sequence(station, 2)
    assert {group.words[2] for group in groups if group.group_type == "0A"} == {0xE0CD}


def test_a_new_radio_text_turns_the_flag_over_and_begins_at_its_first_segment() -> None:
    texts = (
        RadioText(CLOCK, b"One"),
        RadioText(CLOCK + timedelta(seconds=4), b"Another text"),
        RadioText(CLOCK + timedelta(seconds=8), b"Third"),
    )
    groups = [group for group in sequence(replace(FULL, radio_texts=texts), 12) if group.group_type == "2A"]
    flags = [group.free5 >> 4 for group in groups]
    assert [flag for flag, after in zip(flags, [*flags[1:], None], strict=True) if flag != after] == [0, 1, 0]
    first = flags.index(1)
    text = b"".join(word.to_bytes(2, "big") for group in groups[first : first + 4] for word in group.words[2:])
    assert [group.free5 & 0xF for group in groups[first : first + 4]] == [0, 1, 2, 3]
    assert text == b"Another text\r   "


def test_3a_names_the_application_its_group_type_and_the_carousel_s_hints() -> None:
    announced = next(group for group in sequence(replace(FULL, group_type="12A"), 1) if group.group_type == "3A")
    assert announced_group_type(announced.words[1]) == "12A"
    assert unpack_announcement(announced.words[2]) == Counter.announcement
    assert announced.words[3] == 0xC0DE


def test_application_groups_carry_the_symbols_in_order_and_empty_slots_go_to_others() -> None:
    assembler = Assembler(FULL, Counter(frozenset(range(5, 13))), clock=CLOCK)
    groups = [assembler.next_group() for _ in range(100)]
    symbols = [unpack_symbol(*group.words[1:]) for group in groups if group.group_type == "11A"]
    values = [symbol.value for symbol in symbols if symbol is not None]
    assert values == [value for value in range(1, values[-1] + 1) if not 5 <= value < 13]
    assert len(groups) == 100


@pytest.mark.parametrize("rate", [1, 2, 4])
@pytest.mark.parametrize("phase", [0.0, 0.4, 0.93])
def test_a_burst_is_4_groups_a_second_for_as_long_as_it_is_asked_for(rate: int, phase: float) -> None:
    """Asked for from `phase` after 20 s, for 15 s; the other groups keep their rates."""
    application = Counter()
    assembler = Assembler(replace(FULL, groups_per_second=rate, burst=True), application, clock=CLOCK)
    groups = []
    for index in range(round(60 / GROUP_PERIOD_S)):
        application.urgent = 20 + phase <= index * GROUP_PERIOD_S < 35 + phase
        groups.append(assembler.next_group())
    starts = [at for at, group in enumerate(groups) if group.group_type == "11A"]
    moments = [at * GROUP_PERIOD_S for at in starts]
    calm = [at for at in moments if at < 20 + phase]
    burst = [at for at in moments if 20 + phase <= at < 35 + phase]
    after = [at for at in moments if at >= 35 + phase]
    assert len(calm) == pytest.approx(rate * (20 + phase), abs=1)
    assert len(burst) == pytest.approx(4 * 15, abs=2)
    assert len(after) == pytest.approx(rate * (25 - phase), abs=2)
    assert burst[0] - 20 - phase <= 0.25, "it begins at once, and not after what is left of a slow slot"
    assert all(later - earlier >= 0.25 - 2 * GROUP_PERIOD_S for earlier, later in pairwise(moments)), (
        "no slot made up for"
    )
    tuning = [at * GROUP_PERIOD_S for at, group in enumerate(groups) if group.group_type == "0A"]
    assert all(sum(second <= at < second + 1 for at in tuning) >= 2 for second in range(58))


def test_a_station_without_bursts_keeps_its_share() -> None:
    application = Counter()
    application.urgent = True
    assembler = Assembler(replace(FULL, groups_per_second=1), application, clock=CLOCK)
    groups = [assembler.next_group() for _ in range(round(20 / GROUP_PERIOD_S))]
    assert sum(group.group_type == "11A" for group in groups) == pytest.approx(20, abs=1)


def test_time_is_counted_in_bits_without_drift() -> None:
    assert group_start(0) == timedelta()
    assert group_start(1) == timedelta(microseconds=87_578)
    # 1187.5 bit/s x 86400 s = 102 600 000 bits = 986 538.46 groups; 986 531 groups are 86 399.3465.. s.
    assert group_start(986_531) == timedelta(microseconds=986_531 * 104 * 10_000_000 // 11_875)


def test_a_name_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="8 bytes, not 3"):
        replace(FULL, ps=b"ABC")
