"""What analyses are given: the tables, and frames that other analyses made."""

from collections.abc import Collection

import pandas as pd

from trippy_nb.errors import ConfigError


def check_tables(tables: object) -> None:
    """Refuse what has no probes: a frame, or nothing at all.

    Raises
    ------
    ConfigError
        If it has none.
    """
    if not hasattr(tables, "probes"):
        raise ConfigError(f"tables are what run.tables holds, not {type(tables).__name__}")


def check_columns(name: str, frame: object, needed: Collection[str], *, made_by: str) -> None:
    """Refuse a frame that lacks what an analysis needs of it.

    Parameters
    ----------
    name
        Of the argument.
    frame
        What was given.
    needed
        Columns that it must have.
    made_by
        Where such frames come from.

    Raises
    ------
    ConfigError
        If it is no frame, or one is missing.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ConfigError(f"{name} is a DataFrame, not {type(frame).__name__}; pass what {made_by}")
    lacking = [column for column in needed if column not in frame.columns]
    if lacking:
        raise ConfigError(f"{name}: no column {lacking[0]!r}; pass what {made_by}")
