"""What a strategy tells whoever drives it."""

from dataclasses import dataclass

from trippy_nb.model import EndReason, FlowOpened, Probe, RoundEnded


@dataclass(frozen=True, slots=True)
class Send:
    """Send these probes in one go, then call `Strategy.on_sent`."""

    probes: tuple[Probe, ...]
    flows: tuple[FlowOpened, ...] = ()
    """The flows they open."""


@dataclass(frozen=True, slots=True)
class EndRound:
    """A round is over: tell whoever wants to know."""

    event: RoundEnded


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Do nothing until this monotonic time, unless something arrives."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Done:
    """There is nothing more to do."""

    reason: EndReason


Action = Send | EndRound | WaitUntil | Done
