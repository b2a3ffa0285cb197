"""Records and groups to what the page shows: service and its age, limits, refusals, block errors."""

from pathlib import Path
from typing import Any

import pytest

from receiver.config import read_config
from receiver.following import StationGroup
from receiver.listening import Listening
from receiver.received_group import ReceivedGroup
from receiver.sources.stream import SourceOptions
from receiver.web.board import HISTORY_S, SILENT_S, Board
from tests.receiver.installation import install

STATION = (0x1234, 0x0408, 0xE0CD, 0x4556)
ANNOUNCEMENT = (0x1234, 0x3016, 0x0000, 0xC0DE)
NOTHING = (None, None, None, None)
Shown = Any  # a tree of JSON


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def board(tmp_path: Path, watch: Watch) -> Board:
    install(tmp_path)
    listening = Listening(str(tmp_path / "groups.hex"), SourceOptions())
    return Board(read_config(tmp_path / "12345.toml"), listening, clock=watch)


def groups(*words: tuple[int | None, ...], start_s: float = 0.0) -> list[StationGroup]:
    made: list[Any] = list(words)
    return [(0, ReceivedGroup(one, 104 * number, start_s + 0.0876 * (number + 1))) for number, one in enumerate(made)]


def message(name: str, verdict: str = "accepted") -> dict[str, object]:
    return {"type": "message", "verdict": verdict, "why": None, "time": None, "message": {"name": name}}


def state(board: Board) -> str:
    shown: Shown = board.standing()
    return str(shown["service"]["state"])


def test_the_service_from_silence_to_proof_to_loss(board: Board, watch: Watch) -> None:
    assert state(board) == "silence"
    board.hear(groups(STATION, STATION), None)
    assert state(board) == "absent"
    board.hear(groups(ANNOUNCEMENT), None)
    assert state(board) == "unproven"
    board.tell(message("heartbeat", "bad signature"))
    assert state(board) == "unproven", "what is forged proves nothing"
    board.tell(message("heartbeat"))
    watch.now_s += 240
    shown: Shown = board.standing()
    assert shown["service"] == {"state": "authentic", "age_s": 240.0, "silent_s": 240.0}
    board.tell(message("curtail"))
    watch.now_s += 61
    board.hear(groups(STATION), None)
    assert state(board) == "lost", "heartbeats alone count once there were any, as for the receiver itself"
    watch.now_s += SILENT_S + 1
    assert state(board) == "silence"


def test_a_signature_that_holds_is_proof_before_the_first_heartbeat(board: Board) -> None:
    board.tell({"type": "bulletin", "verdict": "accepted"})
    assert state(board) == "authentic"


def test_limit_charger_refusal_and_warnings_are_the_last_told(board: Board, watch: Watch) -> None:
    limit: dict[str, object] = {
        "type": "limit",
        "charger": None,
        "limit_a": 16.0,
        "restricted": True,
        "reason": "so",
        "terms": [],
    }
    board.tell(limit | {"limit_a": 32.0})
    board.tell(limit | {"warnings": ["test keys"]})
    board.tell({"type": "charger", "name": None, "driver": "simulated", "error": "gone", "alarms": []})
    board.tell({"type": "state", "error": "disk full"})
    board.tell(message("halt", "bad signature"))
    board.tell(message("halt", "replay"))
    watch.now_s += 5
    shown: Shown = board.standing()
    [charger] = shown["chargers"]
    assert (charger["name"], charger["local_a"], charger["limit"]["limit_a"]) == ("", 32.0, 16.0)
    assert charger["said"]["error"] == "gone"
    assert (shown["warnings"], shown["state_error"]) == (["test keys"], "disk full")
    assert (shown["refused"]["count"], shown["refused"]["age_s"]) == (2, 5.0)
    assert shown["refused"]["last"]["verdict"] == "replay"


def test_block_errors_by_the_second_worked_by_hand(board: Board) -> None:
    board.hear(groups(STATION, (0x1234, None, None, None), start_s=0), None)
    board.hear(groups(NOTHING, start_s=3), None)
    shown: Shown = board.reception()
    assert shown["bler"] == [[0, 0.375], [1, None], [2, None], [3, 1.0]]
    assert shown["types"] == {"0A": 1}
    assert [one["words"] for one in shown["groups"]] == ["1234 ---- ---- ----", "1234 0408 E0CD 4556"]


def test_what_is_kept_does_not_grow(board: Board) -> None:
    for second in range(3 * HISTORY_S):
        board.hear(groups(STATION, start_s=second), None)
    board.hear(groups(STATION, start_s=1e9), None)
    shown: Shown = board.reception()
    assert len(shown["bler"]) == HISTORY_S
    assert shown["bler"][-1] == [10**9, 0.0]
