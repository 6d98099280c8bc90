"""Saving runs: whole or not at all, and reading them back with one clear line where that cannot be."""

import contextlib
import errno
import os
import uuid
from pathlib import Path

from trippy_nb.errors import FormatError, SchemaError
from trippy_nb.frames.check import check_frame
from trippy_nb.frames.tables import Tables


def write_tables(tables: Tables, path: str | os.PathLike[str]) -> None:
    """Save tables as one Parquet file, whole or not at all.

    Parameters
    ----------
    tables
        Frames that keep the contract, with no columns of their own; indexes are left off.
    path
        The file; one that is there is replaced only once the new one is complete.

    Raises
    ------
    SchemaError
        If a frame breaks the contract.
    OSError
        If the file cannot be written; what was there before is untouched.
    """
    for table, frame in tables.items():
        check_frame(frame, table)
        more = [str(name) for name in frame.columns if name not in table.names]
        if more:
            raise SchemaError(f"{table.name}: column {more[0]!r} has no place in a saved run: leave it out")
    from trippy_nb.frames.parquet import write_file  # pyarrow is late

    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(target.parent))
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            write_file(tables, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def read_tables(path: str | os.PathLike[str]) -> Tables:
    """Read what `write_tables` wrote; every table compares equal.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    FormatError
        If it is not a saved run, is damaged, or its schema version is not this one or the one before.
    OSError
        If it cannot be opened.
    """
    with Path(path).open("rb"):
        pass  # so that a file that is not there, or may not be read, is the OSError that it is
    from trippy_nb.frames.parquet import BROKEN, one_line, read_file  # pyarrow is late

    try:
        return read_file(Path(path))
    except FormatError:
        raise
    except BROKEN as exc:
        raise FormatError(f"{path}: damaged, cannot be read as a saved run: {one_line(exc)}") from exc
