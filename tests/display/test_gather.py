from __future__ import annotations

import pandas as pd
import pytest

from tests.display.made import NAMES, TARGET, made_comparison, made_tables
from trippy_nb.analysis import hop_table
from trippy_nb.display import HopRow, Responder, card_from_tables, comparison_card, run_text
from trippy_nb.display.verdict import run_verdict
from trippy_nb.errors import ConfigError
from trippy_nb.frames import concat_tables


def card(**run):
    tables = made_tables(**run)
    return card_from_tables(tables, hop_table(tables), names=NAMES)


def test_a_card_has_the_hop_table_row_by_row():
    tables = made_tables()
    hops = hop_table(tables)
    rows = card_from_tables(tables, hops).hops
    assert [row.ttl for row in rows] == list(hops["ttl"])
    for row, (_, hop) in zip(rows, hops.iterrows(), strict=True):
        for name in (
            "sent",
            "recv",
            "late",
            "loss_ratio",
            "last_ms",
            "avg_ms",
            "best_ms",
            "worst_ms",
            "stddev_ms",
        ):
            expected = None if pd.isna(hop[name]) else hop[name]
            assert getattr(row, name) == expected, name
        assert tuple(who.addr for who in row.responders) == hop["addrs"]


def test_samples_are_the_settled_probes_in_order_and_silence_is_one_of_them():
    rows = {row.ttl: row for row in card(rounds=12, flows=1).hops}
    tables = made_tables(rounds=12, flows=1)
    expected = tables.probes.query("ttl == 4").sort_values("round")["rtt_ms"]
    assert rows[4].samples_ms == tuple(expected)
    assert rows[3].samples_ms == (None,) * 12


def test_names_stand_beside_addresses():
    text = run_text(card())
    assert "gateway.example.net (192.0.2.1)" in text
    assert f"www.example.com ({TARGET})" in text


def test_the_facts_tell_how_from_where_and_when():
    facts = dict(card(reason="this process may open raw sockets").facts)
    assert facts["Probes"] == "UDP, paris, raw socket (this process may open raw sockets)"
    assert facts["From"] == "laptop (192.0.2.100)"
    assert facts["When"].startswith("2026-11-23 20:00:00 UTC, 40 rounds, 39.")
    assert "Source" not in facts
    assert dict(card(source="sim", source_ref="diamond").facts)["Source"] == "built-in internet, diamond"


def test_a_card_refuses_several_runs():
    two = concat_tables([made_tables(), made_tables(seed=2)])
    with pytest.raises(ConfigError, match="one run, not 2"):
        card_from_tables(two, hop_table(two))


def hop(ttl, sent, recv, late=0, addr=None):
    who = (Responder(addr or f"192.0.2.{ttl}"),) if recv else ()
    return HopRow(ttl=ttl, responders=who, sent=sent, recv=recv, late=late)


GONE = dict.fromkeys(("dst_addr", "outcome", "target_ttl", "end_reason"))
REACHED = GONE | {
    "target": "x",
    "dst_addr": TARGET,
    "outcome": "reached",
    "target_ttl": 7,
    "end_reason": "rounds",
}


@pytest.mark.parametrize(
    ("run", "hops", "sentence"),
    [
        (REACHED, [hop(1, 10, 10)], f"Reached {TARGET} in 7 hops; 10 probes, all answered."),
        (REACHED | {"target_ttl": 1}, [hop(1, 1, 1)], f"Reached {TARGET} in 1 hop; 1 probe, answered."),
        (
            REACHED,
            [*(hop(ttl, 10, 10) for ttl in (1, 2, 4, 5, 6, 7)), hop(3, 10, 0)],
            f"Reached {TARGET} in 7 hops; 70 probes, 10 unanswered at hop 3 (never answered).",
        ),
        (
            REACHED,
            [hop(1, 10, 9), hop(2, 10, 0), hop(3, 1000, 1000, late=2)],
            (
                f"Reached {TARGET} in 7 hops; "
                "1,020 probes, 11 unanswered at hops 1 and 2 (never answered), 2 late."
            ),
        ),
        (
            REACHED,
            [hop(ttl, 10, 9) for ttl in range(1, 7)],
            f"Reached {TARGET} in 7 hops; 60 probes, 6 unanswered at 6 hops.",
        ),
        (
            REACHED | {"outcome": "destination_silent", "target_ttl": None},
            [hop(1, 10, 10), hop(2, 10, 0)],
            (
                f"{TARGET} did not answer, the farthest answer came from hop 1 (192.0.2.1); "
                "20 probes, 10 unanswered at hop 2 (never answered)."
            ),
        ),
        (
            REACHED | {"outcome": "loop", "target_ttl": None},
            [hop(1, 10, 10)],
            (
                f"Packets to {TARGET} went in circles, the farthest answer came from hop 1 (192.0.2.1); "
                "10 probes, all answered."
            ),
        ),
        (
            REACHED | {"outcome": "nothing", "end_reason": "interrupted"},
            [hop(1, 3, 0)],
            (
                f"Nothing on the way to {TARGET} answered; 3 probes, 3 unanswered at hop 1 (never answered); "
                "interrupted before the end."
            ),
        ),
        (
            REACHED | {"outcome": "filtered", "end_reason": "error"},
            [hop(1, 3, 3)],
            (
                f"Filtered on the way to {TARGET}, the farthest answer came from hop 1 (192.0.2.1); "
                "3 probes, all answered; ended by an error."
            ),
        ),
        (
            REACHED,
            [hop(7, 10, 10, addr=TARGET), hop(8, 5, 5, addr=TARGET)],
            f"Reached {TARGET} in 7 or 8 hops; 15 probes, all answered.",
        ),
        (GONE | {"target": "x"}, [], "On the way to x; no probe's fate is known yet."),
    ],
)
def test_the_verdict_says_the_outcome_in_words(run, hops, sentence):
    assert run_verdict(run, hops) == sentence


def test_what_this_machine_refused_to_send_is_no_loss_and_is_said():
    nothing = REACHED | {"outcome": "nothing", "target_ttl": None}
    assert run_verdict(nothing, [hop(1, 0, 0)], refused=460) == (
        f"Nothing on the way to {TARGET} answered; this machine refused to send 460 probes."
    )
    assert run_verdict(REACHED, [hop(1, 10, 10)], refused=1) == (
        f"Reached {TARGET} in 7 hops; this machine refused to send 1 probe; 10 probes, all answered."
    )


def test_a_comparison_card_has_the_aligned_paths_with_their_shifts():
    comparison = made_comparison()
    made = comparison_card(comparison, names=NAMES)
    assert made.verdict == comparison.sentence
    assert [row.change for row in made.hops] == list(comparison.paths["change"])
    shifts = comparison.rtt.set_index(["flow", "place"])["shift_ms"]
    told = {
        (row["flow"], row["place"]): hop.shift_ms
        for (_, row), hop in zip(comparison.paths.iterrows(), made.hops, strict=True)
    }
    assert {key: shift for key, shift in told.items() if shift is not None} == pytest.approx(shifts.to_dict())
    assert made.hops[0].a_name == "gateway.example.net"


def test_a_hop_that_one_side_lacks_has_no_ttl_there():
    comparison = made_comparison()
    comparison.paths.loc[0, "b_ttl"] = pd.NA
    comparison.paths.loc[0, "b_addr"] = None
    row = comparison_card(comparison).hops[0]
    assert (row.b_ttl, row.b_addr, row.a_ttl) == (None, None, 1)
