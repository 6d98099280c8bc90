"""A trace by mtr-packet, the helper that mtr starts: over a stream, a line a probe (mtr-packet(8)).

The helper opens the sockets, so it needs the privilege: from a file capability, which no-new-privs takes
away. What comes back is who answered, in what manner, after how long by the helper's own clocks, and MPLS
labels; no reply TTL, no quote, no stamps. Sequence numbers, source ports of TCP, and the port of UDP over
IPv6 that varies are of its own choosing: the tables have ours. It does not say which unreachable it was
that it calls ``no-route``, and not whether SYN-ACK or RST answered.
"""

import errno
import math
import os
import shutil
from collections.abc import Sequence
from typing import Final

from trippy_nb.errors import ChannelBrokenError
from trippy_nb.lifetimes import TICK_S, Child, Vault, open_child
from trippy_nb.model import NS_PER_S, Foreign, Plan, Probe, Protocol, Quote, Reply, SendReceipt, seconds_to_ns
from trippy_nb.net.addresses import zone_of
from trippy_nb.tracing import Arrival, Clock
from trippy_nb.wire import ICMP_TYPES, TCP, UDP, MplsEntry, encode_extensions, mpls_object

_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
_SYNC_S: Final = 0.5  # it answers within 1 ms; a busy machine may be a hundred times slower
_SYNC: Final = "0 check-support feature version\n"  # keys are sent as tokens from 1 on
_PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}
_LOCAL = {
    "no-route": errno.ENETUNREACH,
    "network-down": errno.ENETDOWN,
    "permission-denied": errno.EPERM,
    "address-in-use": errno.EADDRINUSE,
    "address-not-available": errno.EADDRNOTAVAIL,
    "invalid-argument": errno.EINVAL,
    "probes-exhausted": errno.ENOBUFS,
    "unexpected-error": errno.EIO,
}
_MPLS_FIELDS = 4
_IPV4 = 4
_LONGEST_LINE = 4096


def find_helper() -> str | None:
    """Find mtr-packet, also where only root looks."""
    return shutil.which("mtr-packet") or shutil.which("mtr-packet", path=_PATH)


def may_use_helper(vault: Vault, clock: Clock, af: int) -> bool:
    """Whether mtr-packet is there, starts, and may open sockets of this family."""
    try:
        stream = _Stream(vault, clock, purpose="asking mtr-packet what it may do")
    except (OSError, ChannelBrokenError):
        return False
    try:
        stream.write(f"1 check-support feature ip-{af}\n")
        stream.sync()
        return any(words[1:4] == ["feature-support", "support", "ok"] for words in stream.take())
    except ChannelBrokenError:
        return False
    finally:
        vault.release(stream.child)


class _Stream:
    """Lines to and from the helper."""

    def __init__(self, vault: Vault, clock: Clock, *, purpose: str) -> None:
        program = find_helper()
        if program is None:
            raise ChannelBrokenError("mtr-packet is not installed (Debian: apt-get install mtr-tiny)")
        self._clock = clock
        self._unsent = b""
        self._partial = b""
        self._lines: list[list[str]] = []
        self.child: Child = open_child(vault, [program], purpose=purpose)

    def write(self, text: str) -> None:
        """Write lines, as far as there is room; the rest follows."""
        self._unsent += text.encode()
        self._flush()

    def sync(self) -> None:
        """Wait until all lines were obeyed, which the helper does in order.

        Raises
        ------
        ChannelBrokenError
            If it does not answer, or is gone.
        """
        self.write(_SYNC)
        end_ns = self._clock.now_ns() + int(_SYNC_S * NS_PER_S)
        while not any(words[0] == "0" for words in self._lines):
            if self._clock.now_ns() > end_ns:
                raise ChannelBrokenError(f"mtr-packet has not answered for {_SYNC_S} s")
            self.wait(TICK_S)
        self._lines = [words for words in self._lines if words[0] != "0"]

    def wait(self, timeout_s: float) -> None:
        """Wait for lines, at most so long, and read them."""
        self._flush()
        try:
            data = self.child.read() if self.child.wait(timeout_s) else None
        except EOFError as error:
            raise ChannelBrokenError(f"the helper mtr-packet has ended ({error})") from None
        except OSError as error:
            said = os.strerror(error.errno) if error.errno else str(error)
            raise ChannelBrokenError(f"the channel broke while waiting for mtr-packet: {said}") from error
        *lines, rest = (self._partial + (data or b"")).split(b"\n")
        self._partial = rest[-_LONGEST_LINE:]
        split = (line.decode("ascii", "replace").split() for line in lines)
        self._lines += [words for words in split if len(words) > 1]

    def take(self) -> list[list[str]]:
        """Return the lines that were read, as words; token and answer at least."""
        lines, self._lines = self._lines, []
        return lines

    def put_back(self, lines: list[list[str]]) -> None:
        """Have the next `take` return these first."""
        self._lines = [*lines, *self._lines]

    def _flush(self) -> None:
        if self._unsent:
            try:
                self._unsent = self._unsent[self.child.write(self._unsent) :]
            except OSError:
                raise ChannelBrokenError("the helper mtr-packet has ended") from None


class HelperChannel:
    """A channel over mtr-packet.

    Parameters
    ----------
    plan
        The trace; classic.
    vault
        Owner of the child process.
    clock
        The monotonic clock.

    Raises
    ------
    ChannelBrokenError
        If mtr-packet is missing, or may open no sockets either.
    """

    def __init__(self, plan: Plan, vault: Vault, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._longest_ns = seconds_to_ns(min(plan.config.read_timeout, TICK_S))
        self._stream = _Stream(vault, clock, purpose="sending probes and receiving answers by mtr-packet")
        self._stream.sync()
        config = plan.config
        words = [
            f"ip-{plan.af} {_scoped(plan.target.addr, plan.target.zone)}",
            f"local-ip-{plan.af} {_scoped(plan.source, plan.target.zone)}",
            f"timeout {math.ceil(config.probe_timeout)}",  # whole seconds; the strategy has the exact ones
            f"tos {config.tos} protocol {plan.protocol}",
        ]
        if plan.protocol is not Protocol.TCP:
            words.append(f"size {config.packet_size} bit-pattern {config.payload_pattern}")
        self._common = " ".join(words)
        self._types = ICMP_TYPES[plan.af]
        self._number = {Protocol.ICMP: self._types.protocol, Protocol.UDP: UDP, Protocol.TCP: TCP}[
            plan.protocol
        ]

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`."""
        before_ns = self._clock.now_ns()
        if not probes:
            self._stream.wait(0)
            return []
        self._stream.write("".join(self._command(probe) for probe in probes))
        self._stream.sync()
        after_ns = self._clock.now_ns()
        tokens = {str(probe.key + 1) for probe in probes}
        failed: dict[str, int] = {}
        answers = []
        for words in self._stream.take():
            number = _LOCAL.get(words[1]) if words[0] in tokens and "round-trip-time" not in words else None
            if number is None:
                answers.append(words)
            else:
                failed[words[0]] = number
        self._stream.put_back(answers)
        self._stream.child.count(sent=len(probes) - len(failed))
        return [
            SendReceipt(probe.key, before_ns, after_ns, failed.get(str(probe.key + 1), 0)) for probe in probes
        ]

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        left_ns = min(until_ns - self._clock.now_ns(), self._longest_ns)
        lines = self._stream.take()
        self._stream.wait(0 if lines else left_ns / NS_PER_S)
        read_ns = self._clock.now_ns()
        arrivals: list[Arrival] = []
        for words in [*lines, *self._stream.take()]:
            if words[1] == "no-reply":
                continue
            arrival = self._read(words, read_ns)
            arrivals.append(arrival)
            self._stream.child.count(received=isinstance(arrival, Reply))
        return arrivals

    def _command(self, probe: Probe) -> str:
        ports = ""
        if self._plan.protocol is Protocol.UDP:
            ports = f" port {probe.dport} local-port {probe.sport}"
            if self._plan.af != _IPV4:
                # Given both, 0.95 numbers by the checksum, and finds no answer (measured).
                ports = f" port {probe.dport}" if self._plan.sport is None else f" local-port {probe.sport}"
        elif self._plan.protocol is Protocol.TCP:
            ports = f" port {probe.dport}"
        return f"{probe.key + 1} send-probe {self._common} ttl {probe.ttl}{ports}\n"

    def _read(self, words: list[str], read_ns: int) -> Arrival:
        """Read ``TOKEN ANSWER NAME VALUE ...``."""
        text = " ".join(words)
        said = dict(zip(words[2::2], words[3::2], strict=False))
        responder = said.get(f"ip-{self._plan.af}")
        kind = self._kind(words[1])
        if responder is None or kind is None or not words[0].isdecimal():
            return Foreign(f"mtr-packet says {text}"[:200], read_ns)
        try:
            rtt_ns = int(said["round-trip-time"]) * 1000
            extensions = _labels(said.get("mpls", ""))
        except (KeyError, ValueError):
            return Foreign(f"mtr-packet says {text}"[:200], read_ns)
        addr, _, scope = responder.partition("%")
        return Reply(
            responder=addr,
            zone=zone_of(int(scope)) if scope.isdecimal() else scope or None,
            read_ns=read_ns,
            rtt_ns=rtt_ns,
            icmp_type=kind[0],
            icmp_code=kind[1],
            quote=Quote(dst=self._plan.target.addr, protocol=self._number),
            extensions=extensions,
            key=int(words[0]) - 1,
        )

    def _kind(self, answer: str) -> tuple[int | None, int | None] | None:
        """Tell type and code of an answer: the only ones that mtr-packet gives that name to."""
        types, protocol = self._types, self._plan.protocol
        if answer == "ttl-expired":
            return types.time_exceeded, 0
        if answer == "no-route":
            return types.unreachable, None
        if answer != "reply":
            return None
        if protocol is Protocol.ICMP:
            return types.echo_reply, 0
        return _PORT_UNREACHABLE[self._plan.af] if protocol is Protocol.UDP else (None, None)


def _scoped(addr: str, zone: str | None) -> str:
    return f"{addr}%{zone}" if zone is not None and addr.startswith("fe80:") else addr


def _labels(text: str) -> bytes | None:
    """Make the extension structure that these labels came in; the rest of it is not told."""
    numbers = [int(word) for word in text.split(",") if word]
    if not numbers or len(numbers) % _MPLS_FIELDS:
        return None
    entries = [
        MplsEntry(label=label & 0xFFFFF, exp=exp & 7, bottom=bool(bottom), ttl=ttl & 0xFF)
        for label, exp, bottom, ttl in zip(*[iter(numbers)] * _MPLS_FIELDS, strict=True)
    ]
    return encode_extensions([mpls_object(entries)])
