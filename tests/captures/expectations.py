"""A folder of captures with what is known of them in; out: a table of what `evrds-receiver decode` makes of each.

    python tests/captures/expectations.py DIR

Exit code 0: every expectation holds; 1: one does not; 2: no such folder, or no expectation in it. The forms of
expectations are told in captures/README.md.
"""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rds.hex_line import NO_WORD, Words, parse_words
from rds.text import decode_text

RECEIVER = Path(sys.executable).with_name("evrds-receiver")
NOT_CAPTURES = {".hex", ".toml", ".md", ".sigmf-meta"}
RAW_NAME = re.compile(r"[-_](?P<rate>\d+(?:\.\d+)?[kM])\.(?P<format>cu8|cs16|cf32)$")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be decoded from a capture; None or 0 where nothing is known."""

    capture: Path
    groups: Path | None = None
    first_may_be_partial: bool = False
    decoded: Path | None = None
    pi: int | None = None
    ps: str | None = None
    rt: str | None = None
    min_complete_groups: int = 0


def _from_toml(path: Path) -> Expectation:
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    for name in ("capture", "groups", "decoded"):
        if name in values:
            values[name] = path.with_name(values[name])
    return Expectation(**values)


def _from_pair(listing: Path) -> Expectation | None:
    """The expectation that a list of groups stands for, or None if no capture is beside it."""
    name, kind, _ = listing.name.rsplit(".", 2)
    for capture in sorted(listing.parent.glob(f"{name}*")):
        if capture.suffix not in NOT_CAPTURES and re.match(r"[-_.]", capture.name.removeprefix(name)):
            if kind == "groups":
                return Expectation(capture, groups=listing, first_may_be_partial=True)
            return Expectation(capture, decoded=listing)
    return None


def find_expectations(folder: Path) -> list[Expectation]:
    """One for each TOML file, and one for each listed capture that no TOML file names."""
    found = [_from_toml(path) for path in sorted(folder.glob("*.toml"))]
    named = {expectation.capture for expectation in found}
    listings = sorted([*folder.glob("*.groups.hex"), *folder.glob("*.decoded.hex")])
    pairs = [pair for pair in map(_from_pair, listings) if pair is not None and pair.capture not in named]
    return found + pairs


def read_groups(text: str) -> list[Words]:
    """The groups of a list, line by line."""
    return [words for words in map(parse_words, text.splitlines()) if words is not None]


def _complete(groups: list[Words]) -> list[tuple[int, int, int, int]]:
    return [
        (a, b, c, d) for a, b, c, d in groups if a is not None and b is not None and c is not None and d is not None
    ]


def usual_pi(groups: list[Words]) -> int | None:
    """The word most often heard in block 1."""
    heard = Counter(words[0] for words in groups if words[0] is not None)
    return heard.most_common(1)[0][0] if heard else None


def _hex(word: int | None) -> str:
    return NO_WORD if word is None else f"{word:04X}"


def service_name(groups: list[Words]) -> str:
    """The programme service name from groups 0A and 0B, `?` where a segment was not heard."""
    name = ["??"] * 4
    for _, two, _, four in _complete(groups):
        if two >> 12 == 0:
            name[two & 3] = decode_text(four.to_bytes(2, "big"))
    return "".join(name)


def radio_text(groups: list[Words]) -> str:
    """The last radio text from groups 2A up to its end, `?` where a segment was not heard."""
    text, flag = [b"????"] * 16, None
    for _, two, three, four in _complete(groups):
        if two >> 11 == 4:
            if two & 16 != flag:
                text, flag = [b"????"] * 16, two & 16
            text[two & 15] = (three << 16 | four).to_bytes(4, "big")
    return decode_text(b"".join(text).split(b"\r")[0]).rstrip()


def _same_where_heard(heard: Words, sent: Words) -> bool:
    return all(word in (None, known) for word, known in zip(heard, sent, strict=True))


def _exactness(heard: list[Words], sent: list[Words], *, first_may_be_partial: bool) -> str | None:
    """What keeps the groups heard from being those sent, or None."""
    if first_may_be_partial:
        heard = heard[1:] if heard and _same_where_heard(heard[0], sent[0]) else heard
        sent = sent[1:]
    for i, (ours, known) in enumerate(zip(heard, sent, strict=False)):
        if ours != known:
            return f"group {i} of those compared differs"
    return None if len(heard) == len(sent) else f"{len(heard)} groups instead of {len(sent)}"


def failures(expectation: Expectation, heard: list[Words]) -> Iterator[str]:
    """Each thing expected of the groups heard that does not hold."""
    pi, minimum = expectation.pi, expectation.min_complete_groups
    if expectation.groups is not None:
        sent = read_groups(expectation.groups.read_text(encoding="ascii"))
        wrong = _exactness(heard, sent, first_may_be_partial=expectation.first_may_be_partial)
        if wrong is not None:
            yield wrong
    if expectation.decoded is not None:
        theirs = read_groups(expectation.decoded.read_text(encoding="ascii"))
        pi, minimum = usual_pi(theirs) if pi is None else pi, max(minimum, len(_complete(theirs)))
    if len(_complete(heard)) < minimum:
        yield f"{len(_complete(heard))} complete groups, at least {minimum} expected"
    if pi not in (None, usual_pi(heard)):
        yield f"PI is {_hex(usual_pi(heard))}, expected {_hex(pi)}"
    if expectation.ps not in (None, service_name(heard)):
        yield f"PS is {service_name(heard)!r}, expected {expectation.ps!r}"
    if expectation.rt not in (None, radio_text(heard)):
        yield f"RT is {radio_text(heard)!r}, expected {expectation.rt!r}"


def decode(capture: Path) -> tuple[list[Words], str | None]:
    """The groups that the installed receiver prints for a capture, and its complaint if it ends badly."""
    raw = RAW_NAME.search(capture.name)
    options = ["--format", raw["format"], "--rate", raw["rate"]] if raw else []
    command = [str(RECEIVER), "decode", str(capture), *options, "-F", "hex"]
    run = subprocess.run(command, capture_output=True, text=True)
    complaint = None if run.returncode == 0 else f"exit code {run.returncode}: {run.stderr.strip()[-200:]}"
    return read_groups(run.stdout), complaint


def main(arguments: list[str]) -> int:
    """Runs every expectation of the folder named and prints a line for each."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(f"one folder of captures is needed, not {' '.join(arguments) or 'nothing'}", file=sys.stderr)
        return 2
    expectations = find_expectations(Path(arguments[0]))
    if not expectations:
        print(f"{arguments[0]} holds no expectation (captures/README.md tells their forms)", file=sys.stderr)
        return 2
    bad = 0
    width = max(len(expectation.capture.name) for expectation in expectations)
    print(f"{'capture':{width}}  groups  complete  PI    PS        verdict")
    for expectation in expectations:
        heard, complaint = decode(expectation.capture)
        wrong = [complaint] if complaint else list(failures(expectation, heard))
        bad += bool(wrong)
        shown = f"{len(heard):6}  {len(_complete(heard)):8}  {_hex(usual_pi(heard))}  {service_name(heard)}"
        print(f"{expectation.capture.name:{width}}  {shown}  {'; '.join(wrong) or 'ok'}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
