"""A charge point's connection in, its answers to our calls and the time that it was told out: every OCPP version.

OCPP-J lets each side have one call under way (OCPP-J 1.6, 4.1.1; 2.0.1, part 4, 4.1.1); the library holds to that.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Final

from ocpp.charge_point import ChargePoint
from ocpp.exceptions import NotImplementedError as UnknownActionError
from ocpp.exceptions import OCPPError, UnknownCallErrorCodeError
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from rds.errors import ChargerRefusedError, DeviceLostError, EvrdsError
from receiver.chargers._ocpp_hub import WIRE_LOG
from receiver.chargers._ocpp_time import format_time

EXTRA_ANSWER_S: Final = 5.0
"""How long to wait for an answer that we can do without."""
CLOCK_TOLERANCE: Final = timedelta(seconds=2)
QUEUED_ANSWERS: Final = 16
"""Answers that nobody asked for and that are kept until the next call; more are dropped."""
TOLD_CHARACTERS: Final = 200
"""As much of a charge point's own words stands in an error."""


class Clock:
    """A moment of the chain's time and when it was: whether the chain's time has jumped since."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._at_s = time.monotonic()

    def has_jumped(self, now: datetime) -> bool:
        """Whether less or more time has passed than did."""
        return abs(now - self._now - timedelta(seconds=time.monotonic() - self._at_s)) >= CLOCK_TOLERANCE


class Link(ChargePoint):
    """A charge point from its connection to its end.

    Attributes:
        spoken: Set when the charge point has said something, so that it may be spoken to.

    Args:
        name: What the charge point calls itself.
        connection: Its websocket.
        version: The library's folder for the version that was agreed upon, such as `ocpp.v201`.
        now: The chain's time.
        answer_timeout_s: How long it may take for an answer.
    """

    def __init__(
        self,
        name: str,
        connection: ServerConnection,
        *,
        version: ModuleType,
        now: Callable[[], datetime],
        answer_timeout_s: float,
    ) -> None:
        self._call_result = version.call_result
        self._ocpp_version = version.ChargePoint._ocpp_version
        super().__init__(name, connection, response_timeout=answer_timeout_s, logger=WIRE_LOG)
        # The library's queue has no bound, and whatever looks like an answer lands in it.
        self._response_queue: asyncio.Queue[object] = asyncio.Queue(maxsize=QUEUED_ANSWERS)
        self.spoken = asyncio.Event()
        self._now = now
        self._answer_timeout_s = answer_timeout_s
        self._told: Clock | None = None
        self._was_told = asyncio.Event()

    async def receive(self) -> None:
        """Answer the charge point until the connection ends. Nothing that it sends ends it from our side."""
        with contextlib.suppress(ConnectionClosed):
            async for message in self._connection:
                try:
                    await self.route_message(message)
                except ConnectionClosed:
                    raise
                except Exception as fault:  # the library lets RecursionError, TypeError and more out for nonsense
                    WIRE_LOG.debug("%s: no OCPP message (%s)", self.id, type(fault).__name__)
                self.spoken.set()

    async def _handle_call(self, message: Any) -> None:  # Any: the library's messages have no types
        """As the library does, but an action without a handler is answered in 2.1 too, where it says nothing."""
        if message.action not in self.route_map:
            raise UnknownActionError(details={"cause": "not served here"})
        await super()._handle_call(message)

    async def ask_if_able(
        self, request: object, *, lenient: bool = False
    ) -> Any:  # Any: the answers of the library have no types
        """The answer to a call that charge points need not know, or None. See `ask`."""
        try:
            async with asyncio.timeout(EXTRA_ANSWER_S):
                return await self.ask(request, lenient=lenient)
        except (TimeoutError, EvrdsError):
            return None

    async def ask(
        self, request: object, *, lenient: bool = False
    ) -> Any:  # Any: the answers of the library have no types
        """Send a call and wait for its answer, or for the end of the connection, which the library would sit out.

        Args:
            request: The call.
            lenient: Take an answer that its schema forbids. Who asks so looks at each value of it.

        Raises:
            ChargerRefusedError: it answered with an error or with what is no answer to this.
            DeviceLostError: it did not answer, or closed the connection.
        """
        action = type(request).__name__
        answer = asyncio.create_task(self.call(request, suppress=False, skip_schema_validation=lenient))
        closed = asyncio.create_task(self._connection.wait_closed())
        try:
            await asyncio.wait((answer, closed), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise DeviceLostError(
                    f"charge point {self.id} closed the connection before it answered {action}; look at its link"
                )
            return answer.result()
        except ConnectionClosed as gone:
            raise DeviceLostError(
                f"charge point {self.id} closed the connection before {action}; look at its link"
            ) from gone
        except TimeoutError as late:
            raise DeviceLostError(
                f"charge point {self.id} did not answer {action} in {self._answer_timeout_s:g} s; look at its link"
            ) from late
        except (OCPPError, UnknownCallErrorCodeError, TypeError, RecursionError) as refusal:
            text = " ".join(str(refusal).split())[:TOLD_CHARACTERS]
            raise ChargerRefusedError(f"charge point {self.id} answered {action} with an error: {text}") from refusal
        finally:
            answer.cancel()
            closed.cancel()

    async def set_clock(self, trigger: object) -> None:
        """Make the charge point ask for the time if its own is not ours: it reads a profile's times on its clock.

        Args:
            trigger: The call by which it is asked for a heartbeat.
        """
        if self._told is not None and not self._told.has_jumped(self._now()):
            return
        self._told = Clock(self._now())  # once is enough for a charge point that cannot be made to ask
        self._was_told.clear()
        answer = await self.ask_if_able(trigger)
        if answer is not None and answer.status == "Accepted":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._was_told.wait(), EXTRA_ANSWER_S)

    def tell_time(self) -> str:
        """The chain's time as OCPP writes it, for an answer."""
        now = self._now()
        if self._told is not None and self._told.has_jumped(now):
            self.hear_jump()
        self._told = Clock(now)
        self._was_told.set()
        return format_time(now)

    def hear_jump(self) -> None:
        """The charge point is told another time than it had: what it holds of ours was meant on another clock."""
