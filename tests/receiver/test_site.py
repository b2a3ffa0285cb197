"""The site's limit: shares worked by hand, slow oracles, and no moment above the limit, whatever arrives when."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.site import REST_MS, TURN_MS, Demand, SiteCharger, SiteLimit

THREE = ("L1", "L2", "L3")
MINUTE = 60_000


def site(limit_a: int, *lines: tuple[str, ...], step_a: int = 1) -> SiteLimit:
    chargers = [SiteCharger(f"c{number}", on) for number, on in enumerate(lines)]
    return SiteLimit(chargers, limit_ma=1000 * limit_a, step_ma=1000 * step_a)


def wanting(*limits_a: float, held_a: float = 80, **more: object) -> dict[str, Demand]:
    held_ma = int(1000 * held_a)
    return {
        f"c{number}": Demand(int(1000 * limit_a), held_ma, **more)  # type: ignore[arg-type]  # as Demand has them
        for number, limit_a in enumerate(limits_a)
    }


def shares_a(one: SiteLimit, demands: Mapping[str, Demand], at_ms: int = 0) -> list[float]:
    return [share_ma / 1000 for share_ma in one.shares(at_ms, demands).values()]


@pytest.mark.parametrize(
    ("limit_a", "limits_a", "expected"),
    [
        (64, (32, 32), [32, 32]),
        (80, (32, 16), [32, 16]),
        (40, (32, 32), [20, 20]),
        (41, (32, 32), [21, 20]),  # 20.5 each: the odd ampere to the first
        (30, (32, 16), [19, 11]),  # 6 each, and of 18 A 26/36 and 10/36: 13 and 5
        (29, (32, 16), [18, 11]),  # of 17 A 12.28 and 4.72: the odd one to the larger remainder
        (20, (32, 32, 32), [7, 7, 6]),
        (17, (32, 32, 32), [9, 8, 0]),  # no 6 A for the third
        (11, (32, 32), [11, 0]),
        (40, (0, 32), [0, 32]),
        (40, (13.2, 32), [12, 28]),  # of 28 A 6.07 and 21.93
        (45, (13.2, 32), [13, 32]),  # whole steps, never above what it may take
    ],
)
def test_shares_worked_by_hand(limit_a: int, limits_a: tuple[float, ...], expected: list[float]) -> None:
    assert shares_a(site(limit_a, *[THREE] * len(limits_a)), wanting(*limits_a)) == expected


def test_one_full_phase_holds_up_only_those_on_it() -> None:
    one = site(32, ("L1",), ("L1",), ("L2",), THREE)
    # L1 has three: 6 A each and 14 of 78 more for each wish of 26; L2 gives its single charger what is left there.
    assert shares_a(one, wanting(32, 32, 32, 32)) == [11, 11, 22, 10]


def test_steps_of_several_amperes_begin_at_six() -> None:
    assert shares_a(site(40, THREE, THREE, step_a=5), wanting(32, 32)) == [21, 16]


def test_who_does_not_obey_is_counted_and_asked_for_the_lowest() -> None:
    demands = wanting(32, 32, 32) | {"c0": Demand(32_000, 20_000, obeys=False)}
    assert shares_a(site(60, THREE, THREE, THREE), demands) == [6, 20, 20]
    demands["c0"] = Demand(32_000, 80_000, obeys=False)
    assert shares_a(site(60, THREE, THREE, THREE), demands) == [6, 0, 0]
    demands["c0"] = Demand(0, 0, obeys=False)
    assert shares_a(site(60, THREE, THREE, THREE), demands) == [0, 30, 30]


def test_without_a_car_there_is_what_is_left() -> None:
    demands = wanting(32, 32, 32) | {"c0": Demand(32_000, 0, plugged=False)}
    assert shares_a(site(60, THREE, THREE, THREE), demands) == [0, 30, 30]
    assert shares_a(site(80, THREE, THREE, THREE), demands) == [16, 32, 32]


def test_who_waits_takes_the_place_of_who_charged_longest_after_its_turn() -> None:
    one = site(12, THREE, THREE, THREE)
    demands = wanting(16, 16, 16)
    seen = []
    for minute in range(61):
        seen.append(tuple(shares_a(one, demands, minute * MINUTE)))
    turns = [(0, seen[0])]
    turns += [(minute + 1, after) for minute, (before, after) in enumerate(pairwise(seen)) if before != after]
    turn = TURN_MS // MINUTE
    assert list(seen[0]) == [6, 6, 0]
    assert [seen[turn - 1][2], seen[turn][2]] == [0, 6]
    assert len(turns) > 3
    assert all(later - sooner >= REST_MS // MINUTE for (sooner, _), (later, _) in pairwise(turns))
    charged = [sum(shares[number] > 0 for shares in seen) for number in range(3)]
    assert min(charged) > 0.5 * max(charged)


def test_one_that_was_paused_for_others_stays_so_for_a_while() -> None:
    one = site(12, THREE, THREE, THREE)
    assert shares_a(one, wanting(16, 16)) == [6, 6]
    both = wanting(16, 16)
    narrow = both | {"c2": Demand(6_000, 6_000, obeys=False)}
    assert shares_a(one, narrow, 1000) == [6, 0, 6]
    assert shares_a(one, both | {"c2": Demand(0, 0)}, 2000) == [12, 0, 0]
    assert one.due_ms == 1000 + REST_MS
    assert shares_a(one, both | {"c2": Demand(0, 0)}, 1000 + REST_MS) == [6, 6, 0]


LINES = st.sampled_from([("L1",), ("L2",), ("L3",), ("L1", "L2"), THREE])
AMPERES = st.integers(0, 80).filter(lambda limit_a: limit_a == 0 or limit_a >= 6)


@st.composite
def sites(draw: st.DrawFn) -> tuple[SiteLimit, dict[str, Demand], dict[str, tuple[str, ...]], int]:
    lines = draw(st.lists(LINES, min_size=1, max_size=6))
    limit_a = draw(st.integers(6, 150))
    demands = {
        f"c{number}": Demand(
            1000 * draw(AMPERES),
            1000 * draw(AMPERES),
            obeys=draw(st.booleans()) or draw(st.booleans()),
            plugged=draw(st.sampled_from([None, True, False])),
        )
        for number in range(len(lines))
    }
    return site(limit_a, *lines), demands, {f"c{number}": on for number, on in enumerate(lines)}, 1000 * limit_a


def load_ma(counted_ma: Mapping[str, int], lines: Mapping[str, tuple[str, ...]]) -> int:
    return max(sum(ma for name, ma in counted_ma.items() if line in lines[name]) for line in THREE)


@given(sites())
@settings(max_examples=150, deadline=None)
def test_shares_are_within_every_limit_and_nothing_that_fits_is_left(
    case: tuple[SiteLimit, dict[str, Demand], dict[str, tuple[str, ...]], int],
) -> None:
    one, demands, lines, limit_ma = case
    shares = one.shares(0, demands)
    counted = {name: shares[name] if demand.obeys else demand.held_ma for name, demand in demands.items()}
    alone_ma = load_ma({name: demand.held_ma for name, demand in demands.items() if not demand.obeys}, lines)
    assert load_ma(counted, lines) <= max(limit_ma, alone_ma)
    for name, demand in demands.items():
        assert shares[name] == 0 or 6_000 <= shares[name] <= demand.limit_ma
        if demand.obeys and demand.limit_ma >= 6_000:
            more_ma = shares[name] + 1000 if shares[name] else 6_000
            on_its_lines = max(
                sum(ma for other, ma in (counted | {name: more_ma}).items() if line in lines[other])
                for line in lines[name]
            )
            assert more_ma > demand.limit_ma or on_its_lines > limit_ma, (name, shares)


def slow_parts(wishes: Mapping[str, int], lines: Mapping[str, tuple[str, ...]], room_ma: int) -> dict[str, Fraction]:
    """All grow by a small part of their wish at a time, until a phase of theirs is full."""
    parts = dict.fromkeys(wishes, Fraction(0))
    growing, steps = set(wishes), 400
    for _ in range(steps):
        for name in sorted(growing):
            grown = parts | {other: parts[other] + Fraction(wishes[other], steps) for other in growing}
            if any(sum(ma for other, ma in grown.items() if line in lines[other]) > room_ma for line in lines[name]):
                growing = growing - {name}
        for name in growing:
            parts[name] += Fraction(wishes[name], steps)
    return parts


@given(st.lists(st.tuples(LINES, st.integers(6, 80)), min_size=1, max_size=5), st.integers(30, 150))
@settings(max_examples=40, deadline=None)
def test_shares_are_those_of_a_slow_and_obvious_way(chargers: list[tuple[tuple[str, ...], int]], limit_a: int) -> None:
    """No share is further than its last step from its part, beyond what others' missing steps have left over."""
    one = site(limit_a, *[lines for lines, _ in chargers])
    lines = {f"c{number}": on for number, (on, _) in enumerate(chargers)}
    shares = one.shares(0, wanting(*[limit_a for _, limit_a in chargers]))
    wishes = {f"c{number}": 1000 * limit_a - 6_000 for number, (_, limit_a) in enumerate(chargers)}
    room = {line: 1000 * limit_a - 6_000 * sum(line in on for on in lines.values()) for line in THREE}
    exact = one._parts(wishes, room)
    if len(set(room.values())) == 1:
        slow = slow_parts(wishes, lines, next(iter(room.values())))
        assert all(abs(exact[name] - slow[name]) <= Fraction(80_000, 400) * 2 * len(wishes) for name in wishes)
    for name, share_ma in shares.items():
        assert share_ma - 6_000 > exact[name] - 1000, (name, shares, exact)


@given(st.integers(6, 60), st.lists(st.integers(6, 40), min_size=2, max_size=4))
@settings(max_examples=60, deadline=None)
def test_on_one_phase_the_remainders_are_the_largest(limit_a: int, limits_a: list[int]) -> None:
    """Of all ways to give the odd amperes, the one nearest to the exact parts."""
    one = site(limit_a, *[("L1",)] * len(limits_a))
    shares = [share - 6 for share in shares_a(one, wanting(*limits_a))]
    room, wishes = limit_a - 6 * len(limits_a), [limit_a - 6 for limit_a in limits_a]
    if room < 0 or sum(wishes) <= room:
        return
    exact = [Fraction(room * wish, sum(wishes)) for wish in wishes]
    floors = [int(part) for part in exact]
    odd = room - sum(floors)

    def distance(given_a: list[int]) -> Fraction:
        return sum(((a - part) ** 2 for a, part in zip(given_a, exact, strict=True)), start=Fraction(0))

    every = [
        [floor + (number in chosen) for number, floor in enumerate(floors)]
        for chosen in combinations(range(len(floors)), odd)
    ]
    assert distance([int(a) for a in shares]) == min(map(distance, every))


@given(
    sites(),
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["take", "lose", "want"]), AMPERES), max_size=30),
)
@settings(max_examples=100, deadline=None)
def test_at_no_moment_is_the_site_above_its_limit_whatever_arrives_when(
    case: tuple[SiteLimit, dict[str, Demand], dict[str, tuple[str, ...]], int],
    happens: list[tuple[int, str, int]],
) -> None:
    """Chargers take commands at any time or never; what they are at is the last one taken, or one on its way."""
    one, demands, lines, limit_ma = case
    names = list(demands)
    at_ma = dict.fromkeys(names, 0)
    on_way: dict[str, list[int]] = {name: [] for name in names}
    wants = {name: demand.limit_ma for name, demand in demands.items()}
    for turn, (number, what, amperes) in enumerate(happens):
        held = {name: max([at_ma[name], *on_way[name]]) for name in names}
        now = {name: Demand(wants[name], held[name]) for name in names}
        for name, command_ma in one.commands(turn * MINUTE, now).items():
            if command_ma != (on_way[name][-1] if on_way[name] else at_ma[name]):
                on_way[name].append(command_ma)
        name = names[number % len(names)]
        if what == "take" and on_way[name]:
            at_ma[name] = on_way[name][-1]
            on_way[name].clear()
        elif what == "lose":
            on_way[name] = on_way[name][-1:]
        elif what == "want":
            wants[name] = 1000 * amperes
        worst = {name: max([at_ma[name], *on_way[name]]) for name in names}
        assert load_ma(worst, lines) <= limit_ma


def test_raises_wait_until_room_is_made_and_then_come() -> None:
    one = site(32, THREE, THREE)
    start = wanting(32, 32, held_a=32)
    assert one.commands(0, start) == {"c0": 16_000, "c1": 16_000}
    low = {"c0": Demand(0, 16_000), "c1": Demand(32_000, 16_000)}
    assert one.commands(1, low) == {"c0": 0, "c1": 16_000}
    assert one.commands(2, {"c0": Demand(0, 0), "c1": Demand(32_000, 16_000)}) == {"c0": 0, "c1": 32_000}
