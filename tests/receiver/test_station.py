"""Groups to a station's facts: each kind of group, losses, changes, another station, and one that means harm."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from rds.basic import (
    Programme,
    af_pairs,
    pack_0a,
    pack_0b,
    pack_1a,
    pack_2a,
    pack_2b,
    pack_4a,
    pack_10a,
    radio_text_bytes,
)
from rds.group import Group
from rds.oda.announcement import Announcement, pack_announcement
from receiver.received_group import ReceivedGroup
from receiver.station import Station, StationFacts

PROGRAMME = Programme(0x9331, tp=1, pty=10)


def heard(group: Group, *lost: int) -> ReceivedGroup:
    one, two, three, four = (None if place in lost else word for place, word in enumerate(group.words, start=1))
    return ReceivedGroup((one, two, three, four), 0, 0.0)


def facts_of(*groups: Group, station: Station | None = None) -> StationFacts:
    station = station or Station()
    for group in groups:
        station.feed(heard(group))
    return station.facts


def names(ps: bytes, programme: Programme = PROGRAMME) -> list[Group]:
    return [pack_0a(programme, segment=segment, ps=ps, af_pair=0xE0CD) for segment in range(4)]


def text(words: bytes, *, ab: int = 0, programme: Programme = PROGRAMME) -> list[Group]:
    octets = radio_text_bytes(words, segment_length=4, longest=64)
    return [pack_2a(programme, segment=at, text=octets, ab=ab) for at in range(len(octets) // 4)]


def test_groups_off_the_air() -> None:
    """93.1 MHz Chicago, the hex lines of wxrt.decoded.hex: PI 9331, PS 93XRT."""
    station = Station()
    lines = ["9331 00A8 E0CD 3933", "9331 00A9 E0CD 5852", "9331 00AA E0CD 5420", "9331 00AF E0CD 2020"]
    for line in lines:
        one, two, three, four = (int(word, 16) for word in line.split())
        station.feed(ReceivedGroup((one, two, three, four), 0, 0.0))
    facts = station.facts
    assert (facts.pi, facts.ps, facts.pty, facts.tp, facts.ta, facts.ms) == (0x9331, "93XRT", 5, 0, 0, 1)


def test_a_name_is_whole_with_its_fourth_segment() -> None:
    station = Station()
    seen = []
    for group in names(b"EVRDS FM"):
        station.feed(heard(group))
        seen.append((station.facts.ps, station.facts.ps_so_far))
    assert seen == [(None, "EV"), (None, "EVRD"), (None, "EVRDS"), ("EVRDS FM", "EVRDS FM")]


def test_a_name_may_come_in_0b() -> None:
    groups = [pack_0b(PROGRAMME, segment=segment, ps=b"RADIO 1 ", ta=1) for segment in (2, 0, 3, 1)]
    facts = facts_of(*groups)
    assert (facts.ps, facts.ta, facts.pi) == ("RADIO 1", 1, 0x9331)


def test_two_names_are_never_mixed() -> None:
    station = Station()
    facts_of(*names(b"RADIO 1 "), station=station)
    seen = [facts_of(group, station=station).ps for group in names(b"NEWS NOW")]
    assert seen == ["RADIO 1", "RADIO 1", "RADIO 1", "NEWS NOW"]


def test_a_text_ends_at_the_carriage_return_or_the_64th_character() -> None:
    assert facts_of(*text(b"Hello")).radio_text == "Hello"
    whole = b"x" * 63 + b"y"
    assert facts_of(*text(whole)).radio_text == whole.decode()
    assert facts_of(*text(whole)[:-1]).radio_text is None
    assert facts_of(*text(whole)[:-1]).radio_text_so_far == "x" * 60


def test_a_new_text_begins_with_the_flag_or_with_other_words() -> None:
    for ab in (1, 0):
        station = Station()
        facts_of(*text(b"The first one.", ab=0), station=station)
        seen = [facts_of(group, station=station) for group in text(b"And the second", ab=ab)]
        assert [facts.radio_text for facts in seen] == [*["The first one."] * 3, "And the second"]
        assert seen[0].radio_text_so_far == "And"


def test_a_text_in_2b_has_32_characters() -> None:
    octets = radio_text_bytes(b"Short", segment_length=2, longest=32)
    groups = [pack_2b(PROGRAMME, segment=at, text=octets, ab=1) for at in range(3)]
    assert facts_of(*groups).radio_text == "Short"


def test_the_programme_type_has_a_name() -> None:
    groups = [pack_10a(PROGRAMME, segment=at, ptyn=b"Football", ab=0) for at in range(2)]
    assert facts_of(*groups[:1]).ptyn is None
    assert facts_of(*groups).ptyn == "Football"


def test_frequencies_come_two_at_a_time_and_once() -> None:
    pairs = af_pairs([87_600_000, 98_100_000, 107_900_000])
    groups = [pack_0a(PROGRAMME, segment=0, ps=b"EVRDS FM", af_pair=pair) for pair in pairs * 2]
    assert facts_of(*groups).af_hz == (87_600_000, 98_100_000, 107_900_000)


def test_extended_country_code() -> None:
    assert facts_of(pack_1a(PROGRAMME, ecc=0xA0)).ecc == 0xA0
    other_variant = Group((0x9331, 0x1000, 0x1000 | 0x55, 0))
    assert facts_of(other_variant).ecc is None


def test_clock_time_has_its_offset() -> None:
    moment = datetime(2026, 12, 1, 18, 30, tzinfo=timezone(timedelta(hours=-5)))
    clock_time = facts_of(pack_4a(PROGRAMME, moment)).clock_time
    assert clock_time == moment
    assert clock_time is not None
    assert clock_time.utcoffset() == timedelta(hours=-5)
    impossible = Group((0x9331, 0x4001, 0xFFFF, 0xFFFF))
    assert facts_of(impossible).clock_time is None


def test_applications_are_listed_in_the_order_heard() -> None:
    first = pack_announcement(Announcement(1), PROGRAMME, group_type="11A", aid=0xC0DE)
    second = pack_announcement(Announcement(1), PROGRAMME, group_type="12A", aid=0x4BD7)
    none = Group((0x9331, 0x3000, 0, 0x1234))
    fault = Group((0x9331, 0x301F, 0, 0x1234))
    assert facts_of(first, second, first, none, fault).aids == ((0xC0DE, "11A"), (0x4BD7, "12A"))


def test_a_pi_is_believed_when_heard_twice() -> None:
    station = Station()
    one, two, *_ = names(b"EVRDS FM")
    assert facts_of(one, station=station).pi is None
    assert facts_of(two, station=station).pi == 0x9331
    stray = names(b"OTHER FM", Programme(0x1234))
    assert not station.feed(heard(stray[0]))
    assert station.facts.pi == 0x9331
    assert station.facts.ps_so_far == "EVRD"


def test_another_station_begins_anew() -> None:
    station = Station()
    facts_of(*names(b"EVRDS FM"), *text(b"Hello"), station=station)
    facts = facts_of(*names(b"OTHER FM", Programme(0x1234))[:3], station=station)
    # Its first group was still taken for a stray.
    assert facts == StationFacts(pi=0x1234, ps_so_far="  HER", pty=0, tp=0, ta=0, ms=1)


def test_lost_blocks_leave_the_rest() -> None:
    station = Station()
    for group in names(b"EVRDS FM"):
        station.feed(heard(group, 1))
    assert (station.facts.pi, station.facts.ps) == (None, "EVRDS FM")
    for group in text(b"Hello"):
        station.feed(heard(group, 3))
    assert station.facts.radio_text_so_far is None
    assert not station.feed(heard(pack_1a(PROGRAMME, ecc=1), 2))


def test_block_3_of_version_b_tells_the_pi() -> None:
    station = Station()
    for segment in range(2):
        station.feed(heard(pack_0b(PROGRAMME, segment=segment, ps=b"RADIO 1 "), 1))
    assert station.facts.pi == 0x9331


def test_a_hostile_station_fills_no_memory() -> None:
    station = Station()
    for number in range(3000):
        station.feed(heard(Group((0x9331, 0x3016, 0, number))))
        station.feed(heard(Group((0x9331, 0x0008, number, number))))
    assert len(station.facts.aids) == 64
    assert len(station.facts.af_hz) == 64
    assert station.facts.aids[-1] == (2999, "11A")


_WORD = st.none() | st.integers(0, 0xFFFF)


@settings(max_examples=100, deadline=None)
@given(groups=st.lists(st.tuples(st.just(0x9331) | _WORD, _WORD, _WORD, _WORD), max_size=20))
def test_any_groups_give_facts(groups: list[tuple[int | None, int | None, int | None, int | None]]) -> None:
    station = Station()
    for words in groups:
        before = station.facts
        assert station.feed(ReceivedGroup(words, 0, 0.0)) == (station.facts != before)
    clock_time = station.facts.clock_time
    assert clock_time is None or clock_time.astimezone(UTC).year < 2300
