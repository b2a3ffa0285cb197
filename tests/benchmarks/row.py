"""A measured thing to a line of the benchmark's one table, beside it what others reach and what is aimed at."""

from dataclasses import dataclass
from typing import Final

HEAD: Final = "| what | evrds | redsea 1.3 | ideal reception | goal |\n|---|---|---|---|---|\n"


@dataclass(frozen=True, slots=True)
class Row:
    """Texts of a line; empty where nothing is known."""

    what: str
    evrds: str
    redsea: str = ""
    """The best open decoder, redsea 1.3 in C++: cited, measured elsewhere on signals of the same kind."""
    ideal: str = ""
    """Perfect synchronisation and maximum likelihood."""
    goal: str = ""

    def __str__(self) -> str:
        return "| " + " | ".join((self.what, self.evrds, self.redsea, self.ideal, self.goal)) + " |"


def percent(share: float, digits: int = 1) -> str:
    """0.5 as "50.0 %"."""
    return f"{100 * share:.{digits}f} %"
