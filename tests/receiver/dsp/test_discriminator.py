"""IF to MPX: against FM signals whose deviation is known, and whatever the chunks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.dsp.discriminator import Discriminator
from tests.receiver.signals import cut, fm, noise


@pytest.mark.parametrize("rate_hz", [228_000, 250_000, 240_007])
@pytest.mark.parametrize("tone_hz", [1_000, 19_000, 57_000])
def test_a_tone_comes_back_with_its_deviation(rate_hz: float, tone_hz: float) -> None:
    tone = (0.8 * np.sin(2 * np.pi * tone_hz / rate_hz * np.arange(5000))).astype(np.float32)
    output = Discriminator(rate_hz).feed(fm(tone, rate_hz, amplitude=0.01))
    np.testing.assert_allclose(output[1:], tone[1:], atol=2e-5)


def test_a_carrier_beside_the_centre_is_a_constant() -> None:
    output = Discriminator(250_000).feed(fm(np.zeros(100, np.float32), 250_000, offset_hz=-37_500))
    np.testing.assert_allclose(output[1:], -0.5, atol=1e-5)


def test_silence_is_zero() -> None:
    assert not np.any(Discriminator(250_000).feed(np.zeros(10, np.complex64)))


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 700), min_size=1, max_size=6).filter(any))
def test_any_cutting_gives_the_same(sizes: list[int]) -> None:
    iq = noise(3000, seed=5)
    pieces = Discriminator(250_000)
    output = np.concatenate([pieces.feed(piece) for piece in cut(iq, sizes)])
    # The vector unit and the rest of a chunk may round differently.
    np.testing.assert_allclose(output, Discriminator(250_000).feed(iq), rtol=1e-6, atol=1e-7)
