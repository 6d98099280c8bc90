"""From events to columns: the tracer's thread writes, any thread may ask for tables at any time.

No object is kept per probe: a probe costs 37 bytes, a packet that came back 73. The writer takes no
lock: each record is one uninterruptible write, a reader copies whole chunks, replies before probes, so
that each reply it sees has its probe. (On a Python without the interpreter lock a lock would be needed.)
"""

from collections.abc import Iterable
from typing import Final, Protocol, assert_never

import numpy as np

from trippy_nb.frames.build import build_tables
from trippy_nb.frames.glance import Glance
from trippy_nb.frames.kept import KeptPackets, KeptSamples
from trippy_nb.frames.records import (
    BLANK_PROBES,
    CHUNK_MASK,
    CHUNK_RECORDS,
    CHUNK_SHIFT,
    FAILED,
    NO_EXTENSION,
    NO_MATCH,
    NO_PROBE,
    NO_TIME,
    PROBE,
    PROBE_DTYPE,
    PROBE_SIZE,
    REPLY,
    REPLY_DTYPE,
    REPLY_SIZE,
    SENT,
    STAMP,
    STAMP_OFFSET,
    read_chunks,
    read_probes,
    read_replies,
)
from trippy_nb.frames.rewritten import NO_CHECKSUM, NO_ROOM, Comparer, Noted, checksum_offset
from trippy_nb.frames.runs_row import has_unreachable
from trippy_nb.frames.snapshot import Snapshot
from trippy_nb.frames.tables import Tables
from trippy_nb.model import (
    ClockSampled,
    Event,
    FlowOpened,
    Foreign,
    ForeignSeen,
    Plan,
    Probe,
    ProbeFailed,
    ProbeSent,
    ReplyKind,
    ReplyReceived,
    RoundEnded,
    SendReceipt,
    Stamped,
    TraceEnded,
)

FOREIGN_KEPT: Final = 32
"""Foreign packets kept as a sample, at most."""
UNMATCHED_KEPT: Final = 65_536
"""Unmatched replies kept as rows, at most; all are counted."""
DUPLICATES_KEPT: Final = 65_536
"""Duplicates kept as rows, at most, beyond one for each probe that was sent."""
EXTENSION_BYTES: Final = 16 * 1024 * 1024
"""Bytes of distinct extension structures kept, at most (a router that means well has a few)."""
STRAY_EXTENSION_BYTES: Final = 1024 * 1024
"""... and beyond this only those of first answers."""
OPEN_ENDED_ROUNDS: Final = 256
"""Rounds kept of an open-ended run where `max_samples` does not say."""

_MAX_U16: Final = 65_535
_NO_ROOM: Final = NO_EXTENSION + 1
_STRAYS: Final = (ReplyKind.DUP, ReplyKind.UNMATCHED)


class SampledClock(Protocol):
    """What the recorder needs of a clock."""

    def now_ns(self) -> int:
        """Monotonic time."""

    def sample(self) -> ClockSampled:
        """Both clocks, read as one."""


class Recorder:
    """Packs the events of one run, and turns them into tables.

    Parameters
    ----------
    plan
        The run's plan.
    run_uuid
        Identity of the run.
    source
        Where the probes come from: ``live`` or ``sim``.
    source_ref
        Scenario, or whatever else says more about the source.
    vantage
        Host the probes are sent from.
    clock
        The clock of the network: read once now, and once for each table of an unfinished run.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        run_uuid: str,
        source: str,
        source_ref: str | None = None,
        vantage: str | None = None,
        clock: SampledClock,
    ) -> None:
        self._plan = plan
        self._about = (run_uuid, source, source_ref, vantage)
        self._clock = clock
        self._max_rounds = _max_rounds(plan)
        self._checksum_at = checksum_offset(plan)
        self._note = Comparer(plan).note
        self._probe_chunks: dict[int, bytearray] = {}
        self._next_chunk = 0  # chunks below it exist, or were let go of
        self._latest_round = -1
        self._reply_chunks: dict[int, bytearray] = {}
        self._reply_chunk = bytearray()
        self._reply_rounds: dict[int, int] = {}  # chunk -> no reply in it is to a later round
        self._n_replies = 0
        self._responders: dict[str, int] = {}
        self._extensions: dict[bytes | Noted | None, int] = {None: NO_EXTENSION, NO_ROOM: _NO_ROOM}
        self._extension_bytes = 0
        self._target_ttls = bytearray()  # by round; 0 = not known
        self._flows: dict[int, FlowOpened] = {}
        self._packets = KeptPackets(wanted=plan.config.keep_packets)
        self._foreign: list[Foreign] = []
        self._n_foreign = 0
        self._n_unmatched = 0
        self._duplicate_room = DUPLICATES_KEPT
        self._duplicate_sent = 0  # probes sent when the latest duplicate came
        self._n_sent = 0
        self._n_rounds_ended = 0
        self._target_ttl: int | None = None
        self._answered = False
        self._unreachable = False  # among replies that were let go of
        self._ended: TraceEnded | None = None
        now = clock.sample()
        self._started_ns = now.mono_ns + now.offset_ns
        self._samples = KeptSamples(now)

    @property
    def probes_sent(self) -> int:
        """Probes that left so far."""
        return self._n_sent

    @property
    def responders(self) -> tuple[str, ...]:
        """Addresses that have answered so far, in the order of their first answer."""
        return tuple(self._responders)

    @property
    def rounds_ended(self) -> int:
        """Rounds that are over."""
        return self._n_rounds_ended

    @property
    def foreign_seen(self) -> int:
        """How many packets were nobody's answer."""
        return self._n_foreign

    @property
    def foreign_sample(self) -> tuple[Foreign, ...]:
        """The first packets that were nobody's answer; kept in memory only, for they are others' own."""
        return tuple(self._foreign)

    def record(self, event: Event) -> None:
        """Keep an event; called by one thread only."""
        match event:
            case ReplyReceived():
                self._reply(event)
            case ProbeSent():
                self._n_sent += 1
                self._probe(event.probe, event.receipt, SENT)
            case Stamped():
                self._stamp(event)
            case _:
                self._record_rare(event)

    def _record_rare(
        self, event: ProbeFailed | ForeignSeen | ClockSampled | FlowOpened | RoundEnded | TraceEnded
    ) -> None:
        match event:
            case ProbeFailed():
                self._probe(event.probe, event.receipt, FAILED)
            case ClockSampled():
                self._samples.keep(event)
            case RoundEnded():
                self._round_ended(event)
            case FlowOpened():
                self._flows[event.flow] = event
            case ForeignSeen():
                self._n_foreign += 1
                if len(self._foreign) < FOREIGN_KEPT:
                    self._foreign.append(event.foreign)
            case TraceEnded():
                self._ended = event
            case _:
                assert_never(event)

    def tables(
        self, *, now_ns: int | None = None, error: str | None = None, handles: Iterable[object] = ()
    ) -> Tables:
        """Make tables of everything recorded so far; any thread may ask, at any time.

        Parameters
        ----------
        now_ns
            Monotonic time that a probe still in flight is judged at; the clock's by default. Once the
            trace has ended, its end is used instead.
        error
            The error that ended the run.
        handles
            Records of the ledger (attributes as the columns of HANDLES, times in ns since 1970).

        Returns
        -------
        tables
            Frames of this one run, `run_id` 0; probes sorted by (round, flow, ttl, attempt), replies by
            arrival.
        """
        return build_tables(self.snapshot(now_ns=now_ns, error=error, handles=handles))

    def snapshot(
        self,
        *,
        now_ns: int | None = None,
        error: str | None = None,
        handles: Iterable[object] = (),
        since: tuple[int, int] = (0, 0),
        packets: bool = True,
    ) -> Snapshot:
        """Copy what is recorded so far; any thread may ask, at any time.

        Parameters
        ----------
        now_ns, error, handles
            As for `tables`.
        since
            Only probes from this key on, and replies from this number on.
        packets
            With the packets: there may be many.
        """
        ended = self._ended
        at_ns = ended.at_ns if ended is not None else self._clock.now_ns() if now_ns is None else now_ns
        kept_packets = self._packets.items() if packets else []
        n_replies = self._n_replies
        reply_numbers, replies = read_chunks(list(self._reply_chunks.items()), REPLY_DTYPE, since[1])
        here = reply_numbers < n_replies
        target_ttls = bytes(self._target_ttls)
        chunks = list(self._probe_chunks.items())
        probe_keys, probes = read_chunks(chunks, PROBE_DTYPE, since[0])
        run_uuid, source, source_ref, vantage = self._about
        return Snapshot(
            plan=self._plan,
            run_uuid=run_uuid,
            source=source,
            source_ref=source_ref,
            vantage=vantage,
            started_ns=self._started_ns,
            probe_keys=probe_keys,
            probes=probes,
            first_key=chunks[0][0] << CHUNK_SHIFT if chunks else 0,
            max_rounds=self._max_rounds,
            reply_numbers=reply_numbers[here],
            replies=replies[here],
            responders=list(self._responders),
            extensions=list(self._extensions),
            samples=self._samples.items(),
            target_ttls=target_ttls,
            flows=dict(self._flows),
            packets=kept_packets,
            packets_dropped=self._packets.dropped,
            foreign=self._n_foreign,
            unmatched=self._n_unmatched,
            target_ttl=self._target_ttl,
            answered=self._answered,
            unreachable=self._unreachable,
            end_reason=None if ended is None else ended.reason,
            at_ns=at_ns,
            error=error,
            handles=tuple(handles),
        )

    def glance(self, since: tuple[int, int], most: int) -> Glance | None:
        """Copy the newest records for a look at few of them; any thread may ask, at any time.

        Parameters
        ----------
        since
            Key of the first probe, number of the first reply.
        most
            None is returned where there are more: `snapshot` is for those.
        """
        ended = self._ended
        at_ns = ended.at_ns if ended is not None else self._clock.now_ns()
        first_key, first_reply = since
        n_replies = self._n_replies
        if (
            self._next_chunk << CHUNK_SHIFT
        ) - first_key > 2 * CHUNK_RECORDS or n_replies - first_reply > most:
            return None
        numbers = range(first_reply >> CHUNK_SHIFT, (n_replies >> CHUNK_SHIFT) + 1)
        replies = read_replies(_those(self._reply_chunks, numbers), first_reply, n_replies)
        target_ttls = bytes(self._target_ttls)
        numbers = range(first_key >> CHUNK_SHIFT, self._next_chunk)
        probes = read_probes(_those(self._probe_chunks, numbers), first_key)
        return Glance(
            plan=self._plan,
            probes=probes,
            replies=replies,
            responders=list(self._responders),
            samples=self._samples.items(),
            target_ttls=target_ttls,
            max_rounds=self._max_rounds,
            end_reason=None if ended is None else ended.reason,
            at_ns=at_ns,
        )

    def _stamp(self, event: Stamped) -> None:
        key = event.key
        chunk = self._probe_chunks.get(key >> CHUNK_SHIFT)
        if chunk is None:
            chunk = self._open_probes(key >> CHUNK_SHIFT)
        STAMP.pack_into(chunk, (key & CHUNK_MASK) * PROBE_SIZE + STAMP_OFFSET, event.kernel_ns)

    def _probe(self, probe: Probe, receipt: SendReceipt, state: int) -> None:
        key = probe.key
        if probe.round > self._latest_round:  # noqa: PLR1730 - max() costs 2 % of the budget of a probe
            self._latest_round = probe.round
        chunk = self._probe_chunks.get(key >> CHUNK_SHIFT)
        if chunk is None:
            chunk = self._open_probes(key >> CHUNK_SHIFT)
        packet, at = receipt.packet, self._checksum_at
        PROBE.pack_into(
            chunk,
            (key & CHUNK_MASK) * PROBE_SIZE,
            receipt.before_ns,
            probe.round,
            probe.flow,
            probe.seq,
            probe.sport,
            probe.dport,
            receipt.errno,
            probe.ttl,
            probe.attempt,
            state,
            NO_CHECKSUM if packet is None or len(packet) <= at + 1 else packet[at] << 8 | packet[at + 1],
            probe.size,
        )
        if packet is not None:
            self._packets.keep(key << 1, packet)

    def _reply(self, event: ReplyReceived) -> None:
        reply, probe = event.reply, event.probe
        if probe is None:
            key = NO_PROBE
            self._n_unmatched += 1
            if self._n_unmatched > UNMATCHED_KEPT:
                self._packets.drop()
                return
        else:
            key = probe.key
            self._answered = True
            if event.from_target and (self._target_ttl is None or probe.ttl < self._target_ttl):
                self._target_ttl = probe.ttl
            if event.kind is ReplyKind.DUP and not self._has_room_for_duplicate():
                self._packets.drop()
                return
        number = self._n_replies
        at = number & CHUNK_MASK
        if at == 0:
            self._open_replies(number >> CHUNK_SHIFT)
        name = reply.responder if reply.zone is None else f"{reply.responder}%{reply.zone}"
        responder = self._responders.get(name)
        if responder is None:
            responder = self._responders[name] = len(self._responders)
        quote = reply.quote
        seen = reply.extensions if probe is None else self._note(reply, probe)
        extension = self._extensions.get(seen)
        if extension is None:
            extension = self._new_extension(seen, event.kind)
        REPLY.pack_into(
            self._reply_chunk,
            at * REPLY_SIZE,
            reply.read_ns,
            NO_TIME if reply.kernel_ns is None else reply.kernel_ns,
            NO_TIME if reply.rtt_ns is None else reply.rtt_ns,
            key,
            responder,
            extension,
            -1 if reply.size is None else reply.size,
            -1 if reply.ip_id is None else reply.ip_id,
            -1 if quote.length is None else quote.length,
            -1 if quote.checksum is None else quote.checksum,
            -1 if reply.mtu is None else min(reply.mtu, _MAX_U16),
            -1 if reply.icmp_type is None else reply.icmp_type,
            -1 if reply.icmp_code is None else reply.icmp_code,
            -1 if reply.tcp_flags is None else reply.tcp_flags,
            -1 if reply.ttl is None else reply.ttl,
            -1 if reply.tos is None else reply.tos,
            -1 if quote.ttl is None else quote.ttl,
            -1 if quote.tos is None else quote.tos,
            event.kind,
            NO_MATCH if event.match is None else event.match,
            event.from_target,
        )
        self._n_replies = number + 1
        if reply.packet is not None:
            keep = self._packets.keep_stray if event.kind in _STRAYS else self._packets.keep
            keep(number << 1 | 1, reply.packet)

    def _has_room_for_duplicate(self) -> bool:
        """Take a place for a duplicate; each probe sent makes one free, up to the limit."""
        sent = self._n_sent
        room = min(self._duplicate_room + sent - self._duplicate_sent, DUPLICATES_KEPT)
        self._duplicate_sent = sent
        self._duplicate_room = max(room - 1, 0)
        return room > 0

    def _new_extension(self, extension: bytes | Noted | None, kind: ReplyKind) -> int:
        """Give an extension structure, or a difference, its number, as long as there is room for it."""
        noted = isinstance(extension, Noted)
        size = self._extension_bytes + len(extension or b"")
        if size > (STRAY_EXTENSION_BYTES if kind in _STRAYS else EXTENSION_BYTES):
            return _NO_ROOM if noted else NO_EXTENSION
        self._extension_bytes = size
        number = self._extensions[extension] = len(self._extensions)
        return number

    def _open_probes(self, number: int) -> bytearray:
        if number < self._next_chunk:
            return bytearray(BLANK_PROBES)  # of a probe that was let go of: written, and forgotten
        for missing in range(self._next_chunk, number + 1):
            self._probe_chunks[missing] = bytearray(BLANK_PROBES)
        self._next_chunk = number + 1
        if self._max_rounds is not None:
            self._let_go(self._latest_round - self._max_rounds + 1)
        return self._probe_chunks[number]

    def _open_replies(self, number: int) -> None:
        if number > 0:
            self._reply_rounds[number - 1] = self._latest_round
        self._reply_chunk = self._reply_chunks[number] = bytearray(REPLY_SIZE * CHUNK_RECORDS)

    def _let_go(self, oldest_round: int) -> None:
        """Drop the oldest chunks that hold nothing of `oldest_round` or later, and what hangs on them."""
        for number in list(self._probe_chunks)[:-1]:
            probes = np.frombuffer(self._probe_chunks[number], PROBE_DTYPE)
            if int(probes["round"].max()) >= oldest_round:
                break
            del self._probe_chunks[number]
        for number, newest_round in list(self._reply_rounds.items()):
            if newest_round >= oldest_round:
                break
            if has_unreachable(np.frombuffer(self._reply_chunks[number], REPLY_DTYPE), self._plan.af):
                self._unreachable = True
            del self._reply_rounds[number], self._reply_chunks[number]
        first_probe = next(iter(self._probe_chunks)) << CHUNK_SHIFT
        first_reply = next(iter(self._reply_chunks), 0) << CHUNK_SHIFT
        self._packets.let_go(first_probe, first_reply)
        oldest = np.frombuffer(next(iter(self._probe_chunks.values())), PROBE_DTYPE)
        self._samples.let_go(int(oldest["before_ns"][0]))

    def _round_ended(self, event: RoundEnded) -> None:
        self._n_rounds_ended += 1
        if event.target_ttl is not None:
            missing = event.round + 1 - len(self._target_ttls)
            if missing > 0:
                self._target_ttls += bytes(missing)
            self._target_ttls[event.round] = event.target_ttl


def _those(chunks: dict[int, bytearray], numbers: range) -> list[tuple[int, bytearray]]:
    """Return the chunks of these numbers, but for what was let go of."""
    return [(number, chunk) for number in numbers if (chunk := chunks.get(number)) is not None]


def _max_rounds(plan: Plan) -> int | None:
    config = plan.config
    if config.max_samples is not None:
        return config.max_samples
    return OPEN_ENDED_ROUNDS if config.rounds is None else None
