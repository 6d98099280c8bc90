"""How many probes discovery takes: MDA and MDA-Lite on diamonds, beside scamper's tracelb on kernel routers.

Simulated: minimum, median and maximum of `RUNS` seeds, virtual time, and how often every link was found.
Budget: the path of fifteen hops with a diamond of four, 100 ms away, in at most one second. On kernel routers
(Linux, root, scamper): at most 1.5 times the probes of tracelb, which waits as little as it can (-W 15).
Kernels hash with a secret, so both are run several times, tracelb's at once, for it takes half a minute.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

import trippy_nb as tn
from tests.netns.diamond import DST, diamond, true_edges
from trippy_nb import sim

RUNS = 100
LIVE_RUNS = 15
THEIRS = 6
TRACELB = ("scamper", "-O", "json", "-c", "tracelb -P udp-dport -w 1 -W 15", "-i", DST[4])
TARGET = "198.51.100.80"
ALGORITHMS = ("mda", "mda-lite")


def scenario(via, delay="1ms"):
    """A network from a `via`: names of routers, and lists of branches, which may be lists themselves."""
    names = list(dict.fromkeys(_names(via)))
    routers = "\n".join(
        f'[[router]]\nid = "{name}"\nv4 = "203.0.113.{place}"\ndelay = "{delay}"'
        for place, name in enumerate(names, 1)
    )
    text = (
        '[scenario]\nname = "bench"\n[source]\nv4 = "192.0.2.10"\n'
        f'[[target]]\nname = "t.example"\nv4 = "{TARGET}"\n'
        f"{routers}\n[[route]]\nvia = {json.dumps(via)}\n"
    )
    return sim.parse_scenario(text)


def _names(via):
    for item in via:
        if isinstance(item, str):
            yield item
        else:
            yield from _names(item)


def wide(width, before=1, after=1):
    """So many branches, one hop long."""
    branches = [f"b{number}" for number in range(width)]
    return [*(f"r{n}" for n in range(before)), branches, *(f"s{n}" for n in range(after))]


DIAMONDS = {
    "2 wide": scenario(wide(2)),
    "4 wide": scenario(wide(4)),
    "8 wide": scenario(wide(8)),
    "16 wide": scenario(wide(16)),
    "2 wide, 3 long": scenario(["r", [["a", "b", "c"], ["d", "e", "f"]], "s"]),
    "2 wide, 2 long, meshed": scenario(["r", ["a", "b"], ["c", "d"], "s"]),
    "4 wide, 2 long, meshed": scenario(["r", list("abcd"), list("efgh"), "s"]),
    "nested": tn.sim.load("nested-diamonds").scenario,
    "15 hops, 4 wide, 100 ms": scenario(wide(4, before=4, after=9), delay="3.571ms"),
    "the same, 2 long": scenario(
        [*"rstu", [[f"{name}5", f"{name}6"] for name in "abcd"], *"ijklmnop"], delay="3.571ms"
    ),
}


def simulated():
    print(
        f"{'diamond':26} {'algorithm':9} {'probes: min median max':>24}  {'virtual ms':>10}  all links found"
    )
    for name, made in DIAMONDS.items():
        for algorithm in ALGORITHMS:
            probes, took, found = [], [], 0
            for seed in range(RUNS):
                net = sim.SimNetwork(replace(made, seed=seed))
                addr = made.targets[0].v4[0]
                run = tn.discover(addr, network=net, algorithm=algorithm, progress=False)
                probes.append(len(run.probes))
                row = run.runs.iloc[0]
                took.append((row["ended_at"] - row["started_at"]).total_seconds() * 1000)
                edges = {edge for edge in run.graph().edges() if edge[0] != "source"}
                found += edges == set(net.truth.edges(addr))
            counts = f"{min(probes)} {median(probes):.0f} {max(probes)}"
            print(f"{name:26} {algorithm:9} {counts:>24}  {median(took):10.0f}  {found} of {RUNS}")


def on_kernel_routers(delay_ms):
    with diamond(delay_ms=delay_ms) as it, tempfile.TemporaryDirectory() as folder:
        theirs = tracelb(it)
        probes, took = [row["probec"] for row in theirs], [seconds(row) for row in theirs]
        whole = sum((row["nodec"], row["linkc"]) == (21, 23) for row in theirs)
        usual = median(probes)
        show(f"{delay_ms:3} ms tracelb   udp", probes, took, usual, f"all links in {whole} of {len(theirs)}")
        for algorithm in ALGORITHMS:
            for protocol in ("udp", "tcp"):
                job = {"verb": "discover", "target": DST[4], "protocol": protocol, "algorithm": algorithm}
                runs = [tn.read(file).one() for file in it.jobs([job] * LIVE_RUNS, Path(folder))]
                took = [
                    (run.runs["ended_at"] - run.runs["started_at"]).iloc[0].total_seconds() for run in runs
                ]
                drawn = [{edge for edge in run.graph().edges() if edge[0] != "source"} for run in runs]
                whole = sum(edges == true_edges(4) for edges in drawn)
                false = sum(len(edges - true_edges(4)) for edges in drawn)
                lost = sum((run.probes["status"] == "timeout").sum() for run in runs)
                words = f"all links in {whole} of {len(runs)}, {false} false, {lost} time-outs"
                name = f"{delay_ms:3} ms {algorithm:9} {protocol}"
                show(name, [len(run.probes) for run in runs], took, usual, words)


def tracelb(it):
    command = ["ip", "netns", "exec", it.ns("src"), *TRACELB]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(THEIRS)]
    texts = [process.communicate(timeout=300)[0] for process in several]
    return [dict(item for line in text.splitlines() for item in json.loads(line).items()) for text in texts]


def seconds(row):
    """Of the cycle of one target: it says whole seconds only."""
    return row["stop_time"] - row["start_time"]


def show(name, probes, took, usual, words):
    counts = f"{min(probes)} {median(probes):.0f} {max(probes)}"
    times = f"{median(took):.2f} {max(took):.2f}"
    ratio = f"{median(probes) / usual:.2f} {max(probes) / usual:.2f}"
    print(f"kernel, {name} {counts:>12}  {ratio} x  {times} s  {words}", flush=True)


if __name__ == "__main__":
    simulated()
    if shutil.which("scamper") and shutil.which("ip"):
        print("kernel routers: probes min median max; median, max / median of tracelb; seconds median, max")
        on_kernel_routers(0)
        on_kernel_routers(100)
    else:
        print("kernel routers: not measured, for want of scamper or ip")
