"""Messages in, signed envelopes out: an operator's key, its certificate's limits and its rising time stamps."""

from datetime import datetime
from typing import Final

from rds.errors import TrustError
from rds.oda.certificate import Certificate, Role
from rds.oda.event_fields import EventFields
from rds.oda.keys import PrivateKey
from rds.oda.messages import UrgentMessage
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

    def next_ts(self, now: datetime) -> int | None:
        """The time stamp that a message would get: max(tick now, last + 1), or None if that is too far ahead."""
        tick = tick_of(now)
        ts = max(tick, self.last_ts + 1)
        if target_of(ts) == ALL_TARGETS:
            ts += 1  # No event may carry the number that means all of them (protocol, TS).
        return ts if ts <= tick + MOST_TICKS_AHEAD else None

    def stamp(self, now: datetime) -> int:
        """Takes the next time stamp. A live head-end stores `last_ts` before it signs.

        Raises:
            TrustError: it would be over 30 ticks ahead of `now`.
        """
        ts = self.next_ts(now)
        if ts is None:
            raise TrustError(
                f"time stamp {self.last_ts + 1} would be more than {MOST_TICKS_AHEAD * 10} s ahead of "
                f"{now.isoformat()}; allowed on average: one message in 10 s; send fewer or later"
            )
        self.last_ts = ts
        return ts

    def sign(self, message: UrgentMessage) -> bytes:
        """The 75-byte envelope of a message that the certificate allows.

        Raises:
            TrustError: the certificate lacks the role, the region or the time: every receiver would refuse it.
        """
        self.require_role(message)
        certificate = self.certificate
        if isinstance(message, EventFields | TargetFields) and not message.region.within(certificate.scope):
            raise TrustError(
                f"region {message.region} is outside key {certificate.key}'s scope; allowed: within {certificate.scope}"
            )
        if not certificate.valid_at(message.ts):
            first, last = moment_of(certificate.not_before), moment_of(certificate.not_after)
            raise TrustError(
                f"{moment_of(message.ts).isoformat()} is outside key {certificate.key}'s validity; "
                f"allowed: {first.isoformat()} to {last.isoformat()}"
            )
        return sign_urgent(message, self._private_key, self.domain)

    def require_role(self, message: UrgentMessage | type[UrgentMessage]) -> None:
        """Refuses a kind of message that the certificate's roles do not cover.

        Raises:
            TrustError: the role is missing.
        """
        if message.ROLE & ~self.certificate.roles:
            held = ", ".join(role_names(self.certificate.roles)) or "none"
            wanted = role_names(Role(message.ROLE))[0]
            raise TrustError(f"{message.NAME} needs the role {wanted!r}; key {self.certificate.key} has: {held}")


def role_names(roles: Role) -> list[str]:
    """Roles as words, such as "load up"."""
    return [role.name.lower().replace("_", " ") for role in roles if role.name is not None]
