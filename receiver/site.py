"""What each charger of a site may take and takes in, each one's share of the site's limit out, per phase. Pure.

    charging        6 A first, for as many as there is room for; the rest by what each could take beyond, in whole steps
                    (largest remainder), up to the site's limit on every phase that it draws from
    paused          whom no 6 A are left for: after TURN_MS it changes places with who has charged longest
    no car          what is left when all others are served
    no answer       counted at what it takes by itself, and asked for the lowest

Raises wait until what is lowered for them has been taken: at no moment can all together be above the limit, whichever
of the commands on their way has arrived. Milliamperes per phase, milliseconds of the stream.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from receiver.policy_arithmetic import LOWEST_MA, PAUSE_MA

TURN_MS: Final = 15 * 60_000
"""How long a charger charges before one that waits may take its place."""
REST_MS: Final = 5 * 60_000
"""How long one that was paused for others stays so, though there be room: contactors wear."""


@dataclass(frozen=True, slots=True)
class SiteCharger:
    """One charger of a site."""

    name: str
    lines: tuple[str, ...]
    """The site's phases that it draws from."""


@dataclass(frozen=True, slots=True)
class Demand:
    """How it is with one charger.

    Attributes:
        limit_ma: The most that it may take by its own decision; 0 is a pause.
        held_ma: The most that it can be at now, until it takes another command.
        obeys: Whether it does what it is told; if not, it is counted at `held_ma`.
        plugged: Whether a car is there; None: it does not say.
    """

    limit_ma: int
    held_ma: int
    obeys: bool = True
    plugged: bool | None = None


class SiteLimit:
    """The site's limit, and whose turn it is.

    Args:
        chargers: All of them.
        limit_ma: What they may draw from each phase together.
        step_ma: The steps in which it is shared, above 6 A.
    """

    def __init__(self, chargers: Iterable[SiteCharger], *, limit_ma: int, step_ma: int = 1000) -> None:
        self._chargers = {charger.name: charger for charger in chargers}
        self._limit_ma = limit_ma
        self._step_ma = step_ma
        self._charging_since: dict[str, int] = {}
        self._waiting_since: dict[str, int] = {}
        self._stopped_at: dict[str, int] = {}
        self.due_ms: int | None = None
        """When to ask again though nothing is new."""

    def commands(self, at_ms: int, demands: Mapping[str, Demand]) -> dict[str, int]:
        """What each charger shall be told now: its share, or less until the others have made room."""
        return self._without_overlap(self.shares(at_ms, demands), demands)

    def shares(self, at_ms: int, demands: Mapping[str, Demand]) -> dict[str, int]:
        """What each charger shall have in the end.

        Args:
            at_ms: The moment, never less than before.
            demands: By name, of all chargers.
        """
        room = self._room({name: one.held_ma for name, one in demands.items() if not one.obeys})
        shares = {name: PAUSE_MA if one.obeys else _lowest(one) for name, one in demands.items()}
        asking = [name for name, one in demands.items() if one.obeys and one.limit_ma >= LOWEST_MA]
        present = [name for name in asking if demands[name].plugged is not False]
        chosen = self._choose(present, room, at_ms)
        shares |= self._share(chosen, demands, room)
        self._take_turns(present, chosen, at_ms)
        for name, share_ma in shares.items():
            if name in chosen:
                self._use(room, name, share_ma)
        absent = [name for name in asking if name not in present]
        shares |= self._share(self._fitting(absent, room), demands, room)
        return shares

    def _room(self, used: Mapping[str, int]) -> dict[str, int]:
        """What is left on each phase."""
        room = {line: self._limit_ma for charger in self._chargers.values() for line in charger.lines}
        for name, used_ma in used.items():
            self._use(room, name, used_ma)
        return room

    def _use(self, room: dict[str, int], name: str, used_ma: int) -> None:
        for line in self._chargers[name].lines:
            room[line] -= used_ma

    def _choose(self, asking: Iterable[str], room: Mapping[str, int], at_ms: int) -> list[str]:
        """Who charges, as far as there is room: who began lately, then who has waited longest, then the others."""

        def turn(name: str) -> tuple[int, int]:
            since_ms = self._charging_since.get(name)
            if since_ms is None:
                return 1, self._waiting_since.get(name, at_ms)
            return (0 if at_ms - since_ms < TURN_MS else 2), -since_ms

        rested = [name for name in asking if at_ms - self._stopped_at.get(name, at_ms - REST_MS) >= REST_MS]
        return self._fitting(sorted(rested, key=turn), room)

    def _fitting(self, names: Iterable[str], room: Mapping[str, int]) -> list[str]:
        """Whom 6 A are left for, in order."""
        left, fitting = dict(room), []
        for name in names:
            if all(left[line] >= LOWEST_MA for line in self._chargers[name].lines):
                self._use(left, name, LOWEST_MA)
                fitting.append(name)
        return fitting

    def _take_turns(self, asking: Collection[str], chosen: Collection[str], at_ms: int) -> None:
        """Note who charges and who waits since when."""
        stopped = [name for name in self._charging_since if name in asking and name not in chosen]
        self._stopped_at = {name: ms for name, ms in self._stopped_at.items() if at_ms - ms < REST_MS}
        self._stopped_at |= dict.fromkeys(stopped, at_ms)
        self._charging_since = {name: self._charging_since.get(name, at_ms) for name in chosen}
        self._waiting_since = {
            name: self._waiting_since.get(name, at_ms) for name in asking if name not in self._charging_since
        }
        ends = [ms + REST_MS for name, ms in self._stopped_at.items() if name in self._waiting_since]
        if self._waiting_since:
            ends += [ms + TURN_MS for ms in self._charging_since.values()]
        self.due_ms = min((ms for ms in ends if ms > at_ms), default=None)

    def _share(self, names: list[str], demands: Mapping[str, Demand], room: Mapping[str, int]) -> dict[str, int]:
        """6 A for each, and more as far as there is room."""
        left = dict(room)
        for name in names:
            self._use(left, name, LOWEST_MA)
        wishes = {name: demands[name].limit_ma - LOWEST_MA for name in names}
        parts = self._parts(wishes, left)
        more = {name: int(part // self._step_ma) * self._step_ma for name, part in parts.items()}
        for name, more_ma in more.items():
            self._use(left, name, more_ma)
        order = sorted(names, key=lambda name: more[name] - parts[name])
        is_given = True
        while is_given:
            is_given = False
            for name in order:
                fits = all(left[line] >= self._step_ma for line in self._chargers[name].lines)
                if fits and more[name] + self._step_ma <= wishes[name]:
                    more[name] += self._step_ma
                    self._use(left, name, self._step_ma)
                    is_given = True
        return {name: LOWEST_MA + more[name] for name in names}

    def _parts(self, wishes: Mapping[str, int], room: Mapping[str, int]) -> dict[str, Fraction]:
        """The same part of each wish, but that a full phase holds up only those on it: exact, in mA."""
        left = {line: Fraction(ma) for line, ma in room.items()}
        parts: dict[str, Fraction] = {}
        growing = list(wishes)
        while growing:
            on = {line: [name for name in growing if line in self._chargers[name].lines] for line in left}
            sums = {line: sum(wishes[name] for name in names) for line, names in on.items()}
            levels = {line: left[line] / total for line, total in sums.items() if total}
            level = min([Fraction(1), *levels.values()])
            full = {line for line, reached in levels.items() if reached == level}
            done = [name for name in growing if level == 1 or full & set(self._chargers[name].lines)]
            for name in done:
                parts[name] = wishes[name] * level
                for line in self._chargers[name].lines:
                    left[line] -= parts[name]
            growing = [name for name in growing if name not in parts]
        return parts

    def _without_overlap(self, shares: Mapping[str, int], demands: Mapping[str, Demand]) -> dict[str, int]:
        """Who is lowered, at once; who is raised, by what is left beside the higher of what the others have and get."""
        commands = {name: min(share_ma, demands[name].held_ma) for name, share_ma in shares.items()}
        room = self._room({name: one.held_ma for name, one in demands.items()})
        for name, share_ma in shares.items():
            held_ma = demands[name].held_ma
            if share_ma <= held_ma:
                continue
            free_ma = min(room[line] for line in self._chargers[name].lines)
            steps_ma = max(0, free_ma) // self._step_ma * self._step_ma
            raised_ma = share_ma if free_ma >= share_ma - held_ma else held_ma + steps_ma
            if raised_ma >= LOWEST_MA and raised_ma > held_ma:
                commands[name] = raised_ma
                self._use(room, name, raised_ma - held_ma)
        return commands


def _lowest(demand: Demand) -> int:
    """What one that does not obey is told, should it hear it: nothing above what it is counted at."""
    return LOWEST_MA if min(demand.limit_ma, demand.held_ma) >= LOWEST_MA else PAUSE_MA
