"""A condition in; out: it holds, or the test fails."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], *quietly: type[Exception], seconds: float = 10) -> None:
    """Wait for threads and sockets of our own, a hundredth of a second at a time; these errors mean not yet."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        try:
            if condition():
                return
        except quietly:
            pass
        time.sleep(0.01)
    raise AssertionError("it did not become so")
