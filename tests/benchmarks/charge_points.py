"""200 charge points in a process of their own to one receiver's drivers: a change of limit, memory, load at rest.

    python -m tests.benchmarks.charge_points [--count 200] [--rest 60]

Three processes: this one, one with the drivers of a receiver (and all that `evrds-receiver run` imports), one with the
charge points of the `ocpp` library. All share the machine. A change counts from the first command to the last answer,
the limits read back included; at rest every charge point sends a Heartbeat and its meter's values once a minute.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

from tests.benchmarks.row import Row

LIMITS_MA: Final = (16000, 6000, 0, 20000, 10000, 32000, 8000)
START: Final = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
MINUTE_S: Final = 60.0
CONNECTED_S: Final = 120.0


def rows(count: int, rest_s: float) -> Iterator[Row]:
    """What was measured, a row each."""
    command = [sys.executable, "-m", "tests.benchmarks.charge_points", "--count", str(count), "--rest", str(rest_s)]
    with subprocess.Popen([*command, "--role", "receiver"], stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None
        port = receiver.stdout.readline().strip()
        with subprocess.Popen([*command, "--role", "points", "--port", port]) as points:
            measured = json.loads(receiver.stdout.readline())
            points.terminate()
    changes_s = measured["changes_s"]
    yield Row(f"{count} charge points connect and take a first limit", f"{measured['first_s']:.2f} s")
    took = f"{median(changes_s):.2f} s, worst of {len(changes_s)} {max(changes_s):.2f} s"
    yield Row("change of limit accepted by all and read back", took, goal="≤ 2 s")
    yield Row("processor time of the receiver for a change", f"{measured['change_cpu_s']:.2f} s")
    yield Row("most resident memory of the receiver", f"{measured['memory_mb']:.0f} MB", goal="≤ 150 MB")
    yield Row(f"receiver at rest, {rest_s:.0f} s", f"{100 * measured['rest']:.1f} % of a core", goal="≤ 10 %")


async def receive(count: int, rest_s: float) -> None:
    """The drivers: print the port, measure, print what was measured as JSON."""
    import receiver.run  # noqa: F401  # what a receiver holds in memory beside its drivers
    from receiver.chargers.driver import ChargerCommand
    from receiver.chargers.ocpp16 import Driver

    began_s = time.monotonic()

    def now() -> datetime:
        return START + timedelta(seconds=time.monotonic() - began_s)

    def command(limit_ma: int) -> ChargerCommand:
        return ChargerCommand(
            limit_ma, moment=now(), until=now() + timedelta(hours=1), restricted=True, reason="benchmark"
        )

    port = 0
    drivers: list[Driver] = []
    for number in range(count):
        table = {"port": port, "charge_point_id": f"CP_{number}", "connect_timeout_s": CONNECTED_S}
        drivers.append(Driver.from_options(table, now))
        await drivers[-1].start()
        port = drivers[-1].port
    print(port, flush=True)  # noqa: T201  # for the process that started this one
    changes_s, cpu_s = [], []
    for limit_ma in LIMITS_MA:
        wanted, at_s, at_cpu_s = command(limit_ma), time.perf_counter(), time.process_time()
        await asyncio.gather(*(driver.apply(wanted) for driver in drivers))
        changes_s.append(time.perf_counter() - at_s)
        cpu_s.append(time.process_time() - at_cpu_s)
        readings = [driver.reading for driver in drivers]
        assert all(reading.limit_ma == limit_ma and not reading.alarms for reading in readings)
        await asyncio.sleep(1)
    at_cpu_s = time.process_time()
    await asyncio.sleep(rest_s)
    measured = {
        "first_s": changes_s[0],
        "changes_s": changes_s[1:],
        "change_cpu_s": median(cpu_s[1:]),
        "rest": (time.process_time() - at_cpu_s) / rest_s,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(measured), flush=True)  # noqa: T201  # as above
    await asyncio.gather(*(driver.close() for driver in drivers))


async def charge(port: int, count: int) -> None:
    """The charge points, until this process is ended."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed
    from websockets.typing import Subprotocol

    from tests.live.charge_point import Device, Link

    async def point(number: int) -> None:
        device = Device(rate_unit="Current", reject=False, silent=False, report=lambda _line: None)
        url = f"ws://127.0.0.1:{port}/CP_{number}"
        with contextlib.suppress(ConnectionClosed):
            async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None, open_timeout=60) as connection:
                link = Link(f"CP_{number}", connection, device)
                answering = asyncio.create_task(link.start())
                await link.greet()
                await asyncio.sleep(MINUTE_S * number / count)
                while not answering.done():
                    await link.tell_values()
                    await asyncio.wait((answering,), timeout=MINUTE_S)

    await asyncio.gather(*(point(number) for number in range(count)))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="how many charge points")
    parser.add_argument("--rest", type=float, default=60.0, help="how long to look at the receiver at rest, in s")
    parser.add_argument("--role", choices=["receiver", "points"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role == "receiver":
        asyncio.run(receive(arguments.count, arguments.rest))
    elif arguments.role == "points":
        asyncio.run(charge(arguments.port, arguments.count))
    else:
        print("| what | measured | goal |\n|---|---|---|")  # noqa: T201  # this is a command
        for row in rows(arguments.count, arguments.rest):
            print(f"| {row.what} | {row.evrds} | {row.goal} |", flush=True)  # noqa: T201  # as above


if __name__ == "__main__":
    main()
