"""How probes are told apart, and which flow each belongs to: classic, paris, dublin.

A flow is what a load balancer hashes: addresses, protocol, ports (ICMP: checksum and identifier). What
carries a probe's number must come back even in a quote of 28 bytes:

================  ===================================  ======================================
probes            number                               flow
================  ===================================  ======================================
ICMP              sequence                             one (the checksum is kept constant)
UDP, TCP classic  the port that is not fixed           0, "changes with every probe"
UDP paris         UDP checksum                         one a round, or one if both ports are fixed
UDP dublin, IPv4  IP identification                    as paris
UDP dublin, IPv6  payload length, or a word of it      as paris
================  ===================================  ======================================

As in Trippy, a port that varies by round is ``initial_sequence + round``; unlike Trippy it comes round to
1024 again, not to 0, and the same port is the same flow again, so flows fit into 16 bits.
"""

from collections.abc import Callable
from typing import Final

from trippy_nb.errors import ConfigError
from trippy_nb.model import (
    MAX_SEQUENCE_PER_ROUND,
    FlowOpened,
    Multipath,
    Plan,
    Probe,
    Protocol,
    Quote,
    SocketMode,
)
from trippy_nb.wire import DUBLIN_MAGIC, encode_message, payload_number

LOWEST_PORT: Final = 1024
MAX_SEQUENCE: Final = 0xFFFF - MAX_SEQUENCE_PER_ROUND
"""A round that would begin at this number or above begins at the initial one again."""

_PORTS: Final = 0xFFFF - LOWEST_PORT
_UDP_HEADER_SIZE: Final = 8
_IPV6: Final = 6
_ONES: Final = 0xFFFF
_WORD: Final = 2
_OWN_HEADERS: Final = (SocketMode.RAW, SocketMode.SIM)


class Numbering:
    """Gives probes their numbers, ports and flows, and finds the number in what came back.

    Parameters
    ----------
    plan
        The plan of the run.

    Raises
    ------
    ConfigError
        If neither port, or the only one that could carry the number, is free in this plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        _check_ports(plan)
        self.by_port = _is_numbered_by_port(plan)
        """A port is the number."""
        self.in_sport = self.by_port and plan.sport is None
        """The source port is the number (translators rewrite it)."""
        fixed_both = plan.sport is not None and plan.dport is not None
        self.by_round = not self.by_port and plan.protocol is Protocol.UDP and not fixed_both
        """A port changes from round to round, and the flow with it."""
        initial = plan.config.initial_sequence
        self.first = max(initial, 1) if self.by_port else initial
        """Number of the first probe; port 0 is none."""
        self.by_length = plan.multipath is Multipath.DUBLIN and plan.af == _IPV6
        """The payload length is the number."""
        self.wrap_at = self.first + MAX_SEQUENCE_PER_ROUND if self.by_length else MAX_SEQUENCE
        """A round does not begin at this number or above."""
        self.own_sequence = _has_own_sequence(plan)
        """We choose the TCP sequence numbers, not the kernel."""
        self.find_number: Callable[[Quote], int | None] = self._finder()
        """Find the number of the quoted probe; None if the quote ends before it, or bears none of ours."""
        self.sample = Probe(0, 0, 0, 1, 0, self.first, *self.ports(self.first, 0))
        """A probe like those of this run, never sent."""
        self._flow_of_port: dict[int, int] = {}
        self._paris_sums: dict[tuple[int, int], int] = {}

    def round_port(self, round_: int) -> int:
        """Tell the port that varies by round: from 1024 to 65534."""
        base = max(self.first, LOWEST_PORT) - LOWEST_PORT
        return LOWEST_PORT + (base + round_) % _PORTS

    def ports(self, seq: int, round_: int) -> tuple[int, int]:
        """Tell source and destination port of a probe; (0, 0) for ICMP."""
        plan = self._plan
        if plan.protocol is Protocol.ICMP:
            return 0, 0
        varying = seq if self.by_port else self.round_port(round_)
        return (
            varying if plan.sport is None else plan.sport,
            varying if plan.dport is None else plan.dport,
        )

    def open_flow(self, round_: int) -> tuple[int, FlowOpened | None]:
        """Tell the flow of a round, and what it keeps constant if it was not used before."""
        port = self.round_port(round_) if self.by_round else 0
        flow = self._flow_of_port.get(port)
        if flow is not None:
            return flow, None
        flow = self._flow_of_port[port] = len(self._flow_of_port)
        return flow, self._opened(flow, port)

    def _opened(self, flow: int, port: int) -> FlowOpened:
        plan = self._plan
        icmp = plan.protocol is Protocol.ICMP
        varying = port if self.by_round else None
        # Linux replaces the identifier on datagram ICMP sockets, and picks the flow label of those it builds
        # headers for: neither is known here then.
        return FlowOpened(
            flow=flow,
            sport=None if icmp else varying if plan.sport is None else plan.sport,
            dport=None if icmp else varying if plan.dport is None else plan.dport,
            icmp_id=plan.trace_id if icmp and plan.mode in _OWN_HEADERS else None,
            icmp_checksum=plan.icmp_checksum if icmp else None,
            flow_label=plan.flow_label if plan.af == _IPV6 and plan.mode in _OWN_HEADERS else None,
        )

    def _finder(self) -> Callable[[Quote], int | None]:
        plan = self._plan
        if plan.protocol is Protocol.ICMP:
            return lambda quote: quote.icmp_seq
        if self.own_sequence:
            return self._tcp_number
        if self.by_port:
            return self._port_number
        if plan.multipath is Multipath.PARIS:
            return self._paris_number
        if not self.by_length:
            return lambda quote: quote.ip_id
        return self._word_number if plan.mode is SocketMode.ERROR_QUEUE else self._length_number

    def _port_number(self, quote: Quote) -> int | None:
        return quote.sport if self.in_sport else quote.dport

    def _tcp_number(self, quote: Quote) -> int | None:
        """Take the sequence number if it came back, for a translator may have rewritten the port."""
        number = quote.tcp_seq
        return self._port_number(quote) if number is None else number & _ONES

    def _length_number(self, quote: Quote) -> int | None:
        if quote.udp_length is None:
            return None
        return self.first + quote.udp_length - _UDP_HEADER_SIZE - len(DUBLIN_MAGIC)

    def _word_number(self, quote: Quote) -> int | None:
        return None if quote.payload is None else payload_number(self._plan, quote.payload)

    def _paris_number(self, quote: Quote) -> int | None:
        """Take the word of payload that made the checksum come out, if it was quoted, else the checksum.

        A translator changes the checksum and not the payload: with 30 bytes or more quoted, paris
        crosses translators that do not restore the quote (it cannot in Trippy, its issue 1104).
        """
        payload = quote.payload
        if payload is None or len(payload) < _WORD or not any(payload[_WORD:]):
            return quote.checksum  # cut short, or nothing but the zeros that fill a quote up (RFC 4884)
        sport = self._plan.sport if self._plan.sport is not None else quote.sport
        dport = self._plan.dport if self._plan.dport is not None else quote.dport
        if sport is None or dport is None:
            return quote.checksum
        return (self._paris_sum(sport, dport) - int.from_bytes(payload[:_WORD], "big")) % _ONES

    def _paris_sum(self, sport: int, dport: int) -> int:
        """Tell word + checksum (modulo 65535, ones' complement), constant in a flow."""
        known = self._paris_sums.get((sport, dport))
        if known is None:
            if len(self._paris_sums) >= MAX_SEQUENCE_PER_ROUND:
                self._paris_sums.clear()  # forged quotes name any port: bounded, and cheap to make again
            probe = Probe(0, 0, 0, 1, 0, self.first, sport, dport)
            word = int.from_bytes(encode_message(self._plan, probe)[:_WORD], "big")
            known = self._paris_sums[sport, dport] = (word + self.first) % _ONES
        return known


def _is_numbered_by_port(plan: Plan) -> bool:
    if plan.protocol is Protocol.TCP:
        return True
    return plan.protocol is Protocol.UDP and plan.multipath is Multipath.CLASSIC


def _has_own_sequence(plan: Plan) -> bool:
    return plan.protocol is Protocol.TCP and plan.mode in _OWN_HEADERS


def _check_ports(plan: Plan) -> None:
    if plan.protocol is Protocol.ICMP:
        return
    fixed = (plan.sport is not None) + (plan.dport is not None)
    if fixed == 0:
        raise ConfigError(f"a {plan.protocol} plan fixes at least one port: give source_port or target_port")
    if fixed == _WORD and _is_numbered_by_port(plan):
        raise ConfigError(
            f"{plan.protocol} {plan.multipath} numbers its probes by a port: leave source_port or "
            "target_port out"
        )
