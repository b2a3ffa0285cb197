"""Pieces of input to pictures of the signal: nothing kept unasked, and what is drawn is what was sent."""

import asyncio
from typing import Any

import numpy as np
import pytest

from receiver.sources.stream import Gap, GroupStream, IqStream, MpxStream
from receiver.web.stretch import STRETCH_S, Stretch
from tests.receiver.signals import Signal, fm, station_mpx

RATE_HZ = 171_000


class Heard:
    """A stream that is listened to."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.offsets_hz, self.onlooker = stream, (0.0,), None
        self.best = 0

    @property
    def now(self) -> Any:
        return self


def of(stream: Any) -> Stretch:
    hearing: Any = Heard(stream)
    return Stretch(hearing)


def stretch() -> Stretch:
    return of(MpxStream(RATE_HZ, chunks=iter(())))


def kept(one: Stretch) -> int:
    return len(one._pieces)


async def look(one: Stretch, pieces: list[Any]) -> Any:
    looking = asyncio.create_task(one.look())
    await asyncio.sleep(0)
    for piece in pieces:
        one.feed(piece)
    return await asyncio.wait_for(looking, 20)


def test_nothing_is_kept_while_nobody_looks_and_after_who_looked_has_left() -> None:
    one, piece = stretch(), np.zeros(1000, np.float32)

    async def leave() -> None:
        looking = asyncio.create_task(one.look())
        await asyncio.sleep(0)
        one.feed(piece)
        assert kept(one) == 1
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking

    one.feed(piece)
    assert kept(one) == 0
    asyncio.run(leave())
    one.feed(piece)
    assert kept(one) == 0


def test_a_gap_begins_the_stretch_anew() -> None:
    one, half = stretch(), np.zeros(round(0.6 * STRETCH_S * RATE_HZ), np.float32)

    async def whole() -> None:
        looking = asyncio.create_task(one.look())
        await asyncio.sleep(0)
        for piece in (half, Gap(5, "lost"), half):
            one.feed(piece)
        assert kept(one) == 1
        one.feed(half)
        await asyncio.wait_for(looking, 20)

    asyncio.run(whole())


def test_a_list_of_groups_has_no_signal() -> None:
    assert not of(GroupStream(1187.5, chunks=iter(()))).has_signal
    assert stretch().has_signal


@pytest.mark.parametrize("kind", ["mpx", "iq"])
def test_pictures_show_pilot_and_symbols_where_they_were_sent(kind: str) -> None:
    """A pilot of 6.75 kHz is 20 log10(6.75/75) = -20.9 dB; symbols of 2 kHz lie at 2 kHz to either side."""
    rate_hz = 250_000
    sent = station_mpx(20, Signal(rate_hz=rate_hz, rds_hz=2000, lead_s=0))
    stream = MpxStream(rate_hz, chunks=iter(())) if kind == "mpx" else IqStream(rate_hz, chunks=iter(()))
    samples: Any = sent if kind == "mpx" else fm(sent, rate_hz)
    shown = asyncio.run(look(of(stream), [samples[:100_000], samples[100_000:]]))
    step_khz, level_db = shown["spectrum"]["step_khz"], np.array(shown["spectrum"]["db"])
    assert step_khz * len(level_db) == pytest.approx(100)
    assert level_db.argmax() == round(19 / step_khz)
    assert level_db.max() == pytest.approx(-20.9, abs=0.6)
    points = np.array(shown["points"])
    assert len(points) == 400
    assert np.abs(points[:, 0]) == pytest.approx(np.full(400, 2000), rel=0.06)
    assert np.abs(points[:, 1]).max() < 120
    eye = np.array(shown["eye"])
    middles = np.abs(eye[:, 16])
    assert eye.shape == (80, 33)
    assert middles == pytest.approx(np.full(80, 2000), rel=0.06)
    assert middles.min() > 1.5 * np.abs(eye[:, 8]).min(), "between the symbols the eye is closed"


def test_an_empty_or_silent_stretch_draws_nothing_and_fails_nothing() -> None:
    one = of(MpxStream(RATE_HZ, chunks=iter(())))
    shown = asyncio.run(look(one, [np.zeros(round(STRETCH_S * RATE_HZ), np.float32)]))
    assert max(shown["spectrum"]["db"]) == -140
