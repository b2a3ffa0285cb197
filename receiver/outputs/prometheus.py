"""Records in; out: their counts and last values for whoever asks for /metrics, in Prometheus' text format.

The address is where to listen: `prometheus://127.0.0.1:9105`. Nothing is made until someone asks. What the names mean
is in docs/outputs.md.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final, Self

from receiver.outputs import _output
from receiver.outputs._address import Address, parse_address
from receiver.outputs._output import Inbox, Record
from receiver.outputs._picture import Picture

PORT: Final = 9105
PATH: Final = "/metrics"
FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"
ASKING_S: Final = 5.0
"""For a client to say what it wants and to take it."""
REQUEST_BYTES: Final = 8192
CLIENTS: Final = 16
"""At a time; others are hung up on."""
Labels = dict[str, str]
Sample = tuple[Labels, float]

_GAUGES: Final = (
    ("synchronised", "synchronised", "Whether the beginning of groups is known."),
    ("level_dbfs", "level_dbfs", "Power of the station's part of the IQ, dB below a full-scale carrier."),
    ("cn_db", "carrier_to_noise_db", "Carrier to noise in 200 kHz."),
    ("pilot_hz", "pilot_deviation_hz", "Deviation by the stereo pilot."),
    ("rds_hz", "rds_deviation_hz", "Peak deviation by RDS."),
    ("coherence", "coherence", "How well symbols agree on a phase, 0 to 1."),
    ("clock_ppm", "clock_ppm", "How much faster than the sample clock the station runs."),
    (
        "heartbeat_age_s",
        "heartbeat_age_seconds",
        "Since the last verified heartbeat, when the signal was last measured.",
    ),
    ("signal_lost", "failsafe", "Whether there was no verified heartbeat for 5 min: schedules and local profile hold."),
)


class Output(_output.Output):
    """A small web server with one page."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._picture = Picture()
        self._measured_s: float | None = None
        self._clients = 0

    @property
    def name(self) -> str:
        """See `_output.Output`."""
        return self._address.shown

    @classmethod
    def from_address(cls, address: str) -> Self:
        """See `_output.Output`."""
        example = f"prometheus://127.0.0.1:{PORT}"
        parsed = parse_address(address, example=example, ports={"prometheus": PORT})
        if parsed.path.strip("/") or parsed.user is not None:
            raise ValueError(f"output {parsed.shown!r} and more; allowed: where to listen alone, such as {example}")
        return cls(parsed)

    async def serve(self, inbox: Inbox) -> None:
        """See `_output.Output`."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._answer(reader, writer, inbox)

        server = await asyncio.start_server(answer, self._address.host, self._address.port, limit=REQUEST_BYTES)
        inbox.delivered()
        async with server:
            while records := await inbox.take():
                for record in records:
                    self._picture.feed(record)
                    if record["type"] == "status":
                        self._measured_s = time.monotonic()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inbox: Inbox) -> None:
        self._clients += 1
        try:
            if self._clients <= CLIENTS:
                async with asyncio.timeout(ASKING_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._response(head, inbox))
                    await writer.drain()
        except (OSError, EOFError, asyncio.LimitOverrunError):  # a TimeoutError is an OSError
            pass
        finally:
            self._clients -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _response(self, head: bytes, inbox: Inbox) -> bytes:
        """The whole answer to a request."""
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("ascii", errors="replace")
        status, body = "200 OK", b""
        if method not in (b"GET", b"HEAD"):
            status = "405 Method Not Allowed"
        elif path != PATH:
            status, body = "404 Not Found", f"see {PATH}\n".encode()
        else:
            age_s = None if self._measured_s is None else time.monotonic() - self._measured_s
            body = metrics_text(self._picture, status_age_s=age_s, dropped=inbox.dropped).encode()
        lines = [
            f"HTTP/1.1 {status}", f"Content-Type: {FORMAT}", f"Content-Length: {len(body)}", "Connection: close",
            "", "",
        ]  # fmt: skip
        return "\r\n".join(lines).encode("ascii") + (body if method == b"GET" else b"")


def metrics_text(picture: Picture, *, status_age_s: float | None, dropped: int) -> str:
    """A picture in Prometheus' text format 0.0.4; what is not known has no sample."""
    lines: list[str] = []
    for name, kind, words, samples in _families(picture, status_age_s, dropped):
        told = [f"evrds_{name}{_labels(labels)} {value:.10g}" for labels, value in samples]
        if told:
            lines += [f"# HELP evrds_{name} {words}", f"# TYPE evrds_{name} {kind}", *told]
    return "\n".join(lines) + "\n"


def _families(
    picture: Picture, status_age_s: float | None, dropped: int
) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    """Name, kind, help and samples of each."""
    status, verdicts, chargers = picture.status, picture.verdicts, picture.chargers
    if status:
        yield from _counters(status)
        for field, name, words in _GAUGES:
            yield name, "gauge", words, [({}, one) for one in _numbers(status, field)]
        yield "status_age_seconds", "gauge", "Since the signal was measured.", [({}, status_age_s or 0.0)]
    for kind in ("message", "bulletin"):
        found = [({"verdict": one}, float(count)) for (of, one), count in sorted(verdicts.items()) if of == kind]
        yield f"{kind}s_total", "counter", f"{kind.capitalize()}s heard, by verdict.", found
    yield (
        "limit_amperes",
        "gauge",
        "What the charger is told, per phase; 0 is a pause.",
        _each(picture.limits, "limit_a"),
    )
    yield "restricted", "gauge", "Whether anything holds it below the local limit.", _each(picture.limits, "restricted")
    answers = "Whether the charger answered when it was last asked."
    yield "charger_answers", "gauge", answers, _each(chargers, "answers")
    refusals = [({"charger": name}, float(one["error"] is not None)) for name, one in chargers.items()]
    yield "charger_error", "gauge", "Whether it has not taken the last limit.", refusals
    alarms = [(name, one["alarms"]) for name, one in chargers.items()]
    counts = [({"charger": name}, float(len(some))) for name, some in alarms if isinstance(some, list)]
    yield "charger_alarms", "gauge", "How many alarms there are about it.", counts
    yield "charger_limit_amperes", "gauge", "The limit that it says it has.", _each(chargers, "limit_a")
    yield "charger_current_amperes", "gauge", "What it draws.", _each(chargers, "current_a")
    yield "charger_energy_wh_total", "counter", "What its meter has counted.", _each(chargers, "energy_wh")
    fault = float(picture.state_error is not None)
    yield "state_error", "gauge", "Whether the state file cannot be used.", [({}, fault)]
    yield "records_dropped_total", "counter", "Records that this page has missed.", [({}, float(dropped))]


def _counters(status: Record) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    """What the signal's status has counted from the start."""
    [seen], [accepted], [corrected] = (_numbers(status, f"blocks_{one}") for one in ("seen", "accepted", "corrected"))
    results = {"clean": accepted - corrected, "corrected": corrected, "rejected": seen - accepted}
    blocks = [({"result": name}, count) for name, count in results.items()]
    yield "blocks_total", "counter", "Blocks decoded under synchronisation.", blocks
    yield (
        "groups_total",
        "counter",
        "Groups of which anything was heard.",
        [({}, one) for one in _numbers(status, "groups")],
    )
    samples: list[Sample] = [({}, one) for one in _numbers(status, "sample")]
    yield "samples_total", "counter", "Samples of the input so far, lost ones included.", samples
    lost: list[Sample] = [({}, one) for one in _numbers(status, "samples_lost")]
    yield "samples_lost_total", "counter", "Samples missing, as well as can be known.", lost
    gaps = status["gaps"]
    causes = sorted(gaps.items()) if isinstance(gaps, dict) else []
    yield "gaps_total", "counter", "How often samples were missing.", [({"cause": why}, count) for why, count in causes]


def _each(records: dict[str, Record], field: str) -> list[Sample]:
    return [({"charger": name}, one) for name, record in records.items() for one in _numbers(record, field)]


def _numbers(record: Record, field: str) -> list[float]:
    """A field as a number, if it is known."""
    value = record[field]
    return [float(value)] if isinstance(value, (int, float)) else []


def _labels(labels: Labels) -> str:
    shown = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for name, value in labels.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in shown.items()) + "}" if shown else ""
