"""Tables of paths over time."""

from trippy_nb.frames.schema import RUNS, Column, Table

_C = Column

STANDINGS = ("kept", "outlier", "unconfirmed", "not judged")
"""What an epoch is worth."""
CHANGE_KINDS = (
    "reroute",
    "flap",
    "resampled",
    "destination-moved",
    "tunnel-appeared",
    "tunnel-vanished",
    "silence",
)
"""What a change of path is."""

_SERIES = _C("series", "uint32", "Number of the series: one flow, across runs, from 0", label="Series")
SIDES = tuple(RUNS.column(name) for name in ("vantage", "src_addr", "dst_addr", "protocol"))
_HEADER = _C("header", "str", "Header fields that balancers hash, name=value; empty if not known")

EPOCHS = Table(
    "epochs",
    "One row for every stretch of time in which a series kept to one path, and for what was seen too "
    "seldom to count.",
    ("series", "epoch"),
    (
        _SERIES,
        _C("epoch", "uint32", "Number in its series, from 0, by the first observation"),
        *SIDES,
        _HEADER,
        _C("run_id", "uint32", "Run of the first observation", label="Run"),
        _C("round", "uint32", "Round of the first observation", label="Round"),
        _C("flow", "uint16", "Flow of the first observation in its run", label="Flow"),
        _C("last_run_id", "uint32", "Run of the last observation"),
        _C("last_round", "uint32", "Round of the last observation"),
        _C("started_at", "utc", "Begin of the first observation", nullable=True, label="From"),
        _C("ended_at", "utc", "Begin of the last observation", nullable=True, label="To"),
        _C("n", "uint32", "Observations that fit: rounds of this flow whose fate is known"),
        _C(
            "standing",
            "category",
            "`kept`: seen often enough; `outlier`: too seldom, and then the path went on as before; "
            "`unconfirmed`: too seldom, but first or last, so it may be more; `not judged`: the probes of "
            "this flow do not look the same to a balancer, or no round is complete",
            words=STANDINGS,
        ),
        _C(
            "path", "uint32", "Number among the paths of its series: epochs with equal numbers fit each other"
        ),
        _C("first_ttl", "uint8", "TTL of the first place"),
        _C("length", "uint8", "Places, silent ones too"),
        _C("stars", "uint8", "Places where nobody ever answered in this epoch"),
        _C("reached", "bool", "The target answered at the last place"),
        _C("addrs", "list", "Responders, place by place; None where nobody answered"),
        _C("masked_ttls", "list", "TTLs whose responders take turns: switches between them are no change"),
        _C("masked_addrs", "list", "Who takes turns there, a tuple for each of `masked_ttls`"),
    ),
)

CHANGES = Table(
    "path_changes",
    "One row for every change of path, and every series that showed it: rows of one event have its number.",
    ("event", "series"),
    (
        _C("event", "uint32", "Number of the event, from 0, in order of time", label="Event"),
        _SERIES,
        _C(
            "epoch",
            "UInt32",
            "Epoch of the series that began with it; missing if none did",
            nullable=True,
        ),
        *SIDES,
        _HEADER,
        _C("run_id", "uint32", "Run of the first observation of the new path", label="Run"),
        _C("round", "uint32", "Round of the first observation of the new path", label="Round"),
        _C("flow", "uint16", "Flow of that observation in its run", label="Flow"),
        _C("last_run_id", "uint32", "Run of the last observation of the old path: the change was after it"),
        _C("last_round", "uint32", "Round of that observation"),
        _C("at", "utc", "First sight of the new path", nullable=True, label="At"),
        _C("last_seen_at", "utc", "Last sight of the old path", nullable=True),
        _C("kind", "category", "What it is", words=CHANGE_KINDS),
        _C("first_ttl", "UInt8", "First TTL that differs", nullable=True),
        _C("last_ttl", "UInt8", "Last TTL that differs, on the longer path", nullable=True),
        _C("before", "list", "Responders of the places that differ, before; None is silence"),
        _C("after", "list", "Responders of the places that differ, after; none at all if hops vanished"),
        _C(
            "edits",
            "UInt8",
            "Places to insert, remove or replace to make one path of the other",
            nullable=True,
        ),
        _C("length", "UInt8", "Places of the longer path", nullable=True),
        _C("distance_ratio", "float64", "`edits` of `length`; silence costs nothing", nullable=True),
        _C("n_before", "uint32", "Observations of the epoch before"),
        _C("n_after", "uint32", "Observations of the epoch after"),
        _C("n_flows", "uint32", "Series that showed the event"),
        _C("flows", "list", "Numbers of these series"),
    ),
)

PREVALENCE = Table(
    "prevalence",
    "One row a series: how much of it one path had, and how long a path lasts (Paxson 1996); silence as a "
    "symbol (`exact_...`), and silence as a wildcard.",
    ("series",),
    (
        _SERIES,
        *SIDES,
        _HEADER,
        _C("n", "uint32", "Observations: rounds whose fate is known"),
        _C("n_dominant", "uint32", "Those of the dominant path, or a look at it with gaps"),
        _C("prevalence_ratio", "float64", "`n_dominant` of `n`", nullable=True, label="Prevalence"),
        _C("prevalence_low_ratio", "float64", "Lower end of its Wilson interval (95 %)", nullable=True),
        _C("prevalence_high_ratio", "float64", "Upper end", nullable=True),
        _C("n_paths", "uint32", "Distinct paths"),
        _C(
            "n_transitions",
            "uint32",
            "Successive observations of which one contradicts the path of the other",
        ),
        _C("transition_ratio", "float64", "`n_transitions` of `n` - 1", nullable=True),
        _C("persistence_n", "float64", "Observations between transitions, mean", nullable=True),
        _C(
            "persistence_s",
            "float64",
            "Median time from the first to the last observation between transitions",
            "s",
            nullable=True,
            label="Persistence",
        ),
        _C("exact_n_dominant", "uint32", "Observations of the most frequent path, silence as a symbol"),
        _C("exact_prevalence_ratio", "float64", "`exact_n_dominant` of `n`", nullable=True),
        _C("exact_prevalence_low_ratio", "float64", "Lower end of its Wilson interval (95 %)", nullable=True),
        _C("exact_prevalence_high_ratio", "float64", "Upper end", nullable=True),
        _C("exact_n_paths", "uint32", "Distinct paths, silence as a symbol"),
        _C("exact_n_transitions", "uint32", "Successive observations that differ in anything"),
        _C("exact_transition_ratio", "float64", "`exact_n_transitions` of `n` - 1", nullable=True),
        _C("addrs", "list", "The dominant path; None where nobody answered"),
    ),
)

FORWARDING = Table(
    "forwarding_anomalies",
    "One row for every next hop of a router that forwarded otherwise than it used to, in one bin of time.",
    ("router", "dst_addr", "bin_at", "next_hop"),
    (
        _C("router", "category", "Responder whose next hops they are", label="Router"),
        RUNS.column("dst_addr"),
        _C("bin_at", "utc", "Begin of the bin", label="At"),
        _C("next_hop", "str", "Responder at the next TTL; missing for no answer", nullable=True),
        _C("packets", "uint32", "Packets of this bin that it answered, or nobody did"),
        _C("expected_packets", "float64", "Its packets in the reference"),
        _C("correlation", "float64", "Pearson's rho of all next hops and the reference", label="Correlation"),
        _C(
            "responsibility", "float64", "Its part in the anomaly: below 0 it lost packets, above it got more"
        ),
        _C("n", "uint32", "Packets of all next hops in this bin"),
    ),
)
