"""Two stations of one stream: what is told is of the one of which most was heard."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

from receiver.chain import SignalStatus
from receiver.received_group import ReceivedGroup
from receiver.records import StreamTime
from receiver.signal_news import SignalNews

NOWHEN = StreamTime()
NUMBERS = {98_100_000: 0, 98_300_000: 1}
"""Stations have numbers of any kind; their places in the stream are others."""


def test_the_station_of_which_most_was_heard_is_told() -> None:
    statuses = [SignalStatus(True, 10, number, 0) for number in range(2)]
    now = SimpleNamespace(best=0, groups_heard=[5, 3], samples_lost=7, gaps=Counter(usb=2), status=statuses.__getitem__)
    hearing: Any = SimpleNamespace(now=now, best_station=98_100_000, seconds_done=4.9, samples_done=49)  # Any: a part
    news = SignalNews(hearing)

    def told(frequency_hz: int, index: int) -> list[object]:
        pi = 0x4000 + NUMBERS[frequency_hz]
        group = ReceivedGroup((pi, 0x0400, 0xE0E0, 0x4142), index, index / 10)
        return [record["pi"] for record in news.of_group(frequency_hz, group, NOWHEN)]

    def signal() -> list[tuple[object, ...]]:
        records = news.of_signal(NOWHEN, heartbeat_age_s=1.23456, signal_lost=True)
        fields = ("blocks_accepted", "groups", "samples_lost", "gaps", "heartbeat_age_s", "signal_lost")
        return [tuple(record[name] for name in fields) for record in records]

    first = [one for index in range(3) for frequency_hz in NUMBERS for one in told(frequency_hz, index)]
    assert set(first) == {"4000"}
    due = [news.is_due]
    hearing.seconds_done = 5.0
    due.append(news.is_due)
    assert signal() == [(0, 5, 7, {"usb": 2}, 1.235, True)]
    assert [*due, news.is_due] == [False, True, False]
    now.best, hearing.best_station, now.groups_heard[1] = 1, 98_300_000, 6
    assert told(98_300_000, 3) == ["4001"]
    assert told(98_300_000, 4) == []
    assert signal() == [(1, 6, 7, {"usb": 2}, 1.235, True)]
