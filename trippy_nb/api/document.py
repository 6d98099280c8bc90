"""The options of the table, where people look for them: docstring and signature."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from trippy_nb.model import OPTIONS, Option

_AS_IN_THE_TABLE: Mapping[str, Any] = MappingProxyType({})


def _option_line(option: Option) -> str:
    limits = ""
    if option.choices:
        limits = f" One of {', '.join(option.choices)}."
    elif option.low is not None:
        limits = f" From {option.low:g} to {option.high:g}{' ' + option.unit if option.unit else ''}."
    default = option.auto if option.default is None else f"{option.default!r}"
    return f"{option.name}: {option.help}{limits} Default: {default}."


def document_options(
    function: Callable[..., Any],
    *,
    without: Collection[str] = (),
    defaults: Mapping[str, Any] = _AS_IN_THE_TABLE,
) -> None:
    """Give a verb the options of the table: in its docstring, and in the signature notebooks show.

    Parameters
    ----------
    function
        The verb; `{options}` stands in its docstring where they go.
    without
        Options that it does not have.
    defaults
        Those that differ for this verb.
    """
    mine = [
        replace(option, default=defaults.get(option.name, option.default))
        for option in OPTIONS
        if option.name not in without
    ]
    lines = "\n    ".join(map(_option_line, mine))
    text = inspect.cleandoc(function.__doc__ or "")  # Python 3.13 takes the indent away itself
    function.__doc__ = text.replace("{options}", lines)
    signature = inspect.signature(function)
    fixed = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default)
        for option in mine
    ]
    function.__signature__ = signature.replace(parameters=[*fixed, *options])  # type: ignore[attr-defined]  # inspect reads it
