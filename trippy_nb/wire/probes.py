"""A probe as bytes: everything in them follows from the `Plan` and the `Probe`.

What carries the probe's number, so that it comes back even in a quote of 28 bytes:

=================  ==========================================================
ICMP               sequence number; a word of payload keeps the checksum constant
UDP classic        a port
UDP paris          the checksum, made to come out by a word of payload; IPv4: the identification, too; for a
                   path MTU as dublin on IPv4, too
UDP dublin, IPv4   identification; in the payload the number and its complement, after the secret
UDP dublin, IPv6   payload length, after the six bytes ``trippy``; by the error queue, which hides it, also
                   the word after the secret
TCP                low half of the sequence number; classic: and a port
=================  ==========================================================

Numbers come round after tens of thousands of probes. What tells the probes of one number apart is the
round, mixed into the secret (ICMP and UDP classic: `probe_secret`) or into the high half of the sequence
number (TCP: `tcp_sequence`). UDP paris and dublin keep the secret the same instead, and dublin the checksum
of a flow, for the complement makes up for the number.

Payloads, in this order and as far as there is room: the word that solves for a checksum (ICMP with a
constant checksum, UDP paris) or ``trippy`` (UDP dublin, IPv6); the secret; the pattern.

IPv4 probes have DF set and identification 0 (but UDP paris and dublin), as Trippy's. The size is
`packet_size`, or the probe's own, but for UDP dublin on IPv6, which numbers by length, and TCP: a SYN with
the one option that every stack sends (MSS), 44 bytes on IPv4 and 64 on IPv6. Trippy ignores the size for TCP
too: a SYN with payload is dropped by many firewalls.
"""

from functools import lru_cache

from trippy_nb.model import Multipath, Plan, Probe, Protocol, SocketMode, flow_checksum, flow_label
from trippy_nb.wire.icmp import encode_echo, encode_echo_solved
from trippy_nb.wire.ip import encode_ip
from trippy_nb.wire.packet import ICMP, ICMPV6, TCP, UDP, pack_address
from trippy_nb.wire.tcp import MSS_V4, MSS_V6, SYN, encode_tcp, mss_option
from trippy_nb.wire.udp import encode_udp, encode_udp_solved

DUBLIN_MAGIC = b"trippy"
_WORD = 2
_ONES = 0xFFFF
_IPV4 = 4


def encode_probe(plan: Plan, probe: Probe) -> bytes:
    """Encode a probe as a whole IP packet.

    Raises
    ------
    ValueError
        If a number does not fit its field, such as a sequence below the initial one (UDP dublin on
        IPv6). Plans made from a checked configuration, with the strategy's probes, never do that.
    """
    source, target = pack_address(plan.source), pack_address(plan.target.addr)
    if plan.protocol is Protocol.ICMP:
        protocol = ICMP if plan.af == _IPV4 else ICMPV6
        segment = _echo(plan, probe, source, target)
    elif plan.protocol is Protocol.UDP:
        protocol = UDP
        segment = _datagram(plan, probe, source, target)
    else:
        protocol = TCP
        segment = _syn(plan, probe, source, target)
    return encode_ip(
        segment,
        source=source,
        target=target,
        protocol=protocol,
        ttl=probe.ttl,
        tos=plan.config.tos,
        ip_id=ip_identification(plan, probe) if plan.af == _IPV4 else 0,
        flow_label=flow_label(plan, probe.flow) if plan.flow_label else 0,
        dont_fragment=True,
    )


def encode_message(plan: Plan, probe: Probe) -> bytes:
    """Encode what a datagram socket is handed: an ICMP message, or the payload of UDP.

    Linux replaces the identifier of an ICMP message on a datagram socket, and its checksum. TCP
    sockets send their own SYN: for TCP it is empty.
    """
    if plan.protocol is Protocol.ICMP:
        return _echo(plan, probe, pack_address(plan.source), pack_address(plan.target.addr))
    if plan.protocol is Protocol.TCP:
        return b""
    if plan.multipath is Multipath.PARIS:
        return _datagram(plan, probe, pack_address(plan.source), pack_address(plan.target.addr))[8:]
    return _payload(plan, probe)


def ip_identification(plan: Plan, probe: Probe) -> int:
    """Return the IPv4 identification of a probe: its number (UDP paris and dublin), or 0."""
    numbered = plan.protocol is Protocol.UDP and plan.multipath is not Multipath.CLASSIC
    return probe.seq if numbered else 0


def secret_offset(plan: Plan, probe: Probe) -> int | None:
    """Tell where in a probe's payload the run's secret is, in bytes; None where there was no room.

    A quote whose payload has `probe_secret` at this offset is of this run: `Match.TOKEN`.
    """
    size, offset = _payload_size(plan, probe), 0
    if plan.protocol is Protocol.TCP:
        return None
    if _is_solved(plan):
        offset = _WORD
    elif _is_dublin_v6(plan):
        size, offset = _dublin_length(plan, probe), len(DUBLIN_MAGIC)
    return offset if size >= offset + len(plan.secret) else None


def probe_secret(plan: Plan, probe: Probe) -> bytes:
    """Return the secret that a probe carries: the run's, for ICMP and UDP classic mixed with the round.

    A number is used once in a round, so there number and secret together name one probe of one run.
    """
    if plan.protocol is Protocol.ICMP or plan.multipath is Multipath.CLASSIC:
        return _mixed(plan.secret, probe.round)
    return plan.secret


def tcp_sequence(plan: Plan, probe: Probe) -> int:
    """Return the sequence number of a SYN: secret and round above, the probe's number below."""
    high = int.from_bytes(plan.secret[:_WORD], "big") ^ probe.round & _ONES
    return high << 16 | probe.seq


@lru_cache(maxsize=1024)  # a round has one, and late answers are of recent rounds
def _mixed(secret: bytes, round_: int) -> bytes:
    number = int.from_bytes(secret, "big") ^ round_
    return number.to_bytes(len(secret), "big")


def _is_solved(plan: Plan) -> bool:
    if plan.protocol is Protocol.ICMP:
        return plan.icmp_checksum is not None
    return plan.protocol is Protocol.UDP and plan.multipath is Multipath.PARIS


def _is_dublin_v6(plan: Plan) -> bool:
    return plan.multipath is Multipath.DUBLIN and plan.af != _IPV4


def _dublin_length(plan: Plan, probe: Probe) -> int:
    steps = probe.seq - plan.config.initial_sequence
    if steps < 0:
        raise ValueError(f"sequence {probe.seq} is below the initial {plan.config.initial_sequence}")
    return len(DUBLIN_MAGIC) + steps + (len(plan.secret) + _WORD if _has_word(plan) else 0)


def _payload_size(plan: Plan, probe: Probe) -> int:
    return plan.payload_size + (probe.size - plan.config.packet_size if probe.size else 0)


def _has_word(plan: Plan) -> bool:
    """Whether probes say their number in the payload, for their length does not come back."""
    return _is_dublin_v6(plan) and plan.mode is SocketMode.ERROR_QUEUE


def payload_number(plan: Plan, payload: bytes) -> int | None:
    """Read the number that a probe has after its secret, if it is there: dublin, and what varies in size."""
    if _is_dublin_v6(plan):
        at = len(DUBLIN_MAGIC) + len(plan.secret)
        return int.from_bytes(payload[at : at + _WORD], "big") if len(payload) >= at + _WORD else None
    at = len(plan.secret) + (_WORD if _is_solved(plan) else 0)
    pair = payload[at : at + 2 * _WORD]
    number, complement = int.from_bytes(pair[:_WORD], "big"), int.from_bytes(pair[_WORD:], "big")
    return number if len(pair) == 2 * _WORD and number ^ complement == _ONES else None


def _has_pair(plan: Plan) -> bool:
    """Whether probes say their number in the payload: what solves a checksum tells it for one size only."""
    return plan.multipath is Multipath.DUBLIN or (plan.is_sized and plan.protocol is Protocol.UDP)


def _pair(seq: int) -> bytes:
    """Write a number and its complement: together they add nothing to a checksum."""
    return (seq << 16 | seq ^ _ONES).to_bytes(2 * _WORD, "big")


@lru_cache(maxsize=1024)  # a round has one, or one a length
def _fill(secret: bytes, pattern: int, size: int) -> bytes:
    """Fill `size` bytes with the secret, if there is room for all of it, and the pattern."""
    if size < len(secret):
        return bytes((pattern,)) * size
    return secret + bytes((pattern,)) * (size - len(secret))


def _payload(plan: Plan, probe: Probe) -> bytes:
    """Make the payload of a datagram, or the rest of it after the word that solves the checksum."""
    pattern = plan.config.payload_pattern
    if _is_dublin_v6(plan):
        size = _dublin_length(plan, probe) - len(DUBLIN_MAGIC)
        filled = _fill(plan.secret, pattern, size)
        if _has_word(plan):
            at = len(plan.secret)
            filled = filled[:at] + probe.seq.to_bytes(_WORD, "big") + filled[at + _WORD :]
        return DUBLIN_MAGIC + filled
    size = _payload_size(plan, probe) - (_WORD if _is_solved(plan) else 0)
    filled = _fill(probe_secret(plan, probe), pattern, size)
    if _has_pair(plan) and size >= len(plan.secret) + 2 * _WORD:
        at = len(plan.secret)
        return filled[:at] + _pair(probe.seq) + filled[at + 2 * _WORD :]
    return filled


def _echo(plan: Plan, probe: Probe, source: bytes, target: bytes) -> bytes:
    payload = _payload(plan, probe)
    wanted = flow_checksum(plan, probe.flow)
    if wanted is None:
        return encode_echo(
            payload, source=source, target=target, identifier=plan.trace_id, sequence=probe.seq
        )
    return encode_echo_solved(
        payload,
        source=source,
        target=target,
        identifier=plan.trace_id,
        sequence=probe.seq,
        wanted=wanted,
    )


def _datagram(plan: Plan, probe: Probe, source: bytes, target: bytes) -> bytes:
    payload = _payload(plan, probe)
    if plan.multipath is not Multipath.PARIS:
        return encode_udp(payload, source=source, target=target, sport=probe.sport, dport=probe.dport)
    return encode_udp_solved(
        payload, source=source, target=target, sport=probe.sport, dport=probe.dport, wanted=probe.seq
    )


def _syn(plan: Plan, probe: Probe, source: bytes, target: bytes) -> bytes:
    return encode_tcp(
        source=source,
        target=target,
        sport=probe.sport,
        dport=probe.dport,
        seq=tcp_sequence(plan, probe),
        flags=SYN,
        options=mss_option(MSS_V4 if plan.af == _IPV4 else MSS_V6),
    )
