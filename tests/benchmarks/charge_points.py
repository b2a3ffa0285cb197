"""200 charge points in a process of their own to one `evrds-receiver run`: changes of limit, memory, load at rest.

    python -m tests.benchmarks.charge_points [--count 200] [--rest 60] [--site]

Three processes: this one, the receiver with a table `[[charger]]` for each charge point (all of them on one port), and
one with the charge points of the `ocpp` library. All share the machine. The receiver hears a list of groups as slowly
as they are sent, in which one curtailment after the other is lower. A change counts from the first record of the limit
to the last charge point's acceptance; at rest every charge point sends its meter's values twice a minute. With --site
they share a site's limit too.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import IO, Final

from tests.benchmarks.row import Row
from tests.live.test_run_chain import free_port
from tests.loopback.scripts import script
from tests.receiver.broadcast import TS, Broadcast, curtail, heartbeat, signed
from tests.receiver.installation import START, hex_list, install

LIMITS_A: Final = (20, 16, 13, 10, 8, 6)
CONNECTED_S: Final = 20.0
APART_S: Final = 5.0
MINUTE_S: Final = 60.0
VALUES_S: Final = 30.0
CALM_S: Final = 15.0
"""After the last change: until read-backs are over."""


def rows(count: int, rest_s: float, *, site: bool) -> Iterator[Row]:
    """What was measured, a row each."""
    with TemporaryDirectory() as folder:
        port = free_port()
        config = configure(Path(folder), port, count, site=site)
        write_groups(Path(folder) / "groups.hex", seconds=CONNECTED_S + len(LIMITS_A) * 8 + CALM_S + rest_s + 5)
        run: list[str | Path] = [script("receiver"), "run", config, "--source", Path(folder) / "groups.hex"]
        points = [sys.executable, "-m", "tests.benchmarks.charge_points", "--port", str(port), "--count", str(count)]
        with (
            subprocess.Popen(
                [*run, "--start-time", START, "--realtime"], stdout=subprocess.PIPE, text=True
            ) as receiver,
            subprocess.Popen(points, stdout=subprocess.PIPE, text=True) as charging,
        ):
            try:
                yield from measure(receiver, charging, count, rest_s)
            finally:
                receiver.kill()
                charging.kill()


def measure(
    receiver: "subprocess.Popen[str]", charging: "subprocess.Popen[str]", count: int, rest_s: float
) -> Iterator[Row]:
    """Watch both until the receiver has rested."""
    told, accepted = Moments(receiver.stdout, "limit"), Moments(charging.stdout, "set")
    cpu_s = []
    for limit_a in LIMITS_A:
        told.wait_for(limit_a, 1, CONNECTED_S + MINUTE_S)
        at_cpu_s = cpu_seconds(receiver.pid)
        accepted.wait_for(limit_a, count, MINUTE_S)
        time.sleep(2)  # read-backs are part of a change
        cpu_s.append(cpu_seconds(receiver.pid) - at_cpu_s)
    took_s = [accepted.of(limit_a)[count - 1] - told.of(limit_a)[0] for limit_a in LIMITS_A]
    words = f"{median(took_s):.2f} s, worst of {len(took_s)} {max(took_s):.2f} s"
    yield Row(f"change of limit accepted by all {count}", words, goal="≤ 2 s")
    yield Row("processor time of the receiver for a change, read back", f"{median(cpu_s):.2f} s")
    time.sleep(CALM_S)
    at_cpu_s = cpu_seconds(receiver.pid)
    time.sleep(rest_s)
    rest = (cpu_seconds(receiver.pid) - at_cpu_s) / rest_s
    status = Path(f"/proc/{receiver.pid}/status").read_text()
    memory_mb = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    yield Row("most resident memory of the receiver", f"{memory_mb:.0f} MB", goal="< 150 MB")
    yield Row(f"receiver at rest, {rest_s:.0f} s", f"{100 * rest:.1f} % of a core", goal="< 10 %")


class Moments:
    """When each limit was in lines of JSON of one kind: records of a receiver, or events of charge points."""

    def __init__(self, lines: IO[str] | None, kind: str) -> None:
        assert lines is not None
        self._lines, self._kind = lines, kind
        self._at: dict[float, list[float]] = defaultdict(list)
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def of(self, limit_a: float) -> list[float]:
        """The moments of a limit, as time.monotonic tells them."""
        return self._at[limit_a]

    def wait_for(self, limit_a: float, count: int, seconds: float) -> None:
        with self._news:
            is_there = self._news.wait_for(lambda: len(self.of(limit_a)) >= count, seconds)
        assert is_there, f"{len(self.of(limit_a))} of {count} {self._kind} {limit_a} A in {seconds} s"

    def _read(self) -> None:
        for line in self._lines:
            now_s = time.monotonic()
            told = json.loads(line)
            if self._kind in (told.get("type"), told.get("event")):
                with self._news:
                    self._at[told["limit_a"]].append(now_s)
                    self._news.notify_all()


def configure(folder: Path, port: int, count: int, *, site: bool) -> Path:
    """A receiver's installation with so many chargers; its configuration."""
    install(folder)
    config = folder / "12345.toml"
    top = config.read_text().partition("[charger]")[0]
    tables = [
        f'[[charger]]\nname = "CP_{number}"\ndriver = "ocpp16"\nport = {port}\ncharge_point_id = "CP_{number}"\n'
        for number in range(count)
    ]
    config.write_text(top + "".join(tables) + (f"[site]\nlimit_a = {25 * count}\n" if site else ""))
    return config


def write_groups(path: Path, *, seconds: float) -> None:
    """A list of groups in which each curtailment is lower than the one before."""
    broadcast = Broadcast().send(signed(heartbeat(TS))).until(CONNECTED_S)
    for number, limit_a in enumerate(LIMITS_A, 1):
        broadcast.send(signed(curtail(limit_a, ts=TS + number))).silence(APART_S)
    path.write_text(hex_list(broadcast.until(seconds).announce()))


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has taken, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def charge(port: int, count: int) -> None:
    """The charge points, until this process is ended; a line for each profile that one accepted."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed
    from websockets.typing import Subprotocol

    from tests.live.charge_point import Device, Link

    def report(line: dict[str, object]) -> None:
        print(json.dumps(line), flush=True)  # noqa: T201  # for the process that started this one

    async def point(number: int) -> None:
        device = Device(rate_unit="Current", reject=False, silent=False, report=report)
        url = f"ws://127.0.0.1:{port}/CP_{number}"
        while True:
            with contextlib.suppress(ConnectionClosed, OSError):
                async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None, open_timeout=60) as wire:
                    link = Link(f"CP_{number}", wire, device)
                    answering = asyncio.create_task(link.start())
                    await link.greet()
                    await asyncio.sleep(VALUES_S * number / count)
                    while not answering.done():
                        await link.tell_values()
                        await asyncio.wait((answering,), timeout=VALUES_S)
            await asyncio.sleep(0.5)

    await asyncio.gather(*(point(number) for number in range(count)))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="how many charge points")
    parser.add_argument("--rest", type=float, default=60.0, help="how long to look at the receiver at rest, in s")
    parser.add_argument("--site", action="store_true", help="with a limit of the site, which they share")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.port is not None:
        with contextlib.suppress(BrokenPipeError):
            asyncio.run(charge(arguments.port, arguments.count))
        return
    print("| what | measured | goal |\n|---|---|---|")  # noqa: T201  # this is a command
    for row in rows(arguments.count, arguments.rest, site=arguments.site):
        print(f"| {row.what} | {row.evrds} | {row.goal} |", flush=True)  # noqa: T201  # as above


if __name__ == "__main__":
    main()
