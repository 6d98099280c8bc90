"""Ledger and descriptor table agree at every quiet point, whatever call fails: `quiet_points.py EXAMPLES`.

Runs under the auditor's shim, which makes a call of our choice fail. Prints how many calls did.
"""

# ruff: noqa: T201 - a program; its output is its result

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.lifetimes.descriptors import last_handle, open_handles, open_sockets
from tests.lifetimes.programs.traced import MODES
from tests.net.plans import make_plan, window
from trippy_nb.errors import HandleClosedError, TrippyError
from trippy_nb.lifetimes import Datagram, Port, Vault
from trippy_nb.model import TraceConfig
from trippy_nb.net import LiveNetwork

CALLS = ["socket", "setsockopt", "getsockopt", "bind", "connect", "getsockname", "sendmmsg", "recvmmsg",
         "poll", "ioctl", "close", "send", "recv", "socketpair"]  # fmt: skip
ERRORS = [errno.EIO, errno.EINTR, errno.ENOMEM, errno.EBADF, errno.EAGAIN, errno.EMFILE, errno.ENOBUFS]
NETWORK = LiveNetwork()
WHERE = {4: "127.0.0.1", 6: "::1"}
shim = ctypes.CDLL(None)
mark = Path(tempfile.mkdtemp()) / "mark"
fired = 0


FAULTS = st.tuples(st.sampled_from(CALLS), st.sampled_from(ERRORS), st.integers(1, 4))


@contextlib.contextmanager
def failing(fault: tuple[str, int, int]) -> Iterator[None]:
    """Have the n-th of these calls fail."""
    global fired  # noqa: PLW0603 - one number of the program
    call, error, nth = fault
    shim.fd_audit_arm(f"{call}:{error}:{nth}:{mark}".encode())
    try:
        yield
    finally:
        shim.fd_audit_arm(b"nothing:0:0:-")
        fired += mark.exists()
        mark.unlink(missing_ok=True)


class QuietPoints(RuleBasedStateMachine):
    """Whatever is asked for next, one call of it may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign = open_sockets()
        self.since = last_handle()
        self.vault = Vault()
        self.ports: list[Port] = []

    @rule(fault=FAULTS, af=st.sampled_from([4, 6]), stream=st.booleans())
    def open_one(self, fault, af, stream):
        family = socket.AF_INET if af == 4 else socket.AF_INET6

        def set_up(port: Port) -> None:
            port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            port.bind((WHERE[af], 0))
            if not stream:
                port.connect(port.local_address())

        with failing(fault), contextlib.suppress(OSError):
            kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
            self.ports.append(self.vault.open_socket(family, kind, purpose="test", setup=set_up))

    @rule(fault=FAULTS, data=st.data())
    def use_all(self, fault, data):
        with failing(fault), contextlib.suppress(OSError):
            self.vault.wait(self.ports, 0)
        for port in self.ports:
            with failing(fault), contextlib.suppress(OSError):
                port.send_many([Datagram(b"x")] * data.draw(st.integers(1, 70)))
                port.receive_many()
                port.ioctl(0x8915, bytes(40))

    @rule(fault=FAULTS, data=st.data())
    def release_some(self, fault, data):
        for port in list(self.ports):
            if data.draw(st.booleans()):
                self.ports.remove(port)
                with failing(fault):
                    self.vault.release(port)  # a close that fails has closed
                with contextlib.suppress(HandleClosedError):
                    self.vault.release(port)
                    raise AssertionError("released twice")

    @rule(fault=FAULTS)
    def close_all(self, fault):
        with failing(fault):
            self.vault.close()
        self.vault, self.ports = Vault(), []

    @rule(
        fault=FAULTS,
        mode=st.sampled_from([name for name in MODES if not name.startswith("helper")]),
        af=st.sampled_from([4, 6]),
    )
    def trace_a_window(self, fault, mode, af):
        config = TraceConfig.from_options(read_timeout=0.01, **MODES[mode])
        with failing(fault), Vault() as vault, contextlib.suppress(TrippyError):
            (target,) = NETWORK.resolve(WHERE[af], config)
            plan = make_plan(target, config, NETWORK.choose(target, config))
            channel = NETWORK.open(plan, vault)
            channel.send(window(plan, range(1, 4)))
            channel.receive(NETWORK.clock.now_ns() + 5_000_000)

    @invariant()
    def ledger_is_what_the_system_says(self):
        ours = open_sockets() - self.foreign
        assert len(ours) == len(open_handles(self.since)) == len(self.ports), (ours, open_handles(self.since))

    def teardown(self):
        self.vault.close()
        self.ledger_at_the_end()

    def ledger_at_the_end(self):
        assert open_sockets() == self.foreign
        assert open_handles(self.since) == []


run_state_machine_as_test(
    QuietPoints,
    settings=settings(
        max_examples=int(sys.argv[1]), stateful_step_count=30, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    ),
)  # fmt: skip
print(fired)
