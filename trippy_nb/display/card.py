"""The card of a run or of a comparison: plain values in, plain text or HTML out.

Both spellings are made from one `Sheet`, so they cannot come to differ. The HTML survives the sanitiser
that notebooks put untrusted outputs through: tables with inline styles, pictures only as data URIs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from trippy_nb.display.sheet import Column, Row, Sheet, sheet_html, sheet_text
from trippy_nb.display.spark import spark_text, spark_uri, spark_words
from trippy_nb.display.words import (
    MISSING,
    SILENT,
    count_text,
    decimals_for,
    is_missing,
    ms_text,
    ratio_text,
    shift_text,
)
from trippy_nb.frames.schema import HOPS


@dataclass(frozen=True, slots=True)
class Responder:
    """Who answered at a hop."""

    addr: str
    name: str | None = None
    """Host name, if known."""
    share: float | None = None
    """Share of the hop's answers, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopRow:
    """One hop of a run; a time is in ms and None if there is none."""

    ttl: int
    responders: tuple[Responder, ...] = ()
    """Most frequent first; empty for a hop that never answered."""
    sent: int
    recv: int
    late: int = 0
    loss_ratio: float | None = None
    last_ms: float | None = None
    avg_ms: float | None = None
    best_ms: float | None = None
    worst_ms: float | None = None
    stddev_ms: float | None = None
    mpls: str | None = None
    """MPLS label stack, as HOPS spells it."""
    samples_ms: tuple[float | None, ...] = ()
    """RTTs in the order of sending; None for a probe that nobody answered, NaN for an answer without one."""
    figures: Mapping[str, float | None] = field(default_factory=dict)
    """By column of HOPS, where the session has a choice of its own (`model.Settings.columns`); these alone
    are shown then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    """All that the card of a run says."""

    title: str
    verdict: str
    """The outcome in one sentence."""
    facts: tuple[tuple[str, str], ...] = ()
    """Label and value."""
    hops: tuple[HopRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedHop:
    """One row of two paths laid side by side; a side without this hop has no TTL."""

    change: str
    """What happened to the hop, in a word: same, changed, added, removed or unknown."""
    flow: int = 0
    a_ttl: int | None = None
    a_addr: str | None = None
    """None: the hop did not answer (or does not exist, if the TTL is None too)."""
    a_name: str | None = None
    b_ttl: int | None = None
    b_addr: str | None = None
    b_name: str | None = None
    a_ms: float | None = None
    """Median RTT, ms."""
    b_ms: float | None = None
    shift_ms: float | None = None
    """By how much the RTT changed, ms, and the ends of its confidence interval."""
    low_ms: float | None = None
    high_ms: float | None = None
    a_unanswered_ratio: float | None = None
    """Share of probes that nobody answered, 0 to 1."""
    b_unanswered_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonCard:
    """All that the card of a comparison says."""

    title: str
    verdict: str
    facts: tuple[tuple[str, str], ...] = ()
    sides: tuple[str, str] = ("before", "after")
    hops: tuple[AlignedHop, ...] = ()


def run_text(card: RunCard) -> str:
    """Spell the card of a run for a terminal."""
    return sheet_text(_run_sheet(card))


def run_html(card: RunCard) -> str:
    """Spell the card of a run as HTML that passes the sanitiser of an untrusted notebook."""
    return sheet_html(_run_sheet(card))


def set_text(cards: Sequence[RunCard]) -> str:
    """Spell several runs for a terminal, a line each."""
    return sheet_text(_set_sheet(cards))


def set_html(cards: Sequence[RunCard]) -> str:
    """Spell several runs as HTML that passes the sanitiser of an untrusted notebook, a row each."""
    return sheet_html(_set_sheet(cards))


def comparison_text(card: ComparisonCard) -> str:
    """Spell the card of a comparison for a terminal."""
    return sheet_text(_comparison_sheet(card))


def comparison_html(card: ComparisonCard) -> str:
    """Spell the card of a comparison as HTML that passes the sanitiser of an untrusted notebook."""
    return sheet_html(_comparison_sheet(card))


def _heading(name: str) -> str:
    label = HOPS.column(name).label
    return label or name.capitalize()


_CHOSEN = ("sent", "recv", "late", "loss_ratio", "last_ms", "avg_ms", "best_ms", "worst_ms", "stddev_ms")


def _run_sheet(card: RunCard) -> Sheet:
    decimals = decimals_for(chain.from_iterable([hop.avg_ms, hop.best_ms, hop.worst_ms] for hop in card.hops))
    top_ms = max(
        (
            sample
            for hop in card.hops
            for sample in hop.samples_ms
            if not is_missing(sample) and sample is not None
        ),
        default=0.0,
    )
    chosen = next((tuple(hop.figures) for hop in card.hops if hop.figures), _CHOSEN)
    columns = (
        Column("Hop", numeric=True),
        Column("Responder", names=True),
        *(Column(_heading(name), numeric=True) for name in chosen),
        Column(f"RTT, 0 to {ms_text(top_ms, decimals)} ms" if top_ms > 0 else "RTT"),
    )
    rows = tuple(_hop_row(hop, chosen, decimals, top_ms) for hop in card.hops)
    return Sheet(card.title, card.verdict, card.facts, columns, rows, note="Times in ms." if rows else "")


def _hop_row(hop: HopRow, chosen: Sequence[str], decimals: int, top_ms: float) -> Row:
    return Row(
        cells=(
            (str(hop.ttl),),
            _responder_lines(hop),
            *((_figure(hop, name, decimals),) for name in chosen),
            (spark_text(hop.samples_ms, top_ms),),
        ),
        picture=(spark_uri(hop.samples_ms, top_ms), spark_words(hop.samples_ms)) if hop.samples_ms else None,
        muted=not hop.responders,
        marked=(2 + chosen.index("loss_ratio"),) if hop.loss_ratio and "loss_ratio" in chosen else (),
    )


def _figure(hop: HopRow, name: str, decimals: int) -> str:
    value = hop.figures[name] if hop.figures else getattr(hop, name)
    if name.endswith("_ms"):
        return ms_text(value, decimals)
    return ratio_text(value) if name.endswith("_ratio") else MISSING if value is None else str(value)


def _responder_lines(hop: HopRow) -> tuple[str, ...]:
    if not hop.responders:
        return (SILENT,)
    several = len(hop.responders) > 1
    lines = [
        _who(responder.addr, responder.name)
        + (f" {ratio_text(responder.share)}" if several and responder.share is not None else "")
        for responder in hop.responders
    ]
    if hop.mpls:
        lines.append(f"MPLS {hop.mpls}")
    return tuple(lines)


def _who(addr: str, name: str | None) -> str:
    return f"{name} ({addr})" if name and name != addr else addr


def _set_sheet(cards: Sequence[RunCard]) -> Sheet:
    columns = (Column("Run", numeric=True), Column("Target", names=True), Column("Outcome", wraps=True))
    rows = tuple(Row(((str(i),), (card.title,), (card.verdict,))) for i, card in enumerate(cards))
    return Sheet(count_text(len(cards), "run"), "", (), columns, rows)


def _comparison_sheet(card: ComparisonCard) -> Sheet:
    times = chain.from_iterable((hop.a_ms, hop.b_ms, hop.shift_ms) for hop in card.hops)
    decimals = decimals_for(times)
    a, b = card.sides
    several = len({hop.flow for hop in card.hops}) > 1
    columns = (
        *((Column("Flow", numeric=True),) if several else ()),
        Column("Hop", numeric=True),
        Column(f"Responder {a}", names=True),
        Column("Hop", numeric=True),
        Column(f"Responder {b}", names=True),
        Column("Change"),
        Column(f"Median {a}", numeric=True),
        Column(f"Median {b}", numeric=True),
        Column("Shift", numeric=True),
        Column(f"Unanswered {a}", numeric=True),
        Column(f"Unanswered {b}", numeric=True),
    )
    rows = tuple(_aligned_row(hop, decimals, with_flow=several) for hop in card.hops)
    return Sheet(card.title, card.verdict, card.facts, columns, rows, note="Times in ms." if rows else "")


def _aligned_row(hop: AlignedHop, decimals: int, *, with_flow: bool) -> Row:
    flow = ((str(hop.flow),),) if with_flow else ()
    return Row(
        cells=(
            *flow,
            _ttl_text(hop.a_ttl),
            _side_text(hop.a_ttl, hop.a_addr, hop.a_name),
            _ttl_text(hop.b_ttl),
            _side_text(hop.b_ttl, hop.b_addr, hop.b_name),
            (hop.change,),
            (ms_text(hop.a_ms, decimals),),
            (ms_text(hop.b_ms, decimals),),
            (shift_text(hop.shift_ms, hop.low_ms, hop.high_ms, decimals),),
            (ratio_text(hop.a_unanswered_ratio),),
            (ratio_text(hop.b_unanswered_ratio),),
        ),
        muted=hop.a_addr is None and hop.b_addr is None,
        marked=(4 + len(flow),) if hop.change in _CHANGES else (),
    )


_CHANGES = ("changed", "added", "removed")


def _ttl_text(ttl: int | None) -> tuple[str, ...]:
    return (MISSING if ttl is None else str(ttl),)


def _side_text(ttl: int | None, addr: str | None, name: str | None) -> tuple[str, ...]:
    if addr is not None:
        return (_who(addr, name),)
    return (MISSING if ttl is None else SILENT,)
