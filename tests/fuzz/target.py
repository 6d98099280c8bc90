"""What any bytes from outside may do to us: be read, or be refused in the one way there is.

`one_input` is the target of every driver. The first byte chooses who reads the rest, the second one a
detail. It returns nothing; a fault is any exception that leaves it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trippy_nb import wire
from trippy_nb.errors import BadPacketError, ConfigError, ScenarioError
from trippy_nb.lifetimes import Datagram, iter_control, pack_control
from trippy_nb.model import (
    Foreign,
    Multipath,
    Plan,
    Probe,
    Protocol,
    Quote,
    Reply,
    ReplyKind,
    SendReceipt,
    SocketMode,
    Target,
    TraceConfig,
)
from trippy_nb.net.addresses import unpack_sockaddr
from trippy_nb.net.ancillary import read_ancillary
from trippy_nb.net.queued import quoted_bytes, reply_from_queue
from trippy_nb.sim import parse_scenario
from trippy_nb.tracing import Send, Strategy

if TYPE_CHECKING:
    from trippy_nb.tracing import Arrival

Reader = Callable[[int, bytes], None]
SOURCE = {4: "192.0.2.1", 6: "2001:db8::1"}
TARGET = {4: "198.51.100.9", 6: "2001:db8:9::9"}
ROUTER = {4: "203.0.113.3", 6: "2001:db8:3::3"}
HEADER = {4: 20, 6: 40}
KINDS = (
    (Protocol.ICMP, Multipath.CLASSIC),
    (Protocol.UDP, Multipath.CLASSIC),
    (Protocol.UDP, Multipath.PARIS),
    (Protocol.UDP, Multipath.DUBLIN),
    (Protocol.TCP, Multipath.CLASSIC),
)
_NOW = 10**12


def plan_for(number: int, mode: SocketMode = SocketMode.SIM) -> Plan:
    """One of ten plans: each kind of probe, each family."""
    protocol, multipath = KINDS[number % 5]
    af = 4 if number // 5 % 2 == 0 else 6
    return Plan(
        config=TraceConfig(protocol=protocol, multipath_strategy=multipath),
        target=Target(TARGET[af], TARGET[af]),
        protocol=protocol,
        mode=mode,
        reason="fuzzed",
        source=SOURCE[af],
        sport=40_000 if protocol is Protocol.UDP else None,
        dport=80 if protocol is Protocol.TCP else None,
        trace_id=0x7E57,
        secret=b"\xa0\xa1secret",
        icmp_checksum=0x1234 if protocol is Protocol.ICMP else None,
    )


def started(plan: Plan) -> tuple[Strategy, Sequence[Probe]]:
    """A strategy that has sent its first window."""
    strategy = Strategy(plan)
    action = strategy.next_action(_NOW)
    assert isinstance(action, Send)
    strategy.on_sent([SendReceipt(probe.key, _NOW, _NOW) for probe in action.probes])
    return strategy, action.probes


_STARTED = [started(plan_for(number)) for number in range(10)]


def _judge(number: int, reply: Reply | None) -> None:
    """Hand a reply to a strategy: it is credited to a probe that it does not contradict, or to none."""
    if reply is None:
        return
    strategy, probes = _STARTED[number % 10]
    event = strategy.on_reply(reply, _NOW + 1)
    assert (event.probe is None) == (event.kind is ReplyKind.UNMATCHED) == (event.match is None)
    if event.probe is None:
        return
    assert event.probe in probes
    quote, plan = reply.quote, plan_for(number)
    if reply.icmp_type not in {0, 129, None}:
        assert quote.dst in {None, plan.target.addr}
    assert quote.icmp_id != 0 or plan.protocol is not Protocol.ICMP
    assert quote.icmp_seq in {None, event.probe.seq}
    if plan.protocol is not Protocol.ICMP:
        assert quote.dport in {None, event.probe.dport}


def _check_extensions(reply: Reply | None) -> None:
    """What a reply brings along can be read, and written again as it was but for its first four bytes."""
    if reply is not None and reply.extensions is not None:
        objects = wire.decode_extensions(reply.extensions).objects
        assert wire.encode_extensions(objects)[4:] == reply.extensions[4:]


def packet(detail: int, octets: bytes) -> None:
    reply = wire.decode_reply(octets, read_ns=_NOW)
    _check_extensions(reply)
    _judge(detail, reply)
    wire.decode_reply(octets, read_ns=_NOW, whole=False)


def message_v4(detail: int, octets: bytes) -> None:
    protocol = (wire.ICMP, wire.TCP, wire.UDP, detail)[detail % 4]
    reply = wire.decode_reply_v4(octets, src=ROUTER[4], protocol=protocol, ttl=detail, read_ns=_NOW)
    _check_extensions(reply)
    _judge(detail % 5, reply)


def message_v6(detail: int, octets: bytes) -> None:
    protocol = (wire.ICMPV6, wire.TCP, wire.UDP, detail)[detail % 4]
    reply = wire.decode_reply_v6(octets, src=ROUTER[6], next_header=protocol, read_ns=_NOW)
    _check_extensions(reply)
    _judge(5 + detail % 5, reply)


def parts(detail: int, octets: bytes) -> None:
    """Read the layers that have a door of their own."""
    af = 4 + detail % 2 * 2
    readers: tuple[Callable[[], object], ...] = (
        lambda: wire.decode_ip(octets),
        lambda: wire.decode_icmp(octets, af=af).quote,
        lambda: wire.decode_quote(octets, af=af),
        lambda: wire.decode_tcp(octets),
        lambda: wire.decode_udp(octets, whole=bool(detail & 2)),
    )
    readers[detail // 2 % 5]()


def extensions(_detail: int, octets: bytes) -> None:
    read = wire.decode_extensions(octets)
    assert wire.decode_extensions(wire.encode_extensions(read.objects)) == read
    assert wire.encode_extensions(read.objects)[4:] == octets[4:]


def ancillary(_detail: int, octets: bytes) -> None:
    """The kernel's own words: nothing in them may raise, and what we pack is what we read."""
    read_ancillary(octets)
    messages = list(iter_control(octets))
    assert list(iter_control(b"".join(pack_control(*message) for message in messages))) == messages
    unpack_sockaddr(octets[:32])


def error_queue(detail: int, octets: bytes) -> None:
    """An entry of an error queue: ancillary data, a socket's address, and what was quoted."""
    if len(octets) < 2:
        return
    control, rest = octets[2 : 2 + octets[0] * 2], octets[2 + octets[0] * 2 :]
    datagram = Datagram(rest[octets[1] % 33 :], rest[: octets[1] % 33], control)
    said = read_ancillary(control)
    about = unpack_sockaddr(datagram.address)
    probe = _STARTED[detail % 10][1][0]
    quote = Quote(
        dst=about[0] if about else None,
        protocol=socket.IPPROTO_UDP,
        sport=probe.sport,
        dport=about[1] if about else None,
        payload=quoted_bytes(datagram, said),
    )
    arrival: Arrival = reply_from_queue(datagram, said, _NOW, af=4 + detail % 2 * 2, quote=quote)
    if isinstance(arrival, Reply):
        _judge(detail, arrival)
    else:
        assert isinstance(arrival, Foreign)


def scenario(_detail: int, octets: bytes) -> None:
    """A scenario somebody sent us."""
    try:
        parse_scenario(octets.decode("utf-8", "replace"))
    except (ScenarioError, ConfigError) as error:
        assert str(error)  # noqa: PT017 - a driver other than pytest runs this too


def there_and_back(detail: int, octets: bytes) -> None:
    """A probe of any numbers, as a router returns it: what was written is what is read."""
    octets = octets.ljust(8, b"\0")
    plan = plan_for(detail)
    seq = plan.config.initial_sequence + int.from_bytes(octets[:2], "big") % 500
    strategy, _ = _STARTED[detail % 10]
    del strategy
    ports = (0, 0)
    if plan.protocol is not Protocol.ICMP:
        ports = (plan.sport or seq, plan.dport or seq)
    probe = Probe(0, int.from_bytes(octets[2:5], "big"), 0, octets[5] or 1, 0, seq, *ports)
    sent = wire.with_ttl(wire.encode_probe(plan, probe), 1)
    af, header = plan.af, HEADER[plan.af]
    objects = [wire.ExtensionObject(octets[6], octets[7], octets[8:264])] if len(octets) > 8 else []
    answer = wire.encode_icmp_error(
        sent,
        source=ROUTER[af],
        icmp_type=wire.ICMP_TYPES[af].time_exceeded,
        icmp_code=0,
        quote_size=None if objects else header + 8 + octets[6] % 64,
        extensions=wire.encode_extensions(objects) if objects else b"",
    )
    reply = wire.decode_reply(answer, read_ns=_NOW)
    assert reply is not None
    quote = reply.quote
    assert (reply.responder, quote.src, quote.dst) == (ROUTER[af], plan.source, plan.target.addr)
    if plan.protocol is Protocol.ICMP:
        assert (quote.icmp_id, quote.icmp_seq, quote.checksum) == (plan.trace_id, seq, plan.icmp_checksum)
    else:
        assert (quote.sport, quote.dport) == ports
    if plan.protocol is Protocol.TCP:
        assert quote.tcp_seq == wire.tcp_sequence(plan, probe)
    if objects:
        assert reply.extensions is not None
        assert wire.decode_extensions(reply.extensions).objects == tuple(objects)


READERS: tuple[Reader, ...] = (
    packet,
    message_v4,
    message_v6,
    parts,
    extensions,
    ancillary,
    error_queue,
    scenario,
    there_and_back,
)


def one_input(octets: bytes) -> None:
    """Read an input; the only exception that bytes may cause is caught here."""
    if len(octets) < 2:
        return
    try:
        READERS[octets[0] % len(READERS)](octets[1], octets[2:])
    except BadPacketError:
        return
