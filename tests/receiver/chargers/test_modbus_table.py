"""Data files of chargers: what they may say, what is told when they do not, and values to words and back."""

import contextlib
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rds.errors import UsageError
from receiver.chargers._modbus_register import FORMS, Register
from receiver.chargers._modbus_table import FOLDER, Current, State, load_table, parse_table, table_names
from receiver.chargers.modbus import Driver

NOW = datetime(2026, 1, 15, tzinfo=UTC)
GOOD: dict[str, Any] = {  # Any: as TOML gives it
    "charger": "a charger",
    "source": "its manual",
    "without_us": "the last limit stays",
    "limit": {"address": 100, "write": 6, "zero": True},
}


def changed(section: str, **names: Any) -> dict[str, Any]:
    return {**GOOD, section: {**GOOD.get(section, {}), **names}}


def test_a_table_needs_little() -> None:
    table = parse_table(GOOD, "mine")
    assert (table.limit.address, table.limit.write, table.watchdog, table.named) == (100, 6, None, ())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, r"mine has no section \[limit\]; allowed: one with the register that limits"),
        ({**GOOD, "colour": "red"}, "mine has no option 'colour'; allowed: baudrate, .*without_us"),
        ({**GOOD, "unit": 256}, "mine option unit is 256; allowed: a whole number from 0 to 255"),
        ({**GOOD, "transport": "udp"}, "mine option transport is 'udp'; allowed: tcp, rtu"),
        ({**GOOD, "source": ""}, "mine has no source; allowed: a text"),
        ({**GOOD, "meter": {"address": 1}}, r"mine has a section \[meter\]; allowed: alive, current, .*watchdog_read"),
        ({**GOOD, "limit": [{"address": 1}]}, r"mine \[limit\] is .*; allowed: a section with an address"),
        ({**GOOD, "limit": {"write": 6}}, r"mine \[limit\] has no address; allowed: a whole number from 0 to 65535"),
        (
            changed("limit", address=65536),
            r"\[limit\] option address is 65536; allowed: a whole number from 0 to 65535",
        ),
        (changed("limit", address="5004"), r"\[limit\] option address is '5004'; allowed: a whole number"),
        (
            changed("limit", type="i16"),
            r"\[limit\] option type is 'i16'; allowed: u16, u32, u64, float32, float64, text",
        ),
        (changed("limit", words="swapped"), r"option words is 'swapped'; allowed: high first, low first"),
        (changed("limit", write=0), r"\[limit\] write is 0; allowed: 5, 6 or 16"),
        (changed("limit", write=True), r"\[limit\] option write is True; allowed: 0, 5, 6, 16"),
        (changed("limit", type="u32"), r"\[limit\] write is 6; allowed for 2 of kind holding: 0, 16"),
        (changed("limit", kind="coil"), r"\[limit\] write is 6; allowed for 1 of kind coil: 0, 5"),
        (changed("limit", kind="input"), r"\[limit\] write is 6; allowed for 1 of kind input: 0"),
        (changed("limit", zero=False), r"\[limit\] zero is False; allowed: true, or a section \[pause\]"),
        (changed("limit", scale=0), r"\[limit\] option scale is 0; allowed: a number from 1e-06"),
        (changed("limit", plugged=[1]), r"\[limit\] has no option 'plugged'; allowed: address"),
        (changed("alive", address=1), r"\[alive\] write is 0; allowed: 5, 6 or 16"),
        (
            changed("state", address=1, plugged=[True]),
            r"\[state\] plugged is \[True\]; allowed: a list of whole numbers",
        ),
        (changed("state", address=1, plugged=3), r"\[state\] plugged is 3; allowed: a list of whole numbers"),
        ({**GOOD, "named": {"address": 1}}, r"mine \[\[named\]\] is .*; allowed: a list of sections"),
        ({**GOOD, "setting": [{"address": 1, "value": -1}]}, r"\[\[setting\]\] option value is -1; allowed"),
        ({**GOOD, "setting": [{"address": 1, "type": "text", "write": 6}]}, "allowed for a text: write 0"),
    ],
)
def test_a_wrong_table_is_told_by_section_name_and_what_is_allowed(content: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told) as refusal:
        parse_table(content, "mine")
    assert str(refusal.value).startswith("charger table mine")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_no_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for content in (b"limit = [", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"mine.toml cannot be read \(.*allowed: a TOML file"):
            load_table(path)
    with pytest.raises(UsageError, match="cannot be read"):
        load_table(tmp_path)


@pytest.mark.parametrize("name", table_names())
def test_each_data_file_says_where_its_numbers_are_from(name: str) -> None:
    path = FOLDER / f"{name}.toml"
    table = load_table(path)
    assert path.read_text().startswith("# ")
    assert table.top.setup
    assert table.top.trap


@pytest.mark.parametrize(
    ("register", "words", "value"),
    [
        # Worked by hand: 16.0 is 0x41800000; 70000 is 0x00011170.
        (Register(1), [16000], 16000),
        (Register(1, type="u32"), [1, 4464], 70000),
        (Register(1, type="u32", words="low first"), [4464, 1], 70000),
        (Register(1, type="u64"), [0, 1, 0, 0], 1 << 32),
        (Register(1, type="float32", scale=1000), [0x4180, 0], 16000),
        (Register(1, type="float32", scale=1000, words="low first"), [0, 0x4180], 16000),
        (Register(1, type="float64"), [0x4087, 0x8400, 0, 0], 752.5),
        (Register(1, scale=100), [123], 12300),
        (Register(1, scale=0.001), [15000], 15),
    ],
)
def test_values_and_words(register: Register, words: list[int], value: float) -> None:
    assert register.values(words) == [pytest.approx(value, rel=1e-12)]
    assert register.encode(value) == words


def test_all_bits_set_or_no_number_is_none() -> None:
    assert Register(1, count=2).values([0xFFFF, 0xFFFE]) == [None, 65534]
    assert Register(1, type="u32", count=2).values([0xFFFF, 0xFFFF, 0, 1]) == [None, 1]
    assert Register(1, type="float32").values([0x7FC0, 0]) == [None]
    assert Register(1, type="float32").values([0x7F80, 0]) == [None]


def test_a_current_is_rounded_down_and_never_up() -> None:
    tenth = Current(1, scale=100, high_ma=16_000)
    assert [tenth.fit_ma(ma) for ma in (12399, 16000, 32000, 6000, 5999, 0)] == [12300, 16000, 16000, 6000, 0, 0]
    assert Current(1, scale=1000, low_ma=7000).fit_ma(6999) == 0
    assert Current(1, type="float32", scale=1000, step_ma=100).fit_ma(6599) == 6500


registers = st.builds(
    Register,
    st.just(1),
    type=st.sampled_from([*FORMS, "text"]),
    count=st.integers(1, 4),
    words=st.sampled_from(["high first", "low first"]),
    scale=st.sampled_from([1e-6, 0.001, 0.1, 1.0, 1000.0, 1e6]),
)


# A busy machine makes examples slowly.
patient = settings(suppress_health_check=[HealthCheck.too_slow])


@patient
@given(registers, st.lists(st.integers(-1, 0x10000), max_size=17))
def test_any_words_are_values_or_refused(register: Register, words: list[int]) -> None:
    try:
        values = register.values(words)
    except ValueError:
        assert len(words) != register.size or not all(0 <= word <= 0xFFFF for word in words)
        return
    assert all(value is None or not math.isnan(value) for value in values)
    assert isinstance(register.text(words), str)


@patient
@given(registers, st.floats(0, 1e9))
def test_what_is_written_is_never_above_what_was_asked(register: Register, value: float) -> None:
    try:
        words = register.encode(value)
    except (ValueError, OverflowError):
        return
    [back, *_] = Register(1, type=register.type, words=register.words, scale=register.scale).values(words)
    # A float32 has 24 bits.
    assert back is None or back <= value * (1 + 1e-6) + register.scale * 1e-6


nonsense = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 70000) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["address", "write", "type", "count", "scale", "plugged", "value"]), inner)
    ),
    max_leaves=8,
)


@patient
@given(
    st.dictionaries(
        st.sampled_from(["limit", "pause", "state", "named", "setting", "unit", "charger", "watchdog", "x"]), nonsense
    )
)
def test_any_content_is_a_table_or_one_line(content: dict[str, Any]) -> None:
    with contextlib.suppress(UsageError):
        assert parse_table({**GOOD, **content}, "mine").limit.address >= 0


def test_a_connector_whose_registers_are_nowhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        (FOLDER / "phoenix_charx.toml").read_text().replace("connector_step = 1000", "connector_step = 9000")
    )
    options: dict[str, object] = {"table_file": str(path), "host": "127.0.0.1"}
    Driver.from_options({**options, "connector": 7}, lambda: NOW)
    with pytest.raises(UsageError, match="connector is 8, which makes addresses up to 72307; allowed: up to 65535"):
        Driver.from_options({**options, "connector": 8}, lambda: NOW)


def test_a_text_state_counts_by_its_first_character() -> None:
    state = State(1, type="text", count=2, plugged=(0x42,))
    assert [int(value or 0) >> 8 for value in state.raw([0x4232, 0])] == [0x42, 0]
