"""Bulletins' envelopes in any order in, whole bulletins that a signature holds together out (protocol, Assembly).

A CRC is no proof, so of every place the two newest different envelopes are held and the signature says which belong
together. Who may judge is an argument, as in `oda_tracker`; what it costs is taken from the budget of both.
"""

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from rds.oda.bulletin import EnvelopeHead, envelope_head
from receiver.oda_tracker import Standing
from receiver.verification_budget import VerificationBudget

ENVELOPES_STORED: Final = 32
ALTERNATIVES: Final = 2
"""Different envelopes held of one place."""
WAYS: Final = 16
"""To put a bulletin together that are tried at one arriving envelope."""
_WAYS_PUT_OFF: Final = 4 * WAYS

Envelopes = tuple[bytes, ...]
"""All envelopes of a bulletin, index 0 first."""
_Name = tuple[int, int, int]
"""Bulletin number, stamp and last index: what envelopes of one bulletin have in common."""


class BulletinJudge(Protocol):
    """Who knows the keys."""

    def bulletin_standing(self, envelopes: Envelopes) -> Standing:
        """What is known of a bulletin at no cost."""

    def bulletin_cost(self, envelopes: Envelopes) -> int:
        """How many verifications an OPEN bulletin takes: one for each public key that may have signed it."""

    def verify_bulletin(self, envelopes: Envelopes) -> bool:
        """Whether the signature of an OPEN bulletin holds."""


@dataclass(slots=True)
class _Assembly:
    """What is held of one bulletin: of each place the envelopes, oldest first."""

    places: list[list[bytes]] = field(default_factory=list)

    @property
    def stored(self) -> int:
        return sum(map(len, self.places))


class BulletinAssembly:
    """Gathers one station's bulletins, in bounded memory whatever is sent."""

    def __init__(self) -> None:
        """Holds nothing."""
        self._assemblies: dict[_Name, _Assembly] = {}
        """Idle longest first."""
        self._ways: deque[tuple[_Name, Envelopes]] = deque(maxlen=_WAYS_PUT_OFF)

    @property
    def stored(self) -> int:
        """How many envelopes are held."""
        return sum(assembly.stored for assembly in self._assemblies.values())

    def hold(self, envelope: bytes) -> None:
        """Take an envelope that the erasure code found consistent; what is no bulletin's changes nothing."""
        head = envelope_head(envelope)
        if head is None:
            return
        name = (head.bulletin, head.stamp, head.last)
        assembly = self._assemblies.pop(name, None) or _Assembly([[] for _ in range(head.last + 1)])
        self._assemblies[name] = assembly
        place = assembly.places[head.index]
        if envelope in place:
            place.remove(envelope)
        place.append(envelope)
        del place[:-ALTERNATIVES]
        while self.stored > ENVELOPES_STORED:
            del self._assemblies[next(iter(self._assemblies))]
        self._ways.extend((name, way) for way in ways(assembly.places, head))

    def prove(self, judge: BulletinJudge, budget: VerificationBudget) -> list[Envelopes]:
        """The bulletins that prove true at this group. Call it at every group: what the budget put off goes on here."""
        proven: list[Envelopes] = []
        while self._ways:
            name, way = self._ways[0]
            standing = judge.bulletin_standing(way)
            if standing is Standing.OPEN and not budget.spend(judge.bulletin_cost(way)):
                break
            self._ways.popleft()
            if standing is Standing.PROVEN or (standing is Standing.OPEN and judge.verify_bulletin(way)):
                proven.append(way)
                self._release(name, way)
        return proven

    def _release(self, name: _Name, way: Envelopes) -> None:
        """Let go of what is proven: it has served. What else is held under its name may be another bulletin's.

        Envelope 0 has head and signature, so no other way with the same one can prove true.
        """
        self._ways = deque((one for one in self._ways if one[1][0] != way[0]), maxlen=_WAYS_PUT_OFF)
        if (assembly := self._assemblies.get(name)) is not None:
            assembly.places = [[one for one in place if one not in way] for place in assembly.places]
            if not assembly.stored:
                del self._assemblies[name]


def ways(places: list[list[bytes]], arrived: EnvelopeHead) -> Iterator[Envelopes]:
    """The ways to put a bulletin together about an envelope that has just arrived, at most 16; none if one is missing.

    The newest of each place come first, then those with one older envelope among them, and so on.

    Args:
        places: The envelopes held of each index, oldest first.
        arrived: The newest of its place: it is in every way.
    """
    if not all(places):
        return
    newest = tuple(place[-1] for place in places)
    others = [index for index, place in enumerate(places) if index != arrived.index and len(place) > 1]
    choices = (chosen for count in range(len(others) + 1) for chosen in itertools.combinations(others, count))
    for chosen in itertools.islice(choices, WAYS):
        yield tuple(places[index][0] if index in chosen else one for index, one in enumerate(newest))
