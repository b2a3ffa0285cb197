"""`docs/behaviours.md` in; out: every row names a test, every test it names is there, and none is left out."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = (ROOT / "docs" / "behaviours.md").read_text(encoding="utf-8")
PROTOCOL: Final = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
OWN: Final = "tests/receiver/test_behaviours.py"
ROWS: Final = {"Behaviours": 16, "Semantics that trip people": 8, "The limit": 11}
"""At least so many: those of the programme that this answers."""


@cache
def functions_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def named(text: str) -> list[tuple[str, str]]:
    """File and name of each test in a text: `test_x`, or `tests/a/test_b.py::test_x`."""
    found = re.findall(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`", text)
    return [(path or OWN, name) for path, name in found]


def section(title: str) -> str:
    return DOCUMENT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[str]:
    """The rows of a table without its head."""
    return [line for line in text.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize(("title", "least"), ROWS.items())
def test_every_row_names_a_test(title: str, least: int) -> None:
    found = rows(section(title))
    assert len(found) >= least
    assert [row for row in found if not named(row.rsplit("|", 2)[1])] == []


def test_every_test_that_is_named_is_there() -> None:
    assert [(path, name) for path, name in named(DOCUMENT) if name not in functions_in(path)] == []
    assert [path for path in re.findall(r"`(tests/[\w/]+\.py)`", DOCUMENT) if not (ROOT / path).is_file()] == []


def test_no_test_of_a_behaviour_is_left_out() -> None:
    every = {name for name in functions_in(OWN) if name.startswith("test_")}
    assert every == {name for path, name in named(DOCUMENT) if path == OWN}


def test_severities_mean_what_the_protocol_says() -> None:
    here = rows(section("Severity and customer option"))
    there = rows(PROTOCOL.split("<!-- table: severity -->\n")[1].split("\n\n")[0])
    assert here[: len(there)] == there
