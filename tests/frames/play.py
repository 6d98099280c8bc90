"""Plans, clocks and event streams to play to a recorder, by hand or by hypothesis."""

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from trippy_nb.frames import Recorder
from trippy_nb.model import (
    ClockSampled,
    EndReason,
    Event,
    FlowOpened,
    Foreign,
    ForeignSeen,
    Match,
    Multipath,
    Plan,
    Probe,
    ProbeFailed,
    ProbeSent,
    Protocol,
    Quote,
    Reply,
    ReplyKind,
    ReplyReceived,
    RoundEnded,
    SendReceipt,
    SocketMode,
    Stamped,
    Target,
    TraceConfig,
    TraceEnded,
)
from trippy_nb.wire import decode_quote, encode_probe

MS = 1_000_000
S = 1_000_000_000
WALL = 1_700_000_000 * S
TARGET = "198.51.100.9"


@dataclass
class FakeClock:
    """Stands still until told."""

    mono_ns: int = 0
    offset_ns: int = WALL

    def now_ns(self):
        return self.mono_ns

    def sample(self):
        return ClockSampled(self.mono_ns, self.offset_ns, 100)


def make_plan(
    *, protocol=Protocol.ICMP, mode=SocketMode.RAW, multipath=Multipath.CLASSIC, target=TARGET, **options
):
    config = TraceConfig(protocol=protocol, multipath_strategy=multipath, **options)
    has_ports = protocol is not Protocol.ICMP
    return Plan(
        config=config,
        target=Target("example.com", target),
        protocol=protocol,
        mode=mode,
        reason="because",
        source="2001:db8::1" if ":" in target else "192.0.2.2",
        sport=5000 if has_ports else None,
        dport=33434 if has_ports and multipath is not Multipath.CLASSIC else None,
        trace_id=1,
        secret=bytes(range(8)),
        icmp_checksum=0x1234 if protocol is Protocol.ICMP else None,
    )


def make_recorder(plan=None, clock=None, **options):
    plan = plan or make_plan(**options)
    return Recorder(
        plan, run_uuid="6f9619ff", source="live", source_ref=None, vantage="here", clock=clock or FakeClock()
    )


def play(events, plan=None, **options):
    recorder = make_recorder(plan, **options)
    for event in events:
        recorder.record(event)
    return recorder


@dataclass
class Script:
    """Writes events by hand, with as little to say as possible."""

    events: list[Event] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)

    def send(self, ttl, *, round=0, flow=0, attempt=0, at=0, tx=None, packet=None, errno=0, dport=0, sport=0):  # noqa: A002 - as the column
        key = len(self.probes)
        probe = Probe(key, round, flow, ttl, attempt, (33434 + key) & 0xFFFF, sport, dport)
        self.probes.append(probe)
        receipt = SendReceipt(key, at, at + 10_000, errno, packet)
        self.events.append(ProbeFailed(probe, receipt) if errno else ProbeSent(probe, receipt))
        if tx is not None:
            self.events.append(Stamped(key, tx))
        return probe

    def answer(
        self, probe, addr="10.0.0.1", *, at=MS, kind=ReplyKind.FIRST, from_target=False, quote=None, **fields
    ):
        fields = {"icmp_type": 11, "icmp_code": 0} | fields
        reply = Reply(responder=addr, read_ns=at, quote=quote or Quote(), **fields)
        match = None if probe is None else Match.TOKEN
        if probe is None:
            kind = ReplyKind.UNMATCHED
        self.events.append(ReplyReceived(reply, probe, kind, match, from_target))

    def end_round(self, number=0, *, at=S, target_ttl=None):
        self.events.append(RoundEnded(number, at - S, at, target_ttl, target_ttl or 1))

    def end(self, reason=EndReason.ROUNDS, *, at=3 * S):
        self.events.append(TraceEnded(at, reason))

    def tables(self, plan=None, *, clock=None, **options):
        return play(self.events, plan, clock=clock, **options).tables()


def small_trace():
    """Two rounds: a silent hop, a dup, a late answer, one beyond the target, one refused."""
    script = Script()
    script.events.append(FlowOpened(0, None, None, 1, 0x1234, None))
    for number in range(2):
        base = number * S
        script.events.append(ClockSampled(base, WALL, 100))
        first = script.send(1, round=number, at=base, tx=WALL + base + 5_000, packet=b"probe-1")
        script.send(2, round=number, at=base + 1, tx=WALL + base + 6_000)
        third = script.send(3, round=number, at=base + 2)
        script.send(4, round=number, at=base + 3)
        script.send(5, round=number, at=base + 4, errno=101)
        script.answer(
            first,
            "10.0.0.1",
            at=base + 2 * MS,
            kernel_ns=WALL + base + MS,
            ttl=64,
            size=56,
            quote=Quote(ttl=1, checksum=7),
            packet=b"reply-1",
            extensions=bytes.fromhex("2000e1c5000801010001e101"),
        )
        script.answer(first, "10.0.0.1", at=base + 3 * MS, kind=ReplyKind.DUP)
        late = number == 1
        script.answer(
            third,
            TARGET,
            at=base + (1100 if late else 9) * MS,
            kind=ReplyKind.LATE if late else ReplyKind.FIRST,
            from_target=True,
            icmp_type=0,
        )
        script.end_round(number, at=base + S, target_ttl=3)
    script.answer(None, "203.0.113.7", at=2 * S, zone="eth0")
    script.events.append(ForeignSeen(Foreign("somebody else's", 2 * S, b"?")))
    script.end(at=3 * S)
    return script


# --- streams made by hypothesis

_STEPS = st.sampled_from([0, 0, 100_000, 30 * MS, -30 * MS, 3600 * S])
_ADDRS = ["10.0.0.1", "10.0.0.2", "10.0.0.3", TARGET]
_EXTENSIONS = [
    None,
    bytes.fromhex("2000e1c5000801010001e101"),  # one label
    bytes.fromhex("20000000000802e00000002a"),  # an object of a class that is not MPLS
    b"\x00",  # malformed
]


@dataclass(frozen=True)
class Stream:
    """Events, and what only their maker knows."""

    plan: Plan
    events: list[Event]
    samples: list[ClockSampled]
    now_ns: int


def _plans():
    return st.sampled_from(
        [
            make_plan(),
            make_plan(mode=SocketMode.DATAGRAM),
            make_plan(mode=SocketMode.SIM, max_samples=1),
            make_plan(max_samples=2, rounds=None),
            make_plan(protocol=Protocol.UDP, multipath=Multipath.DUBLIN),
            make_plan(protocol=Protocol.TCP),
            make_plan(target="2001:db8::9"),
            make_plan(protocol=Protocol.TCP, target="2001:db8::9", mode=SocketMode.SIM),
            make_plan(protocol=Protocol.UDP, multipath=Multipath.PARIS, mode=SocketMode.SIM, tos=0xB8),
        ]
    )


def _optional(strategy):
    return st.none() | strategy


def quoted(plan, probe, **changed):
    """The whole header of a probe as a router returns it, these fields aside."""
    quote = decode_quote(encode_probe(plan, probe), af=plan.af)
    assert quote is not None
    return replace(quote, **({"ttl": 1} | changed))


_FIELDS = (
    *("src", "dst", "ttl", "tos", "ip_id", "dont_fragment", "flow_label", "sport", "dport"),
    *("icmp_id", "icmp_seq", "tcp_seq", "tcp_mss", "length", "checksum"),
)


@st.composite
def _quotes(draw, plan, probe, small, word):
    """A quote of two words, or of the whole header with some fields rewritten, or cut off."""
    if probe is None or draw(st.booleans()):
        return Quote(ttl=small, tos=small, length=word, checksum=word)
    whole = quoted(plan, probe)
    changed = {}
    for name in draw(st.lists(st.sampled_from(_FIELDS), max_size=3)):
        value = getattr(whole, name)
        if isinstance(value, bool):
            changed[name] = draw(st.sampled_from([None, not value]))
        elif isinstance(value, int):
            changed[name] = draw(st.sampled_from([None, value ^ 1, 0]))
        elif isinstance(value, str):
            changed[name] = draw(st.sampled_from([None, "203.0.113.5"]))
    return replace(whole, **changed)


@st.composite
def _replies(draw, sent_ns, plan, probe):
    rx = sent_ns + draw(st.integers(1_000, 3 * S))
    small, word = (
        draw(_optional(st.integers(0, 255))),
        draw(_optional(st.sampled_from([0, 7, 0xBEEF, 65535]))),
    )
    return {
        "rx": rx,
        "read_ns": rx + draw(st.sampled_from([0, 1_000, 20 * MS])),
        "stamped": draw(st.booleans()),
        "responder": draw(st.sampled_from(_ADDRS)),
        "zone": draw(st.sampled_from([None, None, "eth0"])),
        "from_target": draw(st.booleans()),
        "rtt_ns": draw(_optional(st.integers(0, 4 * S)) if draw(st.booleans()) else st.none()),
        "icmp": draw(st.sampled_from([(11, 0), (3, 1), (3, 4), (0, 0), (1, 0), (None, None)])),
        "tcp_flags": draw(_optional(st.sampled_from([0x12, 0x14, 0x02]))),
        "small": small,
        "word": word,
        "quote": draw(_quotes(plan, probe, small, word)),
        "mtu": draw(_optional(st.sampled_from([0, 1500, 70_000]))),
        "extensions": draw(st.sampled_from(_EXTENSIONS)),
        "packet": draw(_optional(st.binary(max_size=4))),
        "match": draw(st.sampled_from(list(Match))),
    }


def _sent_bytes(plan, probe):
    return st.none() | st.binary(max_size=4) | st.just(encode_probe(plan, probe))


@st.composite
def _rounds(draw, plan, number, first_key, offset):
    """Draw one round: (time, rank, event) triples."""
    start = number * S
    seen: dict[tuple[int, int], int] = {}
    timed: list[tuple[int, int, Event]] = [(start, 0, ClockSampled(start, offset(start), 100))]
    for index in range(draw(st.integers(0, 5))):
        key, before = first_key + index, start + index * MS
        flow, ttl = draw(st.integers(0, 1)), draw(st.integers(1, 4))
        attempt = seen[flow, ttl] = seen.get((flow, ttl), -1) + 1
        probe = Probe(key, number, flow, ttl, attempt, key + 1, 5000, 33434)
        receipt = SendReceipt(key, before, before + 1000, 0, draw(_sent_bytes(plan, probe)))
        if draw(st.integers(0, 7)) == 0:
            timed.append((before, 1, ProbeFailed(probe, replace(receipt, errno=101))))
            continue
        timed.append((before, 1, ProbeSent(probe, receipt)))
        if draw(st.booleans()):
            tx = before + 300
            arrives = draw(st.sampled_from([tx, tx + 2 * S]))
            timed.append((arrives, 2, Stamped(key, tx + offset(tx))))
        answers = [draw(_replies(before, plan, probe)) for _ in range(draw(st.integers(0, 2)))]
        for place, told in enumerate(sorted(answers, key=lambda answer: answer["read_ns"])):
            in_time = told["read_ns"] < start + S
            kind = ReplyKind.DUP if place else ReplyKind.FIRST if in_time else ReplyKind.LATE
            timed.append((told["read_ns"], 3, _event(told, probe, kind, offset)))
    target_ttl = draw(_optional(st.integers(1, 4)))
    timed.append((start + S - 1, 4, RoundEnded(number, start, start + S - 1, target_ttl, 4)))
    return timed


@st.composite
def streams(draw):
    """Draw a run: rounds a second apart, a clock that may step, answers in any order, kinds as they fall."""
    plan = draw(_plans())
    n_rounds = draw(st.integers(1, 4))
    step_at, step = draw(st.integers(0, n_rounds * S)), draw(_STEPS)
    end_ns = n_rounds * S

    def offset(mono_ns):
        return WALL + (step if mono_ns > step_at else 0)

    timed: list[tuple[int, int, Event]] = []
    for number in range(n_rounds):
        n_probes = sum(isinstance(event, ProbeSent | ProbeFailed) for _, _, event in timed)
        timed += draw(_rounds(plan, number, n_probes, offset))
    for _ in range(draw(st.integers(0, 2))):
        told = draw(_replies(0, plan, None))
        timed.append((told["read_ns"], 3, _event(told, None, ReplyKind.UNMATCHED, offset)))
    timed += [
        (0, 0, FlowOpened(flow, 5000, None, None, flow, None)) for flow in range(draw(st.integers(0, 3)))
    ]
    samples_at = draw(st.lists(st.integers(0, end_ns), max_size=3))
    timed += [(at, 0, ClockSampled(at, offset(at), 100)) for at in samples_at]
    reason = draw(_optional(st.sampled_from(list(EndReason))))
    now_ns = draw(st.integers(end_ns, end_ns + 4 * S))
    timed.sort(key=lambda item: item[:2])
    if reason is not None:
        timed = [*(item for item in timed if item[0] <= now_ns), (now_ns, 9, TraceEnded(now_ns, reason))]
    events = [event for _, _, event in timed]
    samples = [FakeClock().sample(), *(event for event in events if isinstance(event, ClockSampled))]
    return Stream(plan, events, samples, now_ns)


def _event(told, probe, kind, offset):
    small, word = told["small"], told["word"]
    reply = Reply(
        responder=told["responder"],
        zone=told["zone"],
        read_ns=told["read_ns"],
        kernel_ns=told["rx"] + offset(told["rx"]) if told["stamped"] else None,
        rtt_ns=told["rtt_ns"],
        icmp_type=told["icmp"][0],
        icmp_code=told["icmp"][1],
        tcp_flags=told["tcp_flags"],
        quote=told["quote"],
        ttl=small,
        size=word,
        tos=small,
        ip_id=word,
        mtu=told["mtu"],
        extensions=told["extensions"],
        packet=told["packet"],
    )
    match = None if probe is None else told["match"]
    return ReplyReceived(reply, probe, kind, match, told["from_target"] and probe is not None)
