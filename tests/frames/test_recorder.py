"""The recorder: every event has its effect, memory is bounded, any thread may look at any time."""

import gc
import sys
import threading
import tracemalloc
import typing
from types import SimpleNamespace

import pandas as pd
import pytest

from tests.frames.play import (
    MS,
    TARGET,
    WALL,
    FakeClock,
    S,
    Script,
    make_plan,
    make_recorder,
    play,
    small_trace,
)
from trippy_nb.frames import HANDLES, RUNS, check_frame, concat_tables
from trippy_nb.frames import kept as kept_module
from trippy_nb.frames.kept import KeptPackets, KeptSamples
from trippy_nb.frames.recorder import FOREIGN_KEPT, UNMATCHED_KEPT
from trippy_nb.frames.records import (
    CHUNK_RECORDS,
    PROBE_DTYPE,
    PROBE_SIZE,
    REPLY,
    REPLY_DTYPE,
    STAMP_OFFSET,
)
from trippy_nb.model import (
    ClockSampled,
    EndReason,
    Event,
    FlowOpened,
    Foreign,
    ForeignSeen,
    Multipath,
    Probe,
    ProbeSent,
    Protocol,
    Quote,
    ReplyKind,
    SendReceipt,
    SocketMode,
    Stamped,
)


def statuses(tables):
    return list(tables.probes["status"])


def test_the_packed_records_are_laid_out_as_numpy_reads_them():
    assert PROBE_DTYPE.itemsize == PROBE_SIZE
    assert dict(PROBE_DTYPE.fields or {})["tx_ns"][1] == STAMP_OFFSET
    assert REPLY_DTYPE.itemsize == REPLY.size


def test_a_small_trace_becomes_the_rows_one_would_write_by_hand():
    tables = small_trace().tables()
    probes = tables.probes
    assert statuses(tables) == [
        *("reply", "timeout", "reply", "beyond_target", "send_error"),
        *("reply", "timeout", "late", "beyond_target", "send_error"),
    ]
    assert list(probes["ttl"]) == [1, 2, 3, 4, 5] * 2
    assert list(probes["addr"].astype(object).fillna("-")) == ["10.0.0.1", "-", TARGET, "-", "-"] * 2
    assert list(probes["n_replies"]) == [2, 0, 1, 0, 0] * 2
    assert probes["rtt_ms"].dropna().tolist() == [0.995, 8.999998, 0.995, 1099.999998]
    assert probes["rtt_source"].dropna().tolist() == ["kernel", "user", "kernel", "user"]
    assert probes["errno"].dropna().tolist() == [101, 101]
    assert list(tables.replies["kind"]) == [
        *("first", "dup", "first"),
        *("first", "dup", "late"),
        "unmatched",
    ]
    assert list(tables.replies["mpls"].dropna()) == ["30/0/1/1"] * 2
    assert tables.replies["zone"].dropna().tolist() == ["eth0"]
    run = tables.runs.iloc[0]
    assert (run.outcome, run.end_reason, run.target_ttl, run.rounds) == ("reached", "rounds", 3, 2)
    assert (run.foreign, run.unmatched, run.dropped_probes, run.clock_suspect) == (1, 1, 0, 0)
    assert (run.clock, run.tool, run.vantage, run.method) == ("kernel", "trippy_nb", "here", "classic")
    assert run.started_at == pd.Timestamp(WALL, tz="UTC")
    assert run.ended_at == pd.Timestamp(WALL + 3 * S, tz="UTC")
    assert list(tables.packets["bytes"]) == [b"probe-1", b"reply-1"] * 2
    assert tables.flows.iloc[0].icmp_checksum == 0x1234
    for table, frame in tables.items():
        check_frame(frame, table)


def test_every_event_of_the_union_is_taken():
    taken = {type(event) for event in small_trace().events}
    assert taken == set(typing.get_args(Event))


def test_an_event_of_no_known_kind_is_an_error_not_a_silence():
    with pytest.raises(AssertionError):
        make_recorder().record("nonsense")


def test_a_run_without_events_has_tables_with_no_rows_but_one_run():
    tables = make_recorder().tables()
    assert [len(frame) for _, frame in tables.items()] == [1, 0, 0, 0, 0, 0]
    assert tables.runs["rounds"].item() == 0
    for table, frame in tables.items():
        check_frame(frame, table)


def test_counters_for_progress():
    recorder = play(small_trace().events)
    assert (recorder.probes_sent, recorder.rounds_ended) == (8, 2)


def test_a_stamp_counts_whether_it_comes_before_or_after_its_probe_or_its_reply():
    probe = Probe(0, 0, 0, 1, 0, 1, 0, 0)
    sent = ProbeSent(probe, SendReceipt(0, 1000, 2000))
    script = Script(probes=[probe])
    script.answer(probe, at=5 * MS, kernel_ns=WALL + 4 * MS)
    stamp, (answer,) = Stamped(0, WALL + 1 * MS), script.events
    for order in ([stamp, sent, answer], [sent, stamp, answer], [sent, answer, stamp]):
        tables = play(order).tables()
        assert tables.probes["rtt_ms"].tolist() == [3.0]
        assert tables.probes["sent_at"].item().value == WALL + MS


def test_answers_to_different_probes_may_come_in_any_order():
    def tables(order):
        script = Script()
        probes = [script.send(ttl, at=ttl) for ttl in (1, 2, 3)]
        for place in order:
            script.answer(probes[place], f"10.0.0.{place}", at=(place + 1) * MS)
        script.end()
        return script.tables()

    reference = tables([0, 1, 2])
    for order in ([2, 1, 0], [1, 2, 0]):
        shuffled = tables(order)
        pd.testing.assert_frame_equal(shuffled.probes, reference.probes)
        pd.testing.assert_frame_equal(shuffled.runs, reference.runs)


def test_of_two_first_answers_the_earlier_one_is_joined_in():
    script = Script()
    probe = script.send(1)
    script.answer(probe, "10.0.0.1", at=MS)
    script.answer(probe, "10.0.0.2", at=2 * MS)
    assert list(script.tables().probes["addr"]) == ["10.0.0.1"]


def test_probes_are_sorted_whatever_the_order_of_sending():
    script = Script()
    probes = [script.send(ttl, round=number, at=ttl) for number, ttl in ((1, 1), (0, 2), (0, 1))]
    for probe in probes:
        script.answer(probe, f"10.{probe.round}.0.{probe.ttl}")
    tables = script.tables()
    assert list(tables.probes["addr"]) == ["10.0.0.1", "10.0.0.2", "10.1.0.1"]
    assert list(tables.replies["round"]) == [1, 0, 0]


# --- fates


@pytest.mark.parametrize(
    ("reason", "end_ns", "fate"),
    [
        (EndReason.ROUNDS, 1 * S, "timeout"),
        (EndReason.DURATION, 1 * S, "timeout"),
        (EndReason.ON_ROUND, 1 * S, "timeout"),
        (EndReason.INTERRUPTED, 2 * S - 1, "in_flight"),
        (EndReason.INTERRUPTED, 2 * S, "timeout"),
        (EndReason.ERROR, 2 * S - 1, "in_flight"),
        (EndReason.ERROR, 2 * S, "timeout"),
    ],
)
def test_an_unanswered_probe_is_loss_only_when_nothing_waits_for_it_any_more(reason, end_ns, fate):
    script = Script()
    script.send(1, at=0)
    script.end(reason, at=end_ns)
    assert statuses(script.tables()) == [fate]


def test_a_live_snapshot_keeps_what_has_not_expired_in_flight():
    script = Script()
    script.send(1, at=0)
    recorder = play(script.events)
    assert statuses(recorder.tables(now_ns=2 * S - 1)) == ["in_flight"]
    assert statuses(recorder.tables(now_ns=2 * S)) == ["timeout"]
    assert recorder.tables(now_ns=2 * S).runs["outcome"].isna().all()


def test_after_the_end_time_no_longer_passes():
    script = Script()
    script.send(1, at=0)
    script.end(EndReason.INTERRUPTED, at=S)
    assert statuses(play(script.events).tables(now_ns=10 * S)) == ["in_flight"]


def test_beyond_the_target_is_neither_loss_nor_in_flight_unless_somebody_else_answers_there():
    script = Script()
    probes = [script.send(ttl, at=0) for ttl in (1, 2, 3, 4, 5)]
    script.answer(probes[1], TARGET, from_target=True)
    script.answer(probes[2], TARGET, from_target=True)
    script.answer(probes[3], "192.0.2.99")
    script.end_round(target_ttl=2)
    wanted = ["in_flight", "reply", "beyond_target", "reply", "beyond_target"]
    assert statuses(script.tables()) == wanted
    assert script.tables().probes["rtt_ms"].notna().tolist() == [False, True, True, True, False]


def test_the_answer_in_its_own_round_and_flow_says_where_the_target_is():
    script = Script()
    for flow, far in ((0, 2), (1, 3)):
        probes = [script.send(ttl, flow=flow, at=0) for ttl in (1, 2, 3, 4)]
        script.answer(probes[far - 1], TARGET, from_target=True)
    script.end_round(target_ttl=2)
    script.end()
    assert statuses(script.tables()) == [
        *("timeout", "reply", "beyond_target", "beyond_target"),
        *("timeout", "timeout", "reply", "beyond_target"),
    ]


def test_the_answer_in_its_own_round_counts_more_than_what_was_known_before():
    script = Script()
    probes = [script.send(ttl, attempt=attempt, at=0) for ttl in (2, 3) for attempt in (0, 1)]
    script.answer(probes[2], TARGET, from_target=True)
    script.end_round(target_ttl=1)
    script.end()
    assert statuses(script.tables()) == ["timeout", "timeout", "reply", "timeout"]


def test_nothing_is_beyond_a_target_that_nobody_has_seen():
    script = Script()
    for number in range(2):
        script.send(254, round=number, at=0)
    script.end_round(0, target_ttl=None)
    script.end()
    assert statuses(script.tables()) == ["timeout", "timeout"]


def test_a_round_in_which_the_target_was_silent_goes_by_what_was_known():
    script = Script()
    for number in range(3):
        for ttl in (1, 2, 3):
            probe = script.send(ttl, round=number, at=number * S)
            if (number, ttl) == (0, 2):
                script.answer(probe, TARGET, from_target=True)
        script.end_round(number, target_ttl=2 if number < 2 else None)
    script.end()
    assert statuses(script.tables()) == [
        *("timeout", "reply", "beyond_target"),
        *("timeout", "timeout", "beyond_target"),
        *("timeout", "timeout", "timeout"),
    ]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([], "nothing"),
        ([{}], "destination_silent"),
        ([{"icmp_type": 3, "icmp_code": 13}], "filtered"),
        ([{"icmp_type": 3, "icmp_code": 4}], "destination_silent"),
        ([{"icmp_type": 3, "icmp_code": 3, "from_target": True}], "reached"),
        ([{"icmp_type": 3, "icmp_code": 1}, {"icmp_type": 0, "from_target": True}], "reached"),
    ],
)
def test_the_outcome_is_apart_from_the_reason_of_the_end(answers, outcome):
    script = Script()
    for ttl, fields in enumerate(answers, start=1):
        script.answer(script.send(ttl), **fields)
    script.end(EndReason.DURATION)
    run = script.tables().runs.iloc[0]
    assert (run.outcome, run.end_reason) == (outcome, "duration")


@pytest.mark.parametrize(
    ("addrs", "outcome"),
    [
        (["a", "b", "c", "b", "c"], "loop"),
        (["a", "b", None, "c", None, "b", "c"], "loop"),
        (["a", "b", "b", None, "b"], "destination_silent"),  # one translator before all of them looks so
        (["a", "b", "c", "b"], "destination_silent"),
        (["a", "b", "b", "c"], "destination_silent"),
        (["a", "b", "c", "b", "c", "d"], "destination_silent"),
    ],
)
def test_packets_that_go_in_circles_to_the_end_are_a_loop_and_one_return_is_none(addrs, outcome):
    script = Script()
    for ttl, name in enumerate(addrs, start=1):
        probe = script.send(ttl)
        if name is not None:
            script.answer(probe, f"10.0.0.{ord(name)}")
    script.end()
    assert script.tables().runs["outcome"].item() == outcome


def test_an_error_ends_a_run_that_did_not_end_itself():
    run = play(small_trace().events[:-1]).tables(error="the channel broke").runs.iloc[0]
    assert (run.error, run.end_reason) == ("the channel broke", "error")


@pytest.mark.parametrize(
    ("plan", "size", "has_quotes", "stable"),
    [
        (make_plan(), 84, True, True),
        (make_plan(mode=SocketMode.DATAGRAM), 84, False, True),
        (make_plan(protocol=Protocol.TCP), 44, True, False),
        (make_plan(protocol=Protocol.TCP, mode=SocketMode.ERROR_QUEUE), None, False, False),
        (make_plan(protocol=Protocol.UDP, mode=SocketMode.ERROR_QUEUE), 84, False, False),
        (make_plan(protocol=Protocol.UDP, multipath=Multipath.DUBLIN), 84, True, True),
        (
            make_plan(protocol=Protocol.UDP, multipath=Multipath.DUBLIN, target="2001:db8::9"),
            None,
            True,
            True,
        ),
    ],
)
def test_the_flags_say_what_cannot_be_seen(plan, size, has_quotes, stable):
    run = make_recorder(plan).tables().runs.iloc[0]
    assert (None if pd.isna(run["size"]) else run["size"]) == size
    assert (run.has_quote_header, run.flow_stable) == (has_quotes, stable)


def test_the_size_of_a_syn_is_what_wire_encodes():
    from trippy_nb.wire import encode_probe

    for target in (TARGET, "2001:db8::9"):
        plan = make_plan(protocol=Protocol.TCP, target=target)
        packet = encode_probe(plan, Probe(0, 0, 0, 1, 0, 33434, 5000, 80))
        assert make_recorder(plan).tables().runs["size"].item() == len(packet)


def test_values_too_large_for_a_column_saturate():
    script = Script()
    script.answer(script.send(1), quote=Quote(length=65_535 + 40), mtu=2**32 - 1)
    replies = script.tables().replies
    assert (replies["q_len"].item(), replies["mtu"].item()) == (65_535, 65_535)


def test_more_than_255_answers_to_a_probe_count_as_255():
    script = Script()
    probe = script.send(1)
    for number in range(300):
        script.answer(probe, kind=ReplyKind.DUP if number else ReplyKind.FIRST)
    tables = script.tables()
    assert tables.probes["n_replies"].item() == 255
    assert tables.replies["reply_no"].tolist() == [min(number, 255) for number in range(300)]


# --- bounds


def one_round(script, number, *, hops, packets=False):
    for ttl in range(1, hops + 1):
        packet = b"%d" % number if packets else None
        probe = script.send(ttl, round=number, at=number * S + ttl, packet=packet)
        script.answer(probe, f"10.0.0.{ttl}", at=number * S + MS, packet=packet)
    script.end_round(number, at=(number + 1) * S)


def many_rounds(n_rounds, *, hops=20, packets=False):
    script = Script()
    for number in range(n_rounds):
        one_round(script, number, hops=hops, packets=packets)
    return script


def test_an_open_ended_run_keeps_the_newest_256_rounds():
    tables = many_rounds(700).tables(make_plan(rounds=None))
    assert sorted(set(tables.probes["round"])) == list(range(444, 700))
    assert (tables.probes["status"] == "reply").all()
    assert tables.runs["dropped_probes"].item() == 444 * 20
    assert tables.runs["rounds"].item() == 700
    assert set(tables.replies["round"]) == set(range(444, 700))
    assert tables.replies["reply"].is_monotonic_increasing


@pytest.fixture
def memory():
    """Bytes in use that were allocated since."""
    gc.collect()
    tracemalloc.start()
    yield tracemalloc.get_traced_memory
    tracemalloc.stop()


@pytest.mark.slow
def test_max_samples_bounds_the_memory_of_any_run(request):
    script = many_rounds(2000)
    memory = request.getfixturevalue("memory")
    recorder = make_recorder(make_plan(rounds=2000, max_samples=10))
    for event in script.events:
        recorder.record(event)
    _, peak = memory()
    assert peak < 4 * CHUNK_RECORDS * (PROBE_SIZE + REPLY.size) + 200_000
    assert len(recorder.tables().probes) == 200


def test_a_bounded_run_keeps_all_rounds():
    assert len(many_rounds(300, hops=4).tables(make_plan(rounds=300)).probes) == 1200


def test_an_answer_or_stamp_for_a_probe_let_go_of_does_no_harm():
    script = many_rounds(300)
    old = script.probes[0]
    script.answer(old, kind=ReplyKind.LATE)
    script.events.append(Stamped(old.key, WALL))
    tables = script.tables(make_plan(max_samples=5))
    assert len(tables.probes) == 100
    assert len(tables.replies) == 100


def test_an_unreachable_that_was_let_go_of_still_counts_for_the_outcome():
    script = Script()
    script.answer(script.send(1, round=0), icmp_type=3, icmp_code=13)
    for number in range(1, 3000):
        script.answer(script.send(1, round=number, at=number))
    script.end()
    run = script.tables(make_plan(max_samples=5)).runs.iloc[0]
    assert run.outcome == "filtered"
    assert run.dropped_probes == 2995


def test_packets_are_kept_up_to_a_limit_and_what_is_left_out_is_counted(monkeypatch):
    monkeypatch.setattr(kept_module, "PACKET_BYTES", 10)
    script = Script()
    for packet in (b"1234", b"5678", b"90123", b"4"):
        script.send(1, packet=packet)
    tables = script.tables()
    assert list(tables.packets["bytes"]) == [b"1234", b"5678"]
    assert tables.runs["dropped_packets"].item() == 2


def test_packets_are_not_kept_if_not_wanted():
    tables = small_trace().tables(make_plan(keep_packets=False))
    assert len(tables.packets) == 0
    assert tables.runs["dropped_packets"].item() == 0


@pytest.mark.slow
def test_packets_go_with_their_probes_and_make_room_for_new_ones(monkeypatch):
    monkeypatch.setattr(kept_module, "PACKET_BYTES", 20_000)
    tables = many_rounds(600, packets=True).tables(make_plan(max_samples=50))
    assert set(tables.packets["round"]) <= set(range(550, 600))
    assert len(tables.packets) == 2000
    assert tables.runs["dropped_packets"].item() == 2 * 20 * 600 - 2000


@pytest.mark.parametrize(
    ("mode", "complete"),
    [
        (SocketMode.RAW, True),
        (SocketMode.SIM, True),
        (SocketMode.ERROR_QUEUE, False),
        (SocketMode.DATAGRAM, False),
    ],
)
def test_packets_that_the_kernel_cut_are_marked_partial(mode, complete):
    protocol = Protocol.UDP if mode is SocketMode.ERROR_QUEUE else Protocol.ICMP
    packets = small_trace().tables(make_plan(mode=mode, protocol=protocol)).packets
    assert set(packets["complete"]) == {complete}


def test_a_flood_of_unmatched_replies_is_counted_and_sampled():
    script = Script()
    script.answer(None)
    recorder = play(script.events * (UNMATCHED_KEPT + 10))
    tables = recorder.tables()
    assert tables.runs["unmatched"].item() == UNMATCHED_KEPT + 10
    assert len(tables.replies) == UNMATCHED_KEPT


def test_foreign_packets_are_counted_and_a_few_are_kept_in_memory_only():
    recorder = play([ForeignSeen(Foreign("junk", n)) for n in range(100)])
    assert recorder.tables().runs["foreign"].item() == 100
    assert [foreign.read_ns for foreign in recorder.foreign_sample] == list(range(FOREIGN_KEPT))


def test_a_clock_that_stands_still_against_the_other_costs_two_samples():
    kept = KeptSamples(ClockSampled(0, 500, 10))
    for mono_ns in range(1, 1000):
        kept.keep(ClockSampled(mono_ns, 500 + mono_ns % 7, 10))
    assert [mono_ns for mono_ns, _, _ in kept.items()] == [0, 999]


def test_samples_on_both_sides_of_a_step_are_kept():
    kept = KeptSamples(ClockSampled(0, 0, 10))
    for mono_ns in range(1, 100):
        kept.keep(ClockSampled(mono_ns, 0 if mono_ns < 50 else S, 10))
    assert [mono_ns for mono_ns, _, _ in kept.items()] == [0, 49, 50, 99]


def test_a_slow_drift_is_not_lost_in_small_steps():
    kept = KeptSamples(ClockSampled(0, 0, 10))
    for mono_ns in range(1, 101):
        kept.keep(ClockSampled(mono_ns, mono_ns * 900, 10))
    offsets = {mono_ns: offset for mono_ns, offset, _ in kept.items()}
    assert offsets[100] == 90_000
    assert len(offsets) >= 40


def test_old_samples_go_but_the_one_still_in_force_stays():
    kept = KeptSamples(ClockSampled(0, 0, 1))
    for mono_ns in (10, 20, 30):
        kept.keep(ClockSampled(mono_ns, mono_ns * S, 1))
    kept.let_go(25)
    assert [mono_ns for mono_ns, _, _ in kept.items()] == [20, 30]


def test_packets_let_go_of_stop_at_the_first_that_is_still_here():
    kept = KeptPackets(wanted=True)
    for reference in (0 << 1, 0 << 1 | 1, 1 << 1, 5 << 1 | 1):
        kept.keep(reference, b"x")
    kept.let_go(first_key=1, first_reply=2)
    assert kept.items() == [2, b"x", 11, b"x"]
    assert kept.dropped == 2


@pytest.mark.slow
def test_a_probe_costs_at_most_45_bytes_and_a_reply_75(request):
    n_rounds, hops = 500, 30
    n = n_rounds * hops
    both = many_rounds(n_rounds, hops=hops).events
    sent = [event for event in both if isinstance(event, ProbeSent)]
    memory = request.getfixturevalue("memory")
    before = memory()[0]
    recorders = [play(sent, make_plan(rounds=n_rounds))]
    of_probes = memory()[0] - before
    recorders.append(play(both, make_plan(rounds=n_rounds)))
    of_both = memory()[0] - before - of_probes
    assert [recorder.probes_sent for recorder in recorders] == [n, n]
    assert of_probes / n <= 45
    assert (of_both - of_probes) / n <= 75


# --- threads


@pytest.mark.slow
@pytest.mark.parametrize("max_samples", [None, 3])
def test_another_thread_may_ask_for_tables_while_recording_goes_on(max_samples):
    plan = make_plan(rounds=10**6, max_samples=max_samples)
    recorder, played = make_recorder(plan), list[Event]()
    enough, failures = threading.Event(), list[BaseException]()

    def record():
        script = Script()
        try:
            for number in range(20_000):
                one_round(script, number, hops=15, packets=True)
                for event in script.events:
                    recorder.record(event)
                played.extend(script.events)
                script.events.clear()
                if enough.is_set():
                    return
        except BaseException as exc:
            failures.append(exc)
            raise

    interval = sys.getswitchinterval()
    thread = threading.Thread(target=record)
    sys.setswitchinterval(1e-5)
    try:
        thread.start()
        for _ in range(15):
            assert_consistent(recorder.tables(now_ns=0))
    finally:
        enough.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert not failures
    whole = play(played, plan).tables(now_ns=0)
    pd.testing.assert_frame_equal(recorder.tables(now_ns=0).probes, whole.probes)


def assert_consistent(tables):
    probes, replies = tables.probes, tables.replies
    answered = probes["addr"].notna()
    assert ((probes["status"] == "reply") == answered).all()
    assert (probes["n_replies"] == answered).all()
    assert (probes.loc[answered, "rtt_ms"] > 0).all()
    assert len(replies) == answered.sum()
    by_ttl = "10.0.0." + probes.loc[answered, "ttl"].astype("str")
    assert (probes.loc[answered, "addr"].astype("str") == by_ttl).all()
    keys = [*zip(probes["round"], probes["ttl"], strict=True)]
    assert len(set(keys)) == len(keys)
    if len(tables.packets):
        assert (tables.packets["bytes"].map(int) == tables.packets["round"]).all()
    check_frame(tables.runs, RUNS)


def test_flows_that_nobody_opened_are_listed_too():
    script = Script()
    script.events.append(FlowOpened(2, 5000, 33434, None, None, 77))
    script.send(1, flow=1)
    flows = script.tables().flows
    assert list(flows["flow"]) == [1, 2]
    assert flows["sport"].isna().tolist() == [True, False]
    assert flows["flow_label"].iloc[1] == 77


def test_a_configuration_travels_as_json():
    import json

    config = json.loads(make_recorder(make_plan(max_ttl=7)).tables().runs["config"].item())
    assert config["max_ttl"] == 7
    assert config["protocol"] == "icmp"


def test_handles_of_the_ledger_become_rows():
    handles = make_recorder().tables(handles=[handle_record()]).handles
    check_frame(handles, HANDLES)
    assert handles["opened_at"].item() == pd.Timestamp(WALL, tz="UTC")
    assert handles["closed_at"].isna().all()


def test_a_handle_that_two_tables_list_is_listed_once_in_both_together():
    listed = make_recorder().tables(handles=[handle_record(), handle_record(handle=4)])
    alone = make_recorder().tables(handles=[handle_record()])
    assert list(concat_tables([alone, listed]).handles["handle"]) == [3, 4]


def handle_record(handle=3):
    return SimpleNamespace(
        handle=handle,
        kind="socket",
        purpose="send",
        run_uuid="u",
        opened_at=WALL,
        opened_by="a.py:1 f",
        closed_at=None,
        closed_by=None,
        sent=5,
        received=0,
    )


def test_the_clock_is_read_when_nobody_says_what_time_it_is():
    clock = FakeClock()
    script = Script()
    script.send(1, at=0)
    recorder = play(script.events, clock=clock)
    clock.mono_ns = 5 * S
    assert statuses(recorder.tables()) == ["timeout"]
