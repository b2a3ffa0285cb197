"""A state file's schema version in, the statements that make it this evrds's out."""

from collections.abc import Iterator
from typing import Final

SCHEMA_VERSION: Final = 3
_SCHEMA: Final = """
CREATE TABLE device (id BLOB NOT NULL CHECK (length(id) = 16));
CREATE TABLE clock (bound_ms INTEGER NOT NULL);
CREATE TABLE message (envelope BLOB NOT NULL, ended_ms INTEGER, ended_release INTEGER NOT NULL);
CREATE TABLE tombstone (public_key BLOB NOT NULL, ts INTEGER NOT NULL, until_ms INTEGER NOT NULL);
CREATE TABLE floor (public_key BLOB NOT NULL, ts INTEGER NOT NULL);
CREATE TABLE last_ts (public_key BLOB NOT NULL, type INTEGER NOT NULL, ts INTEGER NOT NULL);
"""
"""Schema 1."""
_UPGRADES: Final = {
    1: """
CREATE TABLE bulletin (id INTEGER PRIMARY KEY, envelopes BLOB NOT NULL);
CREATE TABLE record (
    bulletin INTEGER NOT NULL, number INTEGER NOT NULL, ended_ms INTEGER, ended_release INTEGER NOT NULL,
    early_ms INTEGER NOT NULL DEFAULT 0);
CREATE TABLE certificate (envelopes BLOB NOT NULL);
ALTER TABLE clock ADD COLUMN public_key BLOB NOT NULL DEFAULT x'';
ALTER TABLE message ADD COLUMN early_ms INTEGER NOT NULL DEFAULT 0;
""",
    2: """
CREATE TABLE IF NOT EXISTS past_event (
    public_key BLOB NOT NULL, ts INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
    is_grave INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS participation (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER,
    public_key BLOB, key INTEGER, ts INTEGER, region TEXT, asks TEXT, limit_ma INTEGER, why TEXT NOT NULL,
    energy_wh INTEGER, deferred_wh INTEGER);
ALTER TABLE past_event ADD COLUMN charger TEXT NOT NULL DEFAULT '';
ALTER TABLE participation ADD COLUMN charger TEXT NOT NULL DEFAULT '';
CREATE INDEX participation_of ON participation (charger, number);
""",
}
"""From each schema to the next. The tables of schema 3 may be there without their column `charger`, empty for one."""


def upgrade_statements(version: int) -> Iterator[str]:
    """What brings a file from a version (0: new) to this one."""
    if version == 0:
        yield from _statements(_SCHEMA)
    for older in range(max(version, 1), SCHEMA_VERSION):
        yield from _statements(_UPGRADES[older])


def _statements(script: str) -> Iterator[str]:
    return filter(str.strip, script.split(";"))
