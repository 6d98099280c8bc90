"""What the player lets people turn: keys of a scenario file, by the kind of part that has them."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from trippy_nb.errors import ScenarioError
from trippy_nb.sim import spell_value

_MOST = 2000  # characters of a value


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing to turn: what it is called in a file, what it does, and what it may be, or for example."""

    key: str
    help: str
    usual: str = ""
    """What holds if nothing is said."""
    choices: tuple[str | tuple[str, str], ...] = ()
    """All that it may be (or that, and in words), but for what holds anyway; empty where one types."""
    examples: tuple[str, ...] = ()
    label: str = ""
    """What stands before it, if not its key."""

    def spelled(self) -> dict[str, object]:
        """Spell it for the browser."""
        return asdict(self) | {"label": self.label or self.key}


_YES: Final = ("true",)
_DELAYS = ("20ms", '{ kind = "bimodal", base = "2ms", spike = "35ms", chance = 0.2 }')
_LIMITS: Final = (
    '{ kind = "bucket", rate = 1, burst = 3 }',
    '{ kind = "linux" }',
    '{ kind = "window", count = 5, every = "10s" }',
)
_FILTERS: Final = ("prohibited", "host-unreachable", "no-route", "drop")
_LABEL: Final = '["addresses", "ports", "flow_label"]'
_FLOW: Final = '["addresses", "protocol", "ports"]'
_ANSWERS: Final = (
    Knob("answer_ratio", "Share of probes that it bothers to answer, 0 to 1", "1", examples=("0.5",)),
    Knob("answer_delay", "Time it takes to write an answer", "0ms", examples=_DELAYS),
    Knob("reply_ttl", "TTL that its answers leave with", "255 or 64", examples=("128",)),
    Knob("quote", "How much of a probe its errors return", "full", ("short",)),
)

KNOBS: Final[dict[str, tuple[Knob, ...]]] = {
    "router": (
        Knob("silent", "Forwards, and never answers", "false", _YES),
        Knob("limit", "How many answers it writes at most", "none", examples=_LIMITS),
        *_ANSWERS,
        Knob("balance", "What it deals over several next hops", "flow", ("packet", "destination")),
        Knob("hash", "Header fields that make a flow", _FLOW, examples=('["addresses"]', _LABEL)),
        Knob("filter", "Whether it refuses what passes, and how", "none", _FILTERS),
        Knob("answers_from", "Address of its answers", "incoming", ("own", "outgoing")),
        Knob("zero_ttl", "Forwards packets whose TTL is 0", "false", _YES),
        Knob("nat", "Translates the source of what passes", "none", examples=('{ v4 = "203.0.113.200" }',)),
        Knob("rewrite", "Changes headers of what passes", "none", examples=("{ dscp = 0 }",)),
        Knob("mtu_silent", "Drops what is too large without a word", "false", _YES),
    ),
    "target": (
        Knob("icmp", "Echo requests", "answers", ("silent",)),
        Knob("udp", "UDP ports", "closed", ("open", "filtered", "answers")),
        Knob("tcp", "TCP ports", "closed", ("open", "filtered", "both")),
        *_ANSWERS,
    ),
    "link": (
        Knob("delay", "One way; a duration, or a distribution", "0ms", examples=_DELAYS),
        Knob("delay_back", "On the way back, where it differs", "as out", examples=_DELAYS),
        Knob("loss", "Share of packets lost on the way out, 0 to 1", "0", examples=("0.1",)),
        Knob("loss_back", "Share of answers lost on the way back, 0 to 1", "0", examples=("0.1",)),
        Knob("duplicate", "Share of packets that arrive twice, 0 to 1", "0", examples=("0.2",)),
        Knob("reorder", "Some packets come later", "none", examples=('{ chance = 0.3, by = "40ms" }',)),
        Knob("mtu", "Largest packet, bytes", "any", examples=("1280",)),
    ),
    "tunnel": (
        Knob(
            "kind",
            "Whether it shows its routers and labels (explicit), routers (implicit), the label of the last "
            "(opaque) or nothing (invisible)",
            "explicit",
            ("implicit", "opaque", "invisible"),
        ),
        Knob("pop", "Who takes the label off: the last but one, or the last", "php", ("uhp",)),
        Knob("icmp", "Errors from inside go on to its end first", "direct", ("tunnelled",)),
        Knob("back", "Answers go back through a like tunnel", "false", _YES),
    ),
    "scenario": (Knob("seed", "Of all chance: the same network, other luck", "0", examples=("1", "2", "3")),),
}
"""Keys of a scenario file by kind of part, the most asked for first."""
HOW: Final = ("classic", "paris", "discover")
PROTOCOLS: Final = ("icmp", "udp", "tcp")
GAP: Final = (
    Knob("at", "When the link goes down", "0", label="Down at (s)"),
    Knob("until", "When it is mended", "never", label="Mended at (s)"),
    Knob("reroute", "How long routing takes to find a way round", "never", label="Way round after (s)"),
)
"""How a link is broken."""


def asked_knobs(scenarios: Mapping[str, str]) -> tuple[Knob, ...]:
    """Make the fields of the form: scenarios are names and descriptions."""
    described = tuple((name, f"{name}: {about}") for name, about in scenarios.items())
    how = "classic: each probe is a flow of its own; paris: each round is one; discover: every path"
    return (
        Knob("name", "A network to begin with", "", described, label="Scenario"),
        Knob("target", "Whom to trace", "", label="Target"),
        Knob("protocol", "What is sent", "", PROTOCOLS, label="Protocol"),
        Knob("how", how, "", HOW, label="How"),
        Knob("rounds", "From 1 to 1,000; a discovery decides by itself", "10", label="Rounds"),
        Knob("at", "Virtual time that is drawn, and that a trace begins at", "0", label="At (s)"),
    )


def turned(kind: str, row: object) -> dict[str, str]:
    """Spell the keys of a row that are not as by default."""
    spelled = {knob.key: spell_value(kind, knob.key, row) for knob in KNOBS[kind]}
    return {key: text for key, text in spelled.items() if text}


def read_typed(key: str, text: str) -> object:
    """Read a value that somebody typed: as TOML, else as a word; nothing is None.

    Raises
    ------
    ScenarioError
        If it is longer than any value is.
    """
    text = text.strip()
    if len(text) > _MOST:
        raise ScenarioError(f"{key}: {len(text):,} characters are too many for a value")
    if not text:
        return None
    try:
        found = tomllib.loads(f"typed = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["typed"] if found.keys() == {"typed"} else text
