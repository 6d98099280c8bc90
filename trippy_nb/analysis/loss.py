"""Where silence began: forward and backward loss by Trippy's rule, made right.

Trippy (`state.rs`, `is_forward_loss`): an unanswered probe is forward loss if there are probes beyond
it in its round and none of them was answered; the first such hop of the round counts it, and every
later silence of the round is backward loss, that is, explained by the first. What is mended here:

* rounds are read within a flow: another flow's answers come from another path;
* a hop that never answered on this flow neither begins a loss, nor confirms or explains one;
* a probe that could not be sent or was not sent says nothing (in Trippy a failed one hides the loss);
  one that is in flight may yet be answered, so its round is not judged beyond it;
* nothing beyond the end of the path counts, and a late answer is an answer;
* one single hop beyond confirms a loss only if the hop in question has never been silent while a hop
  beyond it answered: a router that limits its answers, just before the target, would else turn each
  loss at the target into forward loss of its own (trippy #1466).

Attempts of one (round, flow, TTL) count once: silent is what no attempt had an answer to.
"""

from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.arrays import Bools
from trippy_nb.analysis.cells import Cells, hop_numbers

_LEAST_CONFIRMING = 2


@dataclass(frozen=True, slots=True)
class LossCounts:
    """For each cell: did a forward loss begin here, or explain this silence."""

    begins: Bools
    explained: Bools


def lost_on_the_way(cells: Cells) -> LossCounts:
    """Judge every round of every flow."""
    size = len(cells.run)
    begins, explained = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
    hop, count = hop_numbers(cells)
    ever = np.zeros(count, dtype=np.bool_)
    ever[hop[cells.answered]] = True
    heard = cells.answered | cells.open
    tells = np.flatnonzero(cells.in_view & ever[hop] & (cells.settled | cells.open))
    if not len(tells):
        return LossCounts(begins, explained)
    n_paths = int(cells.path.max()) + 1
    path, place = cells.path[tells], np.arange(len(tells))
    last_heard = np.full(n_paths, -1, dtype=np.int64)
    at = heard[tells]
    last_heard[path[at]] = place[at]  # the last one written is the greatest
    counts = np.bincount(path, minlength=n_paths)
    end = np.cumsum(counts)
    silence = np.maximum(last_heard + 1, end - counts)  # where the silence at the end of the path begins
    length = end - silence
    alone = ~at & _answer_beyond(cells, tells, path)
    moody = np.zeros(count, dtype=np.bool_)
    moody[hop[tells[alone]]] = True
    begin_hop = hop[tells[np.minimum(silence, len(tells) - 1)]]
    confirmed = (length > _LEAST_CONFIRMING) | ((length == _LEAST_CONFIRMING) & ~moody[begin_hop])
    begins[tells[silence[confirmed]]] = True
    explained[tells[confirmed[path] & (place > silence[path])]] = True
    return LossCounts(begins, explained)


def _answer_beyond(
    cells: Cells, tells: "np.typing.NDArray[np.int64]", path: "np.typing.NDArray[np.int64]"
) -> Bools:
    """Tell which cells have an answered one (not merely one in flight) after them in their path."""
    last = np.full(int(path.max()) + 1, -1, dtype=np.int64)
    place = np.arange(len(tells))
    answered = cells.answered[tells]
    last[path[answered]] = place[answered]  # the last one written is the greatest
    result: Bools = place < last[path]
    return result
