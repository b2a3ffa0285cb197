"""A SigMF recording's metadata to the same with a mark on every group that is found; its samples are left alone."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rds.errors import InputError
from rds.sigmf import RDS_EXTENSION, RDS_GROUP, group_annotation
from receiver.received_group import ReceivedGroup
from receiver.sigmf_recording import group_samples
from receiver.whole_file import whole_file

Json = dict[str, Any]  # Any: JSON of a stranger, of which little is looked at


def annotate(meta: Path, groups: Iterable[ReceivedGroup], *, rate_hz: float) -> int:
    """Takes the place of the metadata's earlier marks on groups; all else in them stays. How many groups there are.

    Args:
        meta: The metadata file, one that can be opened as a source.
        groups: What was heard in the whole recording.
        rate_hz: What their sample indices count in.

    Raises:
        InputError: its annotations are none.
        UsageError: it cannot be written.
    """
    contents: Json = json.loads(meta.read_bytes())
    common, others = contents["global"], contents.get("annotations", [])
    if not isinstance(others, list) or not all(isinstance(one, dict) for one in others):
        raise InputError(f'{meta}: "annotations" is no list of objects; see the SigMF specification')
    # Indices of a part of a longer recording count from that recording's first sample.
    first, samples = _whole(common.get("core:offset")), group_samples(rate_hz)
    marks = [
        group_annotation(group.words, first_sample=first + group.sample_index, samples=samples)
        for group in groups
        if group.heard and group.sample_index >= 0
    ]
    kept = [one for one in others if RDS_GROUP not in one]
    contents["annotations"] = sorted([*kept, *marks], key=lambda one: _whole(one.get("core:sample_start")))
    extensions = common.setdefault("core:extensions", [])
    if not any(isinstance(one, dict) and one.get("name") == RDS_EXTENSION["name"] for one in extensions):
        extensions.append(RDS_EXTENSION)
    with whole_file(meta) as partial:
        partial.write_text(json.dumps(contents, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(marks)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
