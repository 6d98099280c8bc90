"""Trace the loopback; say which thread does it, by which sockets: `least_privilege.py PROTOCOL [OPTION]`.

With ``--permitted-only`` the effective set loses it first, as of a program with file capabilities
that are not effective.
"""

# ruff: noqa: T201 - a program; its output is its result

import ctypes
import json
import sys
import threading
from typing import Any

import trippy_nb as tn
from trippy_nb.lifetimes import capabilities

_DAC_READ_SEARCH = 2  # linux/capability.h


def main() -> None:
    if "--permitted-only" in sys.argv:
        words = capabilities._Words()
        header = capabilities._Header(capabilities._VERSION_3, 0)
        libc = ctypes.CDLL(None)
        assert libc.capget(ctypes.byref(header), words) == 0
        words[0].effective = 1 << _DAC_READ_SEARCH  # this Python may lie where only root looks
        words[1].effective = 0
        assert libc.capset(ctypes.byref(header), words) == 0

    def on_round(run: Any) -> None:
        mode = str(run.runs["mode"].iloc[0])
        said = {"thread": threading.get_native_id(), "main": threading.main_thread().native_id, "mode": mode}
        print(json.dumps(said), flush=True)
        assert sys.stdin.readline()  # stays where it is until it has been looked at

    run = tn.trace(
        "127.0.0.1",
        protocol=sys.argv[1],
        fwmark=7 if "--mark" in sys.argv else None,
        rounds=2,
        max_ttl=1,
        min_round_duration=0.02,
        dns=False,
        progress=False,
        on_round=on_round,
    )
    print(json.dumps({"answered": int(run.probes["rtt_ms"].notna().sum()), "handles": len(run.handles)}))


if __name__ == "__main__":
    main()
