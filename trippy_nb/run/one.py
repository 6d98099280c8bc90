"""One probe of a run, named by its row or by what it was."""

from numbers import Integral
from typing import TYPE_CHECKING, Any

from trippy_nb.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.analysis.lens import Exchange
    from trippy_nb.frames import Tables


def exchange_of(
    tables: "Tables",
    row: "pd.Series | int | None",
    *,
    ttl: int | None,
    round_: int,
    flow: int,
    attempt: int,
) -> "Exchange":
    """Take a probe and its answers apart.

    Raises
    ------
    ConfigError
        If neither a row nor a TTL is given, there is no such probe, or its packets were not kept.
    """
    from trippy_nb.analysis.lens import exchange

    if row is not None:
        ttl, round_, flow, attempt = _key_of(tables, row)
    if ttl is None:
        raise ConfigError("a lens on which probe? run.lens(ttl=3), or run.lens(run.probes.iloc[7])")
    return exchange(tables, ttl=ttl, round_=round_, flow=flow, attempt=attempt)


def _key_of(tables: "Tables", row: Any) -> tuple[int, int, int, int]:  # noqa: ANN401 - a row, or its index
    """Read what names a probe in its row."""
    if isinstance(row, Integral):
        if row not in tables.probes.index:
            raise ConfigError(f"probes has no row {row}, only 0 to {len(tables.probes) - 1}")
        row = tables.probes.loc[int(row)]
    return int(row["ttl"]), int(row["round"]), int(row["flow"]), int(row["attempt"])
