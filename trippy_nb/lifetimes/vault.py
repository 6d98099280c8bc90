"""The vault: the one place in trippy_nb that opens and closes handles.

Nobody else sees a `socket.socket`. Others borrow a `Port`, which has no `fileno`, no `detach` and
no `close`, and answers `HandleClosedError` after its end. One thread makes, uses and closes a vault:
KeyboardInterrupt is raised on the main thread only, so on a session's thread it cannot fall
between opening and registering.
"""

import fcntl
import logging
import select
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from trippy_nb.errors import HandleClosedError
from trippy_nb.lifetimes.forks import GATE, in_forked_child
from trippy_nb.lifetimes.ledger import LEDGER, Entry, call_site
from trippy_nb.lifetimes.mmsg import BATCH, BatchReceiver, BatchSender, Datagram

_log = logging.getLogger(__name__)

TICK_S = 0.05
"""No wait is longer, so that a stop flag is seen; and no wake-up handle is needed, which could hit
somebody else's number when it is written after its close."""

_TROUBLE = select.POLLERR | select.POLLHUP | select.POLLNVAL
_live: dict[int, "Vault"] = {}
"""Vaults that hold something. Strong references: one that its maker forgot stays visible."""

_session = threading.local()


def bind_thread_to_run(run_uuid: str | None) -> None:
    """Have vaults that this thread makes belong to a run, unless they are told otherwise."""
    _session.run_uuid = run_uuid


class _Held:
    """A socket, its page in the ledger, and its buffers once they are needed."""

    __slots__ = ("entry", "receiver", "sender", "sock")

    def __init__(self, sock: socket.socket, entry: Entry) -> None:
        self.sock = sock
        self.entry = entry
        self.sender: BatchSender | None = None
        self.receiver: BatchReceiver | None = None


class Port:
    """A borrowed view of a socket that a vault owns. It never blocks."""

    __slots__ = ("_handle", "_vault", "purpose")

    def __init__(self, vault: "Vault", handle: int, purpose: str) -> None:
        self._vault = vault
        self._handle = handle
        self.purpose = purpose

    def __repr__(self) -> str:
        return f"<Port {self._handle} {self.purpose!r}{' closed' if self.closed else ''}>"

    @property
    def handle(self) -> int:
        """Its number in the ledger; not a descriptor."""
        return self._handle

    @property
    def closed(self) -> bool:
        """Whether its handle has ended."""
        return self._vault.ended(self)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set a socket option."""
        self._vault.borrow(self).sock.setsockopt(level, option, value)

    def getsockopt(self, level: int, option: int, size: int = 0) -> int | bytes:
        """Read a socket option: an integer, or up to `size` bytes."""
        sock = self._vault.borrow(self).sock
        return sock.getsockopt(level, option, size) if size else sock.getsockopt(level, option)

    def ioctl(self, request: int, argument: bytes) -> bytes:
        """Make an ioctl(2) that fills in its argument; return that."""
        return fcntl.ioctl(self._vault.borrow(self).sock, request, argument)

    def bind(self, address: tuple[str | int, ...]) -> None:
        """Bind to a local address, as `socket` spells it."""
        self._vault.borrow(self).sock.bind(address)

    def connect(self, address: tuple[str | int, ...]) -> None:
        """Connect; on a datagram socket this picks route and source address, and sends nothing."""
        self._vault.borrow(self).sock.connect(address)

    def local_address(self) -> tuple[str | int, ...]:
        """Return the address that it is bound to, as `socket` spells it."""
        address: tuple[str | int, ...] = self._vault.borrow(self).sock.getsockname()
        return address

    def send_many(self, datagrams: Sequence[Datagram], *, again: Collection[int] = ()) -> list[int]:
        """Send datagrams, `BATCH` a system call; one errno each, 0 if it left.

        Parameters
        ----------
        datagrams
            What to send, and where.
        again
            Errors that say nothing about the datagram at hand: tried again, a bounded number of times.
        """
        held = self._vault.borrow(self)
        if held.sender is None:
            held.sender = BatchSender()
        fd = held.sock.fileno()
        errors: list[int] = []
        for at in range(0, len(datagrams), BATCH):
            errors += held.sender.send(fd, datagrams[at : at + BATCH], again)
        held.entry.sent += errors.count(0)
        return errors

    def receive_many(
        self, *, flags: int = 0, again: Collection[int] = (), count: bool = True
    ) -> list[Datagram]:
        """Return datagrams that are here, at most `BATCH`, in one system call; never waits.

        Parameters
        ----------
        flags
            Such as MSG_ERRQUEUE.
        again
            Errors that say nothing about this socket's health.
        count
            Whether the ledger counts them as received packets.

        Raises
        ------
        OSError
            If the socket failed.
        """
        held = self._vault.borrow(self)
        if held.receiver is None:
            held.receiver = BatchReceiver()
        datagrams = held.receiver.receive(held.sock.fileno(), flags, again)
        if count:
            held.entry.received += len(datagrams)
        return datagrams

    @property
    def send_breaks(self) -> int:
        """How often an error ended a system call of `send_many` early, ever."""
        sender = self._vault.borrow(self).sender
        return 0 if sender is None else sender.breaks

    def count_received(self, packets: int) -> None:
        """Count packets in the ledger that `receive_many` was told not to."""
        self._vault.borrow(self).entry.received += packets


class Ready(NamedTuple):
    """What a wait found."""

    port: Port
    usable: bool
    """There is something to receive (or room to send, if that was waited for)."""
    error: bool
    """There is something in the error queue, or an error is pending."""


class Vault:
    """Owns handles: made, used and closed on one thread.

    Parameters
    ----------
    run_uuid
        Run that the handles belong to; by default that of the session on whose thread it is made.
    """

    def __init__(self, run_uuid: str | None = None) -> None:
        self.run_uuid: str | None = run_uuid or getattr(_session, "run_uuid", None)
        self._held: dict[int, _Held] = {}
        self._thread = threading.get_ident()
        self._over: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open_socket(
        self,
        family: int,
        kind: int,
        proto: int = 0,
        *,
        purpose: str,
        setup: Callable[[Port], None] | None = None,
    ) -> Port:
        """Open a socket that never blocks.

        Parameters
        ----------
        family, kind, proto
            As for `socket.socket`.
        purpose
            What it is for, as the ledger says it.
        setup
            Called with the port; if it raises, the socket is closed before the error goes on.

        Raises
        ------
        OSError
            If it cannot be opened, or by `setup`.
        HandleClosedError
            If this vault is closed, or belongs to another thread or process.
        """
        self._check()
        with GATE:  # a fork sees it registered, or not at all
            sock = socket.socket(family, kind, proto)
            try:
                entry = LEDGER.opened("socket", purpose, self.run_uuid)
            except BaseException:
                sock.close()
                raise
            self._held[entry.handle] = _Held(sock, entry)
            _live[id(self)] = self
        port = Port(self, entry.handle, purpose)
        try:
            sock.settimeout(0)  # never blocks
            if setup is not None:
                setup(port)
        except BaseException:
            if not port.closed:
                self._end(entry.handle, "failed while it was set up")
            raise
        return port

    def release(self, port: Port) -> None:
        """Close a port's handle.

        Raises
        ------
        HandleClosedError
            If it has been closed before.
        """
        self.borrow(port)
        self._end(port.handle, call_site())

    def wait(self, ports: Sequence[Port], timeout_s: float, *, writable: bool = False) -> tuple[Ready, ...]:
        """Wait for packets or errors, at most `TICK_S`; return the ports that have some, in order.

        With no ports it is a pause. With `writable` it waits for room to send instead.
        """
        self._check()
        poll = select.poll()
        by_fd: dict[int, Port] = {}
        for port in ports:
            fd = self.borrow(port).sock.fileno()
            by_fd[fd] = port
            poll.register(fd, select.POLLOUT if writable else select.POLLIN)  # POLLERR comes unasked
        events = poll.poll(max(0.0, min(timeout_s, TICK_S)) * 1000)
        return tuple(
            Ready(by_fd[fd], bool(bits & (select.POLLIN | select.POLLOUT)), bool(bits & _TROUBLE))
            for fd, bits in events
        )

    def close(self, *, by: str | None = None) -> None:
        """Close every handle that is still open, the newest first; the vault opens nothing more."""
        if self._over is None:
            self._check()
            self._over = by or call_site()
        for handle in sorted(self._held, reverse=True):
            self._end(handle, self._over)

    def ended(self, port: Port) -> bool:
        """Whether a port's handle is closed."""
        return port.handle not in self._held

    def borrow(self, port: Port) -> _Held:
        """Look a port's socket up; for this room only."""
        self._check()
        held = self._held.get(port.handle)
        if held is None or port._vault is not self:  # noqa: SLF001 - one class in two halves
            raise HandleClosedError(
                f"handle {port.handle} ({port.purpose}) is closed: {self._who_closed(port)}"
            )
        return held

    def _who_closed(self, port: Port) -> str:
        for record in LEDGER.records():
            if record.handle == port.handle and record.closed_by is not None:
                return f"by {record.closed_by}"
        return "long ago"

    def _check(self) -> None:
        if self._over is not None:
            raise HandleClosedError(f"this vault is closed: {self._over}")
        if self._thread != threading.get_ident():
            raise HandleClosedError("handles are only touched on the thread that opened them")

    def _end(self, handle: int, by: str) -> None:
        with GATE:  # a fork sees it registered, or closed
            held = self._held.pop(handle)  # first: whatever close() answers, the number is gone
            if not self._held:
                _live.pop(id(self), None)
            try:
                held.sock.close()
            except OSError as error:  # close(2): the descriptor is released all the same; never again
                _log.debug("closing handle %d: %s", handle, error)
            finally:
                LEDGER.closed(held.entry, by)

    def abandon(self) -> None:
        """Close the copies of a forked child; for this room only."""
        self._over = "it belongs to the parent process"
        for handle in sorted(self._held, reverse=True):
            self._end(handle, "fork")


def _close_copies() -> None:
    for vault in list(_live.values()):
        vault.abandon()


in_forked_child(_close_copies)
