"""Play: a built-in internet to look at, change, break and trace."""

from pathlib import Path
from typing import TYPE_CHECKING

from trippy_nb.api.discover import discover
from trippy_nb.api.tracing import trace
from trippy_nb.errors import ConfigError
from trippy_nb.sim import SimNetwork, load

if TYPE_CHECKING:
    from trippy_nb.run import Run
    from trippy_nb.widgets import Player


def play(scenario: "str | Path | SimNetwork" = "first-steps") -> "Player[Run]":
    """Play with a built-in internet: see the network, change it, break it, trace it; truth beside belief.

    Pick a scenario, select a router or a link in the picture, and turn its knobs: they are the keys of a
    scenario file. Trace it, and see over the picture what the trace believed, what it missed, and which links
    are not there.

    Parameters
    ----------
    scenario
        A name of ``tn.sim.scenarios()``, the path of a scenario file, or a network; that stays as it is.

    Returns
    -------
    player
        A widget, with `network` (as changed), `scenario` (its text as a file), `run` (the last one), `belief`
        (what it got right and wrong), and `pick`, `change`, `break_link`, `undo`, `trace` as methods.

    Raises
    ------
    ScenarioError
        If there is no such scenario, or the file is wrong.

    Examples
    --------
    >>> import trippy_nb as tn
    >>> player = tn.play("nested-diamonds")
    >>> run = player.trace(protocol="udp", how="classic", rounds=12)
    >>> [(link.near, link.far) for link in player.belief.having("wrong")]
    [('r2', 'r5'), ('r2', 'r7'), ('r3', 'r4')]
    """
    from trippy_nb.widgets import Player

    if isinstance(scenario, str | Path):
        scenario = load(scenario)
    if not isinstance(scenario, SimNetwork):
        raise ConfigError(f"play takes a scenario's name, a path or a network, not {type(scenario).__name__}")
    return Player(scenario, trace=_trace)


def _trace(network: SimNetwork, target: str, how: str, protocol: str, rounds: int) -> "Run":
    if how == "discover":
        return discover(target, network=network, protocol=protocol, progress=False)
    return trace(target, network=network, protocol=protocol, multipath=how, rounds=rounds, progress=False)
