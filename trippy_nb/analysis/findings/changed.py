"""What changed while the runs went on: paths, targets, and round-trip times."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from trippy_nb.analysis.evidence.statement import ANSWERED
from trippy_nb.analysis.findings.finding import HINT, LIKELY, SHOWN, Finding, Row, Seen, rows_of
from trippy_nb.analysis.findings.slow import queues_begin

_KINDS: Final = {
    "reroute": "path-change",
    "destination-moved": "target-moved",
    "tunnel-appeared": "tunnel-change",
    "tunnel-vanished": "tunnel-change",
}
"""Kinds of changes that are told one by one; flaps are told together, the others are no news."""
_NOWHERE: Final = 256  # beyond any TTL
_FEW: Final = 2
"""So many changes in RTT at one hop are told one by one."""
_BY_CHANCE: Final = 0.01
"""So many changes in RTT, for all series of a target, may chance make."""
_BY_LUCK: Final = 0.05
"""A change of path that is so near by chance may have nothing to do with that in RTT."""
_SAME_MS, _SAME_RATIO = 1.0, 0.1  # the house's bounds of "the same" RTT
_MOST_TOLD: Final = 6
"""Of one kind and run; more are counted."""


def change_findings(seen: Seen) -> Iterator[Finding]:
    """Say when paths changed, where, and from what to what; flaps of a place together."""
    events: dict[int, list[Row]] = defaultdict(list)
    for row in rows_of(seen.answers.changes):
        events[row["event"]].append(row)
    told: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for rows in events.values():
        first = min(rows, key=lambda row: (row["at"] is None, row["at"], row["run_id"], row["round"]))
        told[first["run_id"], first["kind"]].append(first)
    for (run_id, kind), changes in told.items():
        if kind == "flap":
            yield from _flaps(run_id, changes)
        elif kind in _KINDS:
            yield from (_one(run_id, _KINDS[kind], change) for change in changes[:_MOST_TOLD])
            if len(changes) > _MOST_TOLD:
                yield _others(run_id, _KINDS[kind], changes[_MOST_TOLD:])


def rtt_findings(seen: Seen) -> Iterator[Finding]:
    """Say when round-trip times moved to another level, from which hop on, and what changed with them."""
    reach = {
        row["event"]: row["reach"] for row in rows_of(seen.answers.rtt_changes)[::-1]
    }  # of the nearest hop
    hops: dict[tuple[int, int, str], list[Row]] = defaultdict(list)
    queues = queues_begin(seen)
    for row in rows_of(seen.answers.events):
        if row["n_by_chance"] > _BY_CHANCE:
            continue  # ways of different length, dealt out by turns, look like it
        if row["path_change"] is None and row["ttl"] >= queues.get(row["run_id"], _NOWHERE):
            continue  # a queue that fills and empties is told as one
        hops[row["run_id"], row["ttl"], row["addr"]].append(row)
    for rows in hops.values():
        told = _episodes(rows) if len(rows) <= _FEW else [_together(rows)]
        for row in told:
            alone = reach[row["event"]] == "here only"
            says = row["says"]
            if row["lasted_s"] is None and row["at"] is not None:
                says += " It stayed so until the last answer."
            if alone:
                says += " Hops beyond do not show it: it is of how this one answers, or of its way back."
            yield Finding(
                run_id=row["run_id"],
                kind="rtt-change",
                says=says,
                query=f'addr == "{row["addr"]}" and {ANSWERED}',
                strength=HINT if (row["chance_ratio"] or 0) > _BY_LUCK else LIKELY,
                weight="notice" if alone or row["shift_ms"] < 0 else None,
                ttl=row["ttl"],
                last_ttl=row["last_ttl"],
                addrs=(row["addr"],),
            )


def _episodes(rows: list[Row]) -> list[Row]:
    """Tell two changes of which the second takes back the first as one."""
    if len(rows) != _FEW:
        return rows
    first, second = rows
    left = first["shift_ms"] + second["shift_ms"]
    if abs(left) > max(_SAME_MS, _SAME_RATIO * abs(first["shift_ms"])):
        return rows
    back = f" It went back: RTT {second['shift_ms']:+.1f} ms{_when_back(second)}."
    return [first | {"says": first["says"] + back}]


def _when_back(change: Row) -> str:
    return "" if change["at"] is None else f" at {change['at']:%Y-%m-%d %H:%M:%S}"


def _together(rows: list[Row]) -> Row:
    """Make one of many changes at a hop: the first, with words about all."""
    first = rows[0]
    low, high = (pick(row["shift_ms"] for row in rows) for pick in (min, max))
    joint = sum(row["path_change"] is not None for row in rows)
    where = f"at hop {first['ttl']} ({first['addr']})"
    if first["last_ttl"] != first["ttl"]:
        where = f"from hop {first['ttl']} ({first['addr']}) to hop {first['last_ttl']}"
    says = (
        f"RTT moved {len(rows)} times {where}, by {low:+.1f} to {high:+.1f} ms; {joint} of these with a "
        "change of path: run.events lists them."
    )
    return first | {"says": says, "shift_ms": high, "lasted_s": rows[-1]["lasted_s"], "at": None}


def _one(run_id: int, kind: str, change: Row) -> Finding:
    flows = change["n_flows"]
    whose = f"{flows} flows" if flows > 1 else f"flow {change['flow']}"
    if kind == "target-moved":
        after, before = _listed(change["after"]), _listed(change["before"])
        says = f"{_when(change)} the target was {after}, before that {before}."
    elif kind == "tunnel-change":
        came = change["kind"] == "tunnel-appeared"
        what = "an MPLS tunnel come" if came else "an MPLS tunnel go"
        says = f"{_when(change)} {whose} saw {what}: {_step(change)}."
    else:
        says = f"{_when(change)} {whose} took another way: {_step(change)}."
    return Finding(
        run_id=run_id,
        kind=kind,
        says=says,
        strength=SHOWN,
        flow=change["flow"] if flows == 1 else None,
        **_rows(change),
    )


def _flaps(run_id: int, changes: list[Row]) -> Iterator[Finding]:
    places: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for change in changes:
        places[change["first_ttl"] or 0, change["last_ttl"] or 0].append(change)
    for rows in places.values():
        first = rows[0]
        times = f"{len(rows)} times" if len(rows) > 1 else "once"
        before, after = _listed(first["before"]), _listed(first["after"])
        says = (
            f"{_where(first)} changed {times} between {before} and {after}, for the first time "
            f"{_at(first)}: each was left for a short while only{_since(rows[-1])}."
        )
        yield Finding(run_id=run_id, kind="flap", says=says, strength=LIKELY, **_rows(first))


def _others(run_id: int, kind: str, changes: list[Row]) -> Finding:
    says = f"There were {len(changes):,} more such changes: run.changes lists them."
    return Finding(run_id=run_id, kind=kind, says=says, query="ttl >= 1")


def _rows(change: Row) -> Row:
    first, last = change["first_ttl"], change["last_ttl"]
    at = "ttl >= 1" if first is None else f"{first} <= ttl <= {last}"
    addrs = dict.fromkeys(addr for side in ("before", "after") for addr in change[side] if addr)
    return {
        "query": f"flow == {change['flow']} and {at}",
        "ttl": first,
        "last_ttl": last,
        "addrs": tuple(addrs),
    }


def _when(change: Row) -> str:
    if change["at"] is None:
        return f"From round {change['round']} on"
    return f"From {change['at']:%Y-%m-%d %H:%M:%S} UTC on"


def _at(change: Row) -> str:
    if change["at"] is None:
        return f"in round {change['round']}"
    return f"at {change['at']:%Y-%m-%d %H:%M:%S} UTC"


def _since(last: Row) -> str:
    """Say how the last of several changes back and forth came out."""
    if last["n_after"] <= last["n_before"]:
        return ""
    when = _at(last).split(" ", 1)[1]
    return f"; since {when} it is {_listed(last['after'])}, seen {last['n_after']:,} times"


def _where(change: Row) -> str:
    first, last = change["first_ttl"], change["last_ttl"]
    return f"Hop {first}" if first == last else f"Hops {first} to {last}"


def _step(change: Row) -> str:
    before, after = change["before"], change["after"]
    where = _where(change).lower()
    if not before:
        return f"{_listed(after)} came in between at {where}"
    if not after:
        return f"{_listed(before)} at {where} went"
    return f"{_listed(after)} at {where} in place of {_listed(before)}"


def _listed(addrs: tuple[str | None, ...]) -> str:
    return ", ".join(addr or "*" for addr in addrs) or "nobody"
