"""From tables to cards: picks, names and orders; computes no statistic."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from trippy_nb.analysis import probes_in_view, target_text
from trippy_nb.display.card import AlignedHop, ComparisonCard, HopRow, Responder, RunCard
from trippy_nb.display.spark import SAMPLES
from trippy_nb.display.verdict import run_verdict
from trippy_nb.display.words import moment_text, shown_names
from trippy_nb.errors import ConfigError
from trippy_nb.model import ANSWERED, SETTLED, settings_now

if TYPE_CHECKING:
    from trippy_nb.analysis import ComparisonTables
    from trippy_nb.frames import Tables


def card_from_tables(
    tables: "Tables",
    hops: pd.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    sparklines: bool = True,
) -> RunCard:
    """Gather the card of a run.

    Parameters
    ----------
    tables
        Tables of exactly one run.
    hops
        Its HOPS frame.
    names
        Host name by address, for those that have one.
    sparklines
        With the latest samples of each hop: they take most of the time.

    Raises
    ------
    ConfigError
        If the tables hold no run, or several.
    """
    if len(tables.runs) != 1:
        raise ConfigError(f"a card shows one run, not {len(tables.runs)}: choose one")
    names = shown_names(names)
    run = plain_rows(tables.runs)[0]
    samples = _samples(tables) if sparklines else {}
    rows = tuple(_hop(row, samples.get(row["ttl"], ()), names) for row in plain_rows(hops.sort_values("ttl")))
    refused = int((tables.probes["status"] == "send_error").sum())
    verdict = run_verdict(run, rows, refused=refused)
    return RunCard(title=run_title(run), verdict=verdict, facts=_facts(run), hops=rows)


def comparison_card(
    comparison: "ComparisonTables", *, names: Mapping[str, str] | None = None
) -> ComparisonCard:
    """Gather the card of a comparison.

    Parameters
    ----------
    comparison
        What `analysis.compare_tables` found.
    names
        Host name by address.
    """
    names = shown_names(names)
    shifts = {(row["flow"], row["place"]): row for row in plain_rows(comparison.rtt)}
    silences = {(row["flow"], row["place"]): row for row in plain_rows(comparison.responses)}
    hops = tuple(
        _aligned(row, shifts.get(key, {}) | silences.get(key, {}), names)
        for row in plain_rows(comparison.paths)
        for key in [(row["flow"], row["place"])]
    )
    a, b = comparison.names
    facts = tuple(
        (aspect.name, f"{aspect.verdict}. {aspect.test}: {aspect.found}.") for aspect in comparison.aspects
    )
    facts += tuple(("Note", caveat) for caveat in comparison.caveats)
    facts = (*facts, ("Power", comparison.power)) if hops else facts
    return ComparisonCard(
        title=f"Comparison of {a} and {b}", verdict=comparison.sentence, facts=facts, sides=(a, b), hops=hops
    )


def _aligned(row: Mapping[str, Any], shift: Mapping[str, Any], names: Mapping[str, str]) -> AlignedHop:
    return AlignedHop(
        change=str(row["change"]),
        flow=int(row["flow"]),
        a_ttl=row["a_ttl"],
        a_addr=row["a_addr"],
        a_name=names.get(row["a_addr"]),
        b_ttl=row["b_ttl"],
        b_addr=row["b_addr"],
        b_name=names.get(row["b_addr"]),
        a_ms=shift.get("a_p50_ms"),
        b_ms=shift.get("b_p50_ms"),
        shift_ms=shift.get("shift_ms"),
        low_ms=shift.get("low_ms"),
        high_ms=shift.get("high_ms"),
        a_unanswered_ratio=shift.get("a_unanswered_ratio"),
        b_unanswered_ratio=shift.get("b_unanswered_ratio"),
    )


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries of Python values; anything missing is None."""
    return [
        {str(name): _plain(value) for name, value in record.items()} for record in frame.to_dict("records")
    ]


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell of any column
    if value is None or isinstance(value, (str, bytes, tuple, list)):
        return value
    return None if pd.isna(value) else value


def run_title(run: Mapping[str, Any]) -> str:
    """Name a run by its target: ``Trace to example.com (198.51.100.7)``."""
    where = target_text(run)
    return f"{run['label']}: trace to {where}" if run.get("label") else f"Trace to {where}"


def _samples(tables: "Tables") -> dict[int, tuple[float | None, ...]]:
    # Rounds of an MDA-like trace hold many probes a hop: the order of the key is the order of sending.
    settled = probes_in_view(tables)
    settled = settled.loc[settled["status"].isin(SETTLED), ["ttl", "status", "rtt_ms"]]
    samples: dict[int, tuple[float | None, ...]] = {}
    for ttl, group in settled.groupby("ttl", sort=True):
        latest = group.tail(SAMPLES)
        answered = latest["status"].isin(ANSWERED)
        values = zip(latest["rtt_ms"].tolist(), answered.tolist(), strict=True)
        samples[int(str(ttl))] = tuple(rtt if seen else None for rtt, seen in values)
    return samples


def _hop(row: dict[str, Any], samples: tuple[float | None, ...], names: Mapping[str, str]) -> HopRow:
    responders = tuple(
        Responder(addr, names.get(addr), share)
        for addr, share in zip(row["addrs"] or (), row["share"] or (), strict=True)
    )
    return HopRow(
        ttl=int(row["ttl"]),
        responders=responders,
        sent=int(row["sent"]),
        recv=int(row["recv"]),
        late=int(row["late"]),
        loss_ratio=row["loss_ratio"],
        last_ms=row["last_ms"],
        avg_ms=row["avg_ms"],
        best_ms=row["best_ms"],
        worst_ms=row["worst_ms"],
        stddev_ms=row["stddev_ms"],
        mpls=row["mpls"],
        figures={name: row[name] for name in settings_now().columns if name in row},
        samples_ms=samples,
    )


def _facts(run: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    facts = (
        ("Probes", _method(run)),
        ("From", _origin(run)),
        ("When", _when(run)),
        ("Source", _source(run)),
        ("Ended", str(run["error"]) if run["error"] else ""),
    )
    return tuple((label, value) for label, value in facts if value)


def _method(run: dict[str, Any]) -> str:
    ends = (("sport", "source port"), ("dport", "target port"))
    words = [str(run["protocol"]).upper() if run["protocol"] else "unknown protocol"]
    words += [str(run["method"])] if run["method"] else []
    words += [f"{name} {run[key]}" for key, name in ends if run[key] is not None]
    if run["size"]:
        words.append(f"{run['size']} bytes")
    how = ", ".join(words)
    if run["mode"] and run["mode"] != "sim":
        how += f", {run['mode']} socket"
    return f"{how} ({run['reason']})" if run["reason"] else how


def _origin(run: dict[str, Any]) -> str:
    known = [str(run[key]) for key in ("vantage", "src_addr") if run[key]]
    return f"{known[0]} ({known[1]})" if len(known) > 1 and known[0] != known[1] else "".join(known[:1])


def _when(run: dict[str, Any]) -> str:
    start, end = run["started_at"], run["ended_at"]
    words = []
    if start is not None:
        words.append(moment_text(start))
    if run["rounds"]:
        words.append(f"{run['rounds']:,} round" + ("" if run["rounds"] == 1 else "s"))
    if start is not None and end is not None:
        words.append(f"{(end - start).total_seconds():,.1f} s")
    return ", ".join(words)


def _source(run: dict[str, Any]) -> str:
    if run["source"] == "live":
        return ""
    words = ["built-in internet" if run["source"] == "sim" else f"{run['tool'] or run['source']}"]
    if run["source_ref"]:
        words.append(str(run["source_ref"]))
    return ", ".join(words)
