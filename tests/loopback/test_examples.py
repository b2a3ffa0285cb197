"""The files of examples/, used as their first lines say: the plan's evening moves the example's charger."""

import re
import shutil
from pathlib import Path

from receiver.chargers import load_driver
from receiver.clock import datetime_of
from receiver.config import read_config
from receiver.settings import ChargeBy, Prices
from tests.loopback.scripts import CLOCK, MADE, build, call

EXAMPLES = Path(__file__).parents[2] / "examples"


def install(folder: Path) -> None:
    """The examples and their keys, as after the first command of each."""
    for name in ("plan.toml", "receiver.toml"):
        shutil.copy(EXAMPLES / name, folder / name)
    call("encoder", "keys", "create", folder / "keys", "--network", "7", *MADE)


def test_the_examples_work_together(tmp_path: Path) -> None:
    install(tmp_path)
    build(tmp_path / "plan.toml", "--hex", tmp_path / "evening.hex")
    config = tmp_path / "receiver.toml"
    told = call("receiver", "run", config, "--source", tmp_path / "evening.hex", "--start-time", CLOCK)
    # The curtailment; the tier now, in which option medium takes 6 A, and the day's peak after it; the night.
    assert told.limits[:5] == [20, 16, 6, 6, 20]
    # The planned event of the next evening: down by the minute for a quarter of an hour, and back.
    *ramp, back = told.limits[5:]
    assert len(ramp) == 15
    assert ramp == sorted(ramp, reverse=True)
    assert (ramp[0], ramp[-1], back) == (19, 6, 20)
    assert {verdict for _, verdict in told.verdicts} == {"accepted", "repeat"}


def test_every_option_that_the_example_leaves_out_is_one(tmp_path: Path) -> None:
    install(tmp_path)
    path = tmp_path / "receiver.toml"
    text = path.read_text().replace('driver = "simulated"', "", 1).replace('"..."', f'"{"0A" * 16}"')
    path.write_text(re.sub(r"^# (?=\[|[a-z_0-9]+ = )", "", text, flags=re.MULTILINE))
    config = read_config(path)
    assert (config.settings.subgroup, config.settings.device_id) == (5, bytes([10] * 16))
    assert (config.state, config.source) == (tmp_path / "receiver.sqlite3", "evening.sigmf-meta")
    assert config.chargers[0].driver == "ocpp16"
    assert (config.settings.programme, config.settings.tiers_ma[4]) == (3, 0)
    assert config.settings.prices == Prices(978, ((300_000_000, 16_000), (450_000_000, 0)))
    assert config.settings.profile is not None
    assert config.settings.charge_by == ChargeBy(7 * 60, 4 * 3_600_000)
    load_driver("ocpp16").from_options(config.chargers[0].options, lambda: datetime_of(0))
