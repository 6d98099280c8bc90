"""Handmade tables whose probes have times of sending, and how much of that there is time for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import settings

from tests.analysis.handmade import Row, replaced, tables
from trippy_nb.frames import Tables, conform
from trippy_nb.frames.schema import PROBES

EPOCH_S = 946_684_800  # 2000-01-01
WIDE = os.environ.get("TRIPPY_NB_PROFILE", "fast") != "fast"
few = settings(max_examples=10 if WIDE else 3)
"""For properties whose every example makes several frames."""


def sent(
    rows: Iterable[Row],
    when_s: Callable[[Any], float] | None = None,
    *,
    step_s: float = 1,
    first_s: float = 0,
    **more: Any,
) -> Tables:
    """Tables of these probes, each sent when `when_s` says; by default a round every `step_s`."""
    made = tables(rows, **more)
    given = when_s or (lambda row: first_s + row.round * step_s)
    seconds = [float(given(row)) for row in made.probes.itertuples()]
    ns = (np.array(seconds) * 1e9).round().astype(np.int64) + EPOCH_S * 10**9
    return replaced(made, probes=conform(made.probes.assign(sent_at=pd.DatetimeIndex(ns, tz="UTC")), PROBES))
