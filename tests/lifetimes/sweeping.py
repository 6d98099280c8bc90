"""What the files of sweeps share: which traces, which Pythons, how much of it in this profile."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests import needs
from tests.lifetimes.sweep import Outcome, Sweep
from trippy_nb.model import SocketMode
from trippy_nb.net.live import _CHANNELS

PROGRAMS = Path(__file__).parent / "programs"
WHOLE = os.environ.get("TRIPPY_NB_PROFILE", "fast") == "ci"
"""Every point; else a sample, another one each day."""
SEED = int(os.environ.get("TRIPPY_NB_SEED", "0")) or dt.datetime.now(tz=dt.UTC).toordinal()

MODES: dict[str, SocketMode] = {
    "raw-icmp": SocketMode.RAW,
    "raw-udp": SocketMode.RAW,
    "raw-tcp": SocketMode.RAW,
    "queue-udp": SocketMode.ERROR_QUEUE,
    "queue-udp-many": SocketMode.ERROR_QUEUE,
    "datagram-icmp": SocketMode.DATAGRAM,
    "connect-tcp": SocketMode.CONNECT,
    "helper-udp": SocketMode.MTR_PACKET,
}
BUILT = [
    name
    for name, mode in MODES.items()
    if mode in _CHANNELS and (mode is not SocketMode.MTR_PACKET or needs.has("mtr"))
]


def swept(
    program: str,
    cases: Sequence[tuple[str, ...]],
    *,
    python: str = sys.executable,
    inside: str | None = None,
    sample: int | None = None,
    faults: Sequence[str] = ("EIO", "EINTR", "SIGINT"),
    hang_s: float = 10.0,
    only: str | None = None,
) -> Sweep:
    """Sweep one of our programs, in a namespace; print what was done and what was left out."""
    where = ["ip", "netns", "exec", inside] if inside else []
    sweep = Sweep(
        [*where, python, str(PROGRAMS / program)],
        cases,
        faults=faults,
        sample=sample,
        seed=SEED,
        hang_s=hang_s,
        only=only,
        typical=bool(faults),
    )
    sweep.run()
    print(sweep.report())  # noqa: T201 - pytest shows it with -s, and beside a failure
    return sweep


def found(sweep: Sweep) -> list[str]:
    """All that is wrong, by point."""
    return [f"{outcome.point}: {finding}" for outcome in sweep.outcomes for finding in outcome.findings]


def plain(sweep: Sweep) -> list[Outcome]:
    """The runs in which nothing was made to fail."""
    return sweep.outcomes[: len(sweep.cases)]
