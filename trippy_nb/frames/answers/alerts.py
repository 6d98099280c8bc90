"""The table of alerts."""

from trippy_nb.frames.schema import RUNS, Column, Table

_C = Column

ALERTS = Table(
    "alerts",
    "One row an alert: a matcher raised it after one sample, and cleared it after another, or not at all. A "
    "sample is a round, or a step of time.",
    ("alert",),
    (
        _C("alert", "uint32", "Number of the alert, from 0, in order of run and time", label="Alert"),
        _C("matcher", "str", "What raised it", label="Matcher"),
        _C("run_id", "uint32", "Run of the sample that raised it", label="Run"),
        RUNS.column("target"),
        _C("ttl", "UInt8", "Hop; missing for the target", nullable=True, label="Hop (TTL)"),
        _C("addr", "category", "Who answered there, first of all", nullable=True, label="Responder"),
        _C("raised_at", "utc", "Begin of the sample that raised it", nullable=True, label="Raised at"),
        _C(
            "cleared_at",
            "utc",
            "Begin of the sample that cleared it; missing if none did",
            nullable=True,
            label="Cleared at",
        ),
        _C("raised_round", "uint32", "Round of that sample"),
        _C(
            "cleared_run_id",
            "UInt32",
            "Run of the sample that cleared it; missing if it is raised still",
            nullable=True,
        ),
        _C("cleared_round", "UInt32", "Round of that sample", nullable=True),
        _C("n", "uint32", "Samples after which it was raised"),
        _C("n_probes", "uint32", "Their probes whose fate is known"),
        _C("worst", "float64", "Worst of what the matcher looked at, meanwhile", nullable=True),
        _C("unit", "str", "Unit of `worst`; `ratio` is a share, or a quotient"),
        _C("says", "str", "The alert in words"),
        _C("query", "str", "What selects the probes of these samples"),
    ),
)
