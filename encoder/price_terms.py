"""Prices as people write them, "0.31 EUR", to codes in a scale that they share; a step, "0.0025 EUR", to a scale."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from rds.oda.price_scale import MAX_PRICE_CODE, NO_PRICE, PriceScale, currency_name, currency_number

_PRICE: Final = re.compile(r"([+-]?\d{1,9}(?:\.\d{1,12})?) ([A-Za-z]{3}|\d{3})")
_MOST_STEP: Final = 1023


@dataclass(frozen=True, slots=True)
class Price:
    """An exact amount per kWh in a currency, by its ISO 4217 number."""

    amount: Decimal
    currency: int


def parse_price(text: str) -> Price:
    """The price of "0.31 EUR".

    Raises:
        ValueError: another form, or a currency that is not known.
    """
    match = _PRICE.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r}; allowed: an amount per kWh and its currency, such as "0.31 EUR"')
    return Price(Decimal(match[1]), currency_number(match[2]))


def parse_slot_price(text: str) -> Price | None:
    """The price of "0.31 EUR", or None for "none".

    Raises:
        ValueError: as `parse_price`.
    """
    return None if text == "none" else parse_price(text)


def parse_step(text: str) -> PriceScale:
    """The scale whose step is "0.0025 EUR".

    Raises:
        ValueError: no price, not above zero, or with more digits than a step has.
    """
    price = parse_price(text)
    step, exponent = _whole(price.amount)
    if not 1 <= step <= _MOST_STEP:
        raise ValueError(f"{text!r}; allowed: 1..{_MOST_STEP} of a last decimal, such as 0.0025 EUR or 5 EUR")
    return PriceScale(price.currency, step, exponent)


def fit_scale(prices: Sequence[Price]) -> PriceScale:
    """The coarsest scale that holds all prices exactly.

    Raises:
        ValueError: several currencies, or none holds them.
    """
    currencies = {price.currency for price in prices}
    if len(currencies) != 1:
        names = ", ".join(sorted(map(currency_name, currencies))) or "none"
        raise ValueError(f"prices in {names}; allowed: one currency")
    exponent = max(_whole(price.amount)[1] for price in prices)
    wholes = [int(price.amount.scaleb(exponent)) for price in prices]
    common = math.gcd(*wholes) or 1
    step = next(step for step in range(min(common, _MOST_STEP), 0, -1) if common % step == 0)
    if max(map(abs, wholes)) > MAX_PRICE_CODE * step:
        raise ValueError(
            f"no step holds all of these prices: {MAX_PRICE_CODE} steps are all there is; round them, "
            f'or give step = "..." to have them rounded to it'
        )
    return PriceScale(currencies.pop(), step, exponent)


def price_codes(prices: Sequence[Price | None], scale: PriceScale) -> tuple[int, ...]:
    """The codes of prices, to the nearest step.

    Raises:
        ValueError: another currency, or a price beyond 127 steps.
    """
    return tuple(NO_PRICE if price is None else _code(price, scale) for price in prices)


def _code(price: Price, scale: PriceScale) -> int:
    if price.currency != scale.currency:
        raise ValueError(
            f"a price in {currency_name(price.currency)}; allowed: {currency_name(scale.currency)}, as step"
        )
    code = round(price.amount / scale.amount(1))
    if abs(code) > MAX_PRICE_CODE:
        raise ValueError(
            f"price {price.amount} is beyond {scale.text(MAX_PRICE_CODE)}; allowed: up to that, or a larger step"
        )
    return code


def _whole(amount: Decimal) -> tuple[int, int]:
    """A whole number and the exponent by which it is an amount, without zeros at its end."""
    exponent = max(0, -int(amount.normalize().as_tuple().exponent))
    return int(amount.scaleb(exponent)), exponent
