"""Whatever arrives, and however much of it: memory is bounded, and the trace goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.net.kernel_net import kernel_net
from tests.security.flood import Flooded, resident_kb
from tests.security.forger import whole
from tests.security.wired import read
from tests.tracing.world import MS, Player, VirtualClock, make_plan
from trippy_nb import wire
from trippy_nb.frames import Recorder
from trippy_nb.frames import kept as kept_module
from trippy_nb.frames import recorder as recorder_module
from trippy_nb.frames.recorder import UNMATCHED_KEPT
from trippy_nb.lifetimes import BATCH, Datagram
from trippy_nb.lifetimes.mmsg import BatchSender
from trippy_nb.model import ReplyKind, ReplyReceived
from trippy_nb.net.addresses import pack_sockaddr
from trippy_nb.net.filters import pass_own_answers_only

IN_CI = os.environ.get("TRIPPY_NB_PROFILE") == "ci"
FLOOD, KEPT = (600_000, UNMATCHED_KEPT) if IN_CI else (40_000, 2_048)
"""Packets, and the limit for rows: lowered in a hurry, or filling it would take all the time there is.

A million are in benchmarks/bench_flood.py.
"""
STRAY_BYTES = (1 << 20) if IN_CI else (1 << 16)
FILLING = 4 * KEPT  # packets of three kinds in turn until each limit is reached, amply


@pytest.mark.slow
def test_a_flood_changes_nothing_but_counters(capsys, monkeypatch):
    """Strangers' packets, duplicates and rubbish, each with an address and an extension of its own."""
    monkeypatch.setattr(recorder_module, "UNMATCHED_KEPT", KEPT)
    monkeypatch.setattr(recorder_module, "DUPLICATES_KEPT", KEPT)
    monkeypatch.setattr(recorder_module, "STRAY_EXTENSION_BYTES", STRAY_BYTES)
    monkeypatch.setattr(kept_module, "STRAY_BYTES", STRAY_BYTES)
    flooded = Flooded()
    filled_kb = 0
    for number in flooded.pour(FLOOD, FLOOD if IN_CI else KEPT):
        if number == FILLING:
            filled_kb = resident_kb()
    grown_kb = resident_kb() - filled_kb
    with capsys.disabled():
        print(  # noqa: T201 - numbers for the log
            f"\nflood: {FLOOD:,} packets; after the first {FILLING:,} memory grew by {grown_kb} kB ", end=""
        )
    assert grown_kb < (8_192 if IN_CI else 4_096)  # rows alone, kept without a bound, would be 17 MB in CI
    tables = flooded.recorder.tables()
    run, kinds = tables.runs.iloc[0], tables.replies["kind"].astype(str).value_counts()
    thirds = [len(range(which, FLOOD, 3)) for which in range(3)]
    assert (run["unmatched"], run["foreign"]) == (thirds[0], thirds[2])
    assert kinds["first"] == 1
    assert kinds["unmatched"] == KEPT
    assert KEPT <= kinds["dup"] <= KEPT + flooded.sent
    came = tables.packets[tables.packets["direction"] == "in"]
    assert came["bytes"].map(len).sum() <= STRAY_BYTES + len(flooded.answer)
    assert flooded.answer in set(came["bytes"])
    assert run["dropped_packets"] >= thirds[0] + thirds[1] - KEPT - kinds["dup"]
    structures = tables.replies["ext"].dropna()
    assert 0 < structures.map(len).sum() <= STRAY_BYTES
    assert tables.probes.loc[tables.probes["ttl"] == flooded.probe.ttl, "status"].item() == "reply"


def test_a_duplicate_is_kept_for_every_probe_that_was_sent_however_long_the_run():
    """A path that doubles everything loses no row, though there are more than the limit."""
    plan = make_plan(rounds=1)
    recorder = Recorder(
        plan, run_uuid="00000000-0000-4000-8000-000000000000", source="sim", clock=VirtualClock()
    )
    recorder._duplicate_room = 3  # as after a flood
    player = Player(plan, lambda probe, at: [answer(plan, probe, at + MS), answer(plan, probe, at + 2 * MS)])
    events = player.play().events
    for event in events:
        recorder.record(event)
    came = sum(isinstance(event, ReplyReceived) and event.kind is ReplyKind.DUP for event in events)
    assert (recorder.tables().replies["kind"].astype(str) == "dup").sum() == came > 3


def answer(plan: Any, probe: Any, at_ns: int) -> Any:
    return read(whole(plan, probe, wire.with_ttl(wire.encode_probe(plan, probe), 1))[0], at_ns)


# --- through the kernel -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def net():
    with kernel_net("tns") as it:
        yield it


def strangers(af: int, source: str, count: int) -> list[bytes]:
    """Echo replies of other identifiers and errors about packets to others, as ICMP messages."""
    types = wire.ICMP_TYPES[af]
    packed, other = wire.pack_address(source), wire.pack_address("192.0.2.99" if af == 4 else "2001:db8::99")
    probe = wire.encode_ip(bytes(64), source=packed, target=other, protocol=17)
    messages = []
    for number in range(count):
        body = number.to_bytes(4, "big") + probe
        kind = types.time_exceeded if number % 2 else types.echo_reply
        rest = 0 if number % 2 else 0xFFFF0000
        messages.append(
            wire.encode_icmp(
                source=wire.pack_address("10.77.0.2" if af == 4 else "fd77::2"),
                target=packed,
                kind=kind,
                code=0,
                rest=rest,
                body=probe if number % 2 else body,
            )
        )
    return messages


def pour(af: int, source: str, over: threading.Event, poured: list[int]) -> None:
    """Send strangers' packets until told to stop, as fast as sendmmsg can."""
    import socket

    family, number = (
        (socket.AF_INET, socket.IPPROTO_ICMP) if af == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    )
    with socket.socket(family, socket.SOCK_RAW, number) as sock:
        sender, to = BatchSender(), pack_sockaddr(source)
        batch = [Datagram(message, to) for message in strangers(af, source, BATCH)]
        while not over.is_set():
            poured[0] += sender.send(sock, batch, ()).count(0)


@pytest.mark.netns
@pytest.mark.slow
@pytest.mark.needs("raw_socket")
@pytest.mark.parametrize("protocol", ["icmp", "udp"])
@pytest.mark.parametrize("af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))], ids=["v4", "v6"])
def test_a_trace_survives_a_flood_and_the_kernel_takes_it_off_us(net, af, protocol, capsys):
    import trippy_nb as tn

    source, over, poured = net.source_addr(af), threading.Event(), [0]
    rounds = 60 if IN_CI else 12
    trace: Callable[..., Any] = partial(
        tn.trace,
        net.target_addr(af),
        protocol=protocol,
        mode="raw",
        rounds=rounds,
        min_round_duration=0.05,
        grace_duration=0.01,
        max_inflight=1,
        probe_timeout=1.0,
        progress=False,
        dns=False,
    )
    net.call(partial(trace, rounds=1))  # everything is imported and cached
    before_kb = resident_kb()
    flood = threading.Thread(
        target=net.call, args=(partial(pour, af, source, over, poured),), kwargs={"where": net.target}
    )
    flood.start()
    try:
        run = net.call(trace)
    finally:
        over.set()
        flood.join()
    grown_kb = resident_kb() - before_kb
    row = run.runs.iloc[0]
    answered = (run.probes["status"] == "reply").mean()
    with capsys.disabled():
        print(  # noqa: T201 - numbers for the log
            f"\nflood v{af} {protocol}: {poured[0]:,} packets sent, {row['foreign']:,} reached us, "
            f"{answered:.0%} of {len(run.probes)} probes answered, {grown_kb} kB ",
            end="",
        )
    assert poured[0] > 20_000
    assert 16_384 <= row["foreign"] < 40_000, "beyond that the kernel drops them"
    assert row["unmatched"] == 0
    assert (run.replies["kind"].astype(str) == "first").all()
    assert answered > 0.8
    assert grown_kb < 20_000


@pytest.mark.netns
@pytest.mark.needs("raw_socket")
@pytest.mark.parametrize("protocol", ["icmp", "udp", "tcp"])
@pytest.mark.parametrize("af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))], ids=["v4", "v6"])
def test_with_the_kernels_filter_nothing_of_ours_is_lost(net, af, protocol, monkeypatch):
    """As if the flood had come before the first answer: answers are the same with the filter on."""
    import trippy_nb as tn
    from trippy_nb.net import raw

    class Filtered(raw.RawChannel):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            pass_own_answers_only(self._errors, self._asks)

    target = net.target_addr(af)
    options: dict[str, Any] = {
        "protocol": protocol,
        "mode": "raw",
        "rounds": 2,
        "progress": False,
        "dns": False,
    }
    options |= {"min_round_duration": 0.05, "grace_duration": 0.01}
    plain = net.call(partial(tn.trace, target, **options))
    from trippy_nb.model import SocketMode
    from trippy_nb.net import live

    monkeypatch.setitem(live._CHANNELS, SocketMode.RAW, Filtered)
    filtered = net.call(partial(tn.trace, target, **options))
    assert list(filtered.probes["status"]) == list(plain.probes["status"])
    assert set(filtered.replies["match"]) == set(plain.replies["match"])
    assert (filtered.probes["status"] == "reply").any()
