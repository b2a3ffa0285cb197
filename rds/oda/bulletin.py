"""Records to 2 to 16 envelopes under one signature, and back (protocol, Bulletin).

envelope   VVKKbbbb iiiillll ssssssss | payload 70 bytes | CRC-16
version 2, kind 2, bulletin 4, index 4, last 4, stamp 8
payloads   VVKKbbbb kkkk tttttttttttttttttttttttttttt nnnnnnnn | signature 64 bytes | records, then zeros
version 2, kind 2, bulletin 4, key 4, TS 28, records 8
"""

import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rds.fields import Layout
from rds.oda.erasure_code import ENVELOPE_OCTETS
from rds.oda.messages import KIND_BULLETIN, VERSION
from rds.oda.signature import SIGNATURE_OCTETS, Domain, sign, verify

_ENVELOPE_HEAD: Final = Layout("version:2 kind:2 bulletin:4 index:4 last:4 stamp:8")
_HEAD: Final = Layout("version:2 kind:2 bulletin:4 key:4 ts:28 records:8")
_CRC_OCTETS: Final = 2
PAYLOAD_OCTETS: Final = ENVELOPE_OCTETS - _ENVELOPE_HEAD.octets - _CRC_OCTETS
MAX_ENVELOPES: Final = 16
MAX_RECORD_OCTETS: Final = 255


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its type and its body of at most 255 bytes."""

    type: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A bulletin's head and records."""

    number: int
    key: int
    ts: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class EnvelopeHead:
    """Where one envelope belongs: of which bulletin, at which index, the last of them, and the low 8 bits of its TS."""

    bulletin: int
    index: int
    last: int
    stamp: int


def crc16(data: bytes) -> int:
    """CRC-16: polynomial 0x1021, initial FFFF, not reflected, not inverted."""
    return binascii.crc_hqx(data, 0xFFFF)


def sign_bulletin(bulletin: Bulletin, private_key: Ed25519PrivateKey, domain: Domain) -> tuple[bytes, ...]:
    """The envelopes of 75 bytes, index 0 first.

    Raises:
        ValueError: the records do not fit 16 envelopes, or a field its width.
    """
    if any(len(record.body) > MAX_RECORD_OCTETS for record in bulletin.records):
        raise ValueError(f"a record's body has at most {MAX_RECORD_OCTETS} bytes")
    head = _HEAD.pack(
        {
            "version": VERSION,
            "kind": KIND_BULLETIN,
            "bulletin": bulletin.number,
            "key": bulletin.key,
            "ts": bulletin.ts,
            "records": len(bulletin.records),
        }
    )
    records = b"".join(bytes([record.type, len(record.body)]) + record.body for record in bulletin.records)
    count = 1 + max(1, -(-len(records) // PAYLOAD_OCTETS))
    if count > MAX_ENVELOPES:
        raise ValueError(f"{len(records)} bytes of records; a bulletin holds {(MAX_ENVELOPES - 1) * PAYLOAD_OCTETS}")
    records = records.ljust((count - 1) * PAYLOAD_OCTETS, b"\0")
    payloads = head + sign(head + records, private_key, domain) + records
    return tuple(
        _close_envelope(bulletin, index, count - 1, payloads[PAYLOAD_OCTETS * index : PAYLOAD_OCTETS * (index + 1)])
        for index in range(count)
    )


def _close_envelope(bulletin: Bulletin, index: int, last: int, payload: bytes) -> bytes:
    head = _ENVELOPE_HEAD.pack(
        {
            "version": VERSION,
            "kind": KIND_BULLETIN,
            "bulletin": bulletin.number,
            "index": index,
            "last": last,
            "stamp": bulletin.ts & 0xFF,
        }
    )
    return head + payload + crc16(head + payload).to_bytes(_CRC_OCTETS, "big")


def is_bulletin_envelope(envelope: bytes) -> bool:
    """Whether 75 bytes are a bulletin's envelope of this version with a good CRC."""
    return (
        len(envelope) == ENVELOPE_OCTETS
        and envelope[0] >> 4 == VERSION << 2 | KIND_BULLETIN
        and crc16(envelope[:-_CRC_OCTETS]) == int.from_bytes(envelope[-_CRC_OCTETS:], "big")
    )


def envelope_head(envelope: bytes) -> EnvelopeHead | None:
    """Where an envelope belongs, unverified; None if it is no bulletin's, or of a bulletin that cannot be: total."""
    if not is_bulletin_envelope(envelope):
        return None
    values = _ENVELOPE_HEAD.unpack(envelope)
    head = EnvelopeHead(values["bulletin"], values["index"], values["last"], values["stamp"])
    return head if head.last and head.index <= head.last else None


def claimed_bulletin(envelopes: Sequence[bytes]) -> Bulletin | None:
    """What all envelopes of a bulletin in order claim, without records and unverified.

    None unless every CRC holds and every header is as the bulletin's head says: no signature could make it count.
    """
    if not 2 <= len(envelopes) <= MAX_ENVELOPES or not all(map(is_bulletin_envelope, envelopes)):
        return None
    fields = _HEAD.unpack(envelopes[0][_ENVELOPE_HEAD.octets :])
    if (fields["version"], fields["kind"]) != (VERSION, KIND_BULLETIN):
        return None
    for index, envelope in enumerate(envelopes):
        wanted = EnvelopeHead(fields["bulletin"], index, len(envelopes) - 1, fields["ts"] & 0xFF)
        if envelope_head(envelope) != wanted:
            return None
    return Bulletin(number=fields["bulletin"], key=fields["key"], ts=fields["ts"], records=())


def open_bulletin(envelopes: Sequence[bytes], public_key: bytes, domain: Domain) -> Bulletin | None:
    """The bulletin of all its envelopes in order, or None unless every CRC, header and the signature hold: total."""
    claimed = claimed_bulletin(envelopes)
    if claimed is None:
        return None
    payloads = b"".join(envelope[_ENVELOPE_HEAD.octets : -_CRC_OCTETS] for envelope in envelopes)
    head, signature = payloads[: _HEAD.octets], payloads[_HEAD.octets : _HEAD.octets + SIGNATURE_OCTETS]
    content = payloads[_HEAD.octets + SIGNATURE_OCTETS :]
    if not verify(head + content, signature, public_key, domain):
        return None
    return replace(claimed, records=_parse_records(content, _HEAD.unpack(head)["records"]))


def _parse_records(content: bytes, count: int) -> tuple[Record, ...]:
    """The records in signed content; parsing stops where one would pass the end."""
    records, start = [], 0
    for _ in range(count):
        if start + 2 > len(content) or start + 2 + content[start + 1] > len(content):
            break
        end = start + 2 + content[start + 1]
        records.append(Record(content[start], content[start + 2 : end]))
        start = end
    return tuple(records)
