"""One in a hundred: what is accepted is wrong no more often, whatever the probabilities are like."""

import numpy as np
import pytest

from receiver.programme_identity import ProgrammeIdentity
from receiver.risk import RiskBudget


@pytest.mark.parametrize("shape", [0.05, 0.3, 1.0, 3.0])
def test_of_what_is_accepted_one_in_a_hundred_is_wrong(shape: float) -> None:
    random = np.random.default_rng(1)
    budget = RiskBudget()
    probabilities = random.beta(4, 4 * shape, 20_000)
    accepted = [probability for probability in probabilities if budget.accepts(float(probability))]
    assert np.mean(1 - np.array(accepted)) < 0.02 if shape < 1 else len(accepted) < 4000


def test_a_good_signal_gets_the_laxest_limit_and_noise_nothing() -> None:
    budget = RiskBudget()
    assert all(budget.accepts(0.9999) for _ in range(2000))
    assert budget.accepts(0.7)
    noise = RiskBudget()
    assert not any(noise.accepts(0.02) for _ in range(100))


def test_a_pi_is_expected_once_four_of_six_agree_and_no_longer() -> None:
    identity = ProgrammeIdentity()
    expected = []
    for word in (0x9331, 0x9331, 0x1111, 0x9331, 0x9331, 0x2222, 0x2222, 0x2222, 0x2222):
        identity.heard(word)
        expected.append(identity.expected)
    assert expected == [None, None, None, None, 0x9331, 0x9331, None, None, 0x2222]
