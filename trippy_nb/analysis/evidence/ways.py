"""What the order of responders shows: balancers of packets, routing loops, borders of networks."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np

from trippy_nb.analysis.arrays import distinct
from trippy_nb.analysis.cells import sightings
from trippy_nb.analysis.evidence.statement import (
    ANSWERED,
    HINT,
    LIKELY,
    PROBES,
    SHOWN,
    OneRun,
    Statement,
    any_of,
    between,
    hops_text,
)
from trippy_nb.analysis.links import links
from trippy_nb.analysis.paths import paths
from trippy_nb.analysis.steady import unsteady_cells

_SPECIAL: Final = {
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),  # RFC 1918, RFC 4193
    "shared": ("100.64.0.0/10",),  # RFC 6598
    "documentation": (
        *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),  # RFC 5737
        *("2001:db8::/32", "3fff::/20"),  # RFC 3849, RFC 9637
    ),
    "link-local": ("169.254.0.0/16", "fe80::/10"),  # RFC 3927, RFC 4291 section 2.5.6
    "NAT64": ("64:ff9b::/96", "64:ff9b:1::/48"),  # RFC 6052 section 2.1, RFC 8215
}
_NETWORKS: Final = [(name, ipaddress.ip_network(text)) for name, texts in _SPECIAL.items() for text in texts]
_PUBLIC: Final = "public"
_WELL_KNOWN: Final = ipaddress.ip_network("64:ff9b::/96")
_MOST_NAMED: Final = 6


@cache
def kind_of_address(addr: str) -> str:
    """Name the kind of network that an address is of: ``public`` unless it is set aside."""
    given = ipaddress.ip_address(addr)
    for name, network in _NETWORKS:
        if given.version == network.version and given in network:
            return name
    return _PUBLIC


def per_packet_statements(run: OneRun) -> Iterator[Statement]:
    """Say where packets of one flow took turns between responders."""
    if not run.is_stable or not len(run.cells.run):
        return
    cells, probes = run.cells, run.probes
    cell, addr, _ = sightings(probes, cells)
    odd = unsteady_cells(cells)[cell] & cells.in_view[cell]
    seen: dict[tuple[int, int], set[int]] = defaultdict(set)
    _, number, _ = distinct((cells.flow[cell] * 256 + cells.ttl[cell]) * max(len(probes.names), 1) + addr)
    some = np.unique(number[odd], return_index=True)[1]
    for place in np.flatnonzero(odd)[some].tolist():
        seen[int(cells.flow[cell[place]]), int(cells.ttl[cell[place]])].add(int(addr[place]))
    flows: dict[tuple[int, tuple[int, ...]], list[int]] = defaultdict(list)
    for (flow, ttl), addrs in sorted(seen.items()):
        if len(addrs) > 1:
            flows[ttl, tuple(sorted(addrs))].append(flow)
    for (ttl, codes), members in sorted(flows.items()):
        names = tuple(probes.names[code] for code in codes)
        yield Statement(
            kind="per-packet",
            strength=LIKELY,
            says=f"Packets of one flow are answered at hop {ttl} by {_listed(names)} in turns: something "
            "before it "
            "balances packet by packet. Links at such hops may join two paths.",
            where=f"ttl == {ttl} and {ANSWERED} and {any_of('addr', names)}",
            table=PROBES,
            flows=tuple(members),
            ttl=ttl,
            last_ttl=ttl,
            addrs=names,
        )


def loop_statements(run: OneRun) -> Iterator[Statement]:
    """Say where packets go in circles until their TTL ends."""
    every = paths(run.tables)
    circling = every[every["cause"] == "routing-loop"]
    found: dict[tuple[int, int, tuple[str, ...]], set[int]] = defaultdict(set)
    for flow, first_ttl, addrs in circling[["flow", "first_ttl", "addrs"]].itertuples(index=False):
        again = [place for place, addr in enumerate(addrs) if addr is not None and addr in addrs[:place]]
        begin = addrs.index(addrs[again[0]])
        members = tuple(dict.fromkeys(addr for addr in addrs[begin:] if addr is not None))
        found[first_ttl + begin, first_ttl + len(addrs) - 1, members].add(flow)
    for (ttl, last_ttl, members), flows in sorted(found.items()):
        yield Statement(
            kind="routing-loop",
            strength=LIKELY,
            says=f"From hop {ttl} on packets go in circles between {_listed(members)} until their TTL ends.",
            where=f"{between(ttl, last_ttl)} and {ANSWERED} and {any_of('addr', members)}",
            table=PROBES,
            flows=tuple(sorted(flows)),
            ttl=ttl,
            last_ttl=last_ttl,
            addrs=members,
        )


def address_statements(run: OneRun) -> Iterator[Statement]:
    """Say what the responders' addresses alone show."""
    yield from _nat64(run)
    edges: dict[tuple[int, str, str], list[int]] = defaultdict(list)
    rows = links(run.tables)[["flow", "ttl", "from_addr", "to_addr"]]
    for flow, ttl, near, far in rows.itertuples(index=False):
        if kind_of_address(near) != kind_of_address(far):
            edges[int(ttl), str(near), str(far)].append(int(flow))
    source = run.facts["src_addr"]
    from_private = isinstance(source, str) and kind_of_address(source) in ("private", "shared")
    for (ttl, near, far), flows in sorted(edges.items()):
        one, two = kind_of_address(near), kind_of_address(far)
        where = (
            f'((ttl == {ttl} and addr == "{near}") or (ttl == {ttl + 1} and addr == "{far}")) and {ANSWERED}'
        )
        common = {"table": PROBES, "where": where, "flows": tuple(flows), "ttl": ttl, "last_ttl": ttl + 1}
        yield Statement(
            kind="address-edge",
            strength=SHOWN,
            says=f"{near} at hop {ttl} is a {one} address, {far} behind it a {two} one.",
            addrs=(near, far),
            **common,  # type: ignore[arg-type]  # a dict of several types
        )
        if from_private and one in ("private", "shared") and two == _PUBLIC:
            yield Statement(
                kind="nat",
                strength=HINT,
                says=f"The source {source} is a {kind_of_address(source)} address, and so is that of hop "
                f"{ttl}; hop "
                f"{ttl + 1} has a public one: addresses are usually translated at such a border.",
                addrs=(near, far),
                **common,  # type: ignore[arg-type]  # a dict of several types
            )


def _nat64(run: OneRun) -> Iterator[Statement]:
    known, addr = run.probes.names, run.probes.addr
    codes = [c for c in np.unique(addr[addr >= 0]).tolist() if kind_of_address(known[c]) == "NAT64"]
    names = tuple(known[code] for code in codes)
    if not names:
        return
    inside = [
        f"{name} is {ipaddress.IPv4Address(int(ipaddress.ip_address(name)) & 0xFFFFFFFF)}"
        for name in names
        if ipaddress.ip_address(name) in _WELL_KNOWN
    ]
    rows = np.flatnonzero(np.isin(addr, codes))
    ttl = int(run.probes.ttl[rows].min())
    last_ttl = int(run.probes.ttl[rows].max())
    more = f" ({_listed(inside)})" if inside else ""
    yield Statement(
        kind="nat64",
        strength=SHOWN,
        says=f"{_listed(names)} at {hops_text(ttl, last_ttl)}: IPv4 hosts behind a translator of IPv6{more}.",
        where=f"{ANSWERED} and {any_of('addr', names)}",
        table=PROBES,
        ttl=ttl,
        last_ttl=last_ttl,
        addrs=names,
    )


def _listed(names: "tuple[str, ...] | list[str]") -> str:
    shown = list(names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        return f"{', '.join(shown)} and {len(names) - _MOST_NAMED} others"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
