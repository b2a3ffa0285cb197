"""How fast the erasure code is: envelopes for one second of processor time, by what was lost."""

import random
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Final

from rds.oda.erasure_code import ENVELOPE_OCTETS, SYMBOLS, decode_symbols, encode_envelope

_REPEATS: Final = 200
_RUNS: Final = 5


def _envelopes_a_second(work: Callable[[], object]) -> float:
    work()  # the tables are made once
    times = []
    for _ in range(_RUNS):
        start = process_time()
        for _ in range(_REPEATS):
            work()
        times.append(process_time() - start)
    return _REPEATS / median(times)


def measure() -> list[tuple[str, float]]:
    """What was done, and how many envelopes a second of processor time: the median of five runs."""
    generator = random.Random(1)
    envelope = generator.randbytes(ENVELOPE_OCTETS)
    sent = dict(enumerate(encode_envelope(envelope)))
    ten_lost = {esi: sent[esi] for esi in generator.sample(range(SYMBOLS), 20)}
    five_wrong = sent | {esi: sent[esi] ^ generator.randrange(1, 1 << 30) for esi in (1, 7, 13, 22, 28)}
    assert decode_symbols(ten_lost) == decode_symbols(five_wrong) == envelope
    return [
        ("encode an envelope", _envelopes_a_second(lambda: encode_envelope(envelope))),
        ("decode all 30 symbols", _envelopes_a_second(lambda: decode_symbols(sent))),
        ("decode with 10 erasures", _envelopes_a_second(lambda: decode_symbols(ten_lost))),
        ("decode with 5 errors", _envelopes_a_second(lambda: decode_symbols(five_wrong))),
    ]
