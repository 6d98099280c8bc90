"""Random networks: a chain of routers, and diamonds in it, for tests and for lessons.

A network follows from the seed and the parameters alone, on every machine and Python: of the generator only
`random()` is used, whose sequence Python promises to keep.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final, Literal, get_args

from trippy_nb.errors import ConfigError
from trippy_nb.model import NS_PER_MS, check_number, is_number
from trippy_nb.sim.delays import Constant
from trippy_nb.sim.network import SimNetwork
from trippy_nb.sim.nodes import SOURCE, Balance, Limit, Link, LinkSpec, Router, Source, Target
from trippy_nb.sim.routes import NextHop, Route
from trippy_nb.sim.scenario import Scenario

TARGET: Final = "target.example"
"""Host name of the target of every random network."""

_TARGET_V4, _TARGET_V6 = "198.51.100.80", "2001:db8:80::80"
_SOURCE_V4, _SOURCE_V6 = "192.0.2.10", "2001:db8:10::10"
_FIRST_V4 = int(ipaddress.IPv4Address("198.18.0.1"))  # RFC 2544: for measurements of networks like these
_FIRST_V6 = int(ipaddress.IPv6Address("2001:db8:f000::1"))
_MOST_WIDTH, _MOST_HOPS = 64, 60
_HEAVIEST = 4  # a next hop gets up to four times the share of another

_ANSWERS_FROM: Final = ("link", "router")

Range = tuple[int, int]


def random(
    seed: int,
    *,
    hops: Range = (4, 12),
    diamonds: Range = (0, 3),
    width: Range = (2, 6),
    length: Range = (1, 3),
    meshing: float = 0.0,
    unequal: float = 0.0,
    nesting: float = 0.0,
    balance: Balance = "flow",
    weighted: bool = False,
    silent: int = 0,
    loss: float = 0.0,
    limit: Limit | None = None,
    interfaces: Literal["link", "router"] = "link",
) -> SimNetwork:
    """Make a random network of one source and one target, ``target.example``.

    Parameters
    ----------
    seed
        Another seed is another network; it is the seed of its luck, too.
    hops
        Fewest and most routers on a way outside of diamonds.
    diamonds
        Fewest and most diamonds: places where a balancer divides the way, up to where it is one again.
    width
        Fewest and most branches of a diamond.
    length
        Fewest and most routers on each branch.
    meshing
        How often a router in a diamond has one more next hop than its own branch (0 to 1).
    unequal
        How often a branch is one router shorter than the others (0 to 1).
    nesting
        How often a router on a branch balances over two routers of its own (0 to 1).
    balance
        What balancers go by: ``flow``, ``packet`` or ``destination``.
    weighted
        Whether next hops get different shares, up to 4 to 1.
    silent
        Routers that never answer; not the first on the way, so fewer where there are not so many.
    loss
        Share of probes that the first link loses, one way (0 to 1).
    limit
        Rate limiter of every router.
    interfaces
        Whether a router answers from an address of its own for each link that leads to it, or from one.

    Returns
    -------
    network
        At virtual time 0, traced over IPv4 and IPv6. `scenario_toml(network.scenario)` keeps it as a file.

    Raises
    ------
    ConfigError
        If something is out of bounds.
    """
    check_number("seed", seed, whole=True)
    _check_range("hops", hops, 1, _MOST_HOPS)
    _check_range("diamonds", diamonds, 0, _MOST_HOPS)
    _check_range("width", width, 2, _MOST_WIDTH)
    _check_range("length", length, 1, _MOST_HOPS)
    for name, share in (("meshing", meshing), ("unequal", unequal), ("nesting", nesting), ("loss", loss)):
        check_number(name, share, high=1)
    check_number("silent", silent, high=_MOST_HOPS, whole=True)
    _check_word("balance", balance, get_args(Balance))
    _check_word("interfaces", interfaces, _ANSWERS_FROM)
    _check_limit(limit)
    draft = _Draft(seed, meshing=meshing, unequal=unequal, nesting=nesting, weighted=weighted)
    n_plain, n_diamonds = draft.number(*hops), draft.number(*diamonds)
    draft.chain(n_plain, n_diamonds, width, length)
    routers = draft.routers(balance=balance, limit=limit, silent=silent, own=interfaces == "router")
    if loss:
        routers[0] = replace(routers[0], link=replace(routers[0].link, loss=loss))
    links = draft.links(routers) if interfaces == "link" else ()
    scenario = Scenario(
        name=f"random-{seed}",
        description="A random network.",
        seed=seed,
        source=Source(v4=_SOURCE_V4, v6=_SOURCE_V6),
        targets=(
            Target(
                name=TARGET,
                v4=(_TARGET_V4,),
                v6=(_TARGET_V6,),
                tcp_open=(80, 443),
                link=LinkSpec(delay=Constant(NS_PER_MS)),
            ),
        ),
        routers=tuple(routers),
        links=tuple(links),
        routes=(Route(next=tuple(draft.tables.items())),),
    )
    return SimNetwork(scenario)


def _check_range(name: str, given: object, least: int, most: int) -> None:
    pair = given if isinstance(given, tuple | list) else ()
    whole = [int(one) for one in pair if is_number(one, whole=True)]
    if len(pair) != 2 or len(whole) != 2 or not least <= whole[0] <= whole[1] <= most:  # noqa: PLR2004 - from, to
        raise ConfigError(
            f"{name} is {given!r}, but is two whole numbers, from and to, within {least} to {most}"
        )


def _check_word(name: str, given: object, words: Sequence[str]) -> None:
    if given not in words:
        raise ConfigError(f"{name} is one of {', '.join(words)}, not {given!r}")


def _check_limit(given: object) -> None:
    if not isinstance(given, Limit | None):
        kinds = ", ".join(kind.__name__ for kind in get_args(Limit))
        raise ConfigError(f"limit is None or one of {kinds} of trippy_nb.sim.nodes, not {given!r}")


class _Draft:
    """A network under construction: routers by number, and who sends to whom."""

    def __init__(self, seed: int, *, meshing: float, unequal: float, nesting: float, weighted: bool) -> None:
        self._chance = Random(seed)  # noqa: S311 - a network, not a secret
        self._meshing = meshing
        self._unequal = unequal
        self._nesting = nesting
        self._weighted = weighted
        self._n_routers = 0
        self.tables: dict[str, tuple[NextHop, ...]] = {}

    def number(self, low: int, high: int) -> int:
        """Draw a whole number."""
        return low + int(self._chance.random() * (high - low + 1))

    def chain(self, n_plain: int, n_diamonds: int, width: Range, length: Range) -> None:
        """Lay the way from the source to the target."""
        plain = ["plain"] * n_plain
        for _ in range(n_diamonds):
            plain.insert(self.number(1, len(plain)), "diamond")  # never first: the source has one next hop
        ends = [SOURCE]
        for what in plain:
            if what == "plain":
                router = self._router()
                self._join(ends, router)
                ends = [router]
            else:
                if len(ends) > 1:  # a diamond ends before the next begins
                    router = self._router()
                    self._join(ends, router)
                    ends = [router]
                ends = self._diamond(ends[0], self.number(*width), self.number(*length))
        self._join(ends, TARGET)

    def routers(self, *, balance: Balance, limit: Limit | None, silent: int, own: bool) -> list[Router]:
        """Make the routers, in the order of their numbers."""
        mute: set[int] = set()
        while len(mute) < min(silent, self._n_routers - 1):
            mute.add(self.number(1, self._n_routers - 1))
        return [
            Router(
                id=f"r{number}",
                v4=str(ipaddress.IPv4Address(_FIRST_V4 + number)) if own else None,
                v6=str(ipaddress.IPv6Address(_FIRST_V6 + number)) if own else None,
                silent=number in mute,
                balance=balance,
                limit=limit,
                link=LinkSpec(delay=Constant(self.number(500, 5_000) * 1000)),
            )
            for number in range(self._n_routers)
        ]

    def links(self, routers: Sequence[Router]) -> list[Link]:
        """Give each router an address for each link that leads to it."""
        specs = {router.id: router.link for router in routers}
        links: list[Link] = []
        for near, hops in self.tables.items():
            for hop in hops:
                if hop.to == TARGET:
                    continue
                place = len(links)
                links.append(
                    Link(
                        ends=(near, hop.to),
                        link=specs[hop.to],
                        v4=str(ipaddress.IPv4Address(_FIRST_V4 + place)),
                        v6=str(ipaddress.IPv6Address(_FIRST_V6 + place)),
                    )
                )
        return links

    def _router(self) -> str:
        self._n_routers += 1
        return f"r{self._n_routers - 1}"

    def _happens(self, chance: float) -> bool:
        return self._chance.random() < chance

    def _join(self, ends: Sequence[str], far: str) -> None:
        for end in ends:
            self._add(end, far)

    def _add(self, near: str, far: str) -> None:
        known = self.tables.get(near, ())
        if far not in {hop.to for hop in known}:
            weight = float(self.number(1, _HEAVIEST)) if self._weighted else 1.0
            self.tables[near] = (*known, NextHop(far, weight))

    def _diamond(self, begin: str, width: int, length: int) -> list[str]:
        """Lay branches from a balancer on; return where they end."""
        layers = [[begin] * width]
        ended: list[str] = []
        open_ = list(range(width))
        for depth in range(length):
            if depth == length - 1 and length > 1 and len(open_) > 1:
                short = {branch for branch in open_[1:] if self._happens(self._unequal)}
                ended += [layers[-1][branch] for branch in sorted(short)]
                open_ = [branch for branch in open_ if branch not in short]
            layer = list(layers[-1])
            for branch in open_:
                layer[branch] = self._branch(layers[-1][branch])
            self._mesh(layers[-1], layer, open_)
            layers.append(layer)
        return list(dict.fromkeys([*ended, *(layers[-1][branch] for branch in open_)]))

    def _branch(self, near: str) -> str:
        """Go one router on along a branch, now and then by two side by side."""
        if self._happens(self._nesting):
            pair, meeting = [self._router(), self._router()], self._router()
            for one in pair:
                self._add(near, one)
            self._join(pair, meeting)
            return meeting
        router = self._router()
        self._add(near, router)
        return router

    def _mesh(self, before: Sequence[str], layer: Sequence[str], open_: Sequence[int]) -> None:
        if len(set(before)) < 2 or len(open_) < 2:  # noqa: PLR2004 - nothing to mesh
            return
        for branch in open_:
            if self._happens(self._meshing):
                others = [other for other in open_ if other != branch]
                self._add(before[branch], layer[others[self.number(0, len(others) - 1)]])
