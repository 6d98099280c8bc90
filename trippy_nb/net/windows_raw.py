"""Raw sockets on Windows: ICMP and UDP over IPv4, as administrator.

We write every byte from the IP header on, so flows are as stable as on Linux. Not TCP, whose segments
Windows does not let raw sockets send; not the target's own UDP answers, which it does not let them
see; and not IPv6, where it has no IPV6_HDRINCL: ICMPv6 goes through the operating system's echo.
"""

import socket
from collections.abc import Sequence

from trippy_nb.lifetimes import Datagram, Port, Vault
from trippy_nb.model import Foreign, Plan, Probe, SendReceipt
from trippy_nb.net.addresses import pack_sockaddr, socket_address
from trippy_nb.net.question import Question, decoded
from trippy_nb.net.simple import receive_all, send_window
from trippy_nb.tracing import Arrival, Clock
from trippy_nb.wire import decode_reply, encode_probe


class WindowsRawChannel:
    """A channel over two raw sockets.

    Parameters
    ----------
    plan
        The trace; ICMP or UDP, over IPv4.
    vault
        Owner of all that is opened here.
    clock
        The clock.
    """

    def __init__(self, plan: Plan, vault: Vault, clock: Clock) -> None:
        self._plan = plan
        self._vault = vault
        self._clock = clock
        self._address = pack_sockaddr(plan.target.addr)
        self._asks = Question(plan)
        self._sender = vault.open_socket(
            socket.AF_INET,
            socket.SOCK_RAW,
            socket.IPPROTO_RAW,
            purpose="sending probes",
            setup=lambda port: port.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1),
        )
        self._receiver = vault.open_socket(
            socket.AF_INET,
            socket.SOCK_RAW,
            socket.IPPROTO_ICMP,
            purpose="receiving ICMP",
            setup=self._set_up_receiver,
        )

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`."""
        return send_window(self._vault, self._sender, self._clock, probes, self._encode)

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        return receive_all(
            self._vault,
            self._receiver,
            self._clock,
            until_ns=until_ns,
            read_timeout_s=self._plan.config.read_timeout,
            read=self._read,
        )

    def _set_up_receiver(self, port: Port) -> None:
        port.bind(socket_address(self._plan.source))  # unbound, a raw socket of Windows receives nothing

    def _encode(self, probe: Probe) -> Datagram:
        return Datagram(encode_probe(self._plan, probe), self._address)

    def _read(self, datagram: Datagram, read_ns: int) -> Arrival:
        packet = datagram.data
        start = (packet[0] & 0x0F) * 4 if packet else 0
        strange = self._asks.strangeness(packet, start)
        if strange:
            return Foreign(strange, read_ns, packet)
        return decoded(lambda: decode_reply(packet, read_ns=read_ns), packet, read_ns)
