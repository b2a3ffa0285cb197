"""IF to MPX where noise tears at it: fewer wrong symbols than a discriminator gives, and a good signal as it was."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.group import groups_to_bits
from rds.waveform import differential_encode
from receiver.dsp.demodulator import Demodulator, SoftSymbols
from receiver.dsp.discriminator import Discriminator
from receiver.dsp.subcarrier import Subcarrier
from receiver.dsp.threshold import ThresholdDiscriminator
from tests.benchmarks.impaired import Broadcast, Iq, broadcast, noisy
from tests.receiver.signals import cut, fm, noise

Mpx = npt.NDArray[np.float32]
_RATE_HZ = 240_000
_CHUNK = 1 << 16


@pytest.fixture(scope="module")
def sent() -> Broadcast:
    """17 s with loud stereo noise as its programme."""
    return broadcast(200)


def demodulated(iq: Iq, rate_hz: float = _RATE_HZ, sizes: Iterable[int] = (_CHUNK,)) -> Mpx:
    """The stage's output, whole."""
    stage = ThresholdDiscriminator(rate_hz)
    parts = [part for piece in cut(iq, list(sizes)) for part in stage.feed(piece)]
    return np.concatenate([*parts, *stage.flush()])


def wrong_symbols(mpx: Mpx, sent: Broadcast) -> float:
    """Share of channel symbols with the wrong sign, after 2 s."""
    bands = Subcarrier(sent.rate_hz)
    demodulator = Demodulator(bands)
    symbols: list[SoftSymbols] = [one for block in bands.feed(mpx) for one in demodulator.feed(block)]
    ratios = np.concatenate([one.ratios for one in symbols])
    starts_s = np.concatenate([one.starts_s for one in symbols])
    numbers = np.round((starts_s - sent.start_s(0)) * 1187.5).astype(int)
    expected = 1 - 2.0 * differential_encode(groups_to_bits(sent.groups))
    counted = (numbers >= 2400) & (numbers < len(expected))
    agreeing = float(np.mean(ratios[counted] * expected[numbers[counted]] > 0))
    # Which phase is which bit is free.
    return min(agreeing, 1 - agreeing)


@pytest.mark.parametrize(("cn0_db_hz", "share"), [(60, 0.94), (61, 0.94), (62, 0.95)])
def test_a_weak_signal_has_fewer_wrong_symbols(sent: Broadcast, cn0_db_hz: float, share: float) -> None:
    iq = noisy(sent.iq, cn0_db_hz)
    plain = wrong_symbols(Discriminator(_RATE_HZ).feed(iq), sent)
    assert wrong_symbols(demodulated(iq), sent) < share * plain


def test_a_good_signal_comes_as_from_a_discriminator(sent: Broadcast) -> None:
    iq = noisy(sent.iq[: 10 * _CHUNK + 77], 64.0)
    np.testing.assert_allclose(demodulated(iq), Discriminator(_RATE_HZ).feed(iq), rtol=1e-6, atol=1e-7)


def test_fading_alone_is_no_noise() -> None:
    programme = (0.5 * np.sin(2 * np.pi * 1000 / _RATE_HZ * np.arange(_CHUNK))).astype(np.float32)
    fading = 1 + 0.9 * np.sin(2 * np.pi * 50 / _RATE_HZ * np.arange(_CHUNK))
    iq = (fading * fm(programme, _RATE_HZ)).astype(np.complex64)
    np.testing.assert_allclose(demodulated(iq), Discriminator(_RATE_HZ).feed(iq), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("rate_hz", [220_000, 250_000, 320_000])
@pytest.mark.parametrize("offset_hz", [0, 20_000])
def test_programme_pilot_and_rds_keep_their_deviations(rate_hz: float, offset_hz: float) -> None:
    time_s = np.arange(1 << 18) / rate_hz
    tones = {0: offset_hz / 75_000, 1_000: 0.5, 19_000: 0.09, 57_000: 0.05}
    mpx = sum(size * np.cos(2 * np.pi * tone_hz * time_s) for tone_hz, size in tones.items())
    carrier = fm(np.asarray(mpx, np.float32), rate_hz, amplitude=1.0)
    weak = (carrier + 10 ** (-8.5 / 20) * noise(len(time_s), seed=4)).astype(np.complex64)
    output = demodulated(weak, rate_hz)
    assert len(output) == len(weak)
    for tone_hz, size in tones.items():
        found = 2 * np.mean(output * np.exp(-2j * np.pi * tone_hz * time_s))
        # Clicks take a little of everything; 0 Hz is found twice.
        assert found == pytest.approx(size if tone_hz else 2 * size, abs=0.02)


def test_silence_is_zero_and_nothing_is_nothing() -> None:
    assert not np.any(demodulated(np.zeros(20_000, np.complex64)))
    assert not list(ThresholdDiscriminator(_RATE_HZ).flush())


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 20_000), min_size=1, max_size=6).filter(any), seed=st.integers(0, 3))
def test_any_cutting_gives_the_same(sizes: list[int], seed: int) -> None:
    iq = noise(40_000, seed=seed)
    iq[:20_000] = 1
    np.testing.assert_array_equal(demodulated(iq, sizes=sizes), demodulated(iq))
