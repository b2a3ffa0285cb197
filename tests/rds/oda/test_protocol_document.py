"""The examples of docs/protocol.md, each both ways: its meaning makes its bytes, and its bytes mean it."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rds.basic import Programme
from rds.group import GROUP_TYPES, Group
from rds.oda.announcement import Announcement, announced_group_type, pack_announcement, unpack_announcement
from rds.oda.application_group import CodedSymbol, pack_symbol, unpack_symbol
from rds.oda.bulletin import Bulletin, Record, crc16, open_bulletin, sign_bulletin
from rds.oda.certificate import Certificate, Role
from rds.oda.certificate_pem import CertificateFile, armour, parse_armour, verified_certificates
from rds.oda.codes import duration_s, level_text, release_s
from rds.oda.draw import delay_ms, draw
from rds.oda.erasure_code import decode_symbols, encode_envelope
from rds.oda.messages import UrgentMessage, message_types, pack_message, unpack_message
from rds.oda.records import BulletinRecord, pack_record, unpack_record
from rds.oda.records.notice import Notice
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import Region
from rds.oda.schedule_fields import ScheduleFields
from rds.oda.signature import Domain, is_public_key, sign, verify
from rds.oda.ticks import TICK_S, moment_of
from rds.oda.urgent_envelope import sign_urgent, verify_urgent
from tests.rds.oda.protocol_document import BLOCKS, TEXT, Example, Field

_FILE: Final = "certificate-file"
_CAROUSEL: Final = "carousel"
"""Checked where the sender is: tests/encoder/test_rotation.py."""
_EXAMPLES: Final = {name: Example.parse(body) for name, body in BLOCKS.items() if name not in (_FILE, _CAROUSEL)}
_SIGNATURE: Final = _EXAMPLES["signature"]
_BULLETIN: Final = _EXAMPLES["bulletin"]


def _key_and_domain(example: Example) -> tuple[Ed25519PrivateKey, bytes, Domain]:
    private_key = Ed25519PrivateKey.from_private_bytes(example.octets("private-key"))
    public_key = example.octets("public-key")
    assert private_key.public_key().public_bytes_raw() == public_key
    assert is_public_key(public_key)
    return private_key, public_key, Domain(int(example.values["aid"], 16), int(example.values["network"]))


def _check_meaning(field: Field) -> None:
    """A moment, a time in minutes, a level or a type that a field's last column states.

    Raises:
        AssertionError: the field's value does not mean it.
    """
    value = int(field.value, 0) if field.name not in ("region", "scope") else 0
    if field.name in ("ts", "not_before", "not_after"):
        assert moment_of(value) == datetime.fromisoformat(field.meaning)
    elif field.name == "duration":
        assert field.meaning == f"{duration_s(value) // 60} min"
    elif field.name == "release":
        assert field.meaning == f"{(release_s(value) or 0) // 60} min"
    elif field.name == "level":
        assert field.meaning == level_text(value)
    elif field.name == "type":
        assert field.meaning == message_types()[value].NAME


def _message_of(example: Example) -> UrgentMessage:
    """The message that the fields of an example say, checked against its bytes."""
    example.check_digits()
    for field in example.fields:
        _check_meaning(field)
    values = example.numbers_by_name
    kind = message_types()[values["type"]]
    names = [field.name for field in fields(cast("Any", kind))]  # Any: a Protocol is no dataclass to the checker
    arguments = {name: Region(values[name]) if name == "region" else values[name] for name in names}
    message = cast("Any", kind)(**arguments)
    assert tuple(field.name for field in example.fields) == kind.LAYOUT.names
    assert example.packed == example.octets("message") == pack_message(message)
    assert unpack_message(example.octets("message")) == message
    return cast("UrgentMessage", message)


def _check_message(name: str) -> Callable[[Example], None]:
    def check(example: Example) -> None:
        private_key, public_key, domain = _key_and_domain(_SIGNATURE)
        message = _message_of(example)
        signature = (example if "signature" in example.values else _SIGNATURE).octets("signature")
        envelope = example.octets("message") + signature
        assert sign_urgent(message, private_key, domain) == envelope
        assert verify_urgent(envelope, public_key, domain)
        assert example.fields[2].meaning == message.NAME == name

    return check


def _check_horizon(example: Example) -> None:
    _check_message("heartbeat")(example)
    message = cast("Any", _message_of(example))  # Any: the heartbeat's own property is not the Protocol's
    meaning = next(field.meaning for field in example.fields if field.name == "horizon")
    assert meaning == f"void below TS {message.void_below}"


def _check_end(example: Example) -> None:
    _check_message("end")(example)
    event = _EXAMPLES["curtail"].numbers_by_name
    assert example.numbers_by_name["target"] == event["ts"] & 0xFFFFFF


def _check_signature(example: Example) -> None:
    private_key, public_key, domain = _key_and_domain(example)
    message = _EXAMPLES["curtail"].octets("message")
    assert domain.signed(message) == example.octets("signed")
    assert sign(message, private_key, domain) == example.octets("signature")
    assert verify(message, example.octets("signature"), public_key, domain)


def _check_groups(example: Example) -> None:
    words = [int(word, 16) for word in example.values["groups"].split()]
    groups = [Group(cast("Any", tuple(words[i : i + 4]))) for i in range(0, len(words), 4)]  # Any: four words each
    envelope = _EXAMPLES["curtail"].octets("message") + _SIGNATURE.octets("signature")
    symbols = encode_envelope(envelope)
    assert groups == [
        pack_symbol(CodedSymbol(1, esi, value), "11A", Programme(pi=0x1234)) for esi, value in enumerate(symbols)
    ]
    received = [unpack_symbol(*group.words[1:]) for group in groups]
    parity_first = {symbol.esi: symbol.value for symbol in received[10:] if symbol}
    assert len(parity_first) == 20
    assert decode_symbols(parity_first) == envelope


def _times(a: int, b: int) -> int:
    """The product in GF(64) by the rule that the text gives: shift, and take off 1000011."""
    product = 0
    while b:
        product, b = product ^ (a if b & 1 else 0), b >> 1
        a = a << 1 ^ (0b1000011 if a & 0x20 else 0)
    return product


def _check_field(example: Example) -> None:
    power, powers = 1, []
    for _ in range(63):
        powers.append(power)
        power = _times(power, 2)
    assert power == 1
    assert example.numbers("powers") == powers
    generator = [1]
    for root in powers[:10]:
        generator = [a ^ _times(b, root) for a, b in zip([*generator, 0], [0, *generator], strict=True)]
    assert example.numbers("generator") == generator


def _check_lane(example: Example) -> None:
    generator = _EXAMPLES["field"].numbers("generator")[1:]
    data, remainder = example.numbers("data"), [0] * 10
    for step, value in enumerate(data, start=1):
        factor = value ^ remainder[0]
        remainder = [a ^ _times(factor, b) for a, b in zip([*remainder[1:], 0], generator, strict=True)]
        if step <= 3:
            assert example.values[f"step-{step}"] == f"{factor} : {' '.join(map(str, remainder))}"
    assert example.numbers("parity") == remainder
    envelope = _EXAMPLES["curtail"].octets("message") + _SIGNATURE.octets("signature")
    assert [symbol >> 24 for symbol in encode_envelope(envelope)] == data + remainder


def _check_announcement(example: Example) -> None:
    example.check_digits()
    values = example.numbers_by_name
    words = [int(word, 16) for word in example.values["words"].split()]
    assert example.packed == b"".join(word.to_bytes(2, "big") for word in words)
    hints = {name: values[name] for name in ("version", "network", "epoch", "urgent", "run")}
    announcement = Announcement(**hints)
    group = pack_announcement(
        announcement, Programme(pi=values["pi"]), group_type=GROUP_TYPES[values["names"]], aid=values["aid"]
    )
    assert list(group.words) == words
    assert (group.group_type, announced_group_type(words[1])) == ("3A", "11A")
    assert unpack_announcement(words[2]) == announcement


def _check_draws(example: Example) -> None:
    device_id, key, ts = example.octets("device-id"), int(example.values["key"]), int(example.values["ts"])
    draws = {label: draw(label, device_id, key=key, ts=ts) for label in "FSRE"}
    assert {label: f"{value:08X}" for label, value in draws.items()} == {
        label: example.values[f"draw-{label}"] for label in "FSRE"
    }
    digest = hashlib.sha256(example.octets("hashed-F")).digest()
    assert digest == example.octets("sha-256-F")
    assert int.from_bytes(digest[:4], "big") == draws["F"]
    assert int(example.values["fraction"]) == draws["F"] >> 26
    for name, label in (("start", "S"), ("release", "R")):
        match = re.fullmatch(r"(\d+) ms of (\d+) s", example.values[name])
        assert match
        assert delay_ms(draws[label], int(match[2])) == int(match[1])
    own = draw("F", device_id, key=0, ts=0)
    assert f"{own:08X}" == example.values["own-F"]
    assert own >> 26 == int(example.values["subgroup"])


def _certificate_of(example: Example) -> Certificate:
    values = example.numbers_by_name
    return Certificate(
        key=values["key"],
        epoch=values["epoch"],
        not_before=values["not_before"],
        not_after=values["not_after"],
        roles=Role(values["roles"]),
        scope=Region(values["scope"]),
        public_key=_SIGNATURE.octets("public-key"),
    )


def _check_certificate(example: Example) -> None:
    example.check_digits()
    for field in example.fields:
        _check_meaning(field)
    certificate, record = _certificate_of(example), example.octets("record")
    packed = pack_record(certificate)
    assert record == bytes([packed.type, len(packed.body)]) + packed.body
    assert packed.body == example.packed + certificate.public_key
    assert unpack_record(packed) == certificate


def _check_bulletin(example: Example) -> None:
    example.check_digits()
    values, record = example.numbers_by_name, _EXAMPLES["certificate"].octets("record")
    private_key, public_key, domain = _key_and_domain(example)
    bulletin = Bulletin(values["bulletin"], values["key"], values["ts"], (Record(record[0], record[2:]),))
    envelopes = tuple(example.octets(f"envelope-{index}") for index in range(2))
    assert example.packed == example.octets("head")
    assert sign_bulletin(bulletin, private_key, domain) == envelopes
    assert open_bulletin(envelopes, public_key, domain) == bulletin
    content = example.octets("head") + record.ljust(70, b"\0")
    assert domain.signed(content) == example.octets("signed")
    assert sign(content, private_key, domain) == example.octets("signature")


def _record_of(example: Example) -> BulletinRecord:
    """The record of an example, checked against its bytes: its first fields are those shown, its last ones named."""
    example.check_digits()
    record = example.octets("record")
    assert len(record) == 2 + record[1]
    assert record[2:].startswith(example.packed)
    unpacked = unpack_record(Record(record[0], record[2:]))
    assert unpacked is not None
    assert pack_record(unpacked) == Record(record[0], record[2:])
    for name, value in example.numbers_by_name.items():
        if name not in ("reserved", "tiers"):
            assert getattr(unpacked, name) == value, name
    return unpacked


def _check_schedule_meaning(example: Example, schedule: ScheduleFields) -> None:
    meanings = {field.name: field.meaning for field in example.fields}
    assert f"{meanings['day']}T{meanings['start']}" == f"{moment_of(schedule.start_tick):%Y-%m-%dT%H:%M}"
    assert meanings["slot"] == f"{schedule.slot_ticks * TICK_S // 60} min"


def _check_tier_schedule(example: Example) -> None:
    schedule = _record_of(example)
    assert isinstance(schedule, TierSchedule)
    _check_schedule_meaning(example, schedule)
    tiers = next(field.value for field in example.fields if field.name == "tiers")
    assert tiers == "0o" + "".join(map(str, schedule.tiers))
    stagger = next(field.meaning for field in example.fields if field.name == "stagger")
    assert stagger == f"{(schedule.stagger_s or 0) // 60} min"


def _check_price_schedule(example: Example) -> None:
    schedule = _record_of(example)
    assert isinstance(schedule, PriceSchedule)
    _check_schedule_meaning(example, schedule)
    assert list(schedule.codes) == example.numbers("codes")
    assert next(field.meaning for field in example.fields if field.name == "scale") == schedule.price_scale.text(1)


def _check_planned_event(example: Example) -> None:
    event = _record_of(example)
    assert isinstance(event, PlannedEvent)
    meanings = {field.name: field.meaning for field in example.fields}
    for field in example.fields:
        _check_meaning(field)
    assert meanings["start"] == f"{event.start // 60} h"
    assert meanings["ramp"] == f"{event.ramp_s // 60} min"
    assert tuple(field.name for field in example.fields) == PlannedEvent.LAYOUT.names


def _check_table(example: Example) -> None:
    table = _record_of(example)
    assert isinstance(table, Table)
    assert table.text == example.values["text"]
    assert next(field.meaning for field in example.fields if field.name == "item") == f"tier {table.tier}"


def _check_notice(example: Example) -> None:
    notice = _record_of(example)
    assert isinstance(notice, Notice)
    assert notice.text == example.values["text"]
    meanings = {field.name: field.meaning for field in example.fields}
    assert meanings["severity"] == notice.named_severity.name.lower()
    _check_meaning(next(field for field in example.fields if field.name == "duration"))


def _check_plan_bulletin(example: Example) -> None:
    example.check_digits()
    for field in example.fields:
        if field.name == "ts":
            _check_meaning(field)
    private_key, public_key, domain = _key_and_domain(_SIGNATURE)
    values = example.numbers_by_name
    packed = [_EXAMPLES[name].octets("record") for name in ("planned-event", "tier-schedule")]
    records = tuple(Record(record[0], record[2:]) for record in packed)
    bulletin = Bulletin(values["bulletin"], values["key"], values["ts"], records)
    envelopes = tuple(example.octets(f"envelope-{index}") for index in range(2))
    assert sign_bulletin(bulletin, private_key, domain) == envelopes
    assert open_bulletin(envelopes, public_key, domain) == bulletin
    content = example.octets("head") + b"".join(packed).ljust(70, b"\0")
    assert example.packed == example.octets("head")
    assert domain.signed(content) == example.octets("signed")
    assert sign(content, private_key, domain) == example.octets("signature")


def _check_crc(example: Example) -> None:
    assert crc16(example.octets("data")) == int(example.values["crc"], 16)


_CHECKS: Final[dict[str, Callable[[Example], None]]] = {
    "announcement": _check_announcement,
    "field": _check_field,
    "lane": _check_lane,
    "curtail": _check_message("curtail"),
    "curtail-groups": _check_groups,
    "heartbeat": _check_horizon,
    "end": _check_end,
    "signature": _check_signature,
    "draws": _check_draws,
    "crc": _check_crc,
    "certificate": _check_certificate,
    "bulletin": _check_bulletin,
    "tier-schedule": _check_tier_schedule,
    "price-schedule": _check_price_schedule,
    "planned-event": _check_planned_event,
    "table": _check_table,
    "notice": _check_notice,
    "plan-bulletin": _check_plan_bulletin,
}


def test_every_example_has_a_check() -> None:
    assert len(BLOCKS) == TEXT.count("\n```example")
    assert set(BLOCKS) == {*_CHECKS, _FILE, _CAROUSEL}


@pytest.mark.parametrize("name", _CHECKS)
def test_example(name: str) -> None:
    _CHECKS[name](_EXAMPLES[name])


def test_certificate_file() -> None:
    text = BLOCKS[_FILE]
    _, root, domain = _key_and_domain(_BULLETIN)
    file = parse_armour(text)
    assert file == CertificateFile(domain, (_BULLETIN.octets("envelope-0"), _BULLETIN.octets("envelope-1")))
    assert armour(file) == text
    assert verified_certificates(file, [root]) == (_certificate_of(_EXAMPLES["certificate"]),)
