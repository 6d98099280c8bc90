"""Find the largest packet that a path carries."""

from typing import TYPE_CHECKING, Any, Unpack

from trippy_nb.api.telling import Telling
from trippy_nb.api.tracing import TICK_S, Tracing, check_one, finished, prepare
from trippy_nb.errors import ConfigError
from trippy_nb.model import NOT_FOR_DISCOVERY, PmtuOptions, TraceConfig, TraceOptions, check_sizes
from trippy_nb.run import Run

if TYPE_CHECKING:
    from trippy_nb.tracing import Network

_MEANINGLESS = (*NOT_FOR_DISCOVERY, "report_cycles")


def pmtu(
    target: str,
    *,
    max_size: int = 1500,
    attempts: int = 3,
    max_probes: int = 2_000,
    probe_rate: float = 1000.0,
    network: "Network | None" = None,
    progress: bool | None = None,
    **options: Unpack[TraceOptions],
) -> Run:
    """Find the path MTU to a target, who limits it, and where packets vanish without a word.

    Sends packets that must not be fragmented: small ones at every TTL, large ones to the target. What a
    router says is checked: that size must get through, and one byte more must not. Ctrl-C ends it and
    returns what was collected so far.

    Parameters
    ----------
    target
        Host name or address.
    max_size
        Bytes of the largest packet to try, IP header included (68 to 2,000; over IPv6 from 1,280).
    attempts
        Probes without an answer after which a size is called lost; more where small ones are lost, too.
    max_probes
        Probes that it may take in all.
    probe_rate
        Probes a second, at most.
    network
        World to trace in: the live one, or ``tn.sim.load(...)``.
    progress
        Show a progress line; by default where somebody is looking.
    **options
        Those of `trace`, but for rounds. `protocol` is ``udp`` unless ``icmp`` is named; a SYN has no size.

    Returns
    -------
    run
        A `Run`: `run.pmtu` says what was found. `run.probes` has each probe with its `size` (missing: the
        small ones, of `runs.size`); hops, paths and graph are those of the small ones.

    Raises
    ------
    ConfigError
        If an option is wrong, or has no meaning here; nothing was sent.
    ResolveError, PrivilegeError
        As for `trace`.

    Examples
    --------
    >>> import trippy_nb as tn
    >>> run = tn.pmtu("target.example", network=tn.sim.load("narrow-link"), progress=False)
    >>> run.pmtu.mtu
    1400
    """
    purpose = PmtuOptions(max_size=max_size, attempts=attempts, max_probes=max_probes, probe_rate=probe_rate)
    tracing = prepare_pmtu(target, purpose, dict(options), network=network)
    with finished(tracing), tracing.progress(wanted=progress, words=SizesKnown(tracing)) as bar:
        while not tracing.advance(TICK_S):
            bar.update()
    return tracing.runs()[0]


class SizesKnown(Telling):
    """Says while a path MTU is searched which sizes pass, and which do not."""

    _words = "looking for the path MTU"

    def _say(self, run: Run) -> str:
        found = run.pmtu
        if found.low is None:
            return self._words
        return f"{found.low} bytes pass{'' if found.high is None else f', {found.high} do not'}"


def prepare_pmtu(
    target: str, purpose: PmtuOptions, options: dict[str, Any], *, network: "Network | None" = None
) -> Tracing:
    """Check the options and make ready; nothing is open yet.

    Raises
    ------
    ConfigError
        If an option is wrong, or has no meaning for a path MTU, or it is not of one target.
    """
    check_one(target)
    for name in (*_MEANINGLESS, "multipath"):
        if name in options:
            raise ConfigError(f"{name} has no meaning for a path MTU, which has no rounds: leave it out")
    protocol = options.pop("protocol", None) or "udp"
    if str(protocol) == "tcp":
        raise ConfigError("a SYN has no size to vary: protocol is udp or icmp for a path MTU")
    config = TraceConfig.from_options(**options, protocol=protocol, multipath_strategy="paris")
    tracing = prepare(target, config, network=network, purpose=purpose)
    for collected in tracing.collected:
        check_sizes(purpose, packet_size=config.packet_size, af=collected.target.af)
    return tracing
