"""Every file in rds/oda/records against its vectors in tests/vectors/records, its letter picture, and garbage."""

import importlib
import itertools
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rds.oda.records
from rds.oda.bulletin import MAX_RECORD_OCTETS, Record
from rds.oda.certificate import Role
from rds.oda.records import BulletinRecord, pack_record, record_types, unpack_record
from rds.oda.region import Region

_FOLDER: Final = Path(rds.oda.records.__file__).parent
_VECTORS: Final = Path(__file__).parents[1] / "vectors" / "records"
_FILES: Final = sorted(path.stem for path in _FOLDER.glob("*.py") if path.stem != "__init__")
_NAMES: Final = [name for name in _FILES if not name.startswith("_")]
_REGIONS: Final = ("region", "scope")
_OCTETS: Final = ("content", "public_key")


def _module(name: str) -> Any:  # Any: a record's own fields are not the Protocol's
    return importlib.import_module(f"rds.oda.records.{name}")


def _vectors(name: str) -> dict[str, Any]:  # Any: TOML values of several types
    return tomllib.loads((_VECTORS / f"{name}.toml").read_text(encoding="utf-8"))


def _typed(field: str, value: Any) -> Any:  # Any: as it stands in the vector, then as the record has it
    if field in _REGIONS:
        return Region.parse(value)
    if field in _OCTETS:
        return bytes.fromhex(value)
    if field == "roles":
        return Role(value)
    return tuple(value) if isinstance(value, list) else value


def _values(case: dict[str, Any]) -> dict[str, Any]:  # Any: as above
    return {field: _typed(field, value) for field, value in case["fields"].items()}


def _record(name: str, values: dict[str, Any]) -> BulletinRecord:  # Any: as above
    return cast("BulletinRecord", _module(name).RECORD(**values))


def test_the_folder_is_the_registry() -> None:
    assert {_module(name).RECORD for name in _NAMES} == set(record_types().values())
    assert {path.stem for path in _VECTORS.iterdir()} == set(_NAMES)
    assert sorted(record_types()) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", _FILES)
def test_the_letter_picture(name: str) -> None:
    """Its letters and dots are the layout's bits, and a new letter or a space begins wherever a field does."""
    lines = _module(name).__doc__.splitlines()
    record = _module(name).RECORD
    assert re.match(rf"Record {record.TYPE}, {record.NAME}: .+", lines[0])
    assert lines[1] == ""
    picture = re.sub(r"(\d+) x (\S+)", lambda match: int(match[1]) * match[2] + " ", lines[2])
    picture = re.sub(r" n x .*", "", picture)  # a content of any length
    assert re.fullmatch(r"[A-Za-z. ]+", picture)
    ends = itertools.accumulate(len(run[0]) for run in re.finditer(r"([^ ])\1*", picture))
    declared = re.sub(r"\([^)]*\)", "", lines[3].partition("|")[0])
    names_and_widths = [field.split() for field in declared.split(",")]
    assert tuple(name for name, _ in names_and_widths) == record.LAYOUT.names
    widths = [int(width) for _, width in names_and_widths]
    assert sum(widths) == record.LAYOUT.bits == sum(len(run) for run in picture.split())
    assert set(itertools.accumulate(widths)) <= set(ends)


@pytest.mark.parametrize("name", _NAMES)
def test_the_vectors(name: str) -> None:
    vectors = _vectors(name)
    assert vectors["source"]
    assert vectors["case"]
    for case in vectors["case"]:
        record, body = _record(name, _values(case)), bytes.fromhex(case["hex"])
        packed = Record(_module(name).RECORD.TYPE, body)
        assert unpack_record(packed) == record
        assert case.get("one_way") or pack_record(record) == packed
        for attribute, value in case.get("derived", {}).items():
            assert getattr(record, attribute) == value, attribute


@pytest.mark.parametrize("name", _NAMES)
def test_reserved_values_and_short_bodies_are_ignored(name: str) -> None:
    record = _module(name).RECORD
    for body in _vectors(name)["reserved"]:
        assert unpack_record(Record(record.TYPE, bytes.fromhex(body))) is None, body
    whole = bytes.fromhex(_vectors(name)["case"][0]["hex"])
    for length in range(record.LAYOUT.octets):
        assert unpack_record(Record(record.TYPE, whole[:length])) is None


@pytest.mark.parametrize("name", _NAMES)
def test_a_longer_body_says_the_same(name: str) -> None:
    """Where the fields are all that a body has, what follows them is skipped."""
    record = _module(name).RECORD
    body = bytes.fromhex(_vectors(name)["case"][0]["hex"])
    if len(body) == record.LAYOUT.octets:
        longer = unpack_record(Record(record.TYPE, body.ljust(MAX_RECORD_OCTETS, b"\xa5")))
        assert longer == unpack_record(Record(record.TYPE, body)) is not None


@pytest.mark.parametrize("name", _NAMES)
def test_every_field_is_kept_and_bounded(name: str) -> None:
    """A number that a field's width cannot hold raises ValueError and nothing else, whichever field it is."""
    values = _values(_vectors(name)["case"][0])
    assert set(values) == {field.name for field in fields(cast("Any", _module(name).RECORD))}  # Any: a Protocol
    for field, value in values.items():
        for wrong in (-1000, 1 << 28):
            changed: Any = wrong  # Any: of the field's own type
            if field in _REGIONS:
                changed = Region(wrong)
            elif isinstance(value, tuple):
                changed = (wrong, *value[1:])
            elif not isinstance(value, int):
                continue
            with pytest.raises(ValueError, match=r".+"):
                pack_record(_record(name, values | {field: changed}))


@given(st.sampled_from(_NAMES), st.binary(max_size=MAX_RECORD_OCTETS))
def test_any_body_of_a_type_is_kept_or_ignored(name: str, body: bytes) -> None:
    record = _module(name).RECORD
    unpacked = unpack_record(Record(record.TYPE, body))
    if unpacked is not None:
        assert isinstance(unpacked, record)
        packed = pack_record(unpacked)
        assert unpack_record(packed) == unpacked
        assert len(packed.body) <= len(body)


@given(st.integers(0, 255), st.binary(max_size=MAX_RECORD_OCTETS))
def test_any_bytes_are_a_record_or_none(kind: int, body: bytes) -> None:
    unpacked = unpack_record(Record(kind, body))
    assert unpacked is None or kind == unpacked.TYPE


@pytest.mark.parametrize("name", _NAMES)
def test_any_bit_turned_over_is_kept_or_ignored(name: str) -> None:
    """Unlike random bodies, neighbours of a good one mostly have a meaning."""
    record, body = _module(name).RECORD, bytes.fromhex(_vectors(name)["case"][0]["hex"])
    for bit in range(8 * record.LAYOUT.octets):
        changed = (int.from_bytes(body, "big") ^ 1 << (8 * len(body) - 1 - bit)).to_bytes(len(body), "big")
        unpacked = unpack_record(Record(record.TYPE, changed))
        if unpacked is not None and "reserved" not in record.LAYOUT.names:
            assert pack_record(unpacked).body == changed
