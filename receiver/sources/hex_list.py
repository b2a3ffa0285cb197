"""Lines of four hex words to groups: what `decode -F hex`, redsea and RDS Spy write. A line is 87.6 ms of time."""

from collections.abc import Iterator

from rds.constants import BIT_RATE_HZ, GROUP_BITS, GROUP_PERIOD_S
from rds.errors import InputError
from rds.hex_line import parse_words
from receiver.received_group import ReceivedGroup
from receiver.sources.octets import Octets
from receiver.sources.rate import refuse_rate
from receiver.sources.stream import GroupStream, SourceOptions

FORMATS = ("hex",)
SUFFIXES = (".hex", ".spy", ".txt")


def open_stream(name: str, options: SourceOptions) -> GroupStream:
    """Groups of a text; blank lines and lines that begin with # are skipped.

    Raises:
        UsageError: `--rate` is given.
    """
    octets = Octets.open(name)
    refuse_rate(octets.name, options)
    return GroupStream(rate_hz=BIT_RATE_HZ, notes=octets.notes, chunks=_groups(octets))


def _groups(octets: Octets) -> Iterator[ReceivedGroup]:
    index = 0
    for number, line in enumerate(octets.lines(), start=1):
        if not line.strip() or line.lstrip().startswith(("#", "<", "%")):
            continue
        words = parse_words(line)
        if words is None:
            seen = line.strip()[:40]
            raise InputError(
                f"{octets.name}, line {number}: {seen!r} is no group; four words such as 9331 20B6 594C ----"
            )
        sure = tuple(0.0 if word is None else 1.0 for word in words)
        end_s = (index + 1) * GROUP_PERIOD_S
        yield ReceivedGroup(words, GROUP_BITS * index, end_s, confidence=(sure[0], sure[1], sure[2], sure[3]))
        index += 1
