"""The driver `command` with real programs: what they get and say; those that fail, hang, flood or leave others."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError, EvrdsError
from receiver.chargers._program import Outcome, run_program
from receiver.chargers.command import Driver
from receiver.chargers.driver import ChargerCommand

NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)


def order(limit_ma: int, *, restricted: bool = True, minutes: int | None = 60, reason: str = "test") -> ChargerCommand:
    until = None if minutes is None else NOW + timedelta(minutes=minutes)
    return ChargerCommand(limit_ma, moment=NOW, until=until, restricted=restricted, reason=reason)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Make an executable shell script of a text and give its path."""

    def make(text: str) -> str:
        path = tmp_path / "set limit"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return f"'{path}'"

    return make


def run(command: str, case: Callable[[Driver], Awaitable[None]], **options: object) -> None:
    async def whole() -> None:
        driver = Driver.from_options({"command": command, **options}, lambda: NOW)
        async with asyncio.timeout(10):
            try:
                await case(driver)
            finally:
                await driver.close()

    asyncio.run(whole())


def is_gone(process: str) -> bool:
    """Whether a process has ended, if it is remembered or not."""
    try:
        return Path(f"/proc/{process.strip()}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def refused(command: str, message: str, kind: type[EvrdsError] = ChargerRefusedError, **options: object) -> None:
    async def case(driver: Driver) -> None:
        with pytest.raises(kind, match=message) as fault:
            await driver.apply(order(16_000))
        assert "\n" not in str(fault.value)
        assert str(fault.value) in driver.reading.alarms

    run(command, case, **options)


def test_a_program_gets_the_limit_as_json_and_no_shell_sees_its_arguments(
    script: Callable[[str], str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    reason = "halt; $(touch bad) \"quoted\" 'and' ü"

    async def case(driver: Driver) -> None:
        await driver.apply(order(12_500, reason=reason))
        argument, text = kept.read_text().split("\n", 1)
        assert argument == "$HOME;x"
        assert json.loads(text) == {
            "limit_a": 12.5,
            "restricted": True,
            "moment": "2026-01-15T18:00:00+00:00",
            "until": "2026-01-15T19:00:00+00:00",
            "reason": reason,
        }
        await driver.apply(order(32_000, restricted=False, minutes=None))
        told = json.loads(kept.read_text().split("\n", 1)[1])
        assert (told["limit_a"], told["restricted"], told["until"]) == (32, False, None)
        assert driver.reading.limit_ma is None
        assert driver.reading.alarms == ()

    run(script(f"""{{ echo "$1"; cat; }} > '{kept}'""") + " '$HOME;x'", case)


@pytest.mark.parametrize(
    ("said_a", "alarms"), [("16", []), ("10", []), ("20", ["command .* has 20000 mA, wanted 16000"])]
)
def test_what_it_says_is_the_read_back(script: Callable[[str], str], said_a: str, alarms: list[str]) -> None:
    async def case(driver: Driver) -> None:
        await driver.apply(order(16_000))
        reading = driver.reading
        assert reading.limit_ma == 1000 * int(said_a)
        assert (reading.current_ma, reading.energy_wh, reading.plugged) == (9_800, 1234, True)
        assert len(reading.alarms) == len(alarms)

    said = f'{{"limit_a": {said_a}, "current_a": 9.8, "energy_wh": 1234, "plugged": true, "more": []}}'
    run(script(f"echo '{said}'"), case)


def test_failures_are_one_line_with_its_last_word(script: Callable[[str], str]) -> None:
    refused(script("echo first >&2; printf 'no \\033[31mcharger\\n\\n' >&2; exit 3"), "exit code 3: no  .31mcharger")
    refused(script("exit 1"), "exit code 1, without a word")
    refused(script("kill -SEGV $$"), "exit code -11")
    refused("/nowhere/set-limit 5", "no such program", DeviceAbsentError)
    for said in (
        "hello",
        "[]",
        '{"limit_a": "16"}',
        '{"limit_a": -1}',
        '{"limit_a": NaN}',
        '{"limit_a": true}',
        "[" * 30_000,
    ):
        refused(script(f"cat > /dev/null; echo '{said}'"), "wanted|can be")
    refused(script("yes"), "no answer within 0.5 s", DeviceLostError, timeout_s=0.5)
    refused(script("head -c 100000 /dev/zero"), "more than 65536 bytes")


def test_a_program_that_hangs_is_killed_with_all_that_it_started(script: Callable[[str], str], tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    hanging = script(f"sleep 77 & echo $! $$ > '{ids}'; trap '' TERM; wait")
    refused(hanging, "no answer within 0.3 s", DeviceLostError, timeout_s=0.3)
    deadline = time.monotonic() + 10  # a kill takes a moment
    for process in ids.read_text().split():
        while not is_gone(process):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_what_a_program_leaves_behind_is_killed_when_it_ends(script: Callable[[str], str], tmp_path: Path) -> None:
    left = tmp_path / "left"

    async def case(driver: Driver) -> None:
        await driver.apply(order(16_000))
        while not is_gone(left.read_text()):
            await asyncio.sleep(0.01)

    run(script(f"sleep 77 & echo $! > '{left}'"), case)


def test_a_daemon_that_holds_its_output_open_is_let_live(script: Callable[[str], str], tmp_path: Path) -> None:
    left = tmp_path / "left"

    async def case(driver: Driver) -> None:
        await driver.apply(order(16_000))
        assert driver.reading.limit_ma == 16_000
        os.kill(int(left.read_text()), signal.SIGKILL)

    daemon = f"setsid sh -c 'echo $$ > {left}; exec sleep 77' & until [ -s {left} ]; do :; done"
    run(script(daemon + """; echo '{"limit_a": 16}'"""), case)


def test_it_runs_again_and_again_and_keeps_the_newest(script: Callable[[str], str], tmp_path: Path) -> None:
    count = tmp_path / "count"

    async def case(driver: Driver) -> None:
        await driver.start()
        await driver.apply(order(16_000))
        while len(count.read_text().split()) < 3:
            await asyncio.sleep(0.02)

    run(script(f"echo x >> '{count}'"), case, refresh_s=1)


def test_a_probe_runs_nothing(script: Callable[[str], str], tmp_path: Path) -> None:
    async def case(driver: Driver) -> None:
        report = await driver.probe()
        assert report.found.endswith("set limit")
        assert (report.fallback.limit_ma, report.fallback.after_s) == (6000, 60)
        assert not (tmp_path / "ran").exists()

    async def unknown(driver: Driver) -> None:
        report = await driver.probe()
        assert (report.fallback.limit_ma, report.fallback.words[:7]) == (None, "unknown")
        assert report.warnings

    path = script(f"touch '{tmp_path}/ran'")
    run(path, case, fallback_a=6, fallback_s=60)
    run(path, unknown)


def test_input_that_nobody_reads_and_output_in_pieces() -> None:
    async def whole() -> tuple[Outcome, Outcome]:
        unread = await run_program(["true"], b"x" * 1_000_000)
        pieces = await run_program([sys.executable, "-c", "import os; [os.write(1, b'ab') for _ in range(9)]"], b"")
        return unread, pieces

    unread, pieces = asyncio.run(whole())
    assert (unread.code, unread.output) == (0, b"")
    assert (pieces.output, pieces.whole) == (b"ab" * 9, True)
    assert len(list(Path("/proc/self/fd").iterdir())) < 60


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text(max_size=30).map(lambda text: json.dumps({"limit_a": text}).encode()))
def test_any_output_is_a_reading_or_refused(output: bytes) -> None:
    driver = Driver.from_options({"command": "x"}, lambda: NOW)
    try:
        driver._parse(Outcome(0, output, b"", whole=True))
    except ChargerRefusedError as refusal:
        event(str(refusal).partition("wrote")[2][:4])
