"""Every file in rds/oda/messages against its vectors in tests/vectors/messages, its letter picture, and garbage."""

import importlib
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rds.oda.messages
from rds.oda.messages import (
    KIND_URGENT,
    MESSAGE_OCTETS,
    VERSION,
    UrgentMessage,
    message_types,
    pack_message,
    unpack_message,
)
from rds.oda.region import Region

_FOLDER: Final = Path(rds.oda.messages.__file__).parent
_VECTORS: Final = Path(__file__).parents[1] / "vectors" / "messages"
_FILES: Final = sorted(path.stem for path in _FOLDER.glob("*.py") if path.stem != "__init__")
_NAMES: Final = [name for name in _FILES if not name.startswith("_")]


def _module(name: str) -> Any:  # Any: a message's own fields are not the Protocol's
    return importlib.import_module(f"rds.oda.messages.{name}")


def _vectors(name: str) -> dict[str, Any]:  # Any: TOML values of several types
    return tomllib.loads((_VECTORS / f"{name}.toml").read_text(encoding="utf-8"))


def _message(name: str, values: dict[str, Any]) -> UrgentMessage:  # Any: as they stand in the vector
    values = {key: Region.parse(value) if key == "region" else value for key, value in values.items()}
    return cast("UrgentMessage", _module(name).MESSAGE(**values))


def test_the_folder_is_the_registry() -> None:
    assert {message.__module__.rpartition(".")[2] for message in message_types().values()} == set(_NAMES)
    assert {path.stem for path in _VECTORS.iterdir()} == set(_NAMES)
    assert all(0 <= number <= 15 for number in message_types())


@pytest.mark.parametrize("name", _FILES)
def test_the_letter_picture(name: str) -> None:
    """Its letters and dots are 88 bits, and a new letter or a space begins wherever a field of the layout does."""
    lines = _module(name).__doc__.splitlines()
    message = _module(name).MESSAGE
    assert re.match(rf"Type {message.TYPE}, {message.NAME}: .+\.", lines[0])
    assert lines[1] == ""
    picture = re.sub(" +", " ", lines[2])
    assert re.fullmatch(r"[A-Za-z. ]+", picture)
    starts, bit, last = {0}, 0, ""
    for letter in picture:
        if letter != last:
            starts.add(bit)
        bit += letter != " "
        last = letter
    widths = [int(field.split(":")[1]) for field in _declared(lines[3:])]
    assert bit == 8 * MESSAGE_OCTETS == message.LAYOUT.bits == sum(widths)
    assert {sum(widths[:index]) for index in range(len(widths))} <= starts


def _declared(lines: list[str]) -> list[str]:
    """The fields `name:width` of the line below the picture; the header's five are named there without their widths."""
    below = re.sub(r"\([^)]*\)", "", " ".join(lines[:1]))
    header, _, rest = below.partition("|")
    assert header.strip() == "version, kind, type, key, TS" or not rest, below
    body = [field.strip().rpartition(" ") for field in rest.split(",")]
    return ["version:2", "kind:2", "type:4", "key:4", "ts:28", *(f"{field}:{width}" for field, _, width in body)]


@pytest.mark.parametrize("name", _NAMES)
def test_the_vectors(name: str) -> None:
    vectors = _vectors(name)
    assert vectors["source"]
    assert vectors["case"]
    for case in vectors["case"]:
        message, head = _message(name, case["fields"]), bytes.fromhex(case["hex"])
        assert unpack_message(head) == message
        assert case.get("one_way") or pack_message(message) == head
        for attribute, value in case.get("derived", {}).items():
            assert getattr(message, attribute) == value, attribute


@pytest.mark.parametrize("name", _NAMES)
def test_reserved_values_are_ignored(name: str) -> None:
    for head in _vectors(name).get("reserved", []):
        assert unpack_message(bytes.fromhex(head)) is None, head


@pytest.mark.parametrize("name", _NAMES)
def test_every_field_is_kept_and_bounded(name: str) -> None:
    """A value that a field's width cannot hold raises ValueError and nothing else, whichever field it is."""
    values = _vectors(name)["case"][0]["fields"]
    message = _message(name, values)
    assert set(values) == {field.name for field in fields(cast("Any", message))}  # Any: a Protocol is no dataclass
    for field in values:
        for wrong in (-1000, 1 << 28):
            with pytest.raises(ValueError, match=r".+"):
                pack_message(_module(name).MESSAGE(**(_plain(values) | {field: _like(field, wrong)})))


def _plain(values: dict[str, Any]) -> dict[str, Any]:  # Any: as they stand in the vector
    return {key: _like(key, value) for key, value in values.items()}


def _like(field: str, value: int | str) -> int:
    if field == "region":
        return Region.parse(value) if isinstance(value, str) else Region(value)
    assert isinstance(value, int)
    return value


@given(st.sampled_from(_NAMES), st.binary(min_size=10, max_size=10))
def test_any_bytes_of_a_type_are_kept_or_ignored(name: str, rest: bytes) -> None:
    message = _module(name).MESSAGE
    head = bytes([VERSION << 6 | KIND_URGENT << 4 | message.TYPE]) + rest
    unpacked = unpack_message(head)
    if unpacked is not None:
        assert isinstance(unpacked, message)
        assert unpack_message(pack_message(unpacked)) == unpacked
        reserved = "reserved" in message.LAYOUT.names
        assert pack_message(unpacked)[:10] == head[:10]
        assert reserved or pack_message(unpacked) == head


@given(st.binary(max_size=14))
def test_any_bytes_are_a_message_or_none(head: bytes) -> None:
    unpacked = unpack_message(head)
    assert unpacked is None or (len(head) == MESSAGE_OCTETS and head[0] >> 4 == 4)
