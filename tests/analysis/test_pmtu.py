"""Path MTU runs against networks whose links are known: what is found, who says so, what cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest

import trippy_nb as tn
from trippy_nb.frames import check
from trippy_nb.frames.derived import PMTU

BASE = (Path(__file__).parents[2] / "data" / "scenarios" / "narrow-link.toml").read_text()
R3 = 'id = "r3"\n'
EVERYWHERE = [(protocol, af) for protocol in ("udp", "icmp") for af in (4, 6)]
PATH = ["192.0.2.1", *(f"203.0.113.{number}" for number in range(2, 6)), "198.51.100.80"]
ADDR = {4: "203.0.113.3", 6: "2001:db8:f0::3"}


@pytest.fixture
def ask(tmp_path):
    def ask(*, mtu=1400, r3="", target="", everybody="", first="", protocol="udp", af=4, seed=1, **options):
        text = BASE.replace("mtu = 1400\n", f"mtu = {mtu}\n" if mtu else "")
        text = text.replace(R3, f"{R3}{r3}\n")
        text = text.replace('id = "r1"\n', f'id = "r1"\n{first}\n')
        text = text.replace("[[target]]\n", f"[[target]]\n{target}\n")
        text = text.replace("[[router]]\n", f"[[router]]\n{everybody}\n")
        file = tmp_path / "net.toml"
        file.write_text(text)
        options |= {"protocol": protocol, "addr_family": f"ipv{af}", "progress": False}
        return tn.pmtu("target.example", network=tn.sim.load(file, seed=seed), **options)

    return ask


def rows(run):
    return [tuple(row) for row in run.pmtu.hops[["ttl", "addr", "mtu", "how"]].astype(object).values.tolist()]


@pytest.mark.parametrize(("protocol", "af"), EVERYWHERE)
@pytest.mark.parametrize("mtu", [1281, 1400, 1492, 1499])
def test_a_router_that_says_what_fits_is_believed_after_a_check(ask, protocol, af, mtu):
    found = (run := ask(mtu=mtu, protocol=protocol, af=af)).pmtu
    assert found.mtu == mtu
    assert rows(run) == [(3, ADDR[af], mtu, "confirmed")]
    assert found.black_hole == "no"
    assert found.until == "the target"
    assert found.probes <= 30
    assert found.sentence.endswith(f"hop 3 ({ADDR[af]}) says so, and one byte more does not pass.")
    check.check_frame(found.hops, PMTU)


@pytest.mark.parametrize(("protocol", "af"), EVERYWHERE)
def test_where_all_sizes_pass_nobody_limits_them(ask, protocol, af):
    found = ask(mtu=None, protocol=protocol, af=af).pmtu
    assert (found.mtu, found.low, found.high) == (1500, 1500, None)
    assert found.hops.empty
    assert "the largest that were tried, get through" in found.sentence


@pytest.mark.parametrize(("protocol", "af"), EVERYWHERE)
@pytest.mark.parametrize("loss", [0, 0.05])
def test_a_black_hole_is_found_to_the_byte_with_the_hop_before_it(ask, protocol, af, loss):
    run = ask(r3="mtu_silent = true", everybody=f"loss = {loss}" if loss else "", protocol=protocol, af=af)
    found = run.pmtu
    assert found.mtu == 1400
    assert found.black_hole == "yes"
    assert rows(run) == [(3, ADDR[af], 1400, "silent")]
    assert f"vanish behind hop 3 ({ADDR[af]}), and nobody says so, a black hole" in found.sentence


@pytest.mark.parametrize("protocol", ["udp", "icmp"])
def test_a_router_of_before_rfc_1191_is_searched_by_its_plateaus(ask, protocol):
    run = ask(r3="mtu_old = true", protocol=protocol)
    assert run.pmtu.mtu == 1400
    assert run.pmtu.black_hole == "no"
    assert [(ttl, addr, how) for ttl, addr, _, how in rows(run)] == [(3, ADDR[4], "reported")]
    assert "refuses larger ones without saying what would fit" in run.pmtu.sentence


@pytest.mark.parametrize("seed", range(20))
def test_losses_by_chance_are_no_black_hole(ask, seed):
    found = ask(mtu=None, everybody="loss = 0.15", seed=seed).pmtu
    assert found.mtu == 1500
    assert found.black_hole == "no"


def test_this_machines_own_link_is_not_the_paths(ask):
    run = ask(first="mtu = 1300")
    assert run.pmtu.mtu == 1300
    assert [(how, mtu) for _, _, mtu, how in rows(run)] == [("local", 1300)]
    assert (run.probes["status"] == "send_error").any()
    assert "this machine's own link takes no larger ones" in run.pmtu.sentence


def test_a_silent_target_is_measured_as_far_as_somebody_answers(ask):
    run = ask(target='udp = "filtered"')
    found = run.pmtu
    assert found.mtu == 1400
    assert found.until == "hop 5"
    assert "hop 5 (198.51.100.80 does not answer)" in found.sentence
    assert rows(run)[0] == (3, ADDR[4], 1400, "confirmed")


def test_nobody_at_all_answers(ask):
    found = ask(target='udp = "filtered"', everybody="silent = true", probe_timeout=1).pmtu
    assert (found.mtu, found.low, found.until) == (None, None, "nowhere")
    assert found.sentence == "Nobody on the way to 198.51.100.80 answers small packets: no size can be told."


def test_sizes_are_in_the_rows_and_hops_and_graph_are_those_of_small_probes(ask):
    run = ask()
    sizes = run.probes["size"].dropna()
    assert {1400, 1401, 1500} <= set(sizes)
    assert run.runs["size"].iloc[0] == 84
    assert run.hops["addrs"].str.len().eq(1).all()
    assert [addrs[0] for addrs in run.hops["addrs"]] == PATH
    assert run.graph().number_of_edges() == len(PATH)
    sent = run.packets[run.packets["direction"] == "out"]
    assert {len(packet) for packet in sent["bytes"]} == {84, *sizes}


def test_a_budget_that_is_spent_leaves_an_interval(ask):
    run = ask(r3="mtu_silent = true", max_probes=24)
    found = run.pmtu
    assert found.ended == "budget"
    assert found.mtu is None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 1400 < found.high


def test_it_comes_back_from_parquet_as_it_was(ask, tmp_path):
    run = ask()
    again = tn.read(run.save(tmp_path / "run.parquet"))[0]
    assert again.pmtu.sentence == run.pmtu.sentence
    assert again.pmtu.hops.equals(run.pmtu.hops)
    assert again.probes["size"].equals(run.probes["size"])


def test_what_does_not_fit_an_ordinary_trace_ends_its_path_at_who_says_so(tmp_path):
    file = tmp_path / "narrower.toml"
    file.write_text(BASE.replace("mtu = 1400", "mtu = 600"))
    network = tn.sim.load(file)
    run = tn.trace("target.example", network=network, protocol="udp", packet_size=1000, rounds=5)
    assert run.hops["ttl"].tolist() == [1, 2, 3]
    assert run.paths["cause"].isna().all()
    assert (run.pmtu.low, run.pmtu.high) == (None, 1000)
    assert run.pmtu.sentence == (
        "Packets of 1000 bytes, the smallest that were tried, do not fit: "
        "hop 3 (203.0.113.3) says that 600 bytes would fit."
    )
