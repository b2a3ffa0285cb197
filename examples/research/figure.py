"""A folder of results in, a figure out: how many groups come through whole, over the measured carrier to noise.

python examples/research/figure.py results figure.png
"""

import sys
from pathlib import Path

import pyarrow.parquet as pq
from matplotlib.figure import Figure

GROUPS_A_SECOND = 1187.5 / 104


def main(results: Path, output: Path) -> None:
    """Reads two tables, joins them by recording, and draws."""
    stations = pq.read_table(results / "stations", columns=["file", "cn_db", "complete_groups"])
    manifest = pq.read_table(results / "manifest.parquet", columns=["path", "seconds"])
    rows = stations.join(manifest, keys="file", right_keys="path").sort_by("cn_db").to_pylist()
    noises_db = [row["cn_db"] for row in rows]
    shares = [row["complete_groups"] / (row["seconds"] * GROUPS_A_SECOND) for row in rows]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(noises_db, shares, marker="o")
    axes.set(xlabel="carrier to noise in 200 kHz, dB", ylabel="complete groups of those sent", ylim=(0, 1.05))
    axes.grid(alpha=0.3)
    figure.savefig(output, dpi=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
