"""A part of every day, by the owners' clock, as frozen data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DayTime:
    """A part of every day, in local minutes from midnight; it may go over midnight."""

    from_minute: int
    to_minute: int

    def holds(self, minute: int) -> bool:
        """Whether a minute of the day lies in it."""
        if self.from_minute <= self.to_minute:
            return self.from_minute <= minute < self.to_minute
        return minute >= self.from_minute or minute < self.to_minute
