"""The unit, rules and container of examples/ in; out: they parse, and name options and commands that there are."""

import configparser
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.cli import _parser

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "examples" / "systemd" / "evrds-receiver.service"
RULES = ROOT / "examples" / "systemd" / "99-evrds-rtlsdr.rules"
CONTAINER = ROOT / "examples" / "container" / "Containerfile"


def accepted(words: list[str]) -> bool:
    """Whether the command line knows them."""
    try:
        _parser().parse_args(words)
    except SystemExit:
        return False
    return True


def test_the_unit_calls_the_receiver_with_options_that_it_has() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    unit.read_string(UNIT.read_text())
    service = unit["Service"]
    program, *words = service["ExecStart"].split()
    options = re.findall(r"OPTIONS=(\S.*)", UNIT.read_text())
    assert program.endswith("/evrds-receiver")
    assert [words for option in ["", *options] if not accepted(words[:-1] + option.split())] == []
    assert words[-1] == "$OPTIONS"
    assert (service["Type"], service["DynamicUser"], service["Restart"]) == ("notify", "yes", "on-failure")
    assert service["StateDirectory"] in UNIT.read_text().partition("state = ")[2]


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("needs systemd-analyze")
    # The program is not installed here; any other that may be run stands for it.
    text = UNIT.read_text().replace("/opt/evrds/bin/evrds-receiver", sys.executable)
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    result = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    copy.write_text(text.replace("WatchdogSec=", "WatchdogSecs="))
    result = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, timeout=60)
    assert "WatchdogSecs" in result.stderr


def test_the_rules_are_matches_and_assignments() -> None:
    lines = [line for line in RULES.read_text().splitlines() if line and not line.startswith("#")]
    assert any('ATTR{idVendor}=="0bda"' in line and 'ATTR{idProduct}=="2838"' in line for line in lines)
    for line in lines:
        parts = line.split(", ")
        assert all(re.fullmatch(r'[A-Z]+(\{\w+\})?(==|=)"[^"]+"', part) for part in parts), line
    blacklist = (RULES.parent / "evrds-rtlsdr.conf").read_text().splitlines()
    assert "blacklist dvb_usb_rtl28xxu" in blacklist


def test_the_container_has_no_root_and_runs_commands_that_there_are() -> None:
    text = CONTAINER.read_text().replace("\\\n", " ")
    calls = [json.loads(found) for found in re.findall(r"(?:CMD|ENTRYPOINT) (\[.*\])", text)]
    health, entry, run = calls
    assert accepted(health[1:])
    assert accepted(run)
    assert health[:1] == entry
    last_stage = text[text.rindex("FROM ") :]
    assert last_stage.index("USER evrds") < last_stage.index("ENTRYPOINT")
