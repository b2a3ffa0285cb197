"""A tuner of a table of gains before a converter of 8 bits: the gain that the search keeps."""

import numpy as np
import pytest

from receiver.sources.gain import GainSearch
from tests.receiver.signals import fm
from tests.receiver.sources.recordings import cu8

RATE_HZ = 250_000
GAINS_DB = np.linspace(0, 49.6, 29)


def settled(level_dbfs: float) -> tuple[float, int]:
    """The level that comes out for one that comes in, and how many gains were tried."""
    search, tries = GainSearch(len(GAINS_DB), RATE_HZ), 0
    for _ in range(200):
        if search.wants:
            search.applied()
            tries += 1
        amplitude = 10 ** ((level_dbfs + GAINS_DB[search.step]) / 20)
        iq = fm(np.zeros(5000, np.float32), RATE_HZ, offset_hz=11_000, amplitude=amplitude)
        if search.feed(np.frombuffer(cu8(iq), np.uint8).reshape(-1, 2)):
            return level_dbfs + float(GAINS_DB[search.step]), tries
    raise AssertionError("it never settles")


@pytest.mark.parametrize("level_dbfs", [-55, -40, -30, -20])
def test_the_converter_is_well_used(level_dbfs: float) -> None:
    out_dbfs, tries = settled(level_dbfs)
    assert -18.5 <= out_dbfs <= -5.5
    assert tries <= 5


@pytest.mark.parametrize(("level_dbfs", "gain_db"), [(-90, GAINS_DB[-1]), (20, GAINS_DB[0])])
def test_at_an_end_of_the_table_it_stays(level_dbfs: float, gain_db: float) -> None:
    assert settled(level_dbfs)[0] == pytest.approx(level_dbfs + gain_db)


def test_without_a_table_there_is_nothing_to_seek() -> None:
    search = GainSearch(0, RATE_HZ)
    assert not search.wants
    assert not search.feed(np.zeros((RATE_HZ, 2), np.uint8))
