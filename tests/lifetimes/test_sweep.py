"""The sweep finds what breaks only when a call fails; and the other Pythons stand it too."""

from __future__ import annotations

import pytest

from tests import needs
from tests.lifetimes.sweeping import BUILT, WHOLE, found, plain, swept

pytestmark = [pytest.mark.needs("strace", "cc"), pytest.mark.slow]

BROKEN = {
    "loses_it_on_an_error": ("setsockopt EIO", "leak_at_exit"),
    "loses_it_on_an_interrupt": ("getsockopt SIGINT", "leak_at_exit"),
    "closes_again_when_close_fails": ("close EINTR", "double_close"),
    "uses_it_after_a_failed_connect": ("connect ENETUNREACH", "use_after_close"),
    "waits_for_ever": ("bind EIO", "timeout"),
    "gives_up": ("bind EADDRINUSE", "bad_exit"),
}


@pytest.fixture(scope="module")
def broken():
    return swept("broken.py", [("stands_everything",), *((variant,) for variant in BROKEN)], hang_s=0.7)


def test_nothing_is_wrong_with_them_as_long_as_nothing_fails(broken):
    assert [finding for outcome in plain(broken) for finding in outcome.findings] == []
    assert broken.reached == len(broken.points) > 100


@pytest.mark.parametrize(("variant", "expected"), BROKEN.items(), ids=BROKEN)
def test_the_sweep_catches(broken, variant, expected):
    point, category = expected
    assert any(line.startswith(f"{variant}: {point} #1") and category in line for line in found(broken))


def test_the_sweep_lets_the_right_one_pass(broken):
    assert not [line for line in found(broken) if line.startswith("stands_everything")]


def test_a_sample_is_another_one_each_time_and_says_what_it_left_out(broken):
    few = swept("broken.py", [("stands_everything",)], sample=5)
    assert len(few.points) == 5
    assert f"left out: {len(few.left_out)}" in few.report()
    assert len(few.left_out) > 20
    assert found(few) == []


@pytest.mark.netns
@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_other_pythons_stand_a_sample(loops, version):
    needs.need(f"python{version}")
    cases = [(mode, address) for mode in BUILT for address in ("127.0.0.1", "::1")]
    sweep = swept(
        "traced.py",
        cases if WHOLE else cases[::3],
        python=str(needs.find_python(version)),
        inside=loops,
        sample=150 if WHOLE else 12,
    )
    assert found(sweep) == []
    assert all('"end_reason": "rounds"' in outcome.output for outcome in plain(sweep))
