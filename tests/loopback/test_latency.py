"""An order through the real encoder and receiver, a tenth of the groups lost: acted on as soon as is asked."""

import math
import random
from itertools import islice

import pytest

from rds.constants import GROUP_PERIOD_S
from tests.benchmarks.latency import ASKED, RATES, URGENT, ordered, quantiles
from tests.benchmarks.on_air import Broadcast, Loss, Ordered, Receiver, curtailed, losses, seconds_to

TRIALS = 20


def test_an_urgent_envelope_is_acted_on_within_what_is_asked() -> None:
    rate, loss, median_s, most_s = ASKED
    names = (URGENT,)
    seconds = [ordered(rate, trial, losses=[loss], names=names)[rate, loss, URGENT][0] for trial in range(TRIALS)]
    half, most = quantiles(seconds)
    assert half <= median_s, seconds
    assert most <= most_s, seconds


@pytest.mark.parametrize("rate", RATES)
def test_without_loss_the_twentieth_symbol_after_the_order_is_enough(rate: int) -> None:
    none = Loss(0.0)
    for trial in range(4):
        [seconds] = ordered(rate, trial, losses=[none], names=(URGENT,))[rate, none, URGENT]
        # Twenty slots, less what is left of the first; a group lasts 0.09 s and may begin 0.18 s after its slot.
        assert 19 / rate < seconds < 20 / rate + 0.18 + GROUP_PERIOD_S


@pytest.mark.parametrize("rate", RATES)
def test_planned_events_named_just_before_hold_no_order_back(rate: int) -> None:
    broadcast = Broadcast(rate, Ordered.BEHIND_PLAN, seed=f"{rate} groups/s")
    [seconds] = seconds_to([curtailed], broadcast, Receiver.CLOCK, Loss(0.0), seed="none is lost")
    assert seconds < 20 / rate + 0.18 + GROUP_PERIOD_S


@pytest.mark.parametrize("loss", [Loss(0.1), Loss(0.3), Loss(0.1, 4), Loss(0.3, 4)], ids=str)
def test_as_many_groups_are_lost_as_is_said_and_in_whole_bursts(loss: Loss) -> None:
    drawn = list(islice(losses(loss, random.Random(1)), 100_000))
    assert math.isclose(sum(drawn) / len(drawn), loss.share, rel_tol=0.05)
    ends = [at for at in range(10, len(drawn)) if drawn[at - 1] and not drawn[at]]
    assert all(all(drawn[at - loss.burst : at]) for at in ends)
