"""Write the reference pages that are made from tables in the code; `--check` only compares.

`make docs` writes them, `make check` checks them. A page is a pure function of one table in the code.
"""

from __future__ import annotations

import sys
from pathlib import Path

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


PAGES = {"options.md": options_page, "tables.md": tables_markdown}


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
