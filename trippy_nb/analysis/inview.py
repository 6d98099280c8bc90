"""Which probes of a run under way the hop table would count, without looking at all of them again.

The rule is that of `analysis.cells`; what a look at newer probes must know of older ones is kept as one
path a flow: who answered at each TTL so far. That says where a flow ends exactly as long as no probe before
the look changes; whoever looks must look at everything now and then.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, Probes, starts_of
from trippy_nb.analysis.cells import cells_of
from trippy_nb.analysis.encoded import is_refusal
from trippy_nb.analysis.hopgroups import group_probes
from trippy_nb.model import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trippy_nb.frames import Fate, Recent

_TTLS = 256
_ANSWERS = (Status.REPLY, Status.LATE)


@dataclass(frozen=True, slots=True)
class Sightings:
    """Who answered at each TTL of each flow, as of a look at everything: one row each, sorted."""

    flow: Ints
    ttl: Ints
    status: Ints
    responder: Ints
    from_target: Bools
    icmp_type: Ints

    @classmethod
    def of(cls, recent: "Recent") -> "Sightings":
        """Join all rounds of a look at everything."""
        answered = np.isin(recent.status, _ANSWERS)
        # The last one of a TTL stays: an answer rather than silence, the target rather than a router.
        rank = answered.astype(np.int64) + (answered & recent.from_target)
        order = np.lexsort((recent.round, rank, recent.ttl, recent.flow))
        key = (recent.flow * _TTLS + recent.ttl)[order]
        last = order[np.append(key[1:] != key[:-1], True)] if len(key) else order
        return cls(*(getattr(recent, name)[last] for name in cls.__slots__))

    def of_flows(self, flows: Ints) -> "Sightings":
        """Only those of some flows."""
        here = np.isin(self.flow, flows)
        return Sightings(*(getattr(self, name)[here] for name in self.__slots__))


def target_ends(before: Sightings) -> dict[int, int]:
    """Return the smallest TTL at which the target answered, by flow."""
    ends: dict[int, int] = {}
    here = before.from_target
    for flow, ttl in zip(before.flow[here].tolist(), before.ttl[here].tolist(), strict=True):
        ends.setdefault(flow, ttl)
    return ends


def few_in_view(fates: "Sequence[Fate]", ends: "Mapping[int, int]") -> list[bool] | None:
    """Tell what `rows_in_view` does of few probes; None if a flow has no target, or something contradicts it.

    Parameters
    ----------
    fates
        The probes of a look.
    ends
        `target_ends` of an earlier look at everything.
    """
    shown = []
    for fate in fates:
        end = ends.get(fate.flow)
        if end is None or (fate.ttl < end if fate.from_target else fate.responder >= 0 and fate.ttl >= end):
            return None
        shown.append(fate.ttl <= end and fate.status != Status.NOT_SENT)
    return shown


def rows_in_view(recent: "Recent", before: Sightings | None = None) -> Bools:
    """Tell which probes of a look `hop_table` counts, or would in a run that is over.

    Parameters
    ----------
    recent
        A look at a recorder.
    before
        What an earlier look at everything saw; None if this one is.
    """
    plainly = None if before is None else _plainly_in_view(recent, before)
    if plainly is not None:
        return plainly
    old = None if before is None else before.of_flows(np.unique(recent.flow))
    count = 0 if old is None else len(old.ttl)

    def joined(name: str, of_old: Any) -> Any:  # noqa: ANN401 - an array, or what fills one
        mine = getattr(recent, name)
        return mine if old is None else np.concatenate([np.broadcast_to(of_old, count), mine])

    def kept(name: str) -> Any:  # noqa: ANN401 - an array
        return joined(name, 0 if old is None else getattr(old, name))

    # Rounds begin at 0: what was before has a round of its own in front of them.
    round_, flow = joined("round", -1) + 1, kept("flow")
    status = kept("status").astype(np.int8)
    answered = np.isin(status, _ANSWERS)
    path_starts = starts_of(round_, flow)
    from_target = kept("from_target") & answered
    probes = Probes(
        path_starts=path_starts,
        path_run=np.zeros(len(path_starts), np.int64),
        path_round=round_[path_starts],
        path_flow=flow[path_starts],
        ttl=kept("ttl"),
        attempt=joined("attempt", 0),
        status=status,
        addr=np.where(answered, kept("responder"), -1),
        rtt=np.empty(0),
        from_target=from_target,
        refused=is_refusal(kept("icmp_type"), recent.af) & answered & ~from_target,
        names=(),
        order=None,
    )
    shown: Bools = np.zeros(len(status), np.bool_)
    if len(status):
        shown[group_probes(probes, cells_of(probes), "ttl").rows] = True
    return shown[count:]


def _plainly_in_view(recent: "Recent", before: Sightings) -> Bools | None:
    """Cut at the target, where each flow has one and nothing contradicts it: almost always, soon done.

    `few_in_view` is the same.
    """
    flows, first = np.unique(before.flow[before.from_target], return_index=True)
    if not len(flows):
        return None
    place = np.minimum(np.searchsorted(flows, recent.flow), len(flows) - 1)
    end = before.ttl[before.from_target][first][place]
    odd = np.where(recent.from_target, recent.ttl < end, (recent.responder >= 0) & (recent.ttl >= end))
    if np.any(odd | (flows[place] != recent.flow)):
        return None
    shown: Bools = (recent.ttl <= end) & (recent.status != Status.NOT_SENT)
    return shown
