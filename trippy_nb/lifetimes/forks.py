"""The gate that a fork waits at, and what a forked child does with copies of our handles.

Descriptors are copied by fork. The gate is held from the making of a handle until it is registered,
and from its removal until it is closed, so that a child knows every copy it got. `subprocess` runs
no fork hooks and needs none: all our handles are close-on-exec.
"""

import os
import threading
from collections.abc import Callable

GATE = threading.RLock()
"""Also the ledger's lock: whoever changes what is open holds it."""

_in_child: list[Callable[[], None]] = []


def in_forked_child(hook: Callable[[], None]) -> None:
    """Have `hook` called in every forked child, in order of registration."""
    _in_child.append(hook)


def _after_in_child() -> None:
    try:
        for hook in _in_child:
            hook()
    finally:
        GATE.release()  # the forking thread took it, and it is the thread that lives on


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=GATE.acquire, after_in_parent=GATE.release, after_in_child=_after_in_child)
