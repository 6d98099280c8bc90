"""Runs that exist already: read them, set them side by side."""

from collections.abc import Mapping
from pathlib import Path

from trippy_nb.analysis import ALPHA, ManySides, check_alpha
from trippy_nb.analysis import compare_many as tables_compared
from trippy_nb.errors import ConfigError
from trippy_nb.formats import read_atlas
from trippy_nb.run import Comparison, RunSet, Side, read_runs, tables_of

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
    ConfigError
        If that is no path at all.
    """
    if not isinstance(path, str | Path):
        raise ConfigError(f"a file is named by a text or a Path, not by {path!r}")
    with Path(path).open("rb") as file:
        head = file.read(_HEAD).lstrip()
    return RunSet.from_tables(read_atlas(path)) if head.startswith(_JSON) else read_runs(path)


def compare(before: Side, after: Side, *, alpha: float = ALPHA) -> Comparison:
    """Set two sides beside one another: their paths, round-trip times and unanswered probes.

    Parameters
    ----------
    before, after
        Runs, sets of runs (each taken as one), or windows of time of either.
    alpha
        Probability of calling changed what is not.

    Returns
    -------
    comparison
        Its verdict is same, changed, or cannot tell; `power` says how small a change would have shown.

    Raises
    ------
    ConfigError
        If a side is none, or alpha is no probability up to 0.5.
    """
    for side in (before, after):
        _check(side)
    check_alpha(alpha)
    return Comparison(before, after, alpha=alpha)


def compare_many(sides: Mapping[str, Side], *, alpha: float = ALPHA) -> ManySides:
    """Compare several sides, each with each: protocols, vantages, days.

    Parameters
    ----------
    sides
        Runs, sets of runs or tables, by what they are to be called: ``{"icmp": run, "tcp": other}``.
    alpha
        Probability of calling any two of them different wrongly.

    Returns
    -------
    compared
        Two frames, `pairs` and `hops`, and a sentence.

    Raises
    ------
    ConfigError
        If there are fewer than two, or one of them is none.
    """
    if not isinstance(sides, Mapping):
        raise ConfigError(f"compare_many takes sides by name, {{'one': run}}, not {type(sides).__name__}")
    for side in sides.values():
        _check(side)
    return tables_compared({name: tables_of(side) for name, side in sides.items()}, alpha=alpha)


def _check(side: Side) -> None:
    if not isinstance(side, Side):
        raise ConfigError(f"compare takes runs, sets of runs or tables, not {type(side).__name__}")
