"""How often the answers about latency are right, on simulated networks whose truth is known.

Run: python benchmarks/prove_latency.py [trials]     (100 networks of each kind by default: about 5 minutes)

A chain of six routers with queueing on every link (gamma: 0.3 ms on average, each way). In one of them,
chosen by the trial, something is slow: the router's processor, the link before it for each packet anew, the
same link for a third of the time, its answers' way back; or nothing is. Then: how often intervals of medians
cover the truth, how often a link that does not change raises an alarm, and what places are found wrong.
"""

import argparse
from collections import Counter

import numpy as np
import pandas as pd

from trippy_nb import sim
from trippy_nb.analysis import delay_anomalies, delays, light_check, spikes
from trippy_nb.analysis.latencies.light import great_circle_km
from trippy_nb.analysis.latencies.medians import medians
from trippy_nb.analysis.ratios import wilson
from trippy_nb.frames import tables_from_probes
from trippy_nb.sim import SimNetwork, parse_scenario
from trippy_nb.testing import simulated

ROUTERS = 6
HEAD = """\
[scenario]
name = "prove-latency"
seed = {seed}

[source]
v4 = "192.0.2.10"

[[target]]
name = "target.example"
v4 = "198.51.100.80"
delay = "1ms"
"""
BIMODAL = '{{ kind = "bimodal", base = "{base}", spike = "{size:.3f}ms", chance = {chance:.3f} }}'
QUEUE = '{{ kind = "gamma", base = "{base}ms", shape = 1.0, scale = "300us" }}'


def network(kind: str, place: int, luck: np.random.Generator, rounds: int, seed: int) -> SimNetwork:
    """A chain in which the router at this TTL, or the link before it, is slow."""
    size = luck.uniform(8, 40)
    chance = luck.uniform(0.15, 0.4) if kind == "processor" else luck.uniform(0.08, 0.25)  # met twice
    text = HEAD.format(seed=seed)
    via = [f"r{ttl}" for ttl in range(1, ROUTERS + 1)]
    for ttl in range(1, ROUTERS + 1):
        base = luck.uniform(0.5, 4)
        delay = QUEUE.format(base=f"{base:.3f}")
        if kind == "link, each packet" and ttl == place:
            delay = BIMODAL.format(base=f"{base:.3f}ms", size=size, chance=chance)
        text += f'\n[[router]]\nid = "r{ttl}"\nv4 = "203.0.113.{ttl}"\ndelay = {delay}\n'
        if kind == "processor" and ttl == place:
            text += f"answer_delay = {BIMODAL.format(base='200us', size=size, chance=chance)}\n"
    text += f"\n[[route]]\nvia = {via}\n"
    if kind == "link, a third of the time":
        ends = ["source", *via][place - 1 : place + 1]
        text += (
            f'\n[[congestion]]\nends = {ends}\nat = "{rounds // 3}s"\nuntil = "{2 * rounds // 3}s"\n'
            f'delay = "{size:.3f}ms"\n'
        )
    if kind == "way back":
        text += f'\n[[router]]\nid = "b"\nv4 = "203.0.113.99"\ndelay = "{size + 8 * place:.3f}ms"\n'
        text += f'\n[[return]]\nvia = ["b"]\nof = ["r{place}"]\n'
    return SimNetwork(parse_scenario(text.replace("'", '"')))


PARIS = {"protocol": "udp", "multipath": "paris"}
SMALL = {"hops": (3, 6), "diamonds": (1, 2), "width": (2, 3), "length": (1, 1), "silent": 5}
KINDS = {
    "nothing": None,
    "processor": "slow-path",
    "link, each packet": "shared-downstream",
    "link, a third of the time": "shared-downstream",
    "way back": "unshared",
}


def verdicts(trials: int, rounds: int) -> pd.DataFrame:
    rows = []
    for number, kind in enumerate(KINDS):
        tally: Counter[str] = Counter()
        for trial in range(trials):
            luck = np.random.default_rng([number, trial, rounds])
            place = int(luck.integers(1, ROUTERS))  # something answers behind it
            net = network(kind, place, luck, rounds, seed=trial)
            found = spikes(simulated(net, protocol="icmp", rounds=rounds).tables)
            here = found[found["ttl"] == place].iloc[0]
            blamed = found[(found["verdict"] == "slow-path") | (found["verdict"] == "unshared")]
            wrong = blamed[blamed["ttl"] != place] if KINDS[kind] in ("slow-path", "unshared") else blamed
            tally["networks"] += 1
            tally["right"] += here["verdict"] == (KINDS[kind] or "none")
            tally["undecided"] += here["verdict"] == "cannot tell"
            tally["blamed wrongly"] += len(wrong) > 0
            tally["right link"] += here["since_ttl"] is not pd.NA and here["since_ttl"] == place
        rows.append({"slow": kind, "rounds": rounds, **tally})
    return pd.DataFrame(rows)


def anew(trials: int, rounds: int) -> int:
    """Count the queues that meet each packet anew and are told, where each round is a flow of its own."""
    told = 0
    for trial in range(trials):
        luck = np.random.default_rng([2, trial, rounds])
        place = int(luck.integers(1, ROUTERS))
        net = network("link, each packet", place, luck, rounds, seed=trial)
        found = spikes(simulated(net, protocol="udp", multipath="paris", rounds=rounds).tables)
        told += found.loc[found["ttl"] == place, "verdict"].item() == "shared-downstream"
    return told


def hidden(trials: int) -> tuple[int, int, int]:
    """Count networks whose branches silent routers hide, and those with a queue or a slow router."""
    queues = slow = 0
    kinds = [(balance, asked) for balance in ("flow", "packet") for asked in ({}, PARIS)]
    for seed in range(1000, 1000 + trials):
        for balance, asked in kinds:
            net = sim.random(seed, **SMALL, balance=balance)
            verdicts = set(
                spikes(simulated(net, rounds=60, **({"protocol": "icmp"} | asked)).tables)["verdict"]
            )
            queues += "shared-downstream" in verdicts
            slow += "slow-path" in verdicts
    return len(kinds) * trials, queues, slow


def levels(trials: int) -> tuple[int, int]:
    """Count runs whose flows, each sent once, take two levels behind a silent router; and queues told."""
    queues, sizes = 0, [(apart, noise) for apart in (1.5, 3, 8, 20) for noise in (0.1, 0.5, 1.5)]
    for apart, noise in sizes:
        for trial in range(trials):
            luck = np.random.default_rng([int(apart * 10), int(noise * 10), trial])
            share, rounds = luck.uniform(0.15, 0.5), int(luck.choice([60, 120]))
            late = luck.random(rounds) < share
            rows = [
                {"run_id": 0, "round": n, "flow": n, "ttl": ttl, "attempt": 0, "status": "reply"}
                | {"addr": f"203.0.113.{ttl}"}
                | {"rtt_ms": 4 * ttl + luck.exponential(noise, ttl).sum() + apart * (late[n] and ttl > 2)}
                for n in range(rounds)
                for ttl in (1, 3, 4, 5, 6)
            ]
            runs = pd.DataFrame([{"run_id": 0, "flow_stable": True}])
            found = spikes(tables_from_probes(pd.DataFrame(rows), runs=runs))
            queues += "shared-downstream" in set(found["verdict"])
    return len(sizes) * trials, queues


def coverage(trials: int) -> pd.DataFrame:
    """How often intervals cover a median of 0: of rounds of one pair, and of nine that share probes."""
    rows, luck = [], np.random.default_rng(5)
    for attempts in (1, 3):
        for n in (6, 10, 30, 100):
            hits: Counter[str] = Counter()
            for _ in range(trials):
                near, far = luck.exponential(2, (2, n, attempts))
                values = np.sort((far[:, :, None] - near[:, None, :]).ravel())
                zero = np.zeros(len(values), dtype=np.int64)
                ours = medians(values, zero, 1, independent=np.array([n]))
                low, high = (float(end[()]) for end in wilson(len(values) // 2, len(values)))
                theirs = values[int(low * len(values))], values[int(high * len(values))]
                hits["ours"] += bool(ours.low[0] <= 0 <= ours.high[0])
                hits["ranks from 0, all pairs"] += bool(theirs[0] <= 0 <= theirs[1])
            rows.append({"attempts": attempts, "rounds": n, **{k: v / trials for k, v in hits.items()}})
    return pd.DataFrame(rows)


def alarms(trials: int, shift_ms: float, n: int = 30, hours: int = 24) -> tuple[int, int, int]:
    """Stretches judged before a shift, alarms among them, and shifts that raised one in their first hour."""
    judged = raised = seen = 0
    for trial in range(trials):
        luck = np.random.default_rng([trial, 9])
        rounds = n * hours
        near = 10 + luck.gamma(1, 1, rounds)
        far = 12 + luck.gamma(1, 1, rounds) + np.where(np.arange(rounds) >= rounds - n, shift_ms, 0)
        frame = pd.DataFrame(
            {
                "run_id": 0,
                "round": np.tile(np.arange(rounds), 2),
                "flow": 0,
                "ttl": np.repeat([1, 2], rounds),
                "attempt": 0,
                "status": "reply",
                "addr": np.repeat(["10.0.0.1", "10.0.0.2"], rounds),
                "rtt_ms": np.concatenate([near, far]),
                "sent_at": pd.to_datetime(
                    np.tile(np.arange(rounds) * 3600 / n, 2), unit="s", utc=True
                ).as_unit("ns"),
            }
        )
        runs = pd.DataFrame([{"run_id": 0, "dst_addr": "10.0.0.9", "flow_stable": True}])
        found = delay_anomalies(delays(tables_from_probes(frame, runs=runs), bin_s=3600))
        alarm = found["alarm"].to_numpy(dtype=bool, na_value=False)
        judged += int(found["alarm"].notna().sum()) - 1
        raised += int(alarm[:-1].sum())
        seen += bool(alarm[-1])
    return judged, raised, seen


def places(trials: int) -> tuple[int, int, int]:
    """Pairs and addresses checked with true places, violations among them, and places 2,500 km off found."""
    checked = wrong = found = 0
    for trial in range(trials):
        luck = np.random.default_rng([trial, 4])
        spots = luck.uniform([40, -5], [60, 25], (8, 2))
        way = np.concatenate([[0], np.cumsum(great_circle_km(spots[:-1], spots[1:]))])
        back = great_circle_km(spots, spots[0]) * luck.uniform(1, 1.5, 8)
        rtt = (way * luck.uniform(1, 1.3) + back) / (299.792458 * 2 / 3) + luck.exponential(1, 8)
        frame = pd.DataFrame(
            {
                "run_id": 0,
                "round": 0,
                "flow": 0,
                "ttl": np.arange(1, 8),
                "attempt": 0,
                "status": "reply",
                "addr": [f"10.0.0.{k}" for k in range(1, 8)],
                "rtt_ms": rtt[1:],
            }
        )
        runs = pd.DataFrame(
            [{"run_id": 0, "dst_addr": "10.0.0.7", "src_addr": "10.0.0.0", "flow_stable": True}]
        )
        tables = tables_from_probes(frame, runs=runs)
        known = {f"10.0.0.{k}": tuple(spot) for k, spot in enumerate(spots.tolist())}
        light = light_check(tables, known, slack_km=0)
        checked, wrong = checked + len(light), wrong + int((~light["possible"]).sum())
        moved = f"10.0.0.{luck.integers(1, 8)}"
        known[moved] = (known[moved][0], known[moved][1] + 40)
        light = light_check(tables, known, slack_km=0)
        bad = light[~light["possible"]]
        found += bool(((bad["addr"] == moved) | (bad["from_addr"] == moved)).any())
    return checked, wrong, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="?", type=int, default=100)
    trials = parser.parse_args().trials
    for rounds, some in ((50, trials), (100, trials), (400, trials // 4)):
        print(verdicts(some, rounds).to_string(index=False), flush=True)
    for rounds in (50, 100, 400):
        print(
            f"a queue met anew, each of {rounds} rounds a flow: {anew(trials // 4, rounds)} of {trials // 4}"
        )
    print("two levels behind silence: {1} queues in {0} runs".format(*levels(trials // 6)))
    made, queues, slow = hidden(trials // 4)
    print(f"hidden branches: {queues} queues and {slow} slow routers in {made} networks", flush=True)
    print(coverage(10 * trials).to_string(index=False))
    for shift_ms in (1.5, 2.0, 3.0, 5.0):
        judged, raised, seen = alarms(trials, shift_ms)
        print(
            f"shift of {shift_ms} ms: seen at once in {seen} of {trials}; false alarms {raised} of {judged}"
        )
    checked, wrong, found = places(trials)
    print(f"true places: {wrong} violations of {checked}")
    print(f"one place about 2,500 km off: found in {found} of {trials}")


if __name__ == "__main__":
    main()
