"""What links do to packets on their way: time, loss, copies, order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from trippy_nb.sim.delays import Constant, Delay, Dice, Diurnal, Queue, uniform
from trippy_nb.sim.nodes import LinkSpec, Reorder
from trippy_nb.sim.routes import Congestion

COPY_NS = 50_000
"""A copy arrives this much after the packet."""

_OTHER_COPY = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio: any odd number would do


@dataclass(frozen=True)
class Crossing:
    """One direction of one link."""

    delays: tuple[Delay, ...]
    """Added up: the link's own, then what congestion adds."""
    loss: float
    """Share of packets that it loses, full queues counted in."""
    duplicate: float
    reorder: Reorder | None
    delay_places: tuple[int, ...]
    loss_place: int
    duplicate_place: int
    reorder_place: int

    @cached_property
    def base_ns(self) -> int:
        """Shortest time it takes."""
        return sum(delay.base_ns for delay in self.delays)

    @cached_property
    def mean_ns(self) -> float:
        """Expected time it takes."""
        late = 0.0 if self.reorder is None else self.reorder.chance * self.reorder.by_ns
        return sum(delay.mean_ns for delay in self.delays) + late

    @cached_property
    def is_certain(self) -> bool:
        """Whether every packet comes through, once, in the same time."""
        steady = all(isinstance(delay, Constant) for delay in self.delays)
        return steady and not self.loss and not self.duplicate and self.reorder is None

    def draw_ns(self, packet: int, at_ns: int) -> int:
        """Time that a packet takes, given its 64 bits and when it starts."""
        total_ns = self.delays[0].draw_ns(uniform(packet, self.delay_places[0]), at_ns)
        if len(self.delays) > 1:  # congestion: not the usual case, and this is the busiest line here
            for delay, place in zip(self.delays[1:], self.delay_places[1:], strict=True):
                total_ns += delay.draw_ns(uniform(packet, place), at_ns)
        if self.reorder is not None and uniform(packet, self.reorder_place) < self.reorder.chance:
            total_ns += self.reorder.by_ns
        return total_ns


@dataclass(frozen=True, slots=True)
class Way:
    """A sequence of crossings in one direction, with what is certain about it added up."""

    certain_ns: int = 0
    chancy: tuple[Crossing, ...] = ()
    doubles: bool = False
    """Some packets arrive twice."""

    def then(self, crossing: Crossing) -> "Way":
        """The way that goes one link farther."""
        if crossing.is_certain:
            return replace(self, certain_ns=self.certain_ns + crossing.base_ns)
        return Way(self.certain_ns, (*self.chancy, crossing), self.doubles or crossing.duplicate > 0)

    def joined(self, other: "Way") -> "Way":
        """Go this way, and then the other."""
        return Way(
            self.certain_ns + other.certain_ns,
            (*self.chancy, *other.chancy),
            self.doubles or other.doubles,
        )

    @property
    def base_ns(self) -> int:
        """Shortest time it takes."""
        return self.certain_ns + sum(crossing.base_ns for crossing in self.chancy)

    @property
    def mean_ns(self) -> float:
        """Expected time of those that come through."""
        return self.certain_ns + sum(crossing.mean_ns for crossing in self.chancy)

    @property
    def delivery(self) -> float:
        """Share of packets that come through (0 to 1)."""
        return prod(1 - crossing.loss for crossing in self.chancy)

    def arrivals(self, packet: int, at_ns: int) -> Sequence[tuple[int, int]]:
        """When a packet arrives: nothing if it is lost, more than once if it is doubled.

        Parameters
        ----------
        packet
            Its 64 bits, from `Dice.packet`.
        at_ns
            When it starts.

        Returns
        -------
        arrivals
            Moment, and the 64 bits of what arrives: a copy has its own luck from there on.
        """
        if not self.chancy:
            return ((at_ns + self.certain_ns, packet),)
        if not self.doubles:
            now_ns = at_ns + self.certain_ns
            for crossing in self.chancy:
                if crossing.loss and uniform(packet, crossing.loss_place) < crossing.loss:
                    return ()
                now_ns += crossing.draw_ns(packet, now_ns)
            return ((now_ns, packet),)
        return self._copies(packet, at_ns)

    def _copies(self, packet: int, at_ns: int) -> Sequence[tuple[int, int]]:
        flights = [(at_ns + self.certain_ns, packet)]
        for crossing in self.chancy:
            landed = []
            for moment_ns, bits in flights:
                if crossing.loss and uniform(bits, crossing.loss_place) < crossing.loss:
                    continue
                there_ns = moment_ns + crossing.draw_ns(bits, moment_ns)
                landed.append((there_ns, bits))
                if crossing.duplicate and uniform(bits, crossing.duplicate_place) < crossing.duplicate:
                    landed.append((there_ns + COPY_NS, bits ^ _OTHER_COPY))
            flights = landed
        return flights


NO_WAY = Way()


def crossings(
    spec: LinkSpec, near: str, far: str, congestions: Sequence[Congestion], dice: Dice, *, day_ns: int
) -> tuple[Crossing, Crossing]:
    """Make both directions of a link: out and back.

    Parameters
    ----------
    spec
        What the link does.
    near, far
        Its ends, as the scenario describes it: chance belongs to this place and direction.
    congestions
        Those of this link that go on.
    dice
        Where places come from.
    day_ns
        Time of day at virtual time 0.
    """
    delay_back = spec.delay if spec.delay_back is None else spec.delay_back
    out = _Direction(
        (spec.delay, *(congestion.delay for congestion in congestions)),
        max([spec.loss, *(congestion.loss for congestion in congestions)]),
        spec.duplicate,
        spec.reorder,
    )
    back = _Direction(
        (delay_back, *(congestion.delay_back for congestion in congestions)),
        max([spec.loss_back, *(congestion.loss_back for congestion in congestions)]),
        spec.duplicate_back,
        spec.reorder_back,
    )
    return out.crossing((near, far), dice, day_ns), back.crossing((far, near), dice, day_ns)


@dataclass(frozen=True, slots=True)
class _Direction:
    """What a link does to packets that go one way."""

    delays: tuple[Delay, ...]
    loss: float
    duplicate: float
    reorder: Reorder | None

    def crossing(self, ends: tuple[str, str], dice: Dice, day_ns: int) -> Crossing:
        full = [delay.full_ratio for delay in self.delays if isinstance(delay, Queue)]
        shifted = tuple(
            replace(delay, peak_at_ns=delay.peak_at_ns - day_ns) if isinstance(delay, Diurnal) else delay
            for delay in self.delays
        )
        names = ["delay", *(f"delay {number}" for number in range(1, len(self.delays)))]
        return Crossing(
            delays=shifted,
            loss=1 - (1 - self.loss) * prod(1 - ratio for ratio in full) if full else self.loss,
            duplicate=self.duplicate,
            reorder=self.reorder,
            delay_places=tuple(dice.place(*ends, name) for name in names),
            loss_place=dice.place(*ends, "loss"),
            duplicate_place=dice.place(*ends, "duplicate"),
            reorder_place=dice.place(*ends, "reorder"),
        )
