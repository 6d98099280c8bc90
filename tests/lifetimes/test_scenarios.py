"""What happens around a trace, under the auditor: errors, exits, forks, interrupts."""

from __future__ import annotations

import random

import pytest

from tests.lifetimes.programs.scenarios import SCENARIOS
from tests.lifetimes.sweeping import BUILT, SEED, WHOLE, found, swept

pytestmark = [pytest.mark.needs("strace", "cc", "raw_socket"), pytest.mark.netns, pytest.mark.slow]

OURS = r"socket\(AF_INET"  # asyncio, multiprocessing and libc have handles of their own
FIRST, *REST = SCENARIOS
CHOSEN = [FIRST, *(REST if WHOLE else random.Random(SEED).sample(REST, 8))]


@pytest.fixture(scope="module")
def audited(loops):
    """Each scenario with every kind of trace; in the fast profile half of them, with one, others each day."""
    print("left out:", ", ".join(sorted(set(SCENARIOS) - set(CHOSEN))) or "none")  # noqa: T201 - shown by -s
    chance = random.Random(SEED)
    cases = [
        (name, mode, address)
        for name in CHOSEN
        for mode in (BUILT if WHOLE and "multi" not in name else [chance.choice(BUILT)])
        for address in (("127.0.0.1", "::1") if WHOLE else (chance.choice(("127.0.0.1", "::1")),))
    ]
    sweep = swept("scenarios.py", cases, inside=loops, faults=(), only=OURS, hang_s=30)
    return dict(zip(cases, sweep.outcomes, strict=False)), found(sweep)


@pytest.mark.parametrize("name", CHOSEN)
def test_nothing_is_left_closed_twice_or_used_after_its_end(audited, name):
    outcomes = {case: outcome for case, outcome in audited[0].items() if case[0] == name}
    assert outcomes
    wrong = {case: (one.findings, one.output) for case, one in outcomes.items() if one.findings}
    assert wrong == {}


def test_the_program_that_forked_them_is_clean_too(audited):
    assert not [line for line in audited[1] if "None" in line.split(":")[0] and "itself" in line]
