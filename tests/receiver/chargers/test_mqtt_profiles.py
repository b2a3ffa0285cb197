"""The dialects of the driver `mqtt` without a broker: payloads by the makers' documents, then garbage."""

import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.chargers._mqtt_profile import Options, Profile
from receiver.chargers._mqtt_profiles import load_profile, profile_names
from receiver.chargers._mqtt_state import state
from receiver.chargers.driver import ChargerCommand
from receiver.chargers.mqtt import Driver

NOW = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
COMMAND = ChargerCommand(16000, moment=NOW, until=NOW + timedelta(hours=1), restricted=True, reason="test")
PAGE = Path(__file__).parents[3] / "docs" / "chargers" / "mqtt.md"


def make(profile: str, **options: object) -> Profile:
    return load_profile(profile)(replace(Options(profile=profile, evse_module="evse"), **options))  # type: ignore[arg-type]  # by name


def sent(profile: Profile, command: ChargerCommand = COMMAND) -> list[tuple[str, str]]:
    return [(one.topic, one.payload) for one in profile.publications(command, NOW)]


def test_everests_series_is_that_of_its_interface_and_ends_without_limits() -> None:
    """By hand from EVerest's external_energy_limits_consumer_API, version 1: names, required arrays, UTC times."""
    check, (topic, text) = sent(make("everest"))
    assert check == ("everest_api/1/external_energy_limits_consumer/external_limits/m2e/communication_check", "true")
    assert topic == "everest_api/1/external_energy_limits_consumer/external_limits/m2e/set_external_limits"
    limits = {"ac_max_current_A": {"value": 16.0, "source": "evrds"}}
    assert json.loads(text) == {
        "schedule_import": [
            {"timestamp": "2026-01-15T18:00:00.000Z", "limits_to_root": limits, "limits_to_leaves": limits},
            {"timestamp": "2026-01-15T19:00:00.000Z", "limits_to_root": {}, "limits_to_leaves": {}},
        ],
        "schedule_export": [],
        "schedule_setpoints": [],
    }


def test_everest_is_sent_no_limit_whose_end_has_passed() -> None:
    text = make("everest").publications(COMMAND, NOW + timedelta(hours=1))[1].payload
    [entry] = json.loads(text)["schedule_import"]
    assert entry["limits_to_root"] == {}


def test_openevse_claims_a_current_and_no_state_and_releases_a_pause_first() -> None:
    """By the firmware's src/mqtt.cpp: claim/set takes an object or the word release."""
    profile = make("openevse")
    topic = "openevse/claim/set"
    assert sent(profile) == [(topic, '{"max_current":16,"auto_release":false}')]
    assert sent(profile, replace(COMMAND, limit_ma=0)) == [(topic, '{"state":"disabled","auto_release":false}')]
    profile.hear("openevse/claim", '{"state":"disabled","auto_release":false}', 0)
    assert sent(profile)[0] == (topic, "release")
    assert sent(profile, replace(COMMAND, restricted=False)) == [(topic, "release")]


def test_evcc_is_set_through_its_setters_and_what_stood_there_is_remembered_first() -> None:
    """By evcc's server/mqtt.go: mode and maxCurrent below loadpoints/N, with /set."""
    profile = make("evcc", loadpoint=2, topic="home")
    for name, text in {"mode": "pv", "maxCurrent": "20.5"}.items():
        profile.hear(f"evcc/loadpoints/2/{name}", text, 0)
    assert sent(profile) == [
        ("home/evcc_before", '{"mode":"pv","limit_ma":20500,"paused":false}'),
        ("evcc/loadpoints/2/maxCurrent/set", "16"),
    ]
    assert sent(profile, replace(COMMAND, limit_ma=0))[1:] == [("evcc/loadpoints/2/mode/set", "off")]
    profile.hear("evcc/loadpoints/2/mode", "off", 0)
    profile.hear("evcc/loadpoints/2/maxCurrent", "16", 0)
    assert sent(profile, replace(COMMAND, limit_ma=32000, restricted=False)) == [
        ("evcc/loadpoints/2/maxCurrent/set", "20.5"),
        ("evcc/loadpoints/2/mode/set", "pv"),
        ("home/evcc_before", ""),
    ]


def test_what_was_off_before_us_stays_off() -> None:
    profile = make("evcc")
    for name, text in {"mode": "off", "maxCurrent": "32"}.items():
        profile.hear(f"evcc/loadpoints/1/{name}", text, 0)
    assert "evcc/loadpoints/1/mode/set" not in dict(sent(profile))
    sent(profile, replace(COMMAND, limit_ma=0))
    assert dict(sent(profile, replace(COMMAND, restricted=False)))["evcc/loadpoints/1/mode/set"] == "off"


def test_evcc_takes_no_memory_that_is_not_ours() -> None:
    profile = make("evcc")
    for text in (
        "{}",
        "[]",
        '{"mode":"pv","limit_ma":0,"paused":true}',
        '{"mode":"x","limit_ma":1,"paused":true}',
        "9" * 9,
    ):
        profile.hear("evrds/evcc_before", text, 0)
    assert sent(profile, replace(COMMAND, restricted=False)) == []


def test_an_end_that_is_not_known_is_said_so() -> None:
    said = {one.topic: one.payload for one in state(Options(), replace(COMMAND, until=None))}
    assert said["evrds/until"] == ""
    assert json.loads(said["evrds/command"])["until"] is None


NAMES = "state max_current value limits_root_side ac_max_current_A total energy_Wh_import L1 current_A mode countdown_s"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=3),
    max_leaves=8,
)
PAYLOADS = st.text(max_size=20) | JSON.map(json.dumps) | st.sampled_from(["1", "1e999", "nan", "-1", "[" * 5000, "off"])


@pytest.mark.parametrize("name", profile_names())
@given(data=st.data())
def test_whatever_is_said_is_a_reading_or_an_alarm_in_one_line(name: str, data: st.DataObject) -> None:
    profile = make(name)
    for _ in range(data.draw(st.integers(1, 6))):
        profile.hear(data.draw(st.sampled_from(profile.topics)), data.draw(PAYLOADS), 0)
        command = replace(
            COMMAND, limit_ma=data.draw(st.sampled_from([0, 6000, 16000])), restricted=data.draw(st.booleans())
        )
        assert all(json.dumps(one.payload) for one in profile.publications(command, NOW))
        profile.holds(command)
        profile.absence(0)
        found = profile.reading()
        assert all("\n" not in alarm and len(alarm) < 300 for alarm in found.alarms)
        assert all(value is None or value >= 0 for value in (found.limit_ma, found.current_ma, found.energy_wh))
        assert profile.report().found


def test_each_configuration_of_the_page_is_accepted() -> None:
    blocks = PAGE.read_text(encoding="utf-8").split("```toml\n")[1:]
    assert len(blocks) == 4
    for block in blocks:
        charger = tomllib.loads(block.split("```")[0])["charger"]
        assert charger.pop("driver") == "mqtt"
        charger.pop("ca_file", None)  # no such file here
        Driver.from_options(charger, lambda: NOW)
