"""The ES modules and the style sheet that cards, widgets and reports share.

The modules are plain files without a bundler. A widget (and a report) takes one module, so :func:`esm`
puts a module behind those it imports: every `import {..} from "./x.js"` line goes, and so does `export` in
front of what it named. The price is one name space, which a test watches. Comments, indentation and spaces
round signs stay behind: they are for who reads the files.
"""

import re
from functools import cache
from importlib.resources import files

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z]+)\.js";\n', re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*\n|/\*\*(?:[^*]|\*(?!/))*\*/[ \t]*\n|\n)|^[ \t]+", re.MULTILINE)
_LITERAL = re.compile(r'("(?:[^"\\]|\\.)*"|`[^`]*`)')
_SPACED = re.compile(r" *([{}()\[\],;:<>=?&|!*%]) *")
_SUMS = re.compile(r" ([-+*/]) (?=[\w($\[]|$)")
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)


def asset(name: str) -> str:
    """Text of one file of the room's `assets` folder."""
    return files("trippy_nb.display").joinpath("assets", name).read_text(encoding="utf-8")


def _order(name: str, seen: list[str]) -> list[str]:
    for needed in _IMPORT.findall(asset(f"{name}.js")):
        _order(needed, seen)
    if name not in seen:
        seen.append(name)
    return seen


@cache
def esm(name: str) -> str:
    """Join the module `name` and all it imports to one module, whose default export is that of `name`."""
    return "".join(map(_travelling, _order(name, [])))


@cache
def _travelling(part: str) -> str:
    lines = _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub("", asset(f"{part}.js")))).splitlines(keepends=True)
    return "".join(map(_tight, lines))


def _tight(line: str) -> str:
    """Leave out spaces that say nothing, but for lines that hold more than a pattern can tell."""
    if line.count("`") > 2 or "(/" in line:  # noqa: PLR2004 - templates within templates; or a pattern
        return line
    parts = _LITERAL.split(line)  # code, text, code, ...
    return "".join(
        part if i % 2 else _SPACED.sub(r"\1", _SUMS.sub(r"\1", part)) for i, part in enumerate(parts)
    )


@cache
def stylesheet() -> str:
    """The CSS of all widgets; every rule is below the class `tnb`."""
    return asset("theme.css")
