"""Received groups in, candidate envelopes out: finds our application by its 3A, gathers symbols, tries to decode them.

Stations that are heard at once may fill up one another's symbols (`held_symbol`).
Nothing here is trusted: a candidate is 75 bytes that an erasure code found consistent. Who may judge them is an
argument, for whether the attempts go on depends on it (protocol, Attempts). Time is the groups' own end.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import Final, Protocol

from rds.oda.announcement import announced_group_type, unpack_announcement
from rds.oda.application_group import CodedSymbol, unpack_symbol
from rds.oda.erasure_code import DATA_SYMBOLS, decode_symbols
from receiver.held_symbol import HeldSymbol, joined
from receiver.programme_identity import ProgrammeIdentity
from receiver.received_group import ReceivedGroup
from receiver.repeats import Repeats
from receiver.soft_symbol import Station, soft_announcement, soft_symbol
from receiver.verification_budget import VerificationBudget

ANNOUNCEMENT: Final = "3A"
ANNOUNCED_FOR_S: Final = 60.0
GROUP_TYPES_HEARD: Final = 3
SLOT_IDLE_S: Final = 12.0
UNPROVEN_REMEMBERED: Final = 8
_ANNOUNCED: Final = 0.95
_WORTH_HOLDING: Final = 0.03
"""A symbol less likely than this is an erasure."""
_SURE_ENOUGH: Final = 0.5
"""To say that a tag has not fallen silent."""


class Standing(Enum):
    """What is known of an envelope before its signature is looked at."""

    PROVEN = "proven"
    """Held under a key before, or needs no signature: it ends the attempts."""
    WORTHLESS = "worthless"
    """Unknown version, kind, type or key: no signature could make it count."""
    OPEN = "open"
    """Only a verification can tell."""


class Judge(Protocol):
    """Who knows the keys."""

    def standing(self, envelope: bytes) -> Standing:
        """What is known of 75 bytes at no cost."""

    def cost(self, envelope: bytes) -> int:
        """How many verifications an OPEN envelope takes: one for each public key that may have signed it."""

    def verify(self, envelope: bytes) -> bool:
        """Whether the signature of an OPEN envelope holds."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """75 bytes that decoded, told once a slot."""

    envelope: bytes
    proven: bool
    """Whether the judge took it."""
    sample_index: int
    """Of the group that completed it."""
    end_s: float
    announced_network: int | None
    """The network that the last 3A named, low 6 bits: a hint for the person who reads of a refusal."""


@dataclass(slots=True)
class _Slot:
    """The symbols of one tag on one group type."""

    last_s: float
    symbols: dict[int, HeldSymbol] = field(default_factory=dict)
    told: deque[bytes] = field(default_factory=lambda: deque(maxlen=UNPROVEN_REMEMBERED))
    """Proven envelopes that were given out."""
    unproven: deque[bytes] = field(default_factory=lambda: deque(maxlen=UNPROVEN_REMEMBERED))


class OdaTracker:
    """Follows one application on one station.

    Args:
        aid: The application to listen for.
        budget: How much may be verified, told of each group here; whoever verifies for the same path shares it.
        arrivals: What numbers the symbols; trackers that fill up one another share it.
    """

    def __init__(
        self, aid: int, budget: VerificationBudget | None = None, arrivals: Iterator[int] | None = None
    ) -> None:
        self._aid = aid
        self._budget = budget or VerificationBudget()
        self._named_s: dict[str, float] = {}
        self._proven_types: set[str] = set()
        self._network: int | None = None
        self._slots: dict[tuple[str, int], _Slot] = {}
        self._arrivals = count() if arrivals is None else arrivals
        self._repeats = Repeats()
        self._pi, self._tp_pty = ProgrammeIdentity(), ProgrammeIdentity()
        self.counts: Counter[str] = Counter()
        """Announcements of ours and of others, symbols, and candidates put off for want of budget."""

    @property
    def group_types(self) -> tuple[str, ...]:
        """The group types listened on."""
        return tuple(self._named_s)

    def feed(self, group: ReceivedGroup, judge: Judge, others: Sequence["OdaTracker"] = ()) -> list[Candidate]:
        """What this group completed: at most one proven candidate, and before it those that were not.

        `others` follow other stations; their symbols help where this one's own do not do.
        """
        self._forget(group.end_s)
        self._budget.arrive(group.end_s)
        if group.group_type == ANNOUNCEMENT:
            self._announced(group)
        symbol, group_type, probability = self._symbol(group), group.group_type, 1.0
        weak = self._weigh(group) if group.values is not None else None
        if symbol is None and weak is not None:
            symbol, group_type, probability = weak
        if symbol is None or group_type is None:
            return []
        slot = self._slots.setdefault((group_type, symbol.tag), _Slot(group.end_s))
        self._hold(slot, symbol, group, probability)
        choices = self._choices(slot, others, group.end_s)
        return list(self._candidates(slot, choices, group, judge, group_type))

    def _weigh(self, group: ReceivedGroup) -> tuple[CodedSymbol, str, float] | None:
        """The likeliest symbol in a group whose blocks were not all accepted, with what was sent before added to it."""
        assert group.values is not None
        one, two, _, _ = group.words
        if one is not None:
            self._pi.heard(one)
        if two is not None:
            self._tp_pty.heard(two >> 5 & 0x3F)
        values = self._repeats.feed(group.values, group.end_s)
        pi, tp_pty = self._pi.expected, self._tp_pty.expected
        if group.complete or pi is None or tp_pty is None:
            return None
        station = Station(pi, tp_pty)
        name, probability = soft_announcement(values, station, self._aid)
        if probability > _ANNOUNCED:
            self._name(name, group.end_s)
            return None
        found = [(*soft_symbol(values, station, name), name) for name in self._named_s]
        symbol, probability, name = max(found, key=lambda one: one[1], default=(None, 0.0, ""))
        return None if symbol is None or probability < _WORTH_HOLDING else (symbol, name, probability)

    def _forget(self, now_s: float) -> None:
        """Drops group types that no 3A named of late, and slots whose tag fell silent."""
        self._named_s = {name: at_s for name, at_s in self._named_s.items() if now_s - at_s <= ANNOUNCED_FOR_S}
        self._proven_types &= self._named_s.keys()
        self._slots = {
            key: slot
            for key, slot in self._slots.items()
            if now_s - slot.last_s <= SLOT_IDLE_S and key[0] in self._named_s
        }

    def _announced(self, group: ReceivedGroup) -> None:
        _, block2, block3, aid = group.words
        if aid != self._aid or block2 is None:
            if aid not in (self._aid, None):
                self.counts["announcements of others"] += 1
            return
        self.counts["announcements"] += 1
        if block3 is not None:
            self._network = unpack_announcement(block3).network
        name = announced_group_type(block2)
        if name is not None and not name.endswith("B"):
            self._name(name, group.end_s)

    def _name(self, name: str, end_s: float) -> None:
        """Listens on a type A group type that a 3A named."""
        if name not in self._named_s and len(self._named_s) == GROUP_TYPES_HEARD:
            # Anyone can name group types; one that has brought a signature that holds goes last.
            del self._named_s[min(self._named_s, key=lambda named: (named in self._proven_types, self._named_s[named]))]
        self._named_s[name] = end_s

    def _symbol(self, group: ReceivedGroup) -> CodedSymbol | None:
        _, block2, block3, block4 = group.words
        if group.group_type not in self._named_s or block2 is None or block3 is None or block4 is None:
            return None
        return unpack_symbol(block2, block3, block4)

    def _hold(self, slot: _Slot, symbol: CodedSymbol, group: ReceivedGroup, probability: float) -> None:
        before = slot.symbols.get(symbol.esi)
        if probability == 1:
            self.counts["symbols"] += 1
        if probability > _SURE_ENOUGH:
            slot.last_s = group.end_s
        if probability < 1 and before is not None and before.value != symbol.value:
            if before.probability >= probability:
                return
            before = None
        suspect = any(group.corrected) or probability < 1
        if before is not None:
            if before.value == symbol.value:
                probability = max(probability, before.probability)
            # Two that agree vouch for one another; of two that differ neither can.
            suspect = (suspect and before.suspect) if before.value == symbol.value else True
        slot.symbols[symbol.esi] = HeldSymbol(symbol.value, next(self._arrivals), suspect, probability)

    def _choices(self, slot: _Slot, others: Sequence["OdaTracker"], now_s: float) -> Iterator[dict[int, int]]:
        """What to decode: the run's own symbols first, for of another station's any number may be anybody's."""
        yield from selections(slot.symbols)
        elsewhere = (run for other in others if other._network == self._network for run in other._runs(now_s))
        whole = joined(slot.symbols, elsewhere)
        if whole is not None:
            yield from selections(whole)

    def _runs(self, now_s: float) -> Iterator[Mapping[int, HeldSymbol]]:
        return (slot.symbols for slot in self._slots.values() if now_s - slot.last_s <= SLOT_IDLE_S)

    def _candidates(
        self, slot: _Slot, choices: Iterable[dict[int, int]], group: ReceivedGroup, judge: Judge, group_type: str
    ) -> Iterator[Candidate]:
        for symbols in choices:
            envelope = decode_symbols(symbols)
            if envelope is None or envelope in slot.unproven:
                continue
            standing = judge.standing(envelope)
            proven = standing is Standing.PROVEN
            if standing is Standing.OPEN:
                if not self._budget.spend(judge.cost(envelope)):
                    self.counts["over budget"] += 1
                    continue
                proven = judge.verify(envelope)
                if proven:
                    self._proven_types.add(group_type)
            known = slot.told if proven else slot.unproven
            if envelope not in known:
                known.append(envelope)
                if not proven and any(one.probability < 1 for one in slot.symbols.values()):
                    continue  # A guess that no signature bears out is no news.
                yield Candidate(envelope, proven, group.sample_index, group.end_s, self._network)
            if proven:
                return


def selections(held: Mapping[int, HeldSymbol]) -> Iterator[dict[int, int]]:
    """Which of the held symbols to decode, in the order of protocol, Attempts; equal choices come once.

    Where some were not accepted but are only likely, the likeliest are tried too, ever fewer of them; (1) and (2) stay,
    for an injector's are sure.
    """
    if len(held) < DATA_SYMBOLS:
        return
    newest = sorted(held, key=lambda esi: -held[esi].arrival)
    suspects = [esi for esi in reversed(newest) if held[esi].suspect]
    choices = [newest, newest[:DATA_SYMBOLS]]
    dropped = suspects[: len(held) - DATA_SYMBOLS]
    choices.append([esi for esi in newest if esi not in dropped])
    if dropped:
        one = suspects[held[newest[0]].arrival % len(suspects)]
        choices.append([esi for esi in newest if esi != one])
    if any(held[esi].probability < 1 for esi in held):
        likeliest = sorted(newest, key=lambda esi: -held[esi].probability)
        choices += [likeliest[:taken] for taken in range(len(held), DATA_SYMBOLS - 1, -1)]
    seen: list[set[int]] = []
    for choice in choices:
        if set(choice) not in seen:
            seen.append(set(choice))
            yield {esi: held[esi].value for esi in choice}
