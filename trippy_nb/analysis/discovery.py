"""What a discovery may still hide: node by node, from its rows alone.

The same counting as the search itself (`tracing.mda`): a node has shown its next hops to so many flows, and
the stopping rule tells how likely one more would have stayed hidden (`model.stopping`). It holds for nodes
that balance uniformly; an uneven balancer hides its rarest branch longer than that. Where one node is alone
at its TTL, and enough flows have shown so, all flows are taken to pass it.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from trippy_nb.analysis.arrays import Probes, probe_arrays
from trippy_nb.analysis.told import Told, plural
from trippy_nb.frames.check import conform
from trippy_nb.frames.derived import DISCOVERY
from trippy_nb.model import DiscoveryOptions, EndReason, flows_needed, hidden_ratio

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_SILENT: Final = ""
_DEFAULT_CONFIDENCE: Final = DiscoveryOptions().confidence
_TWO_WAYS: Final = 2
_OVER: Final = (EndReason.COMPLETE, EndReason.ROUNDS)  # all other reasons cut a run short


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Discovery(Told):
    """What was discovered, and how sure that is."""

    nodes: pd.DataFrame
    """One row a node: `frames.derived.DISCOVERY`."""
    confidence: float
    """Asked for, for each node."""
    algorithm: str
    probes: int
    """Sent."""
    ended: str
    """Why it ended, as `runs.end_reason` says."""
    uneven_ttls: tuple[int, ...] = ()
    """TTLs whose nodes, with those one farther, are meshed or differ in how many neighbours they have: what
    MDA-Lite supposes not to be, and where it goes on as the MDA."""

    @property
    def all_found_ratio(self) -> float:
        """Probability that no next hop stayed hidden anywhere, if all balancers are uniform (0 to 1).

        The product over all nodes, as if each hid one more next hop than it showed: the worst case.
        """
        return float(prod(1 - self.nodes["hidden_ratio"].fillna(0.0)))

    @property
    def hidden_by_ttl(self) -> "pd.Series[float]":
        """Chance that a next hop of any node of a TTL is hidden (0 to 1), by TTL; the ends are left out."""
        shown = self.nodes.dropna(subset="hidden_ratio").assign(found=lambda nodes: 1 - nodes["hidden_ratio"])
        return (1 - shown.groupby("ttl")["found"].prod()).rename("hidden_ratio")

    @property
    def by_ttl(self) -> pd.DataFrame:
        """What was found at each TTL.

        `responders`, whether something never answered there (`silent`), whether all of them were asked often
        enough (`complete`), and `hidden_ratio` as `hidden_by_ttl` has it.
        """
        nodes = self.nodes.assign(silent=self.nodes["addr"].isna())
        table = nodes.groupby("ttl").agg(
            responders=("addr", "count"), silent=("silent", "any"), complete=("complete", "all")
        )
        return table.join(self.hidden_by_ttl)

    @property
    def said(self) -> tuple[str, pd.DataFrame]:
        """The sentence, and the nodes, with chances in percent."""
        chances = (100 * self.nodes["hidden_ratio"]).map("{:.1f} %".format, na_action="ignore")
        table = self.nodes.drop(columns="run_id").assign(hidden_ratio=chances)
        return self.sentence, table.fillna({"addr": "*"})

    @property
    def sentence(self) -> str:
        """What was found, and what may be hidden, in words."""
        nodes = self.nodes
        named = nodes["addr"].notna().sum()
        if not named:
            return f"Nobody has answered {_count(self.probes, 'probe')} ({self.ended})."
        widest = nodes.groupby("ttl").size().max()
        forks = int((nodes["next_hops"] >= _TWO_WAYS).sum())
        short = int((~nodes["complete"]).sum())
        text = (
            f"{_count(named, 'responder')}, {_count(forks, 'place')} where paths part, up to {widest} wide, "
            f"by {_count(self.probes, 'probe')}. "
        )
        if short:
            text += f"{_count(short, 'node')} of {len(nodes)} not asked often enough ({self.ended}). "
        if self.algorithm == "mda-lite" and self.uneven_ttls:
            text += f"Meshed or uneven behind {_hops(self.uneven_ttls)}: there MDA-Lite goes on as the MDA. "
        return text + (
            f"Chance that a branch is hidden somewhere: at most {100 * (1 - self.all_found_ratio):.1f} %, "
            "if balancers are even."
        )


@dataclass(slots=True)
class _Sights:
    """What each flow showed at each TTL."""

    seen: dict[int, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    """TTL -> flow -> responder, or `_SILENT`."""
    mixed: set[tuple[int, int]] = field(default_factory=set)
    """(flow, TTL) with different responders."""
    answers: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    ends: dict[int, int] = field(default_factory=dict)
    """Flow -> TTL of its end."""


@dataclass(slots=True)
class _Node:
    flows: set[int] = field(default_factory=set)
    after: set[str] = field(default_factory=set)
    before: set[str] = field(default_factory=set)
    flows_on: int = 0
    ends: int = 0
    """Flows whose path ends here."""


def discovery(tables: "Tables") -> Discovery:
    """Tell what a run found out about branching, and what it may have missed.

    Parameters
    ----------
    tables
        Of one run. It need not be a discovery: of any run with stable flows the question makes sense.

    Returns
    -------
    discovery
        `nodes` has one row for each (TTL, responder) on a path, those that never answered together as one
        a TTL, by TTL and address.
    """
    probes = probe_arrays(tables)
    run = tables.runs.iloc[0]
    asked = _asked(run["config"])
    confidence = float(asked.get("confidence", _DEFAULT_CONFIDENCE))
    sights = _who_was_where(probes)
    nodes = _nodes(sights)
    over = run["end_reason"] in _OVER
    rows = [_row(place, nodes, sights, confidence=confidence, over=over) for place in sorted(nodes)]
    frame = pd.DataFrame(rows, columns=list(DISCOVERY.names))
    return Discovery(
        nodes=conform(frame, DISCOVERY),
        confidence=confidence,
        algorithm=str(run["method"]),
        probes=len(tables.probes),
        ended="under way" if pd.isna(run["end_reason"]) else str(run["end_reason"]),
        uneven_ttls=tuple(ttl for ttl in sorted(sights.seen) if _is_uneven(ttl, nodes, sights)),
    )


def _asked(config: object) -> dict[str, Any]:
    options = json.loads(config) if isinstance(config, str) else {}
    asked: dict[str, Any] = options.get("discovery", {}) if isinstance(options, dict) else {}
    return asked


def _who_was_where(probes: Probes) -> _Sights:
    """Find who answered each flow at each TTL, where answers differed, and where paths ended."""
    sights = _Sights()
    seen, ends = sights.seen, sights.ends
    rows = zip(
        probes.flow.tolist(), probes.ttl.tolist(), probes.addr.tolist(), probes.settled.tolist(),
        (probes.from_target | probes.refused).tolist(), strict=True,
    )  # fmt: skip
    for flow, ttl, code, settled, is_end in rows:
        if code >= 0:
            known = seen[ttl].get(flow)
            name = probes.names[code]
            sights.answers[flow, ttl] += 1
            if known in (None, _SILENT):
                seen[ttl][flow] = name
            elif known != name:
                sights.mixed.add((flow, ttl))
            if is_end:
                ends[flow] = min(ttl, ends.get(flow, ttl))
        elif settled:
            seen[ttl].setdefault(flow, _SILENT)
    for ttl, here in seen.items():
        for flow in [flow for flow in here if ttl > ends.get(flow, ttl)]:
            del here[flow]
    _cut_silent_tails(seen, ends)
    return sights


def _cut_silent_tails(seen: dict[int, dict[int, str]], ends: dict[int, int]) -> None:
    """Leave off what is silent beyond the last answer of a flow, but for one TTL."""
    flows = {flow for here in seen.values() for flow in here} - ends.keys()
    for flow in flows:
        last = max((ttl for ttl, here in seen.items() if here.get(flow)), default=0)
        for ttl, here in seen.items():
            if ttl > last + 1:
                here.pop(flow, None)


def _nodes(sights: _Sights) -> dict[tuple[int, str], _Node]:
    seen = sights.seen
    nodes: dict[tuple[int, str], _Node] = defaultdict(_Node)
    for ttl in sorted(seen):
        following = seen.get(ttl + 1, {})
        for flow, name in seen[ttl].items():
            node = nodes[ttl, name]
            node.flows.add(flow)
            node.ends += sights.ends.get(flow) == ttl
            if flow in following:
                node.after.add(following[flow])
                nodes[ttl + 1, following[flow]].before.add(name)
                node.flows_on += 1
    return nodes


def _is_uneven(ttl: int, nodes: dict[tuple[int, str], _Node], sights: _Sights) -> bool:
    """Tell whether MDA-Lite does not do for a hop and the next, by its own tests (as `tracing.mda`).

    Behind balancers of packets nothing is asked by flow, so they are left out.
    """
    here = [
        node
        for (at, _), node in nodes.items()
        if at == ttl and node.after and not _took_turns(ttl, node, sights)
    ]
    there = [node for (at, _), node in nodes.items() if at == ttl + 1]
    if min(len(here), len(there)) < _TWO_WAYS:
        return False
    wide, narrow = [len(node.after) for node in here], [len(node.before) for node in there]
    if len(here) < len(there):
        wide, narrow = narrow, wide
    return max(wide) >= _TWO_WAYS or (len(here) != len(there) and len(set(narrow)) > 1)


def _took_turns(ttl: int, node: _Node, sights: _Sights) -> bool:
    """Tell whether one flow through a node was answered by several one TTL on."""
    return any((flow, ttl + 1) in sights.mixed for flow in node.flows)


def _row(
    place: tuple[int, str],
    nodes: dict[tuple[int, str], _Node],
    sights: _Sights,
    *,
    confidence: float,
    over: bool,
) -> dict[str, Any]:
    (ttl, name), node, following = place, nodes[place], sights.seen.get(place[0] + 1, {})
    alone = sum(at == ttl for at, _ in nodes) == 1 and name != _SILENT
    after, flows_on = node.after, node.flows_on
    if alone and len(node.flows) >= flows_needed(1, confidence):  # every flow passes it
        after, flows_on = set(following.values()), len(following)
    # Where a run was cut short, a responder without a next hop is one that was not asked, and no end.
    is_end = node.ends == len(node.flows) or (not after and (over or name == _SILENT))
    needed = None if is_end else flows_needed(max(len(after), 1), confidence)
    took_turns = _took_turns(ttl, node, sights)
    tested = max((sights.answers[flow, ttl + 1] for flow in node.flows), default=0)
    is_tested = tested >= flows_needed(1, confidence)
    return {
        "run_id": 0,
        "ttl": ttl,
        "addr": name or None,
        "flows": len(node.flows),
        "next_hops": 0 if is_end else len(after),
        "flows_on": 0 if is_end else flows_on,
        "flows_needed": needed,
        "hidden_ratio": None if is_end else hidden_ratio(len(after), flows_on) if after else 1.0,
        "balancing": _balancing(len(after), took_turns=took_turns, is_tested=is_tested),
        "complete": needed is None or flows_on >= needed or took_turns,
    }


def _balancing(next_hops: int, *, took_turns: bool, is_tested: bool) -> str:
    if took_turns:
        return "per-packet"
    if next_hops < _TWO_WAYS:
        return "none seen"
    return "per-flow" if is_tested else "cannot tell"


def _hops(ttls: tuple[int, ...]) -> str:
    return f"{plural(len(ttls), 'hop')} {', '.join(map(str, ttls))}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {plural(number, word)}"
