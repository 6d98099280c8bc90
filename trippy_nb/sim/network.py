"""The built-in internet as a `tracing.Network`: no privilege, and no packet leaves this machine."""

import uuid
from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

from trippy_nb.errors import ConfigError, ResolveError
from trippy_nb.model import (
    NS_PER_S,
    AddrFamily,
    Choice,
    Plan,
    Protocol,
    SocketMode,
    Target,
    TraceConfig,
    normalise_address,
    seconds_to_ns,
)
from trippy_nb.sim.card import network_html
from trippy_nb.sim.changing import Part, broken, changed
from trippy_nb.sim.channel import SimChannel
from trippy_nb.sim.clock import VirtualClock
from trippy_nb.sim.delays import Dice
from trippy_nb.sim.forward import Forwarder
from trippy_nb.sim.pace import PacedChannel
from trippy_nb.sim.scenario import Scenario
from trippy_nb.sim.topology import Topology
from trippy_nb.sim.traffic import Traffic
from trippy_nb.sim.truth import Truth
from trippy_nb.tracing import Channel

if TYPE_CHECKING:
    from trippy_nb.lifetimes import Vault

_RUNS = uuid.UUID("8b0f7a52-6a9a-5c1e-9a5f-2f0c9d1f6f11")  # a namespace of our own
_FAMILIES = {  # which families are looked at, in which order; the next only if the one before has nothing
    AddrFamily.IPV4: ((4,),),
    AddrFamily.IPV6: ((6,),),
    AddrFamily.IPV4_THEN_IPV6: ((4,), (6,)),
    AddrFamily.IPV6_THEN_IPV4: ((6,), (4,)),
    AddrFamily.SYSTEM: ((4, 6),),
}


class SimNetwork:
    """A network made of a scenario. Its clock is its own and goes on from trace to trace.

    Parameters
    ----------
    scenario
        A checked scenario.
    start_ns
        Virtual time to begin at.
    speed
        Virtual seconds that go by in one of ours; None is as many as the machine can.
    """

    def __init__(self, scenario: Scenario, *, start_ns: int = 0, speed: float | None = None) -> None:
        self.scenario = scenario
        self.speed = speed
        steps = [(step.at_ns, step.step_ns) for step in scenario.clock_steps]
        self._clock = VirtualClock(scenario.epoch_ns, start_ns, steps=steps)
        self._dice = Dice(scenario.seed)
        self._topology = Topology(scenario, self._dice)
        self._forwarder = Forwarder(self._topology, self._dice)
        self._host_names = _host_names(scenario)

    def __repr__(self) -> str:
        return f"<SimNetwork {self.scenario.name!r} at {self._clock.now_ns() / NS_PER_S:g} s>"

    def _repr_html_(self) -> str:
        return network_html(self.scenario, self.truth, self._clock.now_ns() / NS_PER_S)

    @property
    def clock(self) -> VirtualClock:
        """Virtual time: it passes only while a trace waits."""
        return self._clock

    @property
    def name(self) -> str:
        """What `runs.vantage` says."""
        return f"sim:{self.scenario.name}"

    @property
    def parallel(self) -> bool:
        """One clock, one trace at a time."""
        return False

    @cached_property
    def truth(self) -> Truth:
        """What a perfect measurement would find: paths, links, delay and loss, over all virtual time."""
        return Truth(self.scenario, self._topology)

    def at(self, seconds: float) -> "SimNetwork":
        """Make the same network at another virtual time; this one, and its clock, stay as they are.

        Parameters
        ----------
        seconds
            Virtual time, from 0.
        """
        try:
            seconds = float(seconds)
        except (TypeError, ValueError):
            raise ConfigError(f"virtual time is a number of seconds, not {seconds!r}") from None
        if seconds < 0:
            raise ConfigError(f"virtual time begins at 0 s: {seconds:g} s is before that")
        return SimNetwork(self.scenario, start_ns=seconds_to_ns(seconds))

    def fresh(self) -> "SimNetwork":
        """Make the same network at time 0, as `load` gives it."""
        return SimNetwork(self.scenario)

    def paced(self, speed: float = 1.0) -> "SimNetwork":
        """Make the same network, at the time it is now, with a clock that keeps step with ours.

        Parameters
        ----------
        speed
            Virtual seconds that go by in one of ours, more than 0.
        """
        if not speed > 0:
            raise ConfigError(f"speed is how many virtual seconds go by in one of ours: not {speed:g}")
        return SimNetwork(self.scenario, start_ns=self._clock.now_ns(), speed=speed)

    def changed(self, part: "Part" = None, **values: object) -> "SimNetwork":
        """Make the same network with something changed, at time 0; this one stays as it is.

        Parameters
        ----------
        part
            A router or target by its id, a link by its ends ``("r1", "r2")``, a tunnel by its number, or None
            for the scenario itself (`seed`).
        **values
            Keys of a scenario file and their values there (docs/scenarios.md): ``silent=True``, ``loss=0.1``,
            ``delay="20ms"``, ``limit={"kind": "bucket", "rate": 1, "burst": 3}``; None takes a key out.

        Raises
        ------
        ScenarioError
            If there is no such part, key or value, or the network would not hold together.
        """
        return SimNetwork(changed(self.scenario, part, values))

    def broken(
        self,
        near: str,
        far: str,
        *,
        at: float = 0.0,
        until: float | None = None,
        reroute: float | None = None,
    ) -> "SimNetwork":
        """Make the same network with a link that goes down, at time 0; this one stays as it is.

        Parameters
        ----------
        near, far
            Ends of the link, nearer and farther from the source.
        at, until
            Virtual time (s) at which it goes down, and is mended; None is never.
        reroute
            Seconds until routing has found the ways round it; None is never.

        Raises
        ------
        ScenarioError
            If there is no such link, no such time, or no way round.
        """
        return SimNetwork(broken(self.scenario, near, far, at_s=at, until_s=until, reroute_s=reroute))

    def resolve(self, name: str, config: TraceConfig) -> Sequence[Target]:
        """Find the addresses of a target's name, or the target that has this address.

        Where the family is left to the system, IPv4 comes first. A family that is only a second choice is
        not returned while the first has an address.

        Raises
        ------
        ResolveError
            If the scenario has no such target, or none of the family asked for.
        """
        known = self._lookup(name)
        if not known:
            there_are = ", ".join(target.name for target in self.scenario.targets)
            where = f"the built-in internet {self.scenario.name!r}"
            raise ResolveError(f"{name!r} is not in {where}: try {there_are}")
        for families in _FAMILIES[config.addr_family]:
            found = [addr for af in families for addr in known if (":" in addr) == (af == 6)]  # noqa: PLR2004 - IPv4 or IPv6
            if found:
                return tuple(Target(name, addr) for addr in found)
        raise ResolveError(f"{name!r} has no {config.addr_family} address in the built-in internet")

    def _lookup(self, name: str) -> Sequence[str]:
        try:
            addr = normalise_address(name)
        except ValueError:
            wanted = name.lower().rstrip(".")
            return [
                addr
                for target in self.scenario.targets
                if target.name.lower() == wanted
                for addr in (*target.v4, *target.v6)
            ]
        return [addr] if any(addr in (*target.v4, *target.v6) for target in self.scenario.targets) else []

    def choose(self, target: Target, config: TraceConfig) -> Choice:
        """Decide on protocol and source address. There are no sockets to choose between.

        Raises
        ------
        ConfigError
            If a socket mode, an interface, or an address that is not the scenario's own is asked for.
        """
        where = f"the built-in internet {self.scenario.name!r}"
        if config.mode not in (None, SocketMode.SIM):
            raise ConfigError(f"mode {str(config.mode)!r} needs sockets, {where} has none: leave it out")
        if config.interface is not None:
            raise ConfigError(f"{where} has no interface {config.interface!r}: leave it out")
        source = self.scenario.source.address(target.af)
        if source is None:
            raise ConfigError(f"{where} has no IPv{target.af} source address")
        if config.source_address is not None and normalise_address(config.source_address) != source:
            raise ConfigError(f"source_address {config.source_address} is not {source}, the one of {where}")
        return Choice(
            protocol=config.protocol or Protocol.ICMP,
            mode=SocketMode.SIM,
            reason=f"{where.removeprefix('the ')}: no privilege, no packets leave this machine",
            source=source,
        )

    def run_uuid(self, target: Target, config: TraceConfig, purpose: object = None) -> str:
        """Name the next run: the same for the same scenario, seed, virtual time, target and configuration."""
        asked = (config,) if purpose is None else (config, purpose)
        return str(uuid.uuid5(_RUNS, repr((self._digest, self._clock.now_ns(), target, *asked))))

    @cached_property
    def _digest(self) -> str:
        return blake2b(repr(self.scenario).encode(), digest_size=16).hexdigest()

    def reverse(self, addr: str, config: TraceConfig) -> str | None:  # noqa: ARG002 - nothing here to configure
        """Host name of an address, as the scenario has it; it never blocks."""
        return self._host_names.get(normalise_address(addr))

    def traffic(self) -> Traffic:
        """Make what carries packets of any program, for those who have a clock of their own."""
        return Traffic(self._forwarder)

    def open(self, plan: Plan, vault: "Vault | None" = None) -> Channel:  # noqa: ARG002 - nothing is opened
        """Make a channel. It has no handles, so a vault is neither needed nor used."""
        channel = SimChannel(plan, self._forwarder, self._clock)
        return channel if self.speed is None else PacedChannel(channel, self._clock, self.speed)


def _host_names(scenario: Scenario) -> dict[str, str]:
    names = {addr: scenario.source.name for addr in (scenario.source.v4, scenario.source.v6) if addr}
    routers = {router.id: router.name for router in scenario.routers if router.name}
    for router in scenario.routers:
        names |= {addr: router.name for addr in (router.v4, router.v6) if addr and router.name}
    for link in scenario.links:
        near, far = link.ends
        for node, addrs in ((near, (link.near_v4, link.near_v6)), (far, (link.v4, link.v6))):
            names |= {addr: routers[node] for addr in addrs if addr and node in routers}
    for target in scenario.targets:
        names |= dict.fromkeys((*target.v4, *target.v6), target.name)
    return names
