"""What a charger does when nobody talks to it in; out: what speaks against it, in a line. Pure.

A receiver that dies leaves the charger to itself. What it then takes must not be more than cable and breaker allow.
"""

from receiver.chargers.driver import Fallback
from receiver.chargers_config import ChargerConfig


def fallback_fault(fallback: Fallback, charger: ChargerConfig) -> str | None:
    """Why the charger must not be driven, if so: it may take more than its limit, and nothing allows that."""
    local_ma = charger.settings.local_ma
    if charger.allow_high_fallback or fallback.limit_ma is None or fallback.limit_ma <= local_ma:
        return None
    return (
        f"{_called(charger)} falls back to {fallback.limit_ma / 1000:g} A when nobody talks to it; allowed: up to "
        f"{local_ma / 1000:g} A, the lower of rating_a and installer_a; lower it at the charger, or write "
        "allow_high_fallback = true into its table"
    )


def fallback_warnings(fallback: Fallback, charger: ChargerConfig) -> tuple[str, ...]:
    """What a person should know of it, a line each."""
    if fallback.limit_ma is not None:
        return ()
    return (f"{_called(charger)}: its fallback is not known ({fallback.words}); counted as its rating",)


def _called(charger: ChargerConfig) -> str:
    return f"charger {charger.name or charger.driver}"
