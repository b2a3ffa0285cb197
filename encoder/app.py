"""Plans, groups and options to signal files: where the encoder's stages are joined and files opened."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeVar

from encoder.bitstream import FILLER_BITS, bit_sample, transmission_bits
from encoder.broadcast import broadcast, group_count
from encoder.fm import AMPLITUDE, FmModulator, interpolation_for
from encoder.group_list import Lines, read_groups
from encoder.impairments import ClockError, Noise
from encoder.key_files import load_certificates, load_operator, parsed_public
from encoder.mpx import Mpx, MpxSynthesiser
from encoder.options import Outputs, SignalOptions, checked_rate
from encoder.output_file import whole_file
from encoder.plan import read_plan
from encoder.programme import ProgrammeFile
from encoder.sinks import Samples, SignalFacts, Sink, format_of
from rds.constants import BIT_PERIOD_S, GROUP_BITS
from rds.errors import InputError, UsageError
from rds.group import Group
from rds.hex_line import format_words
from rds.oda.key_warnings import key_warnings
from rds.oda.ticks import tick_of

_STDOUT: Final = Path("-")
_LARGEST_PLAN: Final = 1 << 20
_LONG_WORK_GROUPS: Final = 2500
"""Some four minutes of signal: from here on a progress bar is shown."""
_LONG_WORK_OCTETS: Final = 50_000
"""A list of groups from which a progress bar is shown: some 2500 groups, four minutes of signal."""

In_contra = TypeVar("In_contra", contravariant=True)
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class SignalSummary:
    """What was written."""

    kind: str
    rate_hz: int
    samples: int
    groups: int

    @property
    def duration_s(self) -> float:
        """How long the signal lasts."""
        return self.samples / self.rate_hz


class Stage(Protocol[In_contra, Out]):
    """A stage with state: chunks in, chunks out, the rest at the end."""

    def feed(self, chunk: In_contra, /) -> list[Out]:
        """Takes a chunk; gives what is ready."""
        ...

    def flush(self) -> list[Out]:
        """The rest."""
        ...


def _through(stage: Stage[In_contra, Out], chunks: Iterable[In_contra]) -> Iterator[Out]:
    """What comes out of a stage when all chunks have gone through it."""
    for chunk in chunks:
        yield from stage.feed(chunk)
    yield from stage.flush()


def _mark_groups(groups: Iterable[Group], sink: Sink, sample_rate_hz: float, sent: list[int]) -> Iterator[Group]:
    """The groups as they are, each marked in the sink; `sent` counts them."""
    for group in groups:
        start = FILLER_BITS + GROUP_BITS * sent[0]
        first, end = (round(bit_sample(bit, sample_rate_hz)) for bit in (start, start + GROUP_BITS))
        sink.mark_group(group, first_sample=first, samples=end - first)
        sent[0] += 1
        yield group


def _signal(
    groups: Iterable[Group], options: SignalOptions, *, rate_hz: int, iq: bool, programme: ProgrammeFile | None
) -> Iterator[Samples]:
    """The samples of a transmission, in pieces."""
    interpolation = interpolation_for(rate_hz) if iq else 1
    mpx_rate_hz = rate_hz // interpolation
    synthesiser = MpxSynthesiser(mpx_rate_hz, levels=options.levels, programme=programme)
    mpx: Iterator[Mpx] = _through(synthesiser, transmission_bits(groups))
    if options.clock_ppm:
        mpx = _through(ClockError(options.clock_ppm), mpx)
    if not iq:
        return mpx
    modulator = FmModulator(mpx_rate_hz, interpolation=interpolation, carrier_hz=options.offset_hz)
    signal = _through(modulator, mpx)
    if options.cn_db is not None:
        signal = _through(Noise(options.cn_db, amplitude=AMPLITUDE, rate_hz=rate_hz, seed=options.seed), signal)
    return signal


def write_signal(
    groups: Iterable[Group], output: Path, *, options: SignalOptions, start_time: datetime | None = None
) -> SignalSummary:
    """Modulates groups into the file that `output` names, multiplex or IQ by its ending.

    Args:
        groups: taken as they are needed; an error they raise leaves no file.
        output: appears when all is written.
        options: rate, levels, programme, impairments.
        start_time: of the first sample, for formats that say it.

    Raises:
        UsageError: an option or the output's name or place is not allowed.
        InputError: the programme cannot be read.
    """
    form = format_of(output)
    rate_hz = checked_rate(options, form.KIND)
    if (
        options.programme is not None
        and output.exists()
        and options.programme.exists()
        and output.samefile(options.programme)
    ):
        raise UsageError(f"output {output} is the programme itself; name another file")
    facts = SignalFacts(rate_hz, options.full_scale_hz, start_time)
    sent = [0]
    samples = 0
    with (
        nullcontext() if options.programme is None else closing(ProgrammeFile(options.programme)) as programme,
        form.open_sink(output, facts) as sink,
    ):
        marked = _mark_groups(groups, sink, rate_hz / (1 + options.clock_ppm * 1e-6), sent)
        for piece in _signal(marked, options, rate_hz=rate_hz, iq=form.KIND == "iq", programme=programme):
            sink.write(piece)
            samples += len(piece)
    return SignalSummary(form.KIND, rate_hz, samples, sent[0])


class _ProgressReader:
    """A file whose lines move a progress bar on."""

    def __init__(self, file: BinaryIO, total_octets: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._file = file
        self._progress = Progress(console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("modulating", total=total_octets)
        self._progress.start()

    def readline(self, limit: int = -1) -> bytes:
        """The next line."""
        line = self._file.readline(limit)
        self._progress.advance(self._task, len(line))
        return line

    def close(self) -> None:
        """Takes the bar away."""
        self._progress.stop()


@contextmanager
def _open_list(path: Path) -> Iterator[Lines]:
    """The lines of a list, with a progress bar where the work is long and someone looks."""
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
        octets = path.stat().st_size
    except OSError as error:
        raise InputError(f"cannot read groups {path}: {error.strerror}; name a list of groups in hex") from None
    with file:
        if octets < _LONG_WORK_OCTETS or not sys.stderr.isatty():
            yield file
            return
        with closing(_ProgressReader(file, octets)) as lines:
            yield lines


def modulate(groups: Path, output: Path, *, options: SignalOptions) -> SignalSummary:
    """Modulates the groups of a hex list, `-` for standard input.

    Raises:
        InputError: the list cannot be read or holds a line that is no group.
        UsageError: as `write_signal`.
    """
    with _open_list(groups) as lines:
        return write_signal(read_groups(lines, str(groups)), output, options=options)


def build(
    plan: Path,
    outputs: Outputs,
    *,
    clock: datetime,
    duration_s: float | None = None,
    options: SignalOptions | None = None,
) -> list[tuple[Path, SignalSummary]]:
    """Writes the outputs of a plan: same plan, same keys, same clock, same bytes. Returns the signals written.

    Args:
        plan: a TOML file (`encoder.plan`); its key files are looked for from its own folder.
        outputs: each appears when it is whole.
        clock: the moment of the first group's first bit.
        duration_s: of the groups, by default a tail after the last message.
        options: of the signals.

    Raises:
        UsageError: the plan or an output is not allowed.
        InputError: the plan or a key file cannot be read.
        TrustError: the certificate does not allow what the plan sends.
    """
    outputs.check(plan)
    groups, total = _opened(plan, clock, duration_s)
    if outputs.hex_list is not None:
        _write_hex(_watched(groups(), total), outputs.hex_list)
    start_time = clock - timedelta(seconds=FILLER_BITS * BIT_PERIOD_S)
    signal = options or SignalOptions()
    return [
        (path, write_signal(_watched(groups(), total), path, options=signal, start_time=start_time))
        for path in (outputs.mpx, outputs.iq)
        if path is not None
    ]


def key_notes(plan: Path, *, clock: datetime) -> tuple[str, ...]:
    """What is to be said of a plan's keys at a moment: test keys, and an end that is near.

    Raises:
        UsageError: the plan is not allowed.
        InputError: the plan or a key file cannot be read.
        TrustError: a certificate is not of the root.
    """
    read = read_plan(_plan_text(plan), source=str(plan), clock=clock)
    certificate, root, *more = (
        plan.parent / name for name in (read.keys.certificate, read.keys.root, *read.keys.certificates)
    )
    sent = load_certificates([certificate, *more], root, domain=read.domain)
    certificates = [one for each in sent for one in each.vouched.certificates]
    return key_warnings(certificates, [parsed_public(root)], clock)


def _opened(plan: Path, clock: datetime, duration_s: float | None) -> tuple[Callable[[], Iterator[Group]], int]:
    """What makes the plan's groups anew, and how many they are."""
    try:
        tick_of(clock)
    except ValueError as error:
        raise UsageError(f"clock {error}") from None
    read = read_plan(_plan_text(plan), source=str(plan), clock=clock)
    total = group_count(read, clock=clock, duration_s=duration_s)
    operator, certificate, root = (
        plan.parent / name for name in (read.keys.operator, read.keys.certificate, read.keys.root)
    )
    more = [plan.parent / name for name in read.keys.certificates]

    def groups() -> Iterator[Group]:
        # A key knows its newest time stamp, so every output begins with a fresh one: all tell the same.
        key = load_operator(operator, certificate, root, domain=read.domain)
        vouched = load_certificates([certificate, *more], root, domain=read.domain)
        return broadcast(read, key, vouched, clock=clock, groups=total)

    return groups, total


def _plan_text(path: Path) -> str:
    """The text of a plan's file."""
    try:
        with path.open("rb") as file:
            octets = file.read(_LARGEST_PLAN + 1)
    except OSError as error:
        raise InputError(f"cannot read plan {path}: {error.strerror}; see examples/plan.toml") from None
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"plan {path}: byte {error.start} is not UTF-8; a plan is TOML, see examples/plan.toml"
        ) from None
    if len(octets) > _LARGEST_PLAN:
        raise InputError(f"plan {path} is larger than {_LARGEST_PLAN} bytes; allowed: a plan in TOML")
    return text


def _write_hex(groups: Iterator[Group], path: Path) -> None:
    """Writes a line a group, to a file or to standard output."""
    target = nullcontext(sys.stdout.buffer) if path == _STDOUT else whole_file(path)
    with target as file:
        for group in groups:
            file.write(f"{format_words(group.words)}\n".encode("ascii"))


def _watched(groups: Iterator[Group], total: int) -> Iterator[Group]:
    """The groups as they are, with a progress bar where the work is long and someone looks."""
    if total < _LONG_WORK_GROUPS or not sys.stderr.isatty():
        return groups
    from rich.console import Console
    from rich.progress import track

    return iter(track(groups, "building", total=total, console=Console(stderr=True), transient=True))
