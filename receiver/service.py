"""How a run is going, in; what its service manager wants to hear, out: ready, alive, status, stopping (sd_notify).

The manager's watchdog is fed by samples alone: a process that lives on a dead stick is what it is there to end.
"""

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final, Self

SILENT_S: Final = 3.0
"""Without a sample for so long, the status says that none come."""
_STATUS_EVERY_S: Final = 1.0
Send = Callable[[str], None]


class Service:
    """A stage with state between a run and its manager.

    Args:
        send: What takes a message.
        watchdog_s: Within what time the manager wants to hear that the run is alive; None: never.
        now_s: A clock that never steps.
    """

    def __init__(
        self, send: Send, *, watchdog_s: float | None = None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._send, self._now_s = send, now_s
        # Twice as often as must be; four times, for a machine that is busy.
        self._fed_every_s = None if watchdog_s is None else watchdog_s / 4
        self._fed_at_s = self._told_at_s = float("-inf")
        self._flowed_at_s = now_s()
        self._samples = 0
        self._told = ""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Self:
        """The manager that started this process, or none, to which nothing is said."""
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls.none()
        microseconds, owner = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
        is_ours = microseconds.isdecimal() and owner in ("", str(os.getpid()))
        watchdog_s = int(microseconds) / 1e6 if is_ours and int(microseconds) else None
        return cls(lambda text: _send(address, text), watchdog_s=watchdog_s)

    @classmethod
    def none(cls) -> Self:
        """No manager: nothing is said."""
        return cls(lambda _: None)

    def ready(self) -> None:
        """The run has begun: chargers and state are open, samples may still be missing."""
        self._send("READY=1")

    def look(self, samples: int, words: Callable[[], str]) -> None:
        """Now and then, with how many samples were decoded by now, and what to say of the chargers."""
        now_s = self._now_s()
        if samples > self._samples:
            self._samples, self._flowed_at_s = samples, now_s
            if self._fed_every_s is not None and now_s - self._fed_at_s >= self._fed_every_s:
                self._fed_at_s = now_s
                self._send("WATCHDOG=1")
        if now_s - self._told_at_s < _STATUS_EVERY_S:
            return
        self._told_at_s = now_s
        silent = now_s - self._flowed_at_s >= SILENT_S
        status = f"{'NO SAMPLES; ' if silent else ''}{words()}".replace("\n", " ")
        if status != self._told:
            self._told = status
            self._send(f"STATUS={status}")

    def stopping(self) -> None:
        """The run ends."""
        self._send("STOPPING=1")


def _send(address: str, text: str) -> None:
    """One datagram; a manager that cannot be reached is its own trouble."""
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as peer:
        peer.setblocking(False)
        try:
            peer.sendto(text.encode(), name)
        except OSError:
            return
