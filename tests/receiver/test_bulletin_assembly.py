"""Bulletins put together: lost, repeated, mixed and late envelopes, an injector with good CRCs, and bounded memory.

Envelopes are made by hand from the layout in docs/protocol.md; a slow oracle keeps everything that ever arrived.
"""

import itertools
import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.oda.bulletin import crc16, envelope_head
from receiver.bulletin_assembly import ENVELOPES_STORED, WAYS, BulletinAssembly, Envelopes
from receiver.oda_tracker import Standing
from receiver.verification_budget import VERIFICATIONS_PER_GROUP, VerificationBudget


def envelope(index: int, last: int, payload: int, *, bulletin: int = 5, stamp: int = 0x28) -> bytes:
    """By hand: version 1, kind 1, then the numbers, 70 equal bytes, and the CRC."""
    body = bytes([0x50 | bulletin, index << 4 | last, stamp]) + bytes([payload]) * 70
    return body + crc16(body).to_bytes(2, "big")


def bulletin(last: int, payload: int, *, number: int = 5, stamp: int = 0x28) -> Envelopes:
    return tuple(envelope(index, last, payload, bulletin=number, stamp=stamp) for index in range(last + 1))


class Sure:
    """A judge who takes some bulletins and remembers what it is asked."""

    def __init__(self, *genuine: Envelopes, known: Sequence[Envelopes] = ()) -> None:
        self.genuine, self.known = genuine, known
        self.verified: list[Envelopes] = []

    def bulletin_standing(self, envelopes: Envelopes) -> Standing:
        return Standing.PROVEN if envelopes in self.known else Standing.OPEN

    def bulletin_cost(self, envelopes: Envelopes) -> int:
        return 1

    def verify_bulletin(self, envelopes: Envelopes) -> bool:
        self.verified.append(envelopes)
        return envelopes in self.genuine


class Plenty(VerificationBudget):
    """A budget without end."""

    def spend(self, count: int = 1) -> bool:
        return True


def proven(arrivals: Iterable[bytes], judge: Sure, assembly: BulletinAssembly | None = None) -> list[Envelopes]:
    """What proves true of envelopes that arrive 20 groups apart."""
    assembly, budget = assembly or BulletinAssembly(), VerificationBudget()
    found: list[Envelopes] = []
    groups = itertools.count()
    for one in arrivals:
        assembly.hold(one)
        for number in itertools.islice(groups, 20):
            budget.arrive(number / 11)
            found += assembly.prove(judge, budget)
    return found


def test_the_published_bulletin_has_these_heads() -> None:
    """The certificate bulletin of the protocol's vectors begins 55 01 28 and 55 11 28."""
    first, second = bulletin(1, 0)
    assert first[:3].hex() == "550128"
    assert second[:3].hex() == "551128"
    head = envelope_head(second)
    assert head is not None
    assert (head.bulletin, head.index, head.last, head.stamp) == (5, 1, 1, 0x28)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        bytes(75),
        bulletin(1, 0)[0][:-1] + b"\0",
        envelope(0, 0, 1),
        envelope(3, 2, 1),
        b"\x45" + envelope(0, 1, 1)[1:],
    ],
)
def test_what_is_no_envelope_of_a_bulletin_is_not_held(wrong: bytes) -> None:
    assert envelope_head(wrong) is None
    assembly = BulletinAssembly()
    assembly.hold(wrong)
    assert assembly.stored == 0


@pytest.mark.parametrize("last", [1, 2, 15])
def test_a_bulletin_comes_once_its_last_envelope_is_there(last: int) -> None:
    whole = bulletin(last, 1)
    judge = Sure(whole)
    assembly = BulletinAssembly()
    assert proven(whole[:-1], judge, assembly) == []
    assert judge.verified == []
    assert proven(whole[-1:], judge, assembly) == [whole]
    assert judge.verified == [whole]
    assert assembly.stored == 0


@given(st.integers(1, 15), st.data())
@settings(max_examples=30, deadline=None)
def test_in_any_order_repeated_and_late(last: int, data: st.DataObject) -> None:
    whole = bulletin(last, 1)
    order = data.draw(st.permutations(whole))
    repeated = data.draw(st.lists(st.sampled_from(whole), max_size=10))
    assert proven([*repeated, *order], Sure(whole))[-1] == whole


def test_two_bulletins_of_one_name_are_told_apart_by_the_signature() -> None:
    one, two = bulletin(2, 1), bulletin(2, 2)
    judge = Sure(one, two)
    mixed = [one[0], two[1], one[1], two[0], one[2], two[2]]
    assert proven(mixed, judge) == [one, two]


def test_the_newer_is_tried_first_then_the_older() -> None:
    old, new = bulletin(1, 1), bulletin(1, 2)
    judge = Sure()
    proven([old[0], new[0], old[1]], judge)
    assert judge.verified == [(new[0], old[1]), (old[0], old[1])]


def test_of_a_place_the_two_newest_different_are_held() -> None:
    judge = Sure()
    newest = [envelope(0, 1, payload) for payload in (1, 2, 3)]
    # The first comes again: it is the newest now, and 2 is the oldest of three.
    proven([newest[0], newest[1], newest[0], newest[2], envelope(1, 1, 9)], judge)
    assert [way[0] for way in judge.verified] == [newest[2], newest[0]]


def test_what_is_known_costs_nothing() -> None:
    whole = bulletin(4, 1)
    judge = Sure(known=[whole])
    assert proven(whole, judge) == [whole]
    assert judge.verified == []


def test_at_most_sixteen_ways_and_four_a_group() -> None:
    judge, assembly, budget = Sure(), BulletinAssembly(), VerificationBudget()
    for payload in (1, 2):
        for one in bulletin(15, payload)[:15]:
            assembly.hold(one)
    assembly.hold(envelope(15, 15, 1))
    counts = []
    for number in range(6):
        budget.arrive(float(number))
        before = len(judge.verified)
        assembly.prove(judge, budget)
        counts.append(len(judge.verified) - before)
    assert counts == [VERIFICATIONS_PER_GROUP] * (WAYS // VERIFICATIONS_PER_GROUP) + [0, 0]
    # All newest, then one older among them: fifteen places would have such.
    assert judge.verified[0] == (*bulletin(15, 2)[:15], envelope(15, 15, 1))
    assert len({way[:15] for way in judge.verified}) == WAYS


def test_forty_six_a_second_is_all() -> None:
    budget = VerificationBudget()
    spent = 0
    for _ in range(20):
        budget.arrive(5.0)
        spent += sum(budget.spend() for _ in range(9))
    assert spent == 46
    budget.arrive(5.99)
    assert not budget.spend()
    budget.arrive(6.0)
    assert [budget.spend() for _ in range(5)] == [True, True, True, True, False]


def test_the_assembly_idle_longest_goes_first() -> None:
    assembly = BulletinAssembly()
    first, second = bulletin(15, 1), bulletin(15, 1, stamp=1)
    for one in (*first[:15], *second[:15], first[0]):
        assembly.hold(one)
    assert assembly.stored == 30
    judge = Sure(first, second)
    assert proven([*bulletin(3, 1, stamp=2)[:3], first[15]], judge, assembly) == [first]
    # The second was idle longest and had to make room; its last envelope alone is nothing.
    assert proven(second[15:], judge, assembly) == []


def test_an_injector_with_good_crcs_delays_no_schedule_beyond_its_next_pass() -> None:
    """A schedule of five envelopes among junk of every name and place, a third of what arrives."""
    chance = random.Random(20261123)
    whole = bulletin(4, 1)
    judge = Sure(whole)
    arrivals: list[bytes] = []
    for _ in range(40):
        for one in whole:
            arrivals.append(one)
            if chance.random() < 0.5:
                last = chance.choice([1, 4, 4, 4, 15])
                stamp = chance.choice([0x28, 0x28, chance.randrange(256)])
                arrivals.append(envelope(chance.randint(0, last), last, chance.randrange(256), stamp=stamp))
    found = proven(arrivals, judge)
    assert len(found) >= 38
    assert len(judge.verified) <= VERIFICATIONS_PER_GROUP * 20 * len(arrivals)


class Everything:
    """The oracle: all that arrived, and the rules of docs/protocol.md said slowly."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []

    def name(self, one: bytes) -> bytes:
        return bytes([one[0], one[1] & 0xF, one[2]])

    def index(self, one: bytes) -> int:
        return one[1] >> 4

    def place(self, like: bytes, index: int) -> list[bytes]:
        """The two newest different envelopes, newest first."""
        newest: list[bytes] = []
        for one in reversed(self.arrived):
            if self.name(one) == self.name(like) and self.index(one) == index and one not in newest:
                newest.append(one)
        return newest[:2]

    def held(self) -> dict[bytes, list[bytes]]:
        """The envelopes held by name, the name heard last coming last."""
        names: dict[bytes, list[bytes]] = {}
        for one in self.arrived:
            names.pop(self.name(one), None)
            names[self.name(one)] = [x for index in range(16) for x in self.place(one, index)]
        return names

    def ways(self, one: bytes) -> list[Envelopes]:
        self.arrived.append(one)
        while sum(map(len, self.held().values())) > 32:
            idle = next(iter(self.held()))
            self.arrived = [x for x in self.arrived if self.name(x) != idle]
        choices = [[one] if index == self.index(one) else self.place(one, index) for index in range((one[1] & 0xF) + 1)]
        numbered = [[*enumerate(choice)] for choice in choices]
        products = sorted(
            itertools.product(*numbered),
            key=lambda way: (sum(age for age, _ in way), [place for place, (age, _) in enumerate(way) if age]),
        )
        return [tuple(x for _, x in way) for way in products[:16]]


NAMES = st.sampled_from([(1, 5), (3, 5), (5, 5), (5, 6)])
ENVELOPES = st.builds(
    lambda name, index, payload: envelope(index % (name[0] + 1), name[0], payload, bulletin=name[1]),
    NAMES,
    st.integers(0, 15),
    st.integers(0, 3),
)


@given(st.lists(ENVELOPES, max_size=50), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_it_tries_what_the_oracle_tries(extra: list[bytes], chance: random.Random) -> None:
    arrivals = extra + [one for last in (1, 3, 5) for payload in (0, 1) for one in bulletin(last, payload)]
    chance.shuffle(arrivals)
    judge, assembly, oracle = Sure(), BulletinAssembly(), Everything()
    for one in arrivals:
        judge.verified.clear()
        assembly.hold(one)
        assembly.prove(judge, Plenty())
        assert judge.verified == oracle.ways(one)
        assert assembly.stored == sum(map(len, oracle.held().values())) <= ENVELOPES_STORED


@given(st.lists(st.binary(min_size=72, max_size=72), max_size=200))
@settings(max_examples=20, deadline=None)
def test_any_envelopes_with_good_crcs_stay_within_bounds(bodies: list[bytes]) -> None:
    judge, assembly, budget = Sure(), BulletinAssembly(), VerificationBudget()
    for number, body in enumerate(bodies):
        content = bytes([0x50 | body[0] & 3]) + body
        assembly.hold(content + crc16(content).to_bytes(2, "big"))
        budget.arrive(number / 11)
        before = len(judge.verified)
        assembly.prove(judge, budget)
        assert assembly.stored <= ENVELOPES_STORED
        assert len(judge.verified) - before <= VERIFICATIONS_PER_GROUP
        assert len(assembly._ways) <= 64
