"""Floods: 600 000 groups and 20 000 envelopes, random and mutated, as fast as they go; and a whole day at once.

The seeds are fixed; a failure names the number of the group. What is signed and senseless is in it too: a stolen key
must not stop a receiver either.
"""

import gc
import random
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pytest

from rds.constants import GROUP_PERIOD_S
from rds.oda.bulletin import Bulletin, Record, crc16, is_bulletin_envelope, sign_bulletin
from rds.oda.erasure_code import ENVELOPE_OCTETS
from rds.oda.messages import UrgentMessage
from rds.oda.messages.tier_now import TierNow
from rds.oda.signature import sign
from receiver.bulletin_assembly import ENVELOPES_STORED
from receiver.bulletin_verdict import BulletinVerdict
from receiver.charger_control import Change, ChargerSetup
from receiver.controller import Controller
from receiver.event_ledger import EVENTS, TOMBSTONES
from receiver.keyring import Keyring
from receiver.received_group import ReceivedGroup
from receiver.schedule_ledger import NOTICES, SCHEDULES, TABLES
from receiver.settings import ChargeBy, Prices, Profile, Settings
from receiver.store import Store
from receiver.verify import Verdict
from tests.faults.verifications import Meter
from tests.receiver.broadcast import (
    DOMAIN,
    OPERATOR,
    OWN,
    STRANGER,
    T0_MS,
    TS,
    Broadcast,
    certificate,
    curtail,
    end,
    halt,
    heartbeat,
    settings,
    signed,
)
from tests.receiver.bulletins import (
    EURO_CENT,
    bulletin,
    certificates,
    notice,
    planned,
    prices,
    rooted,
    table,
    tell,
    tiers,
)

SEED: Final = 20261201
GROUPS: Final = 600_000
STRETCH: Final = 10_000
"""Groups in a row of one sort."""
MUTATED: Final = 100
"""Of each stretch: groups of the application, so that slots fill."""
ANNOUNCED_EVERY: Final = 500
WATCHED: Final = 20_000
"""The last groups: what is kept then must not grow."""
ENVELOPES: Final = 20_000
AT_ONCE: Final = 6
"""Envelopes that one group completes: more than may be verified."""
WATCHED_FROM: Final = 2_500
"""Of the groups that give them out."""
DAY_TICKS: Final = 8640
SAID: Final = (heartbeat(TS), curtail(ts=TS + 1), end(TS + 1, ts=TS + 2), heartbeat(TS + 3))
SORTS: Final = (tiers(), prices(), planned(), planned(0, start=0, duration=2), table(), notice())


OWNERS: Final = settings(
    prices=Prices(EURO_CENT >> 14, ((300_000_000, 6_000), (500_000_000, 0))),
    profile=Profile(((0, 32_000), (17 * 60, 6_000)), unsure_ma=10_000),
    charge_by=ChargeBy(7 * 60, 2 * 3_600_000),
)
"""All that a policy can be asked to weigh."""


def two_keys() -> Keyring:
    """Two operators under one key id, as while one key follows another, and two roots: whom each claim may mean."""
    return rooted(certificate(), certificate(STRANGER))


def chain(*, ring: Keyring | None = None, start_ms: int | None = T0_MS, owners: Settings = OWNERS) -> Controller:
    return Controller(ring or two_keys(), [OWN], chargers=[ChargerSetup(owners)], store=Store(None), start_ms=start_ms)


def genuine() -> list[ReceivedGroup]:
    """Some minutes of a head-end: urgent messages and two bulletins."""
    broadcast = Broadcast().say(*SAID)
    tell(broadcast, bulletin(*SORTS, ts=TS + 4))
    return tell(broadcast, certificates(certificate(STRANGER, key=2))).groups


def floods(rng: np.random.Generator) -> Iterator[np.ndarray[tuple[int, int], np.dtype[np.int64]]]:
    """Stretches of groups, int64 (n, 4): random words, and the head-end's with words and places changed."""
    sent = np.array([group.words for group in genuine()])
    announcement = np.array(Broadcast().announce().groups[0].words)
    for _ in range(GROUPS // STRETCH):
        words = rng.integers(0, 1 << 16, (STRETCH, 4))
        first = int(rng.integers(0, len(sent) - MUTATED))
        mutated = sent[first : first + MUTATED].copy()
        changed = rng.random(mutated.shape) < 0.08
        changed[:, :2] &= rng.random((MUTATED, 2)) < 0.1
        mutated[changed] ^= rng.integers(0, 1 << 16, int(changed.sum()))
        mutated[rng.random(MUTATED) < 0.05] = mutated[int(rng.integers(0, MUTATED))]
        words[-MUTATED:] = mutated
        words[::ANNOUNCED_EVERY] = announcement
        yield words


def memory() -> int:
    """Bytes in use; what the interpreter only keeps for use again is let go of first."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def assert_bounded(controller: Controller) -> None:
    ledger = controller.intake.ledger
    holdings = ledger.holdings
    assert len(holdings.events) <= EVENTS
    assert len(holdings.tier_schedules) + len(holdings.price_schedules) <= SCHEDULES
    assert len(holdings.notices) <= NOTICES
    assert len(holdings.tables) <= TABLES
    assert len(ledger.snapshot().tombstones) <= TOMBSTONES
    assert controller.intake._assembly.stored <= ENVELOPES_STORED


def test_600_000_random_and_mutated_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    meter, controller = Meter(monkeypatch), chain()
    number, before = 0, 0
    feed = controller.intake.feed
    for words in floods(np.random.default_rng(SEED)):
        if number == GROUPS - WATCHED:
            tracemalloc.start()
            before = memory()
        for one, two, three, four in words.tolist():
            end_s = number * GROUP_PERIOD_S
            told = feed(ReceivedGroup((one, two, three, four), 104 * number, end_s))
            if meter.total or told:
                meter.check(end_s, told=f"seed {SEED}, group {number}")
            for verdict in told:
                if isinstance(verdict, Verdict) and verdict.accepted:
                    assert verdict.message in SAID, f"seed {SEED}, group {number}"
            number += 1
    del words
    kept = memory() - before
    tracemalloc.stop()
    assert number == GROUPS
    assert kept < 100_000
    assert meter.total, "genuine envelopes come through now and then"
    assert_bounded(controller)


def urgent(chance: random.Random, messages: Iterable[UrgentMessage]) -> bytes:
    """An urgent envelope: of a head-end, changed, random, or signed by a key that says anything at all."""
    sort = chance.randrange(5)
    if sort == 0:
        return chance.randbytes(ENVELOPE_OCTETS)
    if sort == 1:
        return signed(chance.choice([*messages]), chance.choice((OPERATOR, STRANGER)))
    envelope = bytearray(signed(chance.choice([*messages])))
    if sort == 2:
        for _ in range(chance.randint(1, 6)):
            envelope[chance.randrange(ENVELOPE_OCTETS)] ^= 1 << chance.randrange(8)
        return bytes(envelope)
    # Version, kind, a type and key 1 as they should be; all else is chance, the signature good or none.
    head = bytes([0x40 | chance.randrange(9), 0x10 | TS >> 24]) + (TS + chance.randint(-900, 90) & 0xFFFFFF).to_bytes(
        3, "big"
    )
    if chance.random() < 0.2:
        head = bytes([head[0], 0x10 | chance.randrange(16)]) + chance.randbytes(3)
    head += chance.randbytes(6) if sort == 3 else b"\x12\xff\xf8" + chance.randbytes(3)
    return head + (sign(head, OPERATOR, DOMAIN) if chance.random() < 0.7 else chance.randbytes(64))


def envelopes_of(chance: random.Random) -> Iterator[bytes]:
    """Envelopes without end: urgent ones, and bulletins whole, in parts, changed, and of records of any content."""
    messages = (heartbeat(TS), curtail(ts=TS + 1), halt(ts=TS + 2), end(TS + 1, ts=TS + 3), curtail(6, region="13FFF"))
    whole = [bulletin(*SORTS, ts=TS + 5), bulletin(tiers(), ts=TS + 261), certificates(certificate(STRANGER, key=2))]
    parts = [envelope for one in whole for envelope in one]
    while True:
        yield urgent(chance, messages)
        sort = chance.randrange(8)
        if sort == 0:
            yield from chance.choice(whole)
        elif sort == 1:
            records = [Record(chance.randrange(8), chance.randbytes(chance.randrange(60))) for _ in range(5)]
            anything = Bulletin(
                number=chance.randrange(16), key=1, ts=TS + chance.randrange(-900, 90), records=tuple(records)
            )
            yield from sign_bulletin(anything, OPERATOR, DOMAIN)
        elif sort < 5:
            junk = bytearray(chance.choice(parts)[:73])
            junk[chance.randrange(73)] ^= 1 << chance.randrange(8)
            junk[20:30] = chance.randbytes(10)
            yield bytes(junk) + crc16(bytes(junk)).to_bytes(2, "big")


def test_20_000_random_and_mutated_envelopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They enter where the erasure code gives them out, six at a group; all behind that is the receiver's own."""
    source, meter, controller = envelopes_of(random.Random(SEED)), Meter(monkeypatch), chain()
    heard = [next(source) for _ in range(ENVELOPES)]
    rest = iter(heard)
    monkeypatch.setattr("receiver.oda_tracker.selections", lambda _: range(AT_ONCE))
    monkeypatch.setattr("receiver.oda_tracker.decode_symbols", lambda _: next(rest, bytes(ENVELOPE_OCTETS)))
    [announcement, symbol] = Broadcast().send(heard[0], esis=[0]).groups
    accepted = 0
    before = 0
    for number in range(ENVELOPES // AT_ONCE):
        end_s = number * GROUP_PERIOD_S
        words = announcement.words if number % ANNOUNCED_EVERY == 0 else symbol.words
        told = controller.feed(ReceivedGroup(words, 104 * number, end_s))
        meter.check(end_s, told=f"seed {SEED}, group {number}")
        accepted += sum(one.rejection is None for one in told if isinstance(one, Verdict | BulletinVerdict))
        limits = [one.decision.limit_ma for one in told if isinstance(one, Change)]
        assert all(limit_ma == 0 or 6_000 <= limit_ma <= 32_000 for limit_ma in limits), f"seed {SEED}, group {number}"
        if number == WATCHED_FROM:
            tracemalloc.start()
            before = memory()
    kept = memory() - before
    tracemalloc.stop()
    assert accepted > 100
    assert kept < 200_000
    assert_bounded(controller)
    assert any(map(is_bulletin_envelope, heard))


def a_day() -> list[UrgentMessage]:
    """A head-end's day to 17:00: a heartbeat and a tier every hour, events that begin, end and go."""
    said: list[UrgentMessage] = []
    for number in range(-DAY_TICKS, 0, 360):
        said.append(heartbeat(TS + number))
        said.append(TierNow(1, TS + number + 1, OWN, dispatch=0x80, level=4, duration=0xC1, release=0))
        if number % 2160 == 0:
            said.append(curtail(10, ts=TS + number + 2, duration=30))
        if number % 2160 == 360:
            said.append(end(TS + number - 358, ts=TS + number + 3))
    return said


def at_once(messages: Iterable[UrgentMessage]) -> list[ReceivedGroup]:
    """Each message in a run of twenty groups, as fast as a station can send."""
    groups: list[ReceivedGroup] = []
    for message in messages:
        groups += Broadcast().send(signed(message), esis=range(20), tag=len(groups) // 21 % 4).groups
    return [ReceivedGroup(one.words, number, number * GROUP_PERIOD_S) for number, one in enumerate(groups)]


@pytest.mark.parametrize("start_ms", [T0_MS, None], ids=["trusted clock", "no clock"])
def test_a_days_messages_at_once_leave_what_holds_now(start_ms: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transmitter that held them back, or a recording of the day played in a hurry, and then the head-end itself."""
    meter, controller = Meter(monkeypatch), chain(ring=rooted(), start_ms=start_ms, owners=settings())
    events: list[UrgentMessage] = [curtail(ts=TS + 1), heartbeat(TS + 2)]
    groups = at_once([*a_day(), heartbeat(TS), *events])
    assert groups[-1].end_s < 180
    for group in groups:
        controller.feed(group)
        meter.check(group.end_s, told=f"at {group.end_s} s")
    assert_bounded(controller)
    assert [event.message for event in controller.intake.ledger.events if event.ended_ms is None] == events[:1]
    assert controller.chargers[0].told is not None
    # Without a clock the last tier counted when it was heard: this charger is on its way back from it.
    assert controller.chargers[0].told.limit_ma == (6_000 if start_ms is None else 16_000)


def test_a_stored_day_that_is_played_again_and_again_changes_no_limit_and_wears_no_flash() -> None:
    """Old ends are good for a tombstone, once: they name events that this receiver has never heard."""
    controller = chain(ring=rooted(), owners=settings())
    controller.start()
    for group in at_once([heartbeat(TS - 1), curtail()]):
        controller.feed(group)
    told = controller.chargers[0].told
    ends = [end(TS - 900 + number, ts=TS - 800 + number) for number in range(20)]
    played = at_once([*a_day(), *ends, heartbeat(TS - 1), curtail()])
    snapshots = []
    for last_s in (10.0, 210.0, 410.0):
        for group in played:
            controller.feed(ReceivedGroup(group.words, group.sample_index, last_s + group.end_s))
        snapshots.append(controller.intake.snapshot())
    assert told is not None
    assert told.restricted
    assert controller.chargers[0].told is not None
    assert (controller.chargers[0].told.limit_ma, controller.chargers[0].told.until_ms) == (
        told.limit_ma,
        told.until_ms,
    )
    assert snapshots[1] == snapshots[2]
