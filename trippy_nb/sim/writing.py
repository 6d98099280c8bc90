"""`Scenario` to TOML, the inverse of `sim.reading`: a network made by a program can be kept as a file."""

import json
from collections.abc import Iterable
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any, Final

from trippy_nb.model import NS_PER_MS, NS_PER_S
from trippy_nb.sim.delays import Bimodal, Constant, Diurnal, Gamma, Queue, Uniform
from trippy_nb.sim.keys import TABLES
from trippy_nb.sim.nodes import BucketLimit, LinkSpec, LinuxLimit, WindowLimit
from trippy_nb.sim.routes import Alternative, NextHop
from trippy_nb.sim.scenario import Scenario

_KINDS: Final[dict[type, str]] = {
    Constant: "constant", Uniform: "uniform", Gamma: "gamma", Bimodal: "bimodal", Diurnal: "diurnal",
    Queue: "queue", BucketLimit: "bucket", LinuxLimit: "linux", WindowLimit: "window",
}  # fmt: skip
_ROWS: Final = {
    "target": "targets",
    "router": "routers",
    "link": "links",
    "route": "routes",
    "return": "returns",
    "tunnel": "tunnels",
    "congestion": "congestions",
    "clock": "clock_steps",
}


def scenario_toml(scenario: Scenario) -> str:
    """Write a scenario as the text of a file; what is as by default is left out.

    `parse_scenario` of it gives the same scenario.
    """
    parts = [_section("[scenario]", "scenario", scenario), _section("[source]", "source", scenario.source)]
    for table, field in _ROWS.items():
        parts += [_section(f"[[{table}]]", table, row) for row in getattr(scenario, field)]
    return "\n\n".join(parts) + "\n"


def _section(heading: str, table: str, row: object) -> str:
    lines = [heading]
    for name, key in TABLES[table].items():
        field = key.field or name
        holder = row if hasattr(row, field) else getattr(row, "link")  # noqa: B009 - of a node, or a link
        value = getattr(holder, field)
        if key.required or value != _default(holder, field):
            lines.append(f"{name} = {_spelled(name, value)}")
    return "\n".join(lines)


def spell_value(table: str, key: str, row: object) -> str:
    """Spell what a row says of a key as a file would, without the quotes of a word; empty by default."""
    field = TABLES[table][key].field or key
    holder = row if hasattr(row, field) else getattr(row, "link")  # noqa: B009 - of a node, or a link
    value = getattr(holder, field)
    return "" if value == _default(holder, field) else _spelled(key, value).strip('"')


def _default(holder: object, name: str) -> object:
    for field in fields(holder):  # type: ignore[arg-type]  # a row is a dataclass
        if field.name == name:
            return field.default if field.default_factory is MISSING else field.default_factory()
    raise AttributeError(name)


def _spelled(name: str, value: Any) -> str:  # noqa: ANN401 - the value of any key
    if isinstance(value, bool):
        return "true" if value else "false"
    match name:
        case "epoch":
            return _moment(value)
        case "family":
            return f'"v{value}"'
        case "at" | "until" | "every" | "lasts" | "step":
            return f'"{_duration(value)}"'
        case "via":
            return _list(_way(item) for item in value)
        case "next":
            return _braces((json.dumps(node), _list(map(_hop, hops))) for node, hops in value)
        case _:
            return _value(value)


def _value(value: Any) -> str:  # noqa: ANN401 - the value of any key
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple):
        return _list(map(_value, value))
    if isinstance(value, Constant):
        return f'"{_duration(value.base_ns)}"'
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, LinkSpec):
        return _inline(value)
    return repr(value)


def _inline(value: Any) -> str:  # noqa: ANN401 - a delay, a limiter or a box
    pairs = [("kind", json.dumps(_KINDS[type(value)]))] if type(value) in _KINDS else []
    for field in fields(value):
        item = getattr(value, field.name)
        if item == field.default:
            continue
        if field.name.endswith("_ns"):
            pairs.append((field.name.removesuffix("_ns"), f'"{_duration(item)}"'))
        else:
            pairs.append((field.name, "true" if item is True else "false" if item is False else _value(item)))
    return _braces(pairs)


def _way(item: str | tuple[Alternative, ...]) -> str:
    return json.dumps(item) if isinstance(item, str) else _list(map(_alternative, item))


def _alternative(alternative: Alternative) -> str:
    way = _list(_way(item) for item in alternative.via)
    return way if alternative.weight == 1 else _braces([("via", way), ("weight", repr(alternative.weight))])


def _hop(hop: NextHop) -> str:
    name = json.dumps(hop.to)
    return name if hop.weight == 1 else _braces([("to", name), ("weight", repr(hop.weight))])


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _braces(pairs: Iterable[tuple[str, str]]) -> str:
    return f"{{ {', '.join(f'{name} = {text}' for name, text in pairs)} }}"


def _duration(ns: int) -> str:
    if ns < 0:
        return f"-{_duration(-ns)}"
    for unit, size in (("s", NS_PER_S), ("ms", NS_PER_MS), ("us", 1000)):
        if ns % size == 0:
            return f"{ns // size}{unit}"
    return f"{ns}ns"


def _moment(ns: int) -> str:
    whole = datetime.fromtimestamp(ns // NS_PER_S, UTC)
    return whole.replace(microsecond=ns % NS_PER_S // 1000).isoformat()
