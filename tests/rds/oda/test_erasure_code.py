"""The erasure code against reedsolo, an independent implementation, within what it can correct and beyond."""

import random
from typing import Final

import pytest
import reedsolo
from hypothesis import example, given
from hypothesis import strategies as st

from rds.oda.erasure_code import DATA_SYMBOLS, ENVELOPE_OCTETS, SYMBOLS, decode_symbols, encode_envelope

_ORACLE: Final = reedsolo.RSCodec(nsym=10, nsize=63, fcr=0, prim=0x43, c_exp=6)
_ENVELOPES: Final = st.binary(min_size=ENVELOPE_OCTETS, max_size=ENVELOPE_OCTETS)
_PLACES: Final = st.permutations(range(SYMBOLS))
_RANDOM: Final = st.integers(0, 2**32 - 1)


def _lane(symbols: list[int], lane: int) -> list[int]:
    return [symbol >> 24 - 6 * lane & 63 for symbol in symbols]


def _oracle_decode(received: list[int], missing: list[int]) -> bytes | None:
    """What reedsolo makes of the five lanes: the envelope, or None if it refuses one of them."""
    lanes = []
    for lane in range(5):
        try:
            message, _, _ = _ORACLE.decode(bytearray(_lane(received, lane)), erase_pos=missing)
        except reedsolo.ReedSolomonError:
            return None
        lanes.append(list(message))
    bits = "".join(f"{value:06b}" for values in zip(*lanes, strict=True) for value in values)
    return int(bits, 2).to_bytes(ENVELOPE_OCTETS, "big")


def _damage(envelope: bytes, places: list[int], *, errors: int, erasures: int, seed: int) -> dict[int, int]:
    """The symbols of an envelope without the first `erasures` places, and with other values at the next `errors`."""
    generator, symbols = random.Random(seed), encode_envelope(envelope)
    held = {esi: symbols[esi] for esi in places[erasures:]}
    for esi in places[erasures : erasures + errors]:
        held[esi] ^= generator.randrange(1, 1 << 30)
    return held


@given(_ENVELOPES)
@example(bytes(ENVELOPE_OCTETS))
@example(b"\xff" * ENVELOPE_OCTETS)
@example(b"\0" * 74 + b"\1")
def test_encoding_agrees_with_reedsolo(envelope: bytes) -> None:
    symbols = list(encode_envelope(envelope))
    bits = "".join(f"{symbol:030b}" for symbol in symbols[:DATA_SYMBOLS])
    assert int(bits, 2).to_bytes(ENVELOPE_OCTETS, "big") == envelope
    for lane in range(5):
        values = _lane(symbols, lane)
        assert values == list(_ORACLE.encode(bytearray(values[:DATA_SYMBOLS])))


@given(_ENVELOPES, _PLACES, st.integers(0, 10))
def test_any_20_symbols_decode(envelope: bytes, places: list[int], erasures: int) -> None:
    assert decode_symbols(_damage(envelope, places, errors=0, erasures=erasures, seed=0)) == envelope


@given(_ENVELOPES, _PLACES, st.integers(0, 5), st.data(), _RANDOM)
def test_errors_and_erasures_within_capacity(
    envelope: bytes, places: list[int], errors: int, data: st.DataObject, seed: int
) -> None:
    erasures = data.draw(st.integers(0, 10 - 2 * errors))
    assert decode_symbols(_damage(envelope, places, errors=errors, erasures=erasures, seed=seed)) == envelope


@given(_ENVELOPES, _PLACES, st.integers(0, 10), st.integers(0, 20), _RANDOM)
def test_beyond_capacity_it_refuses_or_claims_what_is_within(
    envelope: bytes, places: list[int], erasures: int, errors: int, seed: int
) -> None:
    """A word far from the one sent may be near another: both decoders then find that one, and the signature refuses it.

    With an odd number of erasures reedsolo 1.7 also claims words at 2 x errors + erasures = 11; ours does not.
    """
    held = _damage(envelope, places, errors=errors, erasures=erasures, seed=seed)
    missing = sorted(set(range(SYMBOLS)) - set(held))
    claim = _oracle_decode([held.get(esi, 0) for esi in range(SYMBOLS)], missing)
    assert decode_symbols(held) == (None if claim is None or _distance(claim, held) > 10 else claim)


@given(st.dictionaries(st.integers(0, 29), st.integers(0, 2**30 - 1), min_size=20))
def test_any_symbols_decode_within_capacity_or_not_at_all(held: dict[int, int]) -> None:
    decoded = decode_symbols(held)
    assert decoded is None or _distance(decoded, held) <= 10


def _distance(envelope: bytes, held: dict[int, int]) -> int:
    """2 x errors + erasures of the symbols held in the worst of an envelope's lanes."""
    symbols = encode_envelope(envelope)
    errors = [sum((held[esi] ^ symbols[esi]) >> 24 - 6 * lane & 63 != 0 for esi in held) for lane in range(5)]
    return 2 * max(errors) + SYMBOLS - len(held)


def test_every_single_error_and_erasure() -> None:
    envelope = bytes(range(ENVELOPE_OCTETS))
    symbols = dict(enumerate(encode_envelope(envelope)))
    for esi in range(SYMBOLS):
        for bit in range(30):
            assert decode_symbols(symbols | {esi: symbols[esi] ^ 1 << bit}) == envelope
        assert decode_symbols({other: value for other, value in symbols.items() if other != esi}) == envelope


def test_nine_erasures_leave_no_room_for_an_error() -> None:
    """With 2 x 1 + 9 > 10 nothing may be claimed: one error could be set right in many wrong places."""
    envelope = bytes(range(ENVELOPE_OCTETS))
    symbols = dict(enumerate(encode_envelope(envelope)))
    held = {esi: symbols[esi] for esi in range(9, SYMBOLS)}
    for esi, value in held.items():
        assert decode_symbols(held | {esi: value ^ 0x3FFFFFFF}) is None


def test_a_locator_with_enough_roots_may_still_be_wrong() -> None:
    """Found by search: 2 x 2 + 8 > 10, yet the locator has as many roots as its degree; the syndromes then tell."""
    held = {esi: 0 for esi in range(SYMBOLS) if esi not in (0, 2, 10, 11, 15, 17, 24, 25)}
    assert decode_symbols(held | {4: 4, 27: 10}) is None


def test_fewer_than_20_symbols_are_too_few() -> None:
    symbols = encode_envelope(bytes(ENVELOPE_OCTETS))
    assert decode_symbols({esi: symbols[esi] for esi in range(19)}) is None
    assert decode_symbols({}) is None


@pytest.mark.parametrize("length", [0, 74, 76])
def test_an_envelope_of_another_length(length: int) -> None:
    with pytest.raises(ValueError, match="an envelope has 75 bytes"):
        encode_envelope(bytes(length))
