"""Where to draw the nodes of a layered graph: layers by TTL, few crossings, straight lines.

The order within a layer comes from barycentre sweeps (Sugiyama, Tagawa and Toda, 1981). Then each
node moves as near to the middle of its neighbours as the order and the room of each allow; that
least-squares problem is an isotonic regression, solved by pooling adjacent violators. Every tie is
broken by the node's own key, so equal graphs look equal. Cycles do no harm: layers are given.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise

_SWEEPS = 6
_STRAIGHTENINGS = 16

Neighbours = Mapping[str, set[str]]


def place_nodes(
    layers: Mapping[str, int],
    edges: Iterable[tuple[str, str]],
    rank: Mapping[str, tuple[int, str]],
    room: Mapping[str, float],
) -> dict[str, float]:
    """Find a coordinate across its layer for each node.

    Parameters
    ----------
    layers
        Layer of each node.
    edges
        Pairs of nodes; direction, repetition and loops do not matter.
    rank
        Sort key that orders a layer at first, and breaks ties.
    room
        How far the next node of the layer must be.

    Returns
    -------
    across
        Coordinate of each node, in the order of its layer; the middle of the drawing is 0.
    """
    order, neighbours = _rows(layers, edges, rank)
    rooms = [[room[node] for node in row] for row in order]
    return _straightened(order, neighbours, rooms)


def place_boxes(
    layers: Mapping[str, int],
    edges: Iterable[tuple[str, str]],
    rank: Mapping[str, tuple[int, str]],
    size: Mapping[str, float],
    gap: float,
) -> dict[str, float]:
    """Find where the middle of each node is to be, if nodes have a size across their layer.

    Parameters
    ----------
    layers, edges, rank
        As in :func:`place_nodes`.
    size
        How much of its layer each node takes.
    gap
        Between one node and the next.

    Returns
    -------
    across
        Coordinate of the middle of each node; the middle of the drawing is near 0.
    """
    order, neighbours = _rows(layers, edges, rank)
    rooms = [
        [(size[one] + size[two]) / 2 + gap for one, two in zip(row, [*row[1:], row[-1]], strict=True)]
        for row in order
    ]
    return _straightened(order, neighbours, rooms)


def _rows(
    layers: Mapping[str, int], edges: Iterable[tuple[str, str]], rank: Mapping[str, tuple[int, str]]
) -> tuple[list[list[str]], Neighbours]:
    neighbours: dict[str, set[str]] = defaultdict(set)
    for near, far in edges:
        if layers[near] != layers[far]:
            neighbours[near].add(far)
            neighbours[far].add(near)
    return _ordered(layers, neighbours, rank), neighbours


def _straightened(
    order: list[list[str]], neighbours: Neighbours, rooms: list[list[float]]
) -> dict[str, float]:
    across = {node: i - (len(row) - 1) / 2 for row in order for i, node in enumerate(row)}
    both = list(zip(order, rooms, strict=True))
    for sweep in range(_STRAIGHTENINGS):
        for row, room in both if sweep % 2 == 0 else reversed(both):
            wished = [_mean(across, neighbours.get(node, set()), across[node]) for node in row]
            across |= zip(row, _spread(wished, room), strict=True)
    middle = (max(across.values()) + min(across.values())) / 2 if across else 0.0
    return {node: round(value - middle, 6) for node, value in across.items()}


def _ordered(
    layers: Mapping[str, int], neighbours: Neighbours, rank: Mapping[str, tuple[int, str]]
) -> list[list[str]]:
    rows: dict[int, list[str]] = defaultdict(list)
    for node in sorted(layers, key=rank.__getitem__):
        rows[layers[node]].append(node)
    order = [rows[layer] for layer in sorted(rows)]
    best, fewest = [list(row) for row in order], _crossings(order, neighbours)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        place = {node: i - (len(row) - 1) / 2 for row in order for i, node in enumerate(row)}
        for row in order if down else reversed(order):
            wished = {
                node: _mean(place, _on_side(node, layers, neighbours, down=down), place[node]) for node in row
            }
            row.sort(key=lambda node: (wished[node], rank[node]))
            place |= {node: i - (len(row) - 1) / 2 for i, node in enumerate(row)}
        crossings = _crossings(order, neighbours)
        if crossings < fewest:
            best, fewest = [list(row) for row in order], crossings
    return best


def _on_side(node: str, layers: Mapping[str, int], neighbours: Neighbours, *, down: bool) -> set[str]:
    here = layers[node]
    return {other for other in neighbours.get(node, ()) if (layers[other] < here) == down}


def _mean(place: Mapping[str, float], nodes: set[str], otherwise: float) -> float:
    return sum(sorted(place[node] for node in nodes)) / len(nodes) if nodes else otherwise


def _crossings(order: list[list[str]], neighbours: Neighbours) -> int:
    """Count the crossings between each layer and the next."""
    total = 0
    for upper, lower in pairwise(order):
        place = {node: i for i, node in enumerate(lower)}
        seen: list[int] = []
        for node in upper:
            for end in sorted(place[other] for other in neighbours.get(node, ()) if other in place):
                total += len(seen) - bisect_right(seen, end)
                insort(seen, end)
    return total


def _spread(wished: list[float], room: list[float]) -> list[float]:
    """Move as little as possible (least squares) so that each has its room before the next."""
    offsets = [0.0, *accumulate(room[:-1])]
    pools: list[tuple[float, int]] = []  # mean of wished - offset, and how many
    for value, offset in zip(wished, offsets, strict=True):
        mean, count = value - offset, 1
        while pools and pools[-1][0] > mean:
            before, many = pools.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]
