"""Records in, one after the other; out: how things stand by now, for outputs that show this and not what happens."""

from collections import Counter, deque
from typing import Final

from receiver.outputs._output import Record

LAST_MESSAGES: Final = 6


class Picture:
    """What the records so far say; a charger that has no name is the empty one."""

    def __init__(self) -> None:
        self.station: Record = {}
        self.status: Record = {}
        self.state_error: str | None = None
        self.limits: dict[str, Record] = {}
        self.chargers: dict[str, Record] = {}
        self.messages: deque[Record] = deque(maxlen=LAST_MESSAGES)
        """The last messages and bulletins."""
        self.verdicts: Counter[tuple[str, str]] = Counter()
        """How many, by type of record and verdict."""

    def feed(self, record: Record) -> None:
        """Take a record in."""
        match record["type"]:
            case "station":
                self.station = record
            case "status":
                self.status = record
            case "limit":
                self.limits[str(record["charger"] or "")] = record
            case "charger":
                self.chargers[str(record["name"] or "")] = record
            case "state":
                self.state_error = None if record["error"] is None else str(record["error"])
            case "message" | "bulletin":
                self.messages.append(record)
                self.verdicts[str(record["type"]), str(record["verdict"])] += 1
