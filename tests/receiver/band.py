"""Stations beside one another in a wide stream: a genuine one, others that only look or sound like it, and noise."""

from collections.abc import Iterable
from functools import cache

import numpy as np

from rds.group import Group, groups_to_bits, make_group
from rds.oda.messages.heartbeat import Heartbeat
from receiver.dsp.channel import Codes
from tests.receiver.broadcast import OPERATOR, STRANGER, TS, Broadcast, heartbeat, signed
from tests.receiver.signals import Iq, Signal, fm, mpx, noise, programme

RATE_HZ = 1_024_000
_MPX_RATE_HZ = 256_000


def service(ts: int = TS, *, forged: bool = False, esis: Iterable[int] = range(30), tag: int = 1) -> list[Group]:
    """Groups of a station that announces the service and sends a heartbeat."""
    message: Heartbeat = heartbeat(ts)
    envelope = signed(message, STRANGER if forged else OPERATOR)
    groups = Broadcast().send(envelope, esis=esis, tag=tag).groups
    whole = [group.words for group in groups]
    assert all(word is not None for words in whole for word in words)
    return [as_group(*(word or 0 for word in words)) for words in whole]


def as_group(one: int, two: int, three: int, four: int) -> Group:
    """A group of four words."""
    name = f"{two >> 12}{'AB'[two >> 11 & 1]}"
    return make_group(name, pi=one, free5=two & 0x1F, tp=two >> 10 & 1, pty=two >> 5 & 0x1F, block3=three, block4=four)


def carrier(groups: list[Group], offset_hz: float, amplitude: float) -> Iq:
    """A station's carrier at the stream's rate."""
    narrow = mpx(groups_to_bits(groups), Signal(rate_hz=_MPX_RATE_HZ, rds_hz=3000))
    times = RATE_HZ // _MPX_RATE_HZ
    wide = np.interp(np.arange(times * len(narrow)) / times, np.arange(len(narrow)), narrow).astype(np.float32)
    return fm(wide, RATE_HZ, offset_hz=offset_hz, amplitude=amplitude)


def mixed(carriers: Iterable[Iq], *, spread: float = 0.003, spike: float = 0.0) -> Iq:
    """Carriers together as long as the longest of them, over noise and a stick's spike."""
    several = list(carriers)
    total = np.full(max(map(len, several)), spike, np.complex64)
    for one in several:
        total[: len(one)] += one
    whole: Iq = total + np.float32(spread) * noise(len(total), seed=3)
    return whole


def as_codes(iq: Iq) -> Codes:
    """What a stick gives of it."""
    parts = np.clip(np.round(iq.view(np.float32) * 127.5 + 127.5), 0, 255)
    return parts.astype(np.uint8).reshape(-1, 2)


@cache
def fake_band() -> Codes:
    """3 s of it: the genuine station is the weakest of four.

    -400 kHz genuine; -100 kHz an impostor 16 dB louder, with its PI and a stranger's key; 200 kHz one that repeats an
    old heartbeat, 12 dB louder; 400 kHz a station without the service.
    """
    return as_codes(
        mixed(
            [
                carrier(service(), -400_000, 0.05),
                carrier(service(forged=True), -100_000, 0.32),
                carrier(service(TS - 360), 200_000, 0.2),
                carrier(programme(31), 400_000, 0.1),
            ],
            spike=0.02,
        )
    )
