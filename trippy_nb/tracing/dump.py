"""A debug dump of packets: one line and a hex dump for each, in and out, as log records.

The logger is ``trippy_nb.packets``, its level DEBUG, to be set on this logger itself. Whether it is wanted
is asked once, when a trace opens its channel: a trace that nobody dumps has no wrapper, and pays nothing.
"""

import logging
import os
from collections.abc import Sequence

from trippy_nb.model import Foreign, Plan, Probe, Protocol, Quote, Reply, SendReceipt, Stamped
from trippy_nb.tracing.channel import Arrival, Channel

_log = logging.getLogger("trippy_nb.packets")
if _log.level == logging.NOTSET:
    _log.setLevel(logging.INFO)  # a debug log of everything else has no hex dumps in it unless asked for

_LINE = 16  # bytes, as hexdump(1) and tcpdump(8) have it
_TCP_FLAGS = (("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16))
_NAMES = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}


def dumped(channel: Channel, plan: Plan, run_uuid: str) -> Channel:
    """Return the channel, in a wrapper that dumps its packets if anybody listens at DEBUG."""
    return PacketDump(channel, plan, run_uuid) if _log.isEnabledFor(logging.DEBUG) else channel


class PacketDump:
    """A channel that says what goes through another one.

    Parameters
    ----------
    channel
        Where packets really go.
    plan
        The trace.
    run_uuid
        Its run; each line begins with the start of it, as traces may be side by side.
    """

    def __init__(self, channel: Channel, plan: Plan, run_uuid: str) -> None:
        self._channel = channel
        self._plan = plan
        self._name = run_uuid[:8]

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`."""
        receipts = self._channel.send(probes)
        for probe, receipt in zip(probes, receipts, strict=True):
            self._say(">", sent_line(self._plan, probe, receipt), receipt.packet)
        return receipts

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        arrivals = self._channel.receive(until_ns)
        for arrival in arrivals:
            packet = None if isinstance(arrival, Stamped) else arrival.packet
            self._say("<", arrival_line(arrival), packet)
        return arrivals

    def _say(self, way: str, line: str, packet: bytes | None) -> None:
        size = f", {len(packet)} bytes" if packet is not None else ""
        _log.debug("%s %s %s%s%s", self._name, way, line, size, _hex_lines(packet or b""))


def sent_line(plan: Plan, probe: Probe, receipt: SendReceipt) -> str:
    """Describe a probe that was sent, or refused, in one line."""
    ends = f"{plan.source} > {plan.target.addr}"
    if plan.protocol is Protocol.ICMP:
        what = f"ICMP echo request, seq {probe.seq}"
    else:
        what = f"{plan.protocol.upper()} {probe.sport} > {probe.dport}"
    place = f"probe {probe.key} (round {probe.round}, ttl {probe.ttl})"
    refused = f", refused: {os.strerror(receipt.errno)}" if receipt.errno else ""
    return f"{place} {ends}: {what}{refused}"


def arrival_line(arrival: Arrival) -> str:
    """Describe what arrived in one line."""
    if isinstance(arrival, Stamped):
        return f"probe {arrival.key} left at {arrival.kernel_ns} ns by the kernel's clock"
    if isinstance(arrival, Foreign):
        return f"not ours: {arrival.reason}"
    ttl = "" if arrival.ttl is None else f", ttl {arrival.ttl}"
    return f"{arrival.responder}: {_what(arrival)}{ttl}{_about(arrival.quote)}"


def _what(reply: Reply) -> str:
    if reply.icmp_type is not None:
        return f"ICMP type {reply.icmp_type} code {reply.icmp_code}"
    if reply.tcp_flags is not None:
        return f"TCP {'+'.join(name for name, bit in _TCP_FLAGS if reply.tcp_flags & bit)}"
    return "an answer"


def _about(quote: Quote) -> str:
    name = "" if quote.protocol is None else _NAMES.get(quote.protocol, f"protocol {quote.protocol}")
    numbers = ""
    if quote.dport is not None:
        numbers = f"{quote.sport} > {quote.dport}"
    elif quote.icmp_seq is not None:
        numbers = f"seq {quote.icmp_seq}"
    words = " ".join(word for word in (name, numbers) if word)
    return f", about {words}" if words else ""


def _hex_lines(packet: bytes) -> str:
    lines = []
    for at in range(0, len(packet), _LINE):
        row = packet[at : at + _LINE]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)  # noqa: PLR2004 - printable ASCII
        lines.append(f"\n    {at:04x}  {row.hex(' '):<{3 * _LINE - 1}}  {text}")
    return "".join(lines)
