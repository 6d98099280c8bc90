"""The table of findings."""

from trippy_nb.frames.derived import STRENGTHS
from trippy_nb.frames.schema import PROBES, Column, Table

_C = Column
_RUN_ID = PROBES.column("run_id")

WEIGHTS = ("problem", "notice", "limit")
"""What a finding is to its reader."""
FINDING_KINDS = (
    "reached",
    "destination-silent",
    "filtered",
    "routing-loop",
    "nothing-answers",
    "local-error",
    "link-loss",
    "unexplained-loss",
    "congestion",
    "path-change",
    "target-moved",
    "rtt-change",
    "return-loss",
    "rate-limit",
    "silent-hop",
    "flap",
    "balancing",
    "per-packet",
    "slow-path",
    "late",
    "tunnel-change",
    "nat",
    "rewritten",
    "mpls-explicit",
    "mpls-implicit",
    "mpls-opaque",
    "mpls-suspected",
    "icmp-tunnelled",
    "asymmetry",
    "zero-ttl",
    "nat64",
    "address-edge",
    "duplicates",
    "unmatched",
    "unfinished",
    "smallest-loss",
    "one-flow",
    "unsteady-flows",
    "clock",
    "not-kept",
)
"""What findings are about, in the order in which they are told: see `analysis.findings.catalogue`."""

FINDINGS = Table(
    "findings",
    "One row for everything worth telling about a run, in words, with the rows that it rests on.",
    ("run_id", "finding"),
    (
        _RUN_ID,
        _C("finding", "uint32", "Number of the finding in its run, from 0: most important first"),
        _C("kind", "category", "What it is about", words=FINDING_KINDS),
        _C(
            "weight",
            "category",
            "`problem`: somebody would feel it; `notice`: explains what is seen, and is none; `limit`: what "
            "these probes cannot tell",
            words=WEIGHTS,
        ),
        _C(
            "strength",
            "category",
            "As in evidence; `cannot tell`: the rows allow several explanations",
            words=(*STRENGTHS, "cannot tell"),
        ),
        _C("flow", "UInt16", "Flow it is about; missing if it is about several", nullable=True),
        _C("ttl", "UInt8", "First TTL it is about", nullable=True, label="Hop (TTL)"),
        _C("last_ttl", "UInt8", "Last TTL it is about", nullable=True),
        _C("addrs", "list", "Responders it is about"),
        _C("says", "str", "The finding, in one or two sentences"),
        _C("is_not", "str", "What it is taken for, and is not", nullable=True),
        _C("n", "uint32", "Rows that it rests on: what `query` selects"),
        _C("table", "category", "The table with those rows", words=("probes", "replies", "runs")),
        _C("query", "str", "Selects them: `run.probes.query(...)`"),
        _C(
            "more_probes", "UInt32", "How many more of the same would tell, where these cannot", nullable=True
        ),
        _C("scenario", "str", "Scenario of the built-in internet that shows the same", nullable=True),
    ),
)
