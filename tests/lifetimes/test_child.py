"""A child process of the vault: one descriptor, one line in the ledger, and never a zombie."""

from __future__ import annotations

import os
import sys

import pytest

from tests.lifetimes.descriptors import open_sockets
from trippy_nb.errors import HandleClosedError
from trippy_nb.lifetimes import Child, Vault, open_child, records

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the helper is of Unix")
ECHO = [sys.executable, "-c", "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)"]
DEAF = [sys.executable, "-c", "import time\nprint('here', flush=True)\nwhile True: time.sleep(9)"]


def read(child: Child) -> bytes:
    """Read a line, in however many pieces it comes."""
    said = b""
    for _ in range(200):
        if child.wait(0.05):
            said += child.read() or b""
        if said.endswith(b"\n"):
            return said
    raise AssertionError(f"it says nothing more than {said!r}")


def has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def test_it_answers_is_one_descriptor_and_is_gone_afterwards():
    before = open_sockets()
    with Vault() as vault:
        child = open_child(vault, ECHO, purpose="turning lines round")
        assert len(open_sockets() - before) == 1
        assert child.write(b"abc\n") == 4
        assert read(child) == b"cba\n"
        assert records()[-1].kind == "child"
    assert open_sockets() == before
    assert not has_children()
    assert records()[-1].closed_at is not None
    with pytest.raises(HandleClosedError):
        child.read()


def test_one_that_does_not_listen_is_killed():
    with Vault() as vault:
        assert read(open_child(vault, DEAF, purpose="not listening")).startswith(b"here")
    assert not has_children()


def test_one_that_ends_by_itself_says_how():
    with Vault() as vault:
        child = open_child(vault, [sys.executable, "-c", "raise SystemExit(3)"], purpose="ending")
        with pytest.raises(EOFError, match="exit status 3"):
            read(child)
    assert not has_children()


def test_what_cannot_be_started_leaves_nothing():
    before = open_sockets()
    with Vault() as vault, pytest.raises(FileNotFoundError):
        open_child(vault, ["/nowhere/at/all"], purpose="none")
    assert open_sockets() == before


def test_a_forked_copy_leaves_the_child_alone():
    with Vault() as vault:
        child = open_child(vault, ECHO, purpose="turning lines round")
        copy = os.fork()
        if copy == 0:
            os._exit(0 if child.closed else 1)
        assert os.waitpid(copy, 0)[1] == 0
        child.write(b"abc\n")
        assert read(child) == b"cba\n"
