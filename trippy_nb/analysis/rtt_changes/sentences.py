"""Joint events as sentences."""

from math import isfinite
from typing import Any

import pandas as pd

_WHOLE_S = 10
"""So long, tenths of seconds say nothing."""


def sentence(event: "pd.Series[Any]", path: "pd.Series[Any] | None") -> str:
    """Say what an event of RTT coincides with; `path` is a row of the changes of path."""
    beyond = event["last_ttl"] != event["ttl"]
    until = f" to hop {event['last_ttl']}" if beyond else ""
    where = f"{'from' if beyond else 'at'} hop {event['ttl']} ({event['addr']}){until}"
    lasted = _lasted(event)
    what = f"RTT {event['shift_ms']:+.1f} ms ({_sides(event)}){_at(event)} {where}{lasted}"
    if path is None:
        return f"{what}: no change of path at or before that hop coincides with it."
    same = event["path_first_ttl"] == event["path_last_ttl"] or pd.isna(event["path_last_ttl"])
    hops = (
        f"hop {event['path_first_ttl']}"
        if same
        else f"hops {event['path_first_ttl']} to {event['path_last_ttl']}"
    )
    chance = event["chance_ratio"]
    odds = "" if pd.isna(chance) else f"; chance of one so near: {100 * chance:.2g} %"
    return f"{what}{',' if lasted else ''} coincides with the change at {hops}{_what(path)}{odds}."


def _sides(event: "pd.Series[Any]") -> str:
    """Say how well the shift is known, and from how many answers."""
    low, high = event["shift_low_ms"], event["shift_high_ms"]
    known = isfinite(low) and isfinite(high)
    interval = f"{low:+.1f} to {high:+.1f} ms" if known else "too few for an interval"
    return f"{interval}; n = {event['n_before']} before, {event['n_after']} after"


def _lasted(event: "pd.Series[Any]") -> str:
    """Say for how long, if a later change ended it."""
    seconds = event["lasted_s"]
    return "" if pd.isna(seconds) else f", for {seconds:,.{0 if seconds >= _WHOLE_S else 1}f} s"


def _at(event: "pd.Series[Any]") -> str:
    return "" if pd.isna(event["at"]) else f" at {event['at']:%Y-%m-%d %H:%M:%S}"


def _what(path: "pd.Series[Any]") -> str:
    """Name the kind of change, and who came for whom, as far as the frame says."""
    kind = path.get("kind")
    told = "" if kind is None or pd.isna(kind) else f" ({kind})"
    before, after = path.get("before"), path.get("after")
    if not isinstance(before, tuple | list) or not isinstance(after, tuple | list):
        return told
    return f"{told}: {_names(before)} -> {_names(after)}"


def _names(addrs: "tuple[str | None, ...] | list[str | None]") -> str:
    return ", ".join(addr or "*" for addr in addrs) or "nothing"
