"""Groups in as they come, out what `run` tells of station and signal: what is new of the one, how the other is.

Where several stations are listened to, it is told of the one of which most was heard.
"""

from collections.abc import Iterator

from receiver.following import Hearing
from receiver.received_group import ReceivedGroup
from receiver.records import STATUS_EVERY_S, Inflow, Record, StreamTime, station_record, status_record
from receiver.station import Station


class SignalNews:
    """What is known of the stations, and when the signal is due to be told."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._stations: dict[int, Station] = {}
        self._told: int | None = None
        self._measured_s = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time to tell the signal."""
        return self._hearing.seconds_done - self._measured_s >= STATUS_EVERY_S

    def of_group(self, number: int, group: ReceivedGroup, time: StreamTime) -> Iterator[Record]:
        """What is new of a station by its group."""
        station = self._stations.setdefault(number, Station())
        is_new = station.feed(group)
        if station.facts.pi is not None and (is_new or number != self._told) and number == self._hearing.best_station:
            self._told = number
            yield station_record(station.facts, group, time)

    def of_signal(self, time: StreamTime, *, heartbeat_age_s: float | None, signal_lost: bool) -> Iterator[Record]:
        """How the signal is; nothing for an input of groups."""
        hearing, now = self._hearing, self._hearing.now
        self._measured_s = hearing.seconds_done
        status = now.status(now.best)
        if status is not None:
            inflow = Inflow(
                now.groups_heard[now.best],
                now.samples_lost,
                now.gaps,
                heartbeat_age_s=heartbeat_age_s,
                signal_lost=signal_lost,
            )
            yield status_record(status, hearing.samples_done, hearing.seconds_done, time, inflow=inflow)
