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

from trippy_nb.analysis.arrays import Bools, last_of
from trippy_nb.analysis.cells import Cells, hop_numbers

_LEAST_CONFIRMING = 2


@dataclass(frozen=True, slots=True)
class LossCounts:
    """For each cell: did a forward loss begin here, or explain this silence."""

    begins: Bools
    explained: Bools


def lost_on_the_way(cells: Cells) -> LossCounts:
    """Judge every round of every flow."""
    size = len(cells.ttl)
    begins, explained = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
    if not size:
        return LossCounts(begins, explained)
    hop, count = hop_numbers(cells)
    ever = np.zeros(count, dtype=np.bool_)
    ever[hop[cells.answered]] = True
    tells = cells.in_view & ever[hop] & (cells.settled | cells.open)
    # The last cell of each path that was answered, or may yet be; what is silent after it is so to the end.
    last_heard = last_of(tells & (cells.answered | cells.open), cells.heads)
    last_answer = last_of(tells & cells.answered, cells.heads) if cells.open.any() else last_heard
    quiet = np.flatnonzero(tells & ~cells.answered & ~cells.open)
    path = cells.path[quiet]
    moody = np.zeros(count, dtype=np.bool_)
    moody[hop[quiet[quiet < last_answer[path]]]] = True
    tail = quiet > last_heard[path]
    quiet, path = quiet[tail], path[tail]
    lengths = np.bincount(path, minlength=len(cells.heads))
    first = np.diff(path, prepend=-1) > 0
    confirmed = lengths[path] > _LEAST_CONFIRMING
    confirmed |= (lengths[path] == _LEAST_CONFIRMING) & ~moody[hop[quiet[first]]][np.cumsum(first) - 1]
    begins[quiet[confirmed & first]] = True
    explained[quiet[confirmed & ~first]] = True
    return LossCounts(begins, explained)
