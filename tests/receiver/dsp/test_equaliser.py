"""IF with echoes to IF without: even amplitude and whole groups again, any cutting, and nothing done where none is."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.chain import IqChain
from receiver.dsp.equaliser import Equaliser
from tests.receiver.signals import Iq, Mpx, Signal, cut, fm, noise, programme, run, station_mpx

RATE_HZ = 240_000
GROUPS = 30
QUARTERS = [0.0, np.pi / 2, np.pi, 3 * np.pi / 2]


@cache
def loud(*, pauses_s: float = 0.0) -> Mpx:
    """The station with a mono programme of 60 kHz peak, up to 5 kHz wide; silent every other `pauses_s`."""
    station = station_mpx(GROUPS, Signal(rate_hz=RATE_HZ, rds_hz=3400))
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(len(station)))
    spectrum[np.fft.rfftfreq(len(station), 1 / RATE_HZ) > 5000] = 0
    sound = np.fft.irfft(spectrum, len(station))
    sound = 0.8 * np.tanh(sound / np.std(sound))
    if pauses_s:
        sound *= np.arange(len(sound)) / RATE_HZ // pauses_s % 2
    return (station + sound).astype(np.float32)


def echoed(iq: Iq, *, phase: float, delay_s: float = 10e-6, level_db: float = -3.0) -> Iq:
    """A second way: a delay of any length is a slope in the spectrum."""
    late = np.fft.ifft(np.fft.fft(iq) * np.exp(-2j * np.pi * np.fft.fftfreq(len(iq), 1 / RATE_HZ) * delay_s))
    both: Iq = (iq + 10 ** (level_db / 20) * np.exp(1j * phase) * late).astype(np.complex64)
    return both


def noisy(iq: Iq, cn0_db_hz: float) -> Iq:
    spread = 0.5 * np.sqrt(RATE_HZ / 10 ** (cn0_db_hz / 10))
    result: Iq = (iq + np.float32(spread) * noise(len(iq), seed=8)).astype(np.complex64)
    return result


def equalised(chunks: Iterator[Iq]) -> Iq:
    stage = Equaliser()
    parts = run(lambda chunk: [part.copy() for part in stage.feed(chunk)], lambda: list(stage.flush()), chunks)
    return np.concatenate(parts) if parts else np.empty(0, np.complex64)


def unevenness(iq: Iq) -> float:
    """The variance of the power, 1.0 = the mean power squared."""
    power = np.abs(iq.astype(np.complex128)) ** 2
    return float(np.var(power) / np.mean(power) ** 2)


def complete_groups(iq: Iq) -> int:
    chain = IqChain(RATE_HZ)
    sent = {group.words for group in programme(GROUPS)}
    return sum(group.words in sent for group in chain.feed(iq) + chain.flush())


@pytest.mark.parametrize("phase", QUARTERS)
def test_an_echo_is_undone(phase: float) -> None:
    bent = echoed(fm(loud(), RATE_HZ), phase=phase)
    assert unevenness(bent) > 0.2
    output = equalised(iter([bent]))
    # The first half is for learning.
    assert unevenness(output[len(output) // 2 :]) < 0.01


@pytest.mark.parametrize(("delay_s", "level_db"), [(10e-6, -3.0), (20e-6, -3.0), (10e-6, 3.0)])
@pytest.mark.parametrize("phase", [0.3, 5.0])
def test_every_group_of_a_bent_station_is_heard(phase: float, delay_s: float, level_db: float) -> None:
    bent = noisy(echoed(fm(loud(), RATE_HZ), phase=phase, delay_s=delay_s, level_db=level_db), 72)
    assert complete_groups(bent) >= GROUPS - 1


def test_pauses_of_the_programme_do_not_move_the_subcarrier() -> None:
    bent = noisy(echoed(fm(loud(pauses_s=0.2), RATE_HZ), phase=0.0), 72)
    # Ten as it comes in, seven with the filter switched off in each pause; the first pauses come before it has learnt.
    assert complete_groups(bent) >= 20


def test_an_echo_that_ends_is_forgotten() -> None:
    straight = noisy(fm(loud(), RATE_HZ), 72)
    change = len(straight) // 2
    bent = np.concatenate((echoed(straight, phase=1.5)[:change], straight[change:]))
    output = equalised(iter([bent]))
    assert unevenness(output[change + 20_000 :]) < 1.1 * unevenness(straight[change:])
    assert complete_groups(bent) >= GROUPS - 3


@pytest.mark.parametrize("cn0_db_hz", [56, 62, 66, 72, 90])
def test_noise_is_no_echo(cn0_db_hz: float) -> None:
    straight = noisy(fm(loud(), RATE_HZ), cn0_db_hz)
    np.testing.assert_array_equal(equalised(iter([straight])), straight)


def test_nor_are_fading_silence_or_another_station() -> None:
    carrier = fm(loud(), RATE_HZ)
    time_s = np.arange(len(carrier)) / RATE_HZ
    other = fm(np.roll(loud(), 100_000), RATE_HZ)
    for untouched in (
        noisy((carrier * (0.6 + 0.5 * np.cos(2 * np.pi * 5 * time_s))).astype(np.complex64), 72),
        noise(100_000, seed=4),
        np.zeros(20_000, np.complex64),
        noisy((carrier + np.float32(0.6) * other).astype(np.complex64), 72),
    ):
        np.testing.assert_array_equal(equalised(iter([untouched])), untouched)


def test_dropouts_spoil_nothing_beside_them() -> None:
    carrier = fm(loud(), RATE_HZ)
    time_s = np.arange(len(carrier)) / RATE_HZ
    torn = noisy(np.where(time_s % 0.5 < 0.05, np.complex64(0), carrier), 72)
    output = equalised(iter([torn]))
    well = (time_s % 0.5 > 0.12) & (time_s % 0.5 < 0.46)
    np.testing.assert_array_equal(output[well], torn[well])


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(100, 30_000), min_size=1, max_size=5))
def test_any_cutting_gives_the_same(sizes: list[int]) -> None:
    straight = fm(loud()[:60_000], RATE_HZ)
    bent = np.concatenate((echoed(straight, phase=1.5)[:35_000], straight[35_000:]))
    np.testing.assert_array_equal(equalised(cut(bent, sizes)), equalised(iter([bent])))


@pytest.mark.parametrize("samples", [0, 1, 2, 100, 8063, 8064, 8065])
def test_short_inputs_keep_their_length(samples: int) -> None:
    assert len(equalised(iter([fm(loud()[:samples], RATE_HZ)]))) == samples
