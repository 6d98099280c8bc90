"""The vault against the operating system's own table, with failures at every call."""

from __future__ import annotations

import errno
import os
import resource
import socket
import threading

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests import needs
from tests.lifetimes.descriptors import last_handle, open_handles, open_sockets
from trippy_nb.errors import HandleClosedError
from trippy_nb.lifetimes import Datagram, Port, Vault, records
from trippy_nb.lifetimes.ledger import LEDGER

KINDS = [
    (socket.AF_INET, socket.SOCK_DGRAM, 0),
    (socket.AF_INET6, socket.SOCK_DGRAM, 0),
    (socket.AF_INET, socket.SOCK_STREAM, 0),
]
if needs.has("raw_socket"):
    KINDS += [
        (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
        (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
    ]


def refuse_option(port: Port) -> None:
    port.setsockopt(socket.SOL_IP, 9999, 1)


def refuse_address(port: Port) -> None:
    port.bind(("203.0.113.1", 0))  # RFC 5737: nobody's


def interrupt(_port: Port) -> None:
    raise KeyboardInterrupt


def give_up_twice(port: Port) -> None:
    port._vault.release(port)
    raise OSError(errno.ENOMEM, "after its own release")


class Handles(RuleBasedStateMachine):
    """Whatever is done, and whatever fails, ledger and descriptor table agree."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign = open_sockets()
        self.since = last_handle()
        self.vault = Vault()
        self.open: list[Port] = []
        self.closed: list[Port] = []

    @rule(kind=st.sampled_from(KINDS))
    def open_one(self, kind):
        self.open.append(self.vault.open_socket(*kind, purpose="test"))

    @rule(kind=st.sampled_from(KINDS), calls=st.integers(0, 3), failure=st.sampled_from(
        [refuse_option, refuse_address, interrupt, give_up_twice]))  # fmt: skip
    def fail_in_setup(self, kind, calls, failure):
        def set_up(port: Port) -> None:
            for _ in range(calls):
                port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            failure(port)

        with pytest.raises((OSError, KeyboardInterrupt)):
            self.vault.open_socket(*kind, purpose="test", setup=set_up)

    @rule()
    def fail_to_make_a_socket(self):
        with pytest.raises(OSError, match="not supported"):
            self.vault.open_socket(44, socket.SOCK_DGRAM, purpose="no such family")

    @rule()
    def run_out_of_descriptors(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                self.vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="one too many")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    @rule()
    def fail_to_write_the_ledger(self):
        wall_ns, LEDGER._wall_ns = LEDGER._wall_ns, None  # type: ignore[assignment]  # a failing clock
        try:
            with pytest.raises(TypeError):
                self.vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="never written down")
        finally:
            LEDGER._wall_ns = wall_ns

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def release(self, data):
        port = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        self.vault.release(port)
        self.closed.append(port)

    @precondition(lambda self: self.closed)
    @rule(data=st.data())
    def release_again_or_use_after(self, data):
        port = data.draw(st.sampled_from(self.closed))
        for use in (
            lambda: self.vault.release(port),
            lambda: port.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE),
            lambda: port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192),
            lambda: port.bind(("127.0.0.1", 0)),
            lambda: port.connect(("127.0.0.1", 9)),
            port.local_address,
            lambda: port.ioctl(0x8915, bytes(40)),
            lambda: port.send_many([Datagram(b"x")]),
            port.receive_many,
            lambda: port.send_breaks,
            lambda: port.count_received(1),
            lambda: self.vault.wait([port], 0),
        ):
            with pytest.raises(HandleClosedError):
                use()

    @rule()
    def close_the_vault(self):
        self.vault.close()
        self.vault.close()
        with pytest.raises(HandleClosedError, match=r"this vault is closed: tests/lifetimes/test_vault\.py"):
            self.vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="too late")
        self.closed, self.open = [], []
        self.vault = Vault()

    @invariant()
    def ledger_is_what_the_system_says(self):
        assert len(open_sockets() - self.foreign) == len(open_handles(self.since)) == len(self.open)
        assert {port.handle for port in self.open} == {record.handle for record in open_handles(self.since)}

    def teardown(self):
        self.vault.close()
        assert open_sockets() == self.foreign


TestHandles = Handles.TestCase


@pytest.fixture
def vault():
    with Vault() as vault:
        yield vault


def udp(vault: Vault, **options) -> Port:
    return vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="test", **options)


def test_a_second_release_says_who_was_first(vault):
    port = udp(vault)
    vault.release(port)
    with pytest.raises(
        HandleClosedError, match=r"closed: by tests/lifetimes/test_vault.py:\d+ test_a_second"
    ):
        vault.release(port)


def test_a_second_close_does_not_reach_somebody_elses_descriptor(vault):
    port = udp(vault)
    number = port._vault.borrow(port).sock.fileno()
    vault.release(port)
    reader, writer = os.pipe()
    try:
        assert number in (reader, writer)  # the system gives the number out again at once
        with pytest.raises(HandleClosedError):
            vault.release(port)
        os.write(writer, b"alive")
        assert os.read(reader, 9) == b"alive"
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("name", ["fileno", "detach", "close", "dup", "makefile", "share", "sock"])
def test_a_port_gives_nobody_its_descriptor(vault, name):
    assert not hasattr(udp(vault), name)


def test_a_port_of_another_vault_is_refused(vault):
    with Vault() as other:
        port = udp(other)
        with pytest.raises(HandleClosedError):
            vault.release(port)
        assert not port.closed


def test_another_thread_may_not_touch_a_handle(vault):
    port = udp(vault)
    refused = []

    def touch() -> None:
        for use in (lambda: vault.release(port), lambda: port.bind(("127.0.0.1", 0)), vault.close):
            try:
                use()
            except HandleClosedError as error:
                refused.append(str(error))

    thread = threading.Thread(target=touch)
    thread.start()
    thread.join()
    assert len(refused) == 3
    assert not port.closed


def test_waiting_says_which_ports_have_something(vault):
    quiet, busy = udp(vault), udp(vault, setup=lambda port: port.bind(("127.0.0.1", 0)))
    assert vault.wait([quiet, busy], 0) == ()
    sender = udp(vault, setup=lambda port: port.connect(busy.local_address()))
    assert sender.send_many([Datagram(b"hello")]) == [0]
    ((port, usable, error),) = vault.wait([quiet, busy], 1)
    assert (port, usable, error) == (busy, True, False)
    assert [datagram.data for datagram in busy.receive_many()] == [b"hello"]


def test_no_wait_is_longer_than_a_tick(vault):
    before = os.times().elapsed
    vault.wait([udp(vault)], 3600)
    vault.wait([], 3600)
    assert os.times().elapsed - before < 1


def test_packets_are_counted_in_the_ledger(vault):
    receiver = udp(vault, setup=lambda port: port.bind(("127.0.0.1", 0)))
    sender = udp(vault, setup=lambda port: port.connect(receiver.local_address()))
    sender.send_many([Datagram(b"x")] * 100)
    while receiver.receive_many():
        pass
    counts = {record.handle: (record.sent, record.received) for record in records()}
    assert counts[sender.handle] == (100, 0)
    assert counts[receiver.handle] == (0, 100)


def test_sockets_never_block_and_are_not_inherited(vault):
    port = udp(vault)
    sock = vault.borrow(port).sock
    assert not sock.getblocking()
    assert not sock.get_inheritable()
    assert port.receive_many() == []
