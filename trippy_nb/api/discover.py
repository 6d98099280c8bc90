"""Discover every path to a target."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Unpack

from trippy_nb.api.telling import LOOK_EVERY, Telling
from trippy_nb.api.tracing import TICK_S, Tracing, check_called, check_one, finished, prepare
from trippy_nb.errors import ConfigError
from trippy_nb.model import (
    NOT_FOR_DISCOVERY,
    Algorithm,
    DiscoveryOptions,
    TraceConfig,
    TraceOptions,
)
from trippy_nb.run import Run

if TYPE_CHECKING:
    from trippy_nb.display import Sheet
    from trippy_nb.tracing import Network

OnProgress = Callable[[Run], object]

_HOPS_TOLD = 2  # as many as fit into a line


def discover(
    target: str,
    *,
    confidence: float = 0.95,
    algorithm: Algorithm = "mda",
    attempts: int = 4,
    max_probes: int = 10_000,
    probe_rate: float = 1000.0,
    network: "Network | None" = None,
    on_progress: OnProgress | None = None,
    progress: bool | None = None,
    **options: Unpack[TraceOptions],
) -> Run:
    """Discover the paths that load balancers offer to a target, and how likely it is that some are hidden.

    Flows are sent until every responder has shown its next hops to so many of them that one more would
    have been seen, with the confidence asked for. Ctrl-C ends it and returns what was collected so far.

    Parameters
    ----------
    target
        Host name or address.
    confidence
        Probability (0.5 to 0.9999), for each responder, that all its next hops were found, if it balances
        evenly. `run.discovery.all_found_ratio` is that of the whole.
    algorithm
        ``mda``, or ``mda-lite``: fewer probes where diamonds are uniform and unmeshed, which it tests.
    attempts
        Probes without an answer after which a flow is called silent at a TTL.
    max_probes
        Probes that it may take in all.
    probe_rate
        Probes a second, at most.
    network
        World to trace in: the live one, or ``tn.sim.load("nested-diamonds")``.
    on_progress
        Called with the run so far, some times a second, where this function was called.
    progress
        Show a progress line; by default where somebody is looking.
    **options
        Those of `trace`, but for rounds. `protocol` is ``udp`` unless another is named; probes keep their
        flow (``multipath_strategy="paris"``).

    Returns
    -------
    run
        A `Run`: `run.discovery` says what may be hidden, `run.graph()` and `run.diamonds` show what was
        found. All probes are of round 0; `flow`, `ttl` and `attempt` tell them apart.

    Raises
    ------
    ConfigError
        If an option is wrong, or has no meaning here; nothing was sent.
    ResolveError, PrivilegeError
        As for `trace`.

    Examples
    --------
    >>> import trippy_nb as tn
    >>> run = tn.discover("target.example", network=tn.sim.random(7), progress=False)
    >>> run.discovery.nodes["complete"].all()
    np.True_
    """
    check_called("on_progress", on_progress)
    tracing = prepare_discovery(
        target,
        DiscoveryOptions(
            confidence=confidence,
            algorithm=algorithm,
            attempts=attempts,
            max_probes=max_probes,
            probe_rate=probe_rate,
        ),
        dict(options),
        network=network,
    )
    chance = HiddenChance(tracing)
    with finished(tracing), tracing.progress(wanted=progress, words=chance, sheet=chance.sheet) as bar:
        ticks = 0
        while not tracing.advance(TICK_S):
            bar.update()
            ticks += 1
            if on_progress is not None and ticks % LOOK_EVERY == 0 and (runs := tracing.runs()):
                on_progress(runs[0])
    return tracing.runs()[0]


def prepare_discovery(
    target: str, purpose: DiscoveryOptions, options: dict[str, Any], *, network: "Network | None" = None
) -> Tracing:
    """Check the options and make ready; nothing is open yet.

    Raises
    ------
    ConfigError
        If an option is wrong, or has no meaning for a discovery, or it is not of one target.
    """
    check_one(target)
    strategy = options.pop("multipath", options.pop("multipath_strategy", "paris"))
    if str(strategy) != "paris":
        raise ConfigError(f"a discovery keeps its flows: multipath_strategy is paris, not {strategy}")
    for name in (*NOT_FOR_DISCOVERY, "report_cycles"):
        if name in options:
            raise ConfigError(f"{name} has no meaning for a discovery, which has no rounds: leave it out")
    protocol = options.pop("protocol", None) or "udp"
    config = TraceConfig.from_options(**options, protocol=protocol, multipath_strategy="paris")
    if None not in (config.source_port, config.target_port):
        raise ConfigError("a discovery needs many flows: leave source_port or target_port out")
    return prepare(target, config, network=network, purpose=purpose)


class HiddenChance(Telling):
    """Says while a discovery is under way how likely it still is that a branch is hidden, and where most."""

    def sheet(self, over: bool) -> "Sheet | None":  # noqa: FBT001 - the one thing a progress line tells
        """Make the card for a notebook; None before there is anything."""
        from trippy_nb.display import discovery_sheet

        runs = self._tracing.runs()
        if not runs:
            return None
        run = runs[0]
        probes = run.probes.groupby("ttl").size()
        return discovery_sheet(
            run.discovery, probes, target=self._tracing.collected[0].target.name, over=over
        )

    def _say(self, run: Run) -> str:
        found = run.discovery
        if found.nodes["addr"].isna().all():
            return ""
        most = found.hidden_by_ttl.sort_values(ascending=False, kind="stable").head(_HOPS_TOLD)
        hops = ", ".join(f"hop {ttl} {100 * chance:.1f} %" for ttl, chance in most.items())
        words = f"chance of a hidden branch {100 * (1 - found.all_found_ratio):.1f} %"
        return f"{words} ({hops})" if hops else words
