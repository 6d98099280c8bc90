"""Traces, with only what the standard library has: `windows_trace.py TARGET [key=value ...] [-- TARGET ...]`.

Run by a Windows Python under wine. One line of JSON a trace: choice, hops, ledger, error; 3 if there was one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # an embeddable Python ignores PYTHONPATH

from tests.net.plans import make_plan
from trippy_nb.errors import TrippyError
from trippy_nb.lifetimes import Session, Vault, records
from trippy_nb.model import Event, ReplyKind, ReplyReceived, TraceConfig
from trippy_nb.net import LiveNetwork
from trippy_nb.tracing import run_trace


def trace(target: str, **options: Any) -> dict[str, Any]:
    network = LiveNetwork()
    quick = {"rounds": 2, "min_round_duration": 0.0, "grace_duration": 0.02}
    config = TraceConfig.from_options(**(quick | options))
    events: list[Event] = []
    said: dict[str, Any] = {"error": None}
    since = max((record.handle for record in records()), default=0)

    def job(vault: Vault, stop: Any) -> Any:
        (found,) = network.resolve(target, config)
        choice = network.choose(found, config)
        said.update(mode=str(choice.mode), reason=choice.reason, source=choice.source)
        plan = make_plan(found, config, choice)
        channel = network.open(plan, vault)
        return run_trace(plan, channel, network.clock, emit=events.append, stop=stop)

    with Session(job, name="windows_trace") as session:
        try:
            said["end"] = str(session.wait(60))
        except TrippyError as error:
            said["error"] = f"{type(error).__name__}: {error}"
    replies = [event for event in events if isinstance(event, ReplyReceived)]
    credited = [event for event in replies if event.kind is not ReplyKind.UNMATCHED and event.probe]
    hops: dict[int, list[Any]] = {}
    for event in credited:
        assert event.probe is not None
        reply = event.reply
        hops[event.probe.ttl] = [reply.responder, reply.icmp_type, reply.icmp_code, reply.tcp_flags]
    mine = [record for record in records() if record.handle > since]
    return said | {
        "hops": hops,
        "matches": sorted({str(event.match.word) for event in credited if event.match is not None}),
        "handles": [
            [one.kind, one.purpose, one.sent, one.received, one.closed_by is not None] for one in mine
        ],
        "platform": sys.platform,
        "version": sys.version.split()[0],
    }


def value(text: str) -> Any:
    """Read an option's value: a number where it is one."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def main(arguments: list[str]) -> int:
    failed = False
    while arguments:
        end = arguments.index("--") if "--" in arguments else len(arguments)
        target, *options = arguments[:end]
        given = (option.split("=", 1) for option in options)
        told = trace(target, **{name: value(text) for name, text in given})
        sys.stdout.write(json.dumps(told) + "\n")
        failed = failed or told["error"] is not None
        arguments = arguments[end + 1 :]
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
