"""Hold each room to its floor of coverage, from [tool.trippy_nb.coverage_floors] in pyproject.toml.

A floor stands where a number means something: where code runs the same on every machine. Rooms without
one are printed too, so that a hole is seen.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]


def room_of(path: str) -> str:
    """Name a file's room: `trippy_nb/wire/icmp.py` is in `wire`, `trippy_nb/errors.py` is `errors`."""
    return Path(path).parts[1].removesuffix(".py")


def percent_by_room(report: dict[str, Any]) -> dict[str, float]:
    """Sum a coverage report in JSON by room: percent of lines and branches together."""
    covered: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    for path, file in report["files"].items():
        summary = file["summary"]
        covered[room_of(path)] += summary["covered_lines"] + summary["covered_branches"]
        total[room_of(path)] += summary["num_statements"] + summary["num_branches"]
    return {room: 100 * covered[room] / total[room] for room in sorted(total) if total[room]}


def main() -> int:
    """Print the table; 1 if a room lies under its floor or a floor has no room."""
    floors = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["trippy_nb"]["coverage_floors"]
    percents = percent_by_room(json.loads(Path(sys.argv[1]).read_text()))
    short = [room for room, floor in floors.items() if percents.get(room, 0.0) < floor]
    for room, percent in percents.items():
        floor = f"at least {floors[room]} %" if room in floors else ""
        print(f"  {room:12} {percent:5.1f} %  {floor}{'  TOO LITTLE' if room in short else ''}")
    if unmeasured := set(short) - set(percents):
        print(f"No coverage measured at all for: {', '.join(sorted(unmeasured))}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
