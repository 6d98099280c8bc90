"""Record the traces that `data/recorded` ships: `python -m tests.netns.record` (root, Linux).

Our own tool on our own network of kernel routers: nothing of anybody else's is in these files.
"""

import json
import sys
from pathlib import Path

import trippy_nb as tn
from tests.netns.lab import DEEP, lab

FOLDER = Path(__file__).parents[2] / "data" / "recorded"
PARIS = {"protocol": "udp", "multipath": "paris", "source_port": 5000, "target": DEEP[4], "rounds": 30}
QUICK = {"min_round_duration": 0.1, "max_round_duration": 0.5, "grace_duration": 0.02, "probe_timeout": 0.5}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with lab() as it:

        def record(name: str, **options: object) -> None:
            job = QUICK | options | {"path": str(FOLDER / f"{name}.parquet")}
            it.run(sys.executable, str(Path(__file__).with_name("inside.py")), stdin=json.dumps([job]))

        record("lab-udp-paris", **PARIS)
        record("lab-udp-classic", **PARIS | {"multipath": "classic"})
        flow: dict[str, object] = {}
        for port in range(33500, 33600):  # half of the flows go by r2a, the branch that will be left
            flow = PARIS | {"target_port": port}
            record("lab-flow-before", **flow)
            hops = tn.read(FOLDER / "lab-flow-before.parquet").one().hops
            if it.who(hops["addrs"].iloc[1][0]) == "r2a":
                break
        it.ip("r1", "route", "replace", "10.9.0.0/16", "via", "10.9.3.2")
        record("lab-flow-after", **flow)


if __name__ == "__main__":
    main()
