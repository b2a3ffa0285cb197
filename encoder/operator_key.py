"""Messages and bulletins in, signed envelopes out: an operator's key, its certificate's limits, its time stamps."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rds.errors import TrustError
from rds.oda.bulletin import Bulletin, sign_bulletin
from rds.oda.certificate import Certificate, Role
from rds.oda.event_fields import EventFields
from rds.oda.keys import PrivateKey
from rds.oda.messages import UrgentMessage
from rds.oda.records import BulletinRecord, pack_record
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.region import Region
from rds.oda.signature import Domain
from rds.oda.target_fields import ALL_TARGETS, TargetFields, target_of
from rds.oda.ticks import moment_of, tick_of
from rds.oda.urgent_envelope import sign_urgent

MOST_TICKS_AHEAD: Final = 30
"""A time stamp is at most this far ahead of the clock (protocol, TS)."""


class OperatorKey:
    """Signs what its certificate allows. One process owns a key: two would give the same time stamp twice."""

    def __init__(self, private_key: PrivateKey, certificate: Certificate, *, domain: Domain, last_ts: int = -1) -> None:
        """A key with its own certificate, whose newest time stamp so far is `last_ts`."""
        self._private_key = private_key
        self.certificate = certificate
        self.domain = domain
        self.last_ts = last_ts

    def next_ts(self, now: datetime, count: int = 1) -> int | None:
        """The time stamp that a message would get: max(tick now, last + 1), or None if that is too far ahead.

        Args:
            now: the moment.
            count: of successive time stamps that are to be free: a bulletin's planned events have their own.
        """
        tick = tick_of(now)
        ts = max(tick, self.last_ts + 1)
        if ALL_TARGETS - target_of(ts) < count:
            # No event may carry the number that means all of them (protocol, TS).
            ts += ALL_TARGETS - target_of(ts) + 1
        return ts if ts + count - 1 <= tick + MOST_TICKS_AHEAD else None

    def stamp(self, now: datetime, count: int = 1) -> int:
        """Takes the next time stamp, or `count` of them. A live head-end stores `last_ts` before it signs.

        Raises:
            TrustError: it would be over 30 ticks ahead of `now`.
        """
        ts = self.next_ts(now, count)
        if ts is None:
            raise TrustError(
                f"time stamp {self.last_ts + count} would be more than {MOST_TICKS_AHEAD * 10} s ahead of "
                f"{now.isoformat()}; allowed on average: one message in 10 s; send fewer or later"
            )
        self.last_ts = ts + count - 1
        return ts

    def sign(self, message: UrgentMessage) -> bytes:
        """The 75-byte envelope of a message that the certificate allows.

        Raises:
            TrustError: the certificate lacks the role, the region or the time: every receiver would refuse it.
        """
        self.require_role(message)
        if isinstance(message, EventFields | TargetFields):
            self._require_scope(message.region)
        self._require_validity(message.ts)
        return sign_urgent(message, self._private_key, self.domain)

    def sign_bulletin(self, number: int, ts: int, records: Sequence[BulletinRecord]) -> tuple[bytes, ...]:
        """The envelopes of 75 bytes of a bulletin that the certificate allows, index 0 first.

        Args:
            number: by which it is told from others on the air.
            ts: the first of the time stamps that `stamp` took for it: planned event n has the TS `ts` + n.
            records: what it says.

        Raises:
            TrustError: as `sign`.
            ValueError: the records do not fit a bulletin.
        """
        for index, record in enumerate(records):
            self._require(record.role, record.NAME)
            self._require_scope(record.region)
            self._require_validity(ts + index if isinstance(record, PlannedEvent) else ts)
        bulletin = Bulletin(number, self.certificate.key, ts, tuple(map(pack_record, records)))
        return sign_bulletin(bulletin, self._private_key, self.domain)

    def require_role(self, message: UrgentMessage | type[UrgentMessage]) -> None:
        """Refuses a kind of message that the certificate's roles do not cover.

        Raises:
            TrustError: the role is missing.
        """
        self._require(message.ROLE, message.NAME)

    def _require(self, role: int, name: str) -> None:
        if role & ~self.certificate.roles:
            held = ", ".join(role_names(self.certificate.roles)) or "none"
            wanted = (role_names(Role(role)) or ["root"])[0]
            raise TrustError(f"{name} needs the role {wanted!r}; key {self.certificate.key} has: {held}")

    def _require_scope(self, region: Region) -> None:
        certificate = self.certificate
        if not region.within(certificate.scope):
            raise TrustError(
                f"region {region} is outside key {certificate.key}'s scope; allowed: within {certificate.scope}"
            )

    def _require_validity(self, ts: int) -> None:
        certificate = self.certificate
        if not certificate.valid_at(ts):
            first, last = moment_of(certificate.not_before), moment_of(certificate.not_after)
            raise TrustError(
                f"{moment_of(ts).isoformat()} is outside key {certificate.key}'s validity; "
                f"allowed: {first.isoformat()} to {last.isoformat()}"
            )


def role_names(roles: Role) -> list[str]:
    """Roles as words, such as "load up"."""
    return [role.name.lower().replace("_", " ") for role in roles if role.name is not None]


def parse_roles(text: str) -> Role:
    """The roles of "all" or of names with commas between, such as "heartbeat,curtail,load-up".

    Raises:
        ValueError: another name.
    """
    names = {role.name.lower().replace("_", "-"): role for role in Role if role.name is not None}
    roles = Role(0)
    for name in text.split(",") if text != "all" else names:
        if name not in names:
            raise ValueError(f"role {name!r}; allowed: all, or with commas between: {', '.join(names)}")
        roles |= names[name]
    return roles
