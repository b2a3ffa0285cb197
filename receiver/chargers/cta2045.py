"""Commands in, events of basic demand response out to a charger with a CTA-2045 (EcoPort) socket, by RS-485.

We are its communication module: 19 200 baud, 8N1. Basic DR knows no amperes. A pause is a grid emergency (option
`pause`), a lower current a shed (option `partial`), of which the charger makes what its maker has decided; a limit of
`full_a` and more, and a release, end the event. Each event carries its own duration, rounded up, and is sent again
every `refresh_s` with the word that the outside communication is good; where no event holds, load up if the broadcast
asks for it. How the price stands to the mean of those known is said beside it, and the local time with `timezone`.

Without us: the event ends after its duration; a charger also returns to its normal operation after 15 min of silence.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self
from zoneinfo import ZoneInfo

from rds.errors import ChargerRefusedError, UsageError
from receiver.chargers._cta2045_link import Link
from receiver.chargers._cta2045_messages import (
    BASIC,
    INTERMEDIATE,
    Basic,
    Message,
    basic,
    duration_code,
    price_code,
    time_code,
)
from receiver.chargers._kept import KeptCharger
from receiver.chargers._options import choice, number, read_options
from receiver.chargers._serial_wire import open_wire, wire_address
from receiver.chargers.driver import PAUSE_MA, Advice, ChargerCommand, ChargerReading, Fallback, ProbeReport

BAUD_RATE: Final = 19_200
SILENCE_S: Final = 900
"""After this silence a charger gives up on its communication module (CTA-2045-B)."""
REPLY_S: Final = 3.0
"""How long an answer to a question, or a word on an event, may take after its ACK."""
EVENTS: Final = {
    "shed": Basic.SHED,
    "critical peak": Basic.CRITICAL_PEAK,
    "grid emergency": Basic.GRID_EMERGENCY,
}
STATES: Final = (
    "idle, normal",
    "running, normal",
    "running, curtailed",
    "running, heightened",
    "idle, curtailed",
    "error",
    "idle, heightened",
    "cycling, on",
    "cycling, off",
    "variable, following",
    "variable, not following",
    "idle, opted out",
    "running, opted out",
    "running, by price stream",
    "idle, by price stream",
)
"""Operating states (Table of clause 10.2.4)."""
FREE: Final = (1, 3, 6)
"""States of a charger that does not curtail; one that is idle and normal has nothing to curtail."""
OPTED_OUT: Final = (11, 12)
BROKEN: Final = 5
REASONS: Final = ("no reason", "the event is not supported", "a bad value", "busy", "a bad length", "customer override")
"""Why basic DR refuses (application NAK)."""
OVERRIDDEN: Final = 5
GOOD: Final = 1
"""Outside communication: found and good."""
COMMODITY_QUERY: Final = bytes((0x06, 0x00))
DESCRIPTION_QUERY: Final = bytes((0x01, 0x01))
EARLIEST: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""Before it the time is not known: it is then the stream's, from 2024 on."""
CONSUMED: Final = 0
"""The commodity code of electricity consumed."""


@dataclass(frozen=True, slots=True)
class Options:
    """The table of the driver `cta2045`.

    Attributes:
        url: The serial port's path, or tcp://HOST:PORT of a serial server.
        full_a: The charger's own highest current: a limit of this and more needs no event.
        pause: The event for a pause.
        partial: The event for a lower current.
        refresh_s: How often the event is sent again.
        timezone: Where the charger is, such as Europe/Berlin: then it is told the time of day. None: it is not.
    """

    url: str = "/dev/ttyUSB0"
    full_a: float = number(32.0, low=6, high=1000)
    pause: str = choice("grid emergency", *EVENTS)
    partial: str = choice("shed", *EVENTS)
    refresh_s: float = number(300.0, low=1, high=SILENCE_S / 2)
    timezone: str | None = None


class Driver(KeptCharger):
    """The communication module of one charger."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        super().__init__(f"charger cta2045 on {options.url}", refresh_s=options.refresh_s, answer_timeout_s=4 * REPLY_S)
        self._options = options
        self._address = wire_address(options.url, driver="cta2045", option="url")
        self._now = now
        self._link: Link | None = None
        self._said: dict[tuple[int, int, int], bytes] = {}
        """The charger's last message of each type and first operation code, of the few that we know."""
        self._intermediate = False
        self._override = False
        self._zone = None if options.timezone is None else _zone(options.timezone)
        self._not_known: set[Basic] = set()
        """What this charger has no use for, and is not told again."""
        self._priced = False
        """Whether it was told a price: then it is told when none is known any more."""

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="cta2045"), now)

    async def _connect(self) -> None:
        self._said.clear()
        self._not_known.clear()
        self._link = Link(await open_wire(self._address, baud_rate=BAUD_RATE), self._hear)
        await self._link.send(Message(BASIC, b""))  # no payload: is this type supported?
        self._intermediate = True
        try:
            await self._link.send(Message(INTERMEDIATE, b""))
        except ChargerRefusedError:
            self._intermediate = False

    def _hear(self, message: Message) -> None:
        if message.type not in (BASIC, INTERMEDIATE) or len(message.payload) < 2:
            return
        code, value = message.payload[:2]
        if message.type == BASIC and code == Basic.CUSTOMER_OVERRIDE:
            if self._override and not value:
                self._wake.set()  # the event may count again
            self._override = bool(value)
        elif message.type == INTERMEDIATE or code in (Basic.APP_ACK, Basic.APP_NAK, Basic.STATE):
            known = (Basic.APP_ACK, Basic.APP_NAK, Basic.STATE, COMMODITY_QUERY[0], DESCRIPTION_QUERY[0])
            if code in known:
                self._said[(*message.type, code)] = message.payload[1:]

    async def _write(self, command: ChargerCommand) -> int | None:
        await self._tell(basic(Basic.CONNECTION_STATUS, GOOD))
        event = self._event(command)
        if event.payload[0] == Basic.LOAD_UP:
            await self._mention(event)
            event = self._event(command)  # end shed, if it does not know load up
        if event.payload[0] != Basic.LOAD_UP:
            await self._tell(event)
        for message in self._news(command.advice):
            await self._mention(message)
        return None  # basic DR has no current that could be read back

    def _event(self, command: ChargerCommand) -> Message:
        seconds = None if command.until is None else (command.until - self._now()).total_seconds()
        over = seconds is not None and seconds <= 0
        if not command.restricted or over or command.limit_ma >= 1000 * self._options.full_a:
            return self._free(command.advice)
        name = self._options.pause if command.limit_ma == PAUSE_MA else self._options.partial
        return basic(EVENTS[name], duration_code(seconds))

    def _free(self, advice: Advice) -> Message:
        """What is said where nothing limits."""
        if advice.load_up_until is not None and Basic.LOAD_UP not in self._not_known:
            seconds = (advice.load_up_until - self._now()).total_seconds()
            if seconds > 0:
                return basic(Basic.LOAD_UP, duration_code(seconds))
        return basic(Basic.END_SHED)

    def _news(self, advice: Advice) -> Iterator[Message]:
        """What a charger may use and need not."""
        if advice.price_ratio is not None or self._priced:
            yield basic(Basic.PRICE, price_code(advice.price_ratio))
            yield basic(Basic.NEXT_PRICE, price_code(advice.next_price_ratio))
            self._priced = advice.price_ratio is not None
        if self._zone is not None and self._now() >= EARLIEST:
            yield basic(Basic.TIME_SYNC, time_code(self._now().astimezone(self._zone)))

    async def _mention(self, message: Message) -> None:
        """Tell what a charger need not know."""
        code = Basic(message.payload[0])
        if code not in self._not_known:
            try:
                await self._tell(message)
            except ChargerRefusedError:
                self._not_known.add(code)

    async def _tell(self, message: Message) -> None:
        """Send basic DR and wait for the charger's word on it. A customer's override is a word, not a refusal."""
        if self._link is None:
            raise ConnectionError("the wire is closed")
        for code in (Basic.APP_ACK, Basic.APP_NAK):
            self._said.pop((*BASIC, code), None)
        await self._link.send(message)
        reason = await self._link.until(lambda: self._word(message.payload[0]), REPLY_S)
        if reason == OVERRIDDEN:
            self._override = True
        elif reason >= 0:
            words = REASONS[reason] if reason < len(REASONS) else f"reason {reason}"
            raise ChargerRefusedError(
                f"{self._name}: it refused {Basic(message.payload[0]).name.lower().replace('_', ' ')}: {words}; "
                "set pause and partial to events that it knows"
            )

    def _word(self, code: int) -> int | None:
        """Minus one for a yes to this operation code, the reason of a no, None for nothing yet."""
        if self._said.get((*BASIC, Basic.APP_ACK), b"")[:1] == bytes((code,)):
            return -1
        refusal = self._said.get((*BASIC, Basic.APP_NAK))
        return None if refusal is None else refusal[0]

    async def _ask(self, message: Message, answer: int) -> bytes:
        """The charger's answer to a question, without its first operation code."""
        if self._link is None:
            raise ConnectionError("the wire is closed")
        key = (*message.type, answer)
        self._said.pop(key, None)
        await self._link.send(message)
        return await self._link.until(lambda: self._said.get(key), REPLY_S)

    async def _read(self) -> ChargerReading:
        state = (await self._ask(basic(Basic.QUERY_STATE), Basic.STATE))[0]
        alarms = []
        wanted = self._wanted
        curtails = wanted is not None and self._event(wanted).payload[0] in EVENTS.values()
        overridden = self._override or state in OPTED_OUT
        if state == BROKEN or state >= len(STATES):
            shown = STATES[state] if state < len(STATES) else f"state {state}, which CTA-2045 does not know"
            alarms.append(f"{self._name} says: {shown}; look at the charger")
        elif curtails and state in FREE and not overridden:
            alarms.append(f"{self._name} is {STATES[state]} though an event holds; it may not know events of this kind")
        return ChargerReading(
            energy_wh=await self._energy_wh(),
            overridden="opted out at the charger" if overridden else None,
            alarms=tuple(alarms),
        )

    async def _energy_wh(self) -> int | None:
        """The meter of a charger that speaks intermediate DR and has one: records of code, rate and sum (11.3.1)."""
        if not self._intermediate:
            return None
        with contextlib.suppress(TimeoutError, ChargerRefusedError):
            answer = await self._ask(Message(INTERMEDIATE, COMMODITY_QUERY), COMMODITY_QUERY[0])
            if answer[:2] == b"\x80\x00":
                records = [answer[start : start + 13] for start in range(2, len(answer) - 12, 13)]
                sums = [int.from_bytes(record[7:], "big") for record in records if record[0] & 0x7F == CONSUMED]
                return sums[0] if sums else None
        return None

    async def _identify(self) -> ProbeReport:
        found = "a charger that speaks basic DR"
        if self._intermediate:
            with contextlib.suppress(TimeoutError, ChargerRefusedError):
                found = _description(await self._ask(Message(INTERMEDIATE, DESCRIPTION_QUERY), DESCRIPTION_QUERY[0]))
        supports = (
            f"a pause as {self._options.pause}, any lower current as {self._options.partial}: no amperes",
            "operating state and customer override",
            *(("meter, if it has one",) if self._intermediate else ()),
        )
        words = f"an event ends after its own duration, or {SILENCE_S} s after our last word; then its normal operation"
        return ProbeReport(found, supports, Fallback(None, float(SILENCE_S), words))

    async def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise UsageError(
            f"charger cta2045 option timezone is {name!r}; allowed: a name such as Europe/Berlin"
        ) from None


def _description(answer: bytes) -> str:
    """Vendor and model from the device's description (11.1.1): code, version, vendor, kind, revision, abilities."""
    vendor = int.from_bytes(answer[4:6], "big")
    model = "".join(chr(byte) for byte in answer[15:30] if 0x20 <= byte < 0x7F).strip()
    return f"vendor {vendor:04X}, model {model or 'without a name'}"
