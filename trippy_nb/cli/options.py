"""Command-line options made from the one table, and a help page that keeps its groups together."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import click

from trippy_nb.errors import ConfigError
from trippy_nb.model import OPTIONS, Option, format_duration, parse_duration

if TYPE_CHECKING:
    _Seconds = click.ParamType[float]
    _Numbers = click.ParamType[list[int]]
else:  # the oldest click we allow has no types to give
    _Seconds = _Numbers = click.ParamType


class Duration(_Seconds):
    """A duration with its unit: 10ms, 1s, 1m30s."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's signature
        """Read the text; a number has been read already."""
        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value))
        except ConfigError as error:
            self.fail(str(error), param, ctx)


class IntList(_Numbers):
    """Whole numbers with commas, and ranges: 1,2,5-9."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:  # noqa: ANN401 - click's signature
        """Read the text; a list has been read already."""
        if isinstance(value, list):
            return value
        numbers: list[int] = []
        for part in str(value).split(","):
            low, _, high = part.strip().partition("-")
            if not low.isdecimal() or (high and not high.isdecimal()):
                self.fail(f"{part.strip()!r} is neither a number nor a range such as 5-9", param, ctx)
            numbers += range(int(low), int(high or low) + 1)
        return numbers


class WholeNumber(click.types.IntParamType):
    """A whole number, also in hexadecimal, as marks are written: 0x10."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """Read the text."""
        if isinstance(value, str) and value.lower().startswith("0x"):
            try:
                return int(value, 16)
            except ValueError:
                self.fail(f"{value!r} is not a hexadecimal number", param, ctx)
        return super().convert(value, param, ctx)


_TYPES: dict[str, Any] = {
    "int": WholeNumber(),
    "duration": Duration(),
    "text": click.STRING,
    "ints": IntList(),
}


def _default_words(option: Option) -> str:
    if option.default is None:
        return option.auto
    if option.kind == "duration":
        return format_duration(float(str(option.default)))
    return str(option.default)


def _limit_words(option: Option) -> str:
    if option.low is None or option.high is None or option.kind == "ints":
        return ""
    if option.kind == "duration":
        return f"{format_duration(option.low)} to {format_duration(option.high)}; "
    return f"{option.low:g} to {option.high:g}; "


def _click_option(option: Option, default: str | None = None) -> click.Option:
    if option.kind == "bool":
        return click.Option([option.name, *option.flags], is_flag=True, default=None, help=option.help)
    kind = click.Choice(option.choices, case_sensitive=False) if option.choices else _TYPES[option.kind]
    metavar = {"int": "N", "duration": "TIME", "text": "TEXT", "ints": "N,N-N"}.get(option.kind)
    return click.Option(
        [option.name, *option.flags],
        type=kind,
        default=None,
        metavar=metavar,
        help=f"{option.help} [{_limit_words(option)}default: {default or _default_words(option)}]",
    )


_SHORTCUTS = (
    ("icmp", "--icmp", "protocol", "icmp", "Probes", "Same as -p icmp."),
    ("udp", "--udp", "protocol", "udp", "Probes", "Same as -p udp."),
    ("tcp", "--tcp", "protocol", "tcp", "Probes", "Same as -p tcp."),
    ("ipv4", "-4", "addr_family", "ipv4", "Target and addresses", "Same as -F ipv4."),
    ("ipv6", "-6", "addr_family", "ipv6", "Target and addresses", "Same as -F ipv6."),
)


SHORTCUTS: frozenset[str] = frozenset(name for name, *_ in _SHORTCUTS)
"""Names of the parameters that say what another one says, in a letter."""


class TraceCommand(click.Command):
    """A command whose help keeps options together that belong together, probes first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each group of options."""
        groups: dict[str, list[tuple[str, str]]] = {"Report": []}
        by_name = {option.name: option.group for option in OPTIONS}
        by_name |= {name: group for name, _, _, _, group, _ in _SHORTCUTS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                groups.setdefault(by_name.get(parameter.name or "", "Report"), []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)


def trace_options(
    command: click.Command, *, without: Collection[str] = (), defaults: Mapping[str, str] | None = None
) -> click.Command:
    """Add the options of the table to a command, but for some, and Trippy's shortcuts.

    `defaults` says what this command takes where it is not as the table says.
    """
    for option in OPTIONS:
        if option.flags and option.name not in without:
            command.params.append(_click_option(option, (defaults or {}).get(option.name)))
    for name, flag, _, _, _, text in _SHORTCUTS:
        command.params.append(click.Option([name, flag], is_flag=True, help=text))
    return command


def given_options(values: dict[str, Any]) -> dict[str, Any]:
    """Turn what was typed into keywords of `TraceConfig`: only what was given, shortcuts resolved.

    Raises
    ------
    ConfigError
        If two of them say different things about the same.
    """
    given = {option.name: values[option.name] for option in OPTIONS if values.get(option.name) is not None}
    said: dict[str, tuple[str, str]] = {}
    for name, flag, target, value, _, _ in _SHORTCUTS:
        if not values.get(name):
            continue
        before = said.get(target) or ((_flag_of(target), str(given[target])) if target in given else None)
        if before is not None and before[1] != value:
            raise ConfigError(f"{before[0]} and {flag} contradict each other: give one of them")
        said[target] = (flag, value)
        given[target] = value
    if given.get("rounds") == 0:
        given["rounds"] = None
    return given


def _flag_of(name: str) -> str:
    return next(option.flags[0] for option in OPTIONS if option.name == name)
