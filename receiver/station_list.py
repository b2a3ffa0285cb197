"""Stations that a scan found, ranked, to a file and back: from it the receiver knows where to listen.

Whether a station carries our service is told by heartbeats that verify and are of today. Neither its level nor its PI
counts: whoever wants to be listened to can send both.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from rds.errors import InputError

VERSION: Final = 1
_KIND: Final = "stations"


class Service(StrEnum):
    """What is known of our application at a station."""

    VERIFIED = "verified"
    """A heartbeat verified, and no other station's is much newer."""
    STALE = "stale"
    """A heartbeat verified and is of another time: the station repeats what was recorded."""
    UNVERIFIED = "unverified"
    """The application is announced, and no heartbeat verified."""
    NONE = "none"
    """Nothing of it was heard."""


@dataclass(frozen=True, slots=True)
class FoundStation:
    """What was heard of a station while it was listened to; None: nothing."""

    frequency_hz: int | None
    """None where the recording's centre is not known."""
    offset_hz: float
    """From the centre that it was heard at."""
    service: Service
    heartbeats: int
    """Verified ones."""
    heard_s: float
    """How long it was listened to."""
    level_dbfs: float | None
    cn_db: float | None
    pilot: bool
    pi: int | None
    ps: str | None
    bler: float | None
    """Of the blocks seen; None: none was."""
    aids: tuple[tuple[int, str], ...]
    """AID and the group type that carries it."""


def ranked(stations: Iterable[FoundStation]) -> list[FoundStation]:
    """The best first: those with a verified heartbeat, then those that announce the service, then the others by place.

    Among the verified, who lets more heartbeats through in the same time goes first, then who has fewer block errors.
    """

    def rank(one: FoundStation) -> tuple[float, ...]:
        place = one.frequency_hz or one.offset_hz
        if one.service is not Service.VERIFIED:
            return (list(Service).index(one.service), place)
        return (0, -one.heartbeats / max(one.heard_s, 1), 1 if one.bler is None else one.bler, place)

    return sorted(stations, key=rank)


def format_stations(stations: Iterable[FoundStation]) -> str:
    """The text of the file."""
    whole = {"v": VERSION, "type": _KIND, "stations": [_fields(one) for one in stations]}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def found_record(one: FoundStation) -> dict[str, object]:
    """A station as `scan -F json` tells it."""
    return {"v": VERSION, "type": "found"} | _fields(one)


def _fields(one: FoundStation) -> dict[str, object]:
    """Hexadecimal as people write it, what is measured rounded."""
    fields: dict[str, object] = {
        name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(one).items()
    }
    return fields | {
        "service": one.service.value,
        "pi": None if one.pi is None else f"{one.pi:04X}",
        "aids": [{"aid": f"{aid:04X}", "group_type": carrier} for aid, carrier in one.aids],
    }


def read_frequencies(path: Path) -> list[int]:
    """Where the stations of a file are that may carry the service, Hz, the best first: all but those that repeat.

    Raises:
        InputError: it cannot be read or is no list of stations.
    """
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"list of stations {path}: {error.strerror}; make one with evrds-receiver scan") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is no JSON; make a list of stations with evrds-receiver scan --save") from None
    carrying = (Service.VERIFIED, Service.UNVERIFIED)
    found = [one for one in _stations(whole) if isinstance(one, dict) and one.get("service") in carrying]
    places = [place for one in found if isinstance(place := one.get("frequency_hz"), int)]
    if len(places) < len(found):
        raise InputError(f"{path}: a station without frequency_hz; scan a live source, or say where the recording was")
    if not places:
        raise InputError(f"{path} holds no station that carries the service; scan again where one is received")
    return list(dict.fromkeys(places))


def _stations(whole: Any) -> list[Any]:  # Any: JSON of a file, looked at field by field
    is_list = isinstance(whole, dict) and whole.get("type") == _KIND and whole.get("v") == VERSION
    stations = whole.get("stations") if is_list else None
    return stations if isinstance(stations, list) else []
