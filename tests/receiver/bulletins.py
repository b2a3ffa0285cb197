"""Bulletins as a head-end signs them: records in, envelopes, trusted bulletins and groups out. Published test keys."""

from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rds.oda.bulletin import Bulletin, sign_bulletin
from rds.oda.certificate import Certificate
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.halt import Halt
from rds.oda.records import BulletinRecord, pack_record
from rds.oda.records.notice import Notice
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import Region
from rds.oda.schedule_fields import TICKS_A_DAY
from rds.oda.signature import Domain
from receiver.bulletin_assembly import Envelopes
from receiver.keyring import Keyring
from receiver.verify import TrustedBulletin, Verifier
from tests.receiver.broadcast import ALL_AT_ONCE, DOMAIN, OPERATOR, OWN, TS, Broadcast, certificate
from tests.receiver.installation import ROOT

SPARE_ROOT: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
ROOTS: Final = tuple(root.public_key().public_bytes_raw() for root in (ROOT, SPARE_ROOT))
TODAY: Final = TS // TICKS_A_DAY
EURO_CENT: Final = 978 << 14 | 10 << 4 | 3


def bulletin(
    *records: BulletinRecord,
    ts: int = TS,
    key: int = 1,
    number: int = 3,
    private_key: Ed25519PrivateKey = OPERATOR,
    domain: Domain = DOMAIN,
) -> Envelopes:
    """The signed envelopes."""
    whole = Bulletin(number=number, key=key, ts=ts, records=tuple(map(pack_record, records)))
    return sign_bulletin(whole, private_key, domain)


def certificates(*held: Certificate, ts: int = TS, root: Ed25519PrivateKey = ROOT, root_id: int = 14) -> Envelopes:
    """A root's bulletin."""
    return bulletin(*held, ts=ts, key=root_id, number=5, private_key=root)


def rooted(*held: Certificate) -> Keyring:
    """A keyring that a root can add to."""
    return Keyring(DOMAIN, held or [certificate()], roots=ROOTS)


def trusted_bulletin(
    *records: BulletinRecord,
    ring: Keyring | None = None,
    **changes: Any,  # Any: arguments of `bulletin`
) -> TrustedBulletin:
    """What the verifier makes of it for a receiver at 12345."""
    found = Verifier(ring or rooted(), [OWN]).examine_bulletin(bulletin(*records, **changes))
    assert isinstance(found, TrustedBulletin), found
    return found


def tiers(*, region: str = "12FFF", day: int = TODAY, start: int = 0, **changes: Any) -> TierSchedule:  # Any: codes
    """A day in which each tier holds an hour, three times."""
    fields: dict[str, Any] = {"slot": 0, "stagger": 9, "tiers": tuple(range(8)) * 3}  # Any: codes and tiers
    return TierSchedule(Region.parse(region), day, start, **(fields | changes))


def prices(*, region: str = "12FFF", day: int = TODAY, start: int = 0, **changes: Any) -> PriceSchedule:  # Any: codes
    fields: dict[str, Any] = {"slot": 0, "scale": EURO_CENT, "codes": tuple(range(24))}  # Any: codes
    return PriceSchedule(Region.parse(region), day, start, **(fields | changes))


def planned(
    amperes: int = 16,
    *,
    start: int = 60,
    region: str = "12FFF",
    **changes: Any,  # Any: codes
) -> PlannedEvent:
    """A curtailment an hour after the bulletin, for an hour, back within an hour; 0 A is a halt."""
    fields: dict[str, Any] = {"dispatch": ALL_AT_ONCE, "level": amperes, "duration": 0xC1, "release": 10}  # Any: codes
    kind = Curtail.TYPE if amperes else Halt.TYPE
    return PlannedEvent(**({"type": kind, "region": Region.parse(region), "start": start} | fields | changes))


def notice(text: str = "works on the line", *, region: str = "12FFF", duration: int = 0xC1) -> Notice:
    return Notice(Region.parse(region), 1, duration, text)


def table(item: int = 0, text: str = "Valley", *, region: str = "12FFF") -> Table:
    return Table(Region.parse(region), item, text.encode())


def tell(broadcast: Broadcast, envelopes: Envelopes) -> Broadcast:
    """Each envelope as a run of its own."""
    for envelope in envelopes:
        broadcast.send(envelope).silence(15)
    return broadcast
