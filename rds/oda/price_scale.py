"""A price code in the scale of its region to an exact amount per kWh (protocol, Price).

cccccccccc ssssssssss eeee
currency 10 (ISO 4217 number), step 10, exponent 4
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from rds.fields import Layout

NO_PRICE: Final = -128
"""The code of a slot without a price."""
MAX_PRICE_CODE: Final = 127
_LAYOUT: Final = Layout("currency:10 step:10 exponent:4")
_CURRENCIES: Final = {
    36: "AUD", 124: "CAD", 152: "CLP", 156: "CNY", 170: "COP", 203: "CZK", 208: "DKK", 344: "HKD", 348: "HUF",
    352: "ISK", 356: "INR", 360: "IDR", 376: "ILS", 392: "JPY", 410: "KRW", 458: "MYR", 484: "MXN", 554: "NZD",
    578: "NOK", 608: "PHP", 702: "SGD", 704: "VND", 710: "ZAR", 752: "SEK", 756: "CHF", 764: "THB", 826: "GBP",
    840: "USD", 901: "TWD", 941: "RSD", 946: "RON", 949: "TRY", 978: "EUR", 980: "UAH", 985: "PLN", 986: "BRL",
}  # fmt: skip
"""ISO 4217: letters of the currencies one is likely to charge a car in; others go by their number."""


def currency_name(number: int) -> str:
    """The three letters of a currency, or its ISO 4217 number in three digits."""
    return _CURRENCIES.get(number, f"{number:03}")


def currency_number(name: str) -> int:
    """The ISO 4217 number of three letters or three digits.

    Raises:
        ValueError: neither.
    """
    for number, letters in _CURRENCIES.items():
        if letters == name.upper():
            return number
    if len(name) == 3 and name.isascii() and name.isdigit() and name != "000":
        return int(name)
    raise ValueError(f"currency {name!r}; allowed: {', '.join(sorted(_CURRENCIES.values()))}, or an ISO 4217 number")


@dataclass(frozen=True, slots=True)
class PriceScale:
    """What one step of a price code is: `step` x 10^-`exponent` of a currency per kWh.

    Raises:
        ValueError: a currency outside 1..999, a step outside 1..1023, an exponent outside 0..15.
    """

    currency: int
    step: int
    exponent: int

    def __post_init__(self) -> None:
        if not (1 <= self.currency <= 999 and 1 <= self.step <= 1023 and 0 <= self.exponent <= 15):
            raise ValueError(f"{self}; allowed: currency 1..999, step 1..1023, exponent 0..15")

    @classmethod
    def of(cls, code: int) -> Self:
        """The scale of 24 bits.

        Raises:
            ValueError: it is reserved.
        """
        return cls(**_LAYOUT.unpack(code.to_bytes(_LAYOUT.octets, "big")))

    @property
    def code(self) -> int:
        """The 24 bits that are sent."""
        values = {"currency": self.currency, "step": self.step, "exponent": self.exponent}
        return int.from_bytes(_LAYOUT.pack(values), "big")

    def amount(self, price_code: int) -> Decimal:
        """The exact price of a code -127..127, in the currency per kWh; below zero one is paid to charge."""
        return Decimal(price_code * self.step).scaleb(-self.exponent)

    def text(self, price_code: int) -> str:
        """A price in words: "0.31 EUR/kWh"."""
        return f"{self.amount(price_code):f} {currency_name(self.currency)}/kWh"
