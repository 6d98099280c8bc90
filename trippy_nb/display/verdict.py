"""The outcome of a run in one sentence, from counts that others made."""

from collections.abc import Mapping, Sequence
from typing import Any

from trippy_nb.analysis import either
from trippy_nb.display.card import HopRow
from trippy_nb.display.words import count_text, list_text

_NAMED_HOPS = 4
"""With more lossy hops than this the sentence counts them instead of naming each."""


def run_verdict(run: Mapping[str, Any], hops: Sequence[HopRow], *, refused: int = 0) -> str:
    """Say what became of a run.

    Parameters
    ----------
    run
        Row of RUNS; missing values are None.
    hops
        Its hops, in the order of their TTL.
    refused
        How many probes this machine refused to send.
    """
    clauses = [_outcome(run, hops), _counts(hops, refused)]
    match run["end_reason"]:
        case "interrupted":
            clauses.append("interrupted before the end")
        case "error":
            clauses.append("ended by an error")
        case _:
            pass
    return "; ".join(clause for clause in clauses if clause) + "."


def _outcome(run: Mapping[str, Any], hops: Sequence[HopRow]) -> str:
    target = run["dst_addr"] or run["target"] or "an unknown target"
    match run["outcome"]:
        case "reached" if run["target_ttl"] is not None:
            first = int(run["target_ttl"])
            later = [
                hop.ttl for hop in hops if hop.ttl > first and target in {who.addr for who in hop.responders}
            ]
            return f"Reached {target} in {either([first, *later], 'hop')}"
        case "reached":
            return f"Reached {target}"
        case "filtered":
            return f"Filtered on the way to {target}{_last_answer(hops)}"
        case "loop":
            return f"Packets to {target} went in circles{_last_answer(hops)}"
        case "nothing":
            return f"Nothing on the way to {target} answered"
        case "destination_silent":
            return f"{target} did not answer{_last_answer(hops)}"
        case _:
            return f"On the way to {target}{_last_answer(hops)}"


def _last_answer(hops: Sequence[HopRow]) -> str:
    answered = [hop for hop in hops if hop.recv and hop.responders]
    if not answered:
        return ""
    return f", the farthest answer came from hop {answered[-1].ttl} ({answered[-1].responders[0].addr})"


def _counts(hops: Sequence[HopRow], refused: int) -> str:
    sent, recv, late = (sum(getattr(hop, name) for hop in hops) for name in ("sent", "recv", "late"))
    own = f"this machine refused to send {count_text(refused, 'probe')}" if refused else ""
    if not sent:
        return own or "no probe's fate is known yet"
    words = f"{own}; {count_text(sent, 'probe')}" if own else count_text(sent, "probe")
    if recv == sent:
        words += ", answered" if sent == 1 else ", all answered"
    else:
        words += f", {sent - recv:,} unanswered {_where(hops)}"
    return f"{words}, {late:,} late" if late else words


def _where(hops: Sequence[HopRow]) -> str:
    lossy = [hop for hop in hops if hop.recv < hop.sent]
    silent = sum(not hop.recv for hop in lossy)
    if len(lossy) > _NAMED_HOPS:
        never = f" ({silent} of them never answered)" if silent else ""
        return f"at {len(lossy)} hops{never}"
    named = [f"{hop.ttl}" if hop.recv else f"{hop.ttl} (never answered)" for hop in lossy]
    return f"at hop{'' if len(lossy) == 1 else 's'} {list_text(named)}"
