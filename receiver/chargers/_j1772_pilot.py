"""Amperes in, duty cycle of the control pilot out, and back, by IEC 61851-1, annex A.

0   3   7  8  10                              85        96 97    100 %     duty cycle, the time at +12 V
| - | 5 | - |  |  A = 0.6 x duty              |  A = 2.5 x (duty - 64)  | - | no pilot: the car waits
"""

from typing import Final

PERIOD_NS: Final = 1_000_000
"""1 kHz."""
PAUSE_NS: Final = PERIOD_NS
"""Constantly +12 V."""
LOWEST_NS: Final = 100_000
BEND_NS: Final = 850_000
HIGHEST_NS: Final = 960_000
BEND_MA: Final = 51_000
"""What 85 % says. The second rule begins with 52.5 A: between them stays 51 A."""
SECOND_MA: Final = 52_500
HIGHEST_MA: Final = 80_000


def duty_ns(limit_ma: int, *, step_ns: int = 1) -> int:
    """The time at +12 V in each millisecond that offers at most this current.

    Args:
        limit_ma: 0 (a pause), or 6000 and more; above 80 A the highest that a pilot can say.
        step_ns: What the generator can tell apart; the time is rounded down to it, and so is the current.

    Raises:
        ValueError: a current below 6 A that is no pause.
    """
    if limit_ma == 0:
        return PAUSE_NS
    if limit_ma < 6000:
        raise ValueError(f"limit_ma is {limit_ma}; allowed: 0, or 6000 and more")
    below = limit_ma < SECOND_MA
    exact = min(limit_ma, BEND_MA) * 50 // 3 if below else min(limit_ma, HIGHEST_MA) * 4 + 640_000
    rounded = exact // step_ns * step_ns
    return PAUSE_NS if rounded < LOWEST_NS else rounded


def offered_ma(high_ns: int, period_ns: int) -> int:
    """What a car reads from a pilot, in mA: 0 where it must not charge.

    Raises:
        ValueError: a time outside its period, or no time at all.
    """
    if not 0 <= high_ns <= period_ns or period_ns <= 0:
        raise ValueError(f"{high_ns} ns of {period_ns} ns; allowed: a part of the period")
    duty_ppm = high_ns * 1_000_000 // period_ns
    if not 80_000 <= duty_ppm <= 970_000:
        return 0
    if duty_ppm <= LOWEST_NS:
        return 6000
    if duty_ppm <= BEND_NS:
        return round(duty_ppm * 3 / 50)
    return min(HIGHEST_MA, (duty_ppm - 640_000) // 4)
