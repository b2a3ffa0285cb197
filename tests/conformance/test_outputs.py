"""Every file in receiver/outputs: addresses, secrets, a server that is away, an end that comes in time."""

import importlib
import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import receiver.outputs
from rds.errors import UsageError
from receiver.outlets import GOODBYE_S, LINES, Outlets, choose
from receiver.outputs import open_output, output_names
from tests.live.broker import free_port
from tests.receiver.outputs.records import EVENING

SECRET: Final = "s3cret word"
ADDRESSES: Final = {
    "http": ("http://user:s3cret%20word@127.0.0.1:{port}/hook", "https://[::1]/hook"),
    "mqtt": ("mqtt://user:s3cret%20word@127.0.0.1:{port}/evrds", "mqtts://broker.example/home/evrds"),
    "prometheus": ("prometheus://127.0.0.1:{port}", "prometheus://[::1]:9105/"),
    "table": ("table",),
}
WRONG: Final = {
    "http": ("http:///hook", "http://host:port/", "http://host:0/", "http://ho st/", "http://host/#part"),
    "mqtt": (
        "mqtt://host",
        "mqtt://host/",
        "mqtt://host/a/#",
        "mqtt://host/+/b",
        "mqtt://u:s3cret@host",
        "mqtt:host/x",
    ),
    "prometheus": ("prometheus://", "prometheus://host/metrics", "prometheus://u:s3cret@host", "prometheuss://host"),
    "table": ("table://x", "tables"),
}
AWAY: Final = ("http", "mqtt")


def test_the_folder_is_the_registry() -> None:
    files = {path.stem for path in Path(receiver.outputs.__path__[0]).glob("*.py")}
    assert set(output_names()) == {name for name in files if not name.startswith("_")} == set(ADDRESSES) == set(WRONG)


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_of_it_are_taken_and_secrets_kept(name: str) -> None:
    for address in ADDRESSES[name]:
        output = open_output(address.format(port=1))
        assert type(output) is importlib.import_module(f"receiver.outputs.{name}").Output
        assert SECRET not in output.name
        assert "s3cret" not in output.name


@pytest.mark.parametrize("address", [one for some in WRONG.values() for one in some])
def test_other_addresses_are_refused_with_what_is_allowed(address: str) -> None:
    with pytest.raises(ValueError, match=r"output .*; allowed: ") as refusal:
        open_output(address)
    assert "s3cret" not in str(refusal.value)


@given(st.text(), st.sampled_from(["", "mqtt://", "http://", "https://", "prometheus://", "table"]))
def test_any_text_is_an_address_or_refused(text: str, scheme: str) -> None:
    with suppress(ValueError):
        assert open_output(scheme + text).name.isprintable()


@pytest.mark.parametrize("name", AWAY)
def test_a_server_that_is_away_is_told_of_once_and_holds_nobody_up(name: str, caplog: pytest.LogCaptureFixture) -> None:
    began_s = time.monotonic()
    with (
        Outlets([open_output(ADDRESSES[name][0].format(port=free_port()))]) as outlets,
        caplog.at_level(logging.WARNING),
    ):
        for record in EVENING:
            outlets.tell(record)
    assert time.monotonic() - began_s < GOODBYE_S
    assert len([one for one in caplog.messages if "not said again" in one]) <= 1
    assert not any("s3cret" in one for one in caplog.messages)


def test_standard_output_has_room_for_one() -> None:
    assert choose([], on_terminal=False).line_of is LINES["json"]
    assert choose(["kv", "prometheus://localhost"], on_terminal=False).line_of is LINES["kv"]
    chosen = choose(["table"], on_terminal=True)
    assert (chosen.line_of, [one.name for one in chosen.outputs]) == (None, ["table"])
    for names in (["json", "kv"], ["table", "kv"], ["table", "table"]):
        with pytest.raises(UsageError, match="room for one"):
            choose(names, on_terminal=True)
    with pytest.raises(UsageError, match=r"-F: output 'xml'; allowed: json, kv, http, mqtt, prometheus, table"):
        choose(["xml"], on_terminal=True)
