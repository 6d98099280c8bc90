"""Trace, and judge what became of it: `traced.py MODE ADDRESS [MODE ADDRESS...]`.

Whatever was done to it: the outcome is a run, an error of ours in one line, or the interrupt that was
asked for; what was collected before is there; and nothing is open when the call is over. Exit status 0
and one line of JSON, or 1 and the reason. Where pandas is not installed the trace goes through
`capture.Capture`, with a stand-in for the tables.
"""

# ruff: noqa: T201 - a program; its output is its result

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from tests.lifetimes.descriptors import open_handles, open_sockets
from tests.lifetimes.programs.served import serve
from trippy_nb.errors import TrippyError

if find_spec("pandas") is None:
    from tests.lifetimes.programs.bare import trace
else:
    from tests.lifetimes.programs.whole import trace

MODES: dict[str, dict[str, Any]] = {
    "raw-icmp": {"protocol": "icmp", "mode": "raw"},
    "raw-udp": {"protocol": "udp", "mode": "raw"},
    "raw-tcp": {"protocol": "tcp", "mode": "raw"},
    "queue-udp": {"protocol": "udp", "mode": "error-queue"},
    "queue-udp-many": {"protocol": "udp", "mode": "error-queue", "target_port": 33333},
    "datagram-icmp": {"protocol": "icmp", "mode": "datagram"},
    "connect-tcp": {"protocol": "tcp", "mode": "connect"},
    "helper-udp": {"protocol": "udp", "mode": "mtr-packet"},
}
QUICK: dict[str, Any] = {
    "rounds": 2,
    "max_ttl": 3,
    "min_round_duration": 0.01,
    "max_round_duration": 0.15,
    "grace_duration": 0.01,
    "probe_timeout": 0.15,
}


class WrongError(Exception):
    """Something that must not be, whatever happened."""


def attempt(mode: str, address: str) -> dict[str, Any]:
    """Trace; return what became of it."""
    rounds = 0

    def on_round(_run: object) -> None:
        nonlocal rounds
        rounds += 1

    try:
        answer = trace(address, on_round, QUICK | MODES[mode])
    except TrippyError as error:
        if rounds:
            raise WrongError(f"{rounds} rounds were lost to {error!r}") from error
        return {"raised": type(error).__name__, "said": one_line(str(error))}
    except KeyboardInterrupt as error:
        return {"raised": "KeyboardInterrupt", "said": str(error)}
    if answer["rounds"] < rounds:
        raise WrongError(f"{rounds} rounds ended, {answer['rounds']} are in the run")
    if answer["error"] is not None:
        one_line(answer["error"])
    elif answer["end_reason"] not in ("rounds", "interrupted"):
        raise WrongError(f"ended by {answer['end_reason']}, without an error")
    return answer


def one_line(text: str) -> str:
    """Return a message that a user can read at one glance."""
    if "\n" in text or not text.strip() or len(text) > 500:
        raise WrongError(f"not one line: {text!r}")
    return text


def body(arguments: Sequence[str]) -> int:
    """Trace and judge; the exit status."""
    return max(judge(*arguments[i : i + 2]) for i in range(0, len(arguments), 2))


def judge(mode: str, address: str) -> int:
    """Trace once; the exit status."""
    try:
        answer = attempt(mode, address)
    except KeyboardInterrupt:  # between the trace and here
        answer = {"raised": "KeyboardInterrupt"}
    except BaseException:  # noqa: BLE001 - the judge
        traceback.print_exc()
        return 1
    left = {"ledger": [str(record) for record in open_handles()], "table": sorted(open_sockets())}
    if left["ledger"] or left["table"]:
        print("open at the end:", left)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    serve(body)
