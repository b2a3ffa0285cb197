"""A minute of noise, or of another station, behind one's own: with all that is known of it nothing is acted upon."""

import pytest

from tests.benchmarks.noise import Listener


@pytest.fixture
def listener() -> Listener:
    listener = Listener(known=True)
    assert listener.accepted > 0
    return listener


def test_noise_holds_neither_group_nor_message(listener: Listener) -> None:
    before = listener.accepted
    assert listener.hear_noise(1) == 0
    assert listener.accepted == before


def test_another_stations_words_are_its_own_and_no_message(listener: Listener) -> None:
    before = listener.accepted
    score = listener.hear_others(1)
    assert score.complete > 0.98
    assert score.wrong_share < 0.01
    assert listener.accepted == before
