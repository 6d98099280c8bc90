"""Each statement rests on rows that it names, is made where its sign is there, and not where it is not."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe, quoted, replaced, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import evidence
from trippy_nb.analysis.evidence.hops import way_back
from trippy_nb.analysis.evidence.silences import evenness
from trippy_nb.analysis.evidence.ways import kind_of_address
from trippy_nb.frames import EVIDENCE, Tables, check_frame, where

WAY = [a(n) for n in range(1, 8)] + [TARGET]
FACTS = ["address-edge"]
"""What addresses of these tests are, of themselves."""


def plain(*, flows: int = 3, times: int = 4) -> Tables:
    return tables([row for flow in range(flows) for row in rounds(*[WAY] * times, flow=flow)])


def said_of(made: Tables) -> list[dict[str, Any]]:
    """All statements but facts about addresses; each checked against the rows it names."""
    found = evidence(made)
    check_frame(found, EVIDENCE)
    for table, query, n, strength in zip(
        *(found[name] for name in ("table", "query", "n", "strength")), strict=True
    ):
        assert len(getattr(made, table).query(query)) == n
        assert n > 0 or strength == "cannot be seen"
    return cast("list[dict[str, Any]]", found[~found["kind"].isin(FACTS)].to_dict("records"))


def one(made: Tables, kind: str) -> dict[str, Any]:
    (row,) = [row for row in said_of(made) if row["kind"] == kind]
    return row


def kinds(made: Tables) -> set[tuple[str, str]]:
    return {(row["kind"], row["strength"]) for row in said_of(made)}


def test_a_plain_path_gives_no_reason_to_say_anything():
    assert kinds(quoted(plain())) == {("nat", "none seen")}


@given(probe_rows(), st.integers(0, 2**32 - 1))
def test_statements_name_their_rows_and_do_not_depend_on_their_order(rows: list[Row], seed: int):
    made = quoted(tables(rows, sport=None))
    said_of(made)
    pd.testing.assert_frame_equal(evidence(shuffled(made, seed)), evidence(made))


def test_no_probes_give_no_statement_but_that_nothing_can_be_seen():
    assert {row["strength"] for row in evidence(tables([])).to_dict("records")} <= {"cannot be seen"}


def test_answers_without_the_quoted_header_cannot_show_what_only_it_shows():
    made = plain()
    assert kinds(made) == {
        (kind, "cannot be seen") for kind in ("nat", "rewritten", "zero-ttl", "mpls-implicit")
    }


# --- address translation


def test_a_translated_source_is_evidence_from_the_first_hop_that_quotes_it():
    made = quoted(
        plain(), rewritten=lambda row: "src=203.0.113.5;sport=20001;checksum=7" if row.ttl >= 4 else ""
    )
    row = one(made, "nat")
    assert (row["strength"], row["ttl"], row["last_ttl"], row["addrs"]) == ("shown", 4, 8, (a(4),))
    assert row["n"] == 5 * 12
    assert "203.0.113.5" in row["says"]
    assert kinds(made) == {("nat", "shown")}


def test_a_checksum_that_nothing_explains_is_likely_a_translator_that_restores_addresses():
    made = quoted(plain(), rewritten=lambda row: f"checksum={row.round + 1}" if row.ttl >= 4 else "")
    assert (one(made, "nat")["strength"], one(made, "nat")["ttl"]) == ("likely", 4)


def test_a_checksum_that_a_lowered_segment_size_explains_is_no_translator():
    made = quoted(plain(), rewritten=lambda row: "mss=1360;checksum=7" if row.ttl >= 4 else "")
    assert kinds(made) == {("nat", "none seen"), ("rewritten", "shown")}


def test_one_hop_that_quotes_another_source_is_a_hint_only():
    made = quoted(plain(), rewritten=lambda row: "src=203.0.113.5" if row.ttl == 4 else "")
    assert (one(made, "nat")["strength"], one(made, "nat")["ttl"]) == ("hint", 4)


def test_flows_that_differ_are_told_apart():
    made = quoted(plain(), rewritten=lambda row: "src=203.0.113.5" if row.ttl >= 4 + row.flow // 2 else "")
    found = [(row["ttl"], row["flow"]) for row in said_of(made) if row["kind"] == "nat"]
    assert [(ttl, None if pd.isna(flow) else flow) for ttl, flow in found] == [(4, None), (5, 2)]


def test_quotes_that_were_not_compared_go_by_the_column_of_old_files():
    made = quoted(plain(), rewritten=lambda _: None, nat=lambda row: "yes" if row.ttl == 4 else "no")
    assert (one(made, "nat")["strength"], one(made, "nat")["ttl"]) == ("hint", 4)
    unknown = quoted(plain(), rewritten=lambda _: None, nat=lambda _: "unknown")
    assert one(unknown, "nat")["strength"] == "cannot be seen"


def test_a_private_source_and_a_border_to_public_addresses_are_a_hint_beside_what_quotes_show():
    made = quoted(
        tables(rounds([a(1), "8.8.8.8", "9.9.9.9"]), src="10.9.9.9", dst="9.9.9.9"), icmp_type=lambda _: 11
    )
    assert [row["strength"] for row in said_of(made) if row["kind"] == "nat"] == ["none seen", "hint"]


# --- rewritten fields


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tos=0", ["DSCP is 0, sent as 46 (bleached)", "ECN is 0, sent as 1 (bleached)"]),
        ("tos=184", ["ECN is 0, sent as 1 (bleached)"]),
        ("tos=41", ["DSCP is 10, sent as 46"]),
        ("df=0", ["the flag Don't Fragment differs from what was sent (now 0)"]),
        ("ip_id=77", ["the IP identification differs from what was sent"]),
        ("mss=1360;checksum=4", ["the maximum segment size differs from what was sent (now 1360)"]),
        ("flow_label=0", ["the flow label differs from what was sent"]),
    ],
)
def test_a_rewritten_field_is_told_from_the_hop_on_that_shows_it(text: str, words: list[str]):
    tos = 185  # DSCP 46, ECN 1
    quote_tos = int(text.removeprefix("tos=")) if text.startswith("tos") else tos
    made = quoted(
        plain(),
        rewritten=lambda row: text if row.ttl >= 3 else "",
        q_tos=lambda row: quote_tos if row.ttl >= 3 else tos,
    )
    made = replaced(made, runs=made.runs.assign(tos=pd.array([tos], dtype="UInt8")))
    rows = [row for row in said_of(made) if row["kind"] == "rewritten"]
    assert [(row["strength"], row["ttl"], row["last_ttl"]) for row in rows] == [("shown", 3, 8)] * len(words)
    for row, part in zip(rows, words, strict=True):
        assert part in row["says"]


def test_a_field_that_one_hop_alone_quotes_differently_is_a_hint_about_its_quote():
    made = quoted(plain(), rewritten=lambda row: "length=48" if row.ttl == 3 else "")
    assert one(made, "rewritten")["strength"] == "hint"


# --- tunnels


def labels(*ttls: int, lse: int = 1) -> dict[str, Any]:
    return {"mpls": lambda row: f"{24000 + int(row.ttl)}/0/1/{lse}" if row.ttl in ttls else None}


def test_label_stacks_in_a_row_are_one_explicit_tunnel():
    row = one(quoted(plain(), **labels(3, 4, 5)), "mpls-explicit")
    assert (row["strength"], row["ttl"], row["last_ttl"]) == ("shown", 3, 5)
    assert "24003, 24004, 24005" in row["says"]


def test_two_tunnels_with_a_hop_between_them_are_two():
    found = [row for row in said_of(quoted(plain(), **labels(2, 3, 5, 6))) if row["kind"] == "mpls-explicit"]
    assert [(row["ttl"], row["last_ttl"]) for row in found] == [(2, 3), (5, 6)]


def test_a_single_label_with_a_high_ttl_is_an_opaque_tunnel_and_tells_how_much_it_hides():
    made = quoted(plain(), **labels(4, lse=252))
    assert "hides about 3 routers" in one(made, "mpls-opaque")["says"]
    assert ("mpls-explicit", "shown") not in kinds(made)
    assert ("mpls-opaque", "shown") not in kinds(quoted(plain(), **labels(4, lse=1)))


def test_quoted_ttls_that_rise_without_labels_are_an_implicit_tunnel():
    made = quoted(plain(), q_ttl=lambda row: {4: 2, 5: 3}.get(row.ttl, 1))
    row = one(made, "mpls-implicit")
    assert (row["strength"], row["ttl"], row["last_ttl"]) == ("likely", 4, 5)
    assert (
        one(quoted(plain(), q_ttl=lambda row: 2 if row.ttl == 4 else 1), "mpls-implicit")["strength"]
        == "hint"
    )


@pytest.mark.parametrize("quoted_ttls", [{4: 3, 5: 2}, {4: 5}, {8: 2}])
def test_other_quoted_ttls_and_those_of_the_target_are_no_tunnel(quoted_ttls: dict[int, int]):
    assert kinds(quoted(plain(), q_ttl=lambda row: quoted_ttls.get(row.ttl, 1))) == {("nat", "none seen")}


def test_labels_explain_quoted_ttls_that_rise():
    made = quoted(plain(), q_ttl=lambda row: {3: 1, 4: 2, 5: 3}.get(row.ttl, 1), **labels(3, 4, 5))
    assert ("mpls-implicit", "likely") not in kinds(made)


@pytest.mark.parametrize(("more", "suspected"), [(2, False), (3, True), (6, True)])
def test_answers_that_come_back_over_more_routers_all_at_once_make_a_hidden_tunnel_a_hint(
    more: int, suspected: Any
):
    made = quoted(plain(), reply_ttl=lambda row: 256 - int(row.ttl) - (more if row.ttl >= 4 else 0))
    found = [
        (row["ttl"], row["last_ttl"], row["strength"])
        for row in said_of(made)
        if row["kind"] == "mpls-suspected"
    ]
    assert found == ([(3, 4, "hint")] if suspected else [])


def test_a_hop_that_shows_twice_makes_a_hidden_tunnel_a_hint():
    way = [a(1), a(2), a(2), a(3), TARGET]
    ttls = {a(1): 255, a(2): 253, a(3): 252, TARGET: 251}
    made = quoted(tables(rounds(way, way)), reply_ttl=lambda row: ttls[row.addr])
    row = one(made, "mpls-suspected")
    assert (row["ttl"], row["last_ttl"], row["addrs"]) == (2, 3, (a(2),))


def test_equal_rtts_and_ttls_that_rise_again_are_answers_sent_on_to_the_end_of_the_tunnel():
    back = {3: 250, 4: 251, 5: 252}
    rows = [
        row | {"rtt_ms": 20.0 if row["ttl"] in (3, 4, 5, 6) else float(row["ttl"])}
        for flow in range(2)
        for row in rounds(*[WAY] * 4, flow=flow)
    ]
    made = quoted(
        tables(rows), reply_ttl=lambda row: back.get(row.ttl, 255 - (int(row.ttl) - 1)), **labels(3, 4, 5)
    )
    row = one(made, "icmp-tunnelled")
    assert (row["strength"], row["ttl"], row["last_ttl"]) == ("likely", 3, 5)
    direct = quoted(tables(rows), **labels(3, 4, 5))
    assert ("icmp-tunnelled", "likely") not in kinds(direct)


# --- the way back


@pytest.mark.parametrize(
    ("left", "hops"),
    [(255, 1), (250, 6), (64, 1), (60, 5), (128, 1), (32, 1), (30, 3), (200, None), (-1, None)],
)
def test_the_way_back_is_guessed_from_the_nearest_usual_start(left: int, hops: int | None):
    assert way_back(left) == hops


@pytest.mark.parametrize(("step", "word"), [(3, "longer"), (-2, "shorter"), (1, None), (-1, None)])
def test_a_way_back_of_another_length_is_a_hint(step: int, word: str | None):
    made = quoted(plain(), reply_ttl=lambda row: 256 - int(row.ttl) - (step if row.ttl >= 5 else 0))
    found = [row for row in said_of(made) if row["kind"] == "asymmetry"]
    if word is None:
        assert not found
        return
    (row,) = found
    assert (row["ttl"], row["last_ttl"], row["strength"]) == (5, 8, "hint")
    assert f"{abs(step)} hops {word}" in row["says"]


def test_a_target_that_starts_at_64_is_not_asymmetric():
    made = quoted(plain(), reply_ttl=lambda row: (64 if row.addr == TARGET else 255) - (int(row.ttl) - 1))
    assert kinds(made) == {("nat", "none seen")}


# --- silence


def answering(pattern: list[bool], *, behind: list[bool] | None = None) -> Tables:
    """Hop 2 answers by this pattern, the hops behind it as said; probes leave a second apart."""
    rows = []
    for number, answers in enumerate(pattern):
        heard = behind is None or behind[number]
        for ttl, addr in enumerate(
            [a(1), a(2) if answers else None, a(3) if heard else None, TARGET], start=1
        ):
            status = "reply" if addr is not None and (ttl < 4 or heard) else "timeout"
            rows.append(probe(number, ttl, addr if status == "reply" else None, status=status))
    made = quoted(tables(rows))
    start = pd.Timestamp("2026-01-01", tz="UTC")
    sent_at = start + pd.to_timedelta(made.probes["round"].astype("int64"), unit="s")
    return replaced(made, probes=made.probes.assign(sent_at=sent_at.astype("datetime64[ns, UTC]")))


def test_every_fourth_answer_is_a_rate_limit():
    row = one(answering([n % 4 == 0 for n in range(80)]), "rate-limit")
    assert (row["strength"], row["ttl"], row["addrs"], row["n"]) == ("likely", 2, (a(2),), 80)
    assert "one every 4000 ms" in row["says"]
    assert "lost" in row["says"]


def test_answers_in_bursts_are_a_rate_limit():
    assert "several in a row" in one(answering([n % 20 < 5 for n in range(100)]), "rate-limit")["says"]


def test_answers_at_random_are_no_rate_limit():
    luck = np.random.default_rng(7)
    made = answering((luck.random(200) < 0.6).tolist())
    assert kinds(made) == {("nat", "none seen"), ("non-response", "hint")}


def test_silence_that_goes_on_behind_the_hop_is_not_its_own():
    pattern = [n % 4 == 0 for n in range(80)]
    assert kinds(answering(pattern, behind=pattern)) == {("nat", "none seen")}


def test_few_probes_and_few_silences_are_nothing():
    assert kinds(answering([n % 2 == 0 for n in range(18)])) == {("nat", "none seen")}
    assert kinds(answering([n % 50 != 7 for n in range(100)])) == {("nat", "none seen")}


def test_answers_in_random_order_are_hardly_ever_called_even_or_uneven():
    luck = np.random.default_rng(1)
    called = [evenness(luck.random(60) < share) for share in (0.2, 0.5, 0.8) for _ in range(100)]
    assert sum(map(abs, called)) <= 3  # 0.3 are to be expected


@pytest.mark.parametrize(
    ("pattern", "even"),
    [
        ([True, False] * 30, 1),
        ([True, False, False, False] * 10, 1),
        ([True] * 10 + [False] * 30, -1),
        ([True] * 30, 0),
        ([False] * 30, 0),
    ],
)
def test_evenness_is_a_sign(pattern: list[bool], even: int):
    assert evenness(np.array(pattern)) == even


# --- ways


def test_a_flow_whose_packets_take_turns_is_balanced_packet_by_packet():
    turns = [[a(1), a(2 + n % 2), a(4), TARGET] for n in range(12)]
    row = one(quoted(tables(rounds(*turns))), "per-packet")
    assert (row["strength"], row["ttl"], row["addrs"], row["n"]) == ("likely", 2, (a(2), a(3)), 12)
    steady = rounds(*turns[:1] * 6) + rounds(*turns[1:2] * 6, flow=1)
    assert kinds(quoted(tables(steady))) == {("nat", "none seen")}
    unstable = quoted(tables(rounds(*turns), stable=False))
    assert kinds(unstable) == {("nat", "none seen")}


def test_packets_in_circles_are_a_routing_loop():
    way = [a(1), a(2), a(3), a(2), a(3), a(2)]
    made = quoted(tables(rounds(way, way)), reply_ttl=lambda row: {a(1): 255, a(2): 254, a(3): 253}[row.addr])
    row = one(made, "routing-loop")
    assert (row["ttl"], row["last_ttl"], row["addrs"], row["n"]) == (2, 6, (a(2), a(3)), 10)


def test_a_quoted_ttl_of_zero_names_the_hop_that_was_skipped():
    way = [a(1), a(2), a(2), TARGET]
    made = quoted(tables(rounds(way, way)), q_ttl=lambda row: 0 if row.ttl == 2 else 1)
    row = one(made, "zero-ttl")
    assert (row["strength"], row["ttl"], row["addrs"], row["n"]) == ("shown", 2, (a(2),), 2)
    once = quoted(tables(rounds([a(1), a(2), a(3), TARGET])), q_ttl=lambda row: 0 if row.ttl == 2 else 1)
    assert one(once, "zero-ttl")["strength"] == "likely"


@pytest.mark.parametrize(
    ("addr", "kind"),
    [
        ("10.1.2.3", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", "public"),
        ("100.64.0.1", "shared"),
        ("192.0.2.7", "documentation"),
        ("2001:db8::1", "documentation"),
        ("fe80::1", "link-local"),
        ("64:ff9b::808:808", "NAT64"),
        ("64:ff9b:1::1", "NAT64"),
        ("2001:4860::1", "public"),
    ],
)
def test_addresses_are_named_by_what_their_network_is_for(addr: str, kind: str):
    assert kind_of_address(addr) == kind


def test_an_address_behind_nat64_is_told_with_the_one_inside_it():
    way = ["2001:4860::1", "64:ff9b::808:808", "64:ff9b::909:909"]
    made = quoted(tables(rounds(way), dst=way[-1], src="2001:4860::9"), icmp_type=lambda _: 3)
    row = one(made, "nat64")
    assert (row["strength"], row["ttl"], row["last_ttl"]) == ("shown", 2, 3)
    assert "64:ff9b::808:808 is 8.8.8.8" in row["says"]
    assert "nat64" not in set(evidence(where(made, ttl=1))["kind"])  # a part in which it did not answer


def test_what_was_sent_beyond_the_target_is_not_behind_nat64():
    way = ["2001:4860::1", "64:ff9b::808:808"]
    rows = rounds(way)
    rows += [probe(0, ttl, way[-1]) | {"status": "beyond_target"} for ttl in range(3, 9)]
    made = quoted(tables(rows, dst=way[-1], src="2001:4860::9"), icmp_type=lambda _: 3)
    row = one(made, "nat64")
    assert (row["ttl"], row["last_ttl"], row["n"]) == (2, 2, 1)


def test_a_border_between_kinds_of_networks_is_a_fact_of_its_own():
    found = evidence(quoted(tables(rounds([a(1), a(2), TARGET]))))
    row = found[found["kind"] == "address-edge"].iloc[0]
    assert (row["ttl"], row["last_ttl"], row["addrs"]) == (2, 3, (a(2), TARGET))


def test_statements_of_two_runs_are_numbered_and_selected_apart():
    rows = [row for run_id in (0, 1) for row in rounds(WAY, WAY, run_id=run_id)]
    made = quoted(tables(rows), rewritten=lambda row: "df=0" if row.run_id and row.ttl > 2 else "")
    found = evidence(made)
    check_frame(found, EVIDENCE)
    assert found.loc[found["kind"] == "rewritten", "run_id"].tolist() == [1]
    for table, query, n, run_id in zip(
        *(found[name] for name in ("table", "query", "n", "run_id")), strict=True
    ):
        assert {*getattr(made, table).query(query)["run_id"]} == {run_id}
        assert len(getattr(made, table).query(query)) == n
