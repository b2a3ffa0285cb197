"""A plan's signal through `run --record`: the order is in the recording, which is decoded and believed by itself."""

from pathlib import Path

import pytest
import sigmf

from tests.loopback.scripts import CLOCK, CURTAIL, build, call, decode, make_network, trust

CONFIG = """regions = ["12345"]
network = 7
roots = ["root.public.pem"]
certificates = ["operator.certificate.pem"]
rating_a = 32
[charger]
driver = "simulated"
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, a configuration, and 32 s of IQ with an order from its 12th second on."""
    folder = tmp_path_factory.mktemp("network")
    plan = make_network(folder, messages=CURTAIL)
    build(plan, "--iq", folder / "s.cu8", "--rate", "250k", "--seconds", "32")
    (folder / "charger.toml").write_text(CONFIG)
    return folder


def test_the_recording_around_an_order_holds_the_order(network: Path, tmp_path: Path) -> None:
    ran = call(
        "receiver", "run", network / "charger.toml", "--source", network / "s.cu8", "--rate", "250k",
        "--start-time", CLOCK, "--record", tmp_path, "--record-before", "11", "--record-after", "4",
    )  # fmt: skip
    assert ran.limits[:2] == [32, 16]
    assert "the last 11 s are kept in " in ran.err
    [meta] = tmp_path.glob("20261201T1700??Z_curtail.sigmf-meta")
    recording = sigmf.fromfile(str(meta))
    recording.validate()
    [order] = [one["seconds"] for one in ran.messages if one["message"]["name"] == "curtail"][:1]
    [capture] = recording.get_captures()
    assert capture["core:global_index"] == pytest.approx(max(0, order - 11) * 250_000, abs=1)
    assert meta.with_suffix(".sigmf-data").stat().st_size == pytest.approx(2 * 15 * 250_000, abs=2)
    assert len(recording.get_annotations()) >= 165
    # Its own metadata give the time by which the order counts.
    assert ("curtail", "accepted") in decode(meta, *trust(network)).verdicts
