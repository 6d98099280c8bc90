"""Where in a TOML text each key stands: what `tomllib` knows and does not tell.

It reads no values, only the outline: headers, keys, and where a value ends that goes over several lines.
"""

import re

Place = tuple[str, int, str]
"""Table, number of its occurrence from 0 (`[[router]]`), key. An empty key is the header itself."""

_BARE = r"[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*'"
_HEADER = re.compile(rf"\s*(\[\[?)\s*((?:{_BARE})(?:\s*\.\s*(?:{_BARE}))*)\s*\]")
_KEY = re.compile(rf"\s*((?:{_BARE})(?:\s*\.\s*(?:{_BARE}))*)\s*=")
# What a value is made of, as far as finding its end goes; strings and comments may hide brackets.
_PIECE = re.compile(
    r'"""(?:\\.|[^\\])*?"""' + r"|'''.*?'''" + r'|"(?:\\.|[^"\\\n])*"' + r"|'[^'\n]*'|\#[^\n]*|[\[\]{}\n]",
    re.DOTALL,
)


def find_places(text: str) -> dict[Place, tuple[int, int]]:
    """Find the lines, first and last, counted from 1, of every header and key.

    Of a nested key (``a.b = 1``, ``[a.b]``) only the outer two names count. The text must be valid TOML.
    """
    found: dict[Place, tuple[int, int]] = {}
    seen: dict[str, int] = {}
    table, number, position = "", 0, 0
    while position < len(text):
        first = text.count("\n", 0, position) + 1
        if header := _HEADER.match(text, position):
            names = _split(header[2])
            table = names[0]
            if header[1] == "[[" and len(names) == 1:
                seen[table] = seen.get(table, -1) + 1
            number = seen.get(table, 0)
            first = text.count("\n", 0, header.start(2)) + 1
            found.setdefault((table, number, names[1] if len(names) > 1 else ""), (first, first))
            position = _end_of_line(text, header.end())
        elif key := _KEY.match(text, position):
            names = _split(key[1])
            first = text.count("\n", 0, key.start(1)) + 1
            position = _end_of_value(text, key.end())
            last = text.count("\n", 0, max(key.end(), position - 1)) + 1
            if not table and len(names) > 1:
                found.setdefault((names[0], 0, names[1]), (first, last))
            found.setdefault((table, number, names[0]), (first, last))
        else:
            position = _end_of_line(text, position)
    return found


def _split(dotted: str) -> list[str]:
    return [name.strip("\"'") for name in re.findall(_BARE, dotted)]


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1


def _end_of_value(text: str, position: int) -> int:
    depth = 0
    for piece in _PIECE.finditer(text, position):
        mark = piece[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif mark == "\n" and depth == 0:
            return piece.end()
    return len(text)
