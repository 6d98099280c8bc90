"""Raw sockets: we write every byte from the IP header on, and read all ICMP that comes.

One socket sends. One receives ICMP; for TCP and UDP another receives the target's own segments,
filtered in the kernel. With them a whole window is one sendmmsg, and its answers are one poll and two
or three recvmmsg.
"""

import logging
import socket
from collections.abc import Sequence

from trippy_nb.lifetimes import Datagram, Port, Vault
from trippy_nb.model import Foreign, Plan, Probe, Protocol, Reply, SendReceipt
from trippy_nb.net import linux
from trippy_nb.net.addresses import (
    family_of,
    pack_sockaddr,
    scope_of,
    socket_address,
    unpack_sockaddr,
    zone_of,
)
from trippy_nb.net.ancillary import Ancillary
from trippy_nb.net.buffers import widen
from trippy_nb.net.filters import pass_answers_only, pass_own_answers_only, pass_target_only
from trippy_nb.net.question import ANSWERED_BY, ICMP_NUMBER, Question, decoded
from trippy_nb.net.stamps import TransmitStamps, await_stamping, stamp_received
from trippy_nb.net.steering import steer
from trippy_nb.net.transfer import Inbox, Outbox
from trippy_nb.tracing import Arrival, Clock
from trippy_nb.wire import decode_ip, decode_reply, decode_reply_v6, decode_udp_reply, encode_probe

_log = logging.getLogger(__name__)

_FLOOD = 16_384  # packets of others, each of which costs us some 10 us and a place in the receive buffer
_IPV4 = 4


class RawChannel:
    """A channel over raw sockets. Needs CAP_NET_RAW.

    Parameters
    ----------
    plan
        The trace.
    vault
        Owner of all that is opened here.
    clock
        The monotonic clock.
    """

    def __init__(self, plan: Plan, vault: Vault, clock: Clock) -> None:
        self._plan = plan
        af, family = plan.af, family_of(plan.af)
        self._local = socket_address(plan.source, zone=plan.target.zone)
        self._address = pack_sockaddr(plan.target.addr, scope=scope_of(plan.target.zone))
        self._asks = Question(plan)
        sender = vault.open_socket(
            family, socket.SOCK_RAW, socket.IPPROTO_RAW, purpose="sending probes", setup=self._set_up_sender
        )
        stamps = TransmitStamps(sender)
        self._outbox = Outbox(sender, vault, clock, stamps)
        self._inbox = Inbox(vault, clock, plan.config.read_timeout)
        errors = vault.open_socket(
            family, socket.SOCK_RAW, ICMP_NUMBER[af], purpose="receiving ICMP", setup=self._set_up_icmp
        )
        self._errors = errors
        self._strangers = 0
        self._inbox.add(errors, self._read_icmp_v4 if af == _IPV4 else self._read_icmp_v6)
        if plan.protocol in ANSWERED_BY:
            answers = vault.open_socket(
                family,
                socket.SOCK_RAW,
                ANSWERED_BY[plan.protocol],
                purpose=f"receiving {plan.protocol.upper()}",
                setup=self._set_up_answers,
            )
            self._inbox.add(answers, self._read_tcp if plan.protocol is Protocol.TCP else self._read_udp)
        self._inbox.add_errors(sender, stamps)
        await_stamping(vault)

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`."""
        return self._outbox.send(probes, self._encode)

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        return self._inbox.receive(until_ns)

    def _encode(self, probe: Probe) -> Datagram:
        return Datagram(encode_probe(self._plan, probe), self._address)

    def _set_up_sender(self, port: Port) -> None:
        if self._plan.af == _IPV4:
            level, discover = linux.SOL_IP, linux.IP_MTU_DISCOVER
            port.setsockopt(level, linux.IP_RECVERR, 1)  # else a full queue drops without a word
        else:
            level, discover = linux.SOL_IPV6, linux.IPV6_MTU_DISCOVER
            port.setsockopt(linux.SOL_IPV6, linux.IPV6_HDRINCL, 1)
            port.setsockopt(linux.SOL_IPV6, linux.IPV6_RECVERR, 1)
        port.setsockopt(level, discover, linux.PMTUDISC_PROBE)  # else one heard of before is in the way
        widen(port)
        steer(port, self._plan.config)
        port.bind(self._local)  # routes may depend on the source address

    def _set_up_icmp(self, port: Port) -> None:
        pass_answers_only(port, self._plan.af)
        self._set_up_receiver(port)

    def _set_up_answers(self, port: Port) -> None:
        plan = self._plan
        pass_target_only(port, plan.target.addr, sport=plan.sport, dport=plan.dport)
        self._set_up_receiver(port)

    def _set_up_receiver(self, port: Port) -> None:
        if self._plan.af != _IPV4:  # IPv4 delivers the header itself
            port.setsockopt(linux.SOL_IPV6, linux.IPV6_RECVHOPLIMIT, 1)
            port.setsockopt(linux.SOL_IPV6, linux.IPV6_RECVTCLASS, 1)
        stamp_received(port)
        widen(port)
        steer(port, self._plan.config)
        port.bind(self._local)

    def _read_icmp_v4(self, datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
        packet = datagram.data
        start = (packet[0] & 0x0F) * 4 if packet else 0
        strange = self._asks.strangeness(packet, start)
        if strange:
            return self._stranger(strange, read_ns, packet)
        return decoded(
            lambda: decode_reply(packet, read_ns=read_ns, kernel_ns=said.kernel_ns), packet, read_ns
        )

    def _read_icmp_v6(self, datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
        strange = self._asks.strangeness(datagram.data, 0)
        if strange:
            return self._stranger(strange, read_ns, datagram.data)
        return self._decode_v6(datagram, said, read_ns, socket.IPPROTO_ICMPV6)

    def _stranger(self, reason: str, read_ns: int, packet: bytes) -> Foreign:
        """Count a packet of others; once they are a flood, have the kernel keep the rest of it from us.

        Until then each is counted and the first are sampled, for they may explain what a user sees.
        """
        self._strangers += 1
        if self._strangers == _FLOOD:
            pass_own_answers_only(self._errors, self._asks)
            _log.info("%d foreign packets: from here on the kernel drops them, uncounted", _FLOOD)
        return Foreign(reason, read_ns, packet)

    def _read_tcp(self, datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
        if self._plan.af != _IPV4:
            return self._decode_v6(datagram, said, read_ns, socket.IPPROTO_TCP)
        packet = datagram.data
        return decoded(
            lambda: decode_reply(packet, read_ns=read_ns, kernel_ns=said.kernel_ns), packet, read_ns
        )

    def _read_udp(self, datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
        packet = datagram.data
        return decoded(lambda: self._decode_udp(packet, said, read_ns), packet, read_ns)

    def _decode_v6(self, datagram: Datagram, said: Ancillary, read_ns: int, protocol: int) -> Arrival:
        sender = unpack_sockaddr(datagram.address)
        if sender is None:
            return Foreign("no sender's address", read_ns, datagram.data)
        zone = zone_of(sender[2])
        src = f"{sender[0]}%{zone}" if zone else sender[0]
        return decoded(
            lambda: decode_reply_v6(
                datagram.data,
                src=src,
                next_header=protocol,
                hop_limit=said.ttl,
                tclass=said.tos,
                read_ns=read_ns,
                kernel_ns=said.kernel_ns,
            ),
            datagram.data,
            read_ns,
        )

    def _decode_udp(self, packet: bytes, said: Ancillary, read_ns: int) -> Reply:
        """Decode a datagram of the target's: only its ports say which probe it answers."""
        target = self._plan.target
        ttl, tos, size, segment = said.ttl, said.tos, len(packet) + 40, packet
        if target.af == _IPV4:
            outer = decode_ip(packet)
            ttl, tos, size, segment = outer.ttl, outer.tos, outer.size, outer.payload
        return decode_udp_reply(
            segment,
            src=target.addr,  # the filter saw to that
            zone=target.zone,
            ttl=ttl,
            tos=tos,
            size=size,
            packet=packet,
            read_ns=read_ns,
            kernel_ns=said.kernel_ns,
        )
