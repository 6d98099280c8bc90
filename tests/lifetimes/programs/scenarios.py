"""Things that happen around a trace: `scenarios.py NAME MODE ADDRESS`.

Each is a function that returns what it saw, or raises; the exit status says whether anything was wrong,
and whether anything was open afterwards.
"""

# ruff: noqa: T201 - a program; its output is its result

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import trippy_nb as tn
from tests.lifetimes.descriptors import open_handles, open_sockets
from tests.lifetimes.programs.served import serve
from tests.lifetimes.programs.traced import MODES, QUICK, one_line
from trippy_nb.capture import Capture
from trippy_nb.errors import ConfigError, PrivilegeError, ResolveError, TrippyError
from trippy_nb.model import TraceConfig
from trippy_nb.net import LiveNetwork

LONG: dict[str, Any] = QUICK | {"rounds": None, "max_ttl": 2, "duration": 30}
NOBODY = 65534
NO_MATTER = threading.Event()


def trace(mode: str, address: str, **options: Any) -> tn.Run:
    run: tn.Run = tn.trace(address, progress=False, dns=False, **(QUICK | MODES[mode] | options))
    return run


def begun(mode: str, address: str) -> Capture:
    """Start a trace that goes on; return when it has ended its first round."""
    network, config = LiveNetwork(), TraceConfig.from_options(**(LONG | MODES[mode]))
    (target,) = network.resolve(address, config)
    first = threading.Event()
    capture = Capture(target, config, network, on_round=lambda _collected, _event: first.set())
    capture.start()
    if not first.wait(8):
        raise AssertionError("no round in 8 s")
    return capture


def refusal(kind: type[TrippyError], attempt: Callable[[], object], words: str) -> str:
    try:
        attempt()
    except kind as error:
        if words not in str(error):
            raise AssertionError(f"{words!r} is not in {error!r}") from None
        return one_line(str(error))
    raise AssertionError(f"no {kind.__name__}")


# --- what the user is told -------------------------------------------------------------------------


def unknown_host(mode: str, _address: str) -> object:
    return refusal(ResolveError, lambda: trace(mode, "nobody.invalid", dns_timeout=2.0), "nobody.invalid")


def bad_source(mode: str, address: str) -> object:
    bad = "2001:db8::1" if ":" in address else "203.0.113.1"
    return refusal(ConfigError, lambda: trace(mode, address, source_address=bad), "not an address of this")


def no_route(mode: str, address: str) -> object:
    far = "2001:db8:9::1" if ":" in address else "198.51.100.1"
    return refusal(ConfigError, lambda: trace(mode, far), "no way from this machine")


def unreachable(mode: str, address: str) -> object:
    """A route that leads nowhere comes while the trace is under way: rows, not an exception."""
    family, rounds = ("-6" if ":" in address else "-4"), []

    def cut(_run: object) -> None:
        rounds.append(1)
        if len(rounds) == 1:
            subprocess.run(["ip", family, "rule", "add", "prohibit", "to", address, "pref", "1"], check=True)

    subprocess.run(["ip", family, "rule", "delete", "pref", "1"], check=False, stderr=subprocess.DEVNULL)
    try:
        run = trace(mode, address, rounds=3, on_round=cut)
    finally:
        subprocess.run(["ip", family, "rule", "delete", "pref", "1"], check=False)
    row = run.runs.iloc[0]
    answered = (run.probes[run.probes["round"] == 0]["status"] == "reply").sum()
    if not answered:
        raise AssertionError(f"what came before is lost: {run.probes}")
    return [str(row["end_reason"]), str(row["error"]), sorted(set(run.probes["status"].astype(str)))]


def permission_denied(mode: str, address: str) -> object:
    """Nobody asks: only raw sockets are refused in this namespace."""
    _ = trace(mode, address).runs  # as root, so that everything is imported while files may be read
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    if MODES[mode]["mode"] == "raw":
        return refusal(PrivilegeError, lambda: trace(mode, address), "CAP_NET_RAW")
    try:
        return str(trace(mode, address).runs["outcome"].iloc[0])
    except PrivilegeError as error:
        if MODES[mode]["mode"] != "mtr-packet":  # it may have capabilities of its own, or not
            raise
        return one_line(str(error))


# --- the end comes early ---------------------------------------------------------------------------


def ends(mode: str, address: str) -> object:
    """The program ends, the trace does not."""
    globals()["kept"] = begun(mode, address)
    return "the rest is the interpreter's"


def sys_exit(mode: str, address: str) -> object:
    globals()["kept"] = begun(mode, address)
    sys.exit(0)


def sys_exit_within(mode: str, address: str) -> object:
    def leave(_run: object) -> None:
        sys.exit("from on_round")

    try:
        trace(mode, address, on_round=leave)
    except SystemExit as error:
        run = error.partial_run  # type: ignore[attr-defined]  # what `trace` adds
        return [error.code, len(run.probes) > 0]
    raise AssertionError("no exit")


def exception_within(mode: str, address: str) -> object:
    def fail(_run: object) -> None:
        raise LookupError("mine")

    try:
        trace(mode, address, on_round=fail)
    except LookupError as error:
        return len(error.partial_run.probes)  # type: ignore[attr-defined]  # what `trace` adds
    raise AssertionError("no error")


def garbage(mode: str, address: str) -> object:
    """Nobody holds the capture any more."""
    capture = begun(mode, address)
    del capture
    gc.collect()
    return settled()


def settled() -> str:
    """Wait until nothing is open; an abandoned trace has no one who could be asked."""
    for _ in range(100):
        if not open_handles() and not open_sockets():
            return "all closed"
        NO_MATTER.wait(0.01)
    raise AssertionError(f"open after a second: {open_handles()}")


# --- other processes -------------------------------------------------------------------------------


def fork(mode: str, address: str) -> object:
    """A child is forked under way; it traces by itself, and ends in the normal way."""
    warnings.simplefilter("ignore", DeprecationWarning)
    capture = begun(mode, address)
    child = os.fork()
    if child == 0:
        left = [len(open_handles()), len(open_sockets())]
        trace(mode, address)
        sys.exit(0 if left == [0, 0] and not open_sockets() else 5)
    _, status = os.waitpid(child, 0)
    capture.stop()
    answers = int((capture.collected.tables().probes["status"] == "reply").sum())
    return expect([os.waitstatus_to_exitcode(status), answers > 0], [0, True])


def other_program(mode: str, address: str) -> object:
    """A program is run under way: it gets no handle of ours."""
    capture = begun(mode, address)
    look = "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')[:-1]])"
    command = [sys.executable, "-S", "-c", look]
    bare = subprocess.run(command, capture_output=True, text=True, check=True, close_fds=False)
    capture.stop()
    return expect(bare.stdout.count("socket"), 0)


def in_child(mode: str, address: str) -> list[int]:
    before = [len(open_handles()), len([s for s in open_sockets() if s not in foreign()])]
    trace(mode, address)
    return [*before, len(open_handles())]


def foreign() -> Iterable[str]:
    """Sockets of multiprocessing's own."""
    return open_sockets() if multiprocessing.parent_process() is not None else ()


def multiprocess(start: str) -> Callable[[str, str], object]:
    def run(mode: str, address: str) -> object:
        warnings.simplefilter("ignore", DeprecationWarning)
        capture = begun(mode, address)
        with multiprocessing.get_context(start).Pool(1) as pool:
            seen = pool.apply(in_child, (mode, address))
            pool.close()
            pool.join()
        capture.stop()
        return expect(seen, [0, 0, 0])

    return run


# --- interrupts ------------------------------------------------------------------------------------


def interrupted(times: int) -> Callable[[str, str], object]:
    """Ctrl-C under way, again and again."""

    def run(mode: str, address: str) -> object:
        def press() -> None:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
                NO_MATTER.wait(0.004)

        pressing: list[threading.Thread] = []

        def begin(_run: object) -> None:
            if not pressing:
                pressing.append(threading.Thread(target=press))
                pressing[0].start()

        outcome: object = "nothing"
        for _ in range(times + 1):  # later presses may come here
            try:
                if outcome == "nothing":
                    found = trace(mode, address, on_round=begin, rounds=None, duration=30)
                    outcome = [str(found.runs["end_reason"].iloc[0]), len(found.probes) > 0]
                pressing[0].join()
                break
            except KeyboardInterrupt:
                outcome = "interrupted again" if outcome == "nothing" else outcome
        return expect([outcome, outcome in (["interrupted", True], "interrupted again")], [outcome, True])

    return run


def cancelled(mode: str, address: str) -> object:
    """A task that awaits a trace is cancelled."""

    async def main() -> object:
        rounds = asyncio.Event()
        loop = asyncio.get_running_loop()
        options = QUICK | MODES[mode] | {"rounds": None, "duration": 30}

        def tell(_run: object) -> None:
            loop.call_soon_threadsafe(rounds.set)

        task = asyncio.create_task(tn.trace_async(address, dns=False, on_round=tell, **options))
        await asyncio.wait_for(rounds.wait(), 8)
        task.cancel()
        run = await task
        return [str(run.runs["end_reason"].iloc[0]), len(run.probes) > 0]

    return expect(asyncio.run(main()), ["interrupted", True])


def cancelled_at_once(mode: str, address: str) -> object:
    """A task is cancelled while it resolves, or opens."""

    async def main() -> list[str]:
        said = []
        for ticks in range(0, 12, 3):
            task = asyncio.create_task(
                tn.trace_async(address, dns=False, **(QUICK | MODES[mode] | {"duration": 30}))
            )
            for _ in range(ticks):
                await asyncio.sleep(0.002)
            task.cancel()
            try:
                said.append(str((await task).runs["end_reason"].iloc[0]))
            except (asyncio.CancelledError, KeyboardInterrupt) as error:
                said.append(type(error).__name__)
        return said

    return [asyncio.run(main()), settled()]


def expect(seen: object, wanted: object) -> object:
    if seen != wanted:
        raise AssertionError(f"{seen}, not {wanted}")
    return seen


SCENARIOS: dict[str, Callable[[str, str], object]] = {
    "unknown-host": unknown_host,
    "bad-source": bad_source,
    "no-route": no_route,
    "unreachable": unreachable,
    "permission-denied": permission_denied,
    "exit": ends,
    "sys-exit": sys_exit,
    "sys-exit-in-on-round": sys_exit_within,
    "exception-in-on-round": exception_within,
    "garbage": garbage,
    "fork": fork,
    "subprocess": other_program,
    "multiprocessing-fork": multiprocess("fork"),
    "multiprocessing-spawn": multiprocess("spawn"),
    "multiprocessing-forkserver": multiprocess("forkserver"),
    "ctrl-c": interrupted(1),
    "ctrl-c-four-times": interrupted(4),
    "asyncio-cancel": cancelled,
    "asyncio-cancel-at-once": cancelled_at_once,
}
LEAVES_IT_TO_THE_EXIT = ("exit", "sys-exit")


def body(arguments: Sequence[str]) -> int:
    name, mode, address = arguments
    try:
        answer = SCENARIOS[name](mode, address)
    except BaseException as error:
        if isinstance(error, SystemExit):  # meant: of this program, or of a child that it forked
            raise
        traceback.print_exc()
        return 1
    print(json.dumps([name, mode, answer], default=str))
    if name not in LEAVES_IT_TO_THE_EXIT and (open_handles() or open_sockets()):
        print("open:", open_handles(), open_sockets())
        return 1
    return 0


if __name__ == "__main__":
    serve(body, to_the_end=True)
