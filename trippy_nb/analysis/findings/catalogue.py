"""The kinds of findings: what each means, what it is taken for and is not, and where to see it."""

from dataclasses import dataclass
from typing import Final

from trippy_nb.frames.answers import WEIGHTS

PROBLEM, NOTICE, LIMIT = WEIGHTS


@dataclass(frozen=True, slots=True)
class Kind:
    """What is true of all findings of a kind."""

    weight: str
    meaning: str
    is_not: str | None = None
    scenario: str | None = None
    """Of the built-in internet."""


CATALOGUE: Final[dict[str, Kind]] = {
    "reached": Kind(NOTICE, "The target answered.", None, "first-steps"),
    "destination-silent": Kind(
        PROBLEM,
        "Routers answered, the target did not.",
        "No proof that the target is down: open UDP ports and firewalls are silent, too.",
        "silent-destination",
    ),
    "filtered": Kind(
        PROBLEM,
        "A router said that it will not forward.",
        "No loss, and the router that says so is not the target.",
        "filtered",
    ),
    "routing-loop": Kind(
        PROBLEM,
        "Packets go in circles until their TTL ends.",
        "Not a long path: the same routers come back.",
        "routing-loop",
    ),
    "nothing-answers": Kind(PROBLEM, "No router and no target answered anything."),
    "local-error": Kind(
        PROBLEM,
        "This machine refused to send probes.",
        "No loss: those packets never left, and are not counted as sent.",
        "case-13-local-error",
    ),
    "link-loss": Kind(
        PROBLEM,
        "Packets are lost on a link, there or on their way back: all hops from there on answer less.",
        "No rate limit: a router that answers less than it gets keeps no later hop from answering.",
        "case-07-loss",
    ),
    "unexplained-loss": Kind(
        LIMIT, "Silences with several explanations that these probes cannot tell apart."
    ),
    "congestion": Kind(
        PROBLEM,
        "Round-trip times rise from a hop on, and later hops share it.",
        "Not one router being slow to answer: those behind it would not notice.",
        "rush-hour",
    ),
    "path-change": Kind(
        PROBLEM,
        "Packets of one flow took another way than before.",
        "No balancing: the header fields that balancers look at stayed the same.",
        "case-43-change",
    ),
    "target-moved": Kind(NOTICE, "The target has another address than before.", "No change of a path."),
    "rtt-change": Kind(
        PROBLEM,
        "Round-trip times moved to another level, for a while or for good.",
        "No single slow answers: a whole stretch of them moved.",
        "case-43-change",
    ),
    "return-loss": Kind(
        NOTICE,
        "Answers of some hops are lost on a way back that those behind them do not take.",
        "No loss on the way to the target.",
    ),
    "rate-limit": Kind(
        NOTICE,
        "A router limits the rate of its answers.",
        "No problem of the way: what passes through the router is not touched.",
        "case-06-rate-limit",
    ),
    "silent-hop": Kind(
        NOTICE,
        "A router never answers, those behind it do.",
        "No gap in the path: it forwards.",
        "case-08-silent",
    ),
    "flap": Kind(
        NOTICE, "A path was left for a moment and taken again.", "No lasting change.", "case-44-flap"
    ),
    "balancing": Kind(
        NOTICE,
        "Routers share flows out among several ways.",
        "No change of the path: all ways are in use at once.",
        "nested-diamonds",
    ),
    "per-packet": Kind(
        NOTICE,
        "A router shares packets out one by one, whatever their flow.",
        "No flapping route.",
        "case-04-per-packet",
    ),
    "slow-path": Kind(
        NOTICE,
        "A router is slow to answer, and not slow to forward.",
        "No congestion: later hops answer sooner.",
        "case-26-slow-path",
    ),
    "late": Kind(
        NOTICE,
        "Answers came after their round or time-out.",
        "No loss: they are counted as answers, with their round-trip time.",
        "late-answers",
    ),
    "tunnel-change": Kind(
        NOTICE,
        "Hops appeared or vanished as a block, as when a tunnel comes or goes.",
        "No other destination.",
    ),
    "nat": Kind(NOTICE, "Addresses or ports are translated on the way.", None, "case-15-nat-kept"),
    "rewritten": Kind(
        NOTICE, "Header fields arrive otherwise than they were sent.", None, "case-18-rewritten"
    ),
    "mpls-explicit": Kind(
        NOTICE, "Answers carry MPLS labels: these routers are in a tunnel.", None, "case-20-mpls-explicit"
    ),
    "mpls-implicit": Kind(
        NOTICE, "Quoted TTLs rise as they do in an unlabelled tunnel.", None, "case-21-mpls-implicit"
    ),
    "mpls-opaque": Kind(NOTICE, "One router of a tunnel shows, others do not.", None, "case-22-mpls-opaque"),
    "mpls-suspected": Kind(
        NOTICE, "There may be routers that a tunnel hides.", None, "case-23-mpls-invisible"
    ),
    "icmp-tunnelled": Kind(
        NOTICE,
        "Several hops share the round-trip time of the end of a tunnel.",
        "No congestion: their answers travel to the end of the tunnel first.",
        "case-24-mpls-plateau",
    ),
    "asymmetry": Kind(
        NOTICE,
        "Answers come back over another number of hops.",
        "Differences of round-trip times there are no delays of links.",
        "case-25-asymmetric",
    ),
    "zero-ttl": Kind(
        NOTICE,
        "A router forwards packets whose TTL is over, so the next one shows twice.",
        "No loop.",
        "case-14-zero-ttl",
    ),
    "nat64": Kind(NOTICE, "IPv4 hosts stand behind a translator of IPv6.", None, "case-38-nat64"),
    "address-edge": Kind(
        NOTICE, "Neighbours with addresses of different kinds: a border of networks.", None, "case-38-nat64"
    ),
    "duplicates": Kind(
        NOTICE, "More than one answer came to a probe; the first counts.", None, "case-28-duplicates"
    ),
    "unmatched": Kind(
        NOTICE,
        "Packets that look like answers and belong to no probe: somebody guesses, or a box rewrites.",
        "Nothing was credited to a probe.",
    ),
    "unfinished": Kind(LIMIT, "The run ended before it was over."),
    "smallest-loss": Kind(LIMIT, "How much loss could hide behind so many answers.", None, "first-steps"),
    "one-flow": Kind(LIMIT, "Only one flow was sent: other ways cannot show.", None, "case-05-two-ways"),
    "unsteady-flows": Kind(
        LIMIT,
        "Probes look different to balancers: neighbours in the table may be of different paths.",
        None,
        "case-01-per-flow",
    ),
    "clock": Kind(LIMIT, "The clock was set while the run went on.", None, "case-41-clock"),
    "not-kept": Kind(LIMIT, "Probes were let go of, to save memory."),
}
"""By kind, in the order of FINDING_KINDS."""
