"""The one place where a column is defined; docs, axis labels and checks are made from it.

Dtype tokens: ``uint8 uint16 uint32 uint64 float64`` are numpy's (no missing values, but NaN in
floats); ``UInt8 UInt16 UInt32 UInt64`` are pandas' nullable ones; ``category`` holds text (missing
allowed if nullable); ``str`` is text; ``bool`` / ``boolean``; ``bytes`` is an object column of bytes;
``utc`` is ``datetime64[ns, UTC]`` (NaT if nullable); ``list`` is an object column of tuples.
"""

from dataclasses import dataclass

from trippy_nb.model import EndReason, Match, Outcome, Protocol, ReplyKind, RttSource, SocketMode, Status

SCHEMA_VERSION = 3
"""Written into every file; a file of this version or of the one before can be read."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    dtype: str
    meaning: str
    unit: str = ""
    nullable: bool = False
    label: str = ""
    """What an axis or a table head says; the name if empty."""
    words: tuple[str, ...] = ()
    """All values of a closed vocabulary, in the order of the categories; empty where it is open."""

    @property
    def heading(self) -> str:
        """Label with its unit: ``Round-trip time (ms)``."""
        text = self.label or self.name
        return f"{text} ({self.unit})" if self.unit else text


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of frame: its columns, in order, and the columns that identify a row."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Look up a column; KeyError if the table has none of that name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def label(self, name: str) -> str:
        """Axis label of a column, with its unit."""
        return self.column(name).heading

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)


_C = Column

_RUN_ID = _C("run_id", "uint32", "Number of the run within this frame or file", label="Run")
_ROUND = _C("round", "uint32", "Round, from 0", label="Round")
_FLOW = _C("flow", "uint16", "Index into `flows`", label="Flow")
_TTL = _C("ttl", "uint8", "TTL (hop limit) the probe was sent with", label="Hop (TTL)")
_ATTEMPT = _C("attempt", "uint8", "Number within (round, flow, ttl), from 0")

_PROTOCOLS = tuple(Protocol)
_MODES = tuple(SocketMode)
_RTT_SOURCES = RttSource.words()
_MATCHES = Match.words()

PROBES = Table(
    "probes",
    "One row a probe, answered or not; of its answers the first is joined in.",
    ("run_id", "round", "flow", "ttl", "attempt"),
    (
        _RUN_ID,
        _ROUND,
        _FLOW,
        _TTL,
        _ATTEMPT,
        _C("seq", "UInt16", "Number that tells the probe from others in flight", nullable=True),
        _C("sport", "UInt16", "Source port", nullable=True),
        _C("dport", "UInt16", "Destination port", nullable=True),
        _C("size", "UInt16", "Size of the packet, if it is not `runs.size`", "bytes", nullable=True),
        _C(
            "sent_at", "utc", "When it was sent: kernel stamp if there is one", nullable=True, label="Sent at"
        ),
        _C(
            "status",
            "category",
            "What became of it: only timeout is loss; beyond_target was sent past the target, answered "
            "(by the target) or not",
            words=Status.words(),
        ),
        _C("addr", "category", "Responder of the first answer", nullable=True, label="Responder"),
        _C("zone", "category", "Zone of a scoped responder address", nullable=True),
        _C(
            "rtt_ms",
            "float64",
            "Round-trip time of the first answer",
            "ms",
            nullable=True,
            label="Round-trip time",
        ),
        _C("rtt_source", "category", "Clocks behind the RTT", nullable=True, words=_RTT_SOURCES),
        _C("icmp_type", "UInt8", "ICMP type of the first answer; missing for TCP", nullable=True),
        _C("icmp_code", "UInt8", "ICMP code of the first answer; missing for TCP", nullable=True),
        _C("n_replies", "uint8", "How many answers came (255 = that or more); see `replies`"),
        _C("mode", "category", "Kind of socket", nullable=True, words=_MODES),
        _C(
            "match", "category", "How strongly the answer is tied to the probe", nullable=True, words=_MATCHES
        ),
        _C("errno", "UInt16", "Why the operating system refused to send it", nullable=True),
    ),
)

REPLIES = Table(
    "replies",
    "One row for every packet that came back: first answers, late ones, duplicates and unmatched ones.",
    ("run_id", "reply"),
    (
        _RUN_ID,
        _C("reply", "uint32", "Number of the reply in its run, in order of arrival, from 0"),
        _C("round", "UInt32", "Round of its probe", nullable=True),
        _C("flow", "UInt16", "Flow of its probe", nullable=True),
        _C("ttl", "UInt8", "TTL of its probe", nullable=True),
        _C("attempt", "UInt8", "Attempt of its probe", nullable=True),
        _C("reply_no", "uint8", "Number among the answers to its probe, from 0"),
        _C(
            "kind",
            "category",
            "How it relates to the probes; late is a first answer after round or time-out",
            words=ReplyKind.words(),
        ),
        _C("match", "category", "How strongly it is tied to its probe", nullable=True, words=_MATCHES),
        _C("received_at", "utc", "When it came: kernel stamp if there is one", nullable=True),
        _C("addr", "category", "Responder", label="Responder"),
        _C("zone", "category", "Zone of a scoped responder address", nullable=True),
        _C("from_target", "boolean", "It shows that its probe reached the target", nullable=True),
        _C("rtt_ms", "float64", "Round-trip time", "ms", nullable=True, label="Round-trip time"),
        _C("rtt_source", "category", "Clocks behind the RTT", nullable=True, words=_RTT_SOURCES),
        _C("icmp_type", "UInt8", "ICMP type", nullable=True),
        _C("icmp_code", "UInt8", "ICMP code", nullable=True),
        _C("tcp_flags", "category", "TCP flags, such as SA or RA", nullable=True),
        _C("reply_ttl", "UInt8", "TTL or hop limit on arrival", nullable=True),
        _C("reply_size", "UInt16", "Size of the whole IP packet", "bytes", nullable=True),
        _C("reply_tos", "UInt8", "Type of service, or traffic class", nullable=True),
        _C("reply_ipid", "UInt16", "IPv4 identification", nullable=True),
        _C("q_ttl", "UInt8", "TTL or hop limit of the probe as quoted", nullable=True),
        _C("q_tos", "UInt8", "Type of service, or traffic class, of the probe as quoted", nullable=True),
        _C("q_len", "UInt16", "Length of the probe as quoted", "bytes", nullable=True),
        _C("q_checksum", "UInt16", "Transport checksum of the probe as quoted", nullable=True),
        _C("mtu", "UInt16", "Next-hop MTU of Fragmentation Needed or Packet Too Big", "bytes", nullable=True),
        _C(
            "nat",
            "category",
            "Whether the quote shows an address translation since the responder before it "
            "(UDP dublin on IPv4 only)",
            words=("no", "yes", "unknown"),
        ),
        _C(
            "mpls",
            "category",
            "MPLS label stack, outermost first: label/exp/s/ttl, joined by ;",
            nullable=True,
        ),
        _C(
            "ext",
            "bytes",
            "ICMP extension objects other than MPLS, as received; the whole structure if malformed",
            nullable=True,
        ),
        _C(
            "rewritten",
            "category",
            "Header fields of the quoted probe that are not as they were sent: name=value joined by ;, in "
            "the order src dst tos ip_id df flow_label sport dport icmp_id seq mss length checksum; empty "
            "where a quote was seen and nothing differs, missing where no header was quoted",
            nullable=True,
        ),
    ),
)

FLOWS = Table(
    "flows",
    "One row a flow: the header fields that it keeps constant; a missing one varies or does not exist.",
    ("run_id", "flow"),
    (
        _RUN_ID,
        _FLOW,
        _C("sport", "UInt16", "Source port", nullable=True),
        _C("dport", "UInt16", "Destination port", nullable=True),
        _C("icmp_id", "UInt16", "ICMP identifier", nullable=True),
        _C("icmp_checksum", "UInt16", "ICMP checksum", nullable=True),
        _C("paris_id", "UInt16", "Paris identifier of tools that have one", nullable=True),
        _C("flow_label", "UInt32", "IPv6 flow label", nullable=True),
    ),
)

RUNS = Table(
    "runs",
    "One row a run: what was asked, how it was done, how it ended.",
    ("run_id",),
    (
        _RUN_ID,
        _C("run_uuid", "str", "Identity of the run"),
        _C("source", "category", "Where the probes come from: live, sim, or a tool's format"),
        _C("source_ref", "str", "File name, measurement number or scenario", nullable=True),
        _C("vantage", "category", "Host the probes were sent from", nullable=True),
        _C("target", "str", "Target as asked for", nullable=True, label="Target"),
        _C("dst_addr", "category", "Target address", nullable=True),
        _C("src_addr", "category", "Source address", nullable=True),
        _C("af", "UInt8", "Address family, 4 or 6", nullable=True),
        _C("protocol", "category", "What the probes are made of", nullable=True, words=_PROTOCOLS),
        _C("method", "category", "classic, paris, dublin, ...", nullable=True),
        _C("mode", "category", "Kind of socket", nullable=True, words=_MODES),
        _C("reason", "str", "Why this protocol and kind of socket", nullable=True),
        _C("sport", "UInt16", "Fixed source port", nullable=True),
        _C("dport", "UInt16", "Fixed destination port", nullable=True),
        _C("started_at", "utc", "Start of the run", nullable=True),
        _C("ended_at", "utc", "End of the run", nullable=True),
        _C("rounds", "UInt32", "Rounds begun", nullable=True),
        _C("first_ttl", "UInt8", "Smallest TTL", nullable=True),
        _C("max_ttl", "UInt8", "Largest TTL allowed", nullable=True),
        _C("attempts", "UInt8", "Probes for each (round, flow, ttl)", nullable=True),
        _C("size", "UInt16", "Size of the whole IP packet", "bytes", nullable=True),
        _C("tos", "UInt8", "Type of service, or traffic class", nullable=True),
        _C("timeout_ms", "float64", "Time-out of a probe", "ms", nullable=True),
        _C(
            "end_reason",
            "category",
            "Why it ended; missing while it goes on",
            nullable=True,
            words=tuple(EndReason),
        ),
        _C("outcome", "category", "What became of the path", nullable=True, words=tuple(Outcome)),
        _C("error", "str", "The error that ended it", nullable=True),
        _C("target_ttl", "UInt8", "Smallest TTL at which the target answered", nullable=True),
        _C("foreign", "uint64", "Packets that came by and were nobody's answer"),
        _C("unmatched", "uint64", "Replies that contradicted every probe"),
        _C("dropped_probes", "uint64", "Oldest probes let go of by max_samples"),
        _C(
            "dropped_packets", "UInt64", "Packets not kept: over 16 MB, or of probes let go of", nullable=True
        ),
        _C("clock_suspect", "uint64", "RTTs whose kernel stamps were not believed"),
        _C("tool", "category", "Program that sent the probes"),
        _C("tool_version", "category", "Its version", nullable=True),
        _C(
            "clock",
            "category",
            "Where time stamps come from",
            words=("kernel", "user", "simulated", "unknown"),
        ),
        _C("has_probes", "bool", "The source has single probes"),
        _C("has_losses", "bool", "The source has probes without an answer"),
        _C("has_send_times", "bool", "The source has the time of each probe"),
        _C("has_all_replies", "bool", "The source has duplicates and late answers"),
        _C("has_quote_header", "bool", "Answers come with the quoted header: what it would show can be seen"),
        _C("flow_stable", "bool", "All probes of one flow look the same to a balancer"),
        _C("config", "str", "Options of the run, as JSON", nullable=True),
        _C("label", "str", "The user's own words", nullable=True),
        _C("notes", "str", "The user's notes, as JSON; see `notes`", nullable=True),
        _C("part_of", "str", "Identity of the run that this is a part of", nullable=True),
        _C("selection", "str", "What made a part of it", nullable=True),
    ),
)

LAST_ANSWER = (
    _C("nat", "category", "`replies.nat` of the last answer", nullable=True, words=("no", "yes", "unknown")),
    _C("dscp", "UInt8", "DSCP of the last probe that was quoted", nullable=True),
    _C("ecn", "UInt8", "ECN of the last probe that was quoted", nullable=True),
    _C("last_icmp_type", "UInt8", "ICMP type of the last answer", nullable=True),
    _C("last_icmp_code", "UInt8", "ICMP code of the last answer", nullable=True),
)
"""What HOPS and RESPONDERS say of the last answer."""

HOPS = Table(
    "hops",
    "One row for each TTL of a run that is worth showing, answered or not. Sent is the probes whose "
    "fate is known; loss is only what nobody answered.",
    ("run_id", "ttl"),
    (
        _RUN_ID,
        _TTL,
        _C(
            "sent",
            "uint32",
            "Probes sent whose fate is settled (not in flight, not beyond the target)",
            label="Sent",
        ),
        _C("recv", "uint32", "Probes answered, late ones too", label="Recv"),
        _C("late", "uint32", "Probes answered after their round or time-out; part of recv", label="Late"),
        _C(
            "failed",
            "uint32",
            "Probes that the operating system refused; part of neither sent nor recv",
            label="Failed",
        ),
        _C("failed_ratio", "float64", "Share of failed in sent and failed", nullable=True),
        _C(
            "loss_ratio",
            "float64",
            "Share of sent that nobody answered; missing if none was sent",
            nullable=True,
            label="Unanswered",
        ),
        _C("loss_low_ratio", "float64", "Lower end of its Wilson interval, 95 %", nullable=True),
        _C("loss_high_ratio", "float64", "Upper end of its Wilson interval, 95 %", nullable=True),
        _C("last_ms", "float64", "Latest RTT", "ms", nullable=True, label="Last"),
        _C("avg_ms", "float64", "Mean RTT", "ms", nullable=True, label="Mean"),
        _C(
            "gmean_ms",
            "float64",
            "Geometric mean of RTTs; 0 if one of them is",
            "ms",
            nullable=True,
            label="Geom. mean",
        ),
        _C("best_ms", "float64", "Smallest RTT", "ms", nullable=True, label="Best"),
        _C("worst_ms", "float64", "Largest RTT", "ms", nullable=True, label="Worst"),
        _C(
            "stddev_ms",
            "float64",
            "Sample standard deviation (n - 1); missing under two answers",
            "ms",
            nullable=True,
            label="Std. dev.",
        ),
        _C(
            "mad_ms",
            "float64",
            "Median absolute distance from the median RTT",
            "ms",
            nullable=True,
            label="MAD",
        ),
        _C(
            "jitter_ms",
            "float64",
            "Latest absolute difference of successive RTTs",
            "ms",
            nullable=True,
            label="Jitter",
        ),
        _C(
            "javg_ms",
            "float64",
            "Mean absolute difference of successive RTTs",
            "ms",
            nullable=True,
            label="Mean jitter",
        ),
        _C(
            "jmax_ms",
            "float64",
            "Largest absolute difference of successive RTTs",
            "ms",
            nullable=True,
            label="Max. jitter",
        ),
        _C(
            "jinta_ms",
            "float64",
            "Interarrival jitter, RFC 3550 section 6.4.1",
            "ms",
            nullable=True,
            label="Smoothed jitter",
        ),
        _C("p50_ms", "float64", "Median RTT", "ms", nullable=True, label="Median"),
        _C("p90_ms", "float64", "90th percentile", "ms", nullable=True, label="90 %"),
        _C("p95_ms", "float64", "95th percentile", "ms", nullable=True, label="95 %"),
        _C("p99_ms", "float64", "99th percentile", "ms", nullable=True, label="99 %"),
        _C(
            "forward_loss",
            "uint32",
            "Rounds in which silence began at this hop and lasted to the end",
            label="Forward loss",
        ),
        _C("forward_loss_ratio", "float64", "Share of forward_loss in sent", nullable=True),
        _C(
            "backward_loss",
            "uint32",
            "Silences explained by an earlier forward loss in their round",
            label="Backward loss",
        ),
        _C("n_addrs", "uint32", "Distinct responders", label="Responders"),
        _C("addrs", "list", "Responders, most frequent first"),
        _C("share", "list", "Share of the answers of each responder, as `addrs`"),
        _C("mixed", "bool", "Several responders: the RTTs above are over all of them"),
        _C("mpls", "str", "Latest MPLS label stack", nullable=True),
        *LAST_ANSWER,
        _C("last_sport", "UInt16", "Source port of the last probe", nullable=True),
        _C("last_dport", "UInt16", "Destination port of the last probe", nullable=True),
        _C("last_seq", "UInt16", "Number of the last probe", nullable=True),
    ),
)

HANDLES = Table(
    "handles",
    "One row for every operating-system handle that a run held: opened once, closed once.",
    ("run_uuid", "handle"),
    (
        _C("handle", "uint64", "Number of the handle in this process, from 1"),
        _C("kind", "category", "What it is", words=("socket", "device", "child")),
        _C("purpose", "str", "What it was for"),
        _C("run_uuid", "str", "Run that it belonged to", nullable=True),
        _C("opened_at", "utc", "When it was opened"),
        _C("opened_by", "str", "Where in the program: file:line function"),
        _C("closed_at", "utc", "When it was closed; missing while it is open", nullable=True),
        _C("closed_by", "str", "What closed it", nullable=True),
        _C("sent", "uint64", "Packets sent through it"),
        _C("received", "uint64", "Packets received through it"),
    ),
)

DOCTOR = Table(
    "doctor",
    "What `tn.doctor()` found: one row for every question about this machine and this process.",
    ("topic", "item"),
    (
        _C(
            "topic",
            "category",
            "What it is about",
            words=("machine", "process", "sockets", "choice", "self-test"),
        ),
        _C("item", "str", "The question, in a few words"),
        _C("state", "category", "The answer", words=("yes", "no", "partly", "unknown")),
        _C("detail", "str", "What the answer rests on"),
        _C(
            "remedy",
            "str",
            "What would widen it, as a command where there is one; empty where nothing is amiss",
        ),
    ),
)

SESSIONS = Table(
    "sessions",
    "What `tn.sessions()` returns: a row for each trace of this process that waits, runs, or ended lately.",
    ("session",),
    (
        _C("session", "uint64", "Number of the session in this process, from 1"),
        _C("name", "str", "Name of its thread"),
        _C("target", "str", "What it traces, as it was typed", nullable=True),
        _C("run_uuid", "str", "Run that it makes", nullable=True),
        _C("state", "category", "How far it is", words=("waiting", "running", "stopping", "ended")),
        _C("started_at", "utc", "When it began; missing if it never did", nullable=True),
        _C("ended_at", "utc", "When it was over; missing while it is not", nullable=True),
        _C("handles", "uint64", "Handles it holds open at this moment"),
        _C(
            "cell",
            "str",
            "Id of the notebook cell that made it, which ends it when it is run again",
            nullable=True,
        ),
        _C("stopped_by", "str", "Who asked it to end; missing if nobody did", nullable=True),
        _C("end_reason", "category", "Why it ended", nullable=True, words=tuple(EndReason)),
        _C("error", "str", "The error that ended it", nullable=True),
    ),
)

PACKETS = Table(
    "packets",
    "Packets as they were sent and received, oldest first.",
    ("run_id", "packet"),
    (
        _RUN_ID,
        _C("packet", "uint32", "Number of the packet in its run, from 0"),
        _C("direction", "category", "Sent or received", words=("out", "in")),
        _C("at", "utc", "When", nullable=True),
        _C("round", "UInt32", "Round of its probe", nullable=True),
        _C("flow", "UInt16", "Flow of its probe", nullable=True),
        _C("ttl", "UInt8", "TTL of its probe", nullable=True),
        _C("attempt", "UInt8", "Attempt of its probe", nullable=True),
        _C("complete", "bool", "From the IP header on; False where the kernel kept part of it"),
        _C("bytes", "bytes", "The packet"),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table for table in (RUNS, PROBES, REPLIES, FLOWS, HOPS, HANDLES, PACKETS)
}
"""Those of a run, in memory and in a file."""

PROCESS_TABLES: dict[str, Table] = {table.name: table for table in (SESSIONS, DOCTOR)}
"""Those that speak of this process; of its handles HANDLES does."""
