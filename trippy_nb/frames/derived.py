"""Tables that are computed from those of a run, on demand: never stored, always recomputable.

`trippy_nb.analysis` makes them, and says how. (HOPS, which is one of them, is older, and in `schema`.)
"""

from trippy_nb.frames.schema import FLOWS, HOPS, LAST_ANSWER, PROBES, Column, Table

_C = Column

CAUSE_WORDS = (
    "zero-ttl",
    "refusal",
    "unequal-branches",
    "routing-loop",
    "address-rewriting",
    "uhp",
    "unknown",
)
"""Why an address comes twice on a path, in the order in which the causes are looked for."""

_RUN_ID, _ROUND, _TTL = PROBES.column("run_id"), PROBES.column("round"), PROBES.column("ttl")
_FLOW = FLOWS.column("flow")

_OF_RTTS = (
    *("last_ms", "avg_ms", "gmean_ms", "best_ms", "worst_ms", "stddev_ms", "mad_ms", "jitter_ms"),
    *("javg_ms", "jmax_ms", "jinta_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms"),
)

RESPONDERS = Table(
    "responders",
    "One row for every address that answered at a TTL of a run. Silence is nobody's: it is in `hops`.",
    ("run_id", "ttl", "addr"),
    (
        _RUN_ID,
        _TTL,
        PROBES.column("addr"),
        _C("recv", "uint32", "Probes it answered, late ones too"),
        _C("late", "uint32", "Probes answered after their round or time-out; part of recv"),
        _C("n", "uint32", "Answers of all responders at this TTL"),
        _C("share", "float64", "Share of recv in n", label="Share of answers"),
        _C("share_low_ratio", "float64", "Lower end of its Wilson interval, 95 %"),
        _C("share_high_ratio", "float64", "Upper end of its Wilson interval, 95 %"),
        *(HOPS.column(name) for name in _OF_RTTS),
        HOPS.column("mpls"),
        *LAST_ANSWER,
    ),
)

LINKS = Table(
    "links",
    "One row for every link that a flow showed: two answers at adjacent TTLs of one round.",
    ("run_id", "flow", "ttl", "from_addr", "to_addr"),
    (
        _RUN_ID,
        _FLOW,
        _C("ttl", "uint8", "TTL of the nearer end", label="Hop (TTL)"),
        _C("from_addr", "category", "Nearer end"),
        _C("to_addr", "category", "Farther end"),
        _C("rounds", "uint32", "Rounds that showed it"),
        _C(
            "evidence",
            "category",
            "`flow`: both probes took the same path; `assumed`: if nobody deals packets out one by one, "
            "which too few flows sent again would show; `positional`: a balancer may have parted them",
            words=("flow", "assumed", "positional"),
        ),
        _C(
            "mark",
            "category",
            "Why the two may not be neighbours all the same: a cause of loops, or zero-ttl: a router between "
            "them forwards what it should have answered",
            nullable=True,
            words=CAUSE_WORDS,
        ),
    ),
)

PATHS = Table(
    "paths",
    "One row for every round of every flow: who answered, from the first TTL to where the path ended.",
    ("run_id", "round", "flow"),
    (
        _RUN_ID,
        _ROUND,
        _FLOW,
        _C("path_id", "uint64", "Equal paths have equal numbers, in every run"),
        _C("first_ttl", "uint8", "TTL of the first place"),
        _C("length", "uint8", "Places, silent ones too"),
        _C("stars", "uint8", "Places without an answer"),
        _C("reached", "bool", "The target answered in this round"),
        _C("complete", "bool", "The fate of every place is known"),
        _C("loops", "uint8", "Places that repeat the address of the place before"),
        _C("cycles", "uint8", "Places that repeat an address of an earlier place"),
        _C(
            "cause",
            "category",
            "What the first of those is due to; missing if there is none",
            nullable=True,
            words=CAUSE_WORDS,
        ),
        _C("addrs", "list", "Responders, place by place; None where nobody answered"),
    ),
)

DIAMONDS = Table(
    "diamonds",
    "One row for every diamond: where paths part, and where all that parted there are together again.",
    ("run_id", "diamond"),
    (
        _RUN_ID,
        _C("diamond", "uint32", "Number of the diamond in its run, from 0, nearest first"),
        _C("divergence", "str", "Responder after which paths part; source, or the name of a silent hop"),
        _C("convergence", "str", "Where they meet again; missing if they never did", nullable=True),
        _C("ttl", "uint8", "Smallest TTL of the divergence; 0 for the source"),
        _C(
            "max_width",
            "uint32",
            "Most responders at one distance from the divergence, silent places counted once",
        ),
        _C("min_width", "uint32", "Paths through it that share no link"),
        _C("max_length", "uint32", "Links of the longest path through it"),
        _C("min_length", "uint32", "Links of the shortest path through it"),
        _C(
            "width_asymmetry",
            "uint32",
            "Largest difference in how many neighbours two nodes of one distance have",
        ),
        _C("meshed", "bool", "Some pair of adjacent distances is meshed"),
        _C("meshed_ratio", "float64", "Share of the pairs of adjacent distances that are meshed"),
        _C("nested_in", "UInt32", "Number of the smallest diamond that holds it", nullable=True),
        _C("overlapping", "bool", "A path gets into it by another node than its divergence"),
        _C("nodes", "uint32", "Nodes between the two ends"),
        _C("edges", "uint32", "Links between them and the two ends"),
        _C("silent", "uint32", "Silent places among the nodes"),
        _C("flows", "uint32", "Flows that were seen at the divergence"),
        _C(
            "balancing",
            "category",
            "How the divergence shares packets out",
            words=("per-flow", "per-packet", "cannot tell"),
        ),
        _C(
            "repeats",
            "UInt32",
            "How often flows were seen again behind the divergence; missing if one did not keep to its way",
            nullable=True,
        ),
        _C(
            "order_chance",
            "float64",
            "Chance that the next hops come in so few spells, if any order is as likely: "
            "where it is small, the route may have changed instead; missing if there are no two",
            nullable=True,
        ),
        _C(
            "evidence",
            "category",
            "The weakest of its links: `flow` if all are proven within a flow; `positional` if none was seen",
            words=("flow", "assumed", "positional"),
        ),
    ),
)

STRENGTHS = ("shown", "likely", "hint", "none seen", "cannot be seen")
"""How much a statement is worth, most first."""
KINDS = (
    "nat",
    "rewritten",
    "mpls-explicit",
    "mpls-implicit",
    "mpls-opaque",
    "mpls-suspected",
    "icmp-tunnelled",
    "asymmetry",
    "rate-limit",
    "non-response",
    "per-packet",
    "zero-ttl",
    "routing-loop",
    "nat64",
    "address-edge",
)

EVIDENCE = Table(
    "evidence",
    "One row for every statement about the path that something which came back gives reason for.",
    ("run_id", "statement"),
    (
        _RUN_ID,
        _C("statement", "uint32", "Number of the statement in its run, from 0"),
        _C("kind", "category", "What it is about", words=KINDS),
        _C(
            "strength",
            "category",
            "`shown`: a header field says so; `likely`: two signs agree; `hint`: one sign that may mean "
            "something else; `none seen`: looked for, which proves nothing; `cannot be seen`: the answers "
            "of this run lack what would show it",
            words=STRENGTHS,
        ),
        _C("flow", "UInt16", "Flow it is about; missing if it is about several", nullable=True),
        _C("ttl", "UInt8", "First TTL it is about", nullable=True, label="Hop (TTL)"),
        _C("last_ttl", "UInt8", "Last TTL it is about", nullable=True),
        _C("addrs", "list", "Responders it is about"),
        _C("n", "uint32", "Rows that it rests on: what `query` selects"),
        _C("says", "str", "The statement, as a sentence"),
        _C("table", "category", "The table with those rows", words=("replies", "probes")),
        _C("query", "str", "Selects them: `run.replies.query(...)` or `run.probes.query(...)`"),
    ),
)

DISCOVERY = Table(
    "discovery",
    "One row for every node on a path, and what it may still hide: a TTL and a responder, or what never "
    "answered at that TTL.",
    ("run_id", "ttl", "addr"),
    (
        _RUN_ID,
        _TTL,
        _C("addr", "str", "Responder; missing for what never answered at this TTL", nullable=True),
        _C("flows", "uint32", "Flows that were seen to pass it"),
        _C(
            "next_hops",
            "uint32",
            "Different responders one TTL on; silence counts once. 0 at the end, or if not known",
        ),
        _C("flows_on", "uint32", "Flows through it whose next hop is known"),
        _C("flows_needed", "UInt32", "How many the confidence asks for; missing at the end", nullable=True),
        _C(
            "hidden_ratio",
            "float64",
            "Chance that it has one more next hop, if it has, that no flow has shown; missing at the end",
            nullable=True,
            label="Chance of a hidden branch",
        ),
        _C(
            "balancing",
            "category",
            "What decides on the next hop, by sending one flow again",
            words=("none seen", "per-flow", "per-packet", "cannot tell"),
        ),
        _C("complete", "bool", "Asked often enough; after a balancer of packets nothing more is asked"),
    ),
)

PMTU = Table(
    "pmtu",
    "One row for everybody who limits the size of packets, and for where larger ones vanish.",
    ("run_id", "addr", "how"),
    (
        _RUN_ID,
        _C("ttl", "UInt8", "TTL of the router; missing for this machine, or if not known", nullable=True),
        _C("addr", "str", "Who it is; of packets that vanish, the last that saw them", nullable=True),
        _C("mtu", "UInt16", "What fits; missing if not known", "bytes", nullable=True, label="MTU"),
        _C(
            "how",
            "category",
            "`confirmed`: a router said so, that size passes, and one byte more does not; `reported`: only "
            "said; `refuted`: said, but more passes; `local`: this machine would not send more; `silent`: "
            "nobody says",
            words=("confirmed", "reported", "refuted", "local", "silent"),
        ),
        _C("n", "uint32", "Probes that show it"),
    ),
)

NOTES = Table(
    "notes",
    "The user's notes on runs, in the order in which they were written. (They are kept in `runs.notes`.)",
    ("run_id", "note"),
    (
        _RUN_ID,
        _C("note", "uint32", "Number of the note in its run, from 0"),
        _C("at", "utc", "When it is about; missing for the whole time", nullable=True, label="At"),
        _C("ttl", "UInt8", "Hop that it is about; missing for all", nullable=True, label="Hop (TTL)"),
        _C("text", "str", "What it says"),
    ),
)

DERIVED_TABLES: dict[str, Table] = {
    table.name: table for table in (RESPONDERS, LINKS, PATHS, DIAMONDS, EVIDENCE, DISCOVERY, PMTU, NOTES)
}
