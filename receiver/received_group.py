"""A group as it was heard: words or gaps, how sure, and where in the stream. What block synchronisation gives out."""

from dataclasses import dataclass, field

from rds.group import GROUP_TYPES
from rds.hex_line import Words
from receiver.likely_group import Float


@dataclass(frozen=True, slots=True)
class ReceivedGroup:
    """Four information words, each None where its block was not accepted."""

    words: Words
    sample_index: int
    """Input sample at which the group's first bit begins, from 0 at the input's first sample."""
    end_s: float
    """Seconds from the input's first sample to the end of the group's last bit: when it had been heard."""
    corrected: tuple[bool, bool, bool, bool] = (False, False, False, False)
    """Whether bits were turned over in the block."""
    confidence: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    """The probability that the word is right, by block; 0 where the block was not accepted."""
    values: Float | None = field(default=None, compare=False, repr=False)
    """Log-likelihood ratios of its symbols (see `GroupDecoder`), for who knows more of it; None where bits came in."""
    prior: tuple[bool, bool, bool, bool] = (False, False, False, False)
    """Whether a word was taken because it is what the station keeps saying."""
    evm: float | None = None
    """Error vector magnitude: the rms error of the group's symbols, 1 is their amplitude. None where there are none."""

    @property
    def heard(self) -> bool:
        """Whether any block was accepted: only then is it shown."""
        return self.words != (None, None, None, None)

    @property
    def complete(self) -> bool:
        """Whether all four blocks were accepted."""
        return None not in self.words

    @property
    def group_type(self) -> str | None:
        """Such as "3A", or None where block 2 was not accepted."""
        block2 = self.words[1]
        return None if block2 is None else GROUP_TYPES[block2 >> 11]
