"""The hop table as people and programs read it: Markdown, CSV, a line a hop.

The columns and their units are Trippy's (``Loss%`` is a percentage, times are milliseconds), with
its gaps mended: what is missing is empty rather than 0 or ``???``, several addresses are joined by
``;`` so that IPv6 can be split again, and each row says when its run began.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from trippy_nb.analysis import target_text

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

Formatter = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class HopColumn:
    """One column of the printed hop table."""

    head: str
    value: Callable[["HopLine"], object]
    digits: int | None = None
    """Decimals, for numbers that have some."""

    def text(self, line: "HopLine", *, missing: str) -> str:
        """Write the value of a line."""
        value = self.value(line)
        if value is None or value is pd.NA or value != value:  # NaN  # noqa: PLR0124 - NaN is not itself
            return missing
        return f"{value:.{self.digits}f}" if self.digits is not None else str(value)


@dataclass(frozen=True, slots=True)
class HopLine:
    """A row of `frames.schema.HOPS`, with host names."""

    row: Mapping[Any, Any]
    names: Mapping[str, str]

    @property
    def addrs(self) -> tuple[str, ...]:
        """Responders, most frequent first."""
        return tuple(self.row["addrs"])

    def hosts(self, separator: str) -> str:
        """Name and address of each responder."""
        texts = [f"{self.names[addr]} ({addr})" if addr in self.names else addr for addr in self.addrs]
        return separator.join(texts)

    def number(self, name: str) -> float | None:
        """Return a number, or None where it is missing."""
        value = self.row[name]
        return None if pd.isna(value) else float(value)

    @property
    def loss_percent(self) -> float | None:
        """Unanswered share of the settled probes, in percent."""
        ratio = self.number("loss_ratio")
        return None if ratio is None else 100 * ratio


def _statistics(*, decimals: int = 3) -> tuple[HopColumn, ...]:
    return (
        HopColumn("Loss%", lambda hop: hop.loss_percent, 1),
        HopColumn("Snt", lambda hop: int(hop.row["sent"])),
        HopColumn("Recv", lambda hop: int(hop.row["recv"])),
        HopColumn("Last", lambda hop: hop.number("last_ms"), decimals),
        HopColumn("Avg", lambda hop: hop.number("avg_ms"), decimals),
        HopColumn("Best", lambda hop: hop.number("best_ms"), decimals),
        HopColumn("Wrst", lambda hop: hop.number("worst_ms"), decimals),
        HopColumn("StdDev", lambda hop: hop.number("stddev_ms"), decimals),
    )


def _hop_column() -> HopColumn:
    return HopColumn("Hop", lambda hop: int(hop.row["ttl"]))


def _mpls_column() -> HopColumn:
    return HopColumn("MPLS", lambda hop: hop.row["mpls"])


def table_columns(*, extensions: bool = False, separator: str = "\n") -> tuple[HopColumn, ...]:
    """Columns of the tables that people read; a silent hop is ``*``."""
    columns = (
        _hop_column(),
        HopColumn("Host", lambda hop: hop.hosts(separator) or "*"),
        *_statistics(decimals=2),
    )
    return (*columns, _mpls_column()) if extensions else columns


def hop_lines(hops: pd.DataFrame, names: Mapping[str, str]) -> list[HopLine]:
    """Make a line of each row of a HOPS frame."""
    return [HopLine(row, names) for row in hops.to_dict("records")]


def title(tables: "Tables") -> str:
    """Say in one line what was traced, how, and why so."""
    run = tables.runs.iloc[0]
    source, protocol, reason = (
        value if isinstance(value, str) else None for value in run[["src_addr", "protocol", "reason"]]
    )
    said = (
        f"{target_text(run.to_dict())} from {source or 'an unknown source'}, {protocol or 'unknown protocol'}"
    )
    return f"{said}: {reason}" if reason else said


def markdown_report(
    tables: "Tables", hops: pd.DataFrame, names: Mapping[str, str], *, extensions: bool
) -> str:
    """Write the hop table of one run as a Markdown table under its title."""
    columns = table_columns(extensions=extensions, separator="<br>")
    lines = [f"### {_escape_markdown(title(tables))}", ""]
    lines.append("| " + " | ".join(column.head for column in columns) + " |")
    lines.append(
        "|" + "|".join(":---" if column.head in ("Host", "MPLS") else "---:" for column in columns) + "|"
    )
    for hop in hop_lines(hops, names):
        cells = (_escape_markdown(column.text(hop, missing="")) for column in columns)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _escape_markdown(text: str) -> str:
    """Keep a hostile host name from being anything but text (``<br>`` is ours)."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("`", "\\`")
    safe = safe.replace("*", "\\*").replace("_", "\\_").replace("[", "\\[")
    return safe.replace("&lt;br>", "<br>")


def csv_report(tables: "Tables", hops: pd.DataFrame, names: Mapping[str, str], *, header: bool = True) -> str:
    """Write the hop table of one run as CSV with Trippy's column names; missing cells are empty."""
    run = tables.runs.iloc[0]
    started = isoformat(run["started_at"])
    columns = (
        HopColumn("Target", lambda _hop: run["target"]),
        HopColumn("TargetIp", lambda _hop: run["dst_addr"]),
        HopColumn("Started", lambda _hop: started),
        _hop_column(),
        HopColumn("IPs", lambda hop: len(hop.addrs)),
        HopColumn("Addrs", lambda hop: ";".join(hop.addrs)),
        HopColumn("Hosts", lambda hop: ";".join(hop.names.get(addr, "") for addr in hop.addrs)),
        *_statistics(),
        HopColumn("Late", lambda hop: int(hop.row["late"])),
        HopColumn("Failed", lambda hop: int(hop.row["failed"])),
        HopColumn("Median", lambda hop: hop.number("p50_ms"), 3),
        _mpls_column(),
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow([column.head for column in columns])
    for hop in hop_lines(hops, names):
        writer.writerow([column.text(hop, missing="") for column in columns])
    return out.getvalue()


def stream_lines(hops: pd.DataFrame, names: Mapping[str, str], *, round_: int, at: datetime) -> list[str]:
    """Write one line a hop with the statistics up to a round, as ``-m stream`` prints it."""
    fields: Sequence[tuple[str, str]] = (
        ("loss_pct", "Loss%"),
        ("sent", "Snt"),
        ("recv", "Recv"),
        ("last", "Last"),
        ("best", "Best"),
        ("worst", "Wrst"),
        ("avg", "Avg"),
        ("stddev", "StdDev"),
    )
    by_head = {column.head: column for column in _statistics()}
    column_mpls = _mpls_column()
    lines = []
    for hop in hop_lines(hops, names):
        start = f"time={isoformat(at)} round={round_} ttl={int(hop.row['ttl'])}"
        mpls = column_mpls.text(hop, missing="-")
        where = f"addrs={';'.join(hop.addrs) or '-'} exts={mpls}"
        numbers = " ".join(f"{key}={by_head[head].text(hop, missing='-')}" for key, head in fields)
        lines.append(f"{start} {where} {numbers}")
    return lines


def isoformat(at: Any) -> str | None:  # noqa: ANN401 - a pandas or a plain timestamp
    """Write a time as RFC 3339, in UTC, with microseconds; None where it is missing."""
    if at is None or pd.isna(at):
        return None
    return pd.Timestamp(at).tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%S.%fZ")
