"""Verdicts in plain words, with the numbers they rest on."""

from collections.abc import Iterable
from dataclasses import dataclass

from trippy_nb.analysis.attribution.lanes import Reading, Tally, tally
from trippy_nb.analysis.attribution.places import Place, Stop
from trippy_nb.analysis.attribution.verdicts import (
    CANNOT_TELL,
    LINK_LOSS,
    LOCAL,
    NONE,
    POLICY,
    RATE_LIMIT,
    RETURN_LOSS,
    SURE,
    UPSTREAM,
    Verdict,
)

_PATTERNS = {
    "even": " It answers more regularly than chance would.",
    "bursts": " It answers several in a row, then none for a while.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a sentence about a link, and the hop it leads to, is made of."""

    place: Place
    near: Place | None
    count: Tally
    behind: tuple[Stop, ...]
    """On the same flows, farther on, of places that ever answered."""
    ahead: tuple[Stop, ...]
    """On the same flows, nearer, of places that ever answered."""
    reading: Reading | None
    verdict: Verdict
    needed: int | None
    is_tail: bool

    @property
    def weighed(self) -> Reading:
        """The reading; there is one where probes timed out."""
        if self.reading is None:
            raise ValueError("no probe of this hop timed out")
        return self.reading


def sentence(facts: Facts) -> str:
    """Say it."""
    return _SAID[facts.verdict.word](facts)


def percent(share: float) -> str:
    """Write a share as percent, with two digits."""
    return f"{100 * share:.0f} %" if share >= _TENTH else f"{100 * share:.2g} %"


_TENTH = 0.1


def _hop(facts: Facts) -> str:
    name = facts.place.addr or (f"{len(facts.place.addrs)} responders" if facts.place.addrs else None)
    return f"Hop {facts.place.ttl} ({name})" if name else f"Hop {facts.place.ttl}"


def _left(facts: Facts) -> str:
    count = facts.count
    return f"{_hop(facts)} left {percent(count.unanswered / count.n)} of {count.n} probes unanswered"


def _answered(stops: Iterable[Stop]) -> str:
    """Say how many probes a stretch of hops answered."""
    given = list(stops)
    if not given:
        return ""
    ttls = sorted({stop.ttl for stop in given})
    hops = f"hop {ttls[0]}" if len(ttls) == 1 else f"hops {ttls[0]}-{ttls[-1]}"
    count = tally(given)
    return f"{hops} answered {count.answered} of {count.n}"


def _behind(facts: Facts) -> str:
    told = _answered(facts.behind)
    return f"; {told}" if told else ""


def _link(facts: Facts) -> str:
    far = facts.place.addr or f"hop {facts.place.ttl}"
    near = "the source" if facts.near is None else facts.near.addr or f"hop {facts.near.ttl}"
    several = max(len(facts.place.addrs), 0 if facts.near is None else len(facts.near.addrs)) > 1
    return f"{'one or more of the links' if several else 'the link'} from {near} to {far}"


def _none(facts: Facts) -> str:
    if not facts.count.n:
        return f"{_hop(facts)}: no probe whose fate is known."
    return f"{_hop(facts)} answered all {facts.count.n} probes."


def _local(facts: Facts) -> str:
    count = facts.count
    return (
        f"{_hop(facts)}: {count.local} of {count.n + count.local} probes could not be sent, or are still in "
        "flight; none was lost in the network."
    )


def _rate_limit(facts: Facts) -> str:
    pattern = facts.place.pattern
    # Answers of one hop alone that get lost look like a router that is busy: only their order could tell.
    cause = "not loss"
    if pattern != "even":
        cause = "or its answers alone are lost on the way back; not loss on the way there"
    return (
        f"{_left(facts)}{_behind(facts)}: ICMP rate limiting at hop {facts.place.ttl}, {cause}."
        f"{_PATTERNS.get(pattern, '')}"
    )


def _policy(facts: Facts) -> str:
    count = facts.count
    if count.answered:
        return (
            f"{_left(facts)}{_behind(facts)}: another router, on a branch of its own, never answers; no loss."
        )
    return f"{_hop(facts)} answered none of {count.n} probes{_behind(facts)}: silent by policy, not loss."


def _link_loss(facts: Facts) -> str:
    link = facts.weighed.link
    count = tally(facts.behind)
    behind = f", those behind it {percent(count.unanswered / count.n)} of {count.n}" if count.n else ""
    ahead = _answered(facts.ahead)
    return (
        f"{_left(facts)}{behind}{f'; {ahead}' if ahead else ''}: {_link(facts)} loses {percent(link.ratio)} "
        f"({percent(link.low)} to {percent(link.high)}), on the way there or on the way back over it, which "
        "one end cannot tell apart."
    )


def _return_loss(facts: Facts) -> str:
    return (
        f"{_left(facts)}, as its neighbours did{_behind(facts)}: answers of this stretch of hops are lost on "
        "a way back of their own; what passes through is not."
    )


def _upstream(facts: Facts) -> str:
    return f"{_left(facts)}: no more than links nearer than hop {facts.place.ttl} lose."


_SILENT = "it is silent by policy"
_BESIDE = "another router, on a branch of its own, never answers"
_CAUSES = (
    "it limits its answers",
    _SILENT,
    "the link into it loses packets",
    "a nearer link loses packets",
    "answers are lost on the way back",
)
_WORTH_NAMING = 0.05


def _cannot_tell(facts: Facts) -> str:
    if facts.is_tail:
        return (
            f"Nothing was heard from hop {facts.place.ttl} on ({facts.count.n} probes): it keeps silent, or "
            "nothing gets there. More of the same probes will not tell; another protocol or port may."
        )
    ranked = sorted(zip(facts.weighed.causes.shares, _CAUSES, strict=True), reverse=True)
    if facts.count.answered:
        ranked = [(share, _BESIDE if cause == _SILENT else cause) for share, cause in ranked]
    named = " or ".join(f"{cause} ({percent(share)})" for share, cause in ranked if share >= _WORTH_NAMING)
    if facts.needed is not None:
        more = f"About {facts.needed} more probes of it would tell."
    elif _BESIDE in named:
        more = "One flow, asked again and again, would tell."
    elif not facts.behind:
        more = "Nothing behind it answers, so more of the same probes will not tell; another protocol may."
    else:
        more = "More of the same probes will not tell."
    limits, policy, *_ = facts.weighed.causes.shares
    either = "; either way no loss" if limits + policy >= SURE else ""
    return f"{_left(facts)}{_behind(facts)}: {named}{either}. {more}"


_SAID = {
    NONE: _none,
    LOCAL: _local,
    RATE_LIMIT: _rate_limit,
    POLICY: _policy,
    LINK_LOSS: _link_loss,
    RETURN_LOSS: _return_loss,
    UPSTREAM: _upstream,
    CANNOT_TELL: _cannot_tell,
}
