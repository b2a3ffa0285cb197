"""The command `scan`: arguments to a `Scan` of a recording or of the band, a table or JSON out, the list to a file."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from rds.errors import NoSyncError
from receiver.arguments import add_source_options, add_trust_options, argument
from receiver.records import format_json
from receiver.scan import HEARTBEAT_S, LOOK_S, STEP_RATE_HZ, Scan, step_centres_hz
from receiver.sources import is_live, open_input
from receiver.sources.stream import SourceOptions, Stream
from receiver.station_list import FoundStation, Service, format_stations, found_record
from receiver.whole_file import whole_file

_FIRST_STICK: Final = "rtlsdr:0"
_LONGEST_WAIT_S: Final = 3600
_COLUMNS: Final = "{:>9} {:>6} {:>5} {:>4} {:<8} {:>6} {:<12} {}"
Tell = Callable[[str], None]
AnyParser = TypeVar("AnyParser", bound=argparse.ArgumentParser)


def add_scan_command(
    commands: "argparse._SubParsersAction[AnyParser]", *, exit_codes: str, run: Callable[[argparse.Namespace], None]
) -> None:
    """The command, run by `run`."""
    parser = commands.add_parser(
        "scan",
        help="find the stations that carry the service",
        description="Goes through the FM band in steps of 2.4 MHz, or takes a wide recording as one (--frequency is "
        "its centre), decodes all stations of a step at once and tells which ones carry the service with a heartbeat "
        "that verifies. Whoever is loud or has the right PI proves nothing by it.",
        epilog="Example: evrds-receiver scan --source rtlsdr:0 --trust network7.toml --save stations.json. "
        + exit_codes,
    )
    add = parser.add_argument
    add(
        "--source",
        metavar="INPUT",
        default=_FIRST_STICK,
        help=f"rtlsdr:0, rtl_tcp://host:1234, or a recording of IQ (default {_FIRST_STICK})",
    )
    add(
        "--wait",
        type=argument(_parse_wait),
        default=HEARTBEAT_S,
        metavar="S",
        help=f"how long to wait for a heartbeat where the service is announced (default {HEARTBEAT_S:g} s)",
    )
    add("--save", type=Path, metavar="STATIONS.json", help="write the list for `run` to this file")
    add("-F", dest="output", choices=("table", "json"), default="table", help="how to show it (default table)")
    add_source_options(parser)
    add_trust_options(parser)
    parser.set_defaults(run=run)


def _parse_wait(text: str) -> float:
    if not text.isdecimal() or int(text) > _LONGEST_WAIT_S:
        raise ValueError(f"{text!r} are no seconds to wait; allowed: 0..{_LONGEST_WAIT_S}")
    return float(text)


def scan_source(scan: Scan, name: str, options: SourceOptions, *, note: Callable[[str], None]) -> None:
    """Takes the steps that a source has, and notes each with the time it took.

    A recording is one step, and so is a live source with a frequency, which is the step's centre.

    Raises:
        InputError: the recording is missing or no IQ.
        UsageError: an option does not fit.
        DeviceAbsentError: a stick or server cannot be opened.
        DeviceLostError: it is gone.
    """
    options = replace(options, offset_hz=0.0)
    if not is_live(name):
        stream = open_input(name, replace(options, frequency_hz=None))
        for line in stream.notes:
            note(line)
        centre_hz = options.frequency_hz or stream.centre_hz
        _take_step(scan, stream, None if centre_hz is None else round(centre_hz), what=name, note=note)
        return
    rate_hz = options.rate_hz or STEP_RATE_HZ
    centres_hz = step_centres_hz(rate_hz) if options.frequency_hz is None else [options.frequency_hz]
    note(f"{len(centres_hz)} steps of {LOOK_S:g} s, up to {scan.longest_s:g} s where the service is announced")
    start_s = time.monotonic()
    for number, centre_hz in enumerate(centres_hz, start=1):
        began_s = time.monotonic() - start_s
        stream = open_input(name, replace(options, rate_hz=rate_hz, frequency_hz=centre_hz))
        what = f"step {number} of {len(centres_hz)}, {centre_hz / 1e6:.10g} MHz"
        _take_step(scan, stream, centre_hz, what=what, note=note, began_s=began_s)


def _take_step(
    scan: Scan, stream: Stream, centre_hz: int | None, *, what: str, note: Callable[[str], None], began_s: float = 0.0
) -> None:
    """One step, with a bar on the terminal while it goes on, and its time when it is done."""
    before, start_s, signal_s = len(scan.found()), time.monotonic(), 0.0
    with _bar(what, scan.longest_s) as advance:
        for signal_s in scan.step(stream, centre_hz=centre_hz, began_s=began_s):
            advance(signal_s)
    more = len(scan.found()) - before
    took_s = time.monotonic() - start_s
    note(f"{what}: {more} station{'' if more == 1 else 's'} in {signal_s:.1f} s of signal, {took_s:.1f} s")


@contextmanager
def _bar(what: str, total_s: float) -> Iterator[Callable[[float], object]]:
    """What to call with the seconds done."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total_s)
        yield lambda done_s: bar.update(task, completed=done_s)


def show(scan: Scan, output: str, save: Path | None, *, tell: Tell, note: Callable[[str], None]) -> None:
    """Tells what was found, also where the scan was interrupted, and saves it.

    Raises:
        NoSyncError: there is no station.
        UsageError: the list cannot be written.
    """
    found = scan.found()
    if not found:
        raise NoSyncError("no station found; is an antenna connected, is this IQ of the FM band?")
    for line in (format_json(found_record(one)) for one in found) if output == "json" else _table(found):
        tell(line)
    if save is not None:
        with whole_file(save) as partial:
            partial.write_text(format_stations(found), encoding="utf-8")
        note(f"wrote {save}")
    verified = sum(one.service is Service.VERIFIED for one in found)
    note(f"{len(found)} station{'' if len(found) == 1 else 's'}, {verified} with a verified heartbeat")


def _table(found: Iterable[FoundStation]) -> Iterator[str]:
    """Lines for people."""
    yield _COLUMNS.format("MHz", "dBFS", "C/N", "PI", "PS", "BLER", "service", "applications")
    for one in found:
        place = f"{one.offset_hz / 1e6:+.1f}" if one.frequency_hz is None else f"{one.frequency_hz / 1e6:.1f}"
        times = f" {one.heartbeats}" if one.heartbeats else ""
        yield _COLUMNS.format(
            place,
            _number(one.level_dbfs),
            _number(one.cn_db),
            "-" if one.pi is None else f"{one.pi:04X}",
            one.ps or "-",
            "-" if one.bler is None else f"{one.bler:.1%}",
            f"{one.service.value}{times}",
            ", ".join(f"{aid:04X} on {carrier}" for aid, carrier in one.aids),
        ).rstrip()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
