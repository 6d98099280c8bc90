"""The vault: the one place in trippy_nb that opens and closes handles.

Nobody else sees a `socket.socket`. Others borrow a `Port`, which has no `fileno`, no `detach` and
no `close`, and answers `HandleClosedError` after its end. One thread makes, uses and closes a vault:
KeyboardInterrupt is raised on the main thread only, so on a session's thread it cannot fall
between opening and registering.
"""

import errno
import logging
import socket
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from trippy_nb.errors import HandleClosedError
from trippy_nb.lifetimes.capabilities import raised_for_opening
from trippy_nb.lifetimes.datagrams import BATCH, Datagram
from trippy_nb.lifetimes.forks import GATE, in_forked_child
from trippy_nb.lifetimes.ledger import LEDGER, Entry, call_site
from trippy_nb.lifetimes.waiting import ask_system, wait_ready

if sys.platform == "linux":
    from trippy_nb.lifetimes.mmsg import BatchReceiver, BatchSender
else:
    from trippy_nb.lifetimes.plain import BatchReceiver, BatchSender

_log = logging.getLogger(__name__)

TICK_S = 0.05
"""No wait is longer, so that a stop flag is seen; and no wake-up handle is needed, which could hit
somebody else's number when it is written after its close."""

_live: dict[int, "Vault"] = {}
"""Vaults that hold something. Strong references: one that its maker forgot stays visible."""

_BEGUN = (0, errno.EWOULDBLOCK if sys.platform == "win32" else errno.EINPROGRESS)

_session = threading.local()


def held_by_thread(thread: int) -> int:
    """Count the open handles of all vaults that a thread made."""
    vaults = _live.copy().values()
    return sum(len(vault._held) for vault in vaults if vault._thread == thread)  # noqa: SLF001 - one room


def bind_thread_to_run(run_uuid: str | None, stop: Callable[[], bool]) -> None:
    """Have vaults that this thread makes belong to a run, unless they are told otherwise."""
    _session.run_uuid = run_uuid
    _session.stop = stop


class Resource(Protocol):
    """What a vault can own."""

    def close(self) -> None:
        """Give the handle back to the operating system; called once, by the vault."""


class Helper(Protocol):
    """A session that works for another one."""

    def request_stop(self) -> None:
        """Ask it to end; do not wait."""

    def stop(self) -> None:
        """Ask it to end, and wait until all its handles are closed."""


class _Held:
    """A resource and its page in the ledger."""

    __slots__ = ("entry", "resource")

    def __init__(self, resource: Resource, entry: Entry) -> None:
        self.resource = resource
        self.entry = entry

    @property
    def sock(self) -> socket.socket:
        """The resource of a port."""
        assert isinstance(self.resource, socket.socket)
        return self.resource


class Loan:
    """A borrowed view of a handle that a vault owns."""

    __slots__ = ("_handle", "_vault", "purpose")

    def __init__(self, vault: "Vault", handle: int, purpose: str) -> None:
        self._vault = vault
        self._handle = handle
        self.purpose = purpose

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._handle} {self.purpose!r}{' closed' if self.closed else ''}>"

    @property
    def handle(self) -> int:
        """Its number in the ledger; not a descriptor."""
        return self._handle

    @property
    def closed(self) -> bool:
        """Whether its handle has ended."""
        return self._vault.ended(self)


class Port(Loan):
    """A borrowed view of a socket. It never blocks."""

    __slots__ = ()

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set a socket option."""
        self._vault.borrow(self).sock.setsockopt(level, option, value)

    def getsockopt(self, level: int, option: int, size: int = 0) -> int | bytes:
        """Read a socket option: an integer, or up to `size` bytes."""
        sock = self._vault.borrow(self).sock
        return sock.getsockopt(level, option, size) if size else sock.getsockopt(level, option)

    def ioctl(self, request: int, argument: bytes) -> bytes:
        """Make an ioctl(2) that fills in its argument, or a WSAIoctl that fills in another; return that."""
        return ask_system(self._vault.borrow(self).sock, request, argument)

    def bind(self, address: tuple[str | int, ...]) -> None:
        """Bind to a local address, as `socket` spells it."""
        self._vault.borrow(self).sock.bind(address)

    def connect(self, address: tuple[str | int, ...]) -> None:
        """Connect; on a datagram socket this picks route and source address, and sends nothing."""
        self._vault.borrow(self).sock.connect(address)

    def begin_connect(self, address: tuple[str | int, ...]) -> int:
        """Begin to connect a stream socket, which sends a SYN; return the errno, 0 if it began.

        `Vault.wait` with `writable` tells when it is over, one way or the other.
        """
        held = self._vault.borrow(self)
        error = held.sock.connect_ex(address)
        if error not in _BEGUN:
            return error
        held.entry.sent += 1
        return 0

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
        sender = self._vault.sender
        sock = held.sock
        errors: list[int] = []
        for at in range(0, len(datagrams), BATCH):
            errors += sender.send(sock, datagrams[at : at + BATCH], again)
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
        datagrams = self._vault.receiver.receive(held.sock, flags, again)
        if count:
            held.entry.received += len(datagrams)
        return datagrams

    @property
    def send_breaks(self) -> int:
        """How often an error ended a system call of `send_many` early, ever, on any port of its vault."""
        self._vault.borrow(self)
        return self._vault.sender.breaks

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
        self._helpers: list[Helper] = []
        self._sender: BatchSender | None = None
        self._receiver: BatchReceiver | None = None

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
        with raised_for_opening():
            held = self.keep("socket", purpose, lambda: socket.socket(family, kind, proto))
        entry = held.entry
        port = Port(self, entry.handle, purpose)
        try:
            held.sock.settimeout(0)  # never blocks
            if setup is not None:
                with raised_for_opening():
                    setup(port)
        except BaseException:
            if not port.closed:
                self._end(entry.handle, "failed while it was set up")
            raise
        _log.debug("opened handle %d: %s, by %s", entry.handle, purpose, entry.opened_by)
        return port

    def keep(self, kind: str, purpose: str, make: Callable[[], Resource]) -> _Held:
        """Make a resource and own it from then on; for this room only."""
        self._check()
        with GATE:  # a fork sees it registered, or not at all
            resource = make()
            try:
                entry = LEDGER.opened(kind, purpose, self.run_uuid)
            except BaseException:
                resource.close()
                raise
            held = self._held[entry.handle] = _Held(resource, entry)
            _live[id(self)] = self
        return held

    @property
    def stop_wanted(self) -> bool:
        """Whether the session on whose thread this is asked is to end; for loops that wait for little."""
        stop: Callable[[], bool] | None = getattr(_session, "stop", None)
        return stop is not None and stop()

    def employ(self, helper: Helper) -> None:
        """Have a session end when this vault is closed, before the vault's own handles do."""
        self._check()
        self._helpers.append(helper)

    def release(self, port: Loan) -> None:
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
        socks = [self.borrow(port).sock for port in ports]
        found = wait_ready(socks, max(0.0, min(timeout_s, TICK_S)), writable=writable)
        return tuple(Ready(ports[i], usable, error) for i, usable, error in found)

    def close(self, *, by: str | None = None) -> None:
        """Close every handle that is still open, the newest first; the vault opens nothing more."""
        if self._over is None:
            self._check()
            self._over = by or call_site()
        for helper in self._helpers:
            helper.request_stop()  # all of them first, so that their last waits are one wait
        for helper in self._helpers:
            helper.stop()
        for handle in sorted(self._held, reverse=True):
            self._end(handle, self._over)

    def ended(self, port: Loan) -> bool:
        """Whether a port's handle is closed."""
        return port.handle not in self._held

    def borrow(self, port: Loan) -> _Held:
        """Look up what a port stands for; for this room only."""
        self._check()
        held = self._held.get(port.handle)
        if held is None or port._vault is not self:  # noqa: SLF001 - one class in two halves
            raise HandleClosedError(
                f"handle {port.handle} ({port.purpose}) is closed: {self._who_closed(port)}"
            )
        return held

    @property
    def sender(self) -> BatchSender:
        """Buffers to send from, made once for all sockets of the vault; for this room only."""
        if self._sender is None:
            self._sender = BatchSender()
        return self._sender

    @property
    def receiver(self) -> BatchReceiver:
        """Buffers to receive into, made once for all sockets of the vault; for this room only."""
        if self._receiver is None:
            self._receiver = BatchReceiver()
        return self._receiver

    def _who_closed(self, port: Loan) -> str:
        page = LEDGER.page(port.handle)
        return "long ago" if page is None or page.closed_by is None else f"by {page.closed_by}"

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
                held.resource.close()
            except OSError as error:  # close(2): the descriptor is released all the same; never again
                _log.debug("closing handle %d: %s", handle, error)
            finally:
                LEDGER.closed(held.entry, by)
        page = held.entry  # logged outside the gate: a handler may do what it likes
        _log.debug("closed handle %d by %s: %d out, %d in", handle, by, page.sent, page.received)

    def abandon(self) -> None:
        """Close the copies of a forked child; for this room only."""
        self._over = "it belongs to the parent process"
        for handle in sorted(self._held, reverse=True):
            self._end(handle, "fork")


def _close_copies() -> None:
    for vault in list(_live.values()):
        vault.abandon()


in_forked_child(_close_copies)
