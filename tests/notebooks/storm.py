"""Interrupts at random moments of a real kernel's cells: the machine that the storms share."""

from __future__ import annotations

import json
import os
import random
import select
from dataclasses import dataclass, field

from tests.notebooks.kernels import ENDLESS, ROOT, UNPRIVILEGED, Kernel

WAYS = {
    "unprivileged": f"run = {UNPRIVILEGED}",
    "raw": f"run = tn.trace('127.0.0.1', protocol='udp', {ENDLESS})",
    "raw icmp over IPv6": f"run = tn.trace('::1', {ENDLESS})",
    "awaited": f"run = await {UNPRIVILEGED.replace('tn.trace(', 'tn.trace_async(')}",
    "many": f"run = tn.trace(['127.0.0.%d' % i for i in range(1, 21)], protocol='udp', {ENDLESS})",
    "a loop": f"rounds = tn.rounds('127.0.0.1', protocol='udp', unprivileged=True, {ENDLESS})\n"
    "for one in rounds: pass\nrun = rounds.run",
    "magic": "%trace 127.0.0.1 -p udp -u -C 0 --no-dns -i 20ms -g 10ms --into run",
    "built-in": "run = tn.trace('target.example', network=net.fresh(), rounds=None, "
    "max_samples=20, dns=False)",
}
"""Cells that never end by themselves."""

_LATEST_S = 0.12  # a trace is well under way by then: most moments before are different ones
_PATIENCE = 20


@dataclass
class Storm:
    """What came of it."""

    interrupts: int = 0
    again: int = 0
    """Interrupts that had to be repeated: they met nobody."""
    runs: int = 0
    nothing: int = 0
    """Cells that were interrupted before there was anything to return."""
    slowest_s: float = 0.0
    """From the interrupt until the last handle was closed."""
    late: int = 0
    """Slower than 250 ms."""
    faults: list[str] = field(default_factory=list)


def interrupts_wanted() -> int:
    """How many this profile asks for, over all ways; TRIPPY_NB_INTERRUPTS says otherwise, by hand."""
    asked = os.environ.get("TRIPPY_NB_INTERRUPTS")
    if asked is not None:
        return int(asked)
    return 250 if os.environ.get("TRIPPY_NB_PROFILE") == "ci" else 25


def prepare(kernel: Kernel) -> None:
    """Import what the check needs, and run it once, so that lazy imports and files are behind us."""
    kernel.run(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.notebooks.partial import verdict\n"
        "net = tn.sim.load('first-steps')\n"
        "%load_ext trippy_nb"
    )
    said = kernel.run("run = tn.trace('127.0.0.1', rounds=1, dns=False); print(verdict(run))")
    assert '"runs": 1' in said, said
    kernel.run("run = await tn.trace_async('127.0.0.1', rounds=1, dns=False)")


def raise_storm(kernel: Kernel, way: str, interrupts: int, seed: int) -> Storm:
    """Interrupt a cell so often; look at the kernel's descriptors, from outside, after each."""
    storm, chance = Storm(), random.Random(f"{way} {seed}")
    before = kernel.descriptors()
    for _ in range(interrupts):
        at_s = chance.choice([chance.uniform(0, 0.02), chance.uniform(0, _LATEST_S)])
        label = f"{way}, seed {seed}, interrupt {storm.interrupts} after {at_s * 1000:.3f} ms"
        interrupted_ns = _interrupt_once(kernel, way, at_s, storm)
        storm.interrupts += 1
        open_now = kernel.descriptors()
        if open_now != before:
            storm.faults.append(f"{label}: opened {set(open_now.items()) ^ set(before.items())}")
        _judge(storm, label, kernel.run("print(verdict(run))"), interrupted_ns)
    return storm


def _interrupt_once(kernel: Kernel, way: str, at_s: float, storm: Storm) -> int:
    message = kernel.send(f"run = None\n{WAYS[way]}", cell="storm")
    kernel.wait_until_busy(message)
    select.select([], [], [], at_s)
    _, pressed_ns = kernel.interrupt_until_over(message, every_s=1, most=_PATIENCE)
    storm.again += len(pressed_ns) - 1
    return pressed_ns[-1]


def _judge(storm: Storm, label: str, said: str, interrupted_ns: int) -> None:
    try:
        found = json.loads(said)
    except json.JSONDecodeError:
        storm.faults.append(f"{label}: {said}")
        return
    storm.runs += found["runs"]
    storm.nothing += not found["runs"]
    storm.faults += [f"{label}: {fault}" for fault in found["faults"]]
    if found["open"] or found["under_way"]:
        storm.faults.append(f"{label}: {found['open']} handles, {found['under_way']} sessions left")
    took_s = (found["closed_at"] - interrupted_ns) / 1e9
    storm.slowest_s = max(storm.slowest_s, took_s)
    storm.late += took_s > 0.25
