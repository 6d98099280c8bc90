"""What became of the run as a whole, and how small a loss its probes would have shown."""

from collections.abc import Iterator
from math import ceil
from statistics import NormalDist
from typing import Final

import numpy as np

from trippy_nb.analysis.arrivals import Arrivals, arrivals_of
from trippy_nb.analysis.evidence.statement import SETTLED
from trippy_nb.analysis.findings.finding import CANNOT_TELL, Finding, Row, Seen, rows_of
from trippy_nb.analysis.ratios import wilson
from trippy_nb.analysis.told import either, plural

_ALL: Final = "ttl >= 1"
_SMALL_LOSS: Final = 0.01
_ENOUGH: Final = ceil(NormalDist().inv_cdf(0.975) ** 2 * (1 / _SMALL_LOSS - 1))
"""Answers in a row that bound a loss at 1 %: Wilson's interval of 0 of n ends at z^2 / (n + z^2)."""
_OTHER_PURPOSES: Final = ("mda", "mda-lite", "pmtu")
"""Methods of runs that ask for something else than loss."""
_ENOUGH_FOR_95 = 20
"""The 95th percentile of fewer is their worst."""


def outcome_findings(seen: Seen) -> Iterator[Finding]:
    """Say how each run ended, and what came of it."""
    hop_table, arrivals = seen.answers.hops, arrivals_of(seen.tables)
    for run in seen.runs:
        hops = rows_of(hop_table[hop_table["run_id"] == run["run_id"]])
        answered = [hop for hop in hops if hop["recv"]]
        arrived = arrivals.get(int(run["run_id"]))
        if run["outcome"] == "reached" and arrived is not None:
            yield _reached(run, arrived)
            yield from _smallest_loss(run, arrived)
        else:
            yield from _not_reached(run, hops, answered)
        yield from _unfinished(run)


def _reached(run: Row, arrived: Arrivals) -> Finding:
    says = f"Reached {run['dst_addr'] or run['target']} in {either(arrived.ttls, 'hop')}: "
    says += f"{arrived.recv:,} of {arrived.sent:,} {plural(arrived.sent, 'probe')} answered"
    if len(arrived.rtt):
        middle, high = np.quantile(arrived.rtt, (0.5, 0.95)).tolist()
        says += f", half of them within {middle:.3g} ms"
        if len(arrived.rtt) >= _ENOUGH_FOR_95:
            says += f", 95 % within {high:.3g} ms"
    return Finding(kind="reached", says=f"{says}.", **_at_target(run, arrived))


def _smallest_loss(run: Row, arrived: Arrivals) -> Iterator[Finding]:
    """Say what loss could hide where nothing went unanswered."""
    n = arrived.sent
    high = float(wilson(0, n)[1])
    traces = run["method"] not in _OTHER_PURPOSES
    if traces and run["has_losses"] and arrived.recv == n and high > _SMALL_LOSS:
        yield Finding(
            kind="smallest-loss",
            says=f"None of {n:,} {plural(n, 'probe')} to the target went unanswered, which happens with a "
            f"loss of up to {100 * high:.2g} %, too: {_ENOUGH} answers in a row would bound it at 1 %.",
            strength=CANNOT_TELL,
            more_probes=_ENOUGH - n,
            **_at_target(run, arrived),
        )


def _at_target(run: Row, arrived: Arrivals) -> Row:
    """Say where it answered; of several TTLs the answers, for the silent probes there may be routers'."""
    first, last = arrived.ttls[0], arrived.ttls[-1]
    where = f"ttl == {first}" if first == last else f"{first} <= ttl <= {last} and addr in {arrived.addrs}"
    return {
        "run_id": run["run_id"],
        "query": f"{where} and {SETTLED}",
        "ttl": first,
        "last_ttl": last,
        "addrs": arrived.addrs,
    }


def _not_reached(run: Row, hops: list[Row], answered: list[Row]) -> Iterator[Finding]:
    target, farthest = run["dst_addr"] or run["target"] or "an unknown target", ""
    if answered:
        last = answered[-1]
        farthest = f"; the farthest answer came from hop {last['ttl']} ({last['addrs'][0]})"
    sent = sum(hop["sent"] for hop in hops)
    match run["outcome"]:
        case "destination_silent":
            kind, says = "destination-silent", f"{target} did not answer{farthest}."
            if run["protocol"] == "udp":
                says += " An open port answers nothing: another target_port, or ICMP, would tell."
        case "filtered":
            kind = "filtered"
            says = f"Packets to {target} are not let through, a router says{farthest}."
        case "nothing":
            kind, says = (
                "nothing-answers",
                f"Nobody answered {sent:,} {plural(sent, 'probe')} to {target}.",
            )
        case _:
            return
    yield Finding(run_id=run["run_id"], kind=kind, says=says, query=_ALL)


def _unfinished(run: Row) -> Iterator[Finding]:
    match run["end_reason"]:
        case "error":
            says = f"The run ended by an error ({run['error']}); what it collected until then is here."
        case "interrupted":
            says = "The run was interrupted; what it collected is here, and probes in flight are no loss."
        case None if run["source"] in ("live", "sim"):
            says = "The run goes on; probes in flight are no loss."
        case _:
            return
    yield Finding(run_id=run["run_id"], kind="unfinished", says=says, table="runs", query="run_id >= 0")
