"""Messages in, acknowledged by the charger or refused; the charger's own messages acknowledged and handed on.

The link of CTA-2045-B, clause 6, from the communication module's side: each message is answered by ACK or NAK in 40 to
200 ms and sent again up to three times; a pause follows before the next. An adapter's echo of what we sent is passed
over.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, TypeVar

from rds.errors import ChargerRefusedError
from receiver.chargers._cta2045_messages import (
    ACK,
    BASIC,
    DATA_LINK,
    INTERMEDIATE,
    NAK,
    Damaged,
    Deframer,
    LinkAnswer,
    Message,
    Refusal,
    encode,
)
from receiver.chargers._serial_wire import Wire

TURN_S: Final = 0.04
"""Our own ACK comes no earlier."""
ANSWER_S: Final = 0.3
"""An ACK must come within 200 ms; the rest is for the adapter and a busy machine."""
GAP_S: Final = 0.1
"""The pause after an ACK before the next message."""
SILENCE_S: Final = 0.5
"""What has begun and is not whole by then never will be."""
TRIES: Final = 4
"""One, and three more."""
MAX_PAYLOAD_QUERY: Final = 0x18
MAX_PAYLOAD_ANSWER: Final = bytes((0x19, 0x00))
"""Two bytes are all that we take unasked: basic DR."""

Found = TypeVar("Found")


class Link:
    """One wire with a charger at its end.

    Args:
        wire: Open.
        hear: Called with each message of the charger, once it is acknowledged.
    """

    def __init__(self, wire: Wire, hear: Callable[[Message], None]) -> None:
        self._wire = wire
        self._hear = hear
        self._deframer = Deframer()
        self._answers: asyncio.Queue[LinkAnswer] = asyncio.Queue(maxsize=8)
        self._echo = b""
        self._heard = asyncio.Event()
        self._fault: OSError | None = None
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Stop listening and let go of the wire."""
        self._reading.cancel()
        await asyncio.wait((self._reading,))
        await self._wire.close()

    async def send(self, message: Message) -> None:
        """Return when the charger has acknowledged the message.

        Raises:
            ChargerRefusedError: it refused it for its kind.
            OSError: nobody acknowledged it.
        """
        cause = "no ACK"
        for _ in range(TRIES):
            await asyncio.sleep(GAP_S)
            while not self._answers.empty():
                self._answers.get_nowait()
            await self._write(encode(message))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_S):
                    answer = await self._answers.get()
                if answer.refusal is None:
                    return
                if answer.refusal in (Refusal.UNSUPPORTED_TYPE, Refusal.UNSUPPORTED_REQUEST):
                    kind = " ".join(f"{byte:02X}" for byte in (*message.type, *message.payload))
                    raise ChargerRefusedError(f"the charger takes no message {kind} (NAK {answer.refusal:02X})")
                cause = f"NAK {answer.refusal:02X}"
        raise ConnectionError(f"{cause} to {TRIES} tries")

    async def until(self, find: Callable[[], Found | None], within_s: float) -> Found:
        """What `find` finds once the charger has said it.

        Raises:
            TimeoutError: it has not.
            OSError: the wire is gone.
        """
        async with asyncio.timeout(within_s):
            while (found := find()) is None:
                if self._fault is not None:
                    raise self._fault
                self._heard.clear()
                await self._heard.wait()
        return found

    async def _write(self, data: bytes) -> None:
        if self._fault is not None:
            raise self._fault
        self._echo = data
        await self._wire.write(data)

    async def _read(self) -> None:
        """Take in what comes until the wire ends."""
        try:
            while True:
                try:
                    async with asyncio.timeout(SILENCE_S if self._deframer.is_amid else None):
                        data = await self._wire.read()
                    found = self._deframer.feed(self._without_echo(data))
                except TimeoutError:
                    found = self._deframer.flush()
                for one in found:
                    if isinstance(one, LinkAnswer):
                        with contextlib.suppress(asyncio.QueueFull):
                            self._answers.put_nowait(one)
                    else:
                        await self._acknowledge(one)
        except OSError as fault:
            self._fault = fault
            self._heard.set()

    def _without_echo(self, data: bytes) -> bytes:
        """What came beside the echo of what was sent last, which comes first or not at all."""
        same = 0
        while same < min(len(data), len(self._echo)) and data[same] == self._echo[same]:
            same += 1
        if same == len(data):  # all of it so far is echo
            self._echo = self._echo[same:]
            return b""
        whole = same == len(self._echo)
        self._echo = b""
        return data[same:] if whole else data

    async def _acknowledge(self, one: Message | Damaged) -> None:
        await asyncio.sleep(TURN_S)
        if isinstance(one, Damaged):
            await self._write(bytes((NAK, Refusal.CHECKSUM)))
        elif one.type not in (BASIC, INTERMEDIATE, DATA_LINK):
            await self._write(bytes((NAK, Refusal.UNSUPPORTED_TYPE)))
        else:
            await self._write(bytes((ACK, 0)))
            self._hear(one)
            self._heard.set()
            if one.type == DATA_LINK and one.payload[:1] == bytes((MAX_PAYLOAD_QUERY,)):
                await asyncio.sleep(GAP_S)
                await self._write(encode(Message(DATA_LINK, MAX_PAYLOAD_ANSWER)))
