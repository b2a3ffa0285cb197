"""What a charger says of itself in, records and lines for a person out (docs/records.md, `charger`)."""

from collections.abc import Iterator
from datetime import datetime

from receiver.charger_fallback import fallback_fault, fallback_warnings
from receiver.chargers.driver import ChargerReading, Fallback, ProbeReport
from receiver.chargers_config import ChargerConfig
from receiver.records import VERSION, Record, format_moment


def charger_fields(
    charger: ChargerConfig, reading: ChargerReading, report: ProbeReport | None, *, error: str | None = None
) -> Record:
    """What is known of a charger now; what it never said is null."""
    fault = None if report is None else fallback_fault(report.fallback, charger)
    warnings = () if report is None else (*fallback_warnings(report.fallback, charger), *report.warnings)
    return {
        "name": charger.name or None,
        "driver": charger.driver,
        "error": error,
        "answers": reading.answers,
        "limit_a": _amperes(reading.limit_ma),
        "current_a": _amperes(reading.current_ma),
        "plugged": reading.plugged,
        "energy_wh": reading.energy_wh,
        "overridden": reading.overridden,
        "alarms": [*reading.alarms, *([] if fault is None else [fault])],
        "found": None if report is None else report.found,
        "supports": None if report is None else list(report.supports),
        "fallback": None if report is None else _fallback_fields(report.fallback),
        "warnings": list(warnings),
    }


def trial_record(
    charger: ChargerConfig, reading: ChargerReading, moment: datetime, *, report: ProbeReport | None = None
) -> Record:
    """The same at a moment of the computer's own time: there is no input whose samples could be counted."""
    stamp: Record = {"v": VERSION, "type": "charger", "time": format_moment(moment)}
    return stamp | charger_fields(charger, reading, report)


def reading_line(charger: ChargerConfig, reading: ChargerReading, moment: datetime) -> str:
    """A reading for a person, in a line."""
    return f"{moment:%H:%M:%S} {charger.name or charger.driver}: {_reading_text(reading)}"


def probe_lines(charger: ChargerConfig, reading: ChargerReading, report: ProbeReport) -> Iterator[str]:
    """What a probe found, for a person."""
    yield f"found      {report.found}"
    yield from (f"supports   {one}" for one in report.supports)
    yield f"fallback   {_fallback_text(report.fallback)}"
    yield f"now        {_reading_text(reading)}"
    fields = charger_fields(charger, reading, report)
    warnings = fields["warnings"]
    yield from (f"warning    {one}" for one in (warnings if isinstance(warnings, list) else []))


def _reading_text(reading: ChargerReading) -> str:
    limit_ma, current_ma = reading.limit_ma, reading.current_ma
    words = ["limit unknown" if limit_ma is None else "paused" if limit_ma == 0 else f"limit {limit_ma / 1000:g} A"]
    words += [] if current_ma is None else [f"draws {current_ma / 1000:g} A"]
    words += [] if reading.plugged is None else ["a car is plugged in" if reading.plugged else "no car"]
    words += [] if reading.energy_wh is None else [f"{reading.energy_wh} Wh"]
    words += ["DOES NOT ANSWER"] if reading.answers is False else []
    words += [] if reading.overridden is None else [f"set at the charger: {reading.overridden}"]
    words += [f"ALARM {alarm}" for alarm in reading.alarms]
    return ", ".join(words)


def _fallback_text(fallback: Fallback) -> str:
    limit = "unknown" if fallback.limit_ma is None else f"{fallback.limit_ma / 1000:g} A"
    after = "no watchdog" if fallback.after_s is None else f"after {fallback.after_s:g} s of silence"
    return f"{limit}, {after}: {fallback.words}"


def _fallback_fields(fallback: Fallback) -> Record:
    return {"limit_a": _amperes(fallback.limit_ma), "after_s": fallback.after_s, "words": fallback.words}


def _amperes(milliamperes: int | None) -> float | None:
    return None if milliamperes is None else milliamperes / 1000
