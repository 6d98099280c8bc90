"""Paths of autonomous systems: whether a change is one between networks, or inside of one.

What is mapped is mapped by whoever calls: here nothing is looked up. A router at a border often has an
address of the neighbour (Marder and Smith, MAP-IT, IMC 2016), and exchanges add a network or hide one (Mao,
Rexford, Wang and Katz, Towards an Accurate AS-Level Traceroute Tool, SIGCOMM 2003).
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from itertools import groupby
from typing import Any, cast

import pandas as pd

from trippy_nb.analysis.given import check_columns
from trippy_nb.errors import ConfigError
from trippy_nb.frames.columns import objects

AsPath = tuple[Hashable | None, ...]
"""Systems in their order; None where it is not known what stands there."""
_NEEDED = ("series", "epoch")


def as_of(addr: str | None, asns: "Mapping[str, Any] | pd.Series") -> Hashable | None:
    """Look up the system of an address; None if it is not known."""
    return _system(addr, asns)


def as_path(addrs: Sequence[str | None], asns: "Mapping[str, Any] | pd.Series") -> AsPath:
    """Make a path of autonomous systems of a path of addresses.

    Parameters
    ----------
    addrs
        Responders, place by place; None where nobody answered.
    asns
        System of each address, a dict or a Series; what is missing is not known.

    Returns
    -------
    path
        Equal neighbours are one. Places that are not known are left out between two of the same system, and
        else stand as one None. Addresses that no system can have (private, shared, link-local) are left out
        unless `asns` says otherwise.
    """
    known = [_system(addr, asns) for addr in addrs if addr is None or not _is_nobodys(addr, asns)]
    path: list[Hashable | None] = [asn for asn, _ in groupby(known)]
    kept: list[Hashable | None] = []
    for place, asn in enumerate(path):
        if asn is None and 0 < place < len(path) - 1 and path[place - 1] == path[place + 1]:
            continue
        if not kept or kept[-1] != asn:
            kept.append(asn)
    return tuple(kept)


def as_changes(
    changes: pd.DataFrame, epochs: pd.DataFrame, asns: "Mapping[str, Any] | pd.Series"
) -> pd.DataFrame:
    """Say of each change of path whether it is one of autonomous systems.

    Parameters
    ----------
    changes, epochs
        What `path_changes` and `epochs` returned for the same tables and the same `confirm`.
    asns
        System of each address, a dict or a Series.

    Returns
    -------
    changes
        The same rows, with `as_before`, `as_after` (of the whole paths) and `as_changed`: True if no networks
        behind what is not known make the two the same, False if what is known is the same, else missing.
        All three are missing where an event has no epoch, or no address of a path is known.

    Raises
    ------
    ConfigError
        If a column that ties the two together is missing.
    """
    for name, frame in (("changes", changes), ("epochs", epochs)):
        check_columns(name, frame, _NEEDED, made_by="path_changes and epochs returned")
    paths = _paths(epochs, asns)
    before, after, changed = [], [], []
    for series, epoch in zip(changes["series"], changes["epoch"], strict=True):
        mine = paths.get(int(series), {})
        at = -1 if pd.isna(epoch) else int(epoch)
        earlier = [number for number in mine if number < at]
        old, new = (mine[max(earlier)], mine[at]) if at in mine and earlier else ((), ())
        known = any(asn is not None for asn in old) and any(asn is not None for asn in new)
        before.append(old if known else None)
        after.append(new if known else None)
        changed.append(_differs(old, new) if known else None)
    columns = {"as_before": objects(before), "as_after": objects(after)}
    return changes.assign(**columns, as_changed=pd.array(changed, dtype="boolean"))


def _paths(epochs: pd.DataFrame, asns: "Mapping[str, Any] | pd.Series") -> dict[int, dict[int, AsPath]]:
    """Return the path of each epoch that counts, by series and number."""
    kept = epochs[epochs["standing"] == "kept"] if "standing" in epochs.columns else epochs
    made = lru_cache(maxsize=None)(lambda addrs: as_path(addrs, asns))
    paths: dict[int, dict[int, AsPath]] = {}
    for series, epoch, addrs in zip(kept["series"], kept["epoch"], kept["addrs"], strict=True):
        paths.setdefault(int(series), {})[int(epoch)] = made(addrs)
    return paths


def _system(addr: str | None, asns: "Mapping[str, Any] | pd.Series") -> Hashable | None:
    if addr is None:
        return None
    if not isinstance(asns, Mapping | pd.Series):
        raise ConfigError(f"asns is a dict or a Series of systems by address, not {type(asns).__name__}")
    found: Any = asns.get(addr)
    return None if pd.isna(found) else cast("Hashable", found)


def _is_nobodys(addr: str, asns: "Mapping[str, Any] | pd.Series") -> bool:
    return _system(addr, asns) is None and not ip_address(addr).is_global


def _differs(old: AsPath, new: AsPath) -> bool | None:
    """Compare two paths of which None stands for any systems at all, or none."""
    if [asn for asn in old if asn is not None] == [asn for asn in new if asn is not None]:
        return False
    return None if _agree(old, new) else True


def _agree(old: AsPath, new: AsPath) -> bool:
    """Tell whether one path may be behind both."""
    rows = [[False] * (len(new) + 1) for _ in range(len(old) + 1)]
    rows[-1][-1] = True
    for i in range(len(old), -1, -1):
        for j in range(len(new), -1, -1):
            here = old[i] if i < len(old) else ()
            there = new[j] if j < len(new) else ()
            if i < len(old) and j < len(new) and here == there:
                rows[i][j] |= rows[i + 1][j + 1]
            if i < len(old) and (here is None or there is None):
                rows[i][j] |= rows[i + 1][j]
            if j < len(new) and (here is None or there is None):
                rows[i][j] |= rows[i][j + 1]
    return rows[0][0]
