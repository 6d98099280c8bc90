"""Unanswered probes: lost on a link, limited, silent by policy, or open."""

from collections.abc import Iterator
from typing import Final

from trippy_nb.analysis.findings.finding import CANNOT_TELL, LIKELY, Finding, Seen, rows_of

_KINDS: Final = {
    "link loss": "link-loss",
    "return loss": "return-loss",
    "rate limit": "rate-limit",
    "policy": "silent-hop",
    "cannot tell": "unexplained-loss",
}
"""Verdicts that are told; `local` is told as an error, `upstream` by the link that it is due to."""


def loss_findings(seen: Seen) -> Iterator[Finding]:
    """Say what the silences of each hop are due to, or that nobody can tell."""
    losses = seen.answers.losses
    # What a hop does is the same sentence in the row of each link into it, and said once.
    for row in rows_of(losses[~losses.duplicated(["run_id", "ttl", "says", "query"])]):
        if row["verdict"] not in _KINDS:
            continue
        yield Finding(
            run_id=row["run_id"],
            kind=_KINDS[row["verdict"]],
            says=row["says"],
            query=row["query"].removeprefix(f"run_id == {row['run_id']} and "),
            strength=CANNOT_TELL if row["verdict"] == "cannot tell" else LIKELY,
            ttl=row["ttl"],
            last_ttl=row["ttl"],
            addrs=(row["addr"],) if row["addr"] else (),
            more_probes=row["n_needed"],
        )
