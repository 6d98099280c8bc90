"""The `trippy-nb` command."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from trippy_nb.cli.logs import log_options, logging_to_stderr
from trippy_nb.cli.options import TraceCommand, given_options, trace_options
from trippy_nb.errors import ConfigError, TrippyError
from trippy_nb.model import ALGORITHMS, NOT_FOR_DISCOVERY, DiscoveryOptions, PmtuOptions

MODES = ("pretty", "explain", "markdown", "csv", "json", "stream", "probes", "silent")

_HOW_LARGE = ("max_size", "max_probes", "probe_rate")
_HOW_SURE = ("confidence", "algorithm", "max_probes", "probe_rate")
_ASKED = {"protocol": "udp", "gap_limit": "5"}  # what has no rounds takes, if nothing is said
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_probe_rate_option = click.option(
    "--probe-rate", type=float, default=1000.0, show_default=True, help="Probes a second, at most."
)
_report_option = click.option(
    "-m",
    "--mode",
    "report",
    type=click.Choice(("pretty", "json")),
    default="pretty",
    show_default=True,
    help="What to print: a table for people, or JSON.",
)


def _has_folder(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Say before any packet leaves that what it brings back could not be saved."""
    if path is not None and not os.access(path.parent, os.W_OK | os.X_OK):
        why = "may not be written" if path.parent.is_dir() else "does not exist"
        raise ConfigError(f"--save {path}: the folder {path.parent} {why}: choose another")
    return path


_save_option = click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_has_folder,
    help="Save everything as Parquet, too.",
)


def _scenarios(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a built-in network."""
    from trippy_nb.sim import scenarios

    return [name for name in scenarios() if name.startswith(begun)]


def _sim_option(text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option("--sim", metavar="SCENARIO", shell_complete=_scenarios, help=text)


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
    trippy-nb discover example.com            every path that load balancers offer
    trippy-nb pmtu example.com                the largest packet that the path carries
    trippy-nb explain run.parquet             what a saved run tells, in words
    trippy-nb compare a.parquet b.parquet     what differs between two, and whether that is chance
    trippy-nb demo                            two traces, three pictures, one Parquet file
    trippy-nb sim list                        the networks of the built-in internet
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
    help="What to print: a table, what it means in words, Markdown, CSV, JSON, a line a hop after each "
    "round, a line a probe as it completes, or nothing.",
)
@_save_option
@_sim_option("Trace on the built-in internet instead of the live one.")
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


@click.command(
    cls=TraceCommand,
    epilog="UDP unless another protocol is named. Ctrl-C ends it and prints what is known by then.",
)
@click.argument("target")
@click.option(
    "--confidence",
    type=float,
    default=0.95,
    show_default=True,
    help="Probability, for each responder, that all its next hops are found: 0.5 to 0.9999.",
)
@click.option(
    "--algorithm",
    type=click.Choice(ALGORITHMS),
    default="mda",
    show_default=True,
    help="mda, or mda-lite: fewer probes where diamonds are uniform and unmeshed, which it tests.",
)
@click.option("--max-probes", type=int, default=10_000, show_default=True, help="Probes it may take in all.")
@_probe_rate_option
@_report_option
@_save_option
@_sim_option("Discover the built-in internet instead of the live one.")
@log_options
def discover(
    target: str,
    report: str,
    save: Path | None,
    sim: str | None,
    verbose: int,
    log_filter: str | None,
    **values: Any,  # noqa: ANN401 - values of any type
) -> None:
    """Discover every path to a target, and say what may still be hidden."""
    from trippy_nb.cli.discover import run_discover_command

    purpose = DiscoveryOptions(**{name: values.pop(name) for name in _HOW_SURE})
    with logging_to_stderr(verbose, log_filter):
        interrupted = run_discover_command(
            target, given_options(values), purpose, report=report, save=save, scenario=sim
        )
    if interrupted:
        sys.exit(_INTERRUPTED)


@click.command(
    cls=TraceCommand,
    epilog="UDP unless icmp is named. Ctrl-C ends it and prints what is known by then.",
)
@click.argument("target")
@click.option(
    "--max-size",
    type=int,
    default=1500,
    show_default=True,
    help="Bytes of the largest packet to try: to 2000.",
)
@click.option("--max-probes", type=int, default=2_000, show_default=True, help="Probes it may take in all.")
@_probe_rate_option
@_report_option
@_save_option
@_sim_option("Ask the built-in internet instead of the live one.")
@log_options
def pmtu(
    target: str,
    report: str,
    save: Path | None,
    sim: str | None,
    verbose: int,
    log_filter: str | None,
    **values: Any,  # noqa: ANN401 - values of any type
) -> None:
    """Find the largest packet that a path carries, who limits it, and where larger ones vanish."""
    from trippy_nb.cli.pmtu import run_pmtu_command

    purpose = PmtuOptions(**{name: values.pop(name) for name in _HOW_LARGE})
    with logging_to_stderr(verbose, log_filter):
        interrupted = run_pmtu_command(
            target, given_options(values), purpose, report=report, save=save, scenario=sim
        )
    if interrupted:
        sys.exit(_INTERRUPTED)


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@_report_option
def explain(file: Path, report: str) -> None:
    """Say in words what the runs of FILE tell, with what is sure, what is not, and what it is not."""
    from trippy_nb.cli.saved import explain_file

    explain_file(file, report=report)


@click.command()
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
def compare(before: Path, after: Path) -> None:
    """Say what changed between two saved runs, what is the same, and what nobody can tell."""
    from trippy_nb.cli.saved import compare_files

    compare_files(before, after)


@click.group("sim")
def sim_group() -> None:
    """The built-in internet: which networks there are, what is true of one, and one behind a device."""


@sim_group.command("list")
@_report_option
def sim_list(report: str) -> None:
    """Name the networks, and say what each is about."""
    from trippy_nb.cli.sim import list_scenarios

    list_scenarios(report=report)


@sim_group.command("show")
@click.argument("scenario")
@_report_option
def sim_show(scenario: str, report: str) -> None:
    """Print what is true of SCENARIO, a name or a file: every way, hop by hop."""
    from trippy_nb.cli.sim import show_scenario

    show_scenario(scenario, report=report)


@sim_group.command("serve")
@click.argument("scenario")
@click.option("--tun", "device", metavar="NAME", required=True, help="Name of the TUN device to make.")
@log_options
def sim_serve(scenario: str, device: str, verbose: int, log_filter: str | None) -> None:
    """Put SCENARIO behind a TUN device, so that any program here traces it. Linux, root.

    In a network namespace of its own, for it takes all traffic:

    \b
    ip netns add lab
    ip netns exec lab trippy-nb sim serve first-steps --tun tun0
    ip netns exec lab mtr -n 198.51.100.80      in another terminal
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    from trippy_nb.cli.sim import serve_scenario

    with logging_to_stderr(verbose, log_filter):
        serve_scenario(scenario, device)


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
@_report_option
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
for _command in (discover, pmtu):
    main.add_command(trace_options(_command, without=NOT_FOR_DISCOVERY, defaults=_ASKED))
main.add_command(explain)
main.add_command(compare)
main.add_command(demo)
main.add_command(sim_group)
main.add_command(doctor)
