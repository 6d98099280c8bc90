"""Our numbers of mtr are those that mtr itself prints: it is given a probing helper whose RTTs we made up."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.analysis.handmade import TARGET, a, probe, tables
from trippy_nb.analysis import hop_stats

ROUNDS = 12
INTERVAL_S = "0.05" if os.geteuid() == 0 else "1.0"  # mtr lets nobody else ask more often
COLUMNS = {
    "Last": "last_ms",
    "Best": "best_ms",
    "Avg": "avg_ms",
    "Wrst": "worst_ms",
    "StDev": "stddev_ms",
    "Gmean": "gmean_ms",
    "Jttr": "jitter_ms",
    "Javg": "javg_ms",
    "Jmax": "jmax_ms",
    "Jint": "jinta_ms",
}
HELPER = '''#!{python} -S
"""Speaks the protocol of mtr-packet(8), and answers at once with the round-trip times of a file, or not."""
import json, os
with open({times!r}) as file:
    times = json.load(file)
seen, rest = dict(), b""
while data := os.read(0, 65536):
    *lines, rest = (rest + data).split(b"\\n")
    for line in lines:
        number, command, *words = line.decode().split()
        named = dict(zip(words[::2], words[1::2]))
        if command == "check-support":
            says = "0.95" if named["feature"] == "version" else "ok"
            os.write(1, f"{{number}} feature-support support {{says}}\\n".encode())
        elif command == "send-probe":
            ttl = int(named["ttl"])
            turn = seen[ttl] = seen.get(ttl, -1) + 1
            hop = times[ttl - 1] if ttl <= len(times) else []  # before it knows the target, it goes beyond
            us = hop[turn] if turn < len(hop) else None
            if us is not None:
                who = "reply ip-4 {target}" if ttl == len(times) else f"ttl-expired ip-4 10.0.0.{{ttl}}"
                os.write(1, f"{{number}} {{who}} round-trip-time {{us}}\\n".encode())
'''


def mtr_prints(times: list[list[int | None]], folder: Path) -> list[dict[str, float]]:
    """Run mtr over a path whose hops answer after these microseconds, or not at all."""
    (folder / "times.json").write_text(json.dumps(times))
    helper = folder / "mtr-packet"
    helper.write_text(HELPER.format(python=sys.executable, times=str(folder / "times.json"), target=TARGET))
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    command = [
        "mtr",
        "-n",
        "-j",
        "-c",
        str(ROUNDS),
        "-i",
        "0.05",
        "-G",
        "0.1",
        "-o",
        "LDRSNBAWVGJMXI",
        TARGET,
    ]
    environment = os.environ | {"MTR_PACKET": str(helper)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    hubs: list[dict[str, float]] = json.loads(done.stdout)["report"]["hubs"]
    return hubs


@pytest.mark.slow
@pytest.mark.needs("mtr")
@pytest.mark.parametrize("seed", [1, 2])
def test_what_mtr_prints_for_the_same_probes(seed: int, tmp_path: Path):
    luck = np.random.default_rng(seed)
    us = luck.integers(200, 40_000, (3, ROUNDS)).tolist()
    times = [[None if luck.random() < 0.2 else value for value in hop] for hop in us]
    times[0][0], times[1][-1], times[2][0] = None, None, 900  # the first and the last of a hop lost, too
    rows = [
        probe(turn, ttl, None if value is None else (TARGET if ttl == 3 else a(ttl)), value and value / 1000)
        for ttl, hop in enumerate(times, 1)
        for turn, value in enumerate(hop)
    ]
    ours = hop_stats(tables(rows), mtr_compat=True).to_dict("records")
    hubs = mtr_prints(times, tmp_path)
    assert len(hubs) == len(ours)
    for hub, row in zip(hubs, ours, strict=True):
        assert (hub["Snt"], hub["Rcv"]) == (row["sent"], row["recv"])
        assert hub["Loss%"] == pytest.approx(100 * row["loss_ratio"], abs=0.002)
        # It prints five digits.
        assert {name: hub[name] for name in COLUMNS} == {
            name: pytest.approx(row[column], rel=1e-4) for name, column in COLUMNS.items()
        }
