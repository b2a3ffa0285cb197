"""The two scripts as an engineer calls them: arguments in, exit code and output out; and a network made with them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Record = dict[str, Any]  # Any: as JSON gives it
CLOCK: Final = "2026-12-01T17:00:00Z"
MADE: Final = ["--not-before", "2026-11-30T00:00:00Z", "--days", "300"]
STATION: Final = """[station]
pi = "1234"
ps = "EVRDS"
[application]
groups_per_second = 4
{application}
[keys]
operator = "operator.pem"
certificate = "operator.certificate.pem"
root = "root.public.pem"
"""
CURTAIL: Final = """[[message]]
at = "00:00:12"
name = "evening"
type = "curtail"
region = "12FFF"
level = "16 A"
duration_min = 60
release_min = 60
"""
HALT: Final = """[[message]]
at = "00:00:32"
type = "halt"
region = "13FFF"
duration_min = 5
release_min = 2
dispatch = "spread 30 s"
"""
END: Final = """[[message]]
at = "00:00:52"
type = "end"
target = "evening"
release_min = 10
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a script ended and what it said."""

    code: int
    out: str
    err: str

    def records(self, *kinds: str) -> list[Record]:
        """The JSON records of these types, in order."""
        found = [json.loads(line) for line in self.out.splitlines()]
        return [record for record in found if record["type"] in kinds]

    @property
    def messages(self) -> list[Record]:
        """The records of urgent messages; a bulletin's envelope holds none by itself."""
        return [one for one in self.records("message") if one["message"] is not None]

    @property
    def verdicts(self) -> list[tuple[str, str]]:
        """Each message's name and verdict."""
        return [(one["message"]["name"], one["verdict"]) for one in self.messages]

    @property
    def limits(self) -> list[float]:
        """Each limit told, A."""
        return [one["limit_a"] for one in self.records("limit")]


def script(name: str) -> Path:
    """Where the environment that runs the tests has a script."""
    return Path(sys.executable).with_name(f"evrds-{name}")


def call(name: str, *arguments: str | Path, code: int | None = 0) -> Outcome:
    """Run `evrds-NAME`; anything but the exit code that is looked for fails the test (None: any)."""
    run = subprocess.run(
        [script(name), *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    outcome = Outcome(run.returncode, run.stdout, run.stderr)
    assert code is None or outcome.code == code, outcome
    return outcome


def make_network(folder: Path, *arguments: str, messages: str = "", application: str = "network = 7") -> Path:
    """Keys in a folder and a plan beside them; the plan's path."""
    call("encoder", "keys", "create", folder, *MADE, *(arguments or ("--network", "7")))
    plan = folder / "plan.toml"
    plan.write_text(STATION.format(application=application) + messages)
    return plan


def build(plan: Path, *arguments: str | Path, clock: str = CLOCK) -> Outcome:
    """`build` with the tests' clock."""
    return call("encoder", "build", plan, "--clock", clock, *arguments)


def trust(folder: Path, certificate: str = "operator.certificate.pem") -> list[str | Path]:
    """The options by which a receiver trusts a folder's keys."""
    return ["--trust", folder / "root.public.pem", "--trust", folder / certificate]


def decode(signal: Path, *arguments: str | Path) -> Outcome:
    """`decode -F json`."""
    return call("receiver", "decode", signal, "-F", "json", *arguments)
