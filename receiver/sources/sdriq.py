"""SDRangel's recording to IQ: 32 bytes of header, then 16-bit I and Q.

The header, least significant byte first: rate (32 bits), centre in Hz (64), time (64), bits of a sample (32), zeros
(32), CRC-32 of all that (32). The time has been seconds and milliseconds, by the version, so none is taken from it.
"""

import struct
import zlib
from typing import Final

from rds.errors import InputError
from receiver.sources.octets import Octets
from receiver.sources.rate import OPTION, settle_rate
from receiver.sources.raw_iq import PAIR_OCTETS, iq_stream
from receiver.sources.stream import IqStream, SourceOptions

FORMATS = ("sdriq",)
SUFFIXES = (".sdriq",)

_HEADER: Final = struct.Struct("<IQQII")
_CRC: Final = struct.Struct("<I")
_BITS: Final = 16


def open_stream(name: str, options: SourceOptions) -> IqStream:
    """IQ of a recording.

    Raises:
        InputError: its header is none, or its samples are not read.
    """
    octets = Octets.open(name)
    header = octets.peek(_HEADER.size + _CRC.size)
    if len(header) < _HEADER.size + _CRC.size or zlib.crc32(header[: _HEADER.size]) != _CRC.unpack(header[-4:])[0]:
        raise InputError(
            f"{octets.name}: SDRangel's header is not there or damaged; for bare samples give --format cs16 and --rate"
        )
    rate, centre_hz, _, bits, _ = _HEADER.unpack(header[: _HEADER.size])
    if bits != _BITS:
        raise InputError(f"{octets.name} has samples of {bits} bits; allowed: {_BITS}, which SDRangel can write")
    octets.skip(len(header))
    rate_hz = settle_rate(octets.name, {OPTION: options.rate_hz, "its header": rate}, octets.notes)
    octets.notes.append(f"{octets.name}: SDRangel's, {_BITS} bits at {rate_hz:.10g} S/s")
    samples = None if octets.length is None else (octets.length - len(header)) // PAIR_OCTETS["cs16"]
    return iq_stream(octets, "cs16", rate_hz=rate_hz, samples=samples, centre_hz=centre_hz)
