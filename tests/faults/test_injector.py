"""A second transmitter owns a third of the application's groups: what is genuine is acted on, what is forged is not.

He knows the protocol: his groups bear the tag of the run that is on the air, and an envelope that the code finds
consistent. Two groups a second, as a head-end sends them: two passes, then one a minute.
"""

import random
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from rds.oda.application_group import CodedSymbol, pack_symbol
from rds.oda.erasure_code import encode_envelope
from rds.oda.messages.heartbeat import Heartbeat
from receiver.charger_control import Change, ChargerSetup
from receiver.controller import Controller
from receiver.received_group import ReceivedGroup
from receiver.store import Store
from receiver.verify import Rejection, Verdict
from tests.faults.verifications import Meter
from tests.receiver.broadcast import (
    OWN,
    PROGRAMME,
    STRANGER,
    T0_MS,
    TS,
    Broadcast,
    curtail,
    halt,
    heartbeat,
    keyring,
    settings,
    signed,
)

PERIOD_S: Final = 0.5
ANNOUNCED_EVERY: Final = 10
SEEDS: Final = range(6)
GENUINE: Final = curtail()
FORGED: Final = signed(halt(), STRANGER)
"""A halt under the operator's key id, by a key that no root has certified."""
Injected = Callable[[random.Random, int, int], CodedSymbol]
"""Of his dice, the run's tag and the ESI that is due."""


def noise(chance: random.Random, tag: int, esi: int) -> CodedSymbol:
    return CodedSymbol(tag, chance.randrange(30), chance.getrandbits(30))


def forgery(chance: random.Random, tag: int, esi: int) -> CodedSymbol:
    return _forged(tag, chance.randrange(30))


def forgery_of_what_was_just_sent(chance: random.Random, tag: int, esi: int) -> CodedSymbol:
    return _forged(tag, (esi - 1) % 30)


def forgery_under_a_tag_of_its_own(chance: random.Random, tag: int, esi: int) -> CodedSymbol:
    return _forged((tag + 2) % 4, chance.randrange(30))


def _forged(tag: int, esi: int) -> CodedSymbol:
    return CodedSymbol(tag, esi, encode_envelope(FORGED)[esi])


def sent() -> Iterator[tuple[int, int, int]]:
    """Tag, ESI and symbol of what the head-end sends: the curtailment twice, then by turns with heartbeats."""
    runs = [signed(GENUINE), *(signed(one) for ts in range(TS + 1, TS + 9) for one in (heartbeat(ts), GENUINE))]
    for number, envelope in enumerate(runs):
        symbols = encode_envelope(envelope)
        for esi in [*range(30)] * (2 if number == 0 else 1):
            yield number % 4, esi, symbols[esi]


def group(symbol: CodedSymbol, at_s: float) -> ReceivedGroup:
    return ReceivedGroup(pack_symbol(symbol, "11A", PROGRAMME).words, int(1000 * at_s), at_s)


def acted_at_s(seed: int, injected: Injected, meter: Meter, *, overpowers: bool) -> float | None:
    """When the charger was told to draw less; every verdict on the way there is checked."""
    chance = random.Random(seed)
    meter.restart()
    [announcement] = Broadcast().announce().groups
    controller = Controller(keyring(), [OWN], chargers=[ChargerSetup(settings())], store=Store(None), start_ms=T0_MS)
    at_s, share = 0.0, 1 / 3 if overpowers else 1 / 2
    for number, (tag, esi, value) in enumerate(sent()):
        heard = [CodedSymbol(tag, esi, value)]
        if chance.random() < share:
            heard = [] if overpowers else heard
            heard.append(injected(chance, tag, esi))
        groups = [announcement] * (number % ANNOUNCED_EVERY == 0)
        groups = [ReceivedGroup(one.words, 0, at_s) for one in groups]
        groups += [group(one, at_s + PERIOD_S * (place + 1) / len(heard)) for place, one in enumerate(heard)]
        at_s += PERIOD_S
        for one in groups:
            for told in controller.feed(one):
                if isinstance(told, Verdict) and told.accepted:
                    assert told.message == GENUINE or isinstance(told.message, Heartbeat), f"seed {seed}"
                elif isinstance(told, Verdict):
                    assert told.rejection in (Rejection.BAD_SIGNATURE, Rejection.UNKNOWN_KEY, Rejection.REPEAT)
                elif isinstance(told, Change) and told.decision.restricted:
                    assert told.decision.limit_ma == 16_000, f"seed {seed}"
                    return one.end_s
            meter.check(one.end_s, told=f"seed {seed}")
    return None


@pytest.mark.parametrize("injected", [noise, forgery, forgery_under_a_tag_of_its_own])
def test_an_injector_who_sends_every_third_group_delays_by_seconds(
    injected: Injected, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = Meter(monkeypatch)
    for seed in SEEDS:
        at_s = acted_at_s(seed, injected, meter, overpowers=False)
        assert at_s is not None, f"seed {seed}"
        assert at_s <= 45, f"seed {seed}"


def test_one_who_overpowers_every_third_group_under_a_tag_of_his_own_delays_by_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = Meter(monkeypatch)
    for seed in SEEDS:
        at_s = acted_at_s(seed, forgery_under_a_tag_of_its_own, meter, overpowers=True)
        assert at_s is not None, f"seed {seed}"
        assert at_s <= 45, f"seed {seed}"


@pytest.mark.parametrize("injected", [noise, forgery, forgery_of_what_was_just_sent])
def test_one_who_overpowers_every_third_symbol_of_the_run_itself_is_never_believed(
    injected: Injected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He jams, which no protocol prevents (What a receiver must do, 12); some runs come through, his never do."""
    meter = Meter(monkeypatch)
    times_s = [acted_at_s(seed, injected, meter, overpowers=True) for seed in SEEDS]
    assert any(at_s is not None for at_s in times_s)
