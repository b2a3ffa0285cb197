"""What a thief gets who holds an operator's key: its roles, its scope, the receiver's caps, until it is revoked.

Key 1 is the honest operator's, key 2 is stolen. Everything goes through the receiver as groups off the air.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from rds.oda.bulletin import Bulletin, sign_bulletin
from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.certificate_pem import sign_certificates
from rds.oda.keys import private_key_of
from rds.oda.messages import UrgentMessage
from rds.oda.messages.cancel import Cancel
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.end import End
from rds.oda.messages.halt import Halt
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.test import Test as Exercise
from rds.oda.messages.tier_now import TierNow
from rds.oda.records import BulletinRecord, pack_record
from rds.oda.records.notice import Notice
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import EVERYONE, Region
from rds.oda.schedule_fields import TICKS_A_DAY
from rds.oda.target_fields import ALL_TARGETS
from receiver.bulletin_verdict import BulletinVerdict
from receiver.event_term import HeldEvent, limit_of
from receiver.intake import Intake
from receiver.keyring import Keyring
from receiver.ledger import Ledger
from receiver.verify import Rejection, Trusted, Verdict
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
    halt,
    heartbeat,
    settings,
    signed,
)
from tests.receiver.installation import ROOT

THIEF = private_key_of(bytes(range(60, 92)))
THIEF_PUBLIC = THIEF.public_key().public_bytes_raw()
ROOT_PUBLIC = ROOT.public_key().public_bytes_raw()
SINGLE = [Role(0), *Role]
YEAR_TICKS = 365 * TICKS_A_DAY
FIELDS = {"dispatch": 0x80, "duration": 0xC1, "release": 1}


def region(text: str = "12FFF") -> Region:
    return Region.parse(text)


def every_message(where: Region, ts: int = TS) -> list[UrgentMessage]:
    """One of each type by key 2."""
    return [
        Heartbeat(2, ts),
        TierNow(2, ts, where, level=3, **FIELDS),
        PriceNow(2, ts, where, level=3, **FIELDS),
        Curtail(2, ts, where, level=16, **FIELDS),
        Halt(2, ts, where, level=0, **FIELDS),
        LoadUp(2, ts, where, level=150, **FIELDS),
        End(2, ts, where, target=5, release=0),
        Cancel(2, ts, where, target=5, release=0),
        Exercise(2, ts, where, level=16, **FIELDS),
    ]


def every_record(where: Region) -> list[BulletinRecord]:
    """One of each sort that an operator may send."""
    day = TS // TICKS_A_DAY
    return [
        TierSchedule(where, day + 1, 0, 0, stagger=1, tiers=(3,) * 24),
        PriceSchedule(where, day + 1, 0, 0, scale=(978 << 14) | (1 << 4) | 2, codes=(3,) * 24),
        PlannedEvent(3, where, level=16, **FIELDS),
        PlannedEvent(4, where, level=0, **FIELDS),
        PlannedEvent(5, where, level=150, **FIELDS),
        Table(where, 8, b"cheap"),
        Notice(where, 1, 0xC1, "plug in later"),
    ]


def receiver(*, roles: Role = ALL_ROLES, scope: str = "FFFFF", trusted_clock: bool = True) -> Intake:
    """A receiver in 12345 that was installed with both keys; the stolen one's certificate says this."""
    ring = Keyring(DOMAIN, roots=[ROOT_PUBLIC])
    both = [certificate(), certificate(THIEF, key=2, roles=roles, scope=region(scope))]
    for one in both:
        found = sign_certificates([one], ROOT, DOMAIN, root_id=14, ts=7_520_040)
        ring.restore([found.envelopes])
    return Intake(ring, [OWN], settings=settings(), start_ms=T0_MS if trusted_clock else None)


class Air:
    """What a receiver hears, one thing after the other, and what it makes of it."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._broadcast = Broadcast()

    def wait(self, seconds: float) -> "Air":
        self._broadcast.silence(seconds)
        return self

    def envelopes(self, *envelopes: bytes) -> list[Verdict | BulletinVerdict]:
        for envelope in envelopes:
            self._broadcast.send(envelope).silence(15)
        groups, self._broadcast.groups = self._broadcast.groups, []
        return [verdict for group in groups for verdict in self.intake.feed(group)]

    def honest(self, message: UrgentMessage) -> Rejection | None:
        return self._only(self.envelopes(signed(message, OPERATOR))).rejection

    def thief(self, message: UrgentMessage) -> Rejection | None:
        return self._only(self.envelopes(signed(message, THIEF))).rejection

    def thief_s_bulletin(self, *records: BulletinRecord, ts: int = TS, key: int = 2) -> list[Rejection | None]:
        """What became of each record; one reason for all where none was looked at."""
        bulletin = Bulletin(3, key, ts, tuple(map(pack_record, records)))
        heard = self.envelopes(*sign_bulletin(bulletin, THIEF, DOMAIN))
        if not heard:
            return []
        verdict = self._only(heard)
        assert isinstance(verdict, BulletinVerdict)
        return [verdict.rejection] if verdict.rejection else [one.rejection for one in verdict.records]

    def _only(self, verdicts: Sequence[Verdict | BulletinVerdict]) -> Verdict | BulletinVerdict:
        [verdict] = verdicts
        return verdict


def holds(ledger: Ledger) -> int:
    """How much is held of anyone."""
    return len(ledger.snapshot().messages) + len(ledger.snapshot().records) + len(ledger.snapshot().tombstones)


@pytest.mark.parametrize(("number", "role"), list(product(range(9), SINGLE)))
def test_every_type_needs_its_own_role_and_no_other_will_do(number: int, role: Role) -> None:
    message = every_message(EVERYONE)[number]
    air = Air(receiver(roles=role))
    wanted = Role(message.ROLE)
    assert (wanted == Role(0)) == isinstance(message, End | Cancel)
    if wanted in role or wanted == Role(0):
        assert air.thief(message) is None
    else:
        assert air.thief(message) is Rejection.ROLE_MISSING
        assert holds(air.intake.ledger) == 0


@pytest.mark.parametrize(("number", "role"), list(product(range(7), SINGLE)))
def test_every_record_needs_its_own_role_and_no_other_will_do(number: int, role: Role) -> None:
    record = every_record(EVERYONE)[number]
    air = Air(receiver(roles=role))
    allowed = {TierSchedule: Role.TARIFF, PriceSchedule: Role.TARIFF, Table: Role.TARIFF, Notice: Role.TARIFF}
    wanted = allowed.get(type(record)) or {3: Role.CURTAIL, 4: Role.HALT, 5: Role.LOAD_UP}[getattr(record, "type", 0)]
    if wanted in role:
        assert air.thief_s_bulletin(record) == [None]
    else:
        assert air.thief_s_bulletin(record) == [Rejection.ROLE_MISSING]
        assert holds(air.intake.ledger) == 0


@pytest.mark.parametrize("where", ["FFFFF", "1FFFF", "13FFF", "12346"])
def test_nothing_reaches_beyond_the_scope(where: str) -> None:
    """Its scope is one substation within 12; the receiver's own code lies in it."""
    air = Air(receiver(scope="1234F" if where != "12346" else "12345"))
    for message in every_message(region(where)):
        if not isinstance(message, Heartbeat):
            assert air.thief(message) is Rejection.OUT_OF_SCOPE, message
    records = every_record(region(where))
    assert air.thief_s_bulletin(*records) == [Rejection.OUT_OF_SCOPE] * len(records)
    assert holds(air.intake.ledger) == 0


def test_a_key_of_elsewhere_does_nothing_here_not_even_a_heartbeat() -> None:
    air = Air(receiver(scope="13FFF"))
    for message in every_message(region("13FFF")):
        assert air.thief(message) is Rejection.OTHER_REGION, message
    records = every_record(region("13FFF"))
    assert set(air.thief_s_bulletin(*records)) == {Rejection.OTHER_REGION}
    assert holds(air.intake.ledger) == 0


def test_it_certifies_no_key_neither_a_new_one_nor_more_for_itself() -> None:
    air = Air(receiver(roles=Role.HEARTBEAT))
    before = air.intake.keyring.standing
    forged = [
        certificate(STRANGER, key=3, epoch=1),
        certificate(THIEF, key=2, epoch=0),
        certificate(THIEF, key=1, epoch=5),
    ]
    assert air.thief_s_bulletin(*forged) == [Rejection.ROLE_MISSING] * 3
    for root_id in (14, 15):
        # In the root's name: no signature of a root, so it is not even told.
        file = sign_certificates(forged, THIEF, DOMAIN, root_id=root_id, ts=TS)
        assert not any(verdict.accepted for verdict in air.envelopes(*file.envelopes))
    assert air.intake.keyring.standing == before
    assert air.intake.keyring.epoch == 0
    assert air.thief(every_message(EVERYONE, TS + 1)[3]) is Rejection.ROLE_MISSING


def test_a_horizon_voids_its_own_events_alone() -> None:
    air = Air(receiver())
    assert air.honest(curtail()) is None
    assert air.thief(Curtail(2, TS + 1, EVERYONE, level=10, **FIELDS)) is None
    assert air.thief(Heartbeat(2, TS + 20, horizon=0)) is None
    honest, own = air.intake.ledger.events
    assert honest.ended_ms is None
    assert own.ended_ms is not None
    assert air.honest(curtail(ts=TS + 5)) is None
    assert air.thief(Curtail(2, TS + 5, EVERYONE, level=10, **FIELDS)) is Rejection.VOID


@pytest.mark.parametrize("target", [TS & 0xFFFFFF, ALL_TARGETS])
@pytest.mark.parametrize("kind", [End, Cancel])
def test_without_role_04_the_events_of_others_go_on(kind: type[End | Cancel], target: int) -> None:
    air = Air(receiver(roles=ALL_ROLES & ~Role.OTHERS))
    assert air.honest(curtail()) is None
    air.thief(kind(2, TS + 2, EVERYONE, target=target, release=1))
    [event] = air.intake.ledger.events
    assert event.ended_ms is None
    # Nor is one kept out that has not been heard yet.
    air.thief(kind(2, TS + 3, EVERYONE, target=(TS + 4) & 0xFFFFFF, release=1))
    assert air.honest(curtail(ts=TS + 4)) is None
    # The role is what makes the difference.
    mighty = Air(receiver(roles=ALL_ROLES))
    assert mighty.honest(curtail()) is None
    assert mighty.thief(kind(2, TS + 2, EVERYONE, target=target, release=1)) is None
    assert mighty.intake.ledger.events[0].ended_ms is not None


def test_with_role_04_an_end_reaches_no_further_than_its_scope() -> None:
    """All means all within the message's region, and that lies within the scope."""
    air = Air(receiver(scope="12345"))
    assert air.honest(curtail()) is None
    assert air.thief(Cancel(2, TS + 2, region("12345"), target=ALL_TARGETS, release=1)) is Rejection.REPEAT
    assert air.intake.ledger.events[0].ended_ms is None


def test_without_role_10_no_level_whatever_stops_a_charger() -> None:
    air = Air(receiver(roles=ALL_ROLES & ~Role.HALT))
    limits = {}
    for level in range(256):
        try:
            message = Curtail(2, TS, EVERYONE, level=level, **FIELDS)
        except ValueError:
            continue
        one = certificate(THIEF, key=2, roles=ALL_ROLES & ~Role.HALT)
        limits[level] = limit_of(Trusted(message, one, b""), settings())
    assert len(limits) > 180
    assert min(limits.values()) == 6000
    assert air.thief(Halt(2, TS, EVERYONE, level=0, **FIELDS)) is Rejection.ROLE_MISSING
    assert air.thief_s_bulletin(PlannedEvent(4, EVERYONE, level=0, **FIELDS), ts=TS + 1) == [Rejection.ROLE_MISSING]


def test_no_event_lasts_over_four_hours() -> None:
    for duration in range(256):
        message = Curtail(2, TS, EVERYONE, level=6, **(FIELDS | {"duration": duration}))
        event = HeldEvent(Trusted(message, certificate(THIEF, key=2), b""))
        assert 0 < event.end_ms(settings()) - event.start_ms <= 4 * 3_600_000


def test_a_flood_leaves_room_for_the_honest_operator() -> None:
    air = Air(receiver(roles=ALL_ROLES & ~Role.HALT & ~Role.OTHERS))
    assert air.honest(halt()) is None
    for number in range(1, 24):
        air.thief(Curtail(2, TS + number, EVERYONE, level=6, **FIELDS))
        air.thief(Cancel(2, TS + 100 + number, EVERYONE, target=(TS + 500 + number) & 0xFFFFFF, release=1))
    assert halt() in [event.message for event in air.intake.ledger.events]
    assert air.honest(halt(ts=TS + 30)) is None, "a lower limit than the flood's makes room for itself"


@pytest.mark.parametrize("message", every_message(EVERYONE, TS + YEAR_TICKS))
def test_with_a_trusted_clock_a_time_stamp_far_ahead_is_refused(message: UrgentMessage) -> None:
    near = replace(message, ts=TS + 100)  # type: ignore[type-var]  # each is a dataclass
    assert Air(receiver()).thief(near) is Rejection.FUTURE
    assert Air(receiver()).thief(message) is Rejection.NO_LONGER_VALID


def test_without_one_it_delays_until_it_is_revoked_and_no_longer() -> None:
    """Two heartbeats far ahead, 11 min apart, move the time: what is left over (12). The next epoch takes it back."""
    air = Air(receiver(roles=Role.HEARTBEAT, trusted_clock=False))
    assert air.honest(heartbeat(TS)) is None
    assert air.honest(curtail(ts=TS + 1)) is None
    far = TS + 30 * TICKS_A_DAY
    air.thief(Heartbeat(2, far))
    [event] = air.intake.ledger.events
    assert event.ended_ms is None, "one word alone ends nothing"
    assert air.intake.clock.provisional
    air.wait(11 * 60)
    air.thief(Heartbeat(2, far + 68))
    assert air.honest(curtail(ts=TS + 80)) is Rejection.EXPIRED

    kept = sign_certificates([certificate(epoch=1)], ROOT, DOMAIN, root_id=14, ts=7_520_041)
    [heard] = air.envelopes(*kept.envelopes)
    assert heard.accepted
    assert air.thief(Heartbeat(2, far + 90)) is Rejection.UNKNOWN_KEY
    air.wait(11 * 60)
    assert air.honest(heartbeat(TS + 160)) is None
    assert air.honest(curtail(ts=TS + 161)) is None
    now_ms = air.intake.clock.now_ms(25 * 60_000)
    assert now_ms is not None
    assert abs(now_ms - T0_MS) < 60 * 60_000
