"""A scenario behind a TUN device in a namespace of our own."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import trippy_nb as tn

_NUMBERS = itertools.count()
TARGET = {4: "198.51.100.80", 6: "2001:db8:80::80"}


@dataclass(frozen=True, slots=True)
class Served:
    """A scenario that answers."""

    namespace: str
    scenario: str
    said: str
    """The line with which it began."""

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *words]

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run a program inside; its standard output."""
        done = subprocess.run(
            self.command(*words), check=False, capture_output=True, text=True, timeout=120, input=stdin
        )
        assert done.returncode == 0, f"{words} answered {done.returncode}: {done.stderr}"
        return done.stdout

    def hops(self, af: int = 4) -> list[str | None]:
        """Who answers at which TTL, as a perfect trace would show it; of scenarios with one way."""
        (path,) = tn.sim.load(self.scenario).truth.paths_to(TARGET[af])
        return list(path.addrs)


@contextlib.contextmanager
def namespace() -> Iterator[str]:
    """An empty namespace."""
    name = f"tnserve{os.getpid()}-{next(_NUMBERS)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@contextlib.contextmanager
def served(scenario: str) -> Iterator[Served]:
    """Serve a scenario; end it by SIGTERM, and look how it ended."""
    with namespace() as name:
        words = [sys.executable, "-m", "trippy_nb", "sim", "serve", scenario, "--tun", "tun0"]
        server = subprocess.Popen(
            ["ip", "netns", "exec", name, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        try:
            yield Served(name, scenario, server.stdout.readline())
        finally:
            server.terminate()
            rest, errors = server.communicate(timeout=20)
        assert (server.returncode, errors) == (0, "")
        assert "packets in" in rest
