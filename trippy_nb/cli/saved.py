"""`trippy-nb explain` and `trippy-nb compare`: what saved runs tell."""

from pathlib import Path

import click

from trippy_nb.api import compare, read


def explain_file(path: Path, *, report: str) -> None:
    """Print the findings of the runs in a file.

    Raises
    ------
    FormatError
        If it is no file that `save` wrote.
    """
    runs = read(path)
    if report == "json":
        click.echo(runs.findings.to_json(orient="records", indent=2))
    else:
        click.echo(str(runs.explain()))


def compare_files(before: Path, after: Path) -> None:
    """Print what differs between the runs of two files, each taken as one side.

    Raises
    ------
    FormatError
        If one is no file that `save` wrote.
    """
    click.echo(repr(compare(read(before), read(after))))
