"""Runs that exist already: read them, set them side by side."""

from pathlib import Path

from trippy_nb.run import Comparison, Run, RunSet, read_runs


def read(path: str | Path) -> RunSet:
    """Read what `Run.save` or `RunSet.save` wrote; every table comes back equal.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file; the message says what it is.
    """
    return read_runs(path)


def compare(before: Run, after: Run) -> Comparison:
    """Set two runs side by side: paths flow by flow, and the shift of the round-trip times."""
    return Comparison(before, after)
