"""Fail, or interrupt, every distinct call site of a program in turn, under the auditor.

::

    python -m tests.lifetimes.sweep [options] -- PROGRAM ARG...

The program is run under strace with the auditor's shim (`fd_audit.py`), once: it must end in
`programs.served.serve(body)`, which forks a child for every point. A first child lists its calls on
descriptors with their call sites (the stack of Python). Each further child has one of them fail with an
errno, or sends SIGINT to itself there. All children are replayed into descriptor tables: double close,
use after close, leak, and so on are findings, and so is a child that hangs or says that something is
wrong by its exit status. Numbers are never reused (`--quarantine`), warnings count (`--strict`).
"""

# ruff: noqa: T201 - a tool; its output is its result

from __future__ import annotations

import argparse
import errno
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.lifetimes import fd_audit

CALLS = (
    *("socket", "socketpair", "setsockopt", "getsockopt", "bind", "connect", "getsockname", "ioctl", "poll"),
    *("send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", "close"),
)
EVERYWHERE = ("EIO", "EINTR")
TYPICAL = {
    "socket": ("EMFILE", "EPERM"),
    "setsockopt": ("ENOPROTOOPT",),
    "getsockopt": ("ENOPROTOOPT",),
    "bind": ("EADDRINUSE",),
    "connect": ("ENETUNREACH",),
    "sendmmsg": ("ENOBUFS",),
    "recvmmsg": ("ENOMEM",),
    "poll": ("ENOMEM",),
}
FRAME = re.compile(r'File "([^"]*)", line (\d+) in ([^|]*)')


FOREIGN = re.compile("mtr-packet")
"""Programs that are not ours to judge."""
ROOT = str(Path(__file__).parents[2])


def _path() -> list[str]:
    return [entry for entry in [os.environ.get("PYTHONPATH", "")] if entry]


@dataclass(frozen=True, slots=True)
class Site:
    """A call site that the program has come past."""

    call: str
    key: str
    where: str
    count: int
    """How often, in the listing run."""

    @property
    def occurrences(self) -> tuple[int, ...]:
        """The first time, and one in the middle: something has been collected by then."""
        return (1,) if self.count < 3 else (1, self.count // 2 + 1)


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to go wrong."""

    case: tuple[str, ...]
    """Arguments of the program."""
    site: Site
    occurrence: int
    fault: str
    """Name of an errno, or SIGINT."""

    @property
    def number(self) -> int:
        """As the shim has it."""
        return -int(signal.SIGINT) if self.fault == "SIGINT" else int(getattr(errno, self.fault))

    def __str__(self) -> str:
        frames = FRAME.findall(self.site.where)
        where = (
            " < ".join(f"{Path(path).name}:{line} {name}" for path, line, name in frames[:4])
            or self.site.where
        )
        return f"{' '.join(self.case)}: {self.site.call} {self.fault} #{self.occurrence} at {where}"


@dataclass(slots=True)
class Outcome:
    """What became of a child."""

    point: Point | None
    pid: int
    status: int | None
    """Exit status; None if it hung."""
    output: str
    findings: list[str] = field(default_factory=list)
    fired: bool = True
    """Whether it came to the call."""


class Server:
    """The program under strace, which forks a child for each point."""

    def __init__(self, command: Sequence[str], folder: Path, hang_s: float) -> None:
        self.folder = folder
        self.hang_s = hang_s
        self.trace = folder / "trace"
        shim = folder / "shim.so"
        source = folder / "shim.c"
        source.write_text(fd_audit.SHIM.replace("QBASE", str(fd_audit.QBASE)), encoding="utf-8")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
        errors = folder / "errors"
        with errors.open("wb") as said:
            self.process = subprocess.Popen(
                [
                    "strace", "--seccomp-bpf", "-f", "-q", "-s", "32", "-y", "-ttt", "-o", str(self.trace),
                    "-e", "signal=all", "-e", f"trace={fd_audit.TRACE}", "-E", f"LD_PRELOAD={shim}",
                    "-E", "FD_AUDIT_SERVE=1", "-E", "OPENBLAS_NUM_THREADS=1", "--", *command,
                ],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join([ROOT, *_path()])},
            )  # fmt: skip
        if self._answer(60) != "ready":
            self.end()
            raise RuntimeError(f"{command} did not get ready: {errors.read_text(encoding='utf-8')[-2000:]}")

    def run(self, fault: str, arguments: Sequence[str]) -> tuple[int, int | None, str]:
        """Run a child; its number, its exit status (None if it hung), and its output."""
        assert self.process.stdin is not None
        output = self.folder / "output"
        self.process.stdin.write(" ".join([fault, str(output), *arguments, "\n"]).encode())
        self.process.stdin.flush()
        pid = int(self._answer(self.hang_s) or "0")
        status = self._answer(self.hang_s)
        if status is None and pid:
            os.kill(pid, signal.SIGKILL)
            self._answer(self.hang_s)
        said = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
        output.unlink(missing_ok=True)
        return pid, None if status is None else int(status), said.strip()

    def end(self) -> None:
        """Let the program end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(self.hang_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()

    def _answer(self, timeout_s: float) -> str | None:
        assert self.process.stdout is not None
        descriptor, line = self.process.stdout.fileno(), b""
        while not line.endswith(b"\n"):
            if not select.select([descriptor], [], [], timeout_s)[0]:
                return None
            byte = os.read(descriptor, 1)
            if not byte:
                return None
            line += byte
        return line.decode().strip()


class Sweep:
    """All points of a program.

    Parameters
    ----------
    command
        The program, which ends in `served.serve`.
    cases
        Arguments to run it with; without any, none.
    calls
        Names of calls to fail.
    faults
        Errnos to fail with, besides what is typical of a call; SIGINT is one too.
    sample
        Most points to run; None for all. `seed` chooses them.
    hang_s
        A child that takes longer hangs.
    only
        Pattern of the openings whose leaks, inheritance and so on are findings.
    """

    def __init__(
        self,
        command: Sequence[str],
        cases: Sequence[tuple[str, ...]] = ((),),
        *,
        calls: Sequence[str] = CALLS,
        faults: Sequence[str] = (*EVERYWHERE, "SIGINT"),
        typical: bool = True,
        sample: int | None = None,
        seed: int = 0,
        hang_s: float = 10.0,
        only: str | None = None,
    ) -> None:
        self.command = [*command, *cases[0]]
        self.cases = cases
        self.sites: list[Site] = []
        self.points: list[Point] = []
        self.left_out: list[Point] = []
        self.outcomes: list[Outcome] = []
        self._only = re.compile(only) if only else None
        self._calls, self._faults, self._typical = calls, faults, typical
        self._sample, self._seed, self._hang_s = sample, seed, hang_s

    def run(self) -> list[Outcome]:
        """Run everything; return the outcomes that have findings."""
        folder = Path(tempfile.mkdtemp(prefix="fd_sweep."))
        folder.chmod(0o755)
        try:
            server = Server(self.command, folder, self._hang_s)
            try:
                self._choose(
                    [point for case in self.cases for point in self._plain(server, case, folder / "list")]
                )
                for point in self.points:
                    self._try(server, point, folder / "mark")
            finally:
                server.end()
            self._judge(server.trace)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return [outcome for outcome in self.outcomes if outcome.findings]

    def _plain(self, server: Server, case: tuple[str, ...], listing: Path) -> list[Point]:
        """Run a case without a fault; all points that there are."""
        if not self._faults and not self._typical:  # a listing would be in the way of its own children
            self.outcomes.append(_outcome(None, *server.run("nothing:0:0:-", case)))
            return []
        outcome = _outcome(None, *server.run(f"list:0:0:{listing}", case))
        self.outcomes.append(outcome)
        counts: Counter[tuple[str, str, str]] = Counter()
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            call, key, where = [*line.split(" ", 2), ""][:3]
            counts[call, key, where] += 1
        listing.unlink()
        if not any(call == "socket" for call, _, _ in counts):
            outcome.findings.append(f"nothing_opened: no socket by {' '.join(case)}")
        sites = [Site(*which, count) for which, count in counts.items() if which[0] in self._calls]
        self.sites += sites
        return [
            Point(case, site, occurrence, fault)
            for site in sites
            for fault in dict.fromkeys(
                (*self._faults, *(TYPICAL.get(site.call, ()) if self._typical else ()))
            )
            for occurrence in site.occurrences
        ]

    def _choose(self, points: list[Point]) -> None:
        chosen = set(range(len(points)))
        if self._sample is not None and len(points) > self._sample:
            chosen = set(random.Random(self._seed).sample(range(len(points)), self._sample))
        self.points = [point for i, point in enumerate(points) if i in chosen]
        self.left_out = [point for i, point in enumerate(points) if i not in chosen]

    def _try(self, server: Server, point: Point, mark: Path) -> None:
        mark.unlink(missing_ok=True)
        fault = f"{point.site.call}:{point.number}:{point.occurrence}:{mark}:{point.site.key}"
        outcome = _outcome(point, *server.run(fault, point.case))
        outcome.fired = mark.exists()
        self.outcomes.append(outcome)

    def _judge(self, trace: Path) -> None:
        options = SimpleNamespace(
            skip=(), ignore_re=(), only_re=self._only, foreign_re=FOREIGN,
            from_first="", quarantine=True, expect_rc=(),
            kind_set={*fd_audit.OPEN1.values(), *fd_audit.OPENN.values(), "other"} - {"file"},
        )  # fmt: skip
        model: Any = fd_audit.Model(options)
        with trace.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                model.feed(line.rstrip("\n"))
        by_pid = {outcome.pid: outcome for outcome in self.outcomes}
        server = Outcome(None, 0, 0, "the program itself, before and after its children")
        for found in model.findings:
            pid = found["pid"]
            while pid is not None and pid not in by_pid:  # a child's child is the child's
                pid = model.tab[pid].parent if pid in model.tab else None
            by_pid.get(pid, server).findings.append(f"{found['category']}: {found['message']}")
        self.outcomes.append(server)

    @property
    def reached(self) -> int:
        """Points whose fault was met."""
        return sum(outcome.fired for outcome in self.outcomes if outcome.point)

    def report(self) -> str:
        """Say in a few lines what was done, what was left out, and all that was found."""
        lines = [
            f"{len(self.points)} points at {len(self.sites)} call sites, {self.reached} reached; "
            f"left out: {len(self.left_out)}"
            + (f" (seed {self._seed}: another one takes others)" if self.left_out else "")
        ]
        answers = Counter(
            outcome.output.splitlines()[0][:110] if outcome.output else "nothing"
            for outcome in self.outcomes
            if outcome.point
        )
        lines += [f"  {count:4} × {answer}" for answer, count in answers.most_common(8)]
        for outcome in self.outcomes:
            lines += [f"  FOUND at {outcome.point or 'no fault'}: {found}" for found in outcome.findings]
            if outcome.findings:
                lines.append(f"        it said: {outcome.output}")
        return "\n".join(lines)


def _outcome(point: Point | None, pid: int, status: int | None, output: str) -> Outcome:
    outcome = Outcome(point, pid, status, output)
    if status is None:
        outcome.findings.append("timeout: no end in time")
    elif status:
        outcome.findings.append(f"bad_exit: {status}")
    return outcome


def main() -> int:
    """Sweep a program from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", default=",".join(CALLS), help="names of libc calls")
    parser.add_argument("--faults", default=",".join((*EVERYWHERE, "SIGINT")), help="errnos, and SIGINT")
    parser.add_argument(
        "--no-typical", action="store_true", help="no further errno that is typical of a call"
    )
    parser.add_argument("--sample", type=int, help="run so many points, chosen by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", action="append", default=[], help="arguments to run it with (repeatable)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    sweep = Sweep(
        asked.command[1:] if asked.command[:1] == ["--"] else asked.command,
        [tuple(case.split()) for case in asked.case] or ((),),
        calls=asked.calls.split(","),
        faults=asked.faults.split(","),
        typical=not asked.no_typical,
        sample=asked.sample,
        seed=asked.seed,
    )
    found = sweep.run()
    print(sweep.report())
    print("sweep:", "FINDINGS" if found else "clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
