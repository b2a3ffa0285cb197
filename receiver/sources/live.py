"""A radio that comes and goes to a live stream: threads that read and watch it, and reopen it when it is gone.

A reader's thread takes what the radio gives; a keeper's opens it, sets its gain, watches that samples flow, and closes
and opens it again when they do not. Who asks for the pieces waits for neither.
"""

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from rds.errors import DeviceAbsentError, DeviceLostError, EvrdsError
from receiver.sources.gain import GainSearch
from receiver.sources.inflow import Codes, Inflow
from receiver.sources.stream import Gap, LiveStream, SourceOptions
from receiver.sources.tuning import Tuning

WATCHDOG_S: Final = 3.0
"""Without a sample for so long, a radio is closed and opened again."""
_CLOSES_S: Final = 5.0
"""In which a reader must end when it is told to; one that hangs in its driver only the end of the process frees."""
_BACKOFF_S: Final = (0.25, 0.5, 1.0, 2.0, 5.0)
_NOTICES_S: Final = 0.05
"""How soon the keeper does."""

_log = logging.getLogger(__name__)


class Radio(Protocol):
    """A stick or server that is open and tuned."""

    gain_steps: int
    """How many gains it has; 0: its gain cannot be chosen from a table."""

    def set_gain_step(self, step: int) -> str:
        """Sets a gain by its place in the table, from the lowest; what it is called. Never raises."""
        ...

    def read(self, take: Callable[[bytes], None]) -> str:
        """Gives what arrives, until the radio is gone or told to stop; why it ended, in a few words."""
        ...

    def stop(self) -> None:
        """Ends `read` from another thread. Never raises."""
        ...

    def close(self) -> None:
        """Frees it; `read` has ended. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """How a kind of radio is opened."""

    name: str
    open_radio: Callable[[], Radio]
    """Raises DeviceAbsentError while there is none."""
    silence_s: float
    """What is a silence and no hiccup."""


def live_stream(source: Source, tuning: Tuning, options: SourceOptions) -> LiveStream:
    """The stream of a radio, which is opened now.

    Raises:
        DeviceAbsentError: it cannot be opened, and the options do not say to wait.
        UsageError: what it needs is not installed.
    """
    keeper = _Keeper(source, tuning, options)
    keeper.open_first()
    pieces = keeper.pieces()
    # A stream that nobody reads any more, or a process that ends, leaves no thread in a driver.
    weakref.finalize(pieces, keeper.close)
    return LiveStream(
        rate_hz=tuning.exact_rate_hz,
        notes=tuning.notes(source.name),
        centre_hz=tuning.centre_hz,
        offset_hz=tuning.offset_hz,
        pieces=pieces,
    )


class _Keeper:
    """Holds a radio and its threads."""

    def __init__(self, source: Source, tuning: Tuning, options: SourceOptions) -> None:
        self._source, self._rate_hz = source, tuning.exact_rate_hz
        self._by_level = tuning.gain_db is None
        self._options = options
        self._inflow = Inflow(self._rate_hz, silence_s=source.silence_s)
        self._gain: GainSearch | None = None
        self._gain_name = ""
        self._radio: Radio | None = None
        self._lock = threading.Condition()
        """Guards the inflow and what follows."""
        self._arrived_s: float | None = None
        """When samples came last."""
        self._fault: Exception | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"keeper of {source.name}", daemon=True)

    def open_first(self) -> None:
        """Opens the radio, or says that it is waited for."""
        try:
            self._radio = self._source.open_radio()
        except DeviceAbsentError as error:
            if not self._options.wait:
                raise
            _log.warning("%s; waiting for it", error)

    def pieces(self) -> Iterator[Codes | Gap]:
        """What the stream gives."""
        if self._radio is None:
            self._inflow.start(time.monotonic())
        self._thread.start()
        try:
            while True:
                yield self._next_piece()
        finally:
            self.close()

    def _next_piece(self) -> Codes | Gap:
        with self._lock:
            while True:
                if self._fault is not None and self._inflow.is_empty:
                    raise self._fault
                piece = self._inflow.get(time.monotonic())
                if piece is not None:
                    return piece
                self._lock.wait(self._source.silence_s / 4)

    def close(self) -> None:
        """Ends the threads and frees the radio."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSES_S + 1)
        if self._radio is not None:  # It was never read.
            self._radio.close()
            self._radio = None

    def _keep(self) -> None:
        """The keeper's thread: what ends it is told to who reads."""
        try:
            self._keep_open()
        except Exception as error:  # whatever it is, who reads the pieces must know
            with self._lock:
                self._fault = error
                self._lock.notify_all()

    def _keep_open(self) -> None:
        since_s, said, tries = time.monotonic(), "", 0
        while not self._closing.is_set():
            error: EvrdsError | None = None
            try:
                radio = self._radio or self._source.open_radio()
            except DeviceAbsentError as absent:
                error = absent
                if str(error) != said:
                    said = str(error)
                    _log.warning("%s; trying again", error)
            else:
                self._radio, before_s = None, self._arrived_s
                why = self._read(radio)
                if self._closing.is_set():
                    return
                if self._arrived_s is not None and self._arrived_s != before_s:
                    since_s, said, tries = self._arrived_s, "", 0
                    _log.warning("%s: %s; opening it again", self._source.name, why)
                    continue
                error = DeviceLostError(f"{self._source.name}: {why}")
            if time.monotonic() - since_s >= self._options.patience_s:
                raise self._lost(error)
            self._closing.wait(_BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)])
            tries += 1

    def _lost(self, error: EvrdsError) -> EvrdsError:
        """What is said at the end."""
        if self._arrived_s is None:
            return error
        minutes = self._options.patience_s / 60
        tried = f" after {minutes:.3g} min of trying" if minutes else ""
        return DeviceLostError(f"{error}; it was there and is lost{tried}")

    def _read(self, radio: Radio) -> str:
        """Reads a radio until it is gone, silent or no longer wanted; why. It is closed then."""
        ended, said = threading.Event(), "it ended"

        def read() -> None:
            nonlocal said
            try:
                said = radio.read(self._take)
            except Exception as error:  # a driver's, of any kind; the radio is opened again
                said = f"{type(error).__name__}: {error}"
            finally:
                ended.set()

        if self._by_level and (self._gain is None or self._gain.steps != radio.gain_steps):
            self._gain = GainSearch(radio.gain_steps, self._rate_hz)
        self._set_gain(radio)
        threading.Thread(target=read, name=f"reader of {self._source.name}", daemon=True).start()
        why = self._watch(radio, ended)
        self._stop(radio, ended)
        radio.close()
        with self._lock:
            self._inflow.why = why = why or said
            self._inflow.reopened()
        return why

    def _watch(self, radio: Radio, ended: threading.Event) -> str | None:
        """Until the reader has ended or is to end; why it is to."""
        opened_s = time.monotonic()
        while not ended.wait(_NOTICES_S) and not self._closing.is_set():
            if self._gain is not None and self._gain.wants:
                self._set_gain(radio)
            if time.monotonic() - max(opened_s, self._arrived_s or opened_s) > WATCHDOG_S:
                return f"no sample for {WATCHDOG_S:g} s"
        return None

    def _stop(self, radio: Radio, ended: threading.Event) -> None:
        """Ends the reader. It may just have begun, so it is told again."""
        until_s = time.monotonic() + _CLOSES_S
        while not ended.is_set():
            if time.monotonic() > until_s:
                raise DeviceLostError(f"{self._source.name} hangs in its driver; start this program again")
            radio.stop()
            ended.wait(_NOTICES_S)

    def _take(self, octets: bytes) -> None:
        """What the reader's thread calls with each piece that arrives."""
        now_s = time.monotonic()
        codes = np.frombuffer(octets, np.uint8).reshape(-1, 2)
        with self._lock:
            self._arrived_s = now_s
            self._inflow.put(codes, now_s)
            self._lock.notify_all()
        # The search is the reader's while it measures and the keeper's while it wants a step.
        if self._gain is not None and self._gain.feed(codes):
            _log.info("%s: gain %s by level, %.1f dBFS", self._source.name, self._gain_name, self._gain.level_dbfs)

    def _set_gain(self, radio: Radio) -> None:
        if self._gain is not None and radio.gain_steps:
            self._gain_name = radio.set_gain_step(self._gain.step)
            self._gain.applied()
