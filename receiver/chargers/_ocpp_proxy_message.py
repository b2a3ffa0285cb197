"""A text from the wire in, the OCPP-J message that it is out, as far as it is one (OCPP-J 1.6, 4; 2.0.1, part 4)."""

import json
from dataclasses import dataclass
from typing import Any, Final

CALL: Final = 2
CALL_RESULT: Final = 3
CALL_ERROR: Final = 4


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says.

    Attributes:
        kind: CALL, CALL_RESULT or CALL_ERROR.
        unique_id: Its id, or that of the call that it answers.
        action: Of a call; the error code of a CALL_ERROR; else empty.
        payload: An object; empty for a CALL_ERROR.
    """

    kind: int
    unique_id: str
    action: str
    payload: dict[str, Any]  # Any: JSON from the wire


def read_message(text: str | bytes) -> Message | None:
    """The message in a text; None for everything else: binary, no JSON, another kind, parts of a wrong type."""
    if isinstance(text, bytes):
        return None
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match parts:
        case [2, str(unique_id), str(action), dict(payload)]:
            return Message(CALL, unique_id, action, payload)
        case [3, str(unique_id), dict(payload)]:
            return Message(CALL_RESULT, unique_id, "", payload)
        case [4, str(unique_id), str(code), *_]:
            return Message(CALL_ERROR, unique_id, code, {})
    return None


def write_call(unique_id: str, action: str, payload: object) -> str:
    """The text of a call."""
    return json.dumps([CALL, unique_id, action, payload], separators=(",", ":"))


def write_empty_result(unique_id: str) -> str:
    """The text of an answer that says nothing but yes."""
    return json.dumps([CALL_RESULT, unique_id, {}], separators=(",", ":"))
