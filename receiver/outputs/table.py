"""Records in; a table in the terminal out, written anew as they come: station, signal, limit, why, until, messages.

It is for a person who looks on. What it shows is the last of each kind; the lines of `-F json` have all of it.
"""

import os
import sys
import time
from collections.abc import Iterator
from typing import Final, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from receiver.outputs import _output
from receiver.outputs._output import Inbox, Record
from receiver.outputs._picture import Picture

ADDRESS: Final = "table"
EVERY_S: Final = 0.25
"""Between two writings at least."""


class Output(_output.Output):
    """The terminal that standard output is."""

    ON_TERMINAL = True

    def __init__(self) -> None:
        self._picture = Picture()

    @property
    def name(self) -> str:
        """See `_output.Output`."""
        return ADDRESS

    @classmethod
    def from_address(cls, address: str) -> Self:
        """See `_output.Output`."""
        if address != ADDRESS:
            raise ValueError(f"output {address!r}; allowed: {ADDRESS}, without more")
        return cls()

    async def serve(self, inbox: Inbox) -> None:
        """See `_output.Output`."""
        with _terminal() as file, Live(console=Console(file=file), auto_refresh=False) as live:
            shown_s = 0.0
            while records := await inbox.take():
                for record in records:
                    self._picture.feed(record)
                inbox.delivered()
                now_s = time.monotonic()
                if now_s - shown_s >= EVERY_S or inbox.closed:
                    live.update(render(self._picture), refresh=True)
                    shown_s = now_s
            live.update(render(self._picture), refresh=True)


def _terminal() -> TextIO:
    """Standard output once more: whoever waits for a terminal that stands still must not hold up the other's end."""
    return os.fdopen(os.dup(sys.__stdout__.fileno() if sys.__stdout__ else 1), "w", encoding="utf-8")


def render(picture: Picture) -> Group:
    """The table of a picture."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column()
    for name, value in _facts(picture):
        facts.add_row(name, value)
    messages = Table(title="last messages", title_justify="left", box=None, padding=(0, 2, 0, 0), show_header=False)
    for record in reversed(picture.messages):
        style = "green" if record["verdict"] == "accepted" else "red"
        messages.add_row(_clock(record["time"]), Text(str(record["verdict"]), style), _plain(_what(record)))
    return Group(facts, *([messages] if picture.messages else []))


def _facts(picture: Picture) -> Iterator[tuple[str, Text]]:
    station, status = picture.station, picture.status
    programme = [f"PI {station['pi']}", str(station["ps"] or ""), str(station["radio_text"] or "")] if station else []
    yield "station", _plain("  ".join(filter(None, programme)) or "not heard yet")
    if status:
        yield "signal", _plain(_signal(status))
        yield "lock", _lock(status)
    for name, limit in picture.limits.items():
        title = f"limit {name}".rstrip()
        amperes = "paused" if limit["limit_a"] == 0 else f"{limit['limit_a']:g} A"
        yield title, Text(amperes, "yellow bold" if limit["restricted"] else "green bold")
        yield "  why", _plain(str(limit["reason"]))
        if limit["until"] is not None:
            yield "  until", _plain(_clock(limit["until"]))
    for charger in picture.chargers.values():
        wrong = charger["error"] or (charger["alarms"] if isinstance(charger["alarms"], list) else [])
        lines = [wrong] if isinstance(wrong, str) else wrong if isinstance(wrong, list) else []
        for line in lines:
            yield f"charger {charger['name'] or ''}".rstrip(), Text(str(line), "red")
    if picture.state_error is not None:
        yield "state", Text(picture.state_error, "red")


def _signal(status: Record) -> str:
    parts = [
        f"{status[name]:.{digits}f} {unit}"
        for name, digits, unit in (("level_dbfs", 1, "dBFS"), ("cn_db", 1, "dB C/N"))
        if status[name] is not None
    ]
    for name, title in (("pilot_hz", "pilot"), ("rds_hz", "RDS")):
        value = status[name]
        parts += [f"{title} {value / 1000:.2f} kHz"] if isinstance(value, float) else []
    if status["samples_lost"]:
        parts.append(f"{status['samples_lost']} samples lost")
    return "  ".join(parts)


def _lock(status: Record) -> Text:
    bler = status["bler"]
    words = "synchronised" if status["synchronised"] else "NOT SYNCHRONISED"
    words += f"  BLER {100 * bler:.1f} %" if isinstance(bler, float) else ""
    age_s = status["heartbeat_age_s"]
    words += f"  heartbeat {age_s:.0f} s ago" if isinstance(age_s, float) else ""
    words += "  NO HEARTBEAT FOR 5 MIN" if status["signal_lost"] else ""
    return Text(words, "green" if status["synchronised"] and not status["signal_lost"] else "red")


def _what(record: Record) -> str:
    """What a message or bulletin says, or why it does not count."""
    message = record.get("message")
    said = [f"bulletin {record['bulletin']}"] if record["type"] == "bulletin" else []
    if isinstance(message, dict):
        said = [str(message["name"]), str(message.get("asks") or "")]
    return "  ".join(filter(None, [*said, str(record["why"] or "")]))


def _clock(time: object) -> str:
    """A moment of UTC to the second, or nothing."""
    return "" if time is None else str(time)[11:19] + " UTC"


def _plain(text: str) -> Text:
    """A text that may be from the air: no character of it moves a cursor."""
    return Text("".join(one if one.isprintable() else "·" for one in text))
