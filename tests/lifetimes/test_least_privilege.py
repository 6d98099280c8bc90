"""CAP_NET_RAW is effective only while sockets are opened: asked from outside, in proc, during a trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.needs import find_tool
from trippy_nb.lifetimes import capabilities

HERE = Path(__file__).parent
NET_ADMIN, NET_RAW = 1 << 12, 1 << 13
NOBODY = "65534"

pytestmark = [pytest.mark.needs("setpriv", "raw_socket"), pytest.mark.slow]


def as_nobody_with(*capabilities: str) -> list[str]:
    """Become nobody with these alone, as ambient ones; and able to read, for a Python in a closed folder."""
    sets = ",".join(["-all", "+dac_read_search", *(f"+{name}" for name in capabilities)])
    program = find_tool("setpriv")
    assert program is not None
    ambient = sets.removeprefix("-all,")
    return [
        program,
        "--reuid",
        NOBODY,
        "--regid",
        NOBODY,
        "--clear-groups",
        "--inh-caps",
        sets,
        "--ambient-caps",
        ambient,
    ]


def effective(pid: int, thread: int) -> int:
    lines = Path(f"/proc/{pid}/task/{thread}/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff"))


def look_at(before: list[str], *words: str):
    """Run the program; tell what is effective on main and session thread at each round, and how it ended."""
    command = [*before, sys.executable, str(HERE / "programs" / "least_privilege.py"), *words]
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
    )
    seen: list[tuple[str, int, int]] = []
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        for line in child.stdout:
            said = json.loads(line)
            if "answered" in said:
                return seen, said
            seen.append(
                (said["mode"], effective(child.pid, said["main"]), effective(child.pid, said["thread"]))
            )
            child.stdin.write("\n")
            child.stdin.flush()
    raise AssertionError(f"{command} ended early")


@pytest.mark.parametrize("protocol", ["icmp", "tcp"])
def test_it_leaves_the_effective_set_of_the_sessions_thread_and_of_no_other(protocol):
    seen, end = look_at(as_nobody_with("net_raw", "net_admin"), protocol)
    assert len(seen) == 2
    for mode, main, session in seen:
        assert mode == "raw"
        assert main & (NET_RAW | NET_ADMIN) == NET_RAW | NET_ADMIN
        assert session & (NET_RAW | NET_ADMIN) == 0
        assert session == main & ~(NET_RAW | NET_ADMIN)  # nothing else is touched
    assert end["answered"] == 2


def test_what_is_only_permitted_is_raised_for_opening_and_no_longer():
    seen, end = look_at(as_nobody_with("net_raw"), "icmp", "--permitted-only")
    assert [(mode, main & NET_RAW, session & NET_RAW) for mode, main, session in seen] == [("raw", 0, 0)] * 2
    assert end["answered"] == 2


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_mark_is_set_while_it_is_raised(protocol):
    seen, end = look_at(as_nobody_with("net_admin"), protocol, "--mark")
    assert [session & NET_ADMIN for _mode, _main, session in seen] == [0, 0]
    assert end["answered"] == 2


def test_without_it_nothing_is_raised_and_the_error_queue_does():
    seen, end = look_at(as_nobody_with(), "udp")
    assert [mode for mode, _main, _session in seen] == ["error-queue"] * 2
    assert all(main == session for _mode, main, session in seen)
    assert end["answered"] == 2


def test_plain_root_is_left_alone():
    seen, _end = look_at([], "icmp")
    assert all(main == session and session & NET_RAW for _mode, main, session in seen)


def on_a_thread_of_its_own(look):
    """Capabilities belong to threads: what one does here stays with it."""
    seen: list[tuple[int, ...]] = []
    thread = threading.Thread(target=lambda: seen.append(tuple(look())))
    thread.start()
    thread.join()
    return seen[0]


def effective_here() -> int:
    return effective(os.getpid(), threading.get_native_id()) & (NET_RAW | NET_ADMIN)


def test_on_one_thread_dropped_raised_and_dropped_again(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 65534)  # root's own are left alone

    def look():
        yield effective_here()
        assert capabilities.drop_opening()
        yield effective_here()
        with capabilities.raised_for_opening():
            yield effective_here()
            with capabilities.raised_for_opening():  # there is nothing left to raise
                yield effective_here()
            yield effective_here()
        yield effective_here()
        assert not capabilities.drop_opening()  # nor to drop

    before, dropped, raised, inner, outer, after = on_a_thread_of_its_own(look)
    assert before & NET_RAW
    assert (dropped, after) == (0, 0)
    assert raised == inner == outer == before
    assert effective_here() == before  # this thread was never touched


def test_a_kernel_that_refuses_is_said_and_nothing_else(monkeypatch, caplog):
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    ask = capabilities._call
    monkeypatch.setattr(capabilities, "_call", lambda name, words: name == "capget" and ask(name, words))

    def look():
        capabilities.drop_opening()
        yield effective_here()

    assert on_a_thread_of_its_own(look)[0] == effective_here()
    assert "capabilities cannot be changed" in caplog.text


def test_a_system_without_capabilities_has_nothing_to_drop(monkeypatch):
    monkeypatch.setattr(capabilities, "_LIBC", None)
    assert not capabilities.drop_opening()
    with capabilities.raised_for_opening():
        pass
