"""Tables of a comparison."""

from trippy_nb.frames.schema import Column, Table

_C = Column

VERDICTS = ("same", "changed", "cannot tell")
"""Outcomes of a comparison."""

_COMPARED = (
    _C("flow", "uint16", "Flow compared with itself, or the first of all that are taken together"),
    _C("place", "uint16", "Row of the alignment, from 0"),
    _C("a_ttl", "UInt8", "TTL on the first side; missing if it has no such hop", nullable=True),
    _C("b_ttl", "UInt8", "TTL on the second side", nullable=True),
)
_ADDR = _C("addr", "str", "Responder that both sides have", nullable=True)
_IS_TARGET = _C("is_target", "bool", "It is the target: the verdict is about these rows, if there are any")
_VERDICT = _C("verdict", "category", "What these numbers say", words=VERDICTS)
_ROUNDS = _C(
    "rounds_needed",
    "UInt32",
    "Rounds of each side after which it would be decided, roughly; missing if it is, or if none would do",
    nullable=True,
)

COMPARED_PATHS = Table(
    "compared_paths",
    "One row for every place of two aligned paths, flow by flow, or of all flows together.",
    ("flow", "place"),
    (
        *_COMPARED,
        _C("a_addr", "str", "Most frequent responder; missing if silent, or no such hop", nullable=True),
        _C("b_addr", "str", "The same on the second side", nullable=True),
        _C("a_addrs", "list", "All responders, most frequent first"),
        _C("b_addrs", "list", "The same on the second side"),
        _C("a_n", "uint32", "Answers"),
        _C("b_n", "uint32", "Answers on the second side"),
        _C("a_flows", "uint32", "Flows that were answered here, as a balancer sees flows"),
        _C("b_flows", "uint32", "The same on the second side"),
        _C(
            "change",
            "category",
            "`same`: a common responder; `unknown`: silent on a side, or different where balancing or chance "
            "could explain it; `left out`: not compared, for you said so",
            words=("same", "changed", "added", "removed", "unknown", "left out"),
        ),
        _C(
            "p_value",
            "float64",
            "That chance explains who answered here, corrected for all tests",
            nullable=True,
        ),
    ),
)

COMPARED_EDGES = Table(
    "compared_edges",
    "One row for every link between responders that either side saw.",
    ("from_addr", "to_addr"),
    (
        _C("from_addr", "str", "Nearer end"),
        _C("to_addr", "str", "Farther end"),
        _C("a_rounds", "uint32", "Times that the first side saw it"),
        _C("b_rounds", "uint32", "Times that the second side saw it"),
        _C("a_flows", "uint32", "Flows that showed it"),
        _C("b_flows", "uint32", "Flows of the second side that showed it"),
        _C(
            "a_share",
            "float64",
            "Share of what followed the nearer end; missing if it was not there",
            nullable=True,
        ),
        _C("b_share", "float64", "The same on the second side", nullable=True),
        _C(
            "evidence",
            "category",
            "The weaker of both sides, as in links: `flow`, `assumed`, or `positional`: a balancer may have "
            "parted the probes, so it proves nothing",
            words=("flow", "assumed", "positional"),
        ),
        _C(
            "p_value",
            "float64",
            "That chance, or the choice of flows, explains the difference, corrected for all links; missing "
            "if there was nothing to test",
            nullable=True,
        ),
    ),
)

COMPARED_RTT = Table(
    "compared_rtt",
    "One row for every place with a common responder: by how much the round-trip time shifted.",
    ("flow", "place"),
    (
        *_COMPARED,
        _ADDR,
        _IS_TARGET,
        _C("a_n", "uint32", "RTTs"),
        _C("b_n", "uint32", "RTTs of the second side"),
        _C("a_worth", "float64", "Independent RTTs that these are worth"),
        _C("b_worth", "float64", "The same on the second side"),
        _C("a_flows", "uint32", "Flows that they are from, as a balancer sees flows"),
        _C("b_flows", "uint32", "The same on the second side"),
        _C("a_p50_ms", "float64", "Median", "ms", nullable=True),
        _C("b_p50_ms", "float64", "Median of the second side", "ms", nullable=True),
        _C("shift_ms", "float64", "Median of all differences, second less first", "ms", nullable=True),
        _C("low_ms", "float64", "Lower end of its confidence interval; infinite if there are too few", "ms"),
        _C("high_ms", "float64", "Upper end", "ms"),
        _C("margin_ms", "float64", "What still counts as the same", "ms"),
        _C(
            "longer_ratio",
            "float64",
            "Share of pairs in which that of the second side is longer",
            nullable=True,
        ),
        _C(
            "p_value", "float64", "That chance, or the choice of flows, makes a shift as clear", nullable=True
        ),
        _C(
            "detectable_ms",
            "float64",
            "Smallest shift that would have shown with power 0.8",
            "ms",
            nullable=True,
        ),
        _VERDICT,
        _ROUNDS,
        _C(
            "flows_needed",
            "UInt32",
            "Flows of each side that it takes to tell a shift from other branches; missing if none",
            nullable=True,
        ),
    ),
)

COMPARED_RESPONSES = Table(
    "compared_responses",
    "One row for every place that both sides have: how many probes nobody answered.",
    ("flow", "place"),
    (
        *_COMPARED,
        _ADDR,
        _IS_TARGET,
        _C("a_sent", "uint32", "Probes whose fate is known"),
        _C("b_sent", "uint32", "The same on the second side"),
        _C("a_unanswered", "uint32", "Those that nobody answered"),
        _C("b_unanswered", "uint32", "The same on the second side"),
        _C("a_unanswered_ratio", "float64", "Their share; missing without probes", nullable=True),
        _C("b_unanswered_ratio", "float64", "The same on the second side", nullable=True),
        _C("rise_ratio", "float64", "Second share less the first, from -1 to 1", nullable=True),
        _C("low_ratio", "float64", "Lower end of its interval: within 5 points on both ends is the same"),
        _C("high_ratio", "float64", "Upper end"),
        _C(
            "p_value",
            "float64",
            "That chance explains it, corrected for all targets, or all routers",
            nullable=True,
        ),
        _C(
            "detectable_ratio",
            "float64",
            "Smallest share of the second side that would have shown as a rise with power 0.8",
            nullable=True,
        ),
        _VERDICT,
        _ROUNDS,
    ),
)

COMPARED_PAIRS = Table(
    "compared_pairs",
    "One row for every two of several sides that were compared with one another.",
    ("a", "b"),
    (
        _C("a", "str", "One side"),
        _C("b", "str", "The other"),
        _VERDICT,
        _C("path_verdict", "category", "Of the paths", words=VERDICTS),
        _C("rtt_verdict", "category", "Of the round-trip times", words=VERDICTS),
        _C("response_verdict", "category", "Of the unanswered probes", words=VERDICTS),
        _C("shift_ms", "float64", "Shift of the RTT that decided", "ms", nullable=True),
        _C("rise_ratio", "float64", "Rise of the share unanswered that decided", nullable=True),
        _C("sentence", "str", "In words"),
    ),
)

COMPARED_HOPS = Table(
    "compared_hops",
    "One row for every TTL of each of several sides: who answered, how often, how fast.",
    ("ttl", "side"),
    (
        _C("ttl", "uint8", "TTL", label="Hop (TTL)"),
        _C("side", "str", "Which side"),
        _C("flows", "uint32", "Flows that were answered here"),
        _C("addrs", "list", "Responders, most frequent first"),
        _C("sent", "uint32", "Probes whose fate is known"),
        _C("unanswered", "uint32", "Those that nobody answered"),
        _C("unanswered_ratio", "float64", "Their share; missing without probes", nullable=True),
        _C("p50_ms", "float64", "Median RTT over all responders of this hop", "ms", nullable=True),
        _C("n", "uint32", "RTTs behind the median"),
    ),
)
