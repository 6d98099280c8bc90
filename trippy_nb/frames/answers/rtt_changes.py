"""Tables of changes in RTT."""

from trippy_nb.frames.answers.history import EPOCHS, SIDES
from trippy_nb.frames.schema import Column, Table

_C = Column
_HEADER = EPOCHS.column("header")

REACHES = ("carried", "partly", "here only", "nothing beyond")
"""How a change of RTT shows at the hops beyond."""
_N_BY_CHANCE = _C(
    "n_by_chance",
    "float64",
    "How many such steps all series of this vantage, source, target and protocol would show if any order of "
    "their RTTs were as likely; at most the number of series",
)
_INTERVAL = (
    _C("shift_low_ms", "float64", "Lower end of its interval; may be infinite", "ms"),
    _C("shift_high_ms", "float64", "Upper end; may be infinite", "ms"),
)
_COMPARED = (
    _C("n_before", "uint32", "RTTs compared, before: at most 500 nearest to the change"),
    _C("n_after", "uint32", "RTTs compared, after"),
)
_LASTED = _C("lasted_s", "float64", "Time to the next change of this responder", "s", nullable=True)
_SHIFTS = (
    _C("before_ms", "float64", "Median RTT before", "ms"),
    _C("after_ms", "float64", "Median RTT after", "ms"),
    _C("shift_ms", "float64", "Shift (Hodges-Lehmann)", "ms", label="Shift of RTT"),
    *_INTERVAL,
    _C("p_value", "float64", "Of a rank test of the two sides; the place was chosen, so it is too small"),
    _N_BY_CHANCE,
    *_COMPARED,
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
        *SIDES,
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
        _LASTED,
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
        *_INTERVAL,
        *_COMPARED,
        _LASTED,
        _C("n_by_chance", "float64", "The smallest of its steps: how many such chance would make"),
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
