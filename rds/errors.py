"""The exceptions of both ends: one small tree, each message with the value seen and the values allowed.

Bad radio data raises nothing: it is counted. These are for configuration, input files, devices and keys.
"""

from typing import ClassVar


class EvrdsError(Exception):
    """A fault that a person can mend. Its text is one line; `exit_code` is what a command ends with."""

    exit_code: ClassVar[int] = 1


class UsageError(EvrdsError):
    """A wrong option, plan, configuration or value (exit 2)."""

    exit_code = 2


class InputError(EvrdsError):
    """An input that is missing, unreadable or not what it was said to be (exit 3)."""

    exit_code = 3


class DeviceAbsentError(EvrdsError):
    """A device or server that cannot be opened (exit 4)."""

    exit_code = 4


class DeviceLostError(EvrdsError):
    """A device or server that was there and stopped (exit 5)."""

    exit_code = 5


class ChargerRefusedError(DeviceLostError):
    """A charger that is there and answers, but did not take the limit (exit 5)."""


class NoSyncError(EvrdsError):
    """An input that ended without any block synchronisation (exit 6)."""

    exit_code = 6


class TrustError(EvrdsError):
    """A key, certificate or policy that refuses (exit 7)."""

    exit_code = 7
