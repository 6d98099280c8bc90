"""What stands in a notebook under an id, so that it can be brought up to date."""

import contextlib
import sys
from collections.abc import Mapping


def in_ipython() -> bool:
    """Whether IPython runs this program."""
    return _shell() is not None


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel, whose front end draws HTML."""
    return getattr(_shell(), "kernel", None) is not None


def _shell() -> object | None:
    """Return IPython's shell; IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def show(bundle: Mapping[str, object], display_id: str) -> None:
    """Show something in several forms, by mime type."""
    from IPython.display import display

    display(dict(bundle), raw=True, display_id=display_id)  # type: ignore[no-untyped-call]  # IPython has no types


def show_again(bundle: Mapping[str, object], display_id: str) -> None:
    """Put something else where that stands; where nobody looks any more nothing happens."""
    if not in_ipython():
        return
    from IPython.display import update_display

    with contextlib.suppress(Exception):  # a front end that is gone
        update_display(dict(bundle), raw=True, display_id=display_id)  # type: ignore[no-untyped-call]  # IPython has no types
