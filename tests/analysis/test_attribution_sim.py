"""On the built-in internet: limiters are no loss, and the link that loses packets is the one that is named.

The networks are those of benchmarks/prove_loss.py, which goes through a thousand of them.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import pytest

from tests.needs import ROOT
from trippy_nb.analysis import attribute_loss
from trippy_nb.testing import simulated

pytestmark = pytest.mark.slow
WIDE = os.environ.get("TRIPPY_NB_PROFILE") == "ci"
LIMITERS, LOSSES = (40, 12) if WIDE else (14, 3)


def proofs() -> Any:
    spec = importlib.util.spec_from_file_location("prove_loss", ROOT / "benchmarks" / "prove_loss.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_limiters_on_the_way_and_at_the_target_are_never_called_loss():
    score, words, wrong = proofs().limiters(LIMITERS)
    assert wrong == []
    assert score.wrong == 0
    told = sum(count for word, count in words.items() if word.startswith("rate limit"))
    assert told >= 0.75 * sum(words.values())


def test_of_a_link_that_loses_a_twentieth_the_right_one_is_named():
    score = proofs().losses_on_a_link(LOSSES)
    assert score.wrong == 0
    assert score.hits >= 0.9 * score.runs - 1


def test_a_loss_on_the_link_into_the_target_is_left_open():
    score = proofs().losses_on_a_link(1, last=True)
    assert (score.hits, score.wrong) == (0, 0)


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        ("case-06-rate-limit", {1: "rate limit"}),
        ("case-07-loss", {2: "link loss", 3: "upstream", 4: "upstream", 5: "upstream"}),
        ("case-08-silent", {2: "policy"}),
        ("case-10-many-ttls", {}),
    ],
)
def test_hard_cases_are_told(name: str, verdicts: dict[int, str]):
    found: Any = attribute_loss(simulated(name, rounds=60, protocol="icmp").tables)
    said = {int(row.ttl): row.verdict for row in found.itertuples() if row.verdict != "none"}
    assert said == verdicts


def test_an_open_port_that_says_nothing_is_no_loss_and_no_verdict():
    net = proofs().network(5, 1, {}, 'udp = "open"')
    found: Any = attribute_loss(simulated(net, rounds=20, protocol="udp").tables)
    assert found["verdict"].tolist() == [*["none"] * 4, "cannot tell"]
    assert "another protocol or port may" in found["says"].iloc[-1]


def test_answers_that_come_late_are_answers():
    net = proofs().network(5, 1, {3: 'answer_delay = "3s"'})
    run = simulated(net, rounds=8, protocol="icmp")
    assert (run.probes.loc[run.probes["ttl"] == 3, "status"] == "late").sum() >= 6
    found: Any = attribute_loss(run.tables)
    assert found["unanswered"].sum() == (run.probes["status"] == "timeout").sum() <= 2
