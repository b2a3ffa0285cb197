"""The words of `evrds-receiver batch` and `report`: what can be asked for."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from receiver.arguments import argument
from receiver.workers import parse_executor

P = TypeVar("P", bound=argparse.ArgumentParser)
Run = Callable[[argparse.Namespace], None]


def add_batch_command(commands: "argparse._SubParsersAction[P]", *, exit_codes: str, run: Run) -> P:
    """The command `batch`, yet without the options of input and trust."""
    parser = commands.add_parser(
        "batch",
        help="a folder of recordings to tables",
        description="Decodes every recording in and below a folder to Parquet: groups, messages, signal, stations, and "
        "a manifest (docs/research.md). What the manifest tells of is not decoded again: a run that was cut goes on.",
        epilog="Example: evrds-receiver batch recordings --jobs 4 --out results. A recording that cannot be decoded is "
        "a line of the manifest, and exit code 3 at the end; 6 if there is no group in any. " + exit_codes,
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the recordings are")
    add = parser.add_argument
    add("--out", type=Path, default=Path("results"), metavar="RESULTS", help="where the tables go (default results)")
    add("--match", default="*", metavar="PATTERN", help="only paths below DIR like this, such as '*.cu8' or '2026/*'")
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (default: one a core)")
    add(
        "--executor",
        type=argument(parse_executor),
        metavar="dask://HOST:PORT",
        help="a Dask cluster does the work; DIR and RESULTS must be the same there",
    )
    add("--sha256", action="store_true", help="note each recording's hash in the manifest")
    parser.set_defaults(run=run)
    return parser


def add_report_command(commands: "argparse._SubParsersAction[P]", *, exit_codes: str, run: Run) -> None:
    """The command `report`."""
    parser = commands.add_parser(
        "report",
        help="a folder of tables to a summary and a picture",
        description="Sums up what `batch` made: stations, recordings, messages by verdict, what failed. Prints it, and "
        "writes it as report.md and report.png.",
        epilog="Example: evrds-receiver report results. " + exit_codes,
    )
    parser.add_argument("results", metavar="RESULTS", type=Path, help="what batch --out named")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write (default: RESULTS)")
    parser.set_defaults(run=run)
