"""The tracker: which group types it listens on, what a slot holds, which attempts it makes, and that it stays small."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.constants import GROUP_PERIOD_S
from rds.oda.announcement import Announcement, pack_announcement
from rds.oda.application_group import CodedSymbol, pack_symbol
from rds.oda.erasure_code import encode_envelope
from receiver.held_symbol import HeldSymbol
from receiver.oda_tracker import Candidate, OdaTracker, Standing, selections
from receiver.received_group import ReceivedGroup
from tests.receiver.broadcast import DOMAIN, PROGRAMME, Broadcast, curtail, signed

ENVELOPE = signed(curtail())
OTHER = signed(curtail(10))
# docs/protocol.md, Worked example: blocks 3 and 4 of the thirty groups.
WORKED = """
50C4231F 7A812FFF 6004306A 58FCF02C 7E0B270A 6171271C 53ED682B 64E56AEC 574B0328 53EA75B3
479C3FF9 44F432BA 76DE121A 456D423F 7732EBBE 4BA533BD 6C6D6291 48CDCCEA 58F00AC2 45E49006
6FAD0C6D 77E27112 6C50A08E 78F86C5B 7538EF5C 42C0238C 77F6B840 5F1C47DA 5F972BD5 47F4A003
"""


class Sure:
    """A judge who takes some envelopes and counts what it is asked to verify."""

    def __init__(self, *genuine: bytes, known: tuple[bytes, ...] = ()) -> None:
        self.genuine, self.known = genuine, known
        self.verified: list[bytes] = []

    def standing(self, envelope: bytes) -> Standing:
        return Standing.PROVEN if envelope in self.known else Standing.OPEN

    def cost(self, envelope: bytes) -> int:
        return 1

    def verify(self, envelope: bytes) -> bool:
        self.verified.append(envelope)
        return envelope in self.genuine


def heard(broadcast: Broadcast, judge: Sure | None = None) -> list[Candidate]:
    judge = judge or Sure(ENVELOPE, OTHER)
    tracker = OdaTracker(DOMAIN.aid)
    return [candidate for group in broadcast.groups for candidate in tracker.feed(group, judge)]


def symbol_words(envelope: bytes, esi: int, *, tag: int = 1, flip: int = 0) -> tuple[int, int, int, int]:
    symbol = CodedSymbol(tag, esi, encode_envelope(envelope)[esi] ^ flip)
    return pack_symbol(symbol, "11A", PROGRAMME).words


def test_the_worked_example_is_heard_after_twenty_groups() -> None:
    broadcast = Broadcast().announce()
    for esi, blocks in enumerate(WORKED.split()):
        value = int(blocks, 16)
        broadcast.words((0x1234, 0xB000 | esi, value >> 16, value & 0xFFFF))
    assert f"{broadcast.groups[30].words[1]:04X}" == "B01D"
    candidates = heard(broadcast)
    assert [candidate.envelope for candidate in candidates] == [ENVELOPE]
    assert candidates[0].sample_index == broadcast.groups[20].sample_index
    assert candidates[0].announced_network == 7
    assert ENVELOPE.hex().upper().startswith("43108C7FA812FFF8010C1A98FCF02C")


@given(st.permutations(range(30)))
@settings(max_examples=30, deadline=None)
def test_any_twenty_of_thirty_in_any_order_do(order: list[int]) -> None:
    assert [one.envelope for one in heard(Broadcast().send(ENVELOPE, esis=order[:20]))] == [ENVELOPE]
    assert heard(Broadcast().send(ENVELOPE, esis=order[:19])) == []


def test_only_what_3a_names_is_listened_to() -> None:
    symbols = Broadcast().send(ENVELOPE).groups[1:]
    tracker = OdaTracker(DOMAIN.aid)
    assert not any(tracker.feed(group, Sure(ENVELOPE)) for group in symbols)
    assert heard(Broadcast(aid=0xC0DF).send(ENVELOPE)) == []
    # 0A for "no group" and 15B for "fault" and any version B name nothing.
    for code in (0b00000, 0b11111, 0b10111):
        broadcast = Broadcast().words((0x1234, 0x3000 | code, 7, DOMAIN.aid))
        broadcast.groups += symbols
        assert heard(broadcast) == []


def test_a_group_type_is_forgotten_60_s_after_its_last_3a() -> None:
    assert heard(Broadcast().announce().silence(30).send(ENVELOPE))
    tracker, judge = OdaTracker(DOMAIN.aid), Sure(ENVELOPE)
    broadcast = Broadcast().announce()
    followed = []
    for group in broadcast.silence(61).words((0x1234, 0x0400, 0, 0)).groups:
        tracker.feed(group, judge)
        followed.append(tracker.group_types)
    assert followed == [("11A",), ()]


def test_three_group_types_are_followed_and_a_fourth_displaces_the_one_named_longest_ago() -> None:
    tracker = OdaTracker(DOMAIN.aid)
    for number, code in enumerate((16, 18, 20, 16, 22)):
        group = ReceivedGroup((0x1234, 0x3000 | code, 7, DOMAIN.aid), 0, float(number))
        tracker.feed(group, Sure())
    assert set(tracker.group_types) == {"8A", "10A", "11A"}


def test_a_group_with_gaps_gives_no_symbol_and_a_partial_3a_still_names() -> None:
    broadcast = Broadcast().words((None, 0x3016, None, DOMAIN.aid))
    for esi in range(21):
        _, two, three, four = symbol_words(ENVELOPE, esi)
        broadcast.words((None, two, three, None if esi == 4 else four))
    candidates = heard(broadcast)
    assert [one.envelope for one in candidates] == [ENVELOPE]
    assert candidates[0].sample_index == broadcast.groups[-1].sample_index
    assert candidates[0].announced_network is None


def test_a_slot_is_emptied_after_12_s_without_a_group_of_its_tag() -> None:
    halves = Broadcast().send(ENVELOPE, esis=range(10), tag=1).silence(11).send(ENVELOPE, esis=range(10, 20), tag=1)
    assert heard(halves)
    halves = Broadcast().send(ENVELOPE, esis=range(10), tag=1).silence(13).send(ENVELOPE, esis=range(10, 20), tag=1)
    assert heard(halves) == []


def test_tags_do_not_mix() -> None:
    assert heard(Broadcast().send(ENVELOPE, esis=range(10)).send(ENVELOPE, esis=range(10, 20))) == []


def test_an_envelope_is_told_once_a_slot_and_again_in_the_next_run() -> None:
    twice = Broadcast().send(ENVELOPE, tag=1).send(ENVELOPE, tag=1)
    judge = Sure(ENVELOPE)
    assert len(heard(twice, judge)) == 1
    assert len(heard(twice.silence(13).send(ENVELOPE, tag=1))) == 2


def test_a_proven_envelope_costs_no_verification_and_a_refused_one_costs_one() -> None:
    judge = Sure(known=(ENVELOPE,))
    assert [one.proven for one in heard(Broadcast().send(ENVELOPE), judge)] == [True]
    assert judge.verified == []
    judge = Sure()
    assert [one.proven for one in heard(Broadcast().send(ENVELOPE), judge)] == [False]
    assert judge.verified == [ENVELOPE]


def test_wrong_symbols_are_corrected_by_the_code() -> None:
    broadcast = Broadcast().announce()
    for esi in range(30):
        broadcast.words(symbol_words(ENVELOPE, esi, flip=0x3FFFFFFF if esi in (2, 9, 20, 28) else 0))
    assert ENVELOPE in [one.envelope for one in heard(broadcast)]


def test_suspect_symbols_are_left_out_where_they_are_too_many_to_correct() -> None:
    broadcast = Broadcast().announce()
    for esi in range(6):
        broadcast.words(symbol_words(ENVELOPE, esi, flip=0x12345678 + esi), corrected=True)
    for esi in range(6, 26):
        broadcast.words(symbol_words(ENVELOPE, esi))
    assert heard(broadcast)[-1].envelope == ENVELOPE


def test_the_newest_twenty_outrun_what_another_run_left_under_the_tag() -> None:
    broadcast = Broadcast().send(OTHER, esis=range(19), tag=1)
    broadcast.send(ENVELOPE, esis=range(10, 30), tag=1)
    assert heard(broadcast)[-1].envelope == ENVELOPE


def test_equal_symbols_vouch_for_one_another() -> None:
    held = {esi: HeldSymbol(esi, esi, suspect=False) for esi in range(25)}
    assert len(list(selections(held))) == 2  # all, and the twenty newest
    held = {esi: HeldSymbol(esi, esi, suspect=esi in (3, 7)) for esi in range(25)}
    choices = [set(choice) for choice in selections(held)]
    every = set(range(25))
    assert choices == [every, set(range(5, 25)), every - {3, 7}, every - {3}]
    assert list(selections({esi: HeldSymbol(esi, esi, suspect=False) for esi in range(19)})) == []


def test_suspects_are_dropped_one_by_one_in_turn() -> None:
    dropped = set()
    for arrival in range(40, 44):
        held = {esi: HeldSymbol(esi, esi, suspect=esi < 4) for esi in range(29)}
        held[29] = HeldSymbol(29, arrival, suspect=False)
        [missing] = set(range(30)) - set(list(selections(held))[-1])
        dropped.add(missing)
    assert dropped == {0, 1, 2, 3}


def test_however_many_choices_there_are_four_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    envelopes = [signed(curtail(10 + number)) for number in range(9)]
    choices = [dict(enumerate(encode_envelope(envelope))) for envelope in envelopes]
    monkeypatch.setattr("receiver.oda_tracker.selections", lambda held: choices if len(held) == 20 else [])
    judge = Sure(known=(envelopes[8],))
    candidates = heard(Broadcast().send(ENVELOPE), judge)
    assert judge.verified == envelopes[:4]
    # What costs nothing is still looked at.
    assert [one.envelope for one in candidates] == [*envelopes[:4], envelopes[8]]


@pytest.mark.parametrize("seed", [1, 2])
def test_an_injector_stays_within_budget_and_memory(seed: int) -> None:
    chance = random.Random(seed)  # a test's dice
    judge, tracker = Sure(), OdaTracker(DOMAIN.aid)
    spent: list[tuple[float, int]] = []
    told = 0
    for number in range(1500):
        end_s = number * GROUP_PERIOD_S
        if number % 50 == 0:
            words = Broadcast().announce().groups[0].words
        else:
            words = (0x1234, 0xB000 | chance.randrange(32), chance.randrange(1 << 16), chance.randrange(1 << 16))
        corrected = (False, False, chance.random() < 0.3, False)
        before = len(judge.verified)
        told += len(tracker.feed(ReceivedGroup(words, number, end_s, corrected=corrected), judge))
        spent.append((end_s, len(judge.verified) - before))
    assert told > 100
    assert max(count for _, count in spent) <= 4
    for start_s, _ in spent:
        assert sum(count for end_s, count in spent if start_s <= end_s < start_s + 1) <= 46
    assert len(tracker._slots) <= 4


WORD = st.one_of(st.none(), st.integers(0, 0xFFFF))


@given(
    st.lists(st.tuples(WORD, st.one_of(WORD, st.integers(0xB000, 0xB01F), st.just(0x3016)), WORD, WORD), max_size=80)
)
@settings(max_examples=50, deadline=None)
def test_any_groups_are_survived(words: list[tuple[int | None, int | None, int | None, int | None]]) -> None:
    broadcast = Broadcast().announce()
    for group in words:
        broadcast.words(group)
    assert all(len(one.envelope) == 75 for one in heard(broadcast))
    assert all(a.end_s < b.end_s for a, b in pairwise(broadcast.groups))


def test_other_applications_are_counted_and_not_listened_to() -> None:
    tracker = OdaTracker(0xC0DF)
    for group in Broadcast().send(ENVELOPE).groups:
        tracker.feed(group, Sure(ENVELOPE))
    assert tracker.group_types == ()
    assert tracker.counts == {"announcements of others": 1}


def test_forged_announcements_do_not_push_out_a_group_type_that_has_proven_itself() -> None:
    broadcast = Broadcast().send(ENVELOPE).silence(15).announce()
    for esi in range(30):
        broadcast.words(symbol_words(OTHER, esi, tag=2))
        if esi % 10 == 5:
            for forged in ("12A", "13A", "9A"):
                group = pack_announcement(Announcement(7), PROGRAMME, group_type=forged, aid=DOMAIN.aid)
                broadcast.words(group.words)
    tracker, judge = OdaTracker(DOMAIN.aid), Sure(ENVELOPE, OTHER)
    found = [candidate for group in broadcast.groups for candidate in tracker.feed(group, judge)]
    assert [candidate.envelope for candidate in found] == [ENVELOPE, OTHER]
    assert "11A" in tracker.group_types
    assert len(tracker.group_types) == 3


@pytest.mark.parametrize("seed", range(6))
def test_one_who_overpowers_a_tenth_of_the_groups_denies_nothing(seed: int) -> None:
    source, broadcast = random.Random(seed), Broadcast().announce()
    for number in range(60):
        envelope = OTHER if source.random() < 0.1 else ENVELOPE
        broadcast.words(symbol_words(envelope, number % 30))
    assert ENVELOPE in [candidate.envelope for candidate in heard(broadcast, Sure(ENVELOPE)) if candidate.proven]
