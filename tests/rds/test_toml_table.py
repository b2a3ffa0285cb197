"""The TOML reader: values by type, and complaints that name the line, the value and what is allowed."""

import datetime as dt
import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.errors import UsageError
from rds.oda.region import Region
from rds.toml_table import TomlTable, parse_toml

DOCUMENT = '''# A charger's configuration
name = "a # b"
rating_a = 32
share = 0.5
on = true
at = 2026-12-01T18:00:00+01:00
pem = """
[not a header]
key = "inside \\""" # of the string
"""
regions = [
    "12345",  # a ] in a comment
    "12346",
]
inline = { first = 1, second = "two" }

[radio]
pi = "1234"
"quoted name".dotted = 3

[[message]]
type = "curtail"
[message.level]
a = 16
[[message]]
type = "halt"
level.a = 0
'''


def document(text: str = DOCUMENT) -> TomlTable:
    return parse_toml(text, source="plan.toml")


def test_values_come_out_by_type() -> None:
    table = document()
    assert table.string("name") == "a # b"
    assert table.integer("rating_a", low=6, high=80) == 32
    assert table.number("share", low=0, high=1) == 0.5
    assert table.number("rating_a", low=0, high=100) == 32.0
    assert table.boolean("on") is True
    assert table.moment("at") == dt.datetime(2026, 12, 1, 17, tzinfo=dt.UTC)
    assert table.parsed_list("regions", Region.parse_code, low=1, high=4) == [0x12345, 0x12346]
    assert table.table("inline").integer("first", low=0, high=9) == 1
    assert [message.choice("type", ["curtail", "halt"]) for message in table.tables("message")] == ["curtail", "halt"]


def test_defaults_stand_in_for_what_is_absent() -> None:
    table = document("")
    assert table.integer("rating_a", low=6, high=80, default=16) == 16
    assert table.boolean("on", default=False) is False
    assert table.parsed("region", Region.parse, default=Region(0xFFFFF)) == 0xFFFFF
    assert table.parsed_list("regions", str) == []
    assert table.table("radio").string("pi", default="0") == "0"
    assert table.tables("message") == []
    assert "anything" not in table
    table.close()


@pytest.mark.parametrize(
    ("text", "read", "message"),
    [
        ("a = 1\nb = [\n", lambda t: t.close(), r"plan.toml:3: not TOML: .*; mend this line"),
        ("a = 1\na = 2\n", lambda t: t.close(), r"plan.toml:2: not TOML: .*; mend this line"),
        ("\na = 'x'\n", lambda t: t.integer("a", low=0, high=9), r"plan.toml:2: a = 'x'; allowed: a whole number 0..9"),
        ("a = true", lambda t: t.integer("a", low=0, high=9), r"plan.toml:1: a = true; allowed: a whole number 0..9"),
        ("a = 10", lambda t: t.integer("a", low=0, high=9), r"plan.toml:1: a = 10; allowed: 0..9"),
        ("a = nan", lambda t: t.number("a", low=0, high=9), r"plan.toml:1: a = nan; allowed: 0..9"),
        ("a = 1", lambda t: t.boolean("a"), r"plan.toml:1: a = 1; allowed: true or false"),
        ("a = 'x'", lambda t: t.choice("a", ["y", "z"]), r"plan.toml:1: a = 'x'; allowed: y, z"),
        ("a = 2026-12-01T18:00:00", lambda t: t.moment("a"), r"plan.toml:1: a = 2026-.*; allowed: RFC 3339 with"),
        ("b = 1", lambda t: t.string("a"), r"plan.toml:1: no field 'a' \(given: b\); add a string in quotes"),
        ("[r]\n", lambda t: t.table("r").string("a"), r"plan.toml:1: no field 'a' in \[r\] \(given: none\); add"),
        ("a = 1", lambda t: t.table("a"), r"plan.toml:1: a = 1; allowed: a table \[a\]"),
        ("a = [1]", lambda t: t.tables("a"), r"plan.toml:1: a = \[1\]; allowed: tables \[\[a\]\]"),
        (
            "a = [1]",
            lambda t: t.parsed_list("a", str),
            r"plan.toml:1: a = \[1\]; allowed: an array of 0 or more strings",
        ),
        ("a = []", lambda t: t.parsed_list("a", str, low=1, high=4), r"a = \[\]; allowed: an array of 1..4 strings"),
        (
            "\n\na = '123456'",
            lambda t: t.parsed("a", Region.parse_code),
            r"plan.toml:3: a: region code '123456'; allowed: five digits 0..E",
        ),
    ],
)
def test_a_complaint_is_one_line_with_place_value_and_remedy(text, read, message) -> None:  # type: ignore[no-untyped-def]  # a table of lambdas
    with pytest.raises(UsageError) as caught:
        read(document(text))
    assert re.match(message, str(caught.value)) or re.search(message, str(caught.value))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_close_refuses_what_nobody_asked_for() -> None:
    table = document("[radio]\npi = '1234'\npie = 3\n")
    table.table("radio").string("pi")
    with pytest.raises(UsageError, match=r"plan.toml:3: unknown field 'pie' in \[radio\]; allowed: pi"):
        table.close()


def test_an_optional_field_looked_for_is_allowed_and_named() -> None:
    table = document("c = 1\n")
    assert "b" not in table
    with pytest.raises(UsageError, match="unknown field 'c'; allowed: b"):
        table.close()


def test_the_rest_is_passed_on_once() -> None:
    table = document("driver = 'x'\nport = 1\n[deep]\na = 1\n")
    assert table.string("driver") == "x"
    assert table.rest() == {"port": 1, "deep": {"a": 1}}
    table.close()


def test_every_field_has_its_own_line() -> None:
    lines = DOCUMENT.split("\n")
    table = document()
    for name in ("name", "rating_a", "on", "pem", "regions", "inline"):
        number = int(table.place(name).split(":")[1])
        assert lines[number - 1].startswith(name)
    radio = table.table("radio")
    assert lines[int(radio.place().split(":")[1]) - 1] == "[radio]"
    assert lines[int(radio.table("quoted name").place("dotted").split(":")[1]) - 1] == '"quoted name".dotted = 3'
    first, second = table.tables("message")
    assert lines[int(first.table("level").place("a").split(":")[1]) - 1] == "a = 16"
    assert lines[int(second.table("level").place("a").split(":")[1]) - 1] == "level.a = 0"
    assert lines[int(second.place("type").split(":")[1]) - 1] == 'type = "halt"'
    # An inline table's fields have no line of their own.
    assert table.table("inline").place("second") == table.place("inline")


@given(st.text(alphabet="ab\"'[]{}=#.\n\\ 1,", max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(UsageError, match=r"\Aplan.toml:\d+: .*\Z"):
            document(text)
        return
    table = document(text)
    for name in values:
        assert 1 <= int(table.place(name).split(":")[1]) <= text.count("\n") + 1
