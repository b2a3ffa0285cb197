"""Signals to groups and readings: what the status says of a signal whose noise and deviations are known."""

import numpy as np
import pytest

from rds.group import groups_to_bits
from receiver.chain import BitChain, Chain, IqChain, MpxChain, SignalStatus
from receiver.received_group import ReceivedGroup
from tests.receiver.signals import Iq, Signal, fm, in_noise, mpx, programme, station_mpx

RATE_HZ = 250_000


def listen(chain: Chain, samples: Iq, *, piece: int = RATE_HZ // 4) -> tuple[list[ReceivedGroup], list[SignalStatus]]:
    """The groups, and the status four times a second but for the first second."""
    groups, states = [], []
    for start in range(0, len(samples), piece):
        groups += chain.feed(samples[start : start + piece])
        states.append(chain.status())
    return groups + chain.flush(), states[4:]


@pytest.mark.parametrize("cn0_db_hz", [60, 65, 70, 75])
def test_carrier_to_noise_is_read_within_a_decibel(cn0_db_hz: float) -> None:
    signal = Signal(rate_hz=RATE_HZ, rds_hz=3400)
    iq = in_noise(fm(station_mpx(60, signal), RATE_HZ), cn0_db_hz, seed=round(cn0_db_hz))
    _, states = listen(IqChain(RATE_HZ), iq)
    readings = [state.cn_db for state in states if state.cn_db is not None]
    assert len(readings) == len(states)
    assert np.mean(readings) + 10 * np.log10(200e3) == pytest.approx(cn0_db_hz, abs=1.0)
    assert np.std(readings) < 0.8


def test_deviations_are_those_of_the_carrier() -> None:
    # A phase that is the integral of the multiplex, from a grid eight times finer.
    signal = Signal(rate_hz=8 * RATE_HZ, rds_hz=3000, pilot_hz=6750, lead_s=0)
    iq = fm(station_mpx(25, signal), signal.rate_hz)[::8]
    _, states = listen(IqChain(RATE_HZ), iq)
    assert states[-1].rds_hz == pytest.approx(3000, rel=0.01)
    assert states[-1].pilot_hz == pytest.approx(6750, rel=0.001)
    assert states[-1].level_dbfs == pytest.approx(-6.02, abs=0.01)


def test_a_multiplex_has_no_carrier_to_noise_and_bits_no_error_vector() -> None:
    chain = MpxChain(228_000)
    groups = chain.feed(station_mpx(20)) + chain.flush()
    assert chain.status().cn_db is None
    assert all(group.evm is not None and group.evm < 0.02 for group in groups)
    bits = BitChain()
    heard = bits.feed(groups_to_bits(programme(10))) + bits.flush()
    assert len(heard) == 10
    assert all(group.evm is None for group in heard)


@pytest.mark.parametrize("samples", [np.zeros(RATE_HZ, np.complex64), np.empty(0, np.complex64)])
def test_silence_has_no_carrier_to_noise(samples: Iq) -> None:
    chain = IqChain(RATE_HZ)
    assert chain.feed(samples) + chain.flush() == []
    assert chain.status().cn_db is None


def test_the_error_vector_follows_the_noise() -> None:
    samples = mpx(groups_to_bits(programme(60)), Signal(rate_hz=RATE_HZ, rds_hz=3400))
    iq = fm(samples, RATE_HZ)
    half = len(iq) // 2
    iq = np.concatenate((in_noise(iq[:half], 80, seed=1), in_noise(iq[half:], 68, seed=2)))
    groups, _ = listen(IqChain(RATE_HZ), iq)
    assert [group.words for group in groups] == [group.words for group in programme(60)]
    sizes = np.array([group.evm for group in groups], float)
    # Noise in frequency goes with the square root of N0: 12 dB are four times.
    assert np.mean(sizes[32:]) / np.mean(sizes[:28]) == pytest.approx(4, rel=0.1)
    assert sizes[29] < sizes[31]
