"""A program that the sweep runs over and over: once by itself, or in a forked child for every fault point.

Starting Python with pandas under strace takes two seconds, a fork ten milliseconds.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence


def serve(body: Callable[[Sequence[str]], int], *, to_the_end: bool = False) -> None:
    """Run `body` with the arguments and exit with its answer; under a sweep, once for each line read.

    A line is ``FAULT OUTPUT ARGUMENT...``: what `fd_audit_arm` of the auditor's shim is told in the child,
    the file that the child writes to, and what `body` is called with. The child's number is answered at
    once, its exit status at its end.

    A child runs what is registered for the exit, and ends there: a handle that only the interpreter's own
    end would close is a leak, and taking pandas apart costs 50 ms. With `to_the_end` it does that too.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
    if "FD_AUDIT_SERVE" not in os.environ:
        sys.exit(body(sys.argv[1:]))
    with contextlib.redirect_stdout(sys.stderr):
        body(sys.argv[1:])  # so that everything is imported that comes late
    sys.stderr.flush()
    gc.collect()
    gc.freeze()
    os.write(1, b"ready\n")
    while line := os.read(0, 4096).decode():  # one line at a time: the next comes after our answer
        fault, output, *arguments = line.split()
        child = os.fork()
        if child == 0:
            _become(fault, output)
            status = body(arguments or sys.argv[1:])
            if to_the_end:
                sys.exit(status)
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        os.write(1, f"{child}\n".encode())
        _, ended = os.waitpid(child, 0)
        os.write(1, f"{os.waitstatus_to_exitcode(ended)}\n".encode())


def _become(fault: str, output: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number, instead in ((0, nothing), (1, written), (2, written)):
        os.dup2(instead, number)
    os.close(nothing)
    os.close(written)
    ctypes.CDLL(None).fd_audit_arm(fault.encode())
