"""The driver: strategy + channel + clock + recorder + session, and out come tables.

Everything that opens a handle happens on the session's own thread, so that an interrupt, which
Python raises on the main thread, never falls between an opening and its registration.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trippy_nb.errors import ChannelError, PortInUseError
from trippy_nb.frames import BEGINNING, Mark, Recorder, Tables, recent_probes
from trippy_nb.lifetimes import Session, Vault, records
from trippy_nb.model import (
    ICMP_FLOWS,
    IPV6,
    Choice,
    DiscoveryOptions,
    EndReason,
    Plan,
    PmtuOptions,
    Protocol,
    RoundEnded,
    SocketMode,
    Target,
    TraceConfig,
    TraceEnded,
    check_family,
    derive_secret,
)
from trippy_nb.tracing import Channel, Clock, Discovery, Network, PmtuSearch, Sender, dumped, run_trace

if TYPE_CHECKING:
    from trippy_nb.frames import Few, Recent

_log = logging.getLogger(__name__)
# Else Python itself prints the warnings of a program that has not set up logging (HOWTO of `logging`).
logging.getLogger("trippy_nb").addHandler(logging.NullHandler())

LOWEST_PORT = 1024
_PORTS = 64_000
_PORT_TRIES = 64  # a machine with every other port taken in a row this long has other worries
_BRIEF: dict[str, Any] = {
    "min_round_duration": 0.0,
    "max_round_duration": 0.5,
    "grace_duration": 0.01,
    "probe_timeout": 0.5,
    "keep_packets": False,
    "dns": False,
}
"""A trace of one probe to ourselves, which is answered in a millisecond or never."""
_OWN_HEADERS = (SocketMode.RAW, SocketMode.SIM)
_OWN_CHECKSUM = (*_OWN_HEADERS, SocketMode.DATAGRAM)  # Linux computes it there: of our identifier and payload
_CHECKSUM_WORD = 2  # bytes of payload that make a checksum come out
_TCP_DEFAULT_PORT = 80  # trippy's default target port for TCP

OnRound = Callable[["Collected", RoundEnded], bool | None]
Purpose = DiscoveryOptions | PmtuOptions
"""What a trace is for, other than Trippy's rounds."""


def make_plan(target: Target, config: TraceConfig, choice: Choice, *, run_uuid: str) -> Plan:
    """Decide what the configuration left open.

    All that is random comes from `run_uuid`, so that a run of the built-in internet, whose uuid is
    made from scenario, seed and configuration, is the same bytes each time.

    Raises
    ------
    ConfigError
        If the configuration does not fit the protocol that was chosen, or the address family.
    """
    decided = replace(config, protocol=choice.protocol)
    check_family(decided, target.af)
    secret = derive_secret(run_uuid)
    number = int.from_bytes(secret, "big")
    sport, dport = _fixed_ports(decided, choice.protocol, default_source=LOWEST_PORT + number % _PORTS)
    plan = Plan(
        config=decided,
        target=target,
        protocol=choice.protocol,
        mode=choice.mode,
        reason=choice.reason,
        source=choice.source,
        sport=sport,
        dport=dport,
        trace_id=decided.trace_identifier or 1 + number % 0xFFFF,
        secret=secret,
    )
    return _with_flow(plan)


def _with_flow(plan: Plan) -> Plan:
    """Choose what balancers hash: the same for each pair of ends, so that runs can be compared.

    What tells runs apart is the ICMP identifier, which balancers leave alone (Paris traceroute's premise
    for ICMP), and the secret. The checksum is neither 0 nor 0xFFFF: the two spellings of zero would not
    survive a router that recomputes it.
    """
    number = int.from_bytes(derive_secret(plan.source, plan.target.addr), "big")
    is_icmp = plan.protocol is Protocol.ICMP and plan.mode in _OWN_CHECKSUM
    solvable = is_icmp and plan.payload_size >= _CHECKSUM_WORD
    labels = plan.af == IPV6 and plan.mode in _OWN_HEADERS
    return replace(
        plan,
        icmp_checksum=1 + number % ICMP_FLOWS if solvable else None,
        flow_label=1 + number % 0xFFFFF if labels else 0,
    )


def _fixed_ports(
    config: TraceConfig, protocol: Protocol, *, default_source: int
) -> tuple[int | None, int | None]:
    source, target = config.source_port, config.target_port
    if protocol is Protocol.ICMP:
        return None, None
    if source is None and target is None:
        return (None, _TCP_DEFAULT_PORT) if protocol is Protocol.TCP else (default_source, None)
    return source, target


def open_channel(network: Network, plan: Plan, vault: Vault) -> tuple[Plan, Channel]:
    """Open a channel; where the source port was left to us and another program has it, with the next port.

    Raises
    ------
    PortInUseError
        If it was not left to us, or many in a row are taken.
    """
    for _ in range(_PORT_TRIES):
        try:
            return plan, network.open(plan, vault)
        except PortInUseError:
            following = _with_next_number(plan)
            if following is None:
                raise
            plan = following
    return plan, network.open(plan, vault)


def _sender(plan: Plan) -> Sender | None:
    """Make what decides what to send; None for Trippy's rounds."""
    match plan.purpose:
        case None:
            return None
        case PmtuOptions():
            return PmtuSearch(plan, plan.purpose)
        case DiscoveryOptions():
            return Discovery(plan, plan.purpose)


def _with_next_number(plan: Plan) -> Plan | None:
    """Take the next source port, or ICMP identifier; None if it was not left to us."""
    if plan.protocol is Protocol.ICMP and plan.config.trace_identifier is None:
        return replace(plan, trace_id=1 + plan.trace_id % 0xFFFF)
    if plan.sport is not None and plan.config.source_port is None:
        return replace(plan, sport=LOWEST_PORT + (plan.sport + 1 - LOWEST_PORT) % _PORTS)
    return None


class Collected:
    """What a trace has collected; the tracing thread fills it, any thread may look.

    It knows neither the session nor who started it, so that an abandoned trace is garbage, and ends.
    """

    def __init__(
        self,
        target: Target,
        config: TraceConfig,
        network: Network,
        on_round: OnRound | None,
        purpose: Purpose | None = None,
    ) -> None:
        self.target = target
        self.config = config
        self.run_uuid = network.run_uuid(target, config, purpose)
        self.plan: Plan | None = None
        self.error: str | None = None
        self.over = False
        self.stop_wanted: Callable[[], bool] = lambda: False
        """Whether it was asked to end; of use on the tracing thread."""
        self._network = network
        self._on_round = on_round
        self._purpose = purpose
        self._recorder: Recorder | None = None

    @property
    def probes_sent(self) -> int:
        """Probes sent so far."""
        return 0 if self._recorder is None else self._recorder.probes_sent

    @property
    def rounds_ended(self) -> int:
        """Rounds that are over."""
        return 0 if self._recorder is None else self._recorder.rounds_ended

    @property
    def has_begun(self) -> bool:
        """There is something to look at."""
        return self._recorder is not None

    @property
    def clock(self) -> Clock:
        """The clock of its network."""
        return self._network.clock

    def responders(self) -> tuple[str, ...]:
        """Addresses that have answered so far."""
        return () if self._recorder is None else self._recorder.responders

    def tables(self) -> Tables:
        """Make tables of what has been collected so far.

        Raises
        ------
        RuntimeError
            If the trace has not got as far as having a plan.
        """
        recorder = self._begun()
        now_ns = None if self.over else self._network.clock.now_ns()
        return recorder.tables(now_ns=now_ns, error=self.error, handles=records(run_uuid=self.run_uuid))

    def recent(self, since: Mark = BEGINNING) -> "Recent | Few":
        """Return the probes that may have changed since an earlier look, as arrays: cheap, unlike tables.

        Raises
        ------
        RuntimeError
            If the trace has not got as far as having a plan.
        """
        return recent_probes(self._begun(), since)

    def _begun(self) -> Recorder:
        if self._recorder is None:
            raise RuntimeError("this trace has not begun: there is nothing to see yet")
        return self._recorder

    def job(self, vault: Vault, stop: Callable[[], bool]) -> EndReason:
        """Choose sockets, open them, trace, record: what the session runs on its thread."""
        self.stop_wanted = stop
        choice = self._network.choose(self.target, self.config)
        plan = make_plan(self.target, self.config, choice, run_uuid=self.run_uuid)
        plan = replace(plan, purpose=self._purpose)
        if stop():  # opening is 60 calls: 5 ms each beside a computing cell
            ended = TraceEnded(self._network.clock.now_ns(), EndReason.INTERRUPTED)
            self._begin(plan).record(ended)
            return ended.reason
        plan, opened = open_channel(self._network, plan, vault)
        channel = dumped(opened, plan, self.run_uuid)
        recorder = self._begin(plan)
        _log.info("run %s traces %s from %s: %s", self.run_uuid, self.target.addr, plan.source, plan.reason)
        try:
            return run_trace(
                plan,
                channel,
                self._network.clock,
                emit=recorder.record,
                stop=stop,
                on_round=None if self._on_round is None else self._round_ended,
                sender=_sender(plan),
            )
        finally:
            strays = Counter(foreign.reason for foreign in recorder.foreign_sample)
            _log.debug(
                "run %s: %d probes, %d stray packets, the first of them %s",
                self.run_uuid,
                recorder.probes_sent,
                recorder.foreign_seen,
                dict(strays),
            )

    def _begin(self, plan: Plan) -> Recorder:
        simulated = plan.mode is SocketMode.SIM
        recorder = Recorder(
            plan,
            run_uuid=self.run_uuid,
            source="sim" if simulated else "live",
            source_ref=self._network.name if simulated else None,
            vantage=self._network.name,
            clock=self._network.clock,
        )
        self.plan, self._recorder = plan, recorder
        return recorder

    def _round_ended(self, event: RoundEnded) -> bool | None:
        assert self._on_round is not None
        return self._on_round(self, event)


class Capture:
    """One trace: started once, stopped at any time, what it collected there at any time.

    Parameters
    ----------
    target
        Resolved target.
    config
        What was asked.
    network
        The world to trace in.
    on_round
        Called on the tracing thread after each round; False ends the trace. It must not hold the
        capture.
    purpose
        What the probes are for; None is Trippy's rounds.
    """

    def __init__(
        self,
        target: Target,
        config: TraceConfig,
        network: Network,
        *,
        on_round: OnRound | None = None,
        purpose: Purpose | None = None,
    ) -> None:
        self.collected = Collected(target, config, network, on_round, purpose)
        self._session: Session[EndReason] = Session(
            self.collected.job,
            name=f"trippy_nb {target.addr}",
            run_uuid=self.collected.run_uuid,
            target=target.name,
        )

    def start(self) -> None:
        """Begin, unless it was stopped before; packets leave from the session's own thread."""
        try:
            self._session.start()
        except RuntimeError:
            if not self._session.given_up:
                raise

    def request_stop(self, *, by: str = "stop()") -> None:
        """Ask the trace to end, and do not wait."""
        self._session.request_stop(by=by)

    def stop(self, *, by: str = "stop()") -> None:
        """Ask the trace to end and wait until it holds nothing any more (at most 250 ms)."""
        self._session.stop(by=by)
        self.collected.over = self._session.done

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; tell whether it has come. One that was stopped before it began is over.

        Raises
        ------
        Exception
            Whatever ended the trace before it had sent anything, or an error that is not ours to
            swallow, such as one that `on_round` raised. A channel that broke under way raises
            nothing: the error is in `runs`, beside everything collected before it.
        """
        try:
            if not self._session.given_up:
                self._session.wait(timeout_s)
        except TimeoutError:
            if not self._session.done:
                return False
            raise
        except ChannelError as error:
            self.collected.over = True
            if not self.collected.probes_sent:
                raise
            self.collected.error = f"{type(error).__name__}: {error}"
            _log.warning("the trace of %s broke off: %s", self.collected.target.name, error)
        self.collected.over = True
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one probe to a near target showed."""

    error: Exception | None = None
    """Why there was no trace."""
    rtt_ms: float | None = None
    """None if the probe was not answered."""
    rtt_source: str | None = None
    handles: int = 0
    """Opened for it, all told."""
    left_open: int = 0
    """As the ledger says; 0 unless something is wrong."""


def try_out(network: Network, addr: str, protocol: Protocol, mode: SocketMode) -> Trial:
    """Send one probe to an address, as a trace of its own, and tell what became of it. Never raises."""
    config = TraceConfig(protocol=protocol, mode=mode, max_ttl=1, rounds=1, **_BRIEF)
    capture = Capture(Target(addr, addr), config, network)
    error: Exception | None = None
    try:
        capture.start()
        capture.wait()
    except Exception as ended:  # noqa: BLE001 - whatever it is, it is the answer
        error = ended
    finally:
        capture.stop()
    held = records(run_uuid=capture.collected.run_uuid)
    left_open = sum(record.closed_at is None for record in held)
    if error is not None:
        return Trial(error=error, handles=len(held), left_open=left_open)
    answered = capture.collected.tables().probes.dropna(subset=["rtt_ms"])
    first = answered.iloc[0] if len(answered) else None
    return Trial(
        rtt_ms=None if first is None else float(first["rtt_ms"]),
        rtt_source=None if first is None else str(first["rtt_source"]),
        handles=len(held),
        left_open=left_open,
    )
