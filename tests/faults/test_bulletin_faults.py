"""Faults about bulletins: the power fails at any commit, two head-ends share a key, envelopes come changed or in heaps.

The seeds are fixed; a failure names the number of the envelope.
"""

import random
import shutil
from pathlib import Path
from typing import Final

from rds.oda.bulletin import crc16
from rds.oda.erasure_code import ENVELOPE_OCTETS
from rds.oda.region import Region
from receiver.bulletin_assembly import ENVELOPES_STORED, BulletinAssembly
from receiver.bulletin_verdict import BulletinVerdict
from receiver.charger_control import Change, ChargerSetup
from receiver.controller import Controller
from receiver.event_ledger import EVENTS
from receiver.holdings import Holdings
from receiver.schedule_ledger import SCHEDULES
from receiver.snapshot import Snapshot
from receiver.store import Store
from receiver.verification_budget import VERIFICATIONS_PER_GROUP, VerificationBudget
from receiver.verify import Rejection, TrustedBulletin, Verifier
from tests.receiver.broadcast import OWN, STRANGER, T0_MS, TS, Broadcast, cancel, certificate, heartbeat, settings
from tests.receiver.bulletins import (
    TODAY,
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
ENVELOPES: Final = 2_000
SORTS: Final = (tiers(), prices(), planned(), planned(0, start=0, duration=2), table(), notice())


def chain(store: Store, *, start_ms: int | None = T0_MS) -> Controller:
    return Controller(
        rooted(), [Region.parse_code("12345")], chargers=[ChargerSetup(settings())], store=store, start_ms=start_ms
    )


class Cut(Store):
    """A store that copies its files before and after each commit, as a power cut would leave them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.saved: list[tuple[Path, Snapshot]] = []
        super().__init__(path)
        self._copy(Snapshot())

    def save(self, snapshot: Snapshot, bound_ms: int | None) -> None:
        super().save(snapshot, bound_ms)
        self._copy(snapshot)

    def _copy(self, snapshot: Snapshot) -> None:
        cut = self._path.parent / f"cut{len(self.saved)}"
        cut.mkdir()
        for file in self._path.parent.glob(f"{self._path.name}*"):
            shutil.copy(file, cut / file.name)
        self.saved.append((cut / self._path.name, snapshot))


def held(holdings: Holdings) -> tuple[frozenset[object], ...]:
    """What must come back, whatever its order."""
    return (
        frozenset(holdings.events),
        frozenset((*holdings.tier_schedules, *holdings.price_schedules)),
        frozenset((*holdings.tables, *holdings.notices)),
    )


def test_at_every_commit_the_disk_leads_to_what_was_held(tmp_path: Path) -> None:
    broadcast = tell(Broadcast().say(heartbeat(TS)), bulletin(*SORTS, ts=TS + 1))
    tell(broadcast, certificates(certificate(STRANGER, key=2)))
    broadcast.say(cancel(TS + 3, ts=TS + 20))
    tell(broadcast, bulletin(tiers(stagger=1), prices(day=TODAY + 1), ts=TS + 22))
    with Cut(tmp_path / "state") as store:
        controller = chain(store)
        states: list[tuple[frozenset[object], ...]] = [held(controller.intake.ledger.holdings)]
        for group in broadcast.groups:
            before = len(store.saved)
            controller.feed(group)
            states += [held(controller.intake.ledger.holdings)] * (len(store.saved) - before)
        saved = list(store.saved)
        changes = [change.decision.limit_ma for change in controller.finish()]
    assert len(states) == len(saved) >= 5
    assert changes[-1] == 32_000
    for (cut, snapshot), state in zip(saved, states, strict=True):
        with Store(cut) as after:
            assert after.load()[0] == snapshot
            again = chain(after, start_ms=None).intake
            assert held(again.ledger.holdings) == state
            assert again.snapshot().records == snapshot.records
            assert bool(again.keyring.certificates(2)) == bool(snapshot.certificates)


def test_what_a_bulletin_asks_is_on_the_disk_before_it_is_done(tmp_path: Path) -> None:
    path = tmp_path / "state"
    groups = tell(Broadcast().say(heartbeat(TS)), bulletin(planned(start=0), tiers(), ts=TS + 1)).groups
    with Store(path) as store:
        controller = chain(store)
        [change] = [
            one
            for group in groups
            for one in controller.feed(group)
            if isinstance(one, Change) and one.decision.restricted
        ]
        shutil.copytree(tmp_path, tmp_path.with_name("seen"))
    with Store(tmp_path.with_name("seen") / "state") as after:
        assert chain(after, start_ms=change.now_ms).start()[0].decision.limit_ma == change.decision.limit_ma == 16_000


def test_two_head_ends_with_one_key_raise_the_alarm_and_the_first_is_kept() -> None:
    broadcast = tell(Broadcast().say(heartbeat(TS)), bulletin(tiers(), planned(), ts=TS + 1))
    tell(broadcast, bulletin(tiers(stagger=1), planned(10), ts=TS + 1))
    broadcast.say(heartbeat(TS + 2))
    tell(broadcast, bulletin(tiers(), planned(), ts=TS + 1))
    with Store(None) as store:
        controller = chain(store)
        told = [one for group in broadcast.groups for one in controller.feed(group)]
        bulletins = [one for one in told if isinstance(one, BulletinVerdict)]
        assert [one.rejection for one in bulletins] == [None, Rejection.KEY_ALARM, None]
        # The second head-end's heartbeat has the planned event's time stamp: an alarm as well.
        assert list(controller.intake.ledger.key_alarms.values()) == [2]
        assert [event.message.level for event in controller.intake.ledger.events] == [16]


def mutated(chance: random.Random, envelopes: tuple[bytes, ...]) -> bytes:
    """Random bytes, or an envelope with bits, a byte or its place changed; half of them with a CRC made good."""
    sort = chance.randrange(4)
    one = bytearray(chance.choice(envelopes))
    if sort == 0:
        one = bytearray(chance.randbytes(ENVELOPE_OCTETS))
        one[0] = 0x50 | one[0] & 0xF
    elif sort == 1:
        for _ in range(chance.randint(1, 8)):
            one[chance.randrange(ENVELOPE_OCTETS)] ^= 1 << chance.randrange(8)
    elif sort == 2:
        one[1] = chance.randrange(256)
    else:
        one[3 : 3 + chance.randint(1, 20)] = chance.randbytes(chance.randint(1, 20))
        del one[ENVELOPE_OCTETS:]
    body = bytes(one[:73]).ljust(73, b"\0")
    return body + (crc16(body).to_bytes(2, "big") if chance.random() < 0.5 else bytes(one[73:75]).ljust(2, b"\0"))


def test_random_and_mutated_envelopes_are_neither_held_nor_costly() -> None:
    chance = random.Random(SEED)
    genuine = [bulletin(*SORTS), bulletin(tiers(), ts=TS + 256), certificates(certificate(STRANGER, key=2))]
    every = tuple(envelope for one in genuine for envelope in one)
    verifier, assembly, budget = Verifier(rooted(), [OWN]), BulletinAssembly(), VerificationBudget()
    proven = []
    for number in range(ENVELOPES):
        assembly.hold(mutated(chance, every) if number % 10 else chance.choice(every))
        budget.arrive(number / 11)
        before = budget.spent
        proven += assembly.prove(verifier, budget)
        assert budget.spent - before <= VERIFICATIONS_PER_GROUP, f"seed {SEED}, envelope {number}"
        assert assembly.stored <= ENVELOPES_STORED
    assert set(proven) <= set(genuine)
    assert proven, "now and then all of one are there"


def test_a_days_worth_of_bulletins_at_once_stays_within_bounds() -> None:
    """Each a signed one: as a head-end gone wild, or recordings of a day played in a row."""
    intake = chain(Store(None)).intake
    verifier = Verifier(rooted(), [OWN])
    for number in range(150):
        schedules = (tiers(start=number % 96), prices(day=TODAY + number % 3))
        envelopes = bulletin(planned(20, start=number), *schedules, notice(str(number)), ts=TS + 6 * number)
        found = verifier.examine_bulletin(envelopes)
        assert isinstance(found, TrustedBulletin)
        intake.ledger.apply_bulletin(found, T0_MS)
    holdings = intake.ledger.holdings
    assert len(holdings.events) == EVENTS
    assert len(holdings.tier_schedules) + len(holdings.price_schedules) == SCHEDULES
    assert len({one.envelopes for one in intake.snapshot().records}) <= EVENTS + SCHEDULES + 8
