"""What may stand in a line of magic: the command's own options, read by its own parser.

`%trace` takes what `trippy-nb trace` takes to say what is traced. Options that say where a report goes
belong to the command alone: each is refused with a line that says what to do here instead.
"""

import contextlib
import keyword
import shlex
from dataclasses import dataclass
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from trippy_nb import sim
from trippy_nb.cli import SHORTCUTS, TraceCommand, given_options, main
from trippy_nb.errors import ConfigError, TrippyError
from trippy_nb.lifetimes import session_records
from trippy_nb.model import BY_NAME

_TAKEN: Final = {"targets", "sim", *BY_NAME, *SHORTCUTS}
_INSTEAD: Final = {
    "report": "the run is shown as a card; run.explain(), run.hops and run.probes say more",
    "save": 'keep the run (--into run), then run.save("run.parquet")',
    "verbose": 'use logging: logging.getLogger("trippy_nb").setLevel("INFO")',
    "log_filter": 'use logging: logging.getLogger("trippy_nb.net").setLevel("DEBUG")',
}
"""What to do instead of an option of the command that is not taken; all others are (a test looks)."""
_AT_A_TERMINAL: Final = "it belongs to the command at a terminal"
_WIDTH: Final = 100
_RECENT: Final = 20
_SETTINGS: Final[dict[str, Any]] = {
    "help_option_names": ["-h", "--help"],
    "terminal_width": _WIDTH,
    "max_content_width": _WIDTH,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a line of `%trace` asks for."""

    targets: list[str]
    options: dict[str, Any]
    """Keywords of `trace`."""
    scenario: str | None
    into: str | None


def read_trace(line: str, cell: str | None = None) -> Asked | None:
    """Read a line of `%trace`, and the cell below `%%trace`: one target a line; None if help was asked for.

    Raises
    ------
    ConfigError
        If it is not understood, in one line.
    """
    below = [] if cell is None else _targets(cell)
    values = _parse(TRACE, line, targets=below)
    if values is None:
        return None
    return Asked(
        targets=list(values["targets"]),
        options=given_options(values),
        scenario=values["sim"],
        into=values["into"],
    )


def read_handles(line: str) -> bool | None:
    """Read a line of `%handles`: whether all are wanted; None if help was asked for.

    Raises
    ------
    ConfigError
        If it is not understood, in one line.
    """
    values = _parse(HANDLES, line)
    return None if values is None else bool(values["all"])


def help_of(command: click.Command) -> str:
    """Write the help page of a magic, as ``%trace?`` shows it."""
    with command.make_context(command.name, [], resilient_parsing=True) as context:
        return command.get_help(context)


def _parse(command: click.Command, line: str, *, targets: list[str] | None = None) -> dict[str, Any] | None:
    try:
        words = shlex.split(
            line.rstrip().removesuffix(";")
        )  # a semicolon keeps IPython from showing the card
        more = ["--", *targets] if targets else []
        with command.make_context(command.name, [*words, *more]) as context:
            return context.params
    except click.exceptions.Exit:
        return None
    except click.ClickException as error:
        said = " ".join(error.format_message().split())
        raise ConfigError(f"{said} ({command.name}? shows what there is)") from None
    except ValueError as error:
        if isinstance(error, TrippyError):
            raise
        raise ConfigError(f"{command.name}: {error}") from None


def _targets(cell: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in cell.splitlines())
    targets = [line for line in lines if line]
    for target in targets:
        if len(target.split()) > 1:
            raise ConfigError(f"one target a line, not {target!r}: options stand in the line of %%trace")
    if not targets:
        raise ConfigError("%%trace without a target: write one in each line of the cell")
    return targets


def _refuse(context: click.Context, option: click.Parameter, _value: object) -> None:
    if context.get_parameter_source(str(option.name)) is click.core.ParameterSource.COMMANDLINE:
        why = _INSTEAD.get(str(option.name), _AT_A_TERMINAL)
        raise click.UsageError(f"{max(option.opts, key=len)} is not for notebooks: {why}")


def _refused(option: click.Option) -> click.Option:
    """Make an option that is understood, so that it can be refused in words of its own."""
    return click.Option(
        [str(option.name), *option.opts, *option.secondary_opts],
        is_flag=option.is_flag,
        count=option.count,
        hidden=True,
        expose_value=False,
        callback=_refuse,
    )


def _is_name(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise click.BadParameter(f"{name!r} is not the name of a variable")
    return name


def _known_targets(context: click.Context, _argument: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete a target: the scenario's, then the latest of this session; options too if nothing is begun."""
    names: dict[str, None] = {}
    if context.params.get("sim"):
        with contextlib.suppress(TrippyError, OSError):
            names |= dict.fromkeys(one.name for one in sim.load(context.params["sim"]).scenario.targets)
    latest = (record.target for record in reversed(session_records()))
    names |= dict.fromkeys(name for name in latest if name)
    found = [CompletionItem(name, type="target") for name in names if name.startswith(begun)][:_RECENT]
    return found if begun else [*found, *context.command.shell_complete(context, "--")]


def _trace_command() -> click.Command:
    """Make the command of `%trace` from that of `trippy-nb trace`."""
    into = click.Option(
        ["--into"], metavar="NAME", callback=_is_name, help="Keep the run in this variable as well."
    )
    targets = click.Argument(
        ["targets"], nargs=-1, required=True, shell_complete=_known_targets, metavar="TARGET..."
    )
    kept, refused = [], []
    for parameter in main.commands["trace"].params:
        if parameter.name in _TAKEN:
            kept.append(targets if parameter.name == "targets" else parameter)
        elif isinstance(parameter, click.Option):
            refused.append(_refused(parameter))
    return TraceCommand(
        "%trace",
        params=[into, *kept, *refused],
        context_settings=_SETTINGS,
        help="""Trace one or more targets; the cell shows the run.

        \b
        %trace example.com -p udp -C 5 --into run    five rounds of UDP probes, kept as run
        run = %trace example.com                     the same as any value
        %trace {host} -i 100ms                       variables of the notebook stand in braces
        %trace target.example --sim first-steps      on the built-in internet
        \b
        %%trace -C 3 --into runs                     one target in each line of the cell: a set
        example.com                                  of runs; words after # are for people
        example.net
        """,
        epilog="Times are written with their unit: 10ms, 1s. The stop button ends the trace; what was "
        "collected is the run. Tab completes options, their values, and targets of this session.",
    )


TRACE: Final = _trace_command()
HANDLES: Final = click.Command(
    "%handles",
    params=[click.Option(["--all"], is_flag=True, help="Those that are closed too: tn.handles().")],
    context_settings=_SETTINGS,
    help="Show which sockets this kernel's traces hold open, and why.",
)
