"""IQ that a converter limited to IQ with the phase that was sent: against the carrier before it was limited."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.dsp.declip import Declip
from receiver.dsp.discriminator import Discriminator
from tests.receiver.signals import FloatArray, Iq, cut, fm, noise

RATE_HZ = 250_000


def carrier(samples: int, *, seed: int) -> Iq:
    """A carrier of amplitude 1 with a multiplex like a station's: noise up to 53 kHz, 25 kHz of it, pilot and RDS."""
    time_s = np.arange(samples) / RATE_HZ
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    frequency_hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    spectrum[frequency_hz > 53_000] = 0
    multiplex = np.fft.irfft(spectrum / (1 + frequency_hz / 5000), samples)
    multiplex *= 25 / 75 / np.std(multiplex)
    multiplex += 0.09 * np.cos(2 * np.pi * 19_000 * time_s) + 0.04 * np.cos(2 * np.pi * 57_000 * time_s)
    return fm(multiplex.astype(np.float32), RATE_HZ, amplitude=1.0)


def converted(iq: Iq, drive_db: float) -> Iq:
    """What 8 bits make of a carrier of amplitude 1 driven so far beyond full scale."""
    parts = iq.view(np.float32) * np.float32(10 ** (drive_db / 20))
    codes = np.clip(np.round(parts * 127.5 + 127.5), 0, 255).astype(np.float32)
    given: Iq = ((codes - 127.5) / 127.5).astype(np.float32).view(np.complex64)
    return given


def mend(iq: Iq, sizes: list[int] | None = None) -> Iq:
    """The whole input through `Declip`; it may yield views that the next block overwrites."""
    declip = Declip(RATE_HZ)
    parts = [part.copy() for piece in cut(iq, sizes or [max(1, len(iq))]) for part in declip.feed(piece)]
    parts += [part.copy() for part in declip.flush()]
    return np.concatenate(parts) if parts else np.empty(0, np.complex64)


def phase_error(one: Iq, other: Iq) -> FloatArray:
    """How far phases lie apart, radians, without the mean."""
    apart: FloatArray = np.angle(one * other.conj()).astype(np.float64)
    return apart - np.mean(apart)


def subcarrier_error(one: Iq, other: Iq) -> float:
    """The rms difference of two multiplexes about 57 kHz, in units of 75 kHz."""
    apart = Discriminator(RATE_HZ).feed(one) - Discriminator(RATE_HZ).feed(other)
    spectrum = np.fft.rfft(apart[100:-100])
    frequency_hz = np.fft.rfftfreq(len(apart) - 200, 1 / RATE_HZ)
    spectrum[np.abs(frequency_hz - 57_000) > 2400] = 0
    return float(np.sqrt(2 * np.sum(np.abs(spectrum) ** 2)) / (len(apart) - 200))


@pytest.mark.parametrize("drive_db", [-20, -6, -0.1])
def test_what_was_not_limited_stays_as_it_is(drive_db: float) -> None:
    iq = converted(carrier(40_000, seed=1), drive_db)
    np.testing.assert_array_equal(mend(iq), iq)


def test_rare_limits_stay_as_they_are() -> None:
    iq = converted(carrier(40_000, seed=1), -3)
    iq[::31] = 1 + 1j
    np.testing.assert_array_equal(mend(iq), iq)


@pytest.mark.parametrize("drive_db", [1, 2, 3])
def test_the_amplitude_is_found(drive_db: float) -> None:
    # So far, sectors are few and the mended samples keep the carrier's amplitude.
    mended = mend(converted(carrier(40_000, seed=2), drive_db))
    assert np.median(np.abs(mended)) == pytest.approx(10 ** (drive_db / 20), rel=0.01)


@pytest.mark.parametrize(
    ("drive_db", "left_of_phase", "left_of_subcarrier"), [(3, 0.1, 0.1), (6, 0.3, 0.4), (12, 0.6, 0.7)]
)
def test_phase_and_subcarrier_come_nearer_to_what_was_sent(
    drive_db: float, left_of_phase: float, left_of_subcarrier: float
) -> None:
    sent = carrier(60_000, seed=3)
    limited = converted(sent, drive_db)
    mended = mend(limited)
    before, after = (np.std(phase_error(iq, sent)[200:-200]) for iq in (limited, mended))
    assert after < left_of_phase * before
    assert subcarrier_error(mended, sent) < left_of_subcarrier * subcarrier_error(limited, sent)


@pytest.mark.parametrize("drive_db", [6, 12])
def test_blocks_go_on_where_the_one_before_ended(drive_db: float) -> None:
    """A jump of the phase would be a click thirty-five times a second."""
    sent = carrier(110_000, seed=4)
    error = np.angle(mend(converted(sent, drive_db)) * sent.conj())
    for start in range(0, len(sent), 7_168):
        assert abs(np.mean(error[start : start + 7_168])) < 0.03
    # The last block ends in nothing, which may not be taken for samples within the limits.
    assert np.std(error[-2000:]) < 1.8 * np.std(error[:7_168]) + 0.05


@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(1, 30_000), min_size=1, max_size=4), drive_db=st.sampled_from([-3.0, 2.0, 9.0]))
def test_any_cutting_gives_the_same(sizes: list[int], drive_db: float) -> None:
    iq = converted(carrier(50_000, seed=5), drive_db)
    np.testing.assert_array_equal(mend(iq, sizes), mend(iq))


_CORNERS = np.array([1 + 1j, -1 + 1j, -1 - 1j, 1 - 1j], np.complex64)
GARBAGE = {
    "nothing": np.empty(0, np.complex64),
    "one sample": np.ones(1, np.complex64),
    "silence": np.zeros(20_000, np.complex64),
    "one corner": np.full(20_000, 1 + 1j, np.complex64),
    "corners at random": _CORNERS[np.random.default_rng(6).integers(0, 4, 20_000)],
    "corners in turn": np.resize(_CORNERS, 20_000),
    "one component": np.resize(np.array([1, -1], np.complex64), 20_000),
    "noise far beyond the limits": converted(noise(20_000, seed=7), 40),
    "noise within them": converted(noise(20_000, seed=8), -12),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_ends_in_as_many_finite_samples(kind: str) -> None:
    mended = mend(GARBAGE[kind])
    assert len(mended) == len(GARBAGE[kind])
    assert mended.dtype == np.complex64
    assert np.all(np.isfinite(mended.view(np.float32)))
