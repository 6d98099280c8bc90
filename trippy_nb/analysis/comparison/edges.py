"""The links of two sides beside one another, each weighed against what else followed its nearer end."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from trippy_nb.analysis.comparison.chance import fisher
from trippy_nb.analysis.comparison.routes import UNKNOWN
from trippy_nb.analysis.flowkeys import definitions, known
from trippy_nb.analysis.links import EVIDENCE, POSITIONAL, links
from trippy_nb.analysis.ratios import holm

if TYPE_CHECKING:
    from trippy_nb.analysis.flowkeys import Definition
    from trippy_nb.frames import Tables

Edge = tuple[str, str]


class _Side:
    """Links of one side, by flow as a balancer sees flows."""

    def __init__(self, tables: "Tables") -> None:
        found = links(tables)
        keys = definitions(tables)
        self.rounds: dict[Definition, dict[Edge, int]] = defaultdict(lambda: defaultdict(int))
        self.evidence: dict[Edge, int] = defaultdict(int)
        """The weakest that stands for it, by `EVIDENCE`."""
        for run, flow, near, far, rounds, evidence in found[
            ["run_id", "flow", "from_addr", "to_addr", "rounds", "evidence"]
        ].itertuples(index=False):
            name = keys.get((run, flow), UNKNOWN)
            edge = (str(near), str(far))
            self.rounds[name if known(name) else UNKNOWN][edge] += int(rounds)
            self.evidence[edge] = max(self.evidence[edge], EVIDENCE.index(evidence))

    def count(self, edge: Edge) -> int:
        """Count the rounds that showed it."""
        return sum(seen.get(edge, 0) for seen in self.rounds.values())

    def left(self, near: str) -> int:
        """Count what followed an address."""
        return sum(n for seen in self.rounds.values() for edge, n in seen.items() if edge[0] == near)

    def flows(self, edge: Edge) -> int:
        """Count the flows that showed it."""
        return sum(edge in seen for seen in self.rounds.values())

    def flows_from(self, near: str) -> int:
        """Count the flows that went on from an address."""
        return sum(any(edge[0] == near for edge in seen) for seen in self.rounds.values())


def edge_rows(a: "Tables", b: "Tables", *, matched: bool) -> list[dict[str, Any]]:
    """Compare the links of two sides.

    Parameters
    ----------
    a, b
        The sides.
    matched
        Both sent the same flows: each is compared with itself, round by round. Else flows are counted.

    Returns
    -------
    rows
        Of `frames.answers.COMPARED_EDGES`. They take no part in the verdict: what changes a link of a flow
        changes a hop of it, and that is tested already.
    """
    one, two = _Side(a), _Side(b)
    edges = sorted({edge for side in (one, two) for seen in side.rounds.values() for edge in seen})
    p_values = holm([_p(one, two, edge, matched=matched) for edge in edges]).tolist()
    return [
        {
            "from_addr": edge[0],
            "to_addr": edge[1],
            "a_rounds": one.count(edge),
            "b_rounds": two.count(edge),
            "a_flows": one.flows(edge),
            "b_flows": two.flows(edge),
            "a_share": _share(one, edge),
            "b_share": _share(two, edge),
            "evidence": _evidence(one, two, edge),
            "p_value": p,
        }
        for edge, p in zip(edges, p_values, strict=True)
    ]


def _evidence(one: _Side, two: _Side, edge: Edge) -> str:
    return EVIDENCE[max(side.evidence.get(edge, 0) for side in (one, two))]


def _share(side: _Side, edge: Edge) -> float | None:
    left = side.left(edge[0])
    return side.count(edge) / left if left else None


def _p(one: _Side, two: _Side, edge: Edge, *, matched: bool) -> float:
    if _evidence(one, two, edge) == POSITIONAL:
        return float("nan")
    if not matched:
        tables = [(one.flows(edge), one.flows_from(edge[0]), two.flows(edge), two.flows_from(edge[0]))]
    else:
        common = one.rounds.keys() & two.rounds.keys()
        tables = [(*_of_flow(one.rounds[name], edge), *_of_flow(two.rounds[name], edge)) for name in common]
    return _smallest(fisher(x, n, y, m) for x, n, y, m in tables if n and m and 0 < x + y < n + m)


def _of_flow(seen: dict[Edge, int], edge: Edge) -> tuple[int, int]:
    return seen.get(edge, 0), sum(n for other, n in seen.items() if other[0] == edge[0])


def _smallest(p_values: Iterable[float]) -> float:
    """Join the flows: Bonferroni's."""
    found: Sequence[float] = list(p_values)
    return min(min(found) * len(found), 1.0) if found else float("nan")
