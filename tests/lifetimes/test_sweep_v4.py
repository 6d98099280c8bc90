"""IPv4: every call of every kind of trace fails, and is interrupted, in turn."""

from __future__ import annotations

import pytest

from tests.lifetimes.sweeping import BUILT, WHOLE, found, plain, swept

AF = 4

pytestmark = [
    pytest.mark.needs("strace", "cc", "raw_socket"),
    pytest.mark.netns,
    pytest.mark.slow,
]


@pytest.mark.parametrize("modes", [[mode] for mode in BUILT] if WHOLE else [BUILT], ids=",".join)
def test_whatever_fails_nothing_leaks_hangs_or_is_lost(path, modes):
    cases = [(mode, path.target_addr(AF)) for mode in modes]
    sweep = swept("traced.py", cases, inside=path.source, sample=None if WHOLE else 30)
    assert found(sweep) == []
    assert all('"end_reason": "rounds"' in outcome.output for outcome in plain(sweep))
    assert sweep.reached >= 0.75 * len(sweep.points)
    assert len(sweep.sites) > 25 * len(modes)
