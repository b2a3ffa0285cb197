"""A network with published test keys, for tests: its operator key, its key files, its plans, and what a plan sends."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from encoder.operator_key import OperatorKey
from rds.group import Group
from rds.oda.application_group import CodedSymbol, unpack_symbol
from rds.oda.bulletin import Bulletin, is_bulletin_envelope, open_bulletin
from rds.oda.certificate import ALL_ROLES, Certificate, Role
from rds.oda.certificate_pem import armour, sign_certificates
from rds.oda.erasure_code import decode_symbols
from rds.oda.keys import private_key_of, private_key_pem, public_key_pem
from rds.oda.messages import UrgentMessage, unpack_message
from rds.oda.region import EVERYONE, Region
from rds.oda.signature import Domain
from rds.oda.ticks import tick_of
from rds.oda.urgent_envelope import urgent_head, verify_urgent

CLOCK = datetime(2026, 12, 1, 17, tzinfo=UTC)
DOMAIN = Domain(0xC0DE, 7)
OPERATOR = private_key_of(bytes(range(32)))
ROOT = private_key_of(bytes(range(32, 64)))
OPERATOR_PUBLIC = OPERATOR.public_key().public_bytes_raw()
ROOT_PUBLIC = ROOT.public_key().public_bytes_raw()
PASS = 30
"""Symbols of one pass."""


def certificate(
    *, roles: Role = ALL_ROLES, scope: Region = EVERYONE, not_before: datetime = CLOCK - timedelta(days=30)
) -> Certificate:
    """The certificate of operator key 1 for 300 days."""
    first = tick_of(not_before)
    return Certificate(1, 0, first, first + 300 * 8640, roles, scope, OPERATOR_PUBLIC)


def operator_key(vouched: Certificate | None = None) -> OperatorKey:
    """Operator key 1, fresh."""
    return OperatorKey(OPERATOR, vouched or certificate(), domain=DOMAIN)


def write_network(folder: Path, vouched: Certificate | None = None, *, domain: Domain = DOMAIN) -> None:
    """The key files that `plan_text` names, in a folder."""
    file = sign_certificates([vouched or certificate()], ROOT, domain, root_id=14, ts=tick_of(CLOCK))
    (folder / "operator.pem").write_bytes(private_key_pem(OPERATOR))
    (folder / "root.public.pem").write_bytes(public_key_pem(ROOT_PUBLIC))
    (folder / "certificate.pem").write_text(armour(file))


def plan_text(*messages: str, station: str = "", application: str = "groups_per_second = 4", network: int = 7) -> str:
    """A plan of the protocol's example station with these messages."""
    return "\n".join(
        [
            f'[station]\npi = "1234"\nps = "EVRDS"\n{station}',
            f"[application]\nnetwork = {network}\n{application}",
            '[keys]\noperator = "operator.pem"\ncertificate = "certificate.pem"\nroot = "root.public.pem"',
            *(f"[[message]]\n{message}" for message in messages),
        ]
    )


def application_symbols(groups: Iterable[Group], group_type: str = "11A") -> list[CodedSymbol]:
    """The symbols in application groups, in the order sent."""
    symbols = (unpack_symbol(*group.words[1:]) for group in groups if group.group_type == group_type)
    return [symbol for symbol in symbols if symbol is not None]


def runs(symbols: Sequence[CodedSymbol]) -> list[list[CodedSymbol]]:
    """Symbols cut where the tag changes."""
    found: list[list[CodedSymbol]] = []
    for symbol in symbols:
        if not found or found[-1][-1].tag != symbol.tag:
            found.append([])
        found[-1].append(symbol)
    return found


def envelope_of(run: Sequence[CodedSymbol]) -> bytes:
    """The envelope of a run of at least 20 symbols."""
    envelope = decode_symbols({symbol.esi: symbol.value for symbol in run})
    assert envelope is not None
    return envelope


def bulletins(envelopes: Iterable[bytes]) -> list[Bulletin]:
    """The operator's or root's bulletins in envelopes, each once, as soon as they are whole; signatures checked."""
    parts: dict[tuple[int, int, int], dict[int, bytes]] = {}
    found: list[Bulletin] = []
    for envelope in envelopes:
        if is_bulletin_envelope(envelope):
            number, index, last, stamp = envelope[0] & 0xF, envelope[1] >> 4, envelope[1] & 0xF, envelope[2]
            held = parts.setdefault((number, last, stamp), {})
            held[index] = envelope
            if len(held) == last + 1:
                whole = [held[part] for part in range(last + 1)]
                opened_ones = (open_bulletin(whole, key, DOMAIN) for key in (OPERATOR_PUBLIC, ROOT_PUBLIC))
                [bulletin] = [each for each in opened_ones if each is not None]
                found += [] if bulletin in found else [bulletin]
    return found


def opened(run: Sequence[CodedSymbol]) -> UrgentMessage:
    """The message of a run of at least 20 symbols, its signature checked."""
    envelope = envelope_of(run)
    assert verify_urgent(envelope, OPERATOR_PUBLIC, DOMAIN)
    message = unpack_message(urgent_head(envelope))
    assert message is not None
    return message


def bulletin_text(*records: str, at: str = "00:00:00") -> str:
    """A bulletin of a plan, to stand at the plan's end."""
    return "\n".join([f'[[bulletin]]\nat = "{at}"', *(f"[[bulletin.record]]\n{record}" for record in records)])
