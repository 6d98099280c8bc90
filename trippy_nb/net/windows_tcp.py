"""TCP on Windows: an attempt to connect is a probe, and its failure an answer. No privilege is needed.

Windows 10 version 2004 and later end an attempt at the first ICMP error (TCP_FAIL_CONNECT_ON_ICMP_ERROR) and
then say who sent it, with type and code (TCP_ICMP_ERROR_INFO). Before that, and under wine, routers stay
silent: only what the target answers is seen. There is no quote, and no stamp: RTTs are ``user``.
"""

import contextlib
import errno
import logging
import socket
import struct
from collections.abc import Sequence
from typing import Final

from trippy_nb.lifetimes import Port, Vault
from trippy_nb.model import Foreign, Plan, Probe, Quote, Reply, SendReceipt
from trippy_nb.net.addresses import family_of, socket_address, unpack_sockaddr, zone_of
from trippy_nb.net.attempts import Attempt, Attempts
from trippy_nb.tracing import Arrival, Clock
from trippy_nb.wire import ACK, RST, SYN

_log = logging.getLogger(__name__)

_FAIL_ON_ICMP: Final = 18  # TCP_FAIL_CONNECT_ON_ICMP_ERROR, ws2ipdef.h
_ICMP_ERROR_INFO: Final = 19  # TCP_ICMP_ERROR_INFO
_INFO: Final = struct.Struct("=28sIBB")  # ICMP_ERROR_INFO: SOCKADDR_INET, protocol, type, code
_INFO_SIZE: Final = 36
_TTL: Final = {4: (socket.IPPROTO_IP, socket.IP_TTL), 6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)}
_ABORT: Final = struct.pack("=HH", 1, 0)  # struct linger of Winsock: on, 0 s
_REFUSED: Final = (errno.ECONNREFUSED, errno.ECONNRESET)


class WindowsTcpChannel:
    """A channel of attempts to connect.

    Parameters
    ----------
    plan
        The trace; TCP.
    vault
        Owner of all that is opened here.
    clock
        The clock.
    """

    def __init__(self, plan: Plan, vault: Vault, clock: Clock) -> None:
        self._plan = plan
        self._attempts = Attempts(plan, vault, clock, set_up=self._set_up, read=self._read)
        self._sees_routers = True
        port = vault.open_socket(
            family_of(plan.af),
            socket.SOCK_STREAM,
            purpose="asking for ICMP errors",
            setup=self._ask_for_errors,
        )
        vault.release(port)
        if not self._sees_routers:
            _log.warning(
                "this Windows does not say which router ended an attempt to connect: only the target is seen"
            )

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`."""
        return self._attempts.send(probes)

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        return self._attempts.receive(until_ns)

    def _ask_for_errors(self, port: Port) -> None:
        try:
            port.setsockopt(socket.IPPROTO_TCP, _FAIL_ON_ICMP, 1)
        except OSError:
            self._sees_routers = False

    def _set_up(self, port: Port, probe: Probe) -> None:
        plan = self._plan
        port.setsockopt(*_TTL[plan.af], probe.ttl)
        if self._sees_routers:
            port.setsockopt(socket.IPPROTO_TCP, _FAIL_ON_ICMP, 1)
        port.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        if plan.sport is not None:
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind(socket_address(plan.source, probe.sport, plan.target.zone))

    def _read(self, attempt: Attempt, read_ns: int) -> Arrival:
        """Read what ended an attempt."""
        number = attempt.port.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        target = self._plan.target
        if number == 0:
            return self._reply(attempt, read_ns, target.addr, target.zone, tcp_flags=SYN | ACK)
        if number in _REFUSED:
            return self._reply(attempt, read_ns, target.addr, target.zone, tcp_flags=RST | ACK)
        with contextlib.suppress(OSError):
            info = attempt.port.getsockopt(socket.IPPROTO_TCP, _ICMP_ERROR_INFO, _INFO_SIZE)
            if isinstance(info, bytes) and len(info) >= _INFO.size:
                sockaddr, _protocol, icmp_type, icmp_code = _INFO.unpack_from(info)
                sender = unpack_sockaddr(sockaddr)
                if sender is not None:
                    return self._reply(
                        attempt,
                        read_ns,
                        sender[0],
                        zone_of(sender[2]),
                        icmp_type=icmp_type,
                        icmp_code=icmp_code,
                    )
        return Foreign(f"an attempt to connect failed (Windows error {number!r}), nobody knows why", read_ns)

    def _reply(
        self,
        attempt: Attempt,
        read_ns: int,
        responder: str,
        zone: str | None,
        *,
        tcp_flags: int | None = None,
        icmp_type: int | None = None,
        icmp_code: int | None = None,
    ) -> Reply:
        probe = attempt.probe
        return Reply(
            responder=responder,
            zone=zone,
            read_ns=read_ns,
            tcp_flags=tcp_flags,
            icmp_type=icmp_type,
            icmp_code=icmp_code,
            quote=Quote(
                dst=self._plan.target.addr, protocol=socket.IPPROTO_TCP, sport=probe.sport, dport=probe.dport
            ),
            key=probe.key,
        )
