"""IQ to one station's IF: against shift, filter and decimation done directly, and whatever the chunks."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.pcm import decode_cu8
from receiver.dsp.channel import Channel, decimation_of
from tests.receiver.signals import FloatArray, Iq, cut, noise, run


def direct(iq: Iq, rate_hz: float, shift_hz: float, decimation: int) -> Iq:
    """The station brought to 0 Hz, 100 kHz passed and 130 kHz or the IF's edge stopped, each `decimation`-th kept."""
    time_s = np.arange(len(iq)) / rate_hz
    shifted = iq * np.exp(-2j * np.pi * shift_hz * time_s)
    spectrum = np.fft.fft(shifted, 2 * len(iq))
    away_hz = np.abs(np.fft.fftfreq(2 * len(iq), 1 / rate_hz))
    stop_hz = min(130e3, rate_hz / decimation / 2)
    response = np.sin(np.pi / 2 * np.clip((stop_hz - away_hz) / (stop_hz - 100e3), 0, 1)) ** 2
    whole: Iq = np.fft.ifft(spectrum * response)[: len(iq) : decimation].astype(np.complex64)
    return whole


def actual_shift_hz(channel: Channel, rate_hz: float, offset_hz: float) -> float:
    """The offset as it is rounded to a bin: where a carrier at the offset does not end up is where it was rounded."""
    samples = round(rate_hz * 0.2)
    carrier = np.exp(2j * np.pi * offset_hz / rate_hz * np.arange(samples)).astype(np.complex64)
    output = np.concatenate(run(channel.feed, channel.flush, iter([carrier])))[1000:-1000]
    slope = np.polyfit(np.arange(len(output)), np.unwrap(np.angle(output).astype(np.float64)), 1)[0]
    return float(offset_hz - slope / (2 * np.pi) * channel.rate_hz)


@pytest.mark.parametrize(
    ("rate_hz", "decimation"),
    [
        (220_000, 1), (250_000, 1), (300_000, 1), (900_001, 4), (1_024_000, 4), (1_140_000, 5),
        (1_200_000, 5), (2_048_000, 8), (2_400_000, 10), (3_200_000, 13),
    ],
)  # fmt: skip
def test_decimation_comes_near_250_khz(rate_hz: int, decimation: int) -> None:
    assert decimation_of(rate_hz) == decimation


def test_every_rate_leaves_room_for_a_station() -> None:
    for rate_hz in range(220_000, 3_200_000, 7919):
        assert 220_000 <= rate_hz / decimation_of(rate_hz) < 440_000


@pytest.mark.parametrize(
    ("rate_hz", "offset_hz"),
    [
        (250_000, 30_000), (300_000, -50_000), (300_001, 1), (1_024_000, 0), (1_024_000, 200_000),
        (1_140_000, -300_000), (1_200_000, 123_456), (1_000_003, 250_000), (2_400_000, -1_000_000),
    ],
)  # fmt: skip
def test_channel_is_shift_filter_and_decimation(rate_hz: float, offset_hz: float) -> None:
    iq = noise(round(rate_hz * 0.1), seed=7)
    channel = Channel(rate_hz, offset_hz=offset_hz)
    output = np.concatenate(run(channel.feed, channel.flush, iter([iq])))
    assert channel.rate_hz == rate_hz / channel.decimation
    assert len(output) == -(-len(iq) // channel.decimation)
    shift_hz = actual_shift_hz(Channel(rate_hz, offset_hz=offset_hz), rate_hz, offset_hz)
    # To the nearest of the bins, about 200 Hz wide: a discriminator sees a constant below two thousandths.
    assert shift_hz == pytest.approx(offset_hz, abs=0.51 * channel.rate_hz / 1152)
    expected = direct(iq, rate_hz, shift_hz, channel.decimation)
    # The first 1.2 ms know what the filter would reach for before the input; so does the end.
    edge = round(channel.rate_hz * 0.0012)
    error = output[edge:-edge] - expected[edge:-edge]
    # An IF of 228 kHz has the steepest edge, which rings on beyond what blocks share: 75 dB down.
    assert np.max(np.abs(error)) < 1.8e-4 * np.max(np.abs(expected))


@pytest.mark.parametrize("rate_hz", [1_024_000, 1_140_000, 1_000_003, 2_048_000])
def test_output_sample_n_lies_at_input_sample_n_times_the_decimation(rate_hz: int) -> None:
    samples = round(rate_hz * 0.06)
    wave_hz = 40_000
    iq = np.exp(2j * np.pi * wave_hz / rate_hz * np.arange(samples)).astype(np.complex64)
    channel = Channel(rate_hz)
    output = np.concatenate(run(channel.feed, channel.flush, iter([iq])))
    expected = iq[:: channel.decimation]
    assert np.max(np.abs(output - expected)[500:-500]) < 1e-4


def test_a_neighbour_is_stopped() -> None:
    rate_hz = 1_024_000
    channel = Channel(rate_hz)
    neighbour = np.exp(2j * np.pi * 200_000 / rate_hz * np.arange(100_000)).astype(np.complex64)
    output = np.concatenate(run(channel.feed, channel.flush, iter([neighbour])))[500:-500]
    assert np.max(np.abs(output)) < 1e-3


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=5), offset_hz=st.sampled_from([0, 200_000]))
def test_any_cutting_gives_the_same(sizes: list[int], offset_hz: float) -> None:
    iq = noise(60_000, seed=3)
    whole = Channel(1_024_000, offset_hz=offset_hz)
    pieces = Channel(1_024_000, offset_hz=offset_hz)
    expected = np.concatenate(run(whole.feed, whole.flush, iter([iq])))
    output = np.concatenate(run(pieces.feed, pieces.flush, cut(iq, sizes)))
    np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize("samples", [0, 1, 2, 100, 20_000])
def test_short_inputs_keep_their_length(samples: int) -> None:
    channel = Channel(1_024_000)
    outputs: list[npt.NDArray[np.complex64]] = run(channel.feed, channel.flush, iter([noise(samples, seed=1)]))
    assert sum(map(len, outputs)) == -(-samples // 4)


def test_a_rate_above_the_if_is_filtered_even_without_decimation() -> None:
    rate_hz = 370_000
    channel = Channel(rate_hz)
    neighbour = np.exp(2j * np.pi * 160_000 / rate_hz * np.arange(50_000)).astype(np.complex64)
    output = np.concatenate(run(channel.feed, channel.flush, iter([neighbour])))[500:-500]
    assert np.max(np.abs(output)) < 1e-3


def station(samples: int, rate_hz: float, centre_hz: float, *, seed: int) -> Iq:
    """Noise 80 kHz wide of power 1: as good as a station for who asks for its power."""
    spectrum = np.fft.fft(noise(samples, seed=seed))
    frequency_hz = np.fft.fftfreq(samples, 1 / rate_hz)
    spectrum[np.abs(frequency_hz - centre_hz) > 40_000] = 0
    own: Iq = np.fft.ifft(spectrum).astype(np.complex64)
    return own / np.float32(np.sqrt(np.mean(np.abs(own) ** 2)))


NEIGHBOUR_RATE_HZ = 1_024_000
BATCH = 12 * 1024 * 4
"""Input samples of a batch of blocks."""


def heard_at_90_khz(neighbour: Iq, *, neighbour_hz: float, offset_hz: float = 0.0) -> FloatArray:
    """What the filter leaves of a tone in the station's skirt, by batch: 1 of the wide one, a quarter of the narrow."""
    rate_hz = NEIGHBOUR_RATE_HZ
    turns = np.arange(len(neighbour)) / rate_hz
    shift = np.exp(2j * np.pi * offset_hz * turns).astype(np.complex64)
    tone = np.exp(2j * np.pi * 90_000 * turns).astype(np.complex64)
    own = station(len(neighbour), rate_hz, 0.0, seed=1)
    there = neighbour * np.exp(2j * np.pi * neighbour_hz * turns).astype(np.complex64)
    channel = Channel(rate_hz, offset_hz=offset_hz)
    output = np.concatenate(run(channel.feed, channel.flush, iter([(own + tone + there) * shift])))
    still = output * np.exp(-2j * np.pi * 90_000 / channel.rate_hz * np.arange(len(output)))
    batches = still[: len(still) // (BATCH // 4) * (BATCH // 4)].reshape(-1, BATCH // 4)
    left: FloatArray = np.abs(np.mean(batches, axis=1)).astype(np.float64)
    return left


@pytest.mark.parametrize(("neighbour_hz", "offset_hz"), [(200_000, 0), (-200_000, 0), (200_000, 150_000)])
def test_a_loud_neighbour_narrows_the_filter_while_it_lasts(neighbour_hz: float, offset_hz: float) -> None:
    neighbour = 30 * station(6 * BATCH, NEIGHBOUR_RATE_HZ, 0.0, seed=2)
    neighbour[: 2 * BATCH] = 0
    neighbour[4 * BATCH :] = 0
    left = heard_at_90_khz(neighbour, neighbour_hz=neighbour_hz, offset_hz=offset_hz)
    # At 90 kHz, the skirt from 70 to 100 kHz has sin^2(pi / 6).
    np.testing.assert_allclose(left[[0, 2, 3, 5]], [1, 0.25, 0.25, 1], atol=0.05)


@pytest.mark.parametrize(("power", "expected"), [(1.0, 1.0), (2.5, 1.0), (8.0, 0.25)])
def test_a_quiet_neighbour_leaves_the_filter_wide(power: float, expected: float) -> None:
    # The tone adds its own power of 1 to neither: it lies between the bands that are compared.
    neighbour = np.float32(np.sqrt(power)) * station(3 * BATCH, NEIGHBOUR_RATE_HZ, 0.0, seed=2)
    left = heard_at_90_khz(neighbour, neighbour_hz=200_000)
    np.testing.assert_allclose(left, expected, atol=0.05)


@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(1, 100_000), min_size=1, max_size=5))
def test_any_cutting_gives_the_same_beside_a_neighbour_that_comes_and_goes(sizes: list[int]) -> None:
    iq = noise(4 * BATCH, seed=3)
    iq[BATCH : 3 * BATCH] += 30 * station(2 * BATCH, NEIGHBOUR_RATE_HZ, 200_000, seed=4)
    whole, pieces = Channel(NEIGHBOUR_RATE_HZ), Channel(NEIGHBOUR_RATE_HZ)
    expected = np.concatenate(run(whole.feed, whole.flush, iter([iq])))
    np.testing.assert_array_equal(np.concatenate(run(pieces.feed, pieces.flush, cut(iq, sizes))), expected)


def codes_of(iq: Iq) -> npt.NDArray[np.uint8]:
    """What a stick would give."""
    parts = np.clip(np.round(iq.view(np.float32) * 127.5 + 127.5), 0, 255)
    return parts.astype(np.uint8).reshape(-1, 2)


@pytest.mark.parametrize(("rate_hz", "offset_hz"), [(250_000, 0), (1_024_000, 0), (1_140_000, -300_000)])
def test_codes_give_what_their_samples_give(rate_hz: float, offset_hz: float) -> None:
    codes = codes_of(noise(100_000, seed=5) / 4)
    samples = Channel(rate_hz, offset_hz=offset_hz)
    expected = np.concatenate(run(samples.feed, samples.flush, iter([decode_cu8(codes)])))
    channel = Channel(rate_hz, offset_hz=offset_hz, codes=True)
    output = np.concatenate(run(channel.feed, channel.flush, iter([codes])))
    # From the very first sample: before it there is silence for both.
    np.testing.assert_allclose(output, expected, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=5))
def test_any_cutting_of_codes_gives_the_same(sizes: list[int]) -> None:
    codes = codes_of(noise(60_000, seed=3) / 4)
    whole, pieces = Channel(1_024_000, codes=True), Channel(1_024_000, codes=True)
    expected = np.concatenate(run(whole.feed, whole.flush, iter([codes])))
    np.testing.assert_array_equal(np.concatenate(run(pieces.feed, pieces.flush, cut(codes, sizes))), expected)
