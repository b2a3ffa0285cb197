"""600 bits to 30 symbols and back from any 20: five lanes of Reed-Solomon (30,20) over GF(64) (protocol, Code).

RS(63,53) shortened by 33 leading zeros: field polynomial x^6 + x + 1, alpha = 2, roots alpha^0 .. alpha^9.
Symbol i is the coefficient of x^(29-i). Decodes where 2 x errors + erasures <= 10 in every lane.
"""

from collections.abc import Mapping, Sequence
from typing import Final

SYMBOLS: Final = 30
DATA_SYMBOLS: Final = 20
PARITY: Final = SYMBOLS - DATA_SYMBOLS
SYMBOL_BITS: Final = 30
LANES: Final = 5
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


def _value_at(polynomial: Sequence[int], log_x: int) -> int:
    """A polynomial, lowest coefficient first, at alpha^log_x."""
    result = 0
    for i, coefficient in enumerate(polynomial):
        if coefficient:
            result ^= _EXP[(_LOG[coefficient] + i * log_x) % _ORDER]
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


def decode_symbols(symbols: Mapping[int, int]) -> bytes | None:
    """The 75-byte envelope of symbols by ESI, or None if a lane does not decode. What is not held is an erasure."""
    missing = [esi for esi in range(SYMBOLS) if esi not in symbols]
    if len(missing) > PARITY:
        return None
    lanes = list(zip(*(_lanes(symbols.get(esi, 0)) for esi in range(SYMBOLS)), strict=True))
    decoded = []
    for lane in lanes:
        corrected = _decode_lane(lane, missing)
        if corrected is None:
            return None
        decoded.append(corrected)
    bits = 0
    for values in zip(*decoded, strict=True):
        bits = bits << SYMBOL_BITS | _symbol(values)
    return bits.to_bytes(ENVELOPE_OCTETS, "big")


def _decode_lane(received: Sequence[int], missing: Sequence[int]) -> list[int] | None:
    """The 20 data values of a lane of 30, with the ESIs of its erasures."""
    syndromes = _syndromes(received)
    if not any(syndromes):
        return list(received[:DATA_SYMBOLS])
    erased = [1]
    for esi in missing:
        erased = _product(erased, [1, _EXP[SYMBOLS - 1 - esi]])
    locator = _errata_locator(syndromes, erased)
    positions = [esi for esi in range(SYMBOLS) if _value_at(locator, esi - (SYMBOLS - 1)) == 0]
    if len(positions) != len(locator) - 1:
        return None
    corrected = list(received)
    for esi, value in zip(positions, _errata_values(syndromes, locator, positions), strict=True):
        corrected[esi] ^= value
    return None if any(_syndromes(corrected)) else corrected[:DATA_SYMBOLS]


def _syndromes(received: Sequence[int]) -> list[int]:
    """The received word at alpha^0 .. alpha^9, by Horner's rule."""
    result = []
    for root in range(PARITY):
        value = 0
        for coefficient in received:
            value = coefficient ^ (_EXP[_LOG[value] + root] if value else 0)
        result.append(value)
    return result


def _errata_locator(syndromes: Sequence[int], erased: Sequence[int]) -> list[int]:
    """Berlekamp-Massey started from the erasure locator (Blahut 1983, 9.2); lowest coefficient first."""
    locator, previous = list(erased), list(erased)
    length = erasures = len(erased) - 1
    for r in range(erasures, PARITY):
        discrepancy = 0
        for i, coefficient in enumerate(locator):
            if i <= r:
                discrepancy ^= _times(coefficient, syndromes[r - i])
        previous = [0, *previous]
        if discrepancy:
            step = [_times(discrepancy, coefficient) for coefficient in previous]
            updated = [
                (locator[i] if i < len(locator) else 0) ^ (step[i] if i < len(step) else 0)
                for i in range(max(len(locator), len(step)))
            ]
            if 2 * length <= r + erasures:
                previous = [_over(coefficient, discrepancy) for coefficient in locator]
                length = r + 1 + erasures - length
            locator = updated
    while len(locator) > 1 and locator[-1] == 0:
        locator.pop()
    return locator


def _errata_values(syndromes: Sequence[int], locator: Sequence[int], positions: Sequence[int]) -> list[int]:
    """Forney's formula for a code whose first root is alpha^0: X Omega(1/X) / Lambda'(1/X)."""
    evaluator = _product(syndromes, locator)[:PARITY]
    slope = [coefficient if i % 2 == 0 else 0 for i, coefficient in enumerate(locator[1:])]
    values = []
    for esi in positions:
        log_x = SYMBOLS - 1 - esi
        # A repeated root would make the slope vanish; the count of roots has ruled that out.
        quotient = _over(_value_at(evaluator, -log_x), _value_at(slope, -log_x))
        values.append(_times(_EXP[log_x], quotient))
    return values
