"""A widget in a page without Jupyter: the same ES module, and a stand-in of a few lines for its model.

`window.said` records what the view told its model, `window.tell(name, value)` plays Python.
"""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anywidget import AnyWidget

from tests.browser.chromium import blameless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from trippy_nb.widgets.base import CardWidget

_SHIM = (Path(__file__).parent / "bare.js").read_text(encoding="utf-8")


def _spell(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(type(value).__name__)


def bare_page(widget: CardWidget) -> str:
    """Write a page that shows the widget."""
    inherited = {*AnyWidget.class_trait_names(), "_esm", "_css", "_anywidget_id"}
    state = {
        trait: getattr(widget, trait) for trait in widget.trait_names(sync=True) if trait not in inherited
    }
    text = json.dumps(state, default=_spell, allow_nan=False).replace("<", "\\u003c")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>bare</title>"
        f"<style>:root{{color-scheme:light dark}}body{{margin:12px}}{widget._css}</style><div id=here></div>"
        f"<script type=application/json id=state>{text}</script>"
        f"<script type=text/plain id=module>{widget._esm}</script>"
        f"<script type=module>{_SHIM}</script></html>"
    )


@contextmanager
def shown(browser: Browser, page: Path, *, until: str = "true", **view: Any) -> Iterator[Page]:
    """Show a written page, and afterwards demand that it asked nobody for anything and logged no error.

    Parameters
    ----------
    until
        What is true of the document once it is drawn.
    view
        As of `blameless`.
    """
    with blameless(browser, **view) as here:
        here.page.goto(page.as_uri())
        here.page.wait_for_function("window.ready")
        here.page.wait_for_function(until)
        yield here.page


def said(page: Page) -> list[Any]:
    """Take what the view told its model since the last time."""
    told: list[Any] = page.evaluate("window.said.splice(0)")
    return told


def sent(page: Page) -> list[Any]:
    """Take the messages that the view sent."""
    messages: list[Any] = page.evaluate("window.sent.splice(0)")
    return messages
