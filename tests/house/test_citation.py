"""CITATION.cff in; out: it has what the format asks for, and the project's version and licence."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_citation_is_of_this_version() -> None:
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    fields = dict(re.split(r":\s*", line, maxsplit=1) for line in lines if re.match(r"[a-z-]+:", line))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= fields.keys()
    assert (fields["cff-version"], fields["version"], fields["license"]) == (
        "1.2.0",
        project["version"],
        project["license"],
    )
