"""The fuzzer: atheris (libFuzzer) on `target.one_input`, guided by coverage of the decoding rooms.

    python tests/fuzz/run_atheris.py -runs=1000000 tests/fuzz/corpus

New inputs that reach new code go to the first folder named, so name one of your own before the corpus to
keep them: `... -max_total_time=3600 /tmp/found tests/fuzz/corpus`. All options are libFuzzer's.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

INSTRUMENTED = ("trippy_nb.wire", "trippy_nb.net", "trippy_nb.tracing", "trippy_nb.sim")

if __name__ == "__main__":
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        target = importlib.import_module("tests.fuzz.target")
    atheris.Setup(sys.argv, target.one_input)
    atheris.Fuzz()
