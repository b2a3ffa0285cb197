"""What all command lines of the head-end share: a parser of one-line errors, exit codes in words."""

import argparse
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from rds.errors import UsageError

EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 internal fault, 2 wrong usage or plan, 3 input missing or bad, 7 keys refuse."
)

T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Leaves with the line."""
        self.exit(UsageError.exit_code, f"{self.prog}: {message}; see {self.prog} --help\n")


def argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser of option texts whose ValueError the user sees in full."""

    def parse_argument(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument
