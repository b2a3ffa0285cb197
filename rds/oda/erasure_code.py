"""600 bits to 30 symbols and back from any 20: five lanes of Reed-Solomon (30,20) over GF(64) (protocol, Code).

RS(63,53) shortened by 33 leading zeros: field polynomial x^6 + x + 1, alpha = 2, roots alpha^0 .. alpha^9.
Symbol i is the coefficient of x^(29-i). Decodes where 2 x errors + erasures <= 10 in every lane.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import Final

SYMBOLS: Final = 30
DATA_SYMBOLS: Final = 20
PARITY: Final = SYMBOLS - DATA_SYMBOLS
SYMBOL_BITS: Final = 30
ENVELOPE_OCTETS: Final = 75
_LANE_BITS: Final = 6
_ORDER: Final = 63
_FIELD_POLYNOMIAL: Final = 0b100_0011


def _field_tables() -> tuple[tuple[int, ...], tuple[int, ...]]:
    powers, logs = [1], [0] * (_ORDER + 1)
    while len(powers) < _ORDER:
        doubled = powers[-1] << 1
        powers.append(doubled ^ _FIELD_POLYNOMIAL if doubled > _ORDER else doubled)
    for exponent, value in enumerate(powers):
        logs[value] = exponent
    return tuple(powers * 3), tuple(logs)


_EXP, _LOG = _field_tables()


def _times(a: int, b: int) -> int:
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def _over(a: int, b: int) -> int:
    return _EXP[_LOG[a] + _ORDER - _LOG[b]] if a else 0


def _product(a: Sequence[int], b: Sequence[int]) -> list[int]:
    """Product of two polynomials, lowest coefficient first."""
    result = [0] * (len(a) + len(b) - 1)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            result[i + j] ^= _times(left, right)
    return result


def _generator() -> tuple[int, ...]:
    """(x - alpha^0) .. (x - alpha^9), highest coefficient first."""
    polynomial = [1]
    for root in range(PARITY):
        polynomial = _product(polynomial, [_EXP[root], 1])
    return tuple(reversed(polynomial))


_GENERATOR: Final = _generator()


def _encode_lane(data: Sequence[int]) -> list[int]:
    """The ten parity values of 20 data values: the remainder of data(x) x^10 by the generator."""
    remainder = [0] * PARITY
    for value in data:
        factor = value ^ remainder[0]
        remainder = [*remainder[1:], 0]
        for i in range(PARITY):
            remainder[i] ^= _times(factor, _GENERATOR[i + 1])
    return remainder


def _lanes(symbol: int) -> tuple[int, ...]:
    """The five lane values of a 30-bit symbol, first bits first."""
    return tuple(symbol >> shift & _ORDER for shift in range(SYMBOL_BITS - _LANE_BITS, -1, -_LANE_BITS))


def _symbol(lanes: Sequence[int]) -> int:
    value = 0
    for lane in lanes:
        value = value << _LANE_BITS | lane
    return value


def encode_envelope(envelope: bytes) -> tuple[int, ...]:
    """The 30 symbols of 30 bits of a 75-byte envelope; the first 20 are the envelope itself.

    Raises:
        ValueError: the envelope is not 75 bytes long.
    """
    if len(envelope) != ENVELOPE_OCTETS:
        raise ValueError(f"an envelope has {ENVELOPE_OCTETS} bytes, not {len(envelope)}")
    bits = int.from_bytes(envelope, "big")
    mask = (1 << SYMBOL_BITS) - 1
    data = [bits >> SYMBOL_BITS * (DATA_SYMBOLS - 1 - i) & mask for i in range(DATA_SYMBOLS)]
    parity = [_encode_lane(lane) for lane in zip(*map(_lanes, data), strict=True)]
    return (*data, *(_symbol(lanes) for lanes in zip(*parity, strict=True)))


@cache
def _powers(degree: int, logs: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Row i, column v: the terms v x^i at every alpha^log of `logs`, six bits each, the first log's lowest."""
    return tuple(
        tuple(
            sum(_times(value, _EXP[i * log % _ORDER]) << _LANE_BITS * place for place, log in enumerate(logs))
            for value in range(_ORDER + 1)
        )
        for i in range(degree + 1)
    )


def _values_at(polynomial: Sequence[int], logs: tuple[int, ...]) -> list[int]:
    """A polynomial, lowest coefficient first, at every alpha^log of `logs`: one look-up a coefficient."""
    total = 0
    for coefficient, terms in zip(polynomial, _powers(SYMBOLS - 1, logs), strict=False):
        total ^= terms[coefficient]
    return [total >> shift & _ORDER for shift in range(0, _LANE_BITS * len(logs), _LANE_BITS)]


_ROOT_LOGS: Final = tuple(range(PARITY))
_INVERSE_LOGS: Final = tuple((esi - (SYMBOLS - 1)) % _ORDER for esi in range(SYMBOLS))
"""The inverse of each ESI's place, x^(29-i): where a locator vanishes."""


def decode_symbols(symbols: Mapping[int, int]) -> bytes | None:
    """The 75-byte envelope of symbols by ESI, or None if a lane does not decode. What is not held is an erasure."""
    missing = [esi for esi in range(SYMBOLS) if esi not in symbols]
    if len(missing) > PARITY:
        return None
    erased = [1]
    for esi in missing:
        erased = _product(erased, [1, _EXP[SYMBOLS - 1 - esi]])
    decoded = []
    for lane in zip(*(_lanes(symbols.get(esi, 0)) for esi in range(SYMBOLS)), strict=True):
        corrected = _decode_lane(lane, erased)
        if corrected is None:
            return None
        decoded.append(corrected[:DATA_SYMBOLS])
    bits = 0
    for values in zip(*decoded, strict=True):
        bits = bits << SYMBOL_BITS | _symbol(values)
    return bits.to_bytes(ENVELOPE_OCTETS, "big")


def _decode_lane(received: Sequence[int], erased: Sequence[int]) -> Sequence[int] | None:
    """The corrected values of a lane of 30 with the locator of its erasures, or None beyond 2 x errors + erasures."""
    syndromes = _values_at(received[::-1], _ROOT_LOGS)
    if not any(syndromes):
        return received
    locator = _errata_locator(syndromes, erased)
    errata, erasures = len(locator) - 1, len(erased) - 1
    positions = [esi for esi, value in enumerate(_values_at(locator, _INVERSE_LOGS)) if value == 0]
    if len(positions) != errata or 2 * errata - erasures > PARITY:
        return None
    # Forney's formula for a first root of alpha^0: X Omega(1/X) / Lambda'(1/X). The count of roots has ruled
    # a repeated root out, so the derivative does not vanish.
    evaluator = _values_at(_product(syndromes, locator)[:PARITY], _INVERSE_LOGS)
    derivative = _values_at([c if i % 2 == 0 else 0 for i, c in enumerate(locator[1:])], _INVERSE_LOGS)
    corrected = list(received)
    for esi in positions:
        corrected[esi] ^= _times(_EXP[SYMBOLS - 1 - esi], _over(evaluator[esi], derivative[esi]))
    return None if any(_values_at(corrected[::-1], _ROOT_LOGS)) else corrected


def _errata_locator(syndromes: Sequence[int], erased: Sequence[int]) -> list[int]:
    """Berlekamp-Massey started from the erasure locator (Blahut 1983, 9.2); lowest coefficient first."""
    locator, previous = list(erased), list(erased)
    length = erasures = len(erased) - 1
    for r in range(erasures, PARITY):
        discrepancy = 0
        for i, coefficient in enumerate(locator[: r + 1]):
            discrepancy ^= _times(coefficient, syndromes[r - i])
        previous = [0, *previous]
        if discrepancy:
            step = [_times(discrepancy, coefficient) for coefficient in previous]
            updated = [a ^ b for a, b in zip_longest(locator, step, fillvalue=0)]
            if 2 * length <= r + erasures:
                previous = [_over(coefficient, discrepancy) for coefficient in locator]
                length = r + 1 + erasures - length
            locator = updated
    while locator[-1] == 0:
        locator.pop()
    return locator
