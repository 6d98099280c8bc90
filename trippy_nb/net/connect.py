"""TCP without privilege: each probe is an attempt to connect, on a socket of its own (Linux).

The kernel makes the SYN, so its sequence number, options and identification are not ours. What comes back:

* an ICMP error, from the socket's error queue, with the quoted TCP header. The kernel has compared ports and
  sequence number before it queues it (net/ipv4/tcp_ipv4.c, `tcp_v4_err`). It has a receive stamp.
* SYN-ACK: the socket is connected, and `TCP_INFO` has the RTT that the kernel measured. No header is shown.
* RST: the connection is refused. Nothing else is known, so its RTT is that of user space.

Two things are not left to the kernel. It would send a SYN again after a second, whatever TCP_SYNCNT
says (RFC 6298 section 2), and answers could not be told apart: an attempt is given up before. And an
attempt that succeeds is not to bother anybody: TCP_QUICKACK 0 delays the last step of the handshake, and
SO_LINGER 0 makes a reset of the close. So SYN, SYN-ACK, RST leave, as those of a half-open
scan: the program behind the port is never told, the target forgets at once, and here no port
rests in TIME_WAIT. An ordinary close would leave the target a connection until its program closed it.
"""

import errno
import socket
import struct
from collections.abc import Sequence

from trippy_nb.lifetimes import Datagram, Port, Vault
from trippy_nb.model import Foreign, Plan, Probe, Quote, Reply, SendReceipt
from trippy_nb.net import linux
from trippy_nb.net.addresses import bind_fixed, family_of, socket_address, unpack_sockaddr
from trippy_nb.net.ancillary import Ancillary, read_ancillary
from trippy_nb.net.attempts import Attempt, Attempts
from trippy_nb.net.queued import queue_errors, quoted_bytes, reply_from_queue
from trippy_nb.net.stamps import await_stamping, stamp_received
from trippy_nb.net.steering import steer
from trippy_nb.tracing import Arrival, Clock
from trippy_nb.wire import ACK, RST, SYN

_ABORT = struct.pack("@ii", 1, 0)  # struct linger: on, 0 s
_ESTABLISHED = 1  # tcp_states.h
_TCP_INFO_SIZE = 104  # linux/tcp.h: up to tcpi_total_retrans
_RTT_AT, _TOTAL_RETRANS_AT = 68, 100
_U32 = struct.Struct("=I")
_PORTS_AND_SEQUENCE = struct.Struct("!HHI")  # RFC 9293 section 3.1
_SUM_AT = 16
_TWICE = "the SYN was sent twice: which of them this answers is not known"
_IPV6 = 6


class ConnectChannel:
    """A channel of attempts to connect.

    Parameters
    ----------
    plan
        The trace; TCP.
    vault
        Owner of all that is opened here.
    clock
        The monotonic clock.

    Raises
    ------
    PortInUseError
        If the source port is taken by another program.
    """

    def __init__(self, plan: Plan, vault: Vault, clock: Clock) -> None:
        self._plan = plan
        # Where the source port is ours, a pair of ports that is connected already refuses by EADDRNOTAVAIL.
        self._attempts = Attempts(
            plan, vault, clock, set_up=self._set_up, read=self._read, taken=errno.EADDRNOTAVAIL
        )
        if plan.sport is not None:  # ours, or nobody's, for the whole trace
            vault.open_socket(
                family_of(plan.af), socket.SOCK_STREAM, purpose="keeping the source port", setup=self._reserve
            )
        await_stamping(vault, keep=True)

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`."""
        return self._attempts.send(probes)

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        return self._attempts.receive(until_ns)

    def _reserve(self, port: Port) -> None:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # among ourselves
        steer(port, self._plan.config)
        bind_fixed(port, self._plan, self._plan.sport or 0)

    def _set_up(self, port: Port, probe: Probe) -> None:
        plan = self._plan
        queue_errors(port, plan.af, plan.config.tos)
        if plan.af == _IPV6:
            port.setsockopt(linux.SOL_IPV6, linux.IPV6_UNICAST_HOPS, probe.ttl)
        else:
            port.setsockopt(linux.SOL_IP, linux.IP_TTL, probe.ttl)
        stamp_received(port)
        port.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        port.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        port.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
        if plan.sport is not None:
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        steer(port, plan.config)
        port.bind(socket_address(plan.source, probe.sport, plan.target.zone))

    def _read(self, attempt: Attempt, read_ns: int) -> Arrival | None:
        """Read what ended an attempt; None if that was nobody's answer."""
        port = attempt.port
        info = port.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        queued = port.receive_many(flags=socket.MSG_ERRQUEUE, again=linux.QUEUED_ICMP, count=False)
        number = port.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not isinstance(info, bytes) or len(info) < _TCP_INFO_SIZE:
            return None
        if _U32.unpack_from(info, _TOTAL_RETRANS_AT)[0]:
            return Foreign(_TWICE, read_ns)
        for datagram in queued:
            said = read_ancillary(datagram.control)
            if said.error is not None and said.error.origin in (linux.EE_ICMP, linux.EE_ICMP6):
                return self._icmp_error(attempt, datagram, said, read_ns)
        if number == errno.ECONNREFUSED:
            return self._answer(attempt, read_ns, flags=RST | ACK)
        if info[0] == _ESTABLISHED:
            (rtt_us,) = _U32.unpack_from(info, _RTT_AT)
            return self._answer(attempt, read_ns, flags=SYN | ACK, rtt_ns=rtt_us * 1000 or None)
        return None

    def _icmp_error(self, attempt: Attempt, datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
        quoted = quoted_bytes(datagram, said) or b""
        about = unpack_sockaddr(datagram.address)
        dst = about[0] if about else None
        quote = Quote(
            dst=dst, protocol=socket.IPPROTO_TCP, sport=attempt.probe.sport, dport=attempt.probe.dport
        )
        if len(quoted) >= _PORTS_AND_SEQUENCE.size:
            sport, dport, sequence = _PORTS_AND_SEQUENCE.unpack_from(quoted)
            total = quoted[_SUM_AT : _SUM_AT + 2]
            quote = Quote(
                dst=dst,
                protocol=socket.IPPROTO_TCP,
                sport=sport,
                dport=dport,
                tcp_seq=sequence,
                checksum=int.from_bytes(total, "big") if len(total) == 2 else None,  # noqa: PLR2004 - two bytes
            )
        return reply_from_queue(datagram, said, read_ns, af=self._plan.af, quote=quote, key=attempt.probe.key)

    def _answer(self, attempt: Attempt, read_ns: int, *, flags: int, rtt_ns: int | None = None) -> Reply:
        """Tell of a segment of the target's that the kernel has seen, and we have not."""
        target, probe = self._plan.target, attempt.probe
        return Reply(
            responder=target.addr,
            zone=target.zone,
            read_ns=read_ns,
            rtt_ns=rtt_ns,
            tcp_flags=flags,
            quote=Quote(dst=target.addr, protocol=socket.IPPROTO_TCP, sport=probe.sport, dport=probe.dport),
            key=probe.key,
        )
