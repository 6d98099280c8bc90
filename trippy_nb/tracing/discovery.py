"""Discovers all paths: the MDA's questions as probes, and what follows from silence.

A flow is silent at a TTL after `attempts` overdue probes, or more where others are answered but rarely;
where nobody has answered any of `_SILENT_FLOWS` flows, each has been asked often enough. If then
hardly another flow is silent there, the search doubts it (`Mda.is_doubted`), and it is asked `_MOST_ATTEMPTS`
times.
"""

from collections.abc import Iterable
from math import ceil, log
from typing import Final

from trippy_nb.model import DiscoveryOptions, Plan, Reply
from trippy_nb.tracing.asking import Asker, Header
from trippy_nb.tracing.atlas import SILENT
from trippy_nb.tracing.mda import Mda
from trippy_nb.tracing.memory import NEVER, Sent

_SILENT_FLOWS: Final = 6  # all lost by chance: 1 in 10 billion at 2 % loss
_RARELY: Final = 10_000
_MOST_ATTEMPTS: Final = 16  # a router that answers less than half of all probes may seem to come and go
_GAP_LIMIT: Final = 5  # as scamper's

_Place = tuple[int, int]  # flow, TTL


class Discovery(Asker[_Place]):
    """A `Sender` that discovers all paths to a target.

    Parameters
    ----------
    plan
        The trace, decided; its probes keep their flow (paris).
    options
        How sure to be, and at what price.
    """

    def __init__(self, plan: Plan, options: DiscoveryOptions) -> None:
        super().__init__(plan, most_probes=options.max_probes, probe_rate=options.probe_rate)
        config = plan.config
        self._mda = Mda(
            confidence=options.confidence,
            algorithm=options.algorithm,
            first_ttl=config.first_ttl,
            max_ttl=config.max_ttl,
            gap_limit=config.gap_limit or _GAP_LIMIT,
        )
        self.options = options
        self._patient = options.attempts

    @property
    def mda(self) -> Mda:
        """The search itself."""
        return self._mda

    @property
    def _has_news(self) -> bool:
        return self._mda.has_news

    def _wanted(self, most: int) -> Iterable[_Place]:
        for flow, ttl in self._mda.wanted(most):
            self._mda.asked(flow, ttl)
            yield flow, ttl

    def _header(self, place: _Place) -> Header:
        return Header(*place)

    def _answered(self, place: _Place, reply: Reply, *, from_target: bool) -> None:
        ends = from_target or self._matcher.refuses(reply)
        self._mda.answered(*place, reply.responder, ends=ends)

    def _lost(self, place: _Place, errno: int) -> None:  # noqa: ARG002 - refused or lost is the same
        """Send again what was lost, or call it silent."""
        flow, ttl = place
        enough = _MOST_ATTEMPTS if self._mda.is_doubted(flow, ttl) else self._enough(ttl)
        if self._mda.atlas.seen[ttl].get(flow, SILENT) != SILENT:
            self._mda.lost_again(flow, ttl)
        elif self._tries[place] >= enough or self._nobody_answers(ttl):
            self._mda.silent(flow, ttl)
        else:
            self._repeat[place] = None

    def _enough(self, ttl: int) -> int:
        """Tell after how many lost probes a flow is silent at a TTL: more where answers come but rarely.

        Of the flows that were answered there, so many probes were. If those that are left were answered as
        often, so many in a row would be lost less than once in `_RARELY`.
        """
        seen = self._mda.atlas.seen[ttl]
        answered = [flow for flow, name in seen.items() if name != SILENT]
        tries = sum(self._tries[flow, ttl] for flow in answered)
        if tries <= len(answered):
            return self._patient
        lost_ratio = 1 - len(answered) / tries
        return max(self._patient, min(ceil(log(_RARELY) / -log(lost_ratio)), _MOST_ATTEMPTS))

    def _nobody_answers(self, ttl: int) -> bool:
        """Tell whether no flow was ever answered at a TTL, though enough were sent there."""
        atlas = self._mda.atlas
        tries = sum(self._tries.get((flow, ttl), 0) for flow in atlas.asked[ttl])
        silent = all(name == SILENT for name in atlas.seen[ttl].values())
        return silent and tries - len(atlas.waiting[ttl]) >= _SILENT_FLOWS

    def _is_beyond(self, record: Sent) -> bool:
        return record.probe.ttl > self._mda.atlas.ends.get(record.probe.flow, NEVER)
