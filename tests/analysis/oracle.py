"""The same answers by the plainest code: dictionaries and loops, one probe at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from tests.analysis.handmade import TARGET, Row

ANSWERED = ("reply", "late")
SETTLED = (*ANSWERED, "timeout")

Flow = tuple[int, int]
Path = tuple[int, int, int]


def cells(rows: Iterable[Row]) -> dict[Path, dict[int, list[Row]]]:
    """Attempts, by path and TTL."""
    found: dict[Path, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: row["attempt"]):
        found[row["run_id"], row["round"], row["flow"]][row["ttl"]].append(row)
    return {path: dict(sorted(found[path].items())) for path in sorted(found)}


def who(attempts: list[Row]) -> str | None:
    return next((row["addr"] for row in attempts if row["status"] in ANSWERED), None)


def met(attempts: list[Row], target: str) -> bool:
    return any(row["status"] in ANSWERED and row["addr"] == target for row in attempts)


def ends(rows: list[Row], target: str = TARGET) -> tuple[dict[Path, int], dict[Flow, bool]]:
    """Where each path ends, and which flows reached the target."""
    paths = cells(rows)
    of_flow: dict[Flow, list[Path]] = defaultdict(list)
    for path in paths:
        of_flow[path[0], path[2]].append(path)
    heard = {
        path: {
            ttl: target if met(attempts, target) else who(attempts) for ttl, attempts in paths[path].items()
        }
        for path in paths
    }
    here = {
        path: min((ttl for ttl, addr in heard[path].items() if addr == target), default=99) for path in paths
    }
    router = {
        path: max(
            (ttl for ttl, addr in heard[path].items() if addr not in (None, target) and ttl < here[path]),
            default=-1,
        )
        for path in paths
    }
    nearest = pooled(
        {flow: min(here[path] for path in members) for flow, members in of_flow.items()},
        {flow: max(router[path] for path in members) for flow, members in of_flow.items()},
        paths,
        Counter(path[0] for path in paths if here[path] < 99),
    )
    result: dict[Path, int] = {}
    for flow, members in of_flow.items():
        for path in members:
            if nearest[flow] < 99:
                longer = router[path] >= nearest[flow]
                stop = here[path] if here[path] < 99 else router[path] + 1
                result[path] = stop if longer else nearest[flow]
            else:
                seen = [(ttl, addr) for one in members for ttl, addr in heard[one].items()]
                farthest = max((ttl for ttl, addr in seen if addr is not None), default=-1)
                beyond = [ttl for ttl, _ in seen if ttl > farthest]
                result[path] = min(beyond) if beyond else farthest
    return result, {flow: ttl < 99 for flow, ttl in nearest.items()}


def pooled(
    nearest: dict[Flow, int],
    router: dict[Flow, int],
    paths: dict[Path, dict[int, list[Row]]],
    answers: Counter[int],
) -> dict[Flow, int]:
    """What flows that lost the answer of the target are taken to have: its TTL in the others of their run."""
    found = dict(nearest)
    for run in answers:
        flows = [flow for flow in nearest if flow[0] == run and nearest[flow] < 99]
        soonest = min(nearest[flow] for flow in flows)
        late = [flow for flow in flows if soonest < nearest[flow] and router[flow] < nearest[flow] - 1]
        ends_there = {nearest[flow] for flow in flows if flow not in late}
        lost: dict[Flow, tuple[int, int]] = {}
        for flow in late:
            there = max(ttl for ttl in ends_there if ttl < nearest[flow])
            if there > router[flow]:
                silent = sum(
                    who(attempts) is None and any(row["status"] in SETTLED for row in attempts)
                    for path, places in paths.items()
                    if (path[0], path[2]) == flow
                    for ttl, attempts in places.items()
                    if there <= ttl < nearest[flow]
                )
                lost[flow] = (there, silent)
        total = sum(n for _, n in lost.values())
        share = total / max(total + answers[run], 1)
        if all(n <= 1 for _, n in lost.values()) and (1 - share) ** len(lost) < 0.05:
            continue
        for flow, (there, n) in lost.items():
            if n == 1 or (n > 1 and len(flows) * share ** (n - 1) >= 0.05):
                found[flow] = there
    return found


def hops(rows: list[Row]) -> dict[tuple[int, int], dict[str, Any]]:
    """Counts and lists of the hop table."""
    end, reached = ends(rows)
    last: dict[int, int] = defaultdict(int)
    for (run, _, _), ttl in end.items():
        last[run] = max(last[run], ttl)
    groups: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["round"], row["flow"], row["attempt"])):
        run, flow, ttl = row["run_id"], row["flow"], row["ttl"]
        limit = end[run, row["round"], flow] if reached[run, flow] else last[run]
        if ttl <= limit and row["status"] != "not_sent":
            groups[run, ttl].append(row)
    begun, explained = losses(rows)
    table = {}
    for key, members in sorted(groups.items()):
        answers = [row for row in members if row["status"] in ANSWERED]
        sent = sum(row["status"] in SETTLED for row in members)
        tally = Counter(row["addr"] for row in answers)
        order = sorted(tally, key=lambda addr: (-tally[addr], addr))
        table[key] = {
            "sent": sent,
            "recv": len(answers),
            "late": sum(row["status"] == "late" for row in members),
            "failed": sum(row["status"] == "send_error" for row in members),
            "loss_ratio": (sent - len(answers)) / sent if sent else np.nan,
            "forward_loss": begun[key],
            "backward_loss": explained[key],
            "n_addrs": len(order),
            "addrs": tuple(order),
            "share": tuple(tally[addr] / len(answers) for addr in order),
            "rtts": [row["rtt_ms"] for row in answers],
        }
    return table


def losses(rows: list[Row]) -> tuple[Counter[tuple[int, int]], Counter[tuple[int, int]]]:
    """Forward and backward loss, by (run, TTL)."""
    end, _ = ends(rows)
    paths = cells(rows)
    ever = {
        (path[0], path[2], ttl)
        for path, places in paths.items()
        for ttl, attempts in places.items()
        if any(row["status"] in ANSWERED for row in attempts)
    }
    told: dict[Path, list[tuple[int, str]]] = {}
    for path, places in paths.items():
        told[path] = []
        for ttl, attempts in places.items():
            words = {row["status"] for row in attempts}
            if ttl > end[path] or (path[0], path[2], ttl) not in ever or not words & {*SETTLED, "in_flight"}:
                continue
            state = "answered" if words & {*ANSWERED} else "open" if "in_flight" in words else "silent"
            told[path].append((ttl, state))
    moody = {
        (path[0], path[2], ttl)
        for path, places in told.items()
        for i, (ttl, state) in enumerate(places)
        if state == "silent" and any(later == "answered" for _, later in places[i + 1 :])
    }
    begun: Counter[tuple[int, int]] = Counter()
    explained: Counter[tuple[int, int]] = Counter()
    for path, judged in told.items():
        tail: list[int] = []
        for ttl, state in reversed(judged):
            if state != "silent":
                break
            tail.insert(0, ttl)
        if len(tail) > 2 or (len(tail) == 2 and (path[0], path[2], tail[0]) not in moody):
            begun[path[0], tail[0]] += 1
            explained.update((path[0], ttl) for ttl in tail[1:])
    return begun, explained


def path_of(rows: list[Row]) -> dict[Path, tuple[str | None, ...]]:
    """The path of each round."""
    end, _ = ends(rows)
    return {
        path: tuple(who(places.get(ttl, [])) for ttl in range(min(places), end[path] + 1))
        for path, places in cells(rows).items()
    }


def links(rows: list[Row]) -> Counter[tuple[int, int, int, str, str]]:
    """How many rounds showed each link of a flow: all answers of one TTL with all of the next."""
    found: Counter[tuple[int, int, int, str, str]] = Counter()
    end, _ = ends(rows)
    for path, places in cells(rows).items():
        heard = {
            ttl: {row["addr"] for row in attempts if row["status"] in ANSWERED}
            for ttl, attempts in places.items()
            if ttl <= end[path]
        }
        for ttl, here in heard.items():
            for near, far in product(here, heard.get(ttl + 1, ())):
                found[path[0], path[2], ttl, near, far] += 1
    return found
