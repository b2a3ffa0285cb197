"""Roots and the certificates they signed in, configured, heard or stored; whom to believe now out (protocol, Keys).

A certificate counts by its epoch and its bulletin's time stamp alone, so the order of hearing changes nothing. A public
key that lost its last certificate is told after ten minutes, for whoever holds state of it: a new epoch may come in
several bulletins.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from rds.oda.certificate import Certificate
from rds.oda.certificate_pem import CertificateFile, Vouched, open_certificates
from rds.oda.signature import Domain

LAPSE_MS: Final = 10 * 60_000
CERTIFICATES_A_KEY: Final = 2
"""Of one key id: validities overlap by two (protocol, Keys), which stand in one bulletin."""
_CONFIGURED_TS: Final = -1
"""Of certificates given without their bulletin: any that is heard is newer."""


class Taken(Enum):
    """What became of a certificate."""

    NEW = "new"
    HELD = "held"
    OLDER = "older"
    """The bulletin is not newer than what is held of its key id."""
    OLD_EPOCH = "old epoch"
    SECOND = "second"
    """The root signed another content with this time stamp."""
    TOO_MANY = "too many"


@dataclass(frozen=True, slots=True)
class _Held:
    """A certificate and the bulletin that it came in."""

    certificate: Certificate
    ts: int
    root: bytes
    envelopes: tuple[bytes, ...]


class Keyring:
    """The operators' certificates of the highest epoch by key id.

    Args:
        domain: The application and network that every signature is for.
        certificates: Operators' certificates, verified, given without their bulletins.
        roots: The public keys of the roots; without any nothing can be added.
    """

    def __init__(
        self, domain: Domain, certificates: Iterable[Certificate] = (), *, roots: Iterable[bytes] = ()
    ) -> None:
        self.domain = domain
        self.roots = tuple(roots)
        self.epoch = 0
        self._by_id: dict[int, list[_Held]] = {}
        self._retired: dict[bytes, tuple[int, list[_Held]]] = {}
        """By public key that has no certificate any more: since when in the stream, and what it had."""
        given = list(certificates)
        self.epoch = max((certificate.epoch for certificate in given), default=0)
        for certificate in given:
            if certificate.epoch == self.epoch:
                held = _Held(certificate, _CONFIGURED_TS, b"", ())
                self._by_id.setdefault(certificate.key, []).append(held)

    def copy(self) -> Self:
        """A keyring of its own that begins with what this one holds."""
        twin = type(self)(self.domain, roots=self.roots)
        twin.epoch = self.epoch
        twin._by_id = {key: list(held) for key, held in self._by_id.items()}
        twin._retired = {public_key: (since_ms, list(held)) for public_key, (since_ms, held) in self._retired.items()}
        return twin

    @property
    def empty(self) -> bool:
        """Whether no message can be verified."""
        return not self._by_id

    @property
    def standing(self) -> list[Certificate]:
        """Every certificate that counts."""
        return [held.certificate for held in self._every()]

    def certificates(self, key: int) -> Sequence[Certificate]:
        """The certificates of a key id: several where validities overlap or a key was changed."""
        return [held.certificate for held in self._by_id.get(key, ())]

    def public_keys(self, key: int) -> list[bytes]:
        """The different public keys of a key id."""
        return list(dict.fromkeys(certificate.public_key for certificate in self.certificates(key)))

    def retired(self, key: int) -> list[Certificate]:
        """The certificates that a key id had until less than ten minutes ago: good for what is held, not for news."""
        every = (held.certificate for _, group in self._retired.values() for held in group)
        return [certificate for certificate in every if certificate.key == key]

    def take(self, vouched: Vouched, envelopes: Sequence[bytes] = (), *, at_ms: int = 0) -> list[Taken]:
        """Add what a root signed (protocol, Epoch); what became of each certificate, in order.

        Args:
            vouched: The certificates under the root's signature.
            envelopes: The bulletin's where a store must keep them: what was configured comes again by itself.
            at_ms: The moment of the stream.
        """
        before = list(self._every())
        epoch = max((certificate.epoch for certificate in vouched.certificates), default=self.epoch)
        if epoch > self.epoch:
            self.epoch = epoch
            self._by_id = {}
        outcomes = [self._outcome(certificate, vouched) for certificate in vouched.certificates]
        fresh: dict[int, list[_Held]] = {}
        for number, certificate in enumerate(vouched.certificates):
            if outcomes[number] is Taken.NEW:
                group = fresh.setdefault(certificate.key, [])
                if len(group) == CERTIFICATES_A_KEY:
                    outcomes[number] = Taken.TOO_MANY
                else:
                    group.append(_Held(certificate, vouched.ts, vouched.root, tuple(envelopes)))
        self._by_id |= fresh
        self._retire(before, at_ms)
        return outcomes

    def restore(self, bulletins: Iterable[Sequence[bytes]]) -> None:
        """Add stored bulletins, verified anew; the oldest first, so that who was without a certificate is so again."""
        opened = [(open_certificates(CertificateFile(self.domain, tuple(one)), self.roots), one) for one in bulletins]
        genuine = [(vouched, one) for vouched, one in opened if vouched is not None and vouched.certificates]
        for vouched, one in sorted(genuine, key=lambda pair: (_epoch(pair[0]), pair[0].ts)):
            self.take(vouched, one)

    def snapshot(self) -> tuple[tuple[bytes, ...], ...]:
        """The bulletins that a store must keep, each as its envelopes."""
        retired = (held for _, group in self._retired.values() for held in group)
        return tuple(dict.fromkeys(held.envelopes for held in (*self._every(), *retired) if held.envelopes))

    @property
    def lapse_at_ms(self) -> int | None:
        """When in the stream the next public key's ten minutes are over."""
        return min((since_ms + LAPSE_MS for since_ms, _ in self._retired.values()), default=None)

    def lapse(self, at_ms: int) -> list[bytes]:
        """The public keys that have been without a certificate for ten minutes: told once."""
        lapsed = [key for key, (since_ms, _) in self._retired.items() if at_ms - since_ms >= LAPSE_MS]
        for public_key in lapsed:
            del self._retired[public_key]
        return lapsed

    def _every(self) -> Iterator[_Held]:
        return (held for group in self._by_id.values() for held in group)

    def _outcome(self, certificate: Certificate, vouched: Vouched) -> Taken:
        if certificate.epoch < self.epoch:
            return Taken.OLD_EPOCH
        held = self._by_id.get(certificate.key, [])
        ts = held[0].ts if held else _CONFIGURED_TS
        if vouched.ts > ts:
            return Taken.NEW
        if vouched.ts < ts:
            return Taken.OLDER
        if any(one.certificate == certificate for one in held):
            return Taken.HELD
        return Taken.SECOND if held[0].root == vouched.root else Taken.OLDER

    def _retire(self, before: Sequence[_Held], at_ms: int) -> None:
        """Note which public keys have lost their last certificate, and which have one again."""
        certified = {held.certificate.public_key for held in self._every()}
        for public_key in certified & self._retired.keys():
            del self._retired[public_key]
        for held in before:
            if held.certificate.public_key not in certified:
                self._retired.setdefault(held.certificate.public_key, (at_ms, []))[1].append(held)


def _epoch(vouched: Vouched) -> int:
    return max(certificate.epoch for certificate in vouched.certificates)
