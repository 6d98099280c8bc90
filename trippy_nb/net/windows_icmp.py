"""ICMP on Windows without privilege: the operating system's own echo.

A call sends one probe and lasts until its answer or its time-out, so each probe in flight has a thread
with a handle of its own, which that thread opens, uses and closes (docs/decisions/0009). Threads are
started as they are needed and kept for the next probe. What comes back is an address, a status and
the echoed payload: no quote, no extensions, and no transmit or receive stamps.

Bias: RTTs are ``user``, from before the call to its return. The operating system's own figure has whole
milliseconds only, but it does not suffer where our thread waits for a busy interpreter: a return that came
later than a millisecond after it is counted as that much.
"""

import errno
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trippy_nb.errors import ChannelBrokenError
from trippy_nb.lifetimes import TICK_S, Session, Vault
from trippy_nb.model import (
    NS_PER_MS,
    NS_PER_S,
    Foreign,
    Plan,
    Probe,
    Quote,
    Reply,
    SendReceipt,
    seconds_to_ns,
    unpack_address,
)
from trippy_nb.net.addresses import scope_of, zone_of
from trippy_nb.net.windows_status import icmp_of_status, status_text
from trippy_nb.tracing import Arrival, Clock
from trippy_nb.wire import ICMP_TYPES, encode_message

assert sys.platform == "win32"  # mypy reads on only where this holds

from trippy_nb.lifetimes.echo import TIMED_OUT, Echo, EchoAnswer, open_echo  # noqa: E402 - empty for mypy elsewhere

_MOST_WORKERS = 254  # as many as a window may have probes
_ICMP_HEADER = 8
_PATIENCE_S = 5.0  # how long a thread may take to open its handle, or to begin a call


@dataclass(slots=True)
class _Errand:
    """A probe on its way through a worker."""

    probe: Probe
    payload: bytes
    begun: threading.Lock = field(default_factory=threading.Lock)
    """Held until the worker is about to make the call."""
    before_ns: int = 0
    over: bool = False

    def __post_init__(self) -> None:
        self.begun.acquire()


@dataclass(slots=True)
class _Start:
    """How a worker began."""

    known: threading.Lock = field(default_factory=threading.Lock)
    """Held until it has a handle, or cannot have one."""
    error: OSError | None = None

    def __post_init__(self) -> None:
        self.known.acquire()


@dataclass(slots=True)
class _Office:
    """What the workers share. It does not know the channel: an abandoned trace is garbage, and ends."""

    plan: Plan
    clock: Clock
    scope: int
    errands: "queue.SimpleQueue[_Errand]" = field(default_factory=queue.SimpleQueue)
    arrivals: "queue.SimpleQueue[Arrival]" = field(default_factory=queue.SimpleQueue)

    def work(self, vault: Vault, stop: Callable[[], bool], start: _Start) -> None:
        """Open a handle and do errands with it until told to stop: the job of one worker's session."""
        try:
            echo = open_echo(vault, self.plan.af, purpose="sending probes, receiving ICMP")
        except OSError as error:
            start.error = error
            return
        finally:
            start.known.release()
        while not stop():
            try:
                errand = self.errands.get(timeout=TICK_S)
            except queue.Empty:
                continue
            try:
                self._do(errand, echo)
            finally:
                errand.over = True

    def _do(self, errand: _Errand, echo: Echo) -> None:
        plan, probe = self.plan, errand.probe
        errand.before_ns = self.clock.now_ns()
        errand.begun.release()  # now, for the call does not tell when it has sent
        answer = echo.ask(
            plan.source,
            plan.target.addr,
            self.scope,
            errand.payload,
            ttl=probe.ttl,
            tos=plan.config.tos,
            timeout_ms=max(1, round(plan.config.probe_timeout * 1000)),
        )
        read_ns = self.clock.now_ns()
        if answer.status != TIMED_OUT:
            self.arrivals.put(_read(plan, errand, answer, read_ns))


class IcmpApiChannel:
    """A channel over `IcmpSendEcho2Ex` and `Icmp6SendEcho2`.

    Parameters
    ----------
    plan
        The trace; ICMP, without a constant checksum.
    vault
        Has the workers end when it is closed. That takes as long as their calls: up to `probe_timeout`.
    clock
        The monotonic clock.

    Raises
    ------
    ChannelBrokenError
        If the operating system has no echo for this address family.
    """

    def __init__(self, plan: Plan, vault: Vault, clock: Clock) -> None:
        self._plan = plan
        self._vault = vault
        self._clock = clock
        self._longest_ns = seconds_to_ns(min(plan.config.read_timeout, TICK_S))
        self._office = _Office(plan, clock, scope_of(plan.target.zone))
        self._workers = 0
        self._out: list[_Errand] = []
        self._hire()

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`; there is a worker for each that is on its way."""
        self._vault.wait([], 0)  # says so if this channel is over
        self._out = [errand for errand in self._out if not errand.over]
        can_go = probes[: _MOST_WORKERS - len(self._out)]
        while self._workers < len(self._out) + len(can_go):
            self._hire()
        errands = [_Errand(probe, encode_message(self._plan, probe)[_ICMP_HEADER:]) for probe in can_go]
        self._out += errands
        for errand in errands:
            self._office.errands.put(errand)
        receipts = [self._receipt(errand) for errand in errands]
        now_ns = self._clock.now_ns()
        return receipts + [
            SendReceipt(probe.key, now_ns, now_ns, errno.EAGAIN) for probe in probes[len(can_go) :]
        ]

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        self._vault.wait([], 0)
        left_ns = min(until_ns - self._clock.now_ns(), self._longest_ns)
        arrivals: list[Arrival] = []
        here = self._office.arrivals
        try:
            if left_ns > 0:
                arrivals.append(here.get(timeout=left_ns / NS_PER_S))
            while True:
                arrivals.append(here.get_nowait())
        except queue.Empty:
            return arrivals

    def _hire(self) -> None:
        """Start a worker and wait until it has its handle."""
        office, start, addr = self._office, _Start(), self._plan.target.addr
        worker: Session[None] = Session(
            lambda vault, stop: office.work(vault, stop, start),
            name=f"trippy_nb echo {self._workers + 1} {addr}",
            run_uuid=self._vault.run_uuid,
            target=addr,
        )
        self._vault.employ(worker)
        worker.start()
        self._workers += 1
        if not start.known.acquire(timeout=_PATIENCE_S):
            raise ChannelBrokenError("a thread for another ICMP echo does not begin")
        if start.error is not None:
            raise ChannelBrokenError(
                f"this system has no ICMP echo for IPv{self._plan.af}: {start.error}"
            ) from start.error

    def _receipt(self, errand: _Errand) -> SendReceipt:
        if not errand.begun.acquire(timeout=_PATIENCE_S):
            raise ChannelBrokenError("a thread does not get to send its ICMP echo")
        return SendReceipt(errand.probe.key, errand.before_ns, errand.before_ns, 0, errand.payload)


def _read(plan: Plan, errand: _Errand, answer: EchoAnswer, read_ns: int) -> Arrival:
    kind = icmp_of_status(answer.status, plan.af)
    if kind is None or answer.responder is None:
        return Foreign(f"the echo was not sent: {status_text(answer.status)}", read_ns)
    # Their clock does not wait for the interpreter; it is a millisecond coarse.
    latest_ns = errand.before_ns + (answer.rtt_ms + 1) * NS_PER_MS
    whole = kind[0] == ICMP_TYPES[plan.af].echo_reply
    target = plan.target
    return Reply(
        responder=unpack_address(answer.responder),
        zone=zone_of(answer.scope),
        read_ns=min(read_ns, latest_ns),
        icmp_type=kind[0],
        icmp_code=kind[1],
        quote=Quote(
            dst=target.addr, protocol=ICMP_TYPES[plan.af].protocol, payload=answer.data if whole else None
        ),
        ttl=answer.ttl,
        key=errand.probe.key,
    )
