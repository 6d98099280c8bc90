"""The rules of the tables once more: one object a probe, loops, no numpy. Slow, and easy to believe."""

from dataclasses import dataclass, field
from typing import Any

from trippy_nb.errors import BadPacketError
from trippy_nb.model import (
    EndReason,
    ForeignSeen,
    Multipath,
    Probe,
    ProbeFailed,
    ProbeSent,
    Protocol,
    ReplyKind,
    ReplyReceived,
    RoundEnded,
    SendReceipt,
    SocketMode,
    Stamped,
    TraceEnded,
)
from trippy_nb.wire import decode_extensions, decode_quote, encode_probe, mpls_text


@dataclass
class OneReply:
    number: int
    event: ReplyReceived
    reply_no: int = 0
    rtt_ns: int | None = None
    source: str | None = None
    suspect: bool = False
    nat: str = "unknown"

    @property
    def reply(self):
        return self.event.reply


@dataclass
class OneProbe:
    probe: Probe
    receipt: SendReceipt
    failed: bool
    tx_ns: int | None = None
    replies: list[OneReply] = field(default_factory=list)

    @property
    def first(self):
        kinds = (ReplyKind.FIRST, ReplyKind.LATE)
        return next((reply for reply in self.replies if reply.event.kind in kinds), None)

    @property
    def place(self):
        return (self.probe.round, self.probe.flow, self.probe.ttl, self.probe.attempt)


class Oracle:
    """Plays a stream, and says what rows there should be."""

    def __init__(self, stream):
        self.plan, self.now_ns = stream.plan, stream.now_ns
        self.samples = sorted(stream.samples, key=lambda sample: sample.mono_ns)
        self.probes: dict[int, OneProbe] = {}
        self.unmatched: list[OneReply] = []
        self.packets: list[tuple[str, OneProbe | None, OneReply | None, bytes]] = []
        events: dict[type, list[Any]] = {}
        n_replies = 0
        for event in stream.events:
            events.setdefault(type(event), []).append(event)
            if isinstance(event, ProbeSent | ProbeFailed):
                self._sent(event)
            elif isinstance(event, Stamped):
                self.probes[event.key].tx_ns = event.kernel_ns
            elif isinstance(event, ReplyReceived):
                self._came(OneReply(n_replies, event))
                n_replies += 1
        self.round_ends = {event.round: event for event in events.get(RoundEnded, [])}
        self.ended = events.get(TraceEnded, [None])[-1]
        self.n_foreign = len(events.get(ForeignSeen, []))
        self.n_recorded = len(self.probes)
        self.all_replies = [reply for one in self.probes.values() for reply in one.replies]
        self._let_go()
        for one in self.probes.values():
            for reply in one.replies:
                self._judge_rtt(one, reply)
        self._judge_nat()

    def _sent(self, event):
        one = OneProbe(event.probe, event.receipt, isinstance(event, ProbeFailed))
        self.probes[event.probe.key] = one
        if event.receipt.packet is not None:
            self.packets.append(("out", one, None, event.receipt.packet))

    def _came(self, reply):
        probe = reply.event.probe
        one = None if probe is None else self.probes[probe.key]
        if one is None:
            self.unmatched.append(reply)
        else:
            reply.reply_no = len(one.replies)
            one.replies.append(reply)
        if reply.reply.packet is not None:
            self.packets.append(("in", one, reply, reply.reply.packet))

    def _let_go(self):
        config = self.plan.config
        most = config.max_samples or (256 if config.rounds is None else None)
        if most is not None and self.probes:
            newest = max(one.probe.round for one in self.probes.values())
            self.probes = {k: one for k, one in self.probes.items() if one.probe.round > newest - most}

    def _offset_before(self, mono_ns):
        return ([s for s in self.samples if s.mono_ns <= mono_ns] or self.samples[:1])[-1]

    def _offset_after(self, mono_ns):
        return ([s for s in self.samples if s.mono_ns >= mono_ns] or self.samples[-1:])[0]

    def wall(self, mono_ns):
        return mono_ns + self._offset_before(mono_ns).offset_ns

    def _judge_rtt(self, one, reply):
        before, read = one.receipt.before_ns, reply.reply.read_ns
        bracket = max(read - before, 0)
        a, b = self._offset_before(before), self._offset_after(read)
        stepped = abs(b.offset_ns - a.offset_ns) > max(200_000, bracket // 1000) + a.error_ns + b.error_ns
        if reply.reply.rtt_ns is not None:
            rtt, source, stepped = reply.reply.rtt_ns, "kernel-tcp", False
        elif reply.reply.kernel_ns is not None and one.tx_ns is not None:
            rtt, source = reply.reply.kernel_ns - one.tx_ns, "kernel"
        elif reply.reply.kernel_ns is not None:
            rtt, source = reply.reply.kernel_ns - before - a.offset_ns, "kernel-rx"
        else:
            rtt, source, stepped = bracket, "user", False
        if self.plan.mode is SocketMode.SIM:
            source = "simulated"
        if stepped or not 0 <= rtt <= bracket + 50_000:
            rtt, source, reply.suspect = bracket, "user", True
        reply.rtt_ns, reply.source = rtt, source

    def _judge_nat(self):
        if self.plan.multipath is not Multipath.DUBLIN or self.plan.af != 4:
            return
        groups: dict[tuple[int, int], list[tuple[OneProbe, OneReply]]] = {}
        for one in sorted(self.probes.values(), key=lambda one: one.place):
            for reply in one.replies:
                if reply.reply.quote.checksum is not None:
                    groups.setdefault((one.probe.round, one.probe.flow), []).append((one, reply))
        for members in groups.values():
            before = int.from_bytes(encode_probe(self.plan, members[0][0].probe)[26:28], "big")
            for _, reply in members:
                reply.nat = "no" if reply.reply.quote.checksum == before else "yes"
                before = reply.reply.quote.checksum

    def status(self, one):
        if one.failed:
            return "send_error"
        same = [p for p in self.probes.values() if p.place[:2] == one.place[:2]]
        at_target = [p.probe.ttl for p in same if any(r.event.from_target for r in p.replies)]
        known = self.round_ends.get(one.probe.round)
        limit = min(at_target) if at_target else known and known.target_ttl
        by_other = one.first is not None and not one.first.event.from_target
        if limit is not None and one.probe.ttl > limit and not by_other:
            return "beyond_target"
        if one.first is not None:
            return "late" if one.first.event.kind is ReplyKind.LATE else "reply"
        settled = self.ended is not None and self.ended.reason not in (EndReason.INTERRUPTED, EndReason.ERROR)
        expired = self.now_ns - one.receipt.before_ns >= self.plan.config.probe_timeout * 1e9
        return "timeout" if settled or expired else "in_flight"

    def probe_rows(self):
        icmp = self.plan.protocol is Protocol.ICMP
        for one in sorted(self.probes.values(), key=lambda one: one.place):
            probe, first = one.probe, one.first
            told = first.reply if first else None
            yield {
                "run_id": 0,
                "round": probe.round,
                "flow": probe.flow,
                "ttl": probe.ttl,
                "attempt": probe.attempt,
                "seq": probe.seq,
                "sport": None if icmp else probe.sport,
                "dport": None if icmp else probe.dport,
                "size": probe.size or None,
                "sent_at": self.sent(one),
                "status": self.status(one),
                "addr": told and told.responder,
                "zone": told and told.zone,
                "rtt_ms": first and first.rtt_ns / 1e6,
                "rtt_source": first and first.source,
                "icmp_type": told and told.icmp_type,
                "icmp_code": told and told.icmp_code,
                "n_replies": len(one.replies),
                "mode": str(self.plan.mode),
                "match": first and first.event.match.word,
                "errno": one.receipt.errno or None,
            }

    def reply_rows(self):
        everything: list[tuple[Any, Any]] = [
            (one, reply) for one in self.probes.values() for reply in one.replies
        ]
        everything += [(None, reply) for reply in self.unmatched]
        for one, reply in sorted(everything, key=lambda pair: pair[1].number):
            told, quote = reply.reply, reply.reply.quote
            mpls, ext = self._extensions(told.extensions)
            yield {
                "run_id": 0,
                "reply": reply.number,
                **self._key(one),
                "reply_no": reply.reply_no,
                "kind": reply.event.kind.word,
                "match": None if one is None else reply.event.match.word,
                "received_at": self.received(reply),
                "addr": told.responder,
                "zone": told.zone,
                "from_target": None if one is None else reply.event.from_target,
                "rtt_ms": None if one is None else reply.rtt_ns / 1e6,
                "rtt_source": reply.source,
                "icmp_type": told.icmp_type,
                "icmp_code": told.icmp_code,
                "tcp_flags": {None: None, 0x12: "SA", 0x14: "RA", 0x02: "S"}[told.tcp_flags],
                "reply_ttl": told.ttl,
                "reply_size": told.size,
                "reply_tos": told.tos,
                "reply_ipid": told.ip_id,
                "q_ttl": quote.ttl,
                "q_tos": quote.tos,
                "q_len": quote.length,
                "q_checksum": quote.checksum,
                "mtu": None if told.mtu is None else min(told.mtu, 65535),
                "nat": reply.nat,
                "mpls": mpls,
                "ext": ext,
                "rewritten": self._rewritten(one, told),
            }

    def _rewritten(self, one, told):
        """Compare the quote with one of the packet itself, field by field."""
        quote = told.quote
        if one is None or quote.ttl is None or self.plan.mode not in (SocketMode.RAW, SocketMode.SIM):
            return None
        packet = encode_probe(self.plan, one.probe)
        sent = decode_quote(packet, af=self.plan.af)
        assert sent is not None
        names = (
            *("src", "dst", "tos", "ip_id", "dont_fragment", "flow_label", "sport", "dport"),
            *("icmp_id", "icmp_seq", "tcp_seq", "tcp_mss", "length", "checksum"),
        )
        said = {"dont_fragment": "df", "icmp_seq": "seq", "tcp_seq": "seq", "tcp_mss": "mss"}
        unknown = set()
        if one.receipt.packet != packet:
            unknown.add("checksum")
        if not sent.ip_id and self.plan.mode is SocketMode.RAW:
            unknown.add("ip_id")
        pairs = [(name, getattr(quote, name), getattr(sent, name)) for name in names if name not in unknown]
        return ";".join(
            f"{said.get(name, name)}={int(is_) if isinstance(is_, bool) else is_}"
            for name, is_, was in pairs
            if is_ is not None and was is not None and is_ != was
        )

    def sent(self, one):
        return self.wall(one.receipt.before_ns) if one.tx_ns is None else one.tx_ns

    def received(self, reply):
        return self.wall(reply.reply.read_ns) if reply.reply.kernel_ns is None else reply.reply.kernel_ns

    @staticmethod
    def _key(one):
        names = ("round", "flow", "ttl", "attempt")
        return dict.fromkeys(names) if one is None else {name: getattr(one.probe, name) for name in names}

    @staticmethod
    def _extensions(ext):
        if ext is None:
            return None, None
        try:
            decoded = decode_extensions(ext)
        except BadPacketError:
            return None, ext
        return mpls_text(decoded.mpls) or None, decoded.others or None

    def packet_rows(self):
        kept = [item for item in self.packets if item[1] is None or item[1].probe.key in self.probes]
        for number, (direction, one, reply, packet) in enumerate(kept):
            yield {
                "run_id": 0,
                "packet": number,
                "direction": direction,
                "at": self.sent(one) if reply is None else self.received(reply),
                **self._key(one),
                "complete": self.plan.mode is not SocketMode.DATAGRAM,
                "bytes": packet,
            }

    def _has_loop(self):
        paths: dict[tuple[int, int], list[str | None]] = {}
        for one in sorted(self.probes.values(), key=lambda one: one.place):
            told = one.first and one.first.reply
            name = told and f"{told.responder}%{told.zone}"
            paths.setdefault(one.place[:2], []).append(name)
        looping = 0
        for names in paths.values():
            again = [i for i, name in enumerate(names) if name is not None and name in names[:i]]
            circle = {names[i] for i in again}
            looping += len(circle) > 1 and {*names[again[0] :]} <= {*names[: again[0]], None}
        return 2 * looping > len(paths)

    def run_facts(self):
        kept = [reply for one in self.probes.values() for reply in one.replies]
        at_target = [r.event.probe.ttl for r in self.all_replies if r.event.probe and r.event.from_target]
        why = self.ended and str(self.ended.reason)
        unreachable = (3,) if self.plan.af == 4 else (1,)
        filtered = any(
            r.reply.icmp_type in unreachable
            and not (self.plan.af == 4 and r.reply.icmp_code == 4)
            and not r.event.from_target
            for r in kept
        )
        # What was said in rounds let go of counts only where whole chunks went: not in these small runs.
        if at_target:
            outcome = "reached"
        elif why is None:
            outcome = None
        elif not self.all_replies:
            outcome = "nothing"
        else:
            outcome = "filtered" if filtered else "loop" if self._has_loop() else "destination_silent"
        rounds = [one.probe.round for one in self.probes.values()]
        return {
            "end_reason": why,
            "outcome": outcome,
            "target_ttl": min(at_target, default=None),
            "rounds": max(rounds) + 1 if rounds else 0,
            "unmatched": len(self.unmatched),
            "foreign": self.n_foreign,
            "dropped_probes": self.n_recorded - len(self.probes),
            "clock_suspect": sum(reply.suspect for reply in kept),
            "ended_at": None if self.ended is None else self.wall(self.ended.at_ns),
        }
