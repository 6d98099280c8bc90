"""Runs and channels of the built-in internet, made in one call."""

from dataclasses import replace
from pathlib import Path
from typing import Unpack

from trippy_nb.api import trace
from trippy_nb.capture import make_plan
from trippy_nb.model import Plan, TraceConfig, TraceOptions
from trippy_nb.run import Run
from trippy_nb.sim import SimNetwork, load
from trippy_nb.tracing import Channel

Scenario = str | Path | SimNetwork
"""A name of ``tn.sim.scenarios()``, a scenario file, or a network."""


def simulated(
    scenario: Scenario = "first-steps",
    target: str | None = None,
    *,
    seed: int | None = None,
    at_s: float = 0.0,
    **options: Unpack[TraceOptions],
) -> Run:
    """Trace a network of the built-in internet.

    Parameters
    ----------
    scenario
        Which; a network begins anew, its own clock is left alone.
    target
        Name or address; by default the scenario's first.
    seed
        Another luck than the scenario's own.
    at_s
        Virtual time to begin at.
    **options
        As for `trippy_nb.trace`; three rounds unless something else is said.

    Returns
    -------
    run
        The same rows whenever the arguments are the same.

    Raises
    ------
    ScenarioError, ConfigError, ResolveError
        As `trippy_nb.sim.load` and `trippy_nb.trace`.

    Examples
    --------
    >>> from trippy_nb.testing import simulated
    >>> simulated("thirty-hops").hops["ttl"].max()
    np.uint8(30)
    """
    network = _network(scenario, seed, at_s)
    if "rounds" not in options and "report_cycles" not in options and "duration" not in options:
        options["rounds"] = 3
    return trace(target or network.scenario.targets[0].name, network=network, progress=False, **options)


def simulated_channel(
    scenario: Scenario = "first-steps",
    target: str | None = None,
    *,
    seed: int | None = None,
    at_s: float = 0.0,
    **options: Unpack[TraceOptions],
) -> tuple[Plan, Channel]:
    """Open a channel into a network of the built-in internet, for a `Sender` or a loop of your own.

    Parameters
    ----------
    scenario, target, seed, at_s
        As for `simulated`.
    **options
        As for `trippy_nb.trace`; they decide what probes look like.

    Returns
    -------
    plan
        What `wire.encode_probe` and senders need.
    channel
        ``send(probes)``, and ``receive(until_ns)``, which lets virtual time pass. It has no handles.

    Raises
    ------
    ScenarioError, ConfigError, ResolveError
        As `simulated`.
    """
    network = _network(scenario, seed, at_s)
    config = TraceConfig.from_options(**options)
    (aim, *_) = network.resolve(target or network.scenario.targets[0].name, config)
    plan = make_plan(aim, config, network.choose(aim, config), run_uuid=network.run_uuid(aim, config))
    return plan, network.open(plan)


def _network(scenario: Scenario, seed: int | None, at_s: float) -> SimNetwork:
    if not isinstance(scenario, SimNetwork):
        return load(scenario, seed=seed).at(at_s)
    network = scenario if seed is None else SimNetwork(replace(scenario.scenario, seed=seed))
    return network.at(at_s)
