"""What other platforms' channels make of bytes, as far as that runs anywhere; the rest is in test_wine.py."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from tests.net.kernel_net import kernel_net
from tests.net.plans import make_plan, window
from trippy_nb.errors import ConfigError, PrivilegeError
from trippy_nb.lifetimes import Datagram, Vault
from trippy_nb.model import Choice, Foreign, Protocol, Quote, Reply, SocketMode, Target, TraceConfig
from trippy_nb.net import windows_tcp
from trippy_nb.net.addresses import pack_sockaddr
from trippy_nb.net.attempts import Attempt
from trippy_nb.net.choice import Abilities, decide
from trippy_nb.net.macos import MacDatagramChannel
from trippy_nb.net.windows_status import icmp_of_status, status_text
from trippy_nb.tracing import MonotonicClock
from trippy_nb.wire import (
    ICMP_TYPES,
    encode_echo_reply,
    encode_icmp_error,
    encode_message,
    encode_probe,
    probe_secret,
)

TARGET = {4: "127.0.0.1", 6: "::1"}
ROUTER = {4: "192.0.2.1", 6: "2001:db8::1"}


def plan_of(af: int, protocol: Protocol = Protocol.ICMP, mode: SocketMode = SocketMode.DATAGRAM):
    config = TraceConfig.from_options(protocol=str(protocol))
    choice = Choice(protocol=protocol, mode=mode, reason="", source=TARGET[af])
    return make_plan(Target("t", TARGET[af]), config, choice)


class MacForTest(MacDatagramChannel):
    """Without its socket: Linux's would say what it is allowed to."""

    def __init__(self, plan):
        from trippy_nb.net.question import Question

        self._plan, self._asks = plan, Question(plan)

    def read(self, packet: bytes, sender: str, af: int):
        datagram = Datagram(packet, pack_sockaddr(sender))
        return (self._read_v6 if af == 6 else self._read_v4)(datagram, 7)


def as_bsd_delivers(packet: bytes, af: int) -> bytes:
    """IPv4 with length and offset in host order, the length without the header; IPv6 without its header."""
    if af == 6:
        return packet[40:]
    (total,) = struct.unpack_from("!H", packet, 2)
    return packet[:2] + struct.pack("=H", total - 20) + packet[4:6] + b"\0\0" + packet[8:]


@pytest.mark.parametrize("af", [4, 6])
def test_a_mac_sees_routers_and_the_target_with_numbers_and_types(af):
    plan = plan_of(af)
    (probe,) = window(plan, [3])
    channel, types = MacForTest(plan), ICMP_TYPES[af]
    whole = encode_probe(plan, probe)
    error = encode_icmp_error(whole, source=ROUTER[af], icmp_type=types.time_exceeded, icmp_code=0)
    hop = channel.read(as_bsd_delivers(error, af), ROUTER[af], af)
    assert isinstance(hop, Reply)
    assert (hop.responder, hop.icmp_type, hop.quote.icmp_seq) == (ROUTER[af], types.time_exceeded, probe.seq)
    end = channel.read(as_bsd_delivers(encode_echo_reply(whole), af), TARGET[af], af)
    assert isinstance(end, Reply)
    assert (end.responder, end.icmp_type, end.quote.icmp_seq) == (TARGET[af], types.echo_reply, probe.seq)
    assert end.kernel_ns is None
    assert hop.kernel_ns is None
    assert (end.ttl is None) == (af == 6)


@pytest.mark.parametrize(("af", "size"), [(4, 0), (4, 1), (4, 19), (4, 20), (4, 27), (6, 0), (6, 1), (6, 7)])
def test_a_mac_is_not_confused_by_pieces(af, size):
    plan = plan_of(af)
    whole = as_bsd_delivers(encode_echo_reply(encode_probe(plan, window(plan, [1])[0])), af)
    assert isinstance(MacForTest(plan).read(whole[:size], TARGET[af], af), Foreign)


def test_a_mac_leaves_the_answers_to_others_alone():
    plan = plan_of(4)
    other = replace(plan, trace_id=plan.trace_id ^ 1)
    packet = as_bsd_delivers(encode_echo_reply(encode_probe(other, window(other, [1])[0])), 4)
    assert isinstance(MacForTest(plan).read(packet, TARGET[4], 4), Foreign)


@pytest.mark.parametrize(
    ("status", "af", "icmp"),
    [
        (0, 4, (0, 0)),
        (0, 6, (129, 0)),
        (11002, 4, (3, 0)),
        (11002, 6, (1, 0)),
        (11003, 4, (3, 1)),
        (11003, 6, (1, 3)),
        (11004, 4, (3, 2)),
        (11004, 6, (1, 1)),
        (11005, 4, (3, 3)),
        (11005, 6, (1, 4)),
        (11009, 4, (3, 4)),
        (11009, 6, (2, 0)),
        (11013, 4, (11, 0)),
        (11013, 6, (3, 0)),
        (11045, 4, None),
        (11045, 6, (1, 2)),
        (11010, 4, None),
        (11050, 6, None),
        (5, 4, None),
    ],
)
def test_a_status_of_windows_is_a_type_and_a_code(status, af, icmp):
    assert icmp_of_status(status, af) == icmp
    assert str(status) in status_text(status)


class FakeEnd:
    """A socket of Windows whose attempt to connect is over."""

    def __init__(self, number: int, info: bytes | OSError):
        self._number, self._info = number, info

    def getsockopt(self, level: int, option: int, size: int = 0) -> int | bytes:
        if not size:
            return self._number
        if isinstance(self._info, OSError):
            raise self._info
        return self._info


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize(
    ("number", "has_info", "expected"),
    [
        (0, False, ("target", None, 0x12)),
        (111, False, ("target", None, 0x14)),
        (10065, True, ("router", "time_exceeded", None)),
        (10065, False, None),
    ],
)
def test_the_end_of_an_attempt_on_windows_is_an_answer(af, number, has_info, expected):
    plan = plan_of(af, Protocol.TCP, SocketMode.CONNECT)
    (probe,) = window(plan, [2])
    kind = ICMP_TYPES[af].time_exceeded
    sockaddr = pack_sockaddr(ROUTER[af]).ljust(28, b"\0")
    info = struct.pack("=28sIBB2x", sockaddr, 1 if af == 4 else 58, kind, 0) if has_info else OSError(1)
    channel = object.__new__(windows_tcp.WindowsTcpChannel)
    channel._plan = plan
    attempt = Attempt(probe, FakeEnd(number, info), 0)  # type: ignore[arg-type]  # only getsockopt is used
    arrival = channel._read(attempt, 5)
    if expected is None:
        assert isinstance(arrival, Foreign)
        assert str(number) in arrival.reason
        return
    who, icmp, flags = expected
    assert isinstance(arrival, Reply)
    assert arrival.responder == (TARGET[af] if who == "target" else ROUTER[af])
    assert arrival.icmp_type == (kind if icmp else None)
    assert arrival.tcp_flags == flags
    assert arrival.key == probe.key
    assert arrival.quote == Quote(dst=TARGET[af], protocol=6, sport=probe.sport, dport=probe.dport)


@pytest.mark.parametrize(
    ("platform", "options", "raw", "expected"),
    [
        ("win32", {}, True, ("icmp", "raw")),
        ("win32", {}, False, ("icmp", "icmp-api")),
        ("win32", {"protocol": "icmp", "unprivileged": True}, True, ("icmp", "icmp-api")),
        ("win32", {"protocol": "udp"}, True, ("udp", "raw")),
        ("win32", {"protocol": "tcp"}, True, ("tcp", "connect")),
        ("win32", {"protocol": "tcp"}, False, ("tcp", "connect")),
        ("darwin", {}, True, ("icmp", "datagram")),
        ("darwin", {"protocol": "icmp"}, False, ("icmp", "datagram")),
    ],
)
def test_the_order_of_other_platforms(platform, options, raw, expected):
    abilities = Abilities({SocketMode.RAW: lambda: raw}, 4, platform)
    protocol, mode, reason = decide(TraceConfig.from_options(**options), abilities)
    assert (protocol, mode) == expected
    assert "CAP_NET_RAW" not in reason


@pytest.mark.parametrize(
    ("platform", "af", "options", "expected"),
    [
        ("win32", 6, {"protocol": "icmp"}, "icmp-api"),
        ("win32", 6, {}, "icmp-api"),
        ("win32", 6, {"protocol": "tcp"}, "connect"),
        ("win32", 6, {"protocol": "udp"}, "UDP over IPv6 is not built"),
        ("win32", 6, {"protocol": "udp", "multipath": "paris"}, "UDP over IPv6 is not built"),
        ("win32", 6, {"protocol": "icmp", "mode": "raw"}, "mode raw is not to be had on this platform"),
        ("darwin", 4, {"protocol": "udp"}, "UDP over IPv4 is not built"),
        ("darwin", 4, {"protocol": "tcp"}, "TCP over IPv4 is not built"),
        ("win32", 4, {"mode": "error-queue", "protocol": "udp"}, "mode error-queue is not to be had"),
    ],
)
def test_what_a_platform_lacks_is_refused_by_name_even_to_an_administrator(platform, af, options, expected):
    abilities = Abilities({SocketMode.RAW: lambda: True}, af, platform)
    config = TraceConfig.from_options(**options)
    if " " not in expected:
        assert decide(config, abilities)[1] == expected
        return
    with pytest.raises((ConfigError, PrivilegeError), match=expected) as caught:
        decide(config, abilities)
    assert "administrator" not in str(caught.value)


def test_the_payload_that_windows_is_handed_holds_the_secret():
    plan = plan_of(4, mode=SocketMode.ICMP_API)
    (probe,) = window(plan, [1])
    assert probe_secret(plan, probe) in encode_message(plan, probe)[8:]


def sent_as_on_a_mac():
    clock = MonotonicClock()
    with Vault() as vault:
        plan = plan_of(4)
        channel = MacDatagramChannel(plan, vault, clock)
        receipts = channel.send(window(plan, [1, 2]))
        end_ns = clock.now_ns() + 2_000_000_000
        arrivals: list[object] = []
        while len(arrivals) < 2 and clock.now_ns() < end_ns:
            arrivals += channel.receive(end_ns)
    return receipts, arrivals


@pytest.mark.netns
def test_a_mac_channel_sends_and_drains_through_linux_sockets_too():
    with kernel_net("tnse", routers=-1, meet=False) as net:
        net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        receipts, arrivals = net.call(sent_as_on_a_mac)
    assert [receipt.errno for receipt in receipts] == [0, 0]
    assert all(receipt.before_ns <= receipt.after_ns for receipt in receipts)
    assert len(arrivals) == 2
    assert all(
        isinstance(arrival, Foreign) for arrival in arrivals
    )  # Linux delivers no IP header: not a Mac's
