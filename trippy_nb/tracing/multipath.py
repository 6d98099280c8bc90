"""How probes are told apart, and which flow each belongs to: classic, paris, dublin.

A flow is what a load balancer hashes: addresses, protocol, ports (ICMP: checksum and identifier). What
carries a probe's number must come back even in a quote of 28 bytes:

=================  =====================================  ======================================
probes             number                                 flow
=================  =====================================  ======================================
ICMP classic       sequence                               one (the checksum is kept constant)
ICMP paris         sequence                               one a round: each has its own checksum
UDP, TCP classic   the port that is not fixed             0, "changes with every probe"
UDP paris          UDP checksum; IPv4: identification     one a round, or one if both ports are fixed
UDP dublin, IPv4   identification, and a word of payload  as UDP paris
UDP dublin, IPv6   payload length, or a word of it        as UDP paris
TCP paris          sequence number                        as UDP paris
=================  =====================================  ======================================

A number has two places where what lies on the way rewrites one or the other: a translator the checksum, a
firewall the identification. As in Trippy, a port that varies by round is ``initial_sequence + round``;
unlike Trippy it comes round to 1024 again, not to 0, and the same port is the same flow again, so flows fit
into 16 bits.
"""

from collections.abc import Callable
from typing import Final

from trippy_nb.errors import ConfigError
from trippy_nb.model import (
    ICMP_FLOWS,
    MAX_SEQUENCE_PER_ROUND,
    FlowOpened,
    Multipath,
    Plan,
    Probe,
    Protocol,
    Quote,
    SocketMode,
    flow_checksum,
    flow_label,
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
        self.is_icmp_paris = plan.protocol is Protocol.ICMP and plan.multipath is Multipath.PARIS
        self.by_round = plan.multipath is not Multipath.CLASSIC and not fixed_both
        """A port, or the ICMP checksum, changes from round to round, and the flow with it."""
        initial = plan.config.initial_sequence
        self.first = max(initial, 1) if self.by_port else initial
        """Number of the first probe; port 0 is none."""
        is_v6 = plan.af == _IPV6
        self.by_length = plan.multipath is Multipath.DUBLIN and is_v6
        """The payload length is the number."""
        self.wrap_at = self.first + MAX_SEQUENCE_PER_ROUND if self.by_length else MAX_SEQUENCE
        """A round does not begin at this number or above."""
        self.own_sequence = _has_own_sequence(plan)
        """We choose the TCP sequence numbers, not the kernel."""
        self.has_identification = plan.protocol is Protocol.UDP and not self.by_port and not is_v6
        """The IPv4 identification is the number, or one of two places for it."""
        self.find_numbers: Callable[[Quote], tuple[int, ...]] = self._finder()
        """Find the number of the quoted probe, the likeliest first: several if two places do not agree,
        none if the quote ends before it."""
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
        varying = 0
        if self.by_round:
            varying = round_ % ICMP_FLOWS if self.is_icmp_paris else self.round_port(round_)
        flow = self._flow_of_port.get(varying)
        if flow is not None:
            return flow, None
        flow = self._flow_of_port[varying] = len(self._flow_of_port)
        return flow, self._opened(flow, varying)

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
            icmp_checksum=flow_checksum(plan, flow) if icmp else None,
            flow_label=flow_label(plan, flow) if plan.af == _IPV6 and plan.mode in _OWN_HEADERS else None,
        )

    def _finder(self) -> Callable[[Quote], tuple[int, ...]]:
        plan = self._plan
        if plan.protocol is Protocol.ICMP:
            return lambda quote: () if quote.icmp_seq is None else (quote.icmp_seq,)
        if self.own_sequence:
            return self._tcp_numbers
        if self.by_port:
            return self._port_numbers
        if plan.multipath is Multipath.PARIS:
            return self._paris_numbers
        if not self.by_length:
            return self._dublin_numbers
        return self._word_numbers if plan.mode is SocketMode.ERROR_QUEUE else self._length_numbers

    def word_of(self, quote: Quote) -> int | None:
        """Find the number in the quoted payload; None if it is not quoted so far, or has none there.

        Of paris it is told by the word that made the checksum come out: a translator changes the checksum and
        not the payload.
        """
        payload = quote.payload
        if payload is None:
            return None
        if self._plan.multipath is Multipath.DUBLIN or self._plan.is_sized:
            return payload_number(self._plan, payload)
        if len(payload) < _WORD or not any(payload[_WORD:]):
            return None  # cut short, or nothing but the zeros that fill a quote up (RFC 4884)
        sport = self._plan.sport if self._plan.sport is not None else quote.sport
        dport = self._plan.dport if self._plan.dport is not None else quote.dport
        if sport is None or dport is None:
            return None
        return (self._paris_sum(sport, dport) - int.from_bytes(payload[:_WORD], "big")) % _ONES

    def _port_numbers(self, quote: Quote) -> tuple[int, ...]:
        return _known(quote.sport if self.in_sport else quote.dport)

    def _tcp_numbers(self, quote: Quote) -> tuple[int, ...]:
        """Take the sequence number if it came back, for a translator may have rewritten the port."""
        if quote.tcp_seq is not None:
            return (quote.tcp_seq & _ONES,)
        return self._port_numbers(quote) if self.by_port else ()

    def _length_numbers(self, quote: Quote) -> tuple[int, ...]:
        if quote.udp_length is None:
            return ()
        return (self.first + quote.udp_length - _UDP_HEADER_SIZE - len(DUBLIN_MAGIC),)

    def _word_numbers(self, quote: Quote) -> tuple[int, ...]:
        return _known(None if quote.payload is None else payload_number(self._plan, quote.payload))

    def _dublin_numbers(self, quote: Quote) -> tuple[int, ...]:
        return _known(self.word_of(quote), quote.ip_id)

    def _paris_numbers(self, quote: Quote) -> tuple[int, ...]:
        """A translator rewrites source and checksum: then the identification is likelier right.

        Paris crosses translators that do not restore the quote that way, with 30 bytes or more quoted also
        by the payload; it cannot in Trippy (its issue 1104).
        """
        translated = quote.src is not None and quote.src != self._plan.source
        pair = (quote.ip_id, quote.checksum) if translated else (quote.checksum, quote.ip_id)
        return _known(self.word_of(quote), *pair)

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


def _known(*numbers: int | None) -> tuple[int, ...]:
    return tuple(dict.fromkeys([number for number in numbers if number is not None]))


def _is_numbered_by_port(plan: Plan) -> bool:
    return plan.protocol is not Protocol.ICMP and plan.multipath is Multipath.CLASSIC


def _has_own_sequence(plan: Plan) -> bool:
    return plan.protocol is Protocol.TCP and plan.mode in _OWN_HEADERS


def _check_ports(plan: Plan) -> None:
    if plan.protocol is Protocol.ICMP:
        return
    if (
        plan.protocol is Protocol.TCP
        and plan.multipath is not Multipath.CLASSIC
        and not _has_own_sequence(plan)
    ):
        raise ConfigError("TCP paris numbers its probes by sequence number: it needs raw sockets")
    fixed = (plan.sport is not None) + (plan.dport is not None)
    if fixed == 0:
        raise ConfigError(f"a {plan.protocol} plan fixes at least one port: give source_port or target_port")
    if fixed == _WORD and _is_numbered_by_port(plan):
        raise ConfigError(
            f"{plan.protocol} {plan.multipath} numbers its probes by a port: leave source_port or "
            "target_port out"
        )
