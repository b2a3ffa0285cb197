"""The command `decode`, and its words that other commands share: the input's options and whom to trust."""

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

from rds.errors import UsageError
from rds.oda.key_warnings import key_warnings
from receiver.app import DecodeOptions, decode_groups, decode_records
from receiver.arguments import EXIT_CODES, Parser, add_source_options, add_trust_options
from receiver.keyring import Keyring
from receiver.listening import Listening
from receiver.records import format_hex, format_json, format_kv
from receiver.sources.octets import STDIN
from receiver.sources.stream import SourceOptions
from receiver.terminal import note, tell, telling, with_progress
from receiver.trust import make_keyring, read_trust_file


def add_decode_command(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The command `decode`."""
    parser = commands.add_parser(
        "decode",
        help="a recording to groups, station facts and messages",
        description="Decodes a recording (SigMF, bare IQ, SDRangel's, WAV of IQ or MPX, hex, bits) or a live source.",
        epilog="Example: evrds-receiver decode evening.cu8 --rate 250k -F json --trust root.public.pem "
        "--trust operator.certificate.pem. " + EXIT_CODES,
    )
    parser.add_argument("input", metavar="INPUT", help="a file; - for standard input; rtlsdr:0; rtl_tcp://host:1234")
    add_source_options(parser)
    add_trust_options(parser)
    parser.add_argument(
        "-F",
        dest="output",
        choices=("hex", "json", "kv", "table"),
        default="hex",
        help="one line a group or record (default hex), or a live table in the terminal",
    )
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw the multiplex and the symbols at its start")
    parser.set_defaults(run=_decode)


def decode_options(arguments: argparse.Namespace, *, patience_s: float = 0.0, wait: bool = False) -> DecodeOptions:
    """The options that `add_source_options` asked for; how long a live source may be away depends on the command."""
    offsets_hz = tuple(arguments.offset)
    source = SourceOptions(
        format=arguments.format,
        rate_hz=arguments.rate,
        offset_hz=offsets_hz[0] if offsets_hz else None,
        frequency_hz=arguments.frequency,
        gain_db=arguments.gain,
        ppm=arguments.ppm,
        bias_tee=arguments.bias_tee,
        patience_s=patience_s if arguments.patience is None else 60 * arguments.patience,
        wait=wait,
    )
    return DecodeOptions(source=source, start=arguments.start_time, offsets_hz=offsets_hz)


def ring_of(arguments: argparse.Namespace) -> Keyring:
    """The keys that `add_trust_options` asked for."""
    texts = [read_trust_file(path) for path in arguments.trust]
    return make_keyring(texts, aid=arguments.aid, network=arguments.network)


def warn_of_keys(ring: Keyring) -> None:
    """Notes what is wrong with the keys at any time: a recording may be from another."""
    for line in key_warnings(ring.standing, ring.roots, None):
        note(f"warning: {line}", logging.WARNING)


def _decode(arguments: argparse.Namespace) -> None:
    """Runs `decode`."""
    ring = ring_of(arguments)
    warn_of_keys(ring)
    options = replace(decode_options(arguments), keyring=ring)
    several = len(options.offsets_hz) > 1
    if arguments.plot is not None and several:
        raise UsageError(f"--plot draws one station, and --offset names {len(options.offsets_hz)}; give it once")
    listening = Listening(arguments.input, options.source, offsets_hz=options.offsets_hz)
    if arguments.plot is not None and arguments.input == STDIN:
        raise UsageError("--plot reads the input's start a second time; give a file instead of standard input")
    with telling(listening.stream.notes):
        if arguments.output == "hex":
            for offset_hz, group in with_progress(decode_groups(listening), listening):
                tell(format_hex(group, offset_hz=offset_hz if several else None))
        elif arguments.output == "table":
            _show_table(listening, options)
        else:
            line_of = format_json if arguments.output == "json" else format_kv
            for record in with_progress(decode_records(listening, options), listening):
                tell(line_of(record))
    if arguments.plot is not None:
        from receiver.observation import observe
        from receiver.pictures import draw_reception

        draw_reception(arguments.plot, observe(arguments.input, options.source), title=arguments.input)
        note(f"wrote {arguments.plot}")


def _show_table(listening: Listening, options: DecodeOptions) -> None:
    """The records as a table in the terminal, which is not waited for."""
    from receiver.outlets import Outlets, choose

    if len(options.offsets_hz) > 1:
        raise UsageError(f"-F table shows one station, and --offset names {len(options.offsets_hz)}; use -F json")
    with Outlets(choose(["table"], on_terminal=sys.stdout.isatty()).outputs) as outlets:
        for record in decode_records(listening, options):
            if record["type"] != "group":
                outlets.tell(record)
