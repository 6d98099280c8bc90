"""A widget in a page without Jupyter: the same ES module, and a stand-in of a few lines for its model.

`window.said` records what the view told its model, `window.tell(name, value)` plays Python.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anywidget import AnyWidget

if TYPE_CHECKING:
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
