"""Writes docs/tables.md: ``python -m trippy_nb.frames.docs docs/tables.md``."""

import sys
from pathlib import Path

from trippy_nb.frames.answers import ANSWER_TABLES
from trippy_nb.frames.derived import DERIVED_TABLES
from trippy_nb.frames.schema import PROCESS_TABLES, SCHEMA_VERSION, TABLES, Column, Table

_DTYPES = {
    "utc": "datetime64[ns, UTC]",
    "bytes": "object (bytes)",
    "list": "object (tuples)",
}

_HEAD = f"""# Tables

<!-- Made by `python -m trippy_nb.frames.docs docs/tables.md` from trippy_nb/frames/schema.py. -->

Schema version {SCHEMA_VERSION}. One row of `probes` is one probe sent, whether it was answered or not;
statistics, paths and graphs can all be recomputed from `probes` and `replies`. Times are UTC, durations
milliseconds as floats, ratios 0 to 1. What is not known is missing: never 0, never -1, never an empty text.

A column of dtype `category` holds text. Where its words are listed, they are all there are, in this order.
"""


def tables_markdown() -> str:
    """Write the schema as Markdown: a section a table, a row a column."""
    tables = {**TABLES, **DERIVED_TABLES, **ANSWER_TABLES, **PROCESS_TABLES}
    return "\n".join([_HEAD, *(_section(table) for table in tables.values())])


def _section(table: Table) -> str:
    key = ", ".join(f"`{name}`" for name in table.key)
    rows = "\n".join(_row(column) for column in table.columns)
    return (
        f"## {table.name}\n\n{table.meaning}\n\nKey: {key}.\n\n"
        f"| column | dtype | missing | unit | meaning |\n| --- | --- | --- | --- | --- |\n{rows}\n"
    )


def _row(column: Column) -> str:
    words = f": {', '.join(f'`{word}`' for word in column.words)}" if column.words else ""
    meaning = f"{column.meaning}{words}".replace("|", "\\|")
    missing = "may be" if column.nullable else ""
    dtype = _DTYPES.get(column.dtype, column.dtype)
    return f"| `{column.name}` | {dtype} | {missing} | {column.unit} | {meaning} |"


def main(arguments: list[str]) -> int:
    """Write the file named in the arguments; say how it is used if there is not one."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m trippy_nb.frames.docs docs/tables.md\n")
        return 2
    Path(arguments[0]).write_text(tables_markdown(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
