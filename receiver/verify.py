"""Candidate envelopes in, what is trusted or the reason against it out: signature, key, validity, role, region.

This is the only file that makes a `Trusted` or a `TrustedRecord`; what acts on a charger takes nothing else (protocol,
What a receiver must do, 1). Replay and expiry, which need memory and time, are `ledger` and `clock`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from rds.oda.bulletin import Bulletin, Record, claimed_bulletin, is_bulletin_envelope
from rds.oda.certificate import ROOT_KEYS, Certificate
from rds.oda.certificate_pem import Vouched
from rds.oda.event_fields import EventFields
from rds.oda.messages import UrgentMessage, unpack_message
from rds.oda.records import BulletinRecord, unpack_record
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.region import EVERYONE, Region
from rds.oda.target_fields import TargetFields
from rds.oda.urgent_envelope import is_urgent_envelope, urgent_head
from receiver.bulletin_assembly import Envelopes
from receiver.keyring import Keyring
from receiver.oda_tracker import Candidate, Standing
from receiver.signers import Signers

M_co = TypeVar("M_co", bound=UrgentMessage, covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Rejection(Enum):
    """Why a candidate changes nothing: a word to count by, and words for people."""

    NO_KEY = "no key", "no certificate is configured; nothing can be verified"
    UNKNOWN_TYPE = "unknown type", "of a version, kind or type that this receiver does not know, or a reserved value"
    BULLETIN = "bulletin", "one envelope of a bulletin: nothing before all of them are there"
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
    FULL = "full", "all places are taken by what is worth more"
    OUT_OF_REACH = "out of reach", "a schedule that starts over a day before its bulletin or 8 days after it"
    UNSURE = "unsure clock", "nothing is planned on a time that one key alone says"
    OLD_EPOCH = "old epoch", "a certificate below the epoch that is held"

    def __init__(self, word: str, text: str) -> None:
        self.word = word
        self.text = text


@dataclass(frozen=True, slots=True)
class Trusted(Generic[M_co]):
    """A message whose signature, key, role and scope hold."""

    message: M_co
    certificate: Certificate
    envelope: bytes
    """Empty for a planned event, which has a bulletin's."""

    @property
    def ts(self) -> int:
        """The message's time stamp."""
        return self.message.ts

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
class ExaminedRecord:
    """A record of a trusted bulletin: either it is trusted itself, or something speaks against it."""

    number: int
    """Counted from 0 over all of the bulletin's records."""
    record: BulletinRecord | None
    """None: unknown, short or reserved."""
    trusted: TrustedRecord[BulletinRecord] | None = None
    event: Trusted[UrgentMessage] | None = None
    """A planned event as the message that would say the same, under its own time stamp."""
    rejection: Rejection | None = None


@dataclass(frozen=True, slots=True)
class TrustedBulletin:
    """An operator's bulletin whose signature holds, and what speaks for or against each of its records."""

    bulletin: Bulletin
    public_key: bytes
    envelopes: Envelopes
    records: tuple[ExaminedRecord, ...]

    @property
    def ts(self) -> int:
        """The bulletin's time stamp."""
        return self.bulletin.ts


@dataclass(frozen=True, slots=True)
class RootBulletin:
    """A root's bulletin whose signature holds: only its certificates count, whatever their scope."""

    bulletin: Bulletin
    envelopes: Envelopes
    vouched: Vouched


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


class Verifier:
    """Judges envelopes by a keyring.

    Args:
        keyring: Whom to believe.
        regions: The receiver's own codes; empty: any region counts, for a person who looks on.
    """

    def __init__(self, keyring: Keyring, regions: Iterable[Region] = ()) -> None:
        self._keyring = keyring
        self._regions = tuple(regions)
        self._signers = Signers(keyring)

    def standing(self, envelope: bytes) -> Standing:
        """See `oda_tracker.Judge`. A bulletin's envelope needs only its CRC to end the attempts."""
        if self._signers.is_proven(envelope) or is_bulletin_envelope(envelope):
            return Standing.PROVEN
        message = unpack_message(urgent_head(envelope))
        if message is None or not self._keyring.certificates(message.key):
            return Standing.WORTHLESS
        return Standing.OPEN

    def cost(self, envelope: bytes) -> int:
        """See `oda_tracker.Judge`."""
        message = unpack_message(urgent_head(envelope))
        return 0 if message is None else len(self._signers.public_keys(message.key))

    def verify(self, envelope: bytes) -> bool:
        """See `oda_tracker.Judge`."""
        return self._signers.signer(envelope) is not None

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

    def examine_envelope(self, envelope: bytes, *, restoring: bool = False) -> "Trusted[UrgentMessage] | Rejection":
        """The same for 75 bytes from elsewhere: their signature is verified here.

        Args:
            envelope: The 75 bytes.
            restoring: Whether they come from the store: then a key counts that lost its certificate just now.
        """
        if is_bulletin_envelope(envelope):
            return Rejection.BULLETIN
        message = unpack_message(urgent_head(envelope)) if is_urgent_envelope(envelope) else None
        if message is None:
            return Rejection.UNKNOWN_TYPE
        reason = None if self._signers.public_keys(message.key, restoring=restoring) else self._key_rejection(envelope)
        if reason is not None:
            return reason
        public_key = self._signers.signer(envelope, restoring=restoring)
        if public_key is None:
            return Rejection.BAD_SIGNATURE
        found = self._allowing(
            self._signers.certificates(message.key, public_key, restoring=restoring),
            message.ts,
            message.ROLE,
            lambda certificate: region_of(message, certificate),
        )
        return found if isinstance(found, Rejection) else Trusted(message, found, envelope)

    def bulletin_standing(self, envelopes: Envelopes) -> Standing:
        """See `bulletin_assembly.BulletinJudge`."""
        if self._signers.is_proven_bulletin(envelopes):
            return Standing.PROVEN
        claimed = claimed_bulletin(envelopes)
        return Standing.WORTHLESS if claimed is None or not self._signers.public_keys(claimed.key) else Standing.OPEN

    def bulletin_cost(self, envelopes: Envelopes) -> int:
        """See `bulletin_assembly.BulletinJudge`."""
        claimed = claimed_bulletin(envelopes)
        return 0 if claimed is None else len(self._signers.public_keys(claimed.key))

    def verify_bulletin(self, envelopes: Envelopes) -> bool:
        """See `bulletin_assembly.BulletinJudge`."""
        return self._signers.open(envelopes) is not None

    def examine_bulletin(
        self, envelopes: Envelopes, *, restoring: bool = False
    ) -> "TrustedBulletin | RootBulletin | Rejection":
        """What a bulletin says under an operator's key or, certificates alone, under a root; or what speaks against it.

        Args:
            envelopes: All of it, index 0 first; the signature is verified here.
            restoring: As in `examine_envelope`.
        """
        claimed = claimed_bulletin(envelopes)
        if claimed is None:
            return Rejection.UNKNOWN_TYPE
        if not self._signers.public_keys(claimed.key, restoring=restoring):
            return Rejection.UNKNOWN_KEY
        opened = self._signers.open(envelopes, restoring=restoring)
        if opened is None:
            return Rejection.BAD_SIGNATURE
        public_key, bulletin = opened
        if bulletin.key in ROOT_KEYS:
            found = (unpack_record(record) for record in bulletin.records)
            certificates = tuple(record for record in found if isinstance(record, Certificate))
            return RootBulletin(bulletin, envelopes, Vouched(public_key, bulletin.key, bulletin.ts, certificates))
        held = self._signers.certificates(bulletin.key, public_key, restoring=restoring)
        if not held:
            return Rejection.UNKNOWN_KEY
        examined = (self._examine_record(number, one, bulletin, held) for number, one in enumerate(bulletin.records))
        return TrustedBulletin(bulletin, public_key, envelopes, tuple(examined))

    def _examine_record(
        self, number: int, packed: Record, bulletin: Bulletin, held: Sequence[Certificate]
    ) -> ExaminedRecord:
        record = unpack_record(packed)
        if record is None:
            return ExaminedRecord(number, None, rejection=Rejection.UNKNOWN_TYPE)
        found = self._allowing(held, bulletin.ts, record.role, lambda _: _record_region(record))
        if isinstance(found, Rejection):
            return ExaminedRecord(number, record, rejection=found)
        trusted = TrustedRecord(record, found, bulletin.ts)
        if not isinstance(record, PlannedEvent):
            return ExaminedRecord(number, record, trusted)
        try:
            message = record.message(bulletin.key, bulletin.ts + number)
        except ValueError:  # a time stamp that no event may have
            return ExaminedRecord(number, record, rejection=Rejection.UNKNOWN_TYPE)
        return ExaminedRecord(number, record, trusted, Trusted(message, found, b""))

    def _allowing(
        self, held: Sequence[Certificate], ts: int, role: int, region: Callable[[Certificate], Region]
    ) -> Certificate | Rejection:
        """The first certificate of a key that allows what it signed, for a region of this receiver."""
        reasons = [(_certificate_rejection(one, ts, role, region(one)), one) for one in held]
        certificate = next((one for reason, one in reasons if reason is None), None)
        if certificate is None:
            return next((reason for reason, _ in reasons if reason is not None), Rejection.UNKNOWN_KEY)
        return certificate if self._is_own(region(certificate)) else Rejection.OTHER_REGION

    def _key_rejection(self, envelope: bytes) -> Rejection | None:
        if self._keyring.empty:
            return Rejection.NO_KEY
        message = unpack_message(urgent_head(envelope))
        known = message is not None and self._keyring.certificates(message.key)
        return None if known else Rejection.UNKNOWN_KEY

    def _is_own(self, region: Region) -> bool:
        return not self._regions or any(region.matches(code) for code in self._regions)


def region_of(message: UrgentMessage, certificate: Certificate) -> Region:
    """Whom a message is for; a heartbeat's region is its key's scope (protocol, Regions)."""
    return message.region if isinstance(message, (EventFields, TargetFields)) else certificate.scope


def _record_region(record: BulletinRecord) -> Region:
    """Whom a record is for. A certificate has no region, and needs none: no operator has the role to sign one."""
    return getattr(record, "region", EVERYONE)


def _certificate_rejection(certificate: Certificate, ts: int, role: int, region: Region) -> Rejection | None:
    """What a certificate has against what its own key signed."""
    if ts < certificate.not_before:
        return Rejection.NOT_YET_VALID
    if not certificate.valid_at(ts):
        return Rejection.NO_LONGER_VALID
    if role & certificate.roles != role:
        return Rejection.ROLE_MISSING
    if not region.within(certificate.scope):
        return Rejection.OUT_OF_SCOPE
    return None
