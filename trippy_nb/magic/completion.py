"""Completion of `%trace` in IPython: what click would complete in a shell, by the same options."""

import re
from typing import Any, Final

from click.shell_completion import CompletionItem, ShellComplete, split_arg_string
from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from trippy_nb.magic.command import TRACE

_LINE: Final = re.compile(r"\s*(?:[\w.,\[\]'\" ]+=\s*)?%%?trace\s(.*)")
_CELL: Final = re.compile(r"\s*%%trace(|\s.*)")


@context_matcher(identifier="trippy_nb.magic")  # type: ignore[untyped-decorator]  # IPython's are half typed
def match_trace(context: CompletionContext) -> dict[str, Any]:
    """Complete in a line of `%trace`, and below `%%trace`; elsewhere say nothing."""
    before = context.text_until_cursor
    fragment, items = _completions(context.full_text.splitlines(), context.cursor_line, before)
    if not items or not before.endswith(fragment):
        return {"completions": [], "suppress": False}
    return {
        "completions": [SimpleCompletion(text=item.value, type=item.type) for item in items],
        "matched_fragment": fragment,
        "suppress": True,
        "ordered": True,
    }


def _completions(lines: list[str], at: int, before: str) -> tuple[str, list[CompletionItem]]:
    """Find what could stand at the cursor, and how much of it is there already."""
    if at > 0 and (head := _CELL.fullmatch(next(filter(str.strip, lines), ""))) is not None:
        begun = before.strip()
        items = _ask(split_arg_string(head[1]), begun)
        return begun, [item for item in items if item.type == "target"]
    line = _LINE.fullmatch(before)
    if line is None:
        return "", []
    words = split_arg_string(line[1])
    begun = "" if before[-1:].isspace() or not words else words.pop()
    items = _ask(words, begun)
    return begun.partition("=")[2] if begun.startswith("-") and "=" in begun else begun, items


def _ask(words: list[str], begun: str) -> list[CompletionItem]:
    return ShellComplete(TRACE, {}, str(TRACE.name), "").get_completions(words, begun)
