"""The table of losses."""

from trippy_nb.frames.schema import PROBES, Column, Table

_C = Column

LOSS_VERDICTS = (
    "none",
    "rate limit",
    "link loss",
    "return loss",
    "policy",
    "upstream",
    "local",
    "cannot tell",
)

LOSSES = Table(
    "losses",
    "One row for every link that flows took, and the hop it leads to: what its silences are due to.",
    ("run_id", "link"),
    (
        PROBES.column("run_id"),
        _C("link", "uint32", "Number of the link in its run, from 0, nearest first"),
        PROBES.column("ttl"),
        _C("addr", "str", "Responder; missing if it never answered, or if several did", nullable=True),
        _C(
            "from_addr",
            "str",
            "Nearer end of the link; missing for the source, or if not known",
            nullable=True,
        ),
        _C("flows", "uint32", "Flows that took it"),
        _C("n", "uint32", "Probes that came by it and ended at this hop, and whose fate is known"),
        _C("unanswered", "uint32", "Of those, the ones that timed out"),
        _C("local", "uint32", "Probes beside them that could not be sent, or are still in flight"),
        _C("unanswered_ratio", "float64", "Share of n that timed out", nullable=True),
        _C("unanswered_low_ratio", "float64", "Lower end of its Wilson interval, 95 %", nullable=True),
        _C("unanswered_high_ratio", "float64", "Upper end of its Wilson interval, 95 %", nullable=True),
        _C(
            "p_rate_limit",
            "float64",
            "Chance that a probe without an answer has none because the hop itself does not answer all",
            nullable=True,
        ),
        _C(
            "p_forward",
            "float64",
            "... because the link into the hop lost it on the way there",
            nullable=True,
        ),
        _C(
            "p_return",
            "float64",
            "... because its answer was lost on the way back: over the same link, or "
            "on a way that only this stretch of hops uses",
            nullable=True,
        ),
        _C(
            "p_policy",
            "float64",
            "... because the hop never answers, or another one beside it on a branch of its own",
            nullable=True,
        ),
        _C(
            "p_upstream",
            "float64",
            "... because a link nearer than this one lost it, or its answer",
            nullable=True,
        ),
        _C(
            "p_local",
            "float64",
            "... because it could not be sent, or is still in flight: counted",
            nullable=True,
        ),
        _C(
            "verdict",
            "category",
            "`link loss`: on the link into this hop, there or back; `rate limit` and "
            "`policy`: the hop does not answer, nothing is lost; `return loss`: answers of these hops "
            "alone; `upstream`: nothing more than nearer links lose; `local`: never on the wire",
            words=LOSS_VERDICTS,
        ),
        _C(
            "confidence",
            "float64",
            "Chance that the cause of the verdict is there at all, however few silences are due to it (`p_` "
            "says how many); of `cannot tell`, that of the likeliest",
            nullable=True,
        ),
        _C(
            "link_loss_ratio",
            "float64",
            "Share that the link loses, if it loses any; missing if that is out of the question",
            nullable=True,
        ),
        _C(
            "link_loss_low_ratio",
            "float64",
            "Lower end of the interval that holds it with 95 %",
            nullable=True,
        ),
        _C("link_loss_high_ratio", "float64", "Upper end of it", nullable=True),
        _C(
            "n_needed",
            "UInt32",
            "More probes of this hop that would tell, where it cannot be told and more would",
            nullable=True,
        ),
        _C(
            "says",
            "str",
            "The verdict, as a sentence; of what a hop does itself, with the counts of all links into it",
        ),
        _C("query", "str", "Selects the probes it rests on: `run.probes.query(...)`"),
    ),
)
