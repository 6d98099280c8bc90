"""MPLS tunnels: those that show their labels, and those that only leave traces.

The kinds and their traces are those of Vanaubel, Luttringer, Mérindol, Pansiot and Donnet (TNT, TMA 2019, and
the technical report of 2018). An opaque tunnel shows a label whose TTL is below 255, by as many as routers
are hidden; we believe that down to 231. That a hidden one is likely where answers come back over three
routers more than they should is the threshold of its program, sc_tnt.c.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from trippy_nb.analysis.evidence.hops import Hop, hops_of
from trippy_nb.analysis.evidence.statement import (
    FIRST,
    HINT,
    LIKELY,
    SHOWN,
    OneRun,
    Statement,
    any_of,
    between,
    hops_text,
)
from trippy_nb.analysis.repeats import CAUSES, repeats_of

_OPAQUE_OVER, _LSE_START = 230, 255
_HIDDEN_FROM = 3  # FRPLA_THRESHOLD
_PLATEAU_MS, _PLATEAU_RATIO = 1.0, 0.1  # RTTs this near each other are called equal. Our choice.
_SEVERAL = 2


def tunnel_statements(run: OneRun) -> Iterator[Statement]:
    """Say what answers show of MPLS tunnels. Flows that show the same share a statement."""
    found: dict[tuple[Any, ...], tuple[Statement, list[int]]] = {}
    for flow, hops in hops_of(run).items():
        for statement in (*_labelled(hops), *_implicit(hops), *_hidden(hops)):
            key = (statement.kind, statement.strength, statement.says)
            found.setdefault(key, (statement, []))[1].append(flow)
    for statement, flows in found.values():
        yield Statement(
            kind=statement.kind,
            strength=statement.strength,
            says=statement.says,
            where=statement.where,
            flows=tuple(flows),
            ttl=statement.ttl,
            last_ttl=statement.last_ttl,
            addrs=statement.addrs,
        )
    yield from _twice(run)


def _stretches(hops: list[Hop], wanted: list[bool]) -> Iterator[list[int]]:
    """Go through the stretches of wanted hops at TTLs in a row, as places in `hops`."""
    places = [place for place, is_wanted in enumerate(wanted) if is_wanted]
    for _, part in groupby(enumerate(places), lambda pair: hops[pair[1]].ttl - pair[0]):
        yield [place for _, place in part]


def _statement(kind: str, strength: str, hops: list[Hop], says: str, also: str) -> Statement:
    return Statement(
        kind=kind,
        strength=strength,
        says=says,
        where=f"{FIRST} and {between(hops[0].ttl, hops[-1].ttl)} and {also}",
        ttl=hops[0].ttl,
        last_ttl=hops[-1].ttl,
        addrs=tuple(dict.fromkeys(hop.addr for hop in hops)),
    )


def _labelled(hops: list[Hop]) -> Iterator[Statement]:
    for stretch in _stretches(hops, [bool(hop.labels) for hop in hops]):
        part = [hops[place] for place in stretch]
        where = hops_text(part[0].ttl, part[-1].ttl)
        lse = part[0].labels[0][1]
        if len(part) == 1 and _OPAQUE_OVER < lse < _LSE_START:
            says = (
                f"{where} shows one label with a TTL of {lse}: it is the end of an MPLS tunnel that hides "
                "about "
                f"{_LSE_START - lse} routers."
            )
            yield _statement("mpls-opaque", SHOWN, part, _capital(says), "mpls.notna()")
            continue
        labels = ", ".join(str(hop.labels[0][0]) for hop in part)
        says = f"{where} {'is' if len(part) == 1 else 'are'} inside an MPLS tunnel: labels {labels}."
        yield _statement("mpls-explicit", SHOWN, part, _capital(says), "mpls.notna()")
        yield from _tunnelled_answers(part, _after(hops, stretch))


def _after(hops: list[Hop], stretch: list[int]) -> Hop | None:
    place = stretch[-1] + 1
    return hops[place] if place < len(hops) and hops[place].ttl == hops[stretch[-1]].ttl + 1 else None


def _tunnelled_answers(part: list[Hop], end: Hop | None) -> Iterator[Statement]:
    """Look for answers that went on to the end of the tunnel before they came back.

    Their RTTs are all that of the end. The nearer the hop, the longer the detour: the TTL they arrive with
    rises along the tunnel, where it would fall.
    """
    if len(part) < _SEVERAL:
        return
    backs = [hop.back for hop in part if hop.back is not None]
    if len(backs) < len(part) or not all(one > two for one, two in pairwise(backs)):
        return
    rtts = [hop.rtt_ms for hop in (*part, *([end] if end else []))]
    level = max(rtts) - min(rtts) <= max(_PLATEAU_MS, _PLATEAU_RATIO * min(rtts))
    where = hops_text(part[0].ttl, part[-1].ttl)
    says = f"Answers of {where} come back over fewer routers the farther the hop is"
    says += f", and all take about as long ({min(rtts):.3g} to {max(rtts):.3g} ms)" if level else ""
    says += ": they go on to the end of the MPLS tunnel first. Their RTTs are those of its end."
    yield _statement("icmp-tunnelled", LIKELY if level else HINT, part, says, "mpls.notna()")


def _implicit(hops: list[Hop]) -> Iterator[Statement]:
    """Look for quoted TTLs that rise: hops inside a tunnel do not lower the TTL of IP."""
    quiet = [hop.expired and not hop.labels and hop.q_ttl >= _SEVERAL for hop in hops]
    for stretch in _stretches(hops, quiet):
        part = [hops[place] for place in stretch]
        if part[0].q_ttl != _SEVERAL or any(b.q_ttl != a.q_ttl + 1 for a, b in pairwise(part)):
            continue
        quoted = ", ".join(str(hop.q_ttl) for hop in part)
        says = (
            f"{hops_text(part[0].ttl, part[-1].ttl)} {'quotes' if len(part) == 1 else 'quote'} a TTL of "
            f"{quoted} "
            "where 1 was due: routers of an MPLS tunnel that shows no labels look so."
        )
        strength = LIKELY if len(part) >= _SEVERAL else HINT
        yield _statement("mpls-implicit", strength, part, _capital(says), "q_ttl >= 2")


def _hidden(hops: list[Hop]) -> Iterator[Statement]:
    """Look for a hop whose answers come back over more routers than the way there, suddenly."""
    for near, far in pairwise(hops):
        if far.ttl != near.ttl + 1 or near.labels or far.labels or near.back is None or far.back is None:
            continue
        more = (far.back - far.ttl) - (near.back - near.ttl)
        if more >= _HIDDEN_FROM:
            says = (
                f"Answers of hop {far.ttl} come back over {more} routers more than those of hop {near.ttl} "
                "would let expect: an MPLS tunnel may hide routers between the two, or the way back is "
                "another."
            )
            also = any_of("addr", dict.fromkeys((near.addr, far.addr)))
            yield _statement("mpls-suspected", HINT, [near, far], says, also)


def _twice(run: OneRun) -> Iterator[Statement]:
    """Look for hops that show twice: behind an invisible tunnel whose last router pops the label."""
    repeats = repeats_of(run.tables, run.probes, run.cells, run.sure)
    places = np.flatnonzero(repeats.cause == CAUSES.index("uhp"))
    hop = run.cells.hop
    found: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place in places.tolist():
        cell = int(np.flatnonzero(hop == repeats.hop[place])[0])
        addr = run.probes.names[int(repeats.addr[place])]
        found[int(run.cells.ttl[cell]), addr].append(int(run.cells.flow[cell]))
    for (ttl, addr), flows in sorted(found.items()):
        yield Statement(
            kind="mpls-suspected",
            strength=HINT,
            says=f"{addr} is both hop {ttl} and hop {ttl + 1}, with equal TTLs quoted and on return: so "
            "looks the "
            "router behind an MPLS tunnel that is invisible and pops its label at the very end.",
            where=f'{FIRST} and {between(ttl, ttl + 1)} and addr == "{addr}"',
            flows=tuple(flows),
            ttl=ttl,
            last_ttl=ttl + 1,
            addrs=(addr,),
        )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
