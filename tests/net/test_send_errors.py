"""What the operating system refuses is a fact about the probe; what it is too busy for is tried again."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults.tunnel import ROUTER, TARGET, tunnel, wrap
from tests.net.driving import MS, Driver, drive
from tests.net.plans import window
from trippy_nb.errors import ConfigError
from trippy_nb.wire import IpPacket, encode_echo_reply, with_ttl

RAW = pytest.param({"protocol": "udp"}, id="raw")
QUEUE = pytest.param({"protocol": "udp", "mode": "error-queue"}, id="queue")
_SLOW = ("tc", "qdisc", "add", "dev", "right", "root", "tbf", "rate", "8kbit", "burst", "1540")
pytestmark = [pytest.mark.netns, pytest.mark.needs("raw_socket")]
both_families = pytest.mark.parametrize("af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))])


def errnos(it: Driver) -> list[int]:
    return [receipt.errno for receipt in it.receipts]


@both_families
@pytest.mark.parametrize("options", [RAW, QUEUE])
def test_a_full_queue_is_tried_again_a_bounded_number_of_times(own_veth, options, af):
    net = own_veth

    def steps(it: Driver) -> Driver:
        it.send([9])
        it.replies_and_stamps(1)  # the neighbour is known: packets that wait for it are not refused
        net.inside(*_SLOW, "limit", "700")
        begun = it.network.clock.now_ns()
        it.send(range(1, 61))
        assert it.network.clock.now_ns() - begun < 1000 * MS
        return it

    it = drive(net.target_addr(af), steps, enter=net.enter, **options)
    assert set(errnos(it)) == {0, errno.ENOBUFS}
    assert 10 < errnos(it).count(errno.ENOBUFS) < 60
    assert len(it.receipts) == 61


def test_a_queue_that_drains_in_time_loses_nothing(own_veth):
    net = own_veth
    net.inside(
        "tc",
        "qdisc",
        "add",
        "dev",
        "right",
        "root",
        "tbf",
        "rate",
        "10mbit",
        "burst",
        "1540",
        "limit",
        "1500",
    )

    def steps(it: Driver) -> Driver:
        it.send(range(1, 41))
        return it.replies_and_stamps(40)

    it = drive(net.target_addr(4), steps, enter=net.enter, protocol="udp")
    assert errnos(it) == [0] * 40  # 40 probes of 98 bytes on the wire do not fit into 3,040 at once
    assert len({receipt.before_ns for receipt in it.receipts}) > 1  # some were handed over again


@pytest.mark.parametrize("options", [RAW, QUEUE])
def test_a_full_socket_buffer_is_waited_for_and_then_said(own_veth, options):
    net = own_veth
    net.inside(
        "tc", "qdisc", "add", "dev", "right", "root", "tbf", "rate", "8kbit", "burst", "1540", "limit", "1mb"
    )

    def steps(it: Driver) -> Driver:
        outbox = getattr(it.inside, "_outbox", None) or it.inside._lines[it.plan.sport].outbox
        outbox.port.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
        it.send(range(1, 41))
        return it

    it = drive(net.target_addr(4), steps, enter=net.enter, **options)
    assert set(errnos(it)) == {0, errno.EAGAIN}


@both_families
@pytest.mark.parametrize("options", [RAW, QUEUE])
def test_a_lost_route_is_a_row_for_each_probe(own_veth, options, af):
    net = own_veth

    def steps(it: Driver) -> Driver:
        it.send([1])
        assert errnos(it) == [0]
        it.replies_and_stamps(1)
        for family in ("-4", "-6"):
            net.inside("ip", family, "route", "flush", "table", "main")
        it.send([2, 3, 4])
        return it

    it = drive(net.target_addr(af), steps, enter=net.enter, **options)
    assert errnos(it)[1:] == [errno.ENETUNREACH] * 3
    assert all(receipt.before_ns <= receipt.after_ns for receipt in it.receipts)


@pytest.mark.needs("nft")
@pytest.mark.parametrize("options", [RAW, QUEUE])
def test_a_firewall_on_this_host_is_a_row(own_veth, options):
    net = own_veth
    net.inside("nft", "add table ip f; add chain ip f o { type filter hook output priority 0; }")
    net.inside("nft", "add rule ip f o udp dport 33435 drop")

    def steps(it: Driver) -> Driver:
        it.send([5, 6, 7])
        return it.replies_and_stamps(2)

    it = drive(net.target_addr(4), steps, enter=net.enter, **options)
    assert errnos(it) == [0, errno.EPERM, 0]
    assert sorted(it.probe_of(reply).key for reply in it.replies) == [0, 2]
    assert sorted(it.stamps) == [0, 2]


def test_queued_errors_do_not_fail_the_next_probe():
    def steps(it: Driver) -> Driver:
        for i in range(20):  # each is refused before the next is sent, and nobody reads the error queue
            it.send([5 + i])
        return it.replies_and_stamps(20)

    it = drive("127.0.0.1", steps, protocol="udp", mode="error-queue")
    assert errnos(it) == [0] * 20
    assert len(it.replies) == 20


@pytest.mark.needs("tun")
@pytest.mark.parametrize("does_next", ["send", "read"])
def test_a_source_quench_that_waits_fails_neither_the_next_probe_nor_the_next_read(does_next):
    """Anybody on the path can forge one: it must not end the trace, nor cost a probe."""
    written = threading.Event()

    def answer(packet: bytes, ip: IpPacket) -> Iterator[bytes]:
        if ip.ttl == 1:
            quote = with_ttl(packet, 1)
            yield wrap(bytes((4, 0, 0, 0, 0, 0, 0, 0)) + quote, source=ROUTER[4], to=ip.src_packed)
            written.set()  # the kernel has handed it to the socket before the write came back
        else:
            yield encode_echo_reply(packet)

    def steps(it: Driver) -> Driver:
        it.send([1])
        assert written.wait(10)
        if does_next == "read":  # as if it had come after the wait, which found no error
            it.inside._inbox._drain_packets(it.inside._outbox.port, it.arrivals)
        it.send([9])
        return it.collect(lambda it: len(it.replies) == 2)

    with tunnel() as path:
        path.answer = answer
        it = drive(TARGET[4], steps, enter=path.enter, protocol="icmp", mode="datagram")
    assert errnos(it) == [0, 0]
    assert {reply.responder: (reply.icmp_type, it.probe_of(reply).key) for reply in it.replies} == {
        ROUTER[4]: (4, 0),
        TARGET[4]: (0, 1),
    }


def test_a_source_port_that_is_taken_is_said_at_once():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"source port {port} of 127.0.0.1 is in use"):
            drive("127.0.0.1", lambda it: it, protocol="udp", mode="error-queue", source_port=port)


def test_a_varying_source_port_that_is_taken_is_a_row():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 33435))

        def steps(it: Driver) -> Driver:
            it.send([1, 2, 3])
            return it.replies_and_stamps(2)

        it = drive("127.0.0.1", steps, protocol="udp", mode="error-queue", target_port=33000)
    assert errnos(it) == [0, errno.EADDRINUSE, 0]
    assert sorted(reply.key or 0 for reply in it.replies) == [0, 2]


def test_sockets_for_one_probe_are_closed_when_it_is_too_old():
    def steps(it: Driver) -> list[int]:
        lines = it.inside._lines
        counts = []
        for start in (0, 10, 20):
            it.channel.send(window(it.plan, range(1, 6), first_key=start))
            counts.append(len(lines))
            end = it.network.clock.now_ns() + 25 * MS
            while it.network.clock.now_ns() < end:
                it.channel.receive(end)
        it.channel.send(window(it.plan, range(1, 6), first_key=20))  # the same numbers again
        return [*counts, len(lines)]

    counts = drive(
        "127.0.0.1", steps, protocol="udp", mode="error-queue", target_port=33000, probe_timeout=0.01
    )
    assert counts == [5, 5, 5, 5]


def test_there_are_never_more_sockets_for_single_probes_than_256():
    def steps(it: Driver) -> int:
        it.channel.send(window(it.plan, [200] * 300))
        return len(it.inside._lines)

    assert drive("127.0.0.1", steps, protocol="udp", mode="error-queue", target_port=33000) == 256
