"""What the browser may ask of the player: a message that is understood is a method and its arguments.

Nothing in a message is trusted. What no view of ours sends is a LookupError, TypeError or ValueError; what
somebody typed, and cannot be, is an error for people to read.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from trippy_nb.errors import ConfigError, ScenarioError
from trippy_nb.sim import Part, catalogue
from trippy_nb.widgets.knobs import HOW, PROTOCOLS, read_typed

Call = tuple[str, dict[str, Any]]
"""Name of a method, and its keywords."""

MOST_ROUNDS: Final = 1000
_LATEST_S: Final = 1e9  # thirty years


def understood(content: Any, parts: Mapping[str, Part]) -> Call:  # noqa: ANN401 - whatever came
    """Understand a message.

    Parameters
    ----------
    content
        What the browser sent.
    parts
        What can be selected, by the name that the browser knows.

    Raises
    ------
    LookupError, TypeError, ValueError
        If no view of ours sends such a thing.
    TrippyError
        If what somebody typed cannot be.
    """
    match content["type"]:
        case "ask":
            return _asked(_text(content["key"]), _text(content["text"]))
        case "change":
            key = _text(content["key"])
            if key == "part":
                raise ValueError(key)
            return "change", {"part": parts[content["part"]], key: read_typed(key, _text(content["text"]))}
        case "break":
            near, far = _link(parts[content["part"]])
            times = {name: read_seconds(_text(content[name])) for name in ("at", "until", "reroute")}
            return "break_link", {"near": near, "far": far, **times, "at": times["at"] or 0.0}
        case "write":
            return "write", {"text": _text(content["text"])}
        case "undo" | "trace" as plain:
            return str(plain), {}
        case other:
            raise ValueError(other)


def _asked(key: str, text: str) -> Call:
    """Understand what somebody chose or typed in the form."""
    match key:
        case "name":
            if text not in catalogue():  # a path is for Python to open, not for a page
                raise ScenarioError(f"no scenario {text!r}")
            return "pick", {"name": text}
        case "at":
            return "look_at", {"at": read_seconds(text) or 0.0}
        case "rounds":
            if not text.strip().isdecimal():
                raise ConfigError(f"rounds is a whole number from 1 to {MOST_ROUNDS:,}, not {text!r}")
            return "ask", {"rounds": int(text[:9])}
        case "target" | "protocol" | "how":
            return "ask", {key: text}
        case _:
            raise ValueError(key)


def check_form(form: Mapping[str, Any]) -> None:
    """Refuse what cannot be traced; a target is looked up by the network.

    Raises
    ------
    ConfigError
        If it says so.
    """
    if form["how"] not in HOW or form["protocol"] not in PROTOCOLS:
        raise ConfigError(f"how is one of {', '.join(HOW)}, and protocol one of {', '.join(PROTOCOLS)}")
    if type(form["rounds"]) is not int or not 1 <= form["rounds"] <= MOST_ROUNDS:
        raise ConfigError(f"rounds is a whole number from 1 to {MOST_ROUNDS:,}, not {form['rounds']!r}")


def check_seconds(seconds: object) -> float:
    """Refuse what is no moment of virtual time.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if not isinstance(seconds, int | float) or not (isfinite(seconds) and 0 <= seconds < _LATEST_S):
        raise ConfigError(f"a time is seconds from 0, not {seconds!r}")
    return float(seconds)


def read_seconds(text: str) -> float | None:
    """Read a time that somebody typed; nothing is None.

    Raises
    ------
    ConfigError
        If it is no time.
    """
    text = text.strip()
    if not text:
        return None
    try:
        return check_seconds(float(text))
    except ValueError:
        raise ConfigError(f"a time is a number of seconds from 0, not {text!r}") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _link(part: Part) -> tuple[str, str]:
    if not isinstance(part, tuple):
        raise TypeError(part)
    return part
