"""The vocabulary of scenario files: every table, its keys, and how each value is read.

A reader turns a TOML value into ours, or raises ValueError with the reason; `sim.reading` knows the place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from trippy_nb.model import NS_PER_S, normalise_address, parse_duration, seconds_to_ns
from trippy_nb.sim.delays import Bimodal, Constant, Delay, Diurnal, Gamma, Queue, Uniform
from trippy_nb.sim.nodes import (
    AnswersFrom,
    Balance,
    BucketLimit,
    EchoBehaviour,
    Filter,
    HashField,
    LinuxLimit,
    Reorder,
    TcpBehaviour,
    UdpBehaviour,
    WindowLimit,
)
from trippy_nb.sim.routes import Alternative, NextHop, Via
from trippy_nb.sim.specs import Nat, NatQuote, Pop, Rewrite, TunnelKind

Reader = Callable[[Any], Any]

_MAX_TTL = 255
_MOST_COPIES = 5
_SMALLEST_QUOTE = 28
_LARGEST_QUOTE = 65_535
_MOST_ROOM = 100  # the largest shape of `delays.gamma_quantile`
_NAT64_LENGTH = 96
_LABEL = (16, (1 << 20) - 1)  # 0 to 15 are reserved: RFC 3032 section 2.1


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table."""

    read: Reader
    """Turns the TOML value into ours; raises ValueError."""
    field: str = ""
    """Field of the dataclass, where it is not spelled as the key."""
    required: bool = False


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value.strip()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004 - one exception for all readers
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _between(low: float, high: float, what: str) -> Reader:
    def read(value: object) -> float:
        number = _number(value)
        if not low <= number <= high:
            raise ValueError(f"{value!r} is not {what}: from {low:g} to {high:g}")
        return number

    return read


_ratio = _between(0, 1, "a share")
_shape = _between(0.1, 100, "a shape")  # where `delays.gamma_quantile` was held against scipy
_rate = _between(0.001, 1e9, "a rate in answers a second")
_weight = _between(0.001, 1000, "a weight")
_load = _between(0, 10, "a load")


def _whole(low: int, high: int) -> Reader:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{value!r} is not a whole number from {low} to {high}")
        return value

    return read


def _choice(*words: str) -> Reader:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}")
        return str(value)

    return read


def _many(read_one: Reader) -> Reader:
    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is not a list")  # noqa: TRY004 - one exception for all readers
        return tuple(read_one(item) for item in value)

    return read


def _one_or_many(read_one: Reader) -> Reader:
    return lambda value: _many(read_one)(value if isinstance(value, list) else [value])


def _some(read_one: Reader, least: int, what: str) -> Reader:
    def read(value: object) -> tuple[Any, ...]:
        items: tuple[Any, ...] = _many(read_one)(value)
        if len(items) < least or len(set(items)) < len(items):
            raise ValueError(f"{value!r} is not {what}")
        return items

    return read


def _address(af: int) -> Reader:
    def read(value: object) -> str:
        try:
            addr = normalise_address(_text(value))
        except ValueError:
            raise ValueError(f"{value!r} is not an IP address") from None
        if (":" in addr) != (af == 6):  # noqa: PLR2004 - IP version
            raise ValueError(f"{value!r} is not an IPv{af} address")
        return addr

    return read


def _prefix(value: object) -> str:
    addr, slash, length = _text(value).partition("/")
    if not slash or length != str(_NAT64_LENGTH):
        raise ValueError(f"{value!r} is not a prefix of 96 bits, such as '64:ff9b::/96'")
    return f"{_address(6)(addr)}/{_NAT64_LENGTH}"


def _duration(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration: write a number and a unit in quotes, such as '10ms'")  # noqa: TRY004 - a file, not a call
    return seconds_to_ns(parse_duration(value))


def _stretch(value: object) -> int:
    duration_ns = _duration(value)
    if not duration_ns:
        raise ValueError(f"{value!r} is no time at all")
    return duration_ns


def _step(value: object) -> int:
    text = _text(value)
    return -_duration(text[1:]) if text.startswith("-") else _duration(text.removeprefix("+"))


def _epoch(value: object) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{value} is not a moment with a time zone, such as 2000-01-01T00:00:00Z")
    since = value - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def _family(value: object) -> int:
    return {"v4": 4, "v6": 6}[str(_choice("v4", "v6")(value))]


def _ends(value: object) -> tuple[str, ...]:
    ends: tuple[str, ...] = _many(_text)(value)
    if len(ends) != 2:  # noqa: PLR2004 - a link has two
        raise ValueError(f"{value!r} is not two nodes, near and far")
    return ends


def _quote(value: object) -> str | int:
    if isinstance(value, str):
        return str(_choice("full", "short")(value))
    return int(_whole(_SMALLEST_QUOTE, _LARGEST_QUOTE)(value))


def _port_range(value: object) -> tuple[int, int]:
    ports: tuple[int, ...] = _many(_whole(1, 65535))(value)
    if len(ports) != 2 or ports[0] > ports[1]:  # noqa: PLR2004 - first and last
        raise ValueError(f"{value!r} is not a first and a last port")
    return ports[0], ports[1]


def _ip_id(value: object) -> int | str:
    return "random" if value == "random" else int(_whole(0, 0xFFFF)(value))


def read_fields(value: object, keys: Mapping[str, Key], what: str) -> dict[str, Any]:
    """Read an inline table: every key is known, and those that must be there are.

    Raises
    ------
    ValueError
        If it is no table, or something in it is wrong.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a table in braces")  # noqa: TRY004 - one exception for all readers
    for name in value:
        if name not in keys:
            raise ValueError(f"unknown key {name!r} in {what}, which has {', '.join(keys)}")
    fields: dict[str, Any] = {}
    for name, key in keys.items():
        if name in value:
            fields[key.field or name] = key.read(value[name])
        elif key.required:
            raise ValueError(f"{what} needs {name!r}")
    return fields


def _table(make: Callable[..., Any], what: str, keys: Mapping[str, Key]) -> Reader:
    return lambda value: make(**read_fields(value, keys, what))


def _kinds(kinds: Mapping[str, tuple[Callable[..., Any], Mapping[str, Key]]], what: str) -> Reader:
    def read(value: object) -> Any:  # noqa: ANN401 - what the kind makes
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(value, dict) or kind not in kinds:
            raise ValueError(f"a {what} in braces has a kind: one of {', '.join(kinds)}, not {kind!r}")
        make, keys = kinds[str(kind)]
        rest = {name: item for name, item in value.items() if name != "kind"}
        return make(**read_fields(rest, keys, f"a {kind} {what}"))

    return read


def _uniform(min_ns: int, max_ns: int) -> Uniform:
    if min_ns > max_ns:
        raise ValueError(f"min {min_ns / 1e6:g}ms is longer than max {max_ns / 1e6:g}ms")
    return Uniform(min_ns, max_ns)


_BASE = Key(_duration, "base_ns", required=True)
DELAY_KINDS: dict[str, tuple[Callable[..., Delay], dict[str, Key]]] = {
    "constant": (Constant, {"base": _BASE}),
    "uniform": (
        _uniform,
        {"min": Key(_duration, "min_ns", required=True), "max": Key(_duration, "max_ns", required=True)},
    ),
    "gamma": (
        Gamma,
        {
            "base": _BASE,
            "shape": Key(_shape, required=True),
            "scale": Key(_duration, "scale_ns", required=True),
        },
    ),
    "bimodal": (
        Bimodal,
        {
            "base": _BASE,
            "spike": Key(_duration, "spike_ns", required=True),
            "chance": Key(_ratio, required=True),
        },
    ),
    "diurnal": (
        Diurnal,
        {
            "base": _BASE,
            "peak": Key(_duration, "peak_ns", required=True),
            "period": Key(_stretch, "period_ns"),
            "peak_at": Key(_duration, "peak_at_ns"),
        },
    ),
    "queue": (
        Queue,
        {
            "base": _BASE,
            "service": Key(_stretch, "service_ns", required=True),
            "load": Key(_load, required=True),
            "room": Key(_whole(1, _MOST_ROOM), required=True),
        },
    ),
}
"""Kinds of delay, and their keys."""

_delay_kind = _kinds(DELAY_KINDS, "delay")


def read_delay(value: object) -> Delay:
    """Read a delay: a duration, or a table with a kind.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if not isinstance(value, dict):
        return Constant(_duration(value))
    delay: Delay = _delay_kind(value)
    return delay


LIMIT_KINDS: dict[str, tuple[Callable[..., Any], dict[str, Key]]] = {
    "bucket": (
        BucketLimit,
        {
            "rate": Key(_rate, required=True),
            "burst": Key(_whole(1, 1_000_000), required=True),
            "scope": Key(_choice("source", "global")),
        },
    ),
    "linux": (
        LinuxLimit,
        {
            "interval": Key(_duration, "interval_ns"),
            "peer_burst": Key(_whole(1, 1000)),
            "msgs_per_sec": Key(_whole(1, 1_000_000)),
            "msgs_burst": Key(_whole(1, 1_000_000)),
        },
    ),
    "window": (
        WindowLimit,
        {"count": Key(_whole(1, 1_000_000), required=True), "every": Key(_stretch, "every_ns")},
    ),
}
"""Kinds of rate limiter, and their keys."""

BOXES: dict[str, tuple[Callable[..., Any], dict[str, Key]]] = {
    "reorder": (
        Reorder,
        {"chance": Key(_ratio, required=True), "by": Key(_duration, "by_ns", required=True)},
    ),
    "nat": (
        Nat,
        {
            "v4": Key(_address(4), required=True),
            "ports": Key(_port_range),
            "quote": Key(_choice(*get_args(NatQuote))),
            "ids": Key(_flag),
        },
    ),
    "rewrite": (
        Rewrite,
        {
            "tos": Key(_whole(0, 255)),
            "dscp": Key(_whole(0, 63)),
            "ecn": Key(_whole(0, 3)),
            "ip_id": Key(_ip_id),
            "df": Key(_flag),
            "mss": Key(_whole(1, 65535)),
            "flow_label": Key(_whole(0, 0xFFFFF)),
        },
    ),
}
"""Inline tables that have no kinds, and their keys."""

_reorder, _nat, _rewrite = (_table(make, name, keys) for name, (make, keys) in BOXES.items())


def _via(value: object) -> Via:
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a list")  # noqa: TRY004 - one exception for all readers
    return tuple(_text(item) if isinstance(item, str) else _alternatives(item) for item in value)


def _alternatives(value: object) -> tuple[Alternative, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is neither a router nor a list of alternatives")
    return tuple(_alternative(item) for item in value)


def _alternative(value: object) -> Alternative:
    if isinstance(value, str):
        return Alternative((_text(value),))
    if isinstance(value, list):
        return Alternative(_via(value))
    keys = {"via": Key(_via, required=True), "weight": Key(_weight)}
    return Alternative(**read_fields(value, keys, "an alternative"))


def _next_hop(value: object) -> NextHop:
    if isinstance(value, str):
        return NextHop(_text(value))
    keys = {"to": Key(_text, required=True), "weight": Key(_weight)}
    return NextHop(**read_fields(value, keys, "a next hop"))


def _next(value: object) -> tuple[tuple[str, tuple[NextHop, ...]], ...]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a table of next hops")  # noqa: TRY004 - one exception for all readers
    tables = []
    for node, hops in value.items():
        read: tuple[NextHop, ...] = _one_or_many(_next_hop)(hops)
        if not read or len({hop.to for hop in read}) < len(read):
            raise ValueError(f"{node!r} has no next hop, or one of them twice")
        tables.append((node, read))
    return tuple(tables)


LINK_KEYS = {
    "delay": Key(read_delay),
    "delay_back": Key(read_delay),
    "loss": Key(_ratio),
    "loss_back": Key(_ratio),
    "duplicate": Key(_ratio),
    "duplicate_back": Key(_ratio),
    "reorder": Key(_reorder),
    "reorder_back": Key(_reorder),
    "mtu": Key(_whole(68, 65535)),  # RFC 791 section 3.2: every machine forwards 68 bytes
}
"""Keys of a link, wherever it is described."""

_PORTS = _many(_whole(1, 65535))
_ANSWER = {
    "answer_delay": Key(read_delay),
    "answer_ratio": Key(_ratio),
    "copies": Key(_whole(1, _MOST_COPIES)),
    "quote": Key(_quote),
    "reply_ttl": Key(_whole(1, _MAX_TTL)),
}
_PROTOCOLS = _many(_choice("icmp", "udp", "tcp"))
_FROM = {"at": Key(_duration, "at_ns"), "until": Key(_duration, "until_ns"), "family": Key(_family)}

TABLES: dict[str, dict[str, Key]] = {
    "scenario": {
        "name": Key(_text, required=True),
        "description": Key(_text),
        "cases": Key(_many(_whole(1, 46))),
        "seed": Key(_whole(0, 2**63 - 1)),
        "epoch": Key(_epoch, "epoch_ns"),
    },
    "source": {"name": Key(_text), "v4": Key(_address(4)), "v6": Key(_address(6))},
    "target": {
        "name": Key(_text, required=True),
        "v4": Key(_one_or_many(_address(4))),
        "v6": Key(_one_or_many(_address(6))),
        "icmp": Key(_choice(*get_args(EchoBehaviour))),
        "udp": Key(_choice(*get_args(UdpBehaviour))),
        "udp_open": Key(_PORTS),
        "tcp": Key(_choice(*get_args(TcpBehaviour))),
        "tcp_open": Key(_PORTS),
        "answers_from_v4": Key(_address(4)),
        "answers_from_v6": Key(_address(6)),
        "anycast": Key(_flag),
        **_ANSWER,
        **LINK_KEYS,
    },
    "router": {
        "id": Key(_text, required=True),
        "name": Key(_text),
        "v4": Key(_address(4)),
        "v6": Key(_address(6)),
        "silent": Key(_flag),
        **_ANSWER,
        "limit": Key(_kinds(LIMIT_KINDS, "limit")),
        "answers_from": Key(_choice(*get_args(AnswersFrom))),
        "interfaces": Key(_flag),
        "extension_length": Key(_flag),
        "filter": Key(_choice(*get_args(Filter))),
        "filter_protocols": Key(_PROTOCOLS),
        "balance": Key(_choice(*get_args(Balance))),
        "hash": Key(_some(_choice(*get_args(HashField)), 1, "a list of different header fields")),
        "zero_ttl": Key(_flag),
        "nat": Key(_nat),
        "nat64": Key(_prefix),
        "rewrite": Key(_rewrite),
        "mtu_silent": Key(_flag),
        "mtu_old": Key(_flag),
        **LINK_KEYS,
    },
    "link": {
        "ends": Key(_ends, required=True),
        "v4": Key(_address(4)),
        "v6": Key(_address(6)),
        "near_v4": Key(_address(4)),
        "near_v6": Key(_address(6)),
        "interface": Key(_text),
        "ifindex": Key(_whole(1, 2**31 - 1)),
        **LINK_KEYS,
    },
    "route": {
        "via": Key(_via),
        "next": Key(_next),
        **_FROM,
        "every": Key(_stretch, "every_ns"),
        "lasts": Key(_stretch, "lasts_ns"),
        "to": Key(_text),
    },
    "return": {
        "via": Key(_many(_text), required=True),
        "of": Key(_some(_text, 1, "a list of nodes")),
        **_FROM,
    },
    "tunnel": {
        "through": Key(_some(_text, 2, "a way of two routers or more, each once"), required=True),
        "kind": Key(_choice(*get_args(TunnelKind))),
        "pop": Key(_choice(*get_args(Pop))),
        "labels": Key(_many(_whole(*_LABEL))),
        "inner_label": Key(_whole(*_LABEL)),
        "exp": Key(_whole(0, 7)),
        "icmp": Key(_choice("direct", "tunnelled")),
        "back": Key(_flag),
    },
    "congestion": {
        "ends": Key(_ends, required=True),
        "at": Key(_duration, "at_ns", required=True),
        "until": Key(_duration, "until_ns", required=True),
        "delay": Key(read_delay),
        "delay_back": Key(read_delay),
        "loss": Key(_ratio),
        "loss_back": Key(_ratio),
    },
    "clock": {"at": Key(_duration, "at_ns", required=True), "step": Key(_step, "step_ns", required=True)},
}
"""Every key of the format. docs/scenarios.md and the dataclasses are held against it by tests."""
