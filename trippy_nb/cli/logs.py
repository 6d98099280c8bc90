"""Logging of the command: to standard error, so that reports stay clean."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import click

from trippy_nb.errors import ConfigError

_Command = Callable[..., Any]

_ROOT: Final = "trippy_nb"
_PACKETS: Final = "trippy_nb.packets"
_FORMAT: Final = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"
_BY_COUNT: Final[tuple[dict[str, str], ...]] = (
    {},
    {_ROOT: "info"},
    {_ROOT: "debug"},
    {_ROOT: "debug", _PACKETS: "debug"},
)
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def log_options(command: _Command) -> _Command:
    """Add what is said about logging to a command; they arrive as `verbose` and `log_filter`."""
    verbose = click.option(
        "-v",
        "--verbose",
        count=True,
        help="Say on standard error what is chosen and refused (-v), opened, closed and counted (-vv), "
        "and dump every packet (-vvv).",
    )
    log_filter = click.option(
        "--log-filter",
        metavar="NAME=LEVEL,...",
        help="The same, logger by logger: trippy_nb.net=debug,trippy_nb.packets=debug.",
    )
    return verbose(log_filter(command))


def levels(verbose: int, log_filter: str | None) -> dict[str, int]:
    """Read what was asked: level by logger; the filter is the last word.

    Raises
    ------
    ConfigError
        If the filter is not understood.
    """
    wanted = dict(_BY_COUNT[min(verbose, len(_BY_COUNT) - 1)])
    for part in (log_filter or "").split(","):
        name, _, level = part.strip().partition("=")
        if not name:
            continue
        known = name == _ROOT or name.startswith(f"{_ROOT}.")
        if not known or level.lower() not in _LEVELS:
            names = ", ".join(_LEVELS)
            raise ConfigError(f"--log-filter is {_ROOT}...=LEVEL, one of {names}, not {part.strip()!r}")
        wanted[name] = level.lower()
    return {name: _LEVELS[level] for name, level in wanted.items()}


@contextlib.contextmanager
def logging_to_stderr(verbose: int, log_filter: str | None) -> Iterator[None]:
    """Log as asked while a command runs; everything is as before afterwards."""
    wanted = levels(verbose, log_filter)
    if not wanted:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT, datefmt="%H:%M:%S"))
    root = logging.getLogger(_ROOT)
    before = {name: logging.getLogger(name).level for name in wanted}
    root.addHandler(handler)
    for name, level in wanted.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
