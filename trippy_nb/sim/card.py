"""The card of a network in a notebook: what it is about, and what a perfect trace would find now.

It is below the rooms that make cards, and so spells its own; of HTML it uses what the sanitiser of an
untrusted notebook keeps.
"""

from html import escape

from trippy_nb.errors import ConfigError
from trippy_nb.sim.scenario import Scenario
from trippy_nb.sim.truth import TrueHop, Truth

_CELL = "padding:2px 10px 2px 0;text-align:left;white-space:nowrap;background:none;border:none"
_RULED = f"{_CELL};border-bottom:1px solid rgba(128,128,128,.3)"
_MOST_TTLS = 40  # of a loop
_HEADS = ("TTL", "Router", "Address", "Answers", "Round trip (ms)")


def network_html(scenario: Scenario, truth: Truth, at_s: float) -> str:
    """Spell a network as a fragment of HTML: the ways to its first target at a moment."""
    target = scenario.targets[0]
    where = ", ".join(
        f"{one.name} ({', '.join((*one.v4, *one.v6))})" for one in scenario.targets if one.v4 or one.v6
    )
    facts = (("To trace", where), ("Virtual time", f"{at_s:g} s"), ("Routers", str(len(scenario.routers))))
    rows = _rows(truth, (*target.v4, *target.v6)[0], at_s)
    return (
        '<div style="font-variant-numeric:tabular-nums;line-height:1.45;overflow-x:auto">'
        f'<div style="font-size:1.15em;font-weight:600">Built-in internet {escape(scenario.name)}</div>'
        f'<div style="margin:2px 0 6px">{escape(scenario.description)}</div>'
        f"{_table(facts)}{_table(rows, heads=_HEADS) if rows else ''}</div>"
    )


def _rows(truth: Truth, addr: str, at_s: float) -> list[tuple[str, ...]]:
    """List who is met at each TTL; nothing where there are more ways than can be listed, or none."""
    try:
        paths = truth.paths_to(addr, at_s=at_s)
    except (ConfigError, KeyError):
        return []
    rows: list[tuple[str, ...]] = []
    for level in range(min(_MOST_TTLS, max((len(path.hops) for path in paths), default=0))):
        hops = list(dict.fromkeys(path.hops[level] for path in paths if level < len(path.hops)))
        rows += [
            (
                str(hop.ttl),
                hop.node,
                (hop.addr or "none") if hop.answers else "*",
                _answers(hop),
                f"{hop.rtt_ms:.2f}" if hop.answers else "",
            )
            for hop in {one.node: one for one in hops}.values()
        ]
    return rows


def _answers(hop: TrueHop) -> str:
    if not hop.answers:
        return "no"
    return "yes" if hop.delivery == 1 else f"{100 * hop.delivery:.1f} %"


def _table(rows: list[tuple[str, ...]] | tuple[tuple[str, str], ...], heads: tuple[str, ...] = ()) -> str:
    style = _RULED if heads else _CELL
    head = "".join(f'<th scope="col" style="{style};opacity:.7">{name}</th>' for name in heads)
    body = "".join(
        f'<tr style="background:none"><th scope="row" style="{style};font-weight:normal">{escape(first)}</th>'
        + "".join(f'<td style="{style}">{escape(cell)}</td>' for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        '<table style="border-collapse:collapse;border:none;margin:0 0 8px">'
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + f"<tbody>{body}</tbody></table>"
    )
