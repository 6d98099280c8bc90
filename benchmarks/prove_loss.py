"""Whether silences are put down to what they are due to, on simulated truth.

Run: python benchmarks/prove_loss.py [runs]     (1,000 by default: 10 minutes)

Each run is a network of its own, all packets through the built-in internet:

* limiters: one to three routers, or the target, limit their answers (buckets, windows, Linux's two, and some
  that answer at random); no link loses anything. Any `link loss` or `return loss` is a false alarm.
* losses: one link loses 5 % of 400 probes of each hop. The right link, and no other, is to be named. The link
  into the target is counted apart: nothing behind it tells it from a target that does not answer all.

Whether the chances are as often true as they say is in prove_loss_calibration.py.
"""

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from trippy_nb.analysis.attribution import attribute_loss
from trippy_nb.frames import Tables
from trippy_nb.model import NS_PER_S
from trippy_nb.sim import SimNetwork, parse_scenario
from trippy_nb.sim.limits import make_limiter
from trippy_nb.sim.nodes import BucketLimit, Limit, LinuxLimit, WindowLimit
from trippy_nb.testing import simulated

Chance = np.random.Generator
LOSS, ROUNDS_OF_LOSS = 0.05, 400
HOST = b"\xc0\x00\x02\x0a"


def network(hops: int, seed: int, keys: dict[int, str], target: str = "") -> SimNetwork:
    """Routers in a row: `hops` places, the target among them; keys of each router as TOML, by TTL."""
    routers = "".join(
        f'[[router]]\nid = "r{n}"\nv4 = "203.0.113.{n}"\ndelay = "2ms"\n{keys.get(n, "")}\n'
        for n in range(1, hops)
    )
    way = ", ".join(f'"r{n}"' for n in range(1, hops))
    return SimNetwork(
        parse_scenario(
            f'[scenario]\nname = "made-here"\nseed = {seed}\n[source]\nv4 = "192.0.2.10"\n'
            f'[[target]]\nname = "target.example"\nv4 = "198.51.100.80"\ndelay = "1ms"\n{target}\n'
            f"{routers}[[route]]\nvia = [{way}]\n"
        )
    )


def any_limit(chance: Chance, period_s: float) -> tuple[str, Limit | None]:
    """A limiter that will be reached, as TOML and as an object; None answers at random."""
    kind = chance.choice(["bucket", "burst", "window", "linux", "busy"], p=[0.35, 0.2, 0.2, 0.15, 0.1])
    share = float(chance.uniform(0.1, 0.95))
    if kind in ("bucket", "burst"):
        burst = 1 if kind == "bucket" else int(chance.integers(2, 30))
        limit: Limit = BucketLimit(rate=round(share / period_s, 3), burst=burst)
        return f'limit = {{ kind = "bucket", rate = {limit.rate}, burst = {burst} }}', limit
    if kind == "window":
        count = int(chance.integers(1, 6))
        every_s = round(count * period_s / share, 3)
        text = f'limit = {{ kind = "window", count = {count}, every = "{every_s}s" }}'
        return text, WindowLimit(count=count, every_ns=round(every_s * NS_PER_S))
    if kind == "linux":
        every_s = round(period_s / share, 3)
        return f'limit = {{ kind = "linux", interval = "{every_s}s" }}', LinuxLimit(
            interval_ns=round(every_s * NS_PER_S)
        )
    return f"answer_ratio = {share:.3f}", None


def thinned(tables: Tables, limit: Limit) -> Tables:
    """The target's answers behind a limiter: targets of the built-in internet have none."""
    limiter = make_limiter(limit)
    probes = tables.probes.sort_values("sent_at").copy()
    target = str(tables.runs["dst_addr"].item())
    theirs = np.flatnonzero(((probes["addr"] == target) & (probes["status"] == "reply")).to_numpy())
    at_ns = probes["sent_at"].astype("int64").to_numpy()
    drop = [row for row in theirs if not limiter.allow(int(at_ns[row]), HOST)]
    for name, value in (
        ("status", "timeout"),
        ("addr", None),
        ("rtt_ms", np.nan),
        ("icmp_type", None),
        ("icmp_code", None),
    ):
        probes.iloc[drop, probes.columns.get_loc(name)] = value
    probes.iloc[drop, probes.columns.get_loc("n_replies")] = 0
    return Tables(**({table.name: frame for table, frame in tables.items()} | {"probes": probes}))


def limited_run(seed: int, rounds: int | None = None) -> tuple[Tables, dict[int, str]]:
    """A run through limiters, and which TTLs have one."""
    chance = np.random.default_rng(seed)
    hops = int(chance.integers(4, 16))
    period_s = float(chance.choice([0.25, 0.5, 1.0]))
    places = sorted(
        chance.choice(np.arange(1, hops + 1), size=int(chance.integers(1, 4)), replace=False).tolist()
    )
    drawn = {ttl: any_limit(chance, period_s) for ttl in places}
    at_target = drawn.pop(hops, None)
    target = at_target[0] if at_target and at_target[1] is None else ""
    run = simulated(
        network(hops, seed, {ttl: text for ttl, (text, _) in drawn.items()}, target),
        rounds=rounds or int(chance.integers(100, 200)),
        min_round_duration=period_s,
        max_round_duration=max(period_s, 1.0),
        **protocol(chance),
    )
    tables = thinned(run.tables, at_target[1]) if at_target and at_target[1] else run.tables
    return tables, {ttl: text for ttl, (text, _) in drawn.items()} | ({hops: "target"} if at_target else {})


def protocol(chance: Chance) -> dict[str, Any]:
    """ICMP, UDP with a flow for each round, or UDP with one flow."""
    kinds: list[dict[str, Any]] = [
        {"protocol": "icmp"},
        {"protocol": "udp", "multipath": "paris"},
        {"protocol": "udp", "multipath": "paris", "source_port": 5000, "target_port": 33500},
        {"protocol": "udp", "multipath": "classic"},
    ]
    return kinds[int(chance.integers(len(kinds)))]


@dataclass
class Score:
    """What was said."""

    runs: int = 0
    hits: int = 0
    wrong: int = 0
    undecided: int = 0


def limiters(runs: int, first: int = 0) -> tuple[Score, Counter[str], list[str]]:
    """Count runs with a false `link loss`, and the verdicts on hops that limit."""
    score, words, wrong = Score(), Counter[str](), []
    for seed in range(first, first + runs):
        tables, truth = limited_run(seed)
        losses = attribute_loss(tables)
        score.runs += 1
        false = losses[(losses["verdict"] == "link loss") | (losses["verdict"] == "return loss")]
        score.wrong += bool(len(false))
        wrong += [f"{seed}: {says}" for says in false["says"]]
        silent = losses[losses["unanswered"] > 0]
        for ttl, word in zip(silent["ttl"], silent["verdict"], strict=True):
            last = "at the target" if truth.get(int(ttl)) and ttl == losses["ttl"].max() else "on the way"
            words[f"{word} ({last})"] += 1
    return score, words, wrong


def losses_on_a_link(runs: int, first: int = 0, *, last: bool = False) -> Score:
    """Count how often the one link that loses 5 % is named, alone."""
    score = Score()
    for seed in range(first, first + runs):
        chance = np.random.default_rng(seed)
        hops = int(chance.integers(4, 16))
        ttl = hops if last else int(chance.integers(1, hops))
        keys = {} if last else {ttl: f"loss = {LOSS}"}
        net = network(hops, seed, keys, f"loss = {LOSS}" if last else "")
        found = attribute_loss(simulated(net, rounds=ROUNDS_OF_LOSS, **protocol(chance)).tables)
        named = found.loc[found["verdict"] == "link loss", "ttl"].tolist()
        score.runs += 1
        score.hits += named == [ttl]
        score.wrong += bool(named) and named != [ttl]
        score.undecided += not named
    return score


def main() -> int:
    """Run the proofs and print what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=1000)
    asked = parser.parse_args()
    begun = time.perf_counter()
    score, words, wrong = limiters(asked.runs)
    print(f"limiters: {score.wrong} of {score.runs} runs with a loss that is none")
    for text in wrong[:10]:
        print("  ", text)
    for word, count in sorted(words.items()):
        print(f"   {count:6d}  {word}")
    print(f"   {time.perf_counter() - begun:.0f} s")
    for last in (False, True):
        found = losses_on_a_link(max(asked.runs // 4, 1), last=last)
        where = "into the target" if last else "anywhere else"
        print(
            f"5 % loss on a link {where}, n = {ROUNDS_OF_LOSS}: {found.hits} of {found.runs} named, "
            f"{found.wrong} another one, {found.undecided} not decided; {time.perf_counter() - begun:.0f} s"
        )
    return bool(score.wrong)


if __name__ == "__main__":
    sys.exit(main())
