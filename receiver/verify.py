"""Candidate envelopes in, trusted messages or the reason against them out: signature, key, validity, role, region.

This is the only file that makes a `Trusted`; what acts on a charger takes nothing else (protocol, What a receiver must
do, 1). Replay and expiry, which need memory and time, are `ledger` and `clock`.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeVar

from rds.oda.bulletin import is_bulletin_envelope
from rds.oda.certificate import Certificate
from rds.oda.event_fields import EventFields
from rds.oda.messages import UrgentMessage, unpack_message
from rds.oda.region import Region
from rds.oda.signature import Domain
from rds.oda.target_fields import TargetFields
from rds.oda.urgent_envelope import is_urgent_envelope, urgent_head, verify_urgent
from receiver.oda_tracker import Candidate, Standing

M_co = TypeVar("M_co", bound=UrgentMessage, covariant=True)
R_co = TypeVar("R_co", covariant=True)
PROVEN_REMEMBERED: Final = 16


class Rejection(Enum):
    """Why a candidate changes nothing: a word to count by, and words for people."""

    NO_KEY = "no key", "no certificate is configured; nothing can be verified"
    UNKNOWN_TYPE = "unknown type", "of a version, kind or type that this receiver does not know, or a reserved value"
    BULLETIN = "bulletin", "a bulletin's envelope; this receiver reads urgent envelopes"
    UNKNOWN_KEY = "unknown key", "no certificate for this key id"
    BAD_SIGNATURE = "bad signature", "changed on its way, forged, or signed for another network, AID or key"
    WRONG_NETWORK = "wrong network", "the signature does not hold here and the station's 3A names another network"
    NOT_YET_VALID = "not yet valid", "dated before the key's certificate begins"
    NO_LONGER_VALID = "no longer valid", "dated after the key's certificate ends"
    ROLE_MISSING = "role missing", "the key's certificate does not allow this type"
    OUT_OF_SCOPE = "out of scope", "the region is not within the key's scope"
    OTHER_REGION = "other region", "for another region than this receiver's"
    FUTURE = "future", "dated more than 10 min ahead of the trusted clock"
    STALE = "stale", "a heartbeat dated more than 10 min behind the trusted clock"
    WAITING = "waiting", "no trusted clock yet: waits for the first heartbeat"
    REPLAY = "replay", "not newer than the key's last of this type"
    REPEAT = "repeat", "held, ended or answered already: nothing changes"
    EXPIRED = "expired", "past its own end"
    VOID = "void", "below the key's horizon, or ended before it was heard"
    KEY_ALARM = "key alarm", "the key signed two messages with one time stamp: the first is kept"
    FULL = "full", "all event places are taken by lower limits"

    def __init__(self, word: str, text: str) -> None:
        self.word = word
        self.text = text


@dataclass(frozen=True, slots=True)
class Trusted(Generic[M_co]):
    """A message whose signature, key, role and scope hold."""

    message: M_co
    certificate: Certificate
    envelope: bytes

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that state belongs to: key ids are lent, keys are not."""
        return self.certificate.public_key


@dataclass(frozen=True, slots=True)
class TrustedRecord(Generic[R_co]):
    """A bulletin's record whose signature, key, role, scope and region hold."""

    record: R_co
    certificate: Certificate
    ts: int
    """The bulletin's time stamp."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that state belongs to."""
        return self.certificate.public_key


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a candidate."""

    candidate: Candidate
    message: UrgentMessage | None
    """As far as it could be read; shown even where it is refused."""
    rejection: Rejection | None
    """None: taken."""

    @property
    def accepted(self) -> bool:
        """Whether it counts."""
        return self.rejection is None


class Keyring:
    """The operators' certificates by key id. Of several epochs only the highest counts (protocol, Epoch)."""

    def __init__(self, domain: Domain, certificates: Iterable[Certificate] = ()) -> None:
        held = list(certificates)
        epoch = max((certificate.epoch for certificate in held), default=0)
        self.domain = domain
        self._by_id: dict[int, list[Certificate]] = {}
        for certificate in held:
            if certificate.epoch == epoch:
                self._by_id.setdefault(certificate.key, []).append(certificate)

    @property
    def empty(self) -> bool:
        """Whether nothing can be verified at all."""
        return not self._by_id

    def certificates(self, key: int) -> Sequence[Certificate]:
        """The certificates of a key id: several where validities overlap or a key was changed."""
        return self._by_id.get(key, ())

    def public_keys(self, key: int) -> list[bytes]:
        """The different public keys of a key id."""
        return list(dict.fromkeys(certificate.public_key for certificate in self.certificates(key)))


class Verifier:
    """Judges envelopes by a keyring; remembers the last 16 whose signature held, so that repeats cost nothing.

    Args:
        keyring: Whom to believe.
        regions: The receiver's own codes; empty: any region counts, for a person who looks on.
    """

    def __init__(self, keyring: Keyring, regions: Iterable[Region] = ()) -> None:
        self._keyring = keyring
        self._regions = tuple(regions)
        self._proven: OrderedDict[bytes, bytes] = OrderedDict()

    def standing(self, envelope: bytes) -> Standing:
        """See `oda_tracker.Judge`. A bulletin's envelope needs only its CRC to end the attempts."""
        if envelope in self._proven or is_bulletin_envelope(envelope):
            return Standing.PROVEN
        message = unpack_message(urgent_head(envelope))
        if message is None or not self._keyring.certificates(message.key):
            return Standing.WORTHLESS
        return Standing.OPEN

    def verify(self, envelope: bytes) -> bool:
        """See `oda_tracker.Judge`."""
        return self._public_key(envelope) is not None

    def examine(self, candidate: Candidate) -> "Trusted[UrgentMessage] | Rejection":
        """The trusted message, or what speaks against it short of time and memory."""
        envelope = candidate.envelope
        if candidate.proven:
            return self.examine_envelope(envelope)
        if not is_urgent_envelope(envelope) or unpack_message(urgent_head(envelope)) is None:
            return Rejection.UNKNOWN_TYPE
        reason = self._key_rejection(envelope)
        if reason is not None:
            return reason
        announced = candidate.announced_network
        other = announced is not None and announced != self._keyring.domain.network & 0x3F
        return Rejection.WRONG_NETWORK if other else Rejection.BAD_SIGNATURE

    def examine_envelope(self, envelope: bytes) -> "Trusted[UrgentMessage] | Rejection":
        """The same for 75 bytes from elsewhere, such as the store: their signature is verified here."""
        if is_bulletin_envelope(envelope):
            return Rejection.BULLETIN
        message = unpack_message(urgent_head(envelope)) if is_urgent_envelope(envelope) else None
        if message is None:
            return Rejection.UNKNOWN_TYPE
        reason = self._key_rejection(envelope)
        if reason is not None:
            return reason
        public_key = self._public_key(envelope)
        if public_key is None:
            return Rejection.BAD_SIGNATURE
        held = [one for one in self._keyring.certificates(message.key) if one.public_key == public_key]
        reasons = [(_certificate_rejection(message, one), one) for one in held]
        certificate = next((one for reason, one in reasons if reason is None), None)
        if certificate is None:
            return next(reason for reason, _ in reasons if reason is not None)
        if not self._is_own(region_of(message, certificate)):
            return Rejection.OTHER_REGION
        return Trusted(message, certificate, envelope)

    def _key_rejection(self, envelope: bytes) -> Rejection | None:
        if self._keyring.empty:
            return Rejection.NO_KEY
        message = unpack_message(urgent_head(envelope))
        known = message is not None and self._keyring.certificates(message.key)
        return None if known else Rejection.UNKNOWN_KEY

    def _public_key(self, envelope: bytes) -> bytes | None:
        """The public key that signed an urgent envelope."""
        if envelope in self._proven:
            return self._proven[envelope]
        message = unpack_message(urgent_head(envelope))
        if message is None:
            return None
        for public_key in self._keyring.public_keys(message.key):
            if verify_urgent(envelope, public_key, self._keyring.domain):
                self._proven[envelope] = public_key
                if len(self._proven) > PROVEN_REMEMBERED:
                    self._proven.popitem(last=False)
                return public_key
        return None

    def _is_own(self, region: Region) -> bool:
        return not self._regions or any(region.matches(code) for code in self._regions)


def region_of(message: UrgentMessage, certificate: Certificate) -> Region:
    """Whom a message is for; a heartbeat's region is its key's scope (protocol, Regions)."""
    return message.region if isinstance(message, (EventFields, TargetFields)) else certificate.scope


def _certificate_rejection(message: UrgentMessage, certificate: Certificate) -> Rejection | None:
    """What a certificate has against a message of its own key."""
    if message.ts < certificate.not_before:
        return Rejection.NOT_YET_VALID
    if not certificate.valid_at(message.ts):
        return Rejection.NO_LONGER_VALID
    if message.ROLE & certificate.roles != message.ROLE:
        return Rejection.ROLE_MISSING
    if not region_of(message, certificate).within(certificate.scope):
        return Rejection.OUT_OF_SCOPE
    return None
