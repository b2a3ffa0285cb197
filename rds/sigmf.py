"""What both ends write into SigMF metadata (SigMF 1.2): version, our extension, and the mark on a group."""

from typing import Final

from rds.group import GROUP_TYPES
from rds.hex_line import Words, format_words

SIGMF_VERSION: Final = "1.2.0"
RDS_GROUP: Final = "rds:group"
"""The extension's one field, in annotations: a group's four words in hex, ---- for one that was not heard."""
RDS_EXTENSION: Final = {"name": "rds", "version": "1.0.0", "optional": True}


def group_annotation(words: Words, *, first_sample: int, samples: int) -> dict[str, object]:
    """The annotation of a group: its type as label, its words, the samples of its 104 bits."""
    block2 = words[1]
    return {
        "core:sample_start": first_sample,
        "core:sample_count": samples,
        "core:label": "RDS" if block2 is None else f"RDS {GROUP_TYPES[block2 >> 11]}",
        RDS_GROUP: format_words(words),
    }
