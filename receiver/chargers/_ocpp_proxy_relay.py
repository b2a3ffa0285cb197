"""A station's connection and the way to its operator in; what either sends to the other out, and our calls between.

Every message passes as it came, also one that is no OCPP. Hidden from the operator are only the answers to our own
calls, known by an id that was drawn at random for each, and the station's calls that `Listener.claims`.

A side has one call under way at a time (OCPP-J 1.6, 4.1.1): ours waits for the operator's to be answered, and the
operator's wait for ours. Answers wait for nothing. So calls keep their order and answers theirs.

While the operator is away the station is kept as long as it lacks nothing by it: it is cut off when a call of its own
was sent and can no longer be answered, or has waited `hold_s` to be sent. Then it does by itself what its operator has
set up for this: stations keep what they have to tell of transactions, and know whom they may charge.
"""

import asyncio
import contextlib
import logging
import random
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.frames import CloseCode

from rds.errors import ChargerRefusedError, DeviceLostError
from receiver.chargers._ocpp_proxy_message import (
    CALL,
    CALL_ERROR,
    Message,
    read_message,
    write_call,
    write_empty_result,
)

FIRST_PAUSE_S: Final = 0.5
LAST_PAUSE_S: Final = 60.0
REMEMBERED: Final = 64
"""As many calls of each side, and as many of our ids that were given up, are remembered."""
WAITING: Final = 32
"""As many messages wait for the operator; a station that sends more is not read until there is room."""
HELD_CALLS: Final = 8
"""As many calls of the operator wait for ours; more than one is against the protocol, and more than these just pass."""

_log = logging.getLogger(__name__)
Dial = Callable[[], Awaitable[ClientConnection]]


class Listener(Protocol):
    """Who hears what passes. What is said to it may be anything that is an OCPP-J message."""

    def station_calls(self, action: str, payload: Mapping[str, Any]) -> None:  # Any: JSON from the wire
        """The station has called."""

    def claims(self, action: str, payload: Mapping[str, Any]) -> bool:  # Any: JSON from the wire
        """Whether a call of the station is meant for us."""
        ...

    def operator_answers(
        self, action: str, asked: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> None:  # Any: JSON from the wire
        """The operator has answered a call of the station."""

    def station_answers(
        self, action: str, asked: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> None:  # Any: JSON from the wire
        """The station has answered a call of the operator."""


class Relay:
    """One connection of a station.

    Attributes:
        spoken: Set when the station has said something.
        answered: Set when the operator has answered it for the first time, so that it may be spoken to.
        operator_trouble: Why the operator is away, for the end of a sentence; None: it is there.
    """

    def __init__(
        self,
        name: str,
        station: ServerConnection,
        dial: Dial,
        *,
        listener: Listener,
        hold_s: float,
        answer_timeout_s: float,
    ) -> None:
        self.spoken = asyncio.Event()
        self.answered = asyncio.Event()
        self.operator_trouble: str | None = "not reached yet"
        self._name = name
        self._station = station
        self._dial = dial
        self._listener = listener
        self._hold_s = hold_s
        self._answer_timeout_s = answer_timeout_s
        self._operator: ClientConnection | None = None
        self._connected = asyncio.Event()
        self._to_operator: asyncio.Queue[tuple[str | bytes, Message | None]] = asyncio.Queue(WAITING)
        self._awaited: str | None = None
        self._station_calls: dict[str, Message] = {}
        self._operator_calls: dict[str, Message] = {}
        self._unanswered: set[str] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._held: deque[tuple[str | bytes, Message]] = deque()
        self._turn = asyncio.Lock()
        self._ours: tuple[str, asyncio.Future[Message]] | None = None
        self._given_up: deque[str] = deque(maxlen=REMEMBERED)

    async def run(self) -> None:
        """Pass messages until the station is gone, or is cut off. Then the operator's connection ends too."""
        tasks = [asyncio.create_task(part()) for part in (self._hear_station, self._keep_operator, self._feed_operator)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._quiet.set()
            if self._ours is not None and not self._ours[1].done():
                self._ours[1].set_exception(ConnectionClosed(None, None))
            for connection in (self._operator, self._station):
                if connection is not None:
                    await connection.close(CloseCode.GOING_AWAY)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, ConnectionClosed):
                _log.error("charge point %s is cut off: %s", self._name, result, exc_info=result)

    async def ask(self, action: str, payload: Mapping[str, object]) -> dict[str, Any]:  # Any: JSON from the wire
        """Send the station a call of our own and wait for its answer.

        Raises:
            ChargerRefusedError: it answered with an error.
            DeviceLostError: it did not answer or is gone.
        """
        async with self._turn:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._answer_timeout_s):
                    await self._quiet.wait()
            self._unanswered.clear()  # an operator's call that is not answered by now delays nobody any more
            unique_id = f"evrds-{secrets.token_hex(15)}"  # 36 characters, as many as OCPP 2.x allows
            answered: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
            self._ours = unique_id, answered
            try:
                await self._station.send(write_call(unique_id, action, payload))
                async with asyncio.timeout(self._answer_timeout_s):
                    message = await answered
            except ConnectionClosed as gone:
                raise DeviceLostError(
                    f"charge point {self._name} closed the connection before it answered {action}; look at its link"
                ) from gone
            except TimeoutError as late:
                raise DeviceLostError(
                    f"charge point {self._name} did not answer {action} in {self._answer_timeout_s:g} s; "
                    "look at its link"
                ) from late
            finally:
                self._given_up.append(unique_id)
                self._ours = None
                await self._pass_held()
        if message.kind == CALL_ERROR:
            raise ChargerRefusedError(
                f"charge point {self._name} answered {action} with an error: {message.action[:60]!r}; "
                "look whether it knows smart charging"
            )
        return message.payload

    async def _hear_station(self) -> None:
        async for text in self._station:
            message = read_message(text)
            if message is None:
                await self._to_operator.put((text, None))
            elif message.kind == CALL:
                if self._listener.claims(message.action, message.payload):
                    await self._station.send(write_empty_result(message.unique_id))
                else:
                    _remember(self._station_calls, message)
                    self._listener.station_calls(message.action, message.payload)
                    await self._to_operator.put((text, message))
            elif not self._is_ours(message):
                asked = self._operator_calls.pop(message.unique_id, None)
                if asked is not None and message.kind != CALL_ERROR:
                    self._listener.station_answers(asked.action, asked.payload, message.payload)
                self._settle(message.unique_id)
                await self._to_operator.put((text, message))
            self.spoken.set()

    def _is_ours(self, message: Message) -> bool:
        """Whether an answer is to a call of ours; if we still wait for it, it is handed on."""
        if self._ours is not None and message.unique_id == self._ours[0]:
            if not self._ours[1].done():
                self._ours[1].set_result(message)
            return True
        return message.unique_id in self._given_up

    def _settle(self, unique_id: str) -> None:
        self._unanswered.discard(unique_id)
        if not self._unanswered:
            self._quiet.set()

    async def _feed_operator(self) -> None:
        """What waits for the operator to the operator; returns when a call has waited too long."""
        while True:
            text, message = await self._to_operator.get()
            is_call = message is not None and message.kind == CALL
            while True:
                try:
                    async with asyncio.timeout(self._hold_s):
                        await self._connected.wait()
                except TimeoutError:
                    if is_call:
                        _log.warning("charge point %s is cut off: its operator is away", self._name)
                        return
                    break  # an answer that nobody waits for any more, or no message
                if self._operator is None:
                    continue  # gone again in the meantime
                if message is not None and is_call:
                    self._awaited = message.unique_id  # the station has given up any earlier one
                with contextlib.suppress(ConnectionClosed):
                    await self._operator.send(text)
                break

    async def _keep_operator(self) -> None:
        """Connect to the operator, again and again; returns when the station waits for an answer that will not come."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                operator = await self._dial()
            except (OSError, InvalidHandshake, EOFError, ValueError) as fault:  # TimeoutError is an OSError
                self.operator_trouble = " ".join(str(fault).split())[:200] or type(fault).__name__
                _log.warning("charge point %s: its operator is away: %s", self._name, self.operator_trouble)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1))
                pause_s = min(2 * pause_s, LAST_PAUSE_S)
                continue
            self._operator, self.operator_trouble = operator, None
            self._connected.set()
            heard = False
            with contextlib.suppress(ConnectionClosed):
                async for text in operator:
                    heard = True
                    await self._hear_operator(text)
            self._connected.clear()
            self._operator, self.operator_trouble = None, "closed the connection"
            self._forget_operator_calls()
            if self._awaited is not None:
                _log.warning("charge point %s is cut off: its operator went before it answered", self._name)
                return
            pause_s = FIRST_PAUSE_S if heard else min(2 * pause_s, LAST_PAUSE_S)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1))

    async def _hear_operator(self, text: str | bytes) -> None:
        message = read_message(text)
        if message is None:
            await self._station.send(text)
        elif message.kind == CALL:
            if (self._ours is not None or self._held) and len(self._held) < HELD_CALLS:
                self._held.append((text, message))
            else:
                await self._pass_call(text, message)
        else:
            if message.unique_id == self._awaited:
                self._awaited = None
            asked = self._station_calls.pop(message.unique_id, None)
            if asked is not None and message.kind != CALL_ERROR:
                self._listener.operator_answers(asked.action, asked.payload, message.payload)
            await self._station.send(text)
            self.answered.set()

    async def _pass_call(self, text: str | bytes, message: Message) -> None:
        _remember(self._operator_calls, message)
        self._unanswered.add(message.unique_id)
        self._unanswered.intersection_update(self._operator_calls)
        self._quiet.clear()
        await self._station.send(text)

    async def _pass_held(self) -> None:
        """The operator's calls that have waited for ours, in order."""
        with contextlib.suppress(ConnectionClosed):
            while self._held:
                await self._pass_call(*self._held.popleft())

    def _forget_operator_calls(self) -> None:
        """Whoever asked is gone: what the station still answers is for nobody."""
        self._given_up.extend(self._operator_calls)
        self._operator_calls.clear()
        self._unanswered.clear()
        self._held.clear()
        self._quiet.set()


def _remember(calls: dict[str, Message], message: Message) -> None:
    calls[message.unique_id] = message
    if len(calls) > REMEMBERED:
        del calls[next(iter(calls))]
