"""An input's name to findings about the radio: driver, stick, rate, level, clipping, pilot, RDS, AID, key and clock.

It listens until an authentic heartbeat has been heard, or for as long as it may; a recording, to its end at most.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.errors import DeviceAbsentError, DeviceLostError, EvrdsError, NoSyncError, TrustError, UsageError
from rds.oda.messages.heartbeat import Heartbeat
from rds.pcm import CU8_ZERO
from receiver.chain import SignalStatus
from receiver.clock import datetime_of
from receiver.doctor import Finding, fault
from receiver.intake import Intake
from receiver.keyring import Keyring
from receiver.listening import Listening
from receiver.settings import ONLOOKER
from receiver.sources.stream import Gap, IqStream, LiveStream, SourceOptions
from receiver.station import Station
from receiver.verify import Verdict

LISTENS_S: Final = 100.0
"""A heartbeat begins every 45 s at the latest, lasts 15 s, and one may be lost."""
_LEAST_S: Final = 5.0
"""For level and station although the heartbeat comes first."""
_STICK: Final = "rtlsdr:"
_CLIPPED: Final = 0.01
_QUIET_DBFS: Final = -40.0
_LOST: Final = 0.001
_CLOCK_OFF_S: Final = 60.0

Codes = npt.NDArray[np.uint8]
Iq = npt.NDArray[np.complex64]


class _Meter:
    """How full the converter is. Samples are passed on as they come."""

    def __init__(self) -> None:
        self.samples = self.full = 0
        self.power = 0.0

    def codes(self, pieces: Iterator[Codes | Gap]) -> Iterator[Codes | Gap]:
        """Measures a stick's codes."""
        for piece in pieces:
            if not isinstance(piece, Gap):
                self.samples += len(piece)
                self.full += int(np.count_nonzero(((piece == 0) | (piece == 255)).any(axis=1)))
                parts = piece.astype(np.float32).reshape(-1) / np.float32(CU8_ZERO) - 1
                self.power += float(np.vdot(parts, parts))
            yield piece

    def iq(self, chunks: Iterator[Iq]) -> Iterator[Iq]:
        """Measures samples, 1.0 = full scale."""
        for chunk in chunks:
            self.samples += len(chunk)
            self.full += int(np.count_nonzero((np.abs(chunk.real) > 0.995) | (np.abs(chunk.imag) > 0.995)))
            self.power += float(np.vdot(chunk, chunk).real)
            yield chunk

    @property
    def level_dbfs(self) -> float:
        """All that was received; 0 dB is a full-scale carrier."""
        return float(10 * np.log10(max(self.power / max(self.samples, 1), 1e-12)))


def examine_radio(name: str, options: SourceOptions, ring: Keyring, *, seconds: float) -> Iterator[Finding]:
    """The findings in order; the first that keeps the others from being made is the last."""
    try:
        listening = Listening(name, options)
    except EvrdsError as error:
        if name.startswith(_STICK) and isinstance(error, DeviceAbsentError):
            yield Finding("driver", "it is installed")
        yield fault(_what_failed(name, error), error)
        return
    if name.startswith(_STICK):
        yield Finding("driver", "it is installed")
    stream, meter = listening.stream, _Meter()
    if isinstance(stream, LiveStream):
        listening.stream = replace(stream, pieces=meter.codes(stream.pieces))
    elif isinstance(stream, IqStream):
        # The same samples twice over; one of the two is read.
        listening.stream = replace(stream, chunks=meter.iq(stream.chunks), codes=None)
    yield Finding("stick" if name.startswith(_STICK) else "source", "; ".join(stream.notes) or name)
    yield Finding("rate", f"{stream.rate_hz:.10g} a second")
    hearing = _Hearing(listening, ring)
    ended = hearing.listen(seconds)
    if ended is not None and not isinstance(ended, NoSyncError):
        yield fault("samples", ended)
        return
    yield _samples_finding(listening)
    if meter.samples:
        yield from _level_findings(meter)
    yield from _station_findings(hearing, ended)


def _what_failed(name: str, error: EvrdsError) -> str:
    if name.startswith(_STICK):
        return "driver" if isinstance(error, UsageError) else "stick"
    return "source"


class _Hearing:
    """What was heard of a station."""

    def __init__(self, listening: Listening, ring: Keyring) -> None:
        self.listening, self.ring = listening, ring
        self.intake = Intake(ring, (), settings=ONLOOKER)
        self.station = Station()
        self.status: SignalStatus | None = None
        self.groups = 0
        self.verdicts: Counter[str] = Counter()
        self.heartbeat: Verdict | None = None

    def listen(self, seconds: float) -> EvrdsError | None:
        """Until all is found, or for so many seconds of signal; what ended it early."""
        lists = self.listening.groups()
        try:
            for groups in lists:
                for group in groups:
                    self.groups += group.heard
                    self.station.feed(group)
                    self._count(verdict for verdict in self.intake.feed(group) if isinstance(verdict, Verdict))
                self.status = self.listening.status()
                done_s = self.listening.seconds_done
                if done_s >= seconds or (done_s >= _LEAST_S and self.heartbeat is not None):
                    break
        except EvrdsError as error:
            return error
        return None if self.groups else NoSyncError(f"no RDS found in {self.listening.seconds_done:.0f} s")

    def _count(self, verdicts: Iterator[Verdict]) -> None:
        for verdict in verdicts:
            self.verdicts["accepted" if verdict.rejection is None else verdict.rejection.word] += 1
            if verdict.accepted and isinstance(verdict.message, Heartbeat):
                self.heartbeat = verdict


def _samples_finding(listening: Listening) -> Finding:
    done, lost = listening.samples_done, listening.samples_lost
    if isinstance(listening.stream, LiveStream) and lost >= done:
        text = f"none came in {listening.seconds_done:.0f} s; plug the stick in again, or look at the server"
        return Finding("samples", text, error=DeviceLostError)
    if lost <= _LOST * done:
        return Finding("samples", f"{listening.seconds_done:.1f} s, {lost} lost")
    reasons = ", ".join(f"{why} ({count} times)" for why, count in listening.gaps.items())
    advice = "use a USB port of its own, a shorter cable, a lower --rate"
    return Finding("samples", f"{lost / done:.1%} of {listening.seconds_done:.1f} s were lost: {reasons}", advice)


def _level_findings(meter: _Meter) -> Iterator[Finding]:
    quiet = "raise the gain, look at the antenna and its cable" if meter.level_dbfs < _QUIET_DBFS else ""
    yield Finding("level", f"{meter.level_dbfs:.1f} dBFS", quiet)
    share = meter.full / meter.samples
    loud = "lower the gain, or move the antenna from a strong transmitter" if share > _CLIPPED else ""
    yield Finding("clipping", f"{share:.2%} of the samples", loud)


def _station_findings(hearing: _Hearing, error: NoSyncError | None) -> Iterator[Finding]:
    status = hearing.status
    if status is not None and status.coherence is not None:
        if status.pilot_hz is None:
            yield Finding("pilot", "none", "a station in mono, or none at all on this frequency")
        else:
            yield Finding("pilot", f"{status.pilot_hz / 1000:.1f} kHz of deviation")
    if error is not None:
        remedy = "look at frequency and antenna; evrds-receiver scan finds the stations with the service"
        yield Finding("RDS", f"{str(error).partition(';')[0]}; {remedy}", error=type(error))
        return
    yield Finding("RDS", _rds_text(hearing))
    aid = hearing.ring.domain.aid
    carriers = [carrier for announced, carrier in hearing.station.facts.aids if announced == aid]
    if not carriers:
        others = ", ".join(f"{announced:04X}" for announced, _ in hearing.station.facts.aids) or "none"
        text = f"{aid:04X} is not announced here (announced: {others}); tune to a station that the operator names"
        yield Finding("AID", text, error=NoSyncError)
        return
    yield Finding("AID", f"{aid:04X} in group {carriers[0]}")
    yield from _trust_findings(hearing)


def _rds_text(hearing: _Hearing) -> str:
    facts, status = hearing.station.facts, hearing.status
    words = ["PI unknown" if facts.pi is None else f"PI {facts.pi:04X}"]
    words += [] if facts.ps is None else [facts.ps]
    if status is not None and status.blocks_seen:
        words.append(f"BLER {1 - status.blocks_accepted / status.blocks_seen:.1%}")
        words += [] if status.cn_db is None else [f"C/N {status.cn_db:.0f} dB"]
        words += [] if status.rds_hz is None else [f"{status.rds_hz / 1000:.1f} kHz of deviation"]
    return ", ".join([*words, f"{hearing.groups} groups"])


def _trust_findings(hearing: _Hearing) -> Iterator[Finding]:
    verdict, listening = hearing.heartbeat, hearing.listening
    if verdict is None:
        told = ", ".join(f"{word} {count}" for word, count in hearing.verdicts.items())
        if told and not hearing.verdicts["accepted"]:
            text = f"nothing of a key that is trusted in {listening.seconds_done:.0f} s ({told}); ask the operator for"
            yield Finding("heartbeat", f"{text} his bundle and compare fingerprints", error=TrustError)
        else:
            text = f"none in {listening.seconds_done:.0f} s (heard: {told or 'no message'}); one begins every 45 s:"
            yield Finding("heartbeat", f"{text} listen longer with --seconds", error=NoSyncError)
        yield Finding("clock", "the time is not known before a heartbeat", "nothing planned is done until then")
        return
    assert verdict.message is not None
    yield Finding("heartbeat", f"authentic, of key {verdict.message.key}")
    now_ms = hearing.intake.clock.now_ms(int(1000 * listening.seconds_done))
    assert now_ms is not None
    yield _clock_finding(datetime_of(now_ms), is_live=isinstance(listening.stream, LiveStream))


def _clock_finding(heard: datetime, *, is_live: bool) -> Finding:
    text = f"{heard:%Y-%m-%d %H:%M:%S} UTC by the network"
    ahead_s = (datetime.now(UTC) - heard).total_seconds()
    if not is_live or abs(ahead_s) <= _CLOCK_OFF_S:
        return Finding("clock", text)
    where = "ahead" if ahead_s > 0 else "behind"
    advice = f"this computer's is {abs(ahead_s):.0f} s {where}; evrds does not use it, but TLS and logs do: set it"
    return Finding("clock", text, advice)
