"""A message and its signature under loss and falsification: any 20 of 30 symbols verify, any changed bit never."""

from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from rds.oda.erasure_code import decode_symbols, encode_envelope
from rds.oda.messages import pack_message, unpack_message
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.region import Region
from rds.oda.signature import Domain
from rds.oda.target_fields import ALL_TARGETS, target_of
from rds.oda.urgent_envelope import is_urgent_envelope, sign_urgent, urgent_head, verify_urgent

_DOMAIN: Final = Domain(0xC0DE, 7)
_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_PUBLIC: Final = _KEY.public_key().public_bytes_raw()
_MESSAGE: Final = Curtail(key=1, ts=9207720, region=Region(0x12FFF), dispatch=0x80, level=16, duration=0xC1, release=10)
_ENVELOPE: Final = sign_urgent(_MESSAGE, _KEY, _DOMAIN)


@given(st.sets(st.integers(0, 29), min_size=20, max_size=30))
def test_any_20_of_30_symbols_verify(held: set[int]) -> None:
    symbols = encode_envelope(_ENVELOPE)
    decoded = decode_symbols({esi: symbols[esi] for esi in held})
    assert decoded == _ENVELOPE
    assert verify_urgent(decoded, _PUBLIC, _DOMAIN)
    assert unpack_message(urgent_head(decoded)) == _MESSAGE


def test_any_changed_bit_never_verifies() -> None:
    for bit in range(600):
        changed = (int.from_bytes(_ENVELOPE, "big") ^ 1 << bit).to_bytes(75, "big")
        assert not verify_urgent(changed, _PUBLIC, _DOMAIN), bit


@given(st.binary(min_size=1, max_size=75).filter(any), st.integers(0, 74))
def test_any_changed_bits_never_verify(change: bytes, start: int) -> None:
    mask = change[: 75 - start]
    if any(mask):
        changed = bytearray(_ENVELOPE)
        for i, octet in enumerate(mask, start):
            changed[i] ^= octet
        assert not verify_urgent(bytes(changed), _PUBLIC, _DOMAIN)


def test_another_key_network_or_application_never_verifies() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    assert verify_urgent(_ENVELOPE, _PUBLIC, _DOMAIN)
    assert not verify_urgent(_ENVELOPE, other, _DOMAIN)
    assert not verify_urgent(_ENVELOPE, _PUBLIC, Domain(0xC0DE, 8))
    assert not verify_urgent(_ENVELOPE, _PUBLIC, Domain(0xC0DF, 7))


def test_what_an_envelope_claims() -> None:
    assert is_urgent_envelope(_ENVELOPE)
    assert urgent_head(_ENVELOPE) == pack_message(_MESSAGE)
    for head in (0x03, 0x53, 0x63, 0x73, 0x83, 0xC3):
        assert not is_urgent_envelope(bytes([head]) + _ENVELOPE[1:])
    assert not is_urgent_envelope(_ENVELOPE[:-1])


@given(st.binary(max_size=80))
def test_anything_is_an_envelope_or_not(octets: bytes) -> None:
    if is_urgent_envelope(octets):
        assert not verify_urgent(octets, _PUBLIC, _DOMAIN)
    assert not verify_urgent(octets, _PUBLIC, _DOMAIN)


@pytest.mark.parametrize("key", [14, 15, 16, -1])
def test_a_root_signs_no_urgent_message(key: int) -> None:
    with pytest.raises(ValueError, match=r"allowed for an urgent message: 0\.\.13"):
        pack_message(Heartbeat(key=key, ts=1))


@pytest.mark.parametrize("key", [14, 15])
def test_a_root_is_no_urgent_key_on_the_air(key: int) -> None:
    head = bytearray(pack_message(_MESSAGE))
    head[1] = key << 4 | head[1] & 0xF
    assert unpack_message(bytes(head)) is None


@pytest.mark.parametrize(("horizon", "void_below"), [(0, 9207720), (1, 9207719), (0xFFFE, 9142186), (0xFFFF, None)])
def test_the_horizon(horizon: int, void_below: int | None) -> None:
    """Worked by hand: 9207720 - 65534 = 9142186; FFFF voids nothing."""
    assert Heartbeat(key=1, ts=9207720, horizon=horizon).void_below == void_below


def test_a_horizon_before_the_first_tick_voids_nothing() -> None:
    void_below = Heartbeat(key=1, ts=5, horizon=360).void_below
    assert void_below is not None
    assert void_below < 0


def test_the_target_is_the_low_24_bits() -> None:
    assert target_of(0x08C7FA8) == 0x8C7FA8
    assert target_of(0xF8C7FA8) == 0x8C7FA8


@pytest.mark.parametrize("ts", [0xFFFFFF, 0x1FFFFFF, 0xFFFFFFF])
def test_no_event_has_the_target_of_all(ts: int) -> None:
    assert target_of(ts) == ALL_TARGETS
    with pytest.raises(ValueError, match="kept free"):
        Curtail(key=1, ts=ts, region=Region(0x12FFF), dispatch=0x80, level=16, duration=0xC1, release=10)
    head = (int.from_bytes(pack_message(_MESSAGE), "big") | ts << 48).to_bytes(11, "big")
    assert unpack_message(head) is None


@pytest.mark.parametrize(("code", "ticks"), [(0x01, 6), (0x00, 360), (0xC1, 360), (0x7F, 1890), (0xFF, 22680)])
def test_when_an_event_ends(code: int, ticks: int) -> None:
    """Six ticks a minute, worked by hand."""
    event = Curtail(key=1, ts=9207720, region=Region(0x12FFF), dispatch=0x80, level=16, duration=code, release=10)
    assert event.end_tick == 9207720 + ticks
