"""Slow answers: of a router that is slow to answer, or of a queue that everything behind it meets."""

from collections import defaultdict
from collections.abc import Iterator

from trippy_nb.analysis.evidence.statement import ANSWERED
from trippy_nb.analysis.findings.finding import LIKELY, Finding, Row, Seen


def slow_findings(seen: Seen) -> Iterator[Finding]:
    """Say whose the slow answers are."""
    queues: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in seen.spikes:
        if row["verdict"] == "slow-path":
            yield _slow_to_answer(row)
        elif row["verdict"] == "shared-downstream":
            queues[row["run_id"], row["since_ttl"] or row["ttl"]].append(row)
    for (run_id, since), rows in queues.items():
        yield _queue(run_id, since, rows)


def queues_begin(seen: Seen) -> dict[int, int]:
    """Return for each run with a queue the nearest TTL that meets it."""
    begin: dict[int, int] = {}
    for row in seen.spikes:
        if row["verdict"] == "shared-downstream":
            begin[row["run_id"]] = min(begin.get(row["run_id"], row["ttl"]), row["ttl"])
    return begin


def _slow_to_answer(row: Row) -> Finding:
    more, later = f"{row['threshold_ms']:.3g} ms", f"{100 * row['later_share']:.0f} %"
    says = (
        f"{row['spikes']:,} of {row['n']:,} answers of hop {row['ttl']} ({row['addr']}) took over {more} "
        f"more than usual, {later} of those of hop {row['later_ttl']}: it is slow to answer."
    )
    query = f'ttl == {row["ttl"]} and addr == "{row["addr"]}" and {ANSWERED}'
    return Finding(
        run_id=row["run_id"],
        kind="slow-path",
        says=says,
        query=query,
        strength=LIKELY,
        ttl=row["ttl"],
        last_ttl=row["ttl"],
        addrs=(row["addr"],),
    )


def _queue(run_id: int, since: int, rows: list[Row]) -> Finding:
    begin, last = min(row["ttl"] for row in rows), max(rows, key=lambda row: row["ttl"])
    share = f"{100 * max(row['spike_share'] for row in rows):.0f} %"
    more = f"{last['threshold_ms']:.3g} ms"
    says = (
        f"From hop {begin} on, up to {share} of answers take over {more} more than usual at every "
        f"hop: a queue between hops {min(since, begin) - 1} and {begin}, on the way out or back."
    )
    return Finding(
        run_id=run_id,
        kind="congestion",
        says=says,
        query=f"ttl >= {begin} and {ANSWERED}",
        strength=LIKELY,
        ttl=begin,
        last_ttl=last["ttl"],
        addrs=tuple(dict.fromkeys(row["addr"] for row in rows)),
    )
