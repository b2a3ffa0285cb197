"""An aware time in, as OCPP writes it out: every version's wire."""

from datetime import UTC, datetime


def format_time(moment: datetime) -> str:
    """`2026-01-15T18:00:00Z`. Fractions of a second are dropped."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
