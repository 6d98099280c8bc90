"""Datagrams one by one, as other platforms send them: the manners of `mmsg`, asked of both side by side."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.lifetimes import BATCH, Datagram, mmsg, pack_control, plain
from trippy_nb.net import linux
from trippy_nb.net.addresses import pack_sockaddr

KINDS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "mmsg": lambda: (mmsg.BatchSender(), mmsg.BatchReceiver()),
    "plain": lambda: (plain.BatchSender(), plain.BatchReceiver()),
}
TTL = (socket.IPPROTO_IP, socket.IP_TTL)
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}

both = pytest.mark.parametrize("kind", sorted(KINDS))
families = pytest.mark.parametrize("af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))])


@pytest.fixture
def pair(af):
    with (
        socket.socket(FAMILY[af], socket.SOCK_DGRAM) as one,
        socket.socket(FAMILY[af], socket.SOCK_DGRAM) as two,
    ):
        for sock in (one, two):
            sock.bind((LOOPBACK[af], 0))
            sock.settimeout(0)
        yield one, two


def address_of(sock: socket.socket) -> bytes:
    host, port = sock.getsockname()[:2]
    return pack_sockaddr(host, port)


@both
@families
def test_what_is_sent_arrives_in_order_with_the_senders_address(kind, pair, af):
    one, two = pair
    sender, receiver = KINDS[kind]()
    sent = [Datagram(bytes([i]) * i, address_of(two)) for i in range(BATCH)]
    assert sender.send(one, sent, ()) == [0] * BATCH
    got = receiver.receive(two, 0, ())
    assert [(one.data, one.address) for one in got] == [(d.data, address_of(one)) for d in sent]
    assert receiver.receive(two, 0, ()) == []


@both
@pytest.mark.parametrize("af", [4])
def test_each_datagram_has_the_ttl_that_is_asked_for(kind, pair, af):
    one, two = pair
    sender = KINDS[kind]()[0]
    two.setsockopt(socket.IPPROTO_IP, linux.IP_RECVTTL, 1)
    ttls = [1, 2, 2, 64, 1]
    window = [Datagram(b"x", address_of(two), pack_control(*TTL, struct.pack("@i", ttl))) for ttl in ttls]
    assert sender.send(one, window, ()) == [0] * len(ttls)
    seen = [struct.unpack("@i", two.recvmsg(9, 64)[1][0][2])[0] for _ in ttls]
    assert seen == ttls


@both
@pytest.mark.parametrize("af", [4])
def test_an_error_is_the_datagrams_own_and_the_rest_leaves(kind, pair, af):
    one, two = pair
    sender, receiver = KINDS[kind]()
    nowhere = pack_sockaddr("255.255.255.255", 9)  # broadcast is not allowed on this socket
    window = [Datagram(b"a", address_of(two)), Datagram(b"b", nowhere), Datagram(b"c", address_of(two))]
    assert sender.send(one, window, ()) == [0, errno.EACCES, 0]
    assert [one.data for one in receiver.receive(two, 0, ())] == [b"a", b"c"]
    assert sender.breaks >= 1


@both
@pytest.mark.parametrize("af", [4])
def test_a_queued_icmp_error_is_not_the_next_datagrams_fault(kind, pair, af):
    one, _two = pair
    sender, receiver = KINDS[kind]()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        dead = gone.getsockname()
    one.connect(dead)
    refused = (errno.ECONNREFUSED,)
    for _ in range(3):  # each meets the refusal of the one before
        assert sender.send(one, [Datagram(b"x")], refused) == [0]
    assert receiver.receive(one, 0, refused) == []


@both
@pytest.mark.parametrize("af", [4])
def test_a_full_buffer_ends_the_window_and_says_so(kind, pair, af):
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)  # its queue is short, and it blocks
    with left, right:
        left.settimeout(0)
        sender = KINDS[kind]()[0]
        errors: list[int] = []
        for _ in range(20):
            errors += sender.send(left, [Datagram(bytes(1000))] * BATCH, ())
        first = errors.index(errno.EAGAIN)
        assert set(errors[:first]) == {0}
        assert set(errors[first:]) == {errno.EAGAIN}


@both
@pytest.mark.parametrize("af", [4])
def test_a_socket_that_failed_says_so(kind, pair, af):
    one, _two = pair
    one.connect(("127.0.0.1", 1))
    one.send(b"x")
    with pytest.raises(ConnectionRefusedError):
        KINDS[kind]()[1].receive(one, 0, ())


@given(st.ip_addresses(), st.integers(0, 65535), st.integers(0, 2**32 - 1))
def test_addresses_survive_the_way_there_and_back(address, port, scope):
    family = FAMILY[address.version]
    tail = (0, scope) if address.version == 6 else ()
    spelled = (str(address), port, *tail)
    packed = plain.pack_sockaddr(family, spelled)
    again = plain.unpack_sockaddr(packed)
    assert socket.inet_pton(family, str(again[0])) == address.packed
    assert again[1:] == spelled[1:]
    assert packed == pack_sockaddr(str(address), port, scope)


def test_no_datagram_is_too_long_in_silence():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(ValueError, match="does not fit"),
    ):
        plain.BatchSender().send(sock, [Datagram(bytes(4000), pack_sockaddr("127.0.0.1", 9))], ())
