"""Pytest fixtures: ``pytest_plugins = ["trippy_nb.testing.plugin"]`` in your conftest.py.

Needs ``trippy_nb[testing]``.
"""

from collections.abc import Callable

from trippy_nb.errors import MissingDependencyError, TrippyError
from trippy_nb.net import LiveNetwork
from trippy_nb.run import Run
from trippy_nb.sim import SimNetwork, load
from trippy_nb.testing.simulating import simulated

try:
    import pytest
except ImportError as error:
    raise MissingDependencyError(
        "trippy_nb.testing.plugin needs pytest: pip install 'trippy_nb[testing]'"
    ) from error


@pytest.fixture
def sim_network() -> SimNetwork:
    """A fresh network, `first-steps`, at virtual time 0: pass it as ``network=``."""
    return load("first-steps")


@pytest.fixture
def sim_run() -> Callable[..., Run]:
    """`trippy_nb.testing.simulated`: ``sim_run("nested-diamonds", protocol="udp")``."""
    return simulated


@pytest.fixture
def no_live_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every trace of the live network fail before a socket is opened."""

    def refuse(*_: object, **__: object) -> None:
        raise TrippyError("this test may not use the live network: pass network=tn.sim.load(...)")

    for name in ("resolve", "reverse", "choose", "open"):
        monkeypatch.setattr(LiveNetwork, name, refuse)
