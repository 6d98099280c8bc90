"""Diamonds of a graph without cycles: which there are, and how wide, long and meshed they are.

The terms are those of Augustin, Friedman and Teixeira (Measuring Multipath Routing in the Internet, ToN 2011:
diamond, width, length, symmetry) and Vermeulen et al. (Multilevel MDA-Lite Paris Traceroute, IMC 2018: width
asymmetry, meshing). Theirs begin and end where all flows pass; here those inside one are listed as well.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import networkx as nx

END = "\0end"
"""Stands after all that paths end in; no node is called so."""
_BRANCHES = 2


@dataclass(frozen=True, slots=True)
class Diamond:
    """One diamond of a graph without cycles."""

    divergence: str
    convergence: str
    inside: frozenset[str]
    """The nodes between the two ends."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a diamond looks like, in nodes and links."""

    max_width: int
    min_width: int
    max_length: int
    min_length: int
    width_asymmetry: int
    meshed_ratio: float


def find_diamonds(dag: "nx.DiGraph[str]", source: str, ends: Iterable[str]) -> list[Diamond]:
    """Find the diamonds of a graph without cycles.

    Parameters
    ----------
    dag
        The links.
    source
        Where all paths begin.
    ends
        Where they may end. A diamond whose ways never meet before them has the convergence `END`.

    Returns
    -------
    diamonds
        In topological order of their divergences.
    """
    core = _core(dag, source, ends)
    after = nx.immediate_dominators(core.reverse(copy=False), END)
    found = []
    for node in nx.lexicographical_topological_sort(core):
        if node != END and core.out_degree(node) >= _BRANCHES:
            meet = after[node]
            inside = (nx.descendants(core, node) & nx.ancestors(core, meet)) - {node, meet}
            found.append(Diamond(node, meet, frozenset(inside)))
    return found


def shape_of(
    dag: "nx.DiGraph[str]", diamond: Diamond, ends: Iterable[str], also: Iterable[str] = ()
) -> Shape:
    """Measure a diamond.

    Parameters
    ----------
    dag, diamond, ends
        As :func:`find_diamonds` takes and gives them.
    also
        Nodes behind the divergence that are to count for the width, though no way leads on from them.
    """
    keep = {diamond.divergence, *diamond.inside, diamond.convergence}
    part = _with_end(dag, ends).subgraph(keep)
    at = _distances(part, diamond.divergence)
    wide = _distances(dag.subgraph({diamond.divergence, *diamond.inside, *also}), diamond.divergence)
    lengths = at[diamond.convergence]
    width = [sum(d in wide[node] for node in wide) for d in range(1, max(lengths))]
    meshed, asymmetry = 0, 0
    for d in range(max(lengths)):
        here = {node for node in at if d in at[node]}
        there = {node for node in at if d + 1 in at[node]}
        out = [sum(after in there for after in part.successors(node)) for node in here]
        into = [sum(before in here for before in part.predecessors(node)) for node in there]
        meshed += _is_meshed(out, into)
        asymmetry = max(asymmetry, _asymmetry(out, into))
    return Shape(
        max_width=max(width, default=1),
        min_width=nx.edge_connectivity(part, diamond.divergence, diamond.convergence),
        max_length=max(lengths),
        min_length=min(lengths),
        width_asymmetry=asymmetry,
        meshed_ratio=meshed / max(lengths),
    )


def _is_meshed(out: list[int], into: list[int]) -> bool:
    """Tell whether more links join two distances than each node of the wider one needs."""
    if len(out) < len(into):
        return max(into) >= _BRANCHES
    return max(out) >= _BRANCHES


def _asymmetry(out: list[int], into: list[int]) -> int:
    """Return how much the nodes of the narrower distance differ in links to the wider one."""
    successors, predecessors = max(out) - min(out), max(into) - min(into)
    if len(out) == len(into):
        return max(successors, predecessors)
    return successors if len(out) < len(into) else predecessors


def _distances(part: "nx.DiGraph[str]", start: str) -> dict[str, set[int]]:
    """Return at which distances from the start each node is."""
    at: dict[str, set[int]] = defaultdict(set)
    at[start] = {0}
    for node in nx.topological_sort(part):
        for after in part.successors(node):
            at[after] |= {d + 1 for d in at[node]}
    return {node: found for node, found in at.items() if found}


def _with_end(dag: "nx.DiGraph[str]", ends: Iterable[str]) -> "nx.DiGraph[str]":
    whole = dag.copy()
    whole.add_edges_from((end, END) for end in ends if end in dag)
    return whole


def _core(dag: "nx.DiGraph[str]", source: str, ends: Iterable[str]) -> "nx.DiGraph[str]":
    """Return the nodes between the source and an end."""
    whole = _with_end(dag, ends)
    whole.add_node(END)
    whole.add_node(source)
    keep = (nx.descendants(whole, source) | {source}) & (nx.ancestors(whole, END) | {END})
    return whole.subgraph(keep | {END}).copy()
