"""Interrupts at random moments in a real kernel leave nothing open, and every partial run is whole.

TRIPPY_NB_INTERRUPTS=10000 asks for that many (an hour); TRIPPY_NB_SEED for other moments.
"""

from __future__ import annotations

import os

import pytest

from tests.notebooks.kernels import kernel_of_our_own
from tests.notebooks.storm import WAYS, interrupts_wanted, prepare, raise_storm

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("raw_socket", "ipv6")]

SEED = int(os.environ.get("TRIPPY_NB_SEED", "24"))
SHARE = {
    "unprivileged": 5,
    "raw": 3,
    "awaited": 5,
    "raw icmp over IPv6": 3,
    "many": 2,
    "a loop": 3,
    "magic": 2,
    "built-in": 2,
}
"""Of 25."""


@pytest.fixture(scope="module")
def kernel():
    with kernel_of_our_own() as it:
        prepare(it)
        yield it


@pytest.mark.parametrize("way", WAYS)
def test_interrupts_at_random_moments_leave_nothing_open_and_every_partial_run_whole(kernel, way):
    storm = raise_storm(kernel, way, max(1, interrupts_wanted() * SHARE[way] // 25), SEED)
    print(storm)  # noqa: T201 - the numbers behind a green line
    assert not storm.faults
    assert storm.again <= 1 + storm.interrupts // 20
    assert storm.runs >= storm.interrupts / 2  # else the moments were not where they matter
    assert storm.slowest_s < 1
    assert storm.late <= 1 + storm.interrupts // 50  # 250 ms, but for what another process did to this one
