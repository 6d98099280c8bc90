"""Random probes, small enough to shrink, odd enough to hurt."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe

STATUSES = [
    "reply",
    "reply",
    "reply",
    "late",
    "timeout",
    "timeout",
    "in_flight",
    "beyond_target",
    "send_error",
    "not_sent",
]


@st.composite
def probe_rows(draw: st.DrawFn, *, runs: int = 2, statuses: list[str] | None = None) -> list[Row]:
    """Probes with unique keys; a few responders that come back at several TTLs."""
    key = st.tuples(
        st.integers(0, runs - 1), st.integers(0, 4), st.integers(0, 2), st.integers(1, 7), st.integers(0, 1)
    )
    keys = draw(st.lists(key, unique=True, max_size=60))
    rows = []
    for run_id, round_, flow, ttl, attempt in keys:
        status = draw(st.sampled_from(statuses or STATUSES))
        answered = status in ("reply", "late")
        addr = draw(st.sampled_from([a(1), a(2), a(10), a(ttl), TARGET])) if answered else None
        rtt = draw(st.floats(0, 1000)) if answered else None
        rows.append(probe(round_, ttl, addr, rtt, run_id=run_id, flow=flow, attempt=attempt, status=status))
    return rows
