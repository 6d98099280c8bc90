"""What `import trippy_nb` costs in a fresh interpreter, and that it loads nothing heavy."""

import statistics
import subprocess
import sys

REPEATS = 9
HEAVY = {
    *("numpy", "pandas", "pyarrow", "networkx", "matplotlib"),
    *("scapy", "ipywidgets", "anywidget", "click", "rich"),
}
_TIMED = """
import sys, time
before = time.perf_counter()
import trippy_nb
print(time.perf_counter() - before, *sys.modules)
"""


def _seconds() -> float:
    done = subprocess.run([sys.executable, "-c", _TIMED], check=True, capture_output=True, text=True)
    seconds, *modules = done.stdout.split()
    heavy = sorted(HEAVY & set(modules))
    assert not heavy, f"importing trippy_nb loads {heavy}"
    return float(seconds)


def main() -> None:
    times = [_seconds() for _ in range(REPEATS)]
    print(f"import trippy_nb: {statistics.median(times):.4f} s, median of {REPEATS} processes (goal 0.10 s)")


if __name__ == "__main__":
    main()
