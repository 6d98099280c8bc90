"""Windows of packets in one system call, against Python's own sendmsg and recvmsg."""

from __future__ import annotations

import errno
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.lifetimes import BATCH, Datagram, Vault, iter_control, pack_control

TTL = struct.Struct("@i")


def sockaddr(port: int) -> bytes:
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton("127.0.0.1"))


@pytest.fixture
def pair():
    """A port that sends, one that receives, and where the second is."""
    with Vault() as vault:
        there = vault.open_socket(
            socket.AF_INET, socket.SOCK_DGRAM, purpose="in", setup=lambda port: port.bind(("127.0.0.1", 0))
        )
        here = vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="out")
        yield here, there, sockaddr(int(there.local_address()[1]))


def received(port) -> list[Datagram]:
    found: list[Datagram] = []
    while more := port.receive_many():
        found += more
    return found


@given(payloads=st.lists(st.binary(max_size=300), max_size=3 * BATCH))
def test_everything_arrives_once_in_order_whatever_its_size(payloads):
    with Vault() as vault:
        there = vault.open_socket(
            socket.AF_INET, socket.SOCK_DGRAM, purpose="in", setup=lambda port: port.bind(("127.0.0.1", 0))
        )
        there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        here = vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="out")
        to = sockaddr(int(there.local_address()[1]))
        assert here.send_many([Datagram(payload, to) for payload in payloads]) == [0] * len(payloads)
        assert [datagram.data for datagram in received(there)] == payloads


def test_the_ttl_goes_along_and_comes_back(pair):
    here, there, to = pair
    there.setsockopt(socket.SOL_IP, 12, 1)  # IP_RECVTTL
    window = [
        Datagram(b"", to, pack_control(socket.SOL_IP, socket.IP_TTL, TTL.pack(ttl))) for ttl in (1, 9, 254)
    ]
    assert here.send_many(window) == [0, 0, 0]
    ttls = [value for datagram in received(there) for _level, _kind, value in iter_control(datagram.control)]
    assert [TTL.unpack(value)[0] for value in ttls] == [1, 9, 254]


def test_the_sender_is_named_as_recvfrom_names_it(pair):
    here, there, to = pair
    here.bind(("127.0.0.1", 0))
    here.send_many([Datagram(b"x", to)])
    (datagram,) = received(there)
    assert datagram.address == sockaddr(int(here.local_address()[1]))


def test_a_packet_that_cannot_leave_has_its_errno_and_the_others_leave(pair):
    here, there, to = pair
    nowhere = struct.pack("=H", 99) + to[2:]
    window = [
        Datagram(b"1", to),
        Datagram(b"2", nowhere),
        Datagram(b"3", to),
        Datagram(b"4", b""),
        Datagram(b"5", to),
    ]
    assert here.send_many(window) == [0, errno.EAFNOSUPPORT, 0, errno.EDESTADDRREQ, 0]
    assert [datagram.data for datagram in received(there)] == [b"1", b"3", b"5"]


def test_a_full_buffer_ends_the_window():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader, Vault() as vault:
        reader.bind("")  # Linux picks an abstract name; the queue holds net.unix.max_dgram_qlen packets
        here = vault.open_socket(socket.AF_UNIX, socket.SOCK_DGRAM, purpose="out")
        vault.borrow(here).sock.connect(reader.getsockname())
        errors = here.send_many([Datagram(b"x")] * BATCH)
        left = errors.count(0)
        assert 0 < left < BATCH
        assert errors == [0] * left + [errno.EAGAIN] * (BATCH - left)
        assert here.send_many([Datagram(b"x")] * (BATCH + 1)) == [errno.EAGAIN] * (BATCH + 1)


def test_an_error_about_an_earlier_packet_is_tried_again(pair):
    here, there, to = pair
    closed = there.local_address()[1]
    assert closed
    here.setsockopt(socket.SOL_IP, 11, 1)  # IP_RECVERR
    nobody = sockaddr(9)
    assert here.send_many([Datagram(b"x", nobody)]) == [0]  # answered by port unreachable before this returns
    assert here.send_many([Datagram(b"y", to)], again=(errno.ECONNREFUSED,)) == [0]
    assert here.send_breaks == 1
    assert here.send_many([Datagram(b"x", nobody)]) == [0]
    assert here.send_many([Datagram(b"y", to)]) == [errno.ECONNREFUSED]


def test_an_error_that_lasts_is_given_up_on(pair):
    here, _there, to = pair
    nowhere = struct.pack("=H", 99) + to[2:]
    again = (errno.EAFNOSUPPORT,)
    assert here.send_many([Datagram(b"", nowhere)] * 50, again=again) == [errno.EAFNOSUPPORT] * 50
    assert here.send_breaks == 3 + 50


def test_a_failing_socket_raises():
    with Vault() as vault:
        stream = vault.open_socket(socket.AF_INET, socket.SOCK_STREAM, purpose="not connected")
        with pytest.raises(OSError, match="not connected"):
            stream.receive_many()


def test_a_packet_that_does_not_fit_is_our_own_mistake(pair):
    here, _there, to = pair
    with pytest.raises(ValueError, match="3000 bytes"):
        here.send_many([Datagram(bytes(3000), to)])


@given(
    messages=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 100), st.binary(max_size=60)), max_size=5)
)
def test_ancillary_data_comes_apart_as_it_was_put_together(messages):
    control = b"".join(pack_control(*message) for message in messages)
    assert list(iter_control(control)) == messages


@given(junk=st.binary(max_size=200))
def test_no_ancillary_bytes_raise(junk):
    list(iter_control(junk))


def test_ancillary_messages_are_laid_out_as_c_does():
    assert len(pack_control(0, 2, TTL.pack(7))) == socket.CMSG_SPACE(TTL.size)
