"""What an application knows: symbols and announcements out of noise, repeats added, and nothing out of nothing."""

import numpy as np
import pytest

from rds.basic import Programme
from rds.group import Group, groups_to_bits, make_group
from rds.oda.aid import DEFAULT_AID
from rds.oda.announcement import Announcement, pack_announcement
from rds.oda.application_group import CodedSymbol, pack_symbol
from receiver.likely_group import GROUP_VALUES, Float
from receiver.repeats import Repeats
from receiver.soft_symbol import Station, soft_announcement, soft_symbol

STATION = Station(pi=0x1234, tp_pty=0b0_01010)
PROGRAMME = Programme(0x1234, tp=0, pty=10)


def symbol_group(random: np.random.Generator) -> tuple[CodedSymbol, Group]:
    tag, esi, value = int(random.integers(4)), int(random.integers(30)), int(random.integers(1 << 30))
    symbol = CodedSymbol(tag=tag, esi=esi, value=value)
    return symbol, pack_symbol(symbol, "11A", PROGRAMME)


def other_group(random: np.random.Generator) -> Group:
    three, four = map(int, random.integers(0, 1 << 16, 2))
    return make_group("2A", pi=0x1234, pty=10, free5=int(random.integers(32)), block3=three, block4=four)


def heard(group: Group, *, eb_n0_db: float, random: np.random.Generator) -> Float:
    """Ratios of a group and the block A that follows it, in Gaussian noise, either way up."""
    bits = groups_to_bits([group, group])[: GROUP_VALUES - 1]
    symbols = random.choice([-1, 1]) * (1 - 2 * (np.cumsum(np.concatenate(([0], bits))) % 2).astype(float))
    power = 10 ** (eb_n0_db / 10)
    ratios = 4 * power * symbols + np.sqrt(8 * power) * random.standard_normal(GROUP_VALUES)
    result: Float = ratios.astype(np.float32)
    return result


def test_probabilities_of_symbols_are_true() -> None:
    random = np.random.default_rng(1)
    told, right = [], []
    for _ in range(150):
        symbol, group = symbol_group(random)
        found, probability = soft_symbol(heard(group, eb_n0_db=0.0, random=random), STATION, "11A")
        told.append(probability)
        right.append(found == symbol)
    spread = np.sqrt(sum(probability * (1 - probability) for probability in told))
    assert sum(right) > 50
    # A symbol that was sent is a little likelier than among groups of which one in five is an application's.
    assert -4 * spread < sum(right) - sum(told) < 4 * spread + 15


def test_groups_of_the_programme_and_noise_are_no_symbols() -> None:
    random = np.random.default_rng(2)
    for eb_n0_db in (0.0, 6.0):
        groups = [heard(other_group(random), eb_n0_db=eb_n0_db, random=random) for _ in range(80)]
        assert sum(soft_symbol(values, STATION, "11A")[1] for values in groups) < 2.5
    noise = random.normal(0, 2, (80, GROUP_VALUES)).astype(np.float32)
    assert sum(soft_symbol(values, STATION, "11A")[1] for values in noise) < 2
    assert soft_symbol(np.zeros(GROUP_VALUES, np.float32), STATION, "11A")[1] < 0.01


def test_our_announcement_is_heard_in_noise_and_no_other() -> None:
    random = np.random.default_rng(3)
    ours = pack_announcement(Announcement(network=7), PROGRAMME, group_type="11A", aid=DEFAULT_AID)
    others = pack_announcement(Announcement(network=7), PROGRAMME, group_type="11A", aid=0x4BD7)
    found = [soft_announcement(heard(ours, eb_n0_db=-1.0, random=random), STATION, DEFAULT_AID) for _ in range(60)]
    assert sum(name == "11A" and probability > 0.95 for name, probability in found) > 20
    assert not any(name != "11A" and probability > 0.95 for name, probability in found)
    for group in (others, other_group(random)):
        told = [soft_announcement(heard(group, eb_n0_db=-1.0, random=random), STATION, DEFAULT_AID) for _ in range(60)]
        assert not any(probability > 0.95 for _, probability in told)


@pytest.mark.parametrize("between", [1, 100])
def test_a_second_sending_is_added_to_the_first(between: int) -> None:
    random = np.random.default_rng(4)
    better = 0
    for _ in range(30):
        repeats = Repeats()
        symbol, group = symbol_group(random)
        first = heard(group, eb_n0_db=-2.0, random=random)
        second = heard(group, eb_n0_db=-2.0, random=random)
        repeats.feed(first, 0.0)
        for number in range(between):
            repeats.feed(heard(other_group(random), eb_n0_db=-2.0, random=random), 1.0 + number / 12)
        both = repeats.feed(second, 15.0)
        better += soft_symbol(both, STATION, "11A")[0] == symbol and not np.array_equal(both, second)
    assert better >= 18


def test_what_is_unlike_or_long_ago_is_not_added() -> None:
    random = np.random.default_rng(5)
    repeats = Repeats()
    alone = 0
    for number in range(300):
        values = heard(other_group(random), eb_n0_db=2.0, random=random)
        alone += np.array_equal(repeats.feed(values, number / 11.4), values)
    # Chance alone, and the eleven bits of block 2 that all of these share.
    assert alone >= 285
    symbol, group = symbol_group(random)
    assert symbol.esi < 30
    repeats.feed(heard(group, eb_n0_db=5.0, random=random), 100.0)
    late = heard(group, eb_n0_db=5.0, random=random)
    np.testing.assert_array_equal(repeats.feed(late, 140.0), late)
