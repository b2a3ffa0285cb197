"""An urgent envelope of which 20 of 30 groups are sent: it is heard; of which 19 are: it is not."""

import random
from pathlib import Path

import pytest

from encoder.app import modulate
from encoder.options import SignalOptions
from rds.hex_line import format_words
from receiver.app import DecodeOptions, decode_file
from tests.receiver.broadcast import Broadcast, curtail, keyring, signed

PASS = 30
LEAD = 12
"""Announcements before and after: a receiver takes a second to be sure of its block synchronisation."""


def messages(folder: Path, esis: list[int], rate_hz: int) -> list[object]:
    """What is heard of a run of which only these symbols are sent, between announcements."""
    broadcast = Broadcast()
    for _ in range(LEAD):
        broadcast.announce()
    broadcast.send(signed(curtail()), esis=esis)
    for _ in range(LEAD):
        broadcast.announce()
    (folder / "groups.hex").write_text("\n".join(format_words(group.words) for group in broadcast.groups))
    modulate(folder / "groups.hex", folder / "s.wav", options=SignalOptions(rate_hz=rate_hz))
    heard = decode_file(folder / "s.wav", DecodeOptions(keyring=keyring()))
    return [record for record in heard if record["type"] == "message"]


@pytest.mark.parametrize("seed", range(6))
def test_any_20_of_the_30_groups_are_enough_and_19_are_not(seed: int, tmp_path: Path) -> None:
    esis = sorted(random.Random(seed).sample(range(PASS), 20))
    [message] = messages(tmp_path, esis, 171_000)
    # No heartbeat has been heard, so the event waits; but its signature holds.
    assert isinstance(message, dict)
    assert (message["verdict"], message["message"]["name"], message["message"]["level"]) == ("waiting", "curtail", 16)
    assert messages(tmp_path, esis[:-1], 171_000) == []
