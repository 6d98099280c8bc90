"""A built-in network where a trace stands still on its way, for whoever wants to look."""

from __future__ import annotations

import os
import signal
from threading import Event
from typing import Any

import trippy_nb as tn
from trippy_nb.lifetimes import Vault
from trippy_nb.model import Plan
from trippy_nb.sim import SimNetwork

_TICK_S = 0.005


class HoldingNetwork(SimNetwork):
    """Nested diamonds; after some answers were waited for, it waits for `go_on`, or a stop.

    Parameters
    ----------
    after
        So many times answers are waited for before that.
    interrupted
        Ctrl-C is pressed then.
    """

    def __init__(self, after: int = 4, *, interrupted: bool = False) -> None:
        super().__init__(tn.sim.load("nested-diamonds").scenario)
        self.after = after
        self.interrupted = interrupted
        self.holds, self.go_on = Event(), Event()

    def open(self, plan: Plan, vault: Vault | None = None) -> Any:
        assert vault is not None
        return _HoldingChannel(super().open(plan, vault), self, vault)


class _HoldingChannel:
    def __init__(self, channel: Any, net: HoldingNetwork, vault: Vault) -> None:
        self._channel, self._net, self._vault = channel, net, vault
        self._turns = 0
        self.send = channel.send

    def receive(self, until_ns: int) -> Any:
        self._turns += 1
        if self._turns == self._net.after:
            self._net.holds.set()
            if self._net.interrupted:
                os.kill(os.getpid(), signal.SIGINT)
            while not self._net.go_on.wait(_TICK_S) and not self._vault.stop_wanted:
                pass
        return self._channel.receive(until_ns)
