"""Whether a reply answers a probe, how sure that is, and whether the target sent it.

A reply is rejected for a field that contradicts the probe, never for one that is missing: an error queue or
a quote of 28 bytes lacks many. Contradictions:

* the quoted destination, protocol or destination port is another;
* the source port or ICMP identifier is another, unless the quoted source address is another too: then
  a translator on the way rewrote both. Where the source port *is* the number (UDP classic with a fixed
  target port) nothing is left to tell the probe by, and the reply is rejected;
* the ICMP checksum is not the run's constant one, unless destination and identifier agree, or the
  source address was rewritten: translators change it, and some restore everything else;
* the payload is quoted so far that the probe's secret should be seen, and it is not;
* the TCP sequence number is not the probe's (where we choose it);
* it is an echo reply, a TCP answer or a datagram from another address than the target, and holds no
  token: those carry no quote, and another program's may look the same but for that. With the token it
  is the target, answering from another of its addresses.

Secret and sequence number change from round to round (UDP paris and dublin excepted), so with them an
answer to an earlier probe of the same number contradicts the later one.

A run of zeros in a quoted payload counts as not quoted: routers that send extensions pad short
quotes to 128 bytes (RFC 4884 section 4.1). Identifier 0 is nobody's: `Plan.trace_id` never is 0.

`Match.TOKEN`: the secret came back, or a TCP sequence number that we chose (half of it is secret).
An answer goes to the probe whose token it bears before any that it merely does not contradict.
`Match.HEADER`: besides the number, destination, fixed port or identifier agree, or the operating system
ties the answer to a socket of one probe. `Match.PORT_ONLY`: the number alone, or something was rewritten
on the way.
"""

from typing import Final

from trippy_nb.model import Match, Multipath, Plan, Probe, Protocol, Quote, Reply, SocketMode, flow_checksum
from trippy_nb.tracing.multipath import Numbering
from trippy_nb.wire import ICMP, ICMPV6, TCP, UDP, probe_secret, secret_offset, tcp_sequence

_IP_NUMBERS: Final = {
    (Protocol.ICMP, 4): ICMP,
    (Protocol.ICMP, 6): ICMPV6,
    (Protocol.UDP, 4): UDP,
    (Protocol.UDP, 6): UDP,
    (Protocol.TCP, 4): TCP,
    (Protocol.TCP, 6): TCP,
}
_ECHO_REPLY: Final = {4: 0, 6: 129}
_UNREACHABLE: Final = {4: 3, 6: 1}
_ERRORS: Final = {4: frozenset({3, 11, 12}), 6: frozenset({1, 2, 3, 4})}  # RFC 792; RFC 4443 section 2.1
_REASSEMBLY: Final = {4: (11, 1), 6: (3, 1)}  # tells of lost fragments, not of a hop
_TOO_BIG: Final = {4: (3, 4), 6: (2, 0)}  # RFC 1191 section 4; RFC 4443 section 3.2
_PORT_UNREACHABLE: Final = {4: (3, 3), 6: (1, 4)}
_BY_PROBE: Final = -1


class Matcher:
    """Judges replies against the probes of one plan.

    Parameters
    ----------
    plan
        The plan of the run.
    numbering
        How its probes are told apart.
    """

    def __init__(self, plan: Plan, numbering: Numbering) -> None:
        af = plan.af
        self._plan = plan
        self._numbering = numbering
        self._target = plan.target.addr
        self._source = plan.source
        self._ip_number = _IP_NUMBERS[plan.protocol, af]
        self._is_icmp = plan.protocol is Protocol.ICMP
        self._is_udp = plan.protocol is Protocol.UDP
        self._is_tcp = plan.protocol is Protocol.TCP
        # Linux puts an identifier of its own into messages of datagram ICMP sockets.
        self._icmp_id = plan.trace_id if plan.mode is not SocketMode.DATAGRAM else None
        self._secret_size = len(plan.secret)
        self._secret_offset = _BY_PROBE if numbering.by_length else secret_offset(plan, numbering.sample)
        self._echo_reply = _ECHO_REPLY[af]
        self._errors = _ERRORS[af]
        self._reassembly = _REASSEMBLY[af]
        self._port_unreachable = _PORT_UNREACHABLE[af]
        self._unreachable = _UNREACHABLE[af]
        self._too_big = _TOO_BIG[af]

    def is_answer(self, reply: Reply) -> bool:
        """Tell whether a reply is of a kind that answers probes of this plan at all."""
        kind = reply.icmp_type
        if kind is None:
            if reply.tcp_flags is not None:
                return self._is_tcp
            return self._is_udp or (self._is_tcp and reply.key is not None)  # a helper tells no flags
        if kind == self._echo_reply:
            return self._is_icmp
        return kind in self._errors and (kind, reply.icmp_code) != self._reassembly

    def judge(self, reply: Reply, probe: Probe) -> Match | None:
        """Tell how strongly a reply is tied to a probe that has its number; None if it contradicts it.

        Parameters
        ----------
        reply
            A reply that `is_answer`.
        probe
            The probe whose number it bears.
        """
        if reply.icmp_type is None:
            return self._judge_segment(reply, probe)
        if reply.icmp_type == self._echo_reply:
            return self._judge_echo(reply, probe)
        return self._judge_error(reply, probe)

    def shows_target(self, reply: Reply) -> bool:
        """Tell whether a credited reply shows that its probe reached the target.

        So do echo replies, TCP answers and datagrams; errors that the target itself sends; and, for UDP, Port
        Unreachable from any address: hosts with several addresses answer from another. (A firewall that
        rejects in that manner looks the same: nothing beyond it will answer either.)
        """
        kind = reply.icmp_type
        if kind is None or kind == self._echo_reply or reply.responder == self._target:
            return True
        return self._is_udp and (kind, reply.icmp_code) == self._port_unreachable

    def refuses(self, reply: Reply) -> bool:
        """Tell whether a router says that it will not, or cannot, forward: nothing comes beyond it."""
        refuses = reply.icmp_type == self._unreachable or self.says_too_big(reply)
        return refuses and not self.is_local_error(reply)

    def says_too_big(self, reply: Reply) -> bool:
        """Tell whether a router says that the probe does not fit its next link."""
        return (reply.icmp_type, reply.icmp_code) == self._too_big

    def is_local_error(self, reply: Reply) -> bool:
        """Tell whether our own host sent it, for want of a neighbour or route: no hop at all."""
        return (
            reply.icmp_type == self._unreachable
            and reply.responder == self._source
            and self._source != self._target
        )

    def _judge_segment(self, reply: Reply, probe: Probe) -> Match | None:
        """Judge what a TCP or UDP port sent back: its ports, and of TCP what it acknowledges."""
        quote = reply.quote
        if quote.sport not in (None, probe.sport) or quote.dport not in (None, probe.dport):
            return None
        sequence = self._sequence_agrees(quote, probe)
        if sequence is not None:
            return Match.TOKEN if sequence else None
        return Match.HEADER if reply.responder == self._target else None

    def _judge_echo(self, reply: Reply, probe: Probe) -> Match | None:
        quote = reply.quote
        if self._icmp_id is not None and quote.icmp_id not in (None, self._icmp_id):
            return None
        token = self._secret_agrees(quote.payload, probe)
        if token is False:
            return None
        if token:
            return Match.TOKEN
        return Match.HEADER if reply.responder == self._target else None

    def _judge_error(self, reply: Reply, probe: Probe) -> Match | None:
        quote = reply.quote
        if quote.protocol is not None and quote.protocol != self._ip_number:
            return None
        dst = quote.dst
        if dst is not None and dst != self._target:
            return None
        translated = quote.src is not None and quote.src != self._source
        if self._is_icmp:
            agrees = self._identity_agrees(quote, probe, translated=translated)
        else:
            agrees = self._ports_agree(quote, probe, translated=translated)
        if agrees is None:
            return None
        if self._numbering.has_identification:
            same = self._numbers_agree(quote, probe)
            if same is None:
                return None
            agrees = agrees and same
        token = self._sequence_agrees(quote, probe)
        if token is None:
            token = self._secret_agrees(quote.payload, probe, padded=True)
        if token is not None:
            return Match.TOKEN if token else None
        if translated or not agrees:
            return Match.PORT_ONLY if reply.key is None else Match.HEADER
        return Match.HEADER

    def _numbers_agree(self, quote: Quote, probe: Probe) -> bool | None:
        """Compare all places of the number: True they agree, False one was rewritten, None contradiction.

        Nobody on the way rewrites a payload: another number there is another probe's.
        """
        word = self._numbering.word_of(quote)
        if word is not None and word != probe.seq:
            return None
        places = [quote.ip_id]
        if self._plan.multipath is Multipath.PARIS:
            if quote.payload is None and quote.checksum is None and None in (quote.sport, quote.dport):
                return None  # an IP header alone says too little to go by the identification
            places.append(quote.checksum)
        return all(place in (None, probe.seq) for place in places)

    def _identity_agrees(self, quote: Quote, probe: Probe, *, translated: bool) -> bool | None:
        """Compare identifier and checksum: True they agree, False nothing to tell by, None contradiction."""
        known, wanted = quote.icmp_id, self._icmp_id
        agrees = quote.dst is not None
        if known is not None and wanted is not None:
            if known != wanted:
                return False if translated and known else None
            if quote.checksum is None or flow_checksum(self._plan, probe.flow) in (None, quote.checksum):
                return True
            return False if agrees or translated else None
        return agrees

    def _ports_agree(self, quote: Quote, probe: Probe, *, translated: bool) -> bool | None:
        """Compare ports and sequence: True they agree, False only the number does, None contradiction."""
        sport, dport = quote.sport, quote.dport
        if dport is not None and dport != probe.dport:
            return None
        if self._numbering.in_sport and translated and not self._sequence_agrees(quote, probe):
            return None
        if sport is not None and sport != probe.sport:
            return False if translated else None
        return quote.dst is not None or (sport is not None and dport is not None)

    def _sequence_agrees(self, quote: Quote, probe: Probe) -> bool | None:
        """Compare TCP sequence numbers; None if it did not come back, or the kernel chose it."""
        if quote.tcp_seq is None or not self._numbering.own_sequence:
            return None
        return quote.tcp_seq == tcp_sequence(self._plan, probe)

    def _secret_agrees(self, payload: bytes | None, probe: Probe, *, padded: bool = False) -> bool | None:
        """Look for the probe's secret in a payload, padded or not; None if it is not quoted that far."""
        offset = self._secret_offset
        if offset is not None and offset < 0:
            offset = secret_offset(self._plan, probe)
        if payload is None or offset is None:
            return None
        secret, end = probe_secret(self._plan, probe), offset + self._secret_size
        part = payload[offset:end]
        if part == secret:
            return True
        if padded:  # a secret that ends in zeros loses them with the padding
            part = payload.rstrip(b"\0")[offset:end]
        return None if secret.startswith(part) else False
