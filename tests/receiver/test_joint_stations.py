"""Several stations heard at once: symbols of one envelope joined from all of them, and nobody's spoilt by another's."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.oda.erasure_code import encode_envelope
from receiver.held_symbol import HeldSymbol, joined
from receiver.intake import STATIONS_KEPT, Intake
from receiver.received_group import ReceivedGroup
from receiver.settings import ONLOOKER
from receiver.verify import Rejection, Verdict
from tests.receiver.broadcast import T0_MS, Broadcast, curtail, keyring, signed

ENVELOPE = signed(curtail())
OTHER = signed(curtail(10))


def intake() -> Intake:
    return Intake(keyring(), (), settings=ONLOOKER, start_ms=T0_MS)


def heard(one: Intake, stations: dict[int, list[ReceivedGroup]]) -> list[Verdict]:
    """The verdicts on urgent messages of several stations, their groups in order of time."""
    groups = [(group, station) for station, several in stations.items() for group in several]
    groups.sort(key=lambda pair: pair[0].end_s)
    found = [verdict for group, station in groups for verdict in one.feed(group, station=station)]
    return [verdict for verdict in found if isinstance(verdict, Verdict)]


def alternating(envelope: bytes) -> tuple[list[ReceivedGroup], list[ReceivedGroup]]:
    """Two stations of which neither brings the 20 symbols that an envelope takes, under different tags."""
    first = Broadcast().send(envelope, esis=range(13), tag=1)
    second = Broadcast(group_type="9A").send(envelope, esis=range(10, 26), tag=3)
    return first.groups, second.groups


def test_two_stations_together_bring_what_neither_does_alone() -> None:
    first, second = alternating(ENVELOPE)
    assert heard(intake(), {0: first}) == heard(intake(), {1: second}) == []
    assert heard(intake(), {0: first + second}) == [], "one station with two tags has two runs"
    verdict, *again = heard(intake(), {0: first, 1: second})
    assert verdict.accepted
    assert verdict.candidate.envelope == ENVELOPE
    assert [one.rejection for one in again] == [Rejection.REPEAT], "of the other station's run"


def test_runs_are_joined_by_the_signatures_symbols_and_not_by_the_messages() -> None:
    message, other = (encode_envelope(one) for one in (ENVELOPE, OTHER))
    own = {esi: HeldSymbol(message[esi], esi, suspect=False) for esi in range(12)}
    head = {esi: HeldSymbol(message[esi], esi, suspect=False) for esi in range(3)}
    assert joined(own, [head]) is None, "any message of the key may begin like this"
    assert joined(own, [{esi: HeldSymbol(other[esi], esi, suspect=False) for esi in range(30)}]) is None
    whole = joined(own, [{esi: HeldSymbol(message[esi], esi, suspect=False) for esi in range(11, 30)}])
    assert whole is not None
    assert [whole[esi].value for esi in range(30)] == list(message)
    assert joined(own, []) is None


def test_a_value_is_what_most_stations_say() -> None:
    symbols = encode_envelope(ENVELOPE)

    def run(wrong: int | None = None, *, suspect: bool = False) -> dict[int, HeldSymbol]:
        return {
            esi: HeldSymbol(symbols[esi] ^ (esi == wrong), esi, suspect=suspect and esi == wrong) for esi in range(12)
        }

    for own, elsewhere in ((run(7), [run(), run()]), (run(), [run(7), run()]), (run(7, suspect=True), [run()])):
        whole = joined(own, elsewhere)
        assert whole is not None
        assert whole[7].value == symbols[7]
        assert whole[8].suspect is False
    undecided = joined(run(7), [run()])
    assert undecided is not None
    assert undecided[7].suspect, "one against one: the first that is left out"


@pytest.mark.parametrize("seed", range(4))
def test_a_station_that_spoils_half_of_what_it_repeats_keeps_nothing_out(seed: int) -> None:
    """Whoever stands beside the genuine station hears its symbols and sends some on, others changed."""
    chance = random.Random(seed)  # a test's dice
    genuine = Broadcast().send(ENVELOPE).groups
    liar = Broadcast().announce()
    for words in (group.words for group in genuine[1:]):
        one, two, three, four = words
        liar.words((one, two, three, (four or 0) ^ (chance.randrange(1, 1 << 16) if chance.random() < 0.4 else 0)))
    verdicts = heard(intake(), {0: genuine, 1: liar.groups})
    assert ENVELOPE in [one.candidate.envelope for one in verdicts if one.accepted]


def test_a_flood_on_one_station_spends_nothing_of_anothers_budget() -> None:
    one, genuine = intake(), Broadcast().send(ENVELOPE).groups
    verdicts = []
    for group in genuine:
        # A flood: several stations that spend all that they may.
        for station in range(1, 6):
            one.feed(genuine[0], station=station)
            one._budgets[station].arrive(group.end_s)
            while one._budgets[station].spend():
                pass
        verdicts += one.feed(group, station=0)
    [verdict] = [verdict for verdict in verdicts if isinstance(verdict, Verdict)]
    assert verdict.accepted
    assert verdict.candidate.end_s == genuine[20].end_s, "at its twentieth symbol, as if it were alone"


def test_stations_without_number_are_forgotten_and_their_counts_kept() -> None:
    one = intake()
    announcement = Broadcast().announce().groups
    for station in range(3 * STATIONS_KEPT):
        heard(one, {station: announcement})
    assert len(one._trackers) == STATIONS_KEPT
    assert one.tracker_counts == {"announcements": 3 * STATIONS_KEPT}


@given(st.dictionaries(st.integers(0, 29), st.tuples(st.integers(0, 3), st.booleans()), max_size=30), st.randoms())
@settings(max_examples=50, deadline=None)
def test_any_runs_are_joined_to_values_that_somebody_said(
    own: dict[int, tuple[int, bool]], chance: random.Random
) -> None:
    def run(pairs: dict[int, tuple[int, bool]]) -> dict[int, HeldSymbol]:
        return {esi: HeldSymbol(value, esi, suspect) for esi, (value, suspect) in pairs.items()}

    runs = [run(own), *({esi: one for esi, one in run(own).items() if chance.random() < 0.5} for _ in range(3))]
    whole = joined(runs[0], runs[1:])
    if whole is not None:
        assert {esi: one.value for esi, one in whole.items()} == {esi: one.value for esi, one in runs[0].items()}
