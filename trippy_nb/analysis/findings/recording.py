"""What the way in which probes were sent, and answers were recorded, allows to say."""

import errno
from collections import Counter
from collections.abc import Iterator

import pandas as pd

from trippy_nb.analysis.findings.finding import CANNOT_BE_SEEN, Finding, Row, Seen
from trippy_nb.analysis.told import plural
from trippy_nb.model import ReplyKind, Status

_SECOND_WAY = 6
"""Flows that show a second way at 95 %, if there is one: docs/discovery.md."""


def recording_findings(seen: Seen) -> Iterator[Finding]:
    """Say what of each run is to be read with care."""
    probes, replies = seen.tables.probes, seen.tables.replies
    late = _counts(probes, "status", Status.LATE.word)
    twice = _counts(replies, "kind", ReplyKind.DUP.word)
    strange = _counts(replies, "kind", ReplyKind.UNMATCHED.word)
    flows = Counter(probes[["run_id", "flow"]].drop_duplicates()["run_id"].tolist())
    for run in seen.runs:
        run_id = run["run_id"]
        yield from _refused(probes, run_id)
        if n := late[run_id]:
            says = f"{n:,} {plural(n, 'answer')} came after the round or the time-out was over."
            yield Finding(run_id=run_id, kind="late", says=says, query='status == "late"')
        if n := twice[run_id]:
            says = f"{n:,} more {plural(n, 'answer')} came to probes that had been answered."
            yield Finding(run_id=run_id, kind="duplicates", says=says, table="replies", query='kind == "dup"')
        if n := strange[run_id]:
            says = f"{n:,} {plural(n, 'packet')} looked like an answer and fitted no probe."
            yield Finding(
                run_id=run_id, kind="unmatched", says=says, table="replies", query='kind == "unmatched"'
            )
        yield from _about_flows(run, flows[run_id])
        yield from _about_records(run)


def _refused(probes: pd.DataFrame, run_id: int) -> Iterator[Finding]:
    failed = probes[(probes["run_id"] == run_id) & (probes["status"] == Status.SEND_ERROR.word)]
    n = len(failed)
    if not n:
        return
    numbers = sorted(int(number) for number in failed["errno"].dropna().unique())
    why = ", ".join(errno.errorcode.get(number, str(number)) for number in numbers) or "no reason is known"
    yield Finding(
        run_id=run_id,
        kind="local-error",
        says=f"This machine refused to send {n:,} {plural(n, 'probe')} ({why}).",
        query='status == "send_error"',
        ttl=int(failed["ttl"].min()),
        last_ttl=int(failed["ttl"].max()),
    )


def _about_flows(run: Row, flows: int) -> Iterator[Finding]:
    run_id, every = run["run_id"], "ttl >= 1"
    if flows and not run["flow_stable"]:
        known = run["source"] != "imported"  # of probes alone nobody knows what else was in their headers
        says = (
            "The probes of a flow do not look alike to balancers, so neighbours may be of different ways: "
            'with ICMP, or multipath="paris" and fixed ports, they do.'
            if known
            else "Whether the probes of a flow look alike to balancers is not known: neighbours may be of "
            "different ways."
        )
        yield Finding(run_id=run_id, kind="unsteady-flows", says=says, query=every)
    elif flows == 1:
        says = (
            "All probes are of one flow: ways that others take do not show. "
            f"{_SECOND_WAY} flows show a second way with 95 %, if there is one; tn.discover sends enough."
        )
        yield Finding(run_id=run_id, kind="one-flow", says=says, query=every, strength=CANNOT_BE_SEEN)


def _about_records(run: Row) -> Iterator[Finding]:
    if n := run["clock_suspect"]:
        says = (
            f"{n:,} time {plural(n, 'stamp')} of the kernel did not fit the monotonic clock, as when a "
            "clock is set: these round-trip times are the monotonic clock's."
        )
        yield Finding(run_id=run["run_id"], kind="clock", says=says, table="runs", query="clock_suspect > 0")
    if n := run["dropped_probes"]:
        says = (
            f"The oldest {n:,} {plural(n, 'probe')} were let go of (max_samples): nothing here is about them."
        )
        yield Finding(
            run_id=run["run_id"], kind="not-kept", says=says, table="runs", query="dropped_probes > 0"
        )


def _counts(frame: pd.DataFrame, column: str, word: str) -> Counter[int]:
    return Counter(frame.loc[frame[column] == word, "run_id"].tolist())
