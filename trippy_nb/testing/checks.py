"""Assertions about runs, tables and graphs; the message says where, what, and what was expected."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from trippy_nb.errors import ConfigError, SchemaError
from trippy_nb.frames import Tables, check_frame
from trippy_nb.run import Run, RunSet
from trippy_nb.sim import Truth

if TYPE_CHECKING:
    import networkx as nx

    from trippy_nb.sim import SimNetwork

_SHOWN = 5
_PROBE_KEY = ["run_id", "round", "flow", "ttl", "attempt"]
_ANSWERED = ("reply", "late")
_UNANSWERED = ("timeout", "in_flight", "send_error", "not_sent")
_REFERENCES = (
    ("flows", "runs", ["run_id"]),
    ("probes", "runs", ["run_id"]),
    ("probes", "flows", ["run_id", "flow"]),
    ("replies", "runs", ["run_id"]),
    ("replies", "probes", _PROBE_KEY),
    ("packets", "runs", ["run_id"]),
    ("packets", "probes", _PROBE_KEY),
)
"""Table, the table that it refers to, and by what; a key with gaps refers to nothing."""


def assert_valid(thing: Run | RunSet | Tables) -> None:
    """Assert that tables keep their contract, and fit together.

    Columns, dtypes, words and keys of each table; runs, flows and probes that a row refers to exist; silence
    has neither responder nor RTT, an answer has a responder; and no RTT is negative.

    Parameters
    ----------
    thing
        A run, a set of runs, or tables.

    Raises
    ------
    AssertionError
        At the first offence: table, column, row and reason.
    """
    tables = thing if isinstance(thing, Tables) else thing.tables
    for table, frame in tables.items():
        try:
            check_frame(frame, table)
        except SchemaError as error:
            raise AssertionError(str(error)) from error
    for name, target, key in _REFERENCES:
        _refer(name, getattr(tables, name).dropna(subset=key), target, getattr(tables, target), key)
    probes = tables.probes
    status = probes["status"].astype("str")
    silent = status.isin(_UNANSWERED)
    _none(probes, silent & probes["addr"].notna(), "probes", "addr", "is set, but nobody answered")
    _none(probes, silent & probes["rtt_ms"].notna(), "probes", "rtt_ms", "is set, but nobody answered")
    _none(probes, status.isin(_ANSWERED) & probes["addr"].isna(), "probes", "addr", "is missing in an answer")
    _none(probes, probes["rtt_ms"] < 0, "probes", "rtt_ms", "is negative")


def assert_runs_equal(one: Run, other: Run, *, ignore: Collection[str] = ("handles",)) -> None:
    """Assert that two runs have the same rows, in the same order, in all their tables.

    Values are compared exactly, RTTs too; of a category only its values, not what else it might have held.

    Parameters
    ----------
    one, other
        The runs.
    ignore
        Tables, or columns as ``table.column``, that may differ.

    Raises
    ------
    AssertionError
        At the first difference: table, column, row and both values.
    ConfigError
        If `ignore` names what neither run has.
    """
    theirs = {table.name: frame for table, frame in other.tables.items()}
    known: set[str] = set()
    for table, frame in one.tables.items():
        known |= {table.name, *(f"{table.name}.{name}" for name in (*frame, *theirs[table.name]))}
    for name in ignore:
        if name not in known:
            raise ConfigError(f"ignore has {name!r}, which is no table and no table.column of these runs")
    for table, frame in one.tables.items():
        if table.name not in ignore:
            prefix = f"{table.name}."
            ignored = {name.removeprefix(prefix) for name in ignore if name.startswith(prefix)}
            _same_frame(table.name, frame, theirs[table.name], ignored)


def assert_same_graph(one: "nx.MultiDiGraph", other: "nx.MultiDiGraph") -> None:
    """Assert that two hop graphs have the same nodes and the same links; counts and RTTs may differ.

    Raises
    ------
    AssertionError
        With what only one of them has.
    """
    _same("nodes", set(one.nodes), set(other.nodes))
    _same("links", set(one.edges()), set(other.edges()))


def assert_graph_true(
    run: Run, network: "SimNetwork | Truth", *, at_s: float = 0.0, complete: bool = False
) -> None:
    """Assert that a run's graph shows nothing that its network has not.

    All routers and targets are looked at, and links between them. Only links whose `evidence` is ``flow``
    claim something; others are not looked at, nor are links to what did not answer, and that of the source.

    Parameters
    ----------
    run
        A run of that network.
    network
        The network, or its truth.
    at_s
        Virtual time of the run.
    complete
        Whether all there is must have been found, too.

    Raises
    ------
    AssertionError
        With the nodes or links that are false, or missing.
    KeyError
        If the network has no such target.
    """
    truth = network if isinstance(network, Truth) else network.truth
    target = str(run.runs["dst_addr"].iloc[0])
    true = set(truth.edges(target, at_s=at_s))
    nodes = {addr for edge in true for addr in edge if addr is not None} | {target}
    graph = run.graph()
    found = {node for node in graph if _is_responder(graph, node)}
    _no("nodes that are not there", found - nodes)
    named = {evidence: _links(graph, evidence, found) for evidence in ("flow", "assumed")}
    _no("links that are not there", named["flow"] - true)
    if complete:
        _no("nodes that were not found", {addr for edge in true for addr in edge if addr is not None} - found)
        _no(
            "links that were not found",
            {edge for edge in true if None not in edge} - set().union(*named.values()),
        )


def _links(graph: "nx.MultiDiGraph", evidence: str, ends: Collection[str]) -> set[tuple[str, str]]:
    """List the links between these of which a graph says that."""
    every = graph.edges(data="evidence")
    return {(near, far) for near, far, word in every if word == evidence and near in ends and far in ends}


def _no(what: str, things: Collection[object]) -> None:
    if things:  # no assert statement: python -O would let all pass
        raise AssertionError(f"{what}: {_listed(things)}")


def _is_responder(graph: "nx.MultiDiGraph", node: str) -> bool:
    return graph.nodes[node]["kind"] in ("router", "target")


def _refer(name: str, frame: pd.DataFrame, target: str, targets: pd.DataFrame, key: list[str]) -> None:
    wanted = frame[key].astype("int64")
    known = pd.MultiIndex.from_frame(targets[key].astype("int64"))
    missing = ~pd.MultiIndex.from_frame(wanted).isin(known)
    if missing.any():
        row = ", ".join(f"{column}={value}" for column, value in wanted[missing].iloc[0].items())
        raise AssertionError(f"{name}: row {wanted.index[missing][0]} is of no row of {target} ({row})")


def _none(frame: pd.DataFrame, wrong: "pd.Series[bool]", name: str, column: str, reason: str) -> None:
    rows = frame.index[wrong.fillna(value=False).astype("bool")]
    if len(rows):
        raise AssertionError(f"{name}.{column}: row {rows[0]} {reason} ({len(rows)} such rows)")


def _same_frame(table: str, one: pd.DataFrame, other: pd.DataFrame, ignored: Collection[str]) -> None:
    _same(f"columns of {table}", set(one) - set(ignored), set(other) - set(ignored))
    if len(one) != len(other):
        raise AssertionError(f"{table}: {len(one)} rows in the first, {len(other)} in the second")
    for name in one.columns:
        if name not in ignored:
            _same_column(f"{table}.{name}", one[name], other[name])


def _same_column(name: str, one: "pd.Series[Any]", other: "pd.Series[Any]") -> None:
    if one.equals(other):
        return
    if str(one.dtype) != str(other.dtype):
        raise AssertionError(f"{name}: is {one.dtype} in the first, {other.dtype} in the second")
    pairs = zip(_values(one), _values(other), strict=True)
    wrong = [(row, *pair) for row, pair in enumerate(pairs) if pair[0] != pair[1]]
    if wrong:  # else only the categories differ
        row, ours, theirs = wrong[0]
        raise AssertionError(
            f"{name}: row {row} is {ours!r} in the first, {theirs!r} in the second ({len(wrong)} such rows)"
        )


def _values(column: "pd.Series[Any]") -> list[object]:
    """Values as objects, with None for all that is missing: NaN is not itself."""
    return column.astype(object).where(column.notna(), None).tolist()


def _same(what: str, one: set[object], other: set[object]) -> None:
    only_one, only_other = one - other, other - one
    if only_one or only_other:
        raise AssertionError(
            f"{what} differ: only in the first {_listed(only_one)}; only in the second {_listed(only_other)}"
        )


def _listed(things: Iterable[object]) -> str:
    names = sorted(map(str, things))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "none") + more
