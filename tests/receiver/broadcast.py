"""A broadcast written by hand, at the level of groups: published test keys in, received groups out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rds.basic import Programme
from rds.constants import GROUP_BITS, GROUP_PERIOD_S
from rds.oda.announcement import Announcement, pack_announcement
from rds.oda.application_group import CodedSymbol, pack_symbol
from rds.oda.certificate import ALL_ROLES, Certificate
from rds.oda.erasure_code import encode_envelope
from rds.oda.messages import UrgentMessage
from rds.oda.messages.cancel import Cancel
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.end import End
from rds.oda.messages.halt import Halt
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.region import EVERYONE, Region
from rds.oda.signature import Domain
from rds.oda.urgent_envelope import sign_urgent
from receiver.clock import TICK_MS
from receiver.keyring import Keyring
from receiver.received_group import ReceivedGroup
from receiver.settings import Settings

DOMAIN: Final = Domain(aid=0xC0DE, network=7)
OPERATOR: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""The protocol's test operator, key id 1."""
STRANGER: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(100, 132)))
PROGRAMME: Final = Programme(pi=0x1234)
TS: Final = 9_207_720
"""2026-12-01T17:00Z, the worked example's."""
T0_MS: Final = TS * TICK_MS
DEVICE_ID: Final = bytes(range(16))
OWN: Final = Region.parse_code("12345")
ALL_AT_ONCE: Final = 0x80


def certificate(private_key: Ed25519PrivateKey = OPERATOR, **changes: Any) -> Certificate:  # Any: fields of many types
    """The test operator's certificate: key id 1, all roles, all regions, 2026-06-01 to 2027-06-30."""
    public_key = private_key.public_key().public_bytes_raw()
    whole = Certificate(1, 0, 7_620_480, 11_024_640, ALL_ROLES, EVERYONE, public_key)
    return replace(whole, **changes)


def keyring(*certificates: Certificate) -> Keyring:
    return Keyring(DOMAIN, certificates or [certificate()])


def settings(**changes: Any) -> Settings:  # Any: fields of many types
    return replace(Settings(DEVICE_ID, rating_ma=32_000, installer_ma=32_000), **changes)


def curtail(amperes: int = 16, *, ts: int = TS, region: str = "12FFF", **changes: Any) -> Curtail:  # Any: as above
    """To some amperes, all at once, for 60 min, released within 60 min."""
    whole = Curtail(1, ts, Region.parse(region), dispatch=ALL_AT_ONCE, level=amperes, duration=0xC1, release=10)
    return replace(whole, **changes)


def halt(*, ts: int = TS, region: str = "12FFF", **changes: Any) -> Halt:  # Any: fields of many types
    whole = Halt(1, ts, Region.parse(region), dispatch=ALL_AT_ONCE, level=0, duration=0xC1, release=10)
    return replace(whole, **changes)


def end(target: int, *, ts: int, region: str = "FFFFF", release: int = 0, key: int = 1) -> End:
    return End(key, ts, Region.parse(region), target=target & 0xFFFFFF, release=release)


def cancel(target: int, *, ts: int, region: str = "FFFFF", release: int = 0, key: int = 1) -> Cancel:
    return Cancel(key, ts, Region.parse(region), target=target & 0xFFFFFF, release=release)


def heartbeat(ts: int = TS, **changes: Any) -> Heartbeat:  # Any: fields of many types
    return replace(Heartbeat(1, ts), **changes)


def signed(message: UrgentMessage, private_key: Ed25519PrivateKey = OPERATOR, domain: Domain = DOMAIN) -> bytes:
    return sign_urgent(message, private_key, domain)


class Broadcast:
    """Groups one after another, each at its own time; tags turn with the runs as a head-end's do."""

    def __init__(self, *, group_type: str = "11A", aid: int = DOMAIN.aid) -> None:
        self.groups: list[ReceivedGroup] = []
        self._group_type = group_type
        self._aid = aid
        self._slot = 0
        self._run = 0

    def announce(self, *, network: int = DOMAIN.network) -> "Broadcast":
        group = pack_announcement(Announcement(network), PROGRAMME, group_type=self._group_type, aid=self._aid)
        return self.words(group.words)

    def send(self, envelope: bytes, *, esis: Iterable[int] = range(30), tag: int | None = None) -> "Broadcast":
        """A run of one pass. Four runs pass within the 12 s of a slot at this pace, so each waits that long."""
        self.announce()
        self._run += 1
        symbols = encode_envelope(envelope)
        for esi in esis:
            symbol = CodedSymbol(self._run % 4 if tag is None else tag, esi, symbols[esi])
            self.words(pack_symbol(symbol, self._group_type, PROGRAMME).words)
        return self

    def say(self, *messages: UrgentMessage) -> "Broadcast":
        """Each message as the operator's run, 15 s apart."""
        for message in messages:
            self.send(signed(message)).silence(15)
        return self

    def silence(self, seconds: float) -> "Broadcast":
        self._slot += round(seconds / GROUP_PERIOD_S)
        return self

    def until(self, seconds: float) -> "Broadcast":
        """Silence up to a moment of the stream."""
        self._slot = max(self._slot, round(seconds / GROUP_PERIOD_S))
        return self

    def words(self, words: Sequence[int | None], *, corrected: bool = False) -> "Broadcast":
        one, two, three, four = words
        index, end_s = GROUP_BITS * self._slot, (self._slot + 1) * GROUP_PERIOD_S
        marks = (False, False, False, corrected)
        self.groups.append(ReceivedGroup((one, two, three, four), index, end_s, corrected=marks))
        self._slot += 1
        return self
