"""A record of how things stand, in; the same with what must be told of the keys, out: test keys, keys that end soon."""

from typing import Final

from rds.oda.key_warnings import key_warnings
from receiver.clock import datetime_of
from receiver.intake import Intake
from receiver.records import Record

WARNED_TYPES: Final = ("status", "counts", "limit")


def warnings_of(intake: Intake, at_ms: int) -> list[str]:
    """The warnings at a moment of the stream; while the time is unknown or unsure, none that need it."""
    now_ms = None if intake.clock.provisional else intake.clock.now_ms(at_ms)
    now = None if now_ms is None else datetime_of(now_ms)
    return list(key_warnings(intake.keyring.standing, intake.keyring.roots, now))


def warned(record: Record, intake: Intake, at_ms: int) -> Record:
    """The record, with `warnings` where it says how things stand."""
    return record | {"warnings": warnings_of(intake, at_ms)} if record["type"] in WARNED_TYPES else record
