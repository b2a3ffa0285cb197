"""An RTL-SDR stick at this computer's USB to a live stream: `rtlsdr:0`, or `rtlsdr:serial=00000001`.

By pyrtlsdr (extra `rtlsdr`), which is imported here alone and on demand. Its methods close the stick on an error, also
under a thread that reads, so what another thread calls goes to the library itself, whose errors the reading tells.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from rds.errors import DeviceAbsentError, UsageError
from receiver.sources.live import Source, live_stream
from receiver.sources.stream import LiveStream, SourceOptions
from receiver.sources.tuning import Tuning, plan_tuning

SCHEMES = ("rtlsdr",)

_SILENCE_S: Final = 0.5
_TRANSFER_S: Final = 0.045
"""At least so much in a USB transfer; the library has 15 of them under way."""
_SERIAL: Final = "serial="
_REMEDIES: Final = {
    -3: "it may not be opened; install the udev rule for it (Debian: rtl-sdr) or run as a user who may",
    -6: "another program has it, or the kernel's dvb_usb_rtl28xxu; end that program, or blacklist the module",
}
"""libusb's error codes."""


def open_stream(name: str, options: SourceOptions) -> LiveStream:
    """The stream of a stick.

    Raises:
        DeviceAbsentError: there is none, or it cannot be opened.
        UsageError: an option does not fit, or the driver is not installed.
    """
    tuning = plan_tuning(name, options)
    which = name.partition(":")[2] or "0"
    if not which.isdecimal() and not (which.startswith(_SERIAL) and which != _SERIAL):
        raise UsageError(f"{name}: no stick is called so; write rtlsdr:0 or rtlsdr:serial=00000001")
    driver = _driver()
    source = Source(name, lambda: _Stick(name, _open(driver, name, which, tuning), driver), silence_s=_SILENCE_S)
    return live_stream(source, tuning, options)


def _driver() -> Any:  # Any: pyrtlsdr ships no types
    """The module `rtlsdr`."""
    try:
        import rtlsdr
    except AttributeError as error:
        # The library that was found is older than pyrtlsdr: Debian's, for one, has no rtlsdr_set_dithering.
        raise UsageError(f"the librtlsdr of this system is too old ({error}); {_INSTALL}") from None
    except ModuleNotFoundError:
        raise UsageError(f"a stick needs pyrtlsdr; {_INSTALL}") from None
    except ImportError as error:
        raise UsageError(f"pyrtlsdr finds no librtlsdr ({str(error).splitlines()[0][:60]}); {_INSTALL}") from None
    return rtlsdr


_INSTALL: Final = "install evrds with its extra: evrds[rtlsdr], which brings its own"


def _open(driver: Any, name: str, which: str, tuning: Tuning) -> Any:  # Any: as above
    """The stick, tuned.

    Raises:
        DeviceAbsentError: there is none, or it cannot be opened.
    """
    try:
        stick = driver.RtlSdr(device_index=_index(driver, name, which))
        stick.set_sample_rate(tuning.rate_hz)
        if tuning.ppm:  # The library refuses what it has.
            stick.set_freq_correction(tuning.ppm)
        stick.set_center_freq(tuning.centre_hz)
        stick.set_agc_mode(False)
        if tuning.gain_db is not None:
            stick.set_gain(tuning.gain_db)
        else:
            stick.set_manual_gain_enabled(True)
        if tuning.bias_tee:
            stick.set_bias_tee(True)
        driver.librtlsdr.rtlsdr_reset_buffer(stick.dev_p)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, f"is it plugged in? ({' '.join(str(error).split())})")
        raise DeviceAbsentError(f"{name}: {remedy}") from None
    return stick


def _index(driver: Any, name: str, which: str) -> int:  # Any: as above
    count = driver.librtlsdr.rtlsdr_get_device_count()
    if not count:
        raise DeviceAbsentError(f"{name}: no stick is plugged in")
    if not which.startswith(_SERIAL):
        if int(which) >= count:
            raise DeviceAbsentError(f"{name}: {count} sticks are plugged in; allowed: 0..{count - 1}")
        return int(which)
    serials = driver.RtlSdr.get_device_serial_addresses()
    if which.removeprefix(_SERIAL) not in serials:
        raise DeviceAbsentError(f"{name}: no stick has this serial number; plugged in: {', '.join(serials)}")
    index: int = serials.index(which.removeprefix(_SERIAL))
    return index


class _Stick:
    """A stick as a `Radio`."""

    def __init__(self, name: str, stick: Any, driver: Any) -> None:  # Any: as above
        self._name, self._stick, self._library = name, stick, driver.librtlsdr
        self._gains = sorted(stick.gain_values)
        """Tenths of a dB."""
        self.gain_steps = len(self._gains)
        octets = 2 * _TRANSFER_S * stick.get_sample_rate()
        self._transfer_octets = 1 << (int(octets) - 1).bit_length()

    def set_gain_step(self, step: int) -> str:
        self._library.rtlsdr_set_tuner_gain(self._stick.dev_p, self._gains[step])
        return f"{self._gains[step] / 10:g} dB"

    def read(self, take: Callable[[bytes], None]) -> str:
        # The library uses the buffer again: a copy.
        with suppress(OSError):  # By the version, an unplugged stick is an error or an ordinary end.
            self._stick.read_bytes_async(lambda buffer, _: take(bytes(buffer)), self._transfer_octets)
        return "the stick was unplugged"

    def stop(self) -> None:
        self._library.rtlsdr_cancel_async(self._stick.dev_p)

    def close(self) -> None:
        self._stick.close()
