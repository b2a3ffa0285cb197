"""What is particular to one charger and its owner, as frozen data: `config` makes it, the policy reads it."""

from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum
from hashlib import sha256
from typing import Final

from rds.oda.draw import DEVICE_ID_OCTETS


class CustomerOption(StrEnum):
    """What the customer chose that a severity shall mean (program, Severity x customer option)."""

    HIGH_PRICE = "high price"
    MEDIUM = "medium"
    LOW = "low"
    FLEET = "fleet"


@dataclass(frozen=True, slots=True)
class Prices:
    """What the owner does at a price."""

    currency: int
    """ISO 4217 number; prices in another are shown and limit nothing."""
    steps: tuple[tuple[int, int], ...]
    """From which price, in 10^-9 of the currency per kWh, which limit, mA."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What holds when neither the network nor a schedule of it has been heard for long."""

    slots: tuple[tuple[int, int], ...]
    """From which minute of the local day, rising, which limit, mA; the last holds over midnight to the first."""
    unsure_ma: int
    """The limit while the time is not sure, so that no slot is."""


@dataclass(frozen=True, slots=True)
class ChargeBy:
    """When the car is needed, and how long charging takes."""

    minute: int
    """Of the local day."""
    needed_ms: int
    """At the local limit."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is particular to one charger and its owner."""

    device_id: bytes
    """16 random bytes, kept for life, never sent."""
    rating_ma: int
    installer_ma: int
    """What cable and breaker allow."""
    option: CustomerOption = CustomerOption.MEDIUM
    fleet_percent: int = 50
    subgroup: int | None = None
    """0..63, or drawn."""
    programme: int | None = None
    """0..7: the programme that the customer takes part in; without one, only what is for all counts."""
    release_minimum_s: int = 60
    release_default_s: int = 3600
    longest_event_s: int = 4 * 3600
    events_a_day: int = 8
    """In 24 h, of each key."""
    reduced_a_day_s: int = 8 * 3600
    """In 24 h, by events."""
    grave_a_day_s: int = 2 * 3600
    """The last of these, for halts and emergencies alone."""
    tiers_ma: tuple[int | None, ...] = (None,) * 8
    """The owner's own limit in each tier; None: by the option."""
    prices: Prices | None = None
    profile: Profile | None = None
    charge_by: ChargeBy | None = None
    timezone: tzinfo | None = None
    """Of the owner's times; None: as the newest heartbeat says, else UTC."""

    @property
    def local_ma(self) -> int:
        """The limit without any broadcast."""
        return min(self.rating_ma, self.installer_ma)


ONLOOKER: Final = Settings(bytes(DEVICE_ID_OCTETS), rating_ma=32_000, installer_ma=32_000)
"""For who watches without a charger: what it holds is shown, never obeyed."""


def charger_device_id(device_id: bytes, charger: str) -> bytes:
    """The id that one of several chargers draws by: the receiver's own for the only one, which has no name.

    Always the same for the same name, so that a charger's turn does not depend on which others stand beside it.
    """
    return sha256(device_id + charger.encode()).digest()[:DEVICE_ID_OCTETS] if charger else device_id
