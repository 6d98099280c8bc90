"""Whatever the network says: a probe gets no answer that contradicts it, and every packet is counted once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.security.forger import FORGERS, HEADER, HONEST, exceeded, own_answers, truthful, whole
from tests.security.wired import Seen, trace
from tests.tracing.test_matching import KINDS
from tests.tracing.world import make_plan, router
from trippy_nb.model import Match, Plan, Probe, Protocol, ReplyKind

CASES = [(kind, af) for kind in KINDS for af in (4, 6)]
every_case = pytest.mark.parametrize(("kind", "af"), CASES, ids=[f"{kind}-v{af}" for kind, af in CASES])


def plan_of(kind: str, af: int, **options: Any) -> Plan:
    return make_plan(
        af, **{"rounds": 1, "max_ttl": ttls_of(kind, af)[-1], "probe_timeout": 1.0} | KINDS[kind] | options
    )


def ttls_of(kind: str, af: int) -> list[int]:
    """Four probes that are answered; of UDP dublin on IPv6 the first that are long enough for the secret."""
    return [9, 10, 11, 12] if (kind[:6], af) == ("dublin", 6) else [1, 2, 3, 4]


def accounted(seen: Seen, n_packets: int) -> None:
    assert len(seen.replies) + seen.foreign == n_packets, "a packet was lost, or counted twice"


@every_case
@pytest.mark.parametrize("forge", FORGERS)
def test_no_lie_is_credited(kind, af, forge):
    plan, told = plan_of(kind, af), []

    def respond(probe: Probe, packet: bytes) -> list[bytes]:
        if probe.ttl not in ttls_of(kind, af):
            return []
        packets = FORGERS[forge](plan, probe, packet)
        told.extend(packets)
        return packets

    seen = trace(plan, respond)
    assert seen.credited == []
    accounted(seen, len(told))
    assert all((event.kind, event.match) == (ReplyKind.UNMATCHED, None) for event in seen.replies)


@every_case
def test_no_secret_is_so_unlucky_that_a_lie_about_it_is_credited(kind, af):
    """One run in 256 drew a secret that the flipped bit turned into one cut and padded."""
    for last in range(256):
        plan = replace(plan_of(kind, af, max_ttl=ttls_of(kind, af)[0]), secret=b"secret!" + bytes((last,)))
        seen = trace(plan, partial(FORGERS["another_secret"], plan))
        assert seen.credited == []


@every_case
@pytest.mark.parametrize("honest", HONEST)
def test_what_is_only_strange_is_credited_to_its_own_probe(kind, af, honest):
    plan = plan_of(kind, af)
    first: dict[int, bytes] = {}

    def respond(probe: Probe, packet: bytes) -> list[bytes]:
        if probe.ttl not in ttls_of(kind, af):
            return []
        packets = HONEST[honest](plan, probe, packet)
        first[probe.key] = packets[0]
        return packets

    seen = trace(plan, respond)
    answered = [event for event in seen.credited if event.kind is ReplyKind.FIRST]
    assert sorted(event.probe.ttl for event in answered if event.probe) == ttls_of(kind, af)
    for event in answered:
        assert event.probe is not None
        assert event.reply.packet == first[event.probe.key]
    rest = [event for event in seen.replies if event.kind is not ReplyKind.FIRST]
    assert {event.kind for event in rest} <= {ReplyKind.DUP}
    if honest == "extensions_that_lie":
        assert {event.reply.extensions for event in seen.replies} == {None}
    strong = kind.startswith("tcp") or honest != "first_eight_bytes"
    assert {event.match for event in answered} == {Match.TOKEN if strong else Match.HEADER}


@every_case
def test_among_all_lies_at_once_the_truth_is_found_and_the_tables_say_what_came(kind, af):
    plan, told, ttls = plan_of(kind, af), Counter[str](), ttls_of(kind, af)

    def respond(probe: Probe, packet: bytes) -> list[bytes]:
        if probe.ttl not in ttls:
            return []
        lies = [lie for forge in FORGERS.values() for lie in forge(plan, probe, packet)]
        told["lies"] += len(lies)
        truth = exceeded(plan, packet, by=router(probe.ttl, af))
        return [*lies, truth, *lies, truth]

    seen = trace(plan, respond, record=True)
    tables = seen.tables()
    run, replies = tables.runs.iloc[0], tables.replies
    answered = tables.probes[tables.probes["ttl"].isin(ttls)]
    assert list(answered["status"]) == ["reply"] * 4
    assert list(answered["addr"]) == [router(ttl, af) for ttl in ttls]
    assert Counter(replies["kind"].astype(str))["first"] == Counter(replies["kind"].astype(str))["dup"] == 4
    assert run["unmatched"] + run["foreign"] == 2 * told["lies"]
    assert run["unmatched"] == (replies["kind"] == "unmatched").sum()
    assert replies.loc[replies["kind"] == "unmatched", "match"].isna().all()
    assert run["outcome"] == "destination_silent"


@every_case
def test_an_answer_is_credited_once_however_often_it_comes(kind, af):
    plan = plan_of(kind, af)
    seen = trace(plan, lambda probe, packet: whole(plan, probe, packet) * 50)
    n = plan.config.max_ttl
    assert Counter(event.kind for event in seen.replies) == {ReplyKind.FIRST: n, ReplyKind.DUP: n * 49}
    assert len({event.probe.key for event in seen.credited if event.probe}) == n


@every_case
def test_an_answer_cut_anywhere_is_its_probes_or_nobodys(kind, af):
    """The answer's own header tells the truth about the cut, or does not."""
    plan = plan_of(kind, af)
    size = {"own": 0, "all": 0}

    def respond(probe: Probe, packet: bytes) -> list[bytes]:
        if probe.ttl != 2:
            return []
        answers = [*whole(plan, probe, packet), *own_answers(plan, packet)]
        cuts = [answer[:n] for answer in answers for n in range(len(answer))]
        cuts += [truthful(cut) for cut in cuts if len(cut) >= HEADER[af]]
        size["all"] = len(cuts)
        return cuts

    seen = trace(plan, respond)
    accounted(seen, size["all"])
    assert {event.probe.ttl for event in seen.credited if event.probe} <= {2}
    assert sum(event.kind is ReplyKind.FIRST for event in seen.replies) == 1


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("kind", ["icmp", "udp", "udp-dport", "tcp", "tcp-sport"])
def test_an_answer_of_an_earlier_round_with_the_same_number_is_the_earlier_probes(kind, af):
    """512 numbers come round within 22 rounds; every answer is replayed one turn later."""
    options: dict[str, float] = {"initial_sequence": 64_511, "rounds": 60, "max_ttl": 24, "max_inflight": 24}
    options |= {"min_round_duration": 0.05, "max_round_duration": 0.05, "grace_duration": 0.01}
    plan = plan_of(kind, af, **options)
    said: dict[int, bytes] = {}
    sent: dict[int, Probe] = {}
    replayed: dict[bytes, Probe] = {}

    def respond(probe: Probe, packet: bytes) -> list[bytes]:
        answer = exceeded(plan, packet, by=router(probe.ttl, af))
        packets = [answer]
        if probe.seq in said:  # the number was used before: what was said then is said again, first
            replayed[said[probe.seq]] = sent[probe.seq]
            packets.insert(0, said[probe.seq])
        said[probe.seq], sent[probe.seq] = answer, probe
        return packets

    seen = trace(plan, respond)
    assert len(replayed) > 300
    for event in seen.replies:
        assert event.reply.packet is not None
        if event.kind is ReplyKind.DUP:
            assert event.probe == replayed[event.reply.packet]
    kinds = Counter(event.kind for event in seen.replies)
    assert kinds[ReplyKind.DUP] == len(replayed)
    assert kinds[ReplyKind.FIRST] == 60 * 24 == len(seen.replies) - len(replayed)


@pytest.mark.parametrize("af", [4, 6])
def test_a_port_unreachable_of_a_third_party_is_told_from_the_targets_by_its_address(af):
    """It quotes our probe: whoever sends it has seen it. It ends the path, and the table says who sent it."""
    from tests.security.forger import ELSEWHERE, unreachable

    plan = plan_of("udp", af)
    seen = trace(plan, lambda probe, packet: [unreachable(plan, packet, by=ELSEWHERE[af])], record=True)
    tables = seen.tables()
    assert set(tables.probes["addr"]) == {ELSEWHERE[af]}
    assert set(tables.replies["match"].astype(str)) == {"token"}
    blind = plan_of("udp", af)
    guess = trace(
        blind,
        lambda probe, packet: [unreachable(plan, packet[: HEADER[af] + 8] + b"guess", by=ELSEWHERE[af])],
    )
    assert guess.credited == [], "a payload that was guessed is not ours"


def test_the_first_probes_of_dublin_on_ipv6_are_too_short_to_tell_two_runs_apart():
    """Their number is their length, which begins at the six bytes of Trippy's magic: a stated limit."""
    plan = plan_of("dublin", 6)
    seen = trace(plan, lambda probe, packet: FORGERS["another_run"](plan, probe, packet)[:1])
    assert [event.probe.ttl for event in seen.credited if event.probe] == list(range(1, 9))
    assert {event.match for event in seen.credited} == {Match.HEADER}


def test_a_datagram_answers_udp_probes_only_and_of_the_target_only():
    from dataclasses import replace

    from tests.tracing.world import START, Player
    from trippy_nb.model import Quote, Reply

    for kind, expected in (("udp", Match.HEADER), ("icmp", None), ("tcp", None)):
        plan = plan_of(kind, 4)
        player = Player(plan)
        player.play(until_ns=START)
        probe = player.log.probes[1]
        quote = Quote(dst=plan.target.addr, protocol=17, sport=probe.sport, dport=probe.dport)
        datagram = Reply(responder=plan.target.addr, read_ns=START, quote=quote)
        for wrong in (
            replace(datagram, responder="198.51.100.77"),
            replace(datagram, quote=replace(quote, sport=1)),
            replace(datagram, quote=replace(quote, dport=1)),
        ):
            assert player.strategy.on_reply(wrong, START).kind is ReplyKind.UNMATCHED
        event = player.strategy.on_reply(datagram, START)
        assert event.match is expected
        assert event.from_target is (expected is not None)
        assert (plan.protocol is Protocol.UDP) is (expected is not None)
