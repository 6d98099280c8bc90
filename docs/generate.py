"""Write the reference pages that are made from tables in the code; `--check` only compares.

`make docs` writes them, `make check` checks them. A page is a pure function of one table in the code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from trippy_nb.analysis.findings import CATALOGUE
from trippy_nb.frames.docs import tables_markdown
from trippy_nb.model.options import OPTIONS, Option

_HERE = Path(__file__).parent
_NOTE = "<!-- Made by docs/generate.py (`make docs`): change the table in the code, not this page. -->"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _head(*cells: str) -> list[str]:
    return [_row(*cells), _row(*("---" for _ in cells))]


def _code(*words: object) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _default(option: Option) -> str:
    if option.default is None:
        return option.auto or "none"
    return " ".join(filter(None, [_code(option.default), option.unit]))


def _limits(option: Option) -> str:
    if option.choices:
        return _code(*option.choices)
    if option.low is None or option.high is None:
        return ""
    return f"{option.low:,g} to {option.high:,.10g} {option.unit}".rstrip()


def options_page() -> str:
    """Make the page of all options, from `trippy_nb.model.options`."""
    lines = [
        _NOTE,
        "# Options of a trace",
        "",
        "One table for Python, the command line and the docs. Durations are seconds in Python, and `10ms`",
        "or `1s` on the command line. Names, defaults and limits are Trippy's where it has the option.",
    ]
    for group in dict.fromkeys(option.group for option in OPTIONS):
        lines += [
            "",
            f"## {group}",
            "",
            *_head("Python", "command line", "default", "limits", "Trippy", "meaning"),
        ]
        lines += [
            _row(
                _code(option.name, *option.aliases),
                _code(*option.flags),
                _default(option),
                _limits(option),
                _code(option.trippy) if option.trippy else "",
                option.help,
            )
            for option in OPTIONS
            if option.group == group
        ]
    return "\n".join(lines) + "\n"


_FINDINGS = """\
# Findings

`run.findings` is a DataFrame of everything worth telling about a run, most important first; `run.explain()`
tells the same in prose, and so do `trippy-nb trace TARGET -m explain` and `trippy-nb explain FILE`. Of a
set of runs, both tell of each run, and of what changed from one to the next.

```python
import trippy_nb as tn

run = tn.trace("target.example", network=tn.sim.load("case-06-rate-limit"), protocol="udp", rounds=100)
run.explain()
row = run.findings.iloc[0]
run.probes.query(row["query"])  # the rows that it rests on
```

A finding says what is seen (`says`), what it is taken for and is not (`is_not`), how sure it is
(`strength`, as in [evidence](paths.md)), on which rows it rests (`table`, `query`, `n`), how many probes
more would tell where these cannot (`more_probes`), and which scenario of the built-in internet shows the
same (`scenario`). Nothing is found here that another table does not hold: the rules choose, and word.

* A **problem** is something that somebody would feel.
* A **notice** explains what is seen, and is no problem.
* A **limit** is something that these probes cannot tell.
"""


def findings_page() -> str:
    """Make the page of all kinds of findings, from `trippy_nb.analysis.findings.catalogue`."""
    rows = [
        _row(
            _code(name),
            kind.weight,
            kind.meaning,
            kind.is_not or "",
            f"[{kind.scenario}](../data/scenarios/{kind.scenario}.toml)" if kind.scenario else "",
        )
        for name, kind in CATALOGUE.items()
    ]
    return "\n".join(
        [_NOTE, _FINDINGS, *_head("kind", "weight", "what", "what it is not", "scenario"), *rows, ""]
    )


PAGES = {"findings.md": findings_page, "options.md": options_page, "tables.md": tables_markdown}


def main() -> int:
    """Write the pages, or with `--check` name those that differ from what would be written."""
    texts = {_HERE / name: page() for name, page in PAGES.items()}
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"docs/{path.name} is out of date: make docs")
        return 1 if stale else 0
    for path in stale:
        path.write_text(texts[path])
        print(f"wrote docs/{path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
