"""Give up every privilege, then trace three TTLs: `as_nobody.py TARGET OPTIONS`; answers in JSON."""

# ruff: noqa: T201 - a program; its output is its result

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path

from tests.net.driving import Driver, drive  # everything is imported while files may be read
from trippy_nb.errors import TrippyError

NOBODY = 65534
PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h: file capabilities, such as mtr-packet's, are void from here on


def steps(it: Driver) -> dict[str, object]:
    it.send([1, 2, 3])
    it.replies_and_stamps(3)
    return {
        "mode": [it.plan.protocol, it.plan.mode],
        "reason": it.plan.reason,
        "hops": {str(it.probe_of(reply).ttl): reply.responder for reply in it.replies},
        "stamped": sum(reply.kernel_ns is not None for reply in it.replies),
    }


if ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
    sys.exit("no-new-privs was refused")
os.setgroups([])
os.setresgid(NOBODY, NOBODY, NOBODY)
os.setresuid(NOBODY, NOBODY, NOBODY)
status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
(capabilities,) = [line.split()[1] for line in status if line.startswith("CapEff")]
try:
    answer = drive(sys.argv[1], steps, **json.loads(sys.argv[2]))
except TrippyError as error:
    answer = {"error": type(error).__name__, "message": str(error)}
print(json.dumps(answer | {"capabilities": capabilities}))
