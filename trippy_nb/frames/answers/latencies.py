"""Tables about round-trip times."""

from trippy_nb.frames.schema import Column, Table

_C = Column

_OR_ALL = "; missing where several are taken together"
_GROUP = (
    _C("run_id", "UInt32", f"Number of the run{_OR_ALL}", nullable=True, label="Run"),
    _C("flow", "UInt16", f"Index into `flows`{_OR_ALL}", nullable=True, label="Flow"),
    _C("ttl", "UInt8", f"TTL of the probes{_OR_ALL}", nullable=True, label="Hop (TTL)"),
    _C("addr", "category", f"Responder{_OR_ALL}", nullable=True, label="Responder"),
)
_GROUP_KEY = ("run_id", "flow", "ttl", "addr")
_N_ADDRS = _C("n_addrs", "uint32", "Responders whose answers are among them")
_SAME_WAY = "`flow`: the probes compared took the same path; `positional`: a balancer may have parted them"
_TUNNELLED = _C(
    "tunnelled",
    "bool",
    "Its answers went on to the end of an MPLS tunnel before they came back: their RTTs are "
    "those of that end",
)

ECDF = Table(
    "ecdf",
    "One row for every different RTT of a group: the share of answers that were as fast or faster.",
    (*_GROUP_KEY, "rtt_ms"),
    (
        *_GROUP,
        _C("rtt_ms", "float64", "Round-trip time", "ms", label="Round-trip time"),
        _C("share", "float64", "Share of answers up to this RTT", label="Share of answers"),
        _C("low_share", "float64", "Lower end of its Wilson interval"),
        _C("high_share", "float64", "Upper end of its Wilson interval"),
        _C("n", "uint32", "Answers with an RTT in the group"),
        _N_ADDRS,
    ),
)

BANDS = Table(
    "bands",
    "One row for every band of every stretch of time: where that share of its answers lies, "
    "around the median. "
    "A stretch in which nothing was sent has no row.",
    (*_GROUP_KEY, "at", "band_share"),
    (
        *_GROUP,
        _C("at", "utc", "Beginning of the stretch", label="Time"),
        _C("band_share", "float64", "Share of answers in the band, 1 for all", label="Share of answers"),
        _C("low_ms", "float64", "Lower edge; missing without an answer", "ms", nullable=True),
        _C("high_ms", "float64", "Upper edge; missing without an answer", "ms", nullable=True),
        _C("p50_ms", "float64", "Median RTT of the stretch", "ms", nullable=True, label="Median"),
        _C("n", "uint32", "Answers with an RTT in the stretch"),
        _C(
            "sent",
            "UInt32",
            "Probes whose fate is known; missing by responder: silence has none",
            nullable=True,
        ),
        _C("loss_ratio", "float64", "Share of sent that nobody answered", nullable=True, label="Unanswered"),
        _N_ADDRS,
        _C("bin_s", "float64", "Length of the stretch", "s"),
    ),
)

HISTOGRAM = Table(
    "histogram",
    "One row for every bin of a group, empty ones too; the counts of a group add up to n.",
    (*_GROUP_KEY, "low_ms"),
    (
        *_GROUP,
        _C("low_ms", "float64", "Lower edge, part of the bin", "ms"),
        _C("high_ms", "float64", "Upper edge, part of the next bin; of the last bin, its own", "ms"),
        _C("count", "uint32", "Answers in the bin", label="Answers"),
        _C("share", "float64", "Share of the group's answers", label="Share of answers"),
        _C("n", "uint32", "Answers with an RTT in the group"),
        _N_ADDRS,
    ),
)

DENSITY = Table(
    "density",
    "One row for every point of the kernel density of a group; a single one, without a "
    "density, where the sample has "
    "none.",
    (*_GROUP_KEY, "rtt_ms"),
    (
        *_GROUP,
        _C("rtt_ms", "float64", "Round-trip time", "ms", label="Round-trip time"),
        _C(
            "density_per_ms",
            "float64",
            "Share of answers per millisecond; missing under 3 answers, or if all are equal",
            "1/ms",
            nullable=True,
            label="Density",
        ),
        _C("bandwidth_ms", "float64", "Standard deviation of the kernel", "ms", nullable=True),
        _C("n", "uint32", "Answers with an RTT in the group"),
        _N_ADDRS,
    ),
)

_LINK = (
    *_GROUP[:2],
    _C("ttl", "UInt8", f"TTL of the nearer end{_OR_ALL}", nullable=True, label="Hop (TTL)"),
    _C("from_addr", "category", "Nearer end"),
    _C("to_addr", "category", "Farther end"),
    _C("at", "utc", "Beginning of the stretch of time; missing without one", nullable=True, label="Time"),
)
_LINK_KEY = ("run_id", "flow", "ttl", "from_addr", "to_addr", "at")
_DIFFERENCES = (
    _C("n", "uint32", "Pairs of RTTs"),
    _C("n_rounds", "uint32", "Rounds of a flow that they are from: what the interval rests on"),
    _C("median_ms", "float64", "Median of the differences", "ms", label="Median difference"),
    _C("low_ms", "float64", "Lower end of its interval; missing under 6 rounds", "ms", nullable=True),
    _C("high_ms", "float64", "Upper end of its interval", "ms", nullable=True),
)

DELAYS = Table(
    "delays",
    "One row for every link: by how much the farther end's answers took longer than the nearer "
    "end's. No delay of the "
    "link: answers come back on ways of their own.",
    _LINK_KEY,
    (
        *_LINK,
        *_DIFFERENCES,
        _C("negative_share", "float64", "Share of pairs whose farther end was faster: ways back differ"),
        _C(
            "evidence",
            "category",
            f"As in links. {_SAME_WAY}",
            words=("flow", "assumed", "positional"),
        ),
        _TUNNELLED,
    ),
)

DELAY_ALARMS = Table(
    "delay_alarms",
    "One row for every stretch of time of a link, beside what was usual before.",
    _LINK_KEY,
    (
        *_LINK,
        *_DIFFERENCES,
        _C("ref_ms", "float64", "Usual median; missing until it is known", "ms", nullable=True),
        _C("ref_low_ms", "float64", "Usual lower end", "ms", nullable=True),
        _C("ref_high_ms", "float64", "Usual upper end", "ms", nullable=True),
        _C("diff_ms", "float64", "Median less the usual one", "ms", nullable=True),
        _C(
            "deviation",
            "float64",
            "Gap between the two intervals, in halves of the usual one; 0 where they meet",
            nullable=True,
        ),
        _C(
            "alarm",
            "boolean",
            "Intervals do not meet, medians differ enough; missing: cannot tell",
            nullable=True,
        ),
        _TUNNELLED,
    ),
)

SPIKE_VERDICTS = ("none", "slow-path", "unshared", "shared-downstream", "cannot tell")
"""What slow answers of a hop are due to."""

SPIKES = Table(
    "spikes",
    "One row for every responder at a TTL: whether its slow answers are its own, or shared by "
    "what lies behind it.",
    _GROUP_KEY,
    (
        _C("run_id", "uint32", "Number of the run", label="Run"),
        _GROUP[1],
        _C("ttl", "uint8", "TTL of the probes", label="Hop (TTL)"),
        _C("addr", "category", "Responder", label="Responder"),
        _C("n", "uint32", "Answers with an RTT"),
        _C("base_ms", "float64", "5th percentile of its RTTs: what it takes without a queue", "ms"),
        _C("p50_ms", "float64", "Median RTT", "ms", label="Median"),
        _C("p95_ms", "float64", "95th percentile", "ms"),
        _C("threshold_ms", "float64", "How far above its base an answer is a spike", "ms"),
        _C("spikes", "uint32", "Answers that were"),
        _C("spike_share", "float64", "Share of its answers that were"),
        _C("later_ttl", "UInt8", "TTL behind it with the fewest spikes of that size", nullable=True),
        _C("later_n", "UInt32", "Answers of that TTL in the same rounds", nullable=True),
        _C("later_share", "float64", "Share of them that were spikes", nullable=True),
        _C("own_ttl", "UInt8", "TTL behind it that it is most surely slower than", nullable=True),
        _C(
            "own_ms",
            "float64",
            "Median of its RTT less that one's in the same round; below 0 if it is faster than all",
            "ms",
            nullable=True,
        ),
        _C("own_low_ms", "float64", "Lower end of its interval", "ms", nullable=True),
        _C("own_high_ms", "float64", "Upper end of its interval", "ms", nullable=True),
        _C(
            "rank_correlation",
            "float64",
            "Spearman's, of its RTT and the smallest one behind it, round by round",
            nullable=True,
        ),
        _C("n_both", "uint32", "Rounds with both"),
        _C(
            "since_ttl",
            "UInt8",
            "If shared: the nearest TTL from which on all hops to this one had half as many spikes, or more",
            nullable=True,
        ),
        _TUNNELLED,
        _C("evidence", "category", _SAME_WAY, words=("flow", "positional")),
        _C(
            "verdict",
            "category",
            "`slow-path`: spikes that something behind it does not have: its control plane; "
            "`unshared`: always slower "
            "than something behind it: a longer way back, or always slow to answer; "
            "`shared-downstream`: spikes that "
            "all behind it have: a queue at or before it; `none`: at most 1 in 10 is a spike",
            words=SPIKE_VERDICTS,
        ),
        _C("needs_n", "UInt32", "Answers that would tell; missing where no number would", nullable=True),
    ),
)

LIGHT = Table(
    "light",
    "One row for every address with a place, and for every pair of them on one path: whether "
    "light in fibre could have "
    "made the way in that time.",
    ("run_id", "from_addr", "addr"),
    (
        _C("run_id", "uint32", "Number of the run", label="Run"),
        _C("from_addr", "category", "Nearer address of a pair; missing for one alone", nullable=True),
        _C("addr", "category", "Address whose RTT it is", label="Responder"),
        _C("rtt_ms", "float64", "Smallest RTT", "ms"),
        _C("n", "uint32", "Answers that it is the smallest of"),
        _C("way_km", "float64", "Shortest way from the source, by the nearer address, there and back", "km"),
        _C("limit_km", "float64", "How far light in fibre gets in that time, and the slack", "km"),
        _C("needs_ms", "float64", "Smallest RTT with which the places could be right, without slack", "ms"),
        _C("possible", "bool", "The way is not longer than the limit"),
    ),
)

LAST_MILE = Table(
    "last_mile",
    "One row for every stretch of time of a vantage: how much longer the first hop of the "
    "provider took than the last "
    "one at home.",
    ("vantage", "at"),
    (
        _C("vantage", "category", "Host the probes were sent from: `runs.vantage`, or else its address"),
        _C("at", "utc", "Beginning of the stretch", label="Time"),
        _C("n", "uint32", "Pairs of RTTs"),
        _C("n_rounds", "uint32", "Rounds of a flow that they are from"),
        _C("median_ms", "float64", "Median of the differences", "ms"),
        _C(
            "delay_ms",
            "float64",
            "That less the vantage's smallest",
            "ms",
            nullable=True,
            label="Queueing delay",
        ),
        _C("n_addrs", "uint32", "Different first hops of the provider"),
        _C("bin_s", "float64", "Length of the stretch", "s"),
    ),
)

CLASSES = ("none", "low", "mild", "severe")
"""Daily swing of the last mile: up to 0.5 ms, up to 1, up to 3, above."""

DAILY = Table(
    "daily",
    "One row for every vantage: whether its last mile follows the day.",
    ("vantage",),
    (
        _C("vantage", "category", "Host the probes were sent from"),
        _C("n", "uint32", "Stretches of time with enough rounds"),
        _C("days", "float64", "From the first of them to the end of the last", "d"),
        _C("filled_ratio", "float64", "Share of the stretches of that time that had enough rounds"),
        _C(
            "main_period_h",
            "float64",
            "Period of the strongest swing; missing where it cannot be told",
            "h",
            nullable=True,
        ),
        _C("swing_ms", "float64", "From its lowest to its highest, on average", "ms", nullable=True),
        _C("daily", "boolean", "That period is a day; missing where it cannot be told", nullable=True),
        _C("level", "category", "How strong the daily swing is", nullable=True, words=CLASSES),
        _C("needs_days", "float64", "Days that would tell; missing where they do", "d", nullable=True),
    ),
)
