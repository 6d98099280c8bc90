"""Where moments lie along a picture: at their time or, where no probe has one, at their round."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import Floats, Ints, distinct
from trippy_nb.frames import columns as col
from trippy_nb.model import NS_PER_S

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables

_ROUNDS = 1 << 32  # `round` is a uint32


@dataclass(frozen=True, slots=True)
class Along:
    """A way from left to right that all moments of some runs have in common."""

    is_timed: bool
    """Places are seconds since 1970; else rounds, counted through from 0 where there are several runs."""
    rounds: Ints
    """Keys of all (run, round), ascending."""
    begins: Floats
    """Place at which each of them began; NaN where nobody knows."""

    def places(self, frame: "pd.DataFrame", at: str, run: str = "run_id", round_: str = "round") -> Floats:
        """Return where each row of a frame lies, by its columns of time, run and round.

        A row without a time lies where its round began.
        """
        number = np.searchsorted(self.rounds, round_keys(frame, run, round_))
        number = np.minimum(number, max(len(self.rounds) - 1, 0))
        if not len(frame):
            return np.zeros(0)
        begins = self.begins[number]
        if not self.is_timed:
            return begins
        when = col.nanoseconds(frame[at])
        return np.where(when == col.NO_TIME, begins, when / NS_PER_S)


def along_of(tables: "Tables") -> Along:
    """Lay out the rounds of runs: by time if any probe has one, else in their order."""
    probes = tables.probes
    when = col.nanoseconds(probes["sent_at"]) if "sent_at" in probes else np.zeros(0, np.int64)
    rounds, number, _ = distinct(round_keys(probes))
    known = when != col.NO_TIME
    if not known.any():
        return Along(is_timed=False, rounds=rounds, begins=np.arange(len(rounds), dtype=np.float64))
    begins = np.full(len(rounds), np.inf)
    np.minimum.at(begins, number[known], when[known] / NS_PER_S)
    return Along(is_timed=True, rounds=rounds, begins=np.where(np.isinf(begins), np.nan, begins))


def round_keys(frame: "pd.DataFrame", run: str = "run_id", round_: str = "round") -> Ints:
    """Make one number of each row's run and round, in their order."""
    key: Ints = frame[run].to_numpy(dtype=np.int64) * _ROUNDS + frame[round_].to_numpy(dtype=np.int64)
    return key
