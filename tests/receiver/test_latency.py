"""A stick's codes in pieces of 16 ms to the time by which groups are late: below 0.3 s, counted in samples."""

from collections.abc import Callable

import numpy as np
import pytest

from receiver.bank import StationBank
from receiver.chain import IqChain
from receiver.dsp.channel import Codes
from receiver.received_group import ReceivedGroup
from tests.receiver.signals import Signal, cut, fm, in_noise, station_mpx

PIECE_S = 0.016
MOST_S = 0.3
OFFSET_HZ = 400_000.0
Feed = Callable[[Codes], list[ReceivedGroup]]


def stick(decimation: int, if_rate_hz: int, *, offset_hz: float, cn0_db_hz: float) -> Codes:
    """Two and a half seconds of a station as a stick gives them, at a multiple of the multiplex's rate."""
    narrow = station_mpx(28, Signal(rate_hz=if_rate_hz, rds_hz=3400))
    count = decimation * len(narrow)
    wide = np.interp(np.arange(count) / decimation, np.arange(len(narrow)), narrow).astype(np.float32)
    rate_hz = decimation * if_rate_hz
    iq = in_noise(fm(wide, rate_hz, offset_hz=offset_hz), cn0_db_hz, seed=1, rate_hz=rate_hz)
    parts = np.clip(np.round(iq.view(np.float32) * 60 + 127.5), 0, 255)
    return parts.astype(np.uint8).reshape(-1, 2)


def delays_s(feed: Feed, codes: Codes, rate_hz: float) -> list[float]:
    """By how much each complete group comes later than its last bit ended, once half a second has been heard."""
    fed, delays = 0, []
    for piece in cut(codes, [round(rate_hz * PIECE_S)]):
        fed += len(piece)
        delays += [fed / rate_hz - group.end_s for group in feed(piece) if None not in group.words and group.end_s > 1]
    return delays


@pytest.mark.parametrize("cn0_db_hz", [80, 66], ids=["good", "weak"])
@pytest.mark.parametrize(("decimation", "if_rate_hz"), [(1, 250_000), (4, 256_000), (10, 240_000)])
def test_a_group_is_told_within_three_tenths_of_a_second(decimation: int, if_rate_hz: int, cn0_db_hz: float) -> None:
    rate_hz = decimation * if_rate_hz
    codes = stick(decimation, if_rate_hz, offset_hz=0, cn0_db_hz=cn0_db_hz)
    chain = IqChain(rate_hz, has_limits=True, codes=True)
    delays = delays_s(chain.feed, codes, rate_hz)
    assert len(delays) > 12
    assert max(delays) < MOST_S


def test_the_stations_of_a_bank_are_no_later() -> None:
    rate_hz = 1_024_000
    codes = stick(4, 256_000, offset_hz=OFFSET_HZ, cn0_db_hz=80)
    bank = StationBank(rate_hz, [0.0, OFFSET_HZ], codes=True)
    delays = delays_s(lambda piece: bank.feed(piece)[1], codes, rate_hz)
    assert len(delays) > 12
    assert max(delays) < MOST_S
