"""Layouts packed by hand, a bit at a time; values come back; what does not fit is refused; any bytes unpack."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.fields import Layout


@pytest.mark.parametrize(
    ("declaration", "values", "packed"),
    [
        # 01 00 0011 0001 1000... as the protocol's worked example begins: version 1, kind 0, type 3, key 1, TS 9207720
        (
            "version:2 kind:2 type:4 key:4 ts:28",
            {"version": 1, "kind": 0, "type": 3, "key": 1, "ts": 9207720},
            "43 10 8C 7F A8",
        ),
        # 1 01 then five zeros to the whole byte
        ("a:1 b:2", {"a": 1, "b": 1}, "A0"),
        # -1 in four bits is 1111, -8 is 1000, 7 is 0111; four zeros to the whole byte
        ("a:s4 b:s4 c:s4", {"a": -1, "b": -8, "c": 7}, "F8 70"),
        # 0 0000 0001 1111 111: fields across byte edges
        ("a:1 b:8 c:7", {"a": 0, "b": 3, "c": 127}, "01 FF"),
        ("a:32 b:32", {"a": 1, "b": 0xDEADBEEF}, "00 00 00 01 DE AD BE EF"),
        ("", {}, ""),
    ],
)
def test_a_layout_worked_by_hand(declaration: str, values: dict[str, int], packed: str) -> None:
    layout = Layout(declaration)
    assert layout.pack(values) == bytes.fromhex(packed)
    assert layout.unpack(bytes.fromhex(packed)) == values
    assert layout.octets == len(bytes.fromhex(packed))


def test_names_bits_and_octets() -> None:
    layout = Layout("version:2 offset:s7")
    assert (layout.names, layout.bits, layout.octets) == (("version", "offset"), 9, 2)


def test_what_follows_and_what_pads_is_not_looked_at() -> None:
    assert Layout("a:3").unpack(b"\xbf\xff\xff") == {"a": 0b101}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a": 16, "b": 0}, "does not fit its width"),
        ({"a": -1, "b": 0}, "does not fit its width"),
        ({"a": 0, "b": 8}, "does not fit its width"),
        ({"a": 0, "b": -9}, "does not fit its width"),
        ({"a": 0}, r"fields \['a'\] given; this layout has \['a', 'b'\]"),
        ({"a": 0, "b": 0, "c": 0}, r"fields \['a', 'b', 'c'\] given"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layout("a:4 b:s4").pack(values)


def test_too_few_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="1 bytes given; this layout needs 2"):
        Layout("a:9").unpack(b"\x00")


widths = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), min_size=1, max_size=8)


@given(widths, st.data())
def test_values_come_back(fields: list[tuple[bool, int]], data: st.DataObject) -> None:
    layout = Layout(" ".join(f"f{i}:{'s' * signed}{width}" for i, (signed, width) in enumerate(fields)))
    values = {
        f"f{i}": data.draw(
            st.integers(-(1 << width - 1), (1 << width - 1) - 1) if signed else st.integers(0, (1 << width) - 1)
        )
        for i, (signed, width) in enumerate(fields)
    }
    assert layout.unpack(layout.pack(values)) == values


@given(st.binary(min_size=6))
def test_any_bytes_unpack_to_values_that_pack_to_their_start(data: bytes) -> None:
    layout = Layout("a:1 b:s11 c:20 d:s16")
    assert layout.pack(layout.unpack(data)) == data[:6]
