"""Hypothesis strategies: networks, runs across them, and frames of probes. Needs ``trippy_nb[testing]``.

All shrink: to short paths without diamonds, to one round, to few probes.
"""

from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from trippy_nb.errors import MissingDependencyError
from trippy_nb.frames import PROBES, conform
from trippy_nb.model import RttSource
from trippy_nb.run import Run
from trippy_nb.sim import SimNetwork, random
from trippy_nb.testing.simulating import simulated

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise MissingDependencyError(
        "trippy_nb.testing.strategies needs hypothesis: pip install 'trippy_nb[testing]'"
    ) from error

_STATUSES: Final = ("reply", "timeout", "late", "in_flight", "beyond_target", "send_error", "not_sent")
_ANSWERED: Final = ("reply", "late")
_MOST_ROUNDS: Final = 3


@st.composite
def networks(
    draw: st.DrawFn,
    /,
    *,
    most_hops: int = 8,
    most_diamonds: int = 2,
    most_width: int = 4,
    most_length: int = 2,
    balance: str = "flow",
    lossy: bool = False,
    **fixed: Any,  # noqa: ANN401 - as for sim.random
) -> SimNetwork:
    """Draw a random network with one target, ``target.example``.

    Parameters
    ----------
    most_hops, most_diamonds, most_width, most_length
        Bounds of what is drawn.
    balance
        ``flow``, ``packet`` or ``destination``.
    lossy
        Whether links may lose packets, and routers be silent.
    **fixed
        Further arguments of `trippy_nb.sim.random`.
    """
    drawn: dict[str, Any] = {
        "hops": (hops := draw(st.integers(2, most_hops)), hops),
        "diamonds": (diamonds := draw(st.integers(0, most_diamonds)), diamonds),
        "width": (2, draw(st.integers(2, most_width))),
        "length": (1, draw(st.integers(1, most_length))),
        "meshing": draw(st.sampled_from((0.0, 0.5))),
        "unequal": draw(st.sampled_from((0.0, 0.5))),
        "balance": balance,
    }
    if lossy:
        drawn |= {"loss": draw(st.sampled_from((0.0, 0.02, 0.1))), "silent": draw(st.integers(0, 2))}
    return random(draw(st.integers(0, 2**32 - 1)), **(drawn | fixed))


@st.composite
def runs(
    draw: st.DrawFn,
    /,
    of: st.SearchStrategy[SimNetwork] | None = None,
    **options: Any,  # noqa: ANN401 - as for a trace
) -> Run:
    """Draw a run across a drawn network.

    Parameters
    ----------
    of
        Strategy of networks; by default `networks()`.
    **options
        Of the trace; what is not given is drawn: protocol, and one to three rounds.
    """
    network = draw(networks() if of is None else of)
    asked: dict[str, Any] = {
        "protocol": draw(st.sampled_from(("udp", "icmp", "tcp"))),
        "rounds": draw(st.integers(1, _MOST_ROUNDS)),
    } | options
    if asked["protocol"] != "icmp":
        asked.setdefault("multipath", draw(st.sampled_from(("paris", "classic"))))
    return simulated(network, **asked)


@st.composite
def probes_frames(
    draw: st.DrawFn, /, *, most_rows: int = 40, most_runs: int = 1, most_ttl: int = 8
) -> pd.DataFrame:
    """Draw a frame that keeps the contract of PROBES, however odd: for code that reads probes.

    ``tn.Run.from_probes`` makes a run of it (``tn.RunSet.from_probes``, where there may be several).

    Parameters
    ----------
    most_rows, most_runs, most_ttl
        Bounds of what is drawn; there is at least one row.
    """
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, most_runs - 1),
                st.integers(0, 3),  # rounds
                st.integers(0, 2),  # flows
                st.integers(1, most_ttl),
                st.integers(0, 1),  # attempts
                st.sampled_from(_STATUSES),
                st.integers(1, most_ttl + 2),
                st.floats(0, 1000),
            ),
            unique_by=lambda row: row[:5],  # the key
            min_size=1,
            max_size=most_rows,
        )
    )
    return _frame_of(rows)


def _frame_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Make the frame without `conform`, which takes ten times as long: shrinking makes hundreds of them."""
    *keys, statuses, numbers, rtts_ms = zip(*rows, strict=True)
    answered = np.array([status in _ANSWERED for status in statuses])
    addrs = [
        f"203.0.113.{number}" if known else None for number, known in zip(numbers, answered, strict=True)
    ]
    sources = [RttSource.IMPORTED.word if known else None for known in answered]
    template = _silence(len(rows))
    dtypes: dict[str, Any] = dict(template.dtypes)
    typed = {name: np.array(values, dtypes[name]) for name, values in zip(PROBES.key, keys, strict=True)}
    return template.assign(
        **typed,
        status=pd.Categorical(statuses, dtype=dtypes["status"]),
        addr=pd.array(addrs, dtype="str").astype("category"),
        rtt_ms=np.where(answered, rtts_ms, np.nan),
        rtt_source=pd.Categorical(sources, dtype=dtypes["rtt_source"]),
        n_replies=answered.astype(np.uint8),
    )


@cache
def _silence(n: int) -> pd.DataFrame:
    """Make n unanswered probes; what is optional is missing."""
    zeros = dict.fromkeys(PROBES.key, 0) | {"round": np.arange(n)}
    return conform(pd.DataFrame(zeros | {"status": "timeout", "n_replies": 0}, index=range(n)), PROBES)
