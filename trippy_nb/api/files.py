"""Runs that exist already: read them, set them side by side."""

from pathlib import Path

from trippy_nb.formats import read_atlas
from trippy_nb.run import Comparison, Run, RunSet, read_runs

_HEAD = 64
_JSON = (b"[", b"{", b"\x1f\x8b")
"""How JSON begins, or what is gzipped."""


def read(path: str | Path) -> RunSet:
    """Read what `Run.save` or `RunSet.save` wrote, or traceroute results of RIPE Atlas.

    Every table of a saved run comes back equal. Of RIPE Atlas, each result is a run (`formats.read_atlas`).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file; the message says what it is.
    """
    with Path(path).open("rb") as file:
        head = file.read(_HEAD).lstrip()
    return RunSet.from_tables(read_atlas(path)) if head.startswith(_JSON) else read_runs(path)


def compare(before: Run, after: Run) -> Comparison:
    """Set two runs side by side: paths flow by flow, and the shift of the round-trip times."""
    return Comparison(before, after)
