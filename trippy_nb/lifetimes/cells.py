"""Which notebook cell is running, so that what it opened ends when it is run again.

IPython is asked only where it is loaded already, and never imported. A cell is known by the id its
front end sends (JupyterLab, Notebook and VS Code do; a console does not). The id is kept in a context
variable: tasks and `asyncio.to_thread` inherit it and keep it after the cell is over; a thread that the
user starts does not, so its sessions belong to no cell.
"""

import logging
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

_log = logging.getLogger(__name__)

_UNKNOWN = ""
_cell: ContextVar[str | None] = ContextVar("trippy_nb_cell")
_running = {"cell": False}
_run_again: list[Callable[[str], None]] = []
_owed: set[str] = set()
"""Cells that were interrupted while their earlier run was being ended."""


def when_run_again(hook: Callable[[str], None]) -> None:
    """Have `hook` called with the id of every cell that is about to run; twice, if Ctrl-C falls into it."""
    _run_again.append(hook)


def current_cell() -> str | None:
    """Return the id of the cell on whose behalf this code runs, if there is one that is known.

    The first call in a notebook begins to watch its cells.

    Raises
    ------
    KeyboardInterrupt
        If the cell was interrupted before it could begin, while what it had opened was being closed.
    """
    shell = _shell()
    if shell is None:
        return None
    shell.events.register("pre_run_cell", _before)  # a second time does nothing
    shell.events.register("post_run_cell", _after)
    on_main_thread = threading.current_thread() is threading.main_thread()
    cell = _cell.get(_UNKNOWN)
    if cell == _UNKNOWN:  # nobody was watching when this cell began, or this is a thread of the user's
        if not on_main_thread:
            return None
        cell = _requested_cell(shell)
        _cell.set(cell)
        _running["cell"] = cell is not None
    if cell in _owed and on_main_thread:
        _owed.discard(cell)
        raise KeyboardInterrupt
    return cell


def is_cell_running() -> bool:
    """Tell whether a cell runs now, and so keeps the kernel from reading messages, as far as is known."""
    return _running["cell"]


def _shell() -> Any:  # noqa: ANN401 - IPython is not imported, so its types are not known
    ipython = sys.modules.get("IPython")
    get = getattr(ipython, "get_ipython", None)  # None as well while IPython is being imported
    return None if get is None else get()


def _requested_cell(shell: Any) -> str | None:  # noqa: ANN401 - IPython's shell
    """Ask the kernel, as ipykernel itself finds the id: ``metadata.cellId`` of the request."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return None
    try:
        cell = kernel.get_parent().get("metadata", {}).get("cellId")
    except Exception:  # noqa: BLE001 - a foreign kernel may do anything; without an id nothing is lost
        _log.debug("the kernel does not say which cell this is", exc_info=True)
        return None
    return cell if isinstance(cell, str) else None


def _before(info: Any) -> None:  # noqa: ANN401 - IPython's ExecutionInfo
    cell = getattr(info, "cell_id", None)
    if cell is None:  # also what a cell runs by shell.run_cell(): still the outer cell
        return
    try:
        _begin(cell)
    except KeyboardInterrupt:  # IPython would print it and run the cell all the same
        _begin(cell)
        _owed.add(cell)


def _begin(cell: str) -> None:
    _cell.set(cell)
    _running["cell"] = True
    for hook in _run_again:
        hook(cell)


def _after(result: Any) -> None:  # noqa: ANN401 - IPython's ExecutionResult
    if getattr(getattr(result, "info", None), "cell_id", None) is not None:
        _owed.clear()
        _running["cell"] = False
        _cell.set(None)  # what the kernel does next, such as a widget's callback, is no cell's
