"""Nothing in, a table of speeds out: seconds of signal per second of CPU, medians of one run on this machine.

    make bench

Encoder and receiver are measured in the same process, one after the other; redsea 1.3, the best open decoder in C++,
decodes 94 s of multiplex per CPU second on a 2.6 GHz core; C encoders synthesise 98 to 114.
"""

import platform
import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

from tests.benchmarks import decoder_speed, encoder_speed, erasure_code


def machine() -> str:
    """The processor and the Python that ran this."""
    model = next(
        (line.split(":")[1].strip() for line in _cpu_facts() if line.startswith("model name")), platform.machine()
    )
    return f"{model}, Python {platform.python_version()}"


def _cpu_facts() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def main() -> None:
    """Prints the table; on one core, as the receiver's command runs."""
    with threadpool_limits(limits=1, user_api="blas"):
        _print_table()


def _print_table() -> None:
    out = sys.stdout
    out.write(f"{machine()}\n\n| work | x real time |\n|---|---|\n")
    for name, speed in [*encoder_speed.measure(), *decoder_speed.measure()]:
        out.write(f"| {name} | {speed:.0f} |\n")
        out.flush()
    out.write("\n| erasure code | envelopes a CPU second |\n|---|---|\n")
    for name, speed in erasure_code.measure():
        out.write(f"| {name} | {speed:.0f} |\n")


if __name__ == "__main__":
    main()
