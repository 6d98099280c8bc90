"""Where the bands and bars of flows are, in inches: columns as near to each other as labels let them be."""

from collections.abc import Iterable
from dataclasses import dataclass

from trippy_nb.analysis.flowbands import FlowBand, FlowBands, FlowLayout, FlowNode, FlowStep
from trippy_nb.plots.theme import counted

BAR_IN, BEND_IN, LEVEL_IN = 0.16, 0.62, 0.24
"""Width of a bar, what bands need to get from one to the next, and what they take if they go on level."""
LINE_IN, _LETTER_IN = 0.125, 0.066
"""Of DejaVu Sans at SMALL_PT, digits; measured."""
_TALL_IN, _MOST_IN, _ALONE_IN = 2.2, 9.0, 2.6
_GAP_IN = 0.24
_LEAST_IN = 4.2
_NAME_LETTERS = 26
_IN_A_ROW = 2


@dataclass(frozen=True, slots=True)
class FlowPlace:
    """Where things are, in inches; x by TTL, y down."""

    layout: FlowLayout
    x: dict[int, float]
    flow_in: float
    names_in: float
    turned: frozenset[str]
    """Nodes tall enough for their label."""
    order: dict[int, int]
    """Of each band, from the top down: neighbours look different."""

    def box(self, key: str, node: FlowNode) -> tuple[float, float, float]:
        """Left end, top and height of a node."""
        height = node.flows * self.flow_in
        return self.x[node.ttl], self.layout.middle[key] * self.flow_in - height / 2, height

    def band(self, number: int, step: FlowStep) -> tuple[float, float, float]:
        """Left end, top and bottom of a band at a TTL."""
        top = self.layout.top[number, step.ttl] * self.flow_in
        return self.x[step.ttl], top, top + step.flows * self.flow_in


def placed(flows: FlowBands) -> FlowPlace:
    """Find where everything goes."""
    columns = _columns(flows)
    widest = max((_flows_of(column) for column in columns.values()), default=1)
    thinnest = min((len(band.flows) for band in flows.bands), default=1)
    letters = _LETTER_IN * max((len(label_of(node)) for node in flows.nodes.values()), default=0) + 0.1
    tall_in = _TALL_IN if len(flows.bands) > 1 else min(letters, _ALONE_IN)
    flow_in = min(max(tall_in / widest, LINE_IN / thinnest), _MOST_IN / widest)
    turned = frozenset(
        key
        for key, node in flows.nodes.items()
        if node.flows * flow_in > _LETTER_IN * len(label_of(node)) + 0.08
    )
    layout = flows.layout(_GAP_IN / flow_in)
    starts = [layout.top[number, band.steps[0].ttl] for number, band in enumerate(flows.bands)]
    ranked = sorted(range(len(starts)), key=lambda number: (flows.bands[number].steps[0].ttl, starts[number]))
    names_in = _LETTER_IN * max((len(name_of(band)) for band in flows.bands), default=0) + 0.1
    order = {number: place for place, number in enumerate(ranked)}
    return FlowPlace(layout, _across(columns, turned), flow_in, names_in, turned, order)


def _columns(flows: FlowBands) -> dict[int, dict[str, FlowNode]]:
    columns: dict[int, dict[str, FlowNode]] = {}
    for key, node in flows.nodes.items():
        columns.setdefault(node.ttl, {})[key] = node
    return dict(sorted(columns.items()))


def _across(columns: dict[int, dict[str, FlowNode]], turned: frozenset[str]) -> dict[int, float]:
    """Find the left end of the bars of each TTL: near each other where nothing branches."""
    x: dict[int, float] = {}
    at = 0.0
    for (ttl, here), after in zip(columns.items(), [*columns, None][1:], strict=True):
        x[ttl] = at
        ahead = {} if after is None else columns[after]
        level = len(here) == len(ahead) == 1 and _flows_of(here) == _flows_of(ahead)
        beside = [_LETTER_IN * len(label_of(node)) + 0.16 for key, node in here.items() if key not in turned]
        at += max([BAR_IN + (LEVEL_IN if level and after == ttl + 1 else BEND_IN), *beside])
    return x


def _flows_of(column: dict[str, FlowNode]) -> int:
    return sum(node.flows for node in column.values())


def label_of(node: FlowNode) -> str:
    """Say what stands beside a bar."""
    return node.addr or ("source" if node.kind == "source" else "*")


def reach_of(flows: FlowBands, place: FlowPlace) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of all that is drawn."""
    boxes = [(place.box(key, node), key, node) for key, node in flows.nodes.items()]
    rights = [
        x + (BAR_IN if key in place.turned else max(BAR_IN, _LETTER_IN * len(label_of(node))))
        for (x, _, _), key, node in boxes
    ]
    return (
        -place.names_in,
        max([_LEAST_IN - place.names_in, *rights]) + 0.1,
        min((y for (_, y, _), _, _ in boxes), default=0.0) - 0.2,
        max((y + height for (_, y, height), _, _ in boxes), default=0.5) + 0.06,
    )


def name_of(band: FlowBand) -> str:
    """Name the flows of a band, in short; runs only if there are several."""
    runs = {run for run, _ in band.flows}
    numbers = ", ".join(_ranges(flow for _, flow in band.flows))
    count = len(band.flows)
    if len(runs) > 1:
        return f"{counted(count, 'flow')} of {counted(len(runs), 'run')}"
    if count == 1:
        return f"flow {numbers}"
    words = f"{count} flows: {numbers}"
    if len(words) <= _NAME_LETTERS:
        return words
    return words[:_NAME_LETTERS].rpartition(",")[0] + ", …"


def _ranges(numbers: Iterable[int]) -> list[str]:
    """Write numbers in a row as their ends."""
    rows: list[list[int]] = []
    for number in sorted(set(numbers)):
        if rows and number == rows[-1][-1] + 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    return [f"{row[0]}–{row[-1]}" if len(row) > _IN_A_ROW else ", ".join(map(str, row)) for row in rows]
