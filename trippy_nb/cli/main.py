"""The `trippy-nb` command."""

import sys
from pathlib import Path
from typing import Any

import click

from trippy_nb.cli.logs import log_options, logging_to_stderr
from trippy_nb.cli.options import TraceCommand, given_options, trace_options
from trippy_nb.errors import TrippyError

MODES = ("pretty", "markdown", "csv", "json", "stream", "probes", "silent")

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class _OneLineErrors(click.Group):
    """A group that tells the user's mistakes in one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever the command returns
        """Run the command; an error of ours is a line on stderr and exit code 2 (wrong use) or 1."""
        try:
            return super().invoke(ctx)
        except TrippyError as error:
            click.echo(f"trippy-nb: {error}", err=True)
            ctx.exit(2 if isinstance(error, ValueError) else 1)
        except BrokenPipeError:
            sys.stderr.close()  # the reader has gone, and nobody wants to hear of it at exit
            ctx.exit(0)


@click.group(
    cls=_OneLineErrors,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Without a network at hand, try: trippy-nb trace target.example --sim first-steps",
)
@click.version_option(package_name="trippy_nb", prog_name="trippy-nb")
def main() -> None:
    """Traceroute as data: every probe a row, every silence too.

    \b
    trippy-nb trace example.com               ten rounds, then a table of hops
    trippy-nb trace example.com -p udp -C 3   three rounds of UDP probes
    trippy-nb trace example.com -m probes     one JSON object a probe, as it completes
    trippy-nb trace target.example --sim first-steps
                                              the same on the built-in internet
    trippy-nb demo                            two traces, three pictures, one Parquet file
    trippy-nb doctor                          what this machine and this process may do, and why
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped


@click.command(
    cls=TraceCommand,
    epilog="Times are written with their unit: 10ms, 1s. Names, defaults and limits are Trippy's where it "
    "has them. Ctrl-C ends the trace and prints what was collected.",
)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "-m",
    "--mode",
    "report",
    type=click.Choice(MODES),
    default="pretty",
    show_default=True,
    help="What to print: a table, Markdown, CSV, JSON, a line a hop after each round, a line a probe "
    "as it completes, or nothing.",
)
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Save everything as Parquet, too."
)
@click.option("--sim", metavar="SCENARIO", help="Trace on the built-in internet instead of the live one.")
@log_options
def trace(
    targets: tuple[str, ...],
    report: str,
    save: Path | None,
    sim: str | None,
    verbose: int,
    log_filter: str | None,
    **values: Any,  # noqa: ANN401 - values of any type
) -> None:
    """Trace one or more targets."""
    from trippy_nb.cli.trace import run_trace_command

    with logging_to_stderr(verbose, log_filter):
        interrupted = run_trace_command(
            list(targets), given_options(values), report=report, save=save, scenario=sim
        )
    if interrupted:
        sys.exit(_INTERRUPTED)


@click.command()
@click.argument("target", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="Folder for the pictures and the Parquet files.",
)
def demo(target: str | None, output: Path) -> None:
    """Trace twice, compare, and draw the three pictures.

    Without TARGET this happens on the built-in internet, before and after a route change: no
    privilege, no network. With TARGET it is live.
    """
    from trippy_nb.cli.demo import run_demo

    run_demo(target, output)


@click.command()
@click.option(
    "-m",
    "--mode",
    "report",
    type=click.Choice(("pretty", "json")),
    default="pretty",
    show_default=True,
    help="What to print: a table for people, or JSON.",
)
@click.option(
    "--self-test/--no-self-test",
    default=True,
    show_default=True,
    help="Trace the loopback by every kind of socket.",
)
@log_options
def doctor(report: str, self_test: bool, verbose: int, log_filter: str | None) -> None:  # noqa: FBT001 - click calls it by name
    """Say what this machine and this process may do, why, and what would widen it.

    Nothing is sent but to the loopback, and nothing is changed. What is not allowed is an answer, not an
    error: the exit code is 0.
    """
    from trippy_nb.cli.doctor import run_doctor_command

    with logging_to_stderr(verbose, log_filter):
        run_doctor_command(report=report, self_test=self_test)


main.add_command(trace_options(trace))
main.add_command(demo)
main.add_command(doctor)
