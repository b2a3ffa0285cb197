"""`config check`: every complaint at once with file and line, the exit code of the first, and mere warnings."""

from pathlib import Path

import pytest

from receiver.cli import main
from tests.receiver.installation import install

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    install(tmp_path)
    return tmp_path / "12345.toml"


def change(config: Path, *changes: tuple[str, str]) -> None:
    text = config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    config.write_text(text)


def check(config: Path, capsys: Capture) -> tuple[int, list[str], str]:
    code = main(["config", "check", str(config)])
    output = capsys.readouterr()
    return code, [line.removeprefix(f"{config}:") for line in output.out.splitlines()], output.err


def test_a_sound_configuration_has_only_warnings(config: Path, capsys: Capture) -> None:
    code, lines, errors = check(config, capsys)
    # The root and operator of the tests are published.
    assert (code, lines[-1], errors) == (0, " nothing to complain of", "")
    assert lines[0].startswith("warning: test key: a root, key 1")


def test_without_a_state_file_it_is_said_that_nothing_is_remembered(config: Path, capsys: Capture) -> None:
    change(config, ("state = ", "# state = "))
    code, lines, _ = check(config, capsys)
    assert code == 0
    assert any("no state file is named" in line for line in lines)


def test_all_parts_complain_at_once(config: Path, capsys: Capture) -> None:
    change(config, ('"12345"', '"1234"'), ("rating_a = 32", "rating_a = 320"), ("network = 7", "network = 777"))
    change(config, ('driver = "simulated"', 'driver = 3\n[tiers]\ntier_2_a = 3\n[caps]\nevents = "many"'))
    code, lines, errors = check(config, capsys)
    assert code == 2
    assert sorted(int(line.partition(":")[0]) for line in lines) == [1, 3, 6, 14, 16]
    assert "6: rating_a = 320; allowed: 6..80" in lines
    assert errors == f"evrds-receiver: {config}: 5 complaints; mend them and check again\n"


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ("network = 7", "network = 9", 7, "5: "),
        ('["root.public.pem"]', '["operator.certificate.pem"]', 7, "5: "),
        ('"root.public.pem"', '"no.pem"', 2, "4: key or certificate "),
        ("rating_a", "ratting_a = 3\nrating_a", 2, "6: unknown field 'ratting_a'"),
        ('"simulated"', '"toaster"', 2, "11: charger driver is 'toaster'; allowed: "),
        ('"simulated"', '"simulated"\nspeed = 3', 2, "11: charger simulated has no option 'speed'"),
        ('"12345.sqlite3"', '"no/state"', 3, "7: state file "),
        ("[charger]", 'source = "no.cu8"\n[charger]', 3, "11: source no.cu8: no such file"),
        ("[charger]", "[charger", 2, "11: not TOML"),
    ],
)
def test_each_complaint_has_its_line_and_code(
    config: Path, capsys: Capture, old: str, new: str, code: int, message: str
) -> None:
    change(config, (old, new))
    found, lines, _ = check(config, capsys)
    assert found == code
    assert [line for line in lines if line.startswith(message)]


def test_of_several_chargers_the_one_is_named_by_its_line(config: Path, capsys: Capture) -> None:
    both = '[[charger]]\nname = "left"\n\n[[charger]]\nname = "right"\nspeed = 3\n'
    change(config, ('[charger]\ndriver = "simulated"\n', both))
    code, lines, _ = check(config, capsys)
    assert code == 2
    assert [line for line in lines if line.startswith("14: charger simulated has no option")]


def test_no_file_is_said_once(tmp_path: Path, capsys: Capture) -> None:
    code, lines, _ = check(tmp_path / "no.toml", capsys)
    assert (code, len(lines)) == (3, 1)
