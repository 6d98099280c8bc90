"""Tables of answers: what `trippy_nb.analysis` concludes from the probes, and how sure it is.

Computed on demand, never stored, as those of `frames.derived`; but these weigh chances.
"""

from trippy_nb.frames.schema import FLOWS, PROBES, RUNS, Column, Table

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

_RUN_ID, _ROUND, _FLOW = PROBES.column("run_id"), PROBES.column("round"), FLOWS.column("flow")
_SERIES = _C("series", "uint32", "Number of the series: one flow, across runs, from 0", label="Series")
_SIDES = tuple(RUNS.column(name) for name in ("vantage", "src_addr", "dst_addr", "protocol"))
_HEADER = _C("header", "str", "Header fields that balancers hash, name=value; empty if not known")

EPOCHS = Table(
    "epochs",
    "One row for every stretch of time in which a series kept to one path, and for what was seen too "
    "seldom to count.",
    ("series", "epoch"),
    (
        _SERIES,
        _C("epoch", "uint32", "Number in its series, from 0, by the first observation"),
        *_SIDES,
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
        *_SIDES,
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
        *_SIDES,
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

REACHES = ("carried", "partly", "here only", "nothing beyond")
"""How a change of RTT shows at the hops beyond."""
_SHIFTS = (
    _C("before_ms", "float64", "Median RTT before", "ms"),
    _C("after_ms", "float64", "Median RTT after", "ms"),
    _C("shift_ms", "float64", "Shift (Hodges-Lehmann)", "ms", label="Shift of RTT"),
    _C("shift_low_ms", "float64", "Lower end of its interval; may be infinite", "ms"),
    _C("shift_high_ms", "float64", "Upper end; may be infinite", "ms"),
    _C("p_value", "float64", "Of a rank test of the two sides; the place was chosen, so it is too small"),
    _C("n_before", "uint32", "RTTs compared, before: at most 500 nearest to the change"),
    _C("n_after", "uint32", "RTTs compared, after"),
)
_RTT_SERIES = _C(
    "series",
    "UInt32",
    "Number of the series of `path_changes`; missing where flows were pooled",
    nullable=True,
    label="Series",
)

RTT_CHANGES = Table(
    "rtt_changes",
    "One row for every change in the level of the RTTs of one responder, for one flow or all: rows of one "
    "event have its number.",
    ("change",),
    (
        _C("change", "uint32", "Number of the change, from 0, in order of events"),
        _C("event", "uint32", "Equal steps at one moment at several hops are one event", label="Event"),
        _RTT_SERIES,
        *_SIDES,
        _HEADER,
        _C("run_id", "uint32", "Run of the first RTT of the new level", label="Run"),
        _C("round", "uint32", "Round of that RTT", label="Round"),
        _C("flow", "uint16", "Flow of that RTT in its run", label="Flow"),
        _C("at", "utc", "When its probe was sent", nullable=True, label="At"),
        _C("last_run_id", "uint32", "Run of the last RTT of the old level: the change was after it"),
        _C("last_round", "uint32", "Round of that RTT"),
        _C("last_seen_at", "utc", "When its probe was sent", nullable=True),
        _C("ttl", "uint8", "TTL of the first RTT of the new level", label="Hop (TTL)"),
        _C("addr", "category", "Responder"),
        *_SHIFTS,
        _C("lasted_s", "float64", "Time to the next change of this responder", "s", nullable=True),
        _C("first_ttl", "uint8", "Nearest TTL that shows the event: what changed is not beyond it"),
        _C("carried_to", "UInt8", "Farthest TTL beyond this one that shows it", nullable=True),
        _C("n_beyond", "uint32", "Responders beyond it that answered before and after"),
        _C("n_carried", "uint32", "Those of them that show it"),
        _C(
            "reach",
            "category",
            "`carried`: most of those beyond show it, so it is of the way; `partly`: some; `here only`: "
            "none, so it is of how this responder answers, or of its way back; `nothing beyond`: none to ask",
            words=REACHES,
        ),
        _C("n", "uint32", "RTTs of this responder in all"),
        _C("observed_s", "float64", "Time from the first of them to the last", "s", nullable=True),
    ),
)

JOINT_EVENTS = Table(
    "joint_events",
    "One row for every event of `rtt_changes`, and the change of path that it coincides with, if any.",
    ("event",),
    (
        _C("event", "uint32", "Number of the event in `rtt_changes`", label="Event"),
        _RTT_SERIES,
        _C("run_id", "uint32", "Run of the first RTT of the new level, at the nearest hop", label="Run"),
        _C("round", "uint32", "Round of that RTT", label="Round"),
        _C("flow", "uint16", "Flow of that RTT in its run", label="Flow"),
        _C("at", "utc", "When its probe was sent", nullable=True, label="At"),
        _C("ttl", "uint8", "Nearest hop that shows it", label="Hop (TTL)"),
        _C("addr", "str", "Responder there"),
        _C("last_ttl", "uint8", "Farthest hop that shows it"),
        _C("shift_ms", "float64", "Shift at the nearest hop", "ms", label="Shift of RTT"),
        _C(
            "path_change", "UInt32", "Row of `path_changes`, from 0; missing if none coincides", nullable=True
        ),
        _C("path_at", "utc", "First sight of the new path", nullable=True),
        _C("path_first_ttl", "UInt8", "First TTL that differs", nullable=True),
        _C("path_last_ttl", "UInt8", "Last TTL that differs", nullable=True),
        _C("lag_s", "float64", "From the change of path to that of RTT", "s", nullable=True),
        _C("window_s", "float64", "How far apart the two may be", "s", nullable=True),
        _C("n_path_changes", "uint32", "Changes of path, in all, at or before that hop, of these flows"),
        _C(
            "chance_ratio",
            "float64",
            "Chance that one of them would lie so near if the two had nothing to do with one another",
            nullable=True,
        ),
        _C("says", "str", "The statement, as a sentence"),
    ),
)

_ALL: tuple[Table, ...] = (EPOCHS, CHANGES, PREVALENCE, FORWARDING, RTT_CHANGES, JOINT_EVENTS)

ANSWER_TABLES: dict[str, Table] = {table.name: table for table in _ALL}
