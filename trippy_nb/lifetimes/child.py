"""A child process that works for us over one stream, ended and waited for when its vault closes it.

The stream is a pair of sockets, one end of which is the child's standard input and output: one descriptor
here, not two, and it can be waited for like any other. A child that reads until the end of its input ends
when we close the stream, or die; one that does not is killed.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from trippy_nb.lifetimes.vault import TICK_S, Loan, Vault
from trippy_nb.lifetimes.waiting import wait_ready

_GRACE_S = 0.05  # mtr-packet takes 1 ms to see the end of its input
_SLICE = 65_536


class _Process:
    """A child and our end of its stream."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.stream, theirs = socket.socketpair()
        try:
            with theirs:
                end = theirs.fileno()
                # A session of its own: Ctrl-C is for us, and we tell the child.
                self._process = subprocess.Popen(  # noqa: S603 - the caller says which program
                    argv, stdin=end, stdout=end, stderr=subprocess.DEVNULL, start_new_session=True
                )
        except BaseException:
            self.stream.close()
            raise
        self._parent = os.getpid()
        self.stream.settimeout(0)

    def close(self) -> None:
        """End it: close the stream, wait, kill; whatever happens, no zombie is left."""
        try:
            self.stream.close()
        finally:  # a close that fails has closed
            self._reap()

    def _reap(self) -> None:
        if os.getpid() != self._parent:  # a forked copy of us: it is not our child
            self._process.returncode = 0
            return
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            with suppress(OSError):  # it may be somebody else by now
                self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def said_at_end(self) -> str:
        """Say how it ended; only once its stream has."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        code = self._process.returncode
        if code is None:
            return "it closed its output"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


class Child(Loan):
    """A borrowed view of a child process and its stream. It never blocks."""

    __slots__ = ()

    def write(self, data: bytes) -> int:
        """Write what there is room for; return how many bytes that was.

        Raises
        ------
        OSError
            If the child is gone.
        """
        try:
            return self._process().stream.send(data)
        except BlockingIOError:
            return 0

    def read(self) -> bytes | None:
        """Return what it has written; None if that is nothing.

        Raises
        ------
        EOFError
            If it has ended; the message says how.
        """
        process = self._process()
        try:
            data = process.stream.recv(_SLICE)
        except BlockingIOError:
            return None
        except ConnectionResetError:  # it ended before it had read all we wrote
            data = b""
        if not data:
            raise EOFError(process.said_at_end())
        return data

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has written something, or ended, at most 50 ms; tell whether it has."""
        return bool(wait_ready([self._process().stream], max(0.0, min(timeout_s, TICK_S)), writable=False))

    def count(self, *, sent: int = 0, received: int = 0) -> None:
        """Count packets that it has sent and received for us in the ledger."""
        entry = self._vault.borrow(self).entry
        entry.sent += sent
        entry.received += received

    def _process(self) -> _Process:
        resource = self._vault.borrow(self).resource
        assert isinstance(resource, _Process)
        return resource


def open_child(vault: Vault, argv: Sequence[str], *, purpose: str) -> Child:
    """Start a child process that belongs to `vault`.

    Parameters
    ----------
    vault
        Its owner.
    argv
        Program, by its path, and arguments.
    purpose
        What it is for, as the ledger says it.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    held = vault.keep("child", purpose, lambda: _Process(argv))
    return Child(vault, held.entry.handle, purpose)
