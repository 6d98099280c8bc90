"""trippy_nb: a trace is data.

The front door: lazy public names and nothing else (PEP 562), so that importing costs nothing.
Rooms inside never import from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trippy_nb import plots as plots
    from trippy_nb import sim as sim
    from trippy_nb import testing as testing
    from trippy_nb.analysis import matchers as matchers
    from trippy_nb.api import compare as compare
    from trippy_nb.api import compare_many as compare_many
    from trippy_nb.api import discover as discover
    from trippy_nb.api import doctor as doctor
    from trippy_nb.api import handles as handles
    from trippy_nb.api import lens as lens
    from trippy_nb.api import live as live
    from trippy_nb.api import play as play
    from trippy_nb.api import pmtu as pmtu
    from trippy_nb.api import read as read
    from trippy_nb.api import rounds as rounds
    from trippy_nb.api import sessions as sessions
    from trippy_nb.api import settings as settings
    from trippy_nb.api import stop_all as stop_all
    from trippy_nb.api import trace as trace
    from trippy_nb.api import trace_async as trace_async
    from trippy_nb.magic import load_ipython_extension as load_ipython_extension
    from trippy_nb.magic import unload_ipython_extension as unload_ipython_extension
    from trippy_nb.run import Comparison as Comparison
    from trippy_nb.run import Run as Run
    from trippy_nb.run import RunSet as RunSet

__version__ = "0.1.0"

_DOOR: dict[str, str] = {
    "Comparison": "run",
    "Run": "run",
    "RunSet": "run",
    "compare": "api",
    "compare_many": "api",
    "discover": "api",
    "pmtu": "api",
    "doctor": "api",
    "handles": "api",
    "lens": "api",
    "live": "api",
    "load_ipython_extension": "magic",
    "matchers": "analysis",
    "play": "api",
    "plots": "plots",
    "read": "api",
    "rounds": "api",
    "sessions": "api",
    "settings": "api",
    "sim": "sim",
    "stop_all": "api",
    "testing": "testing",
    "trace": "api",
    "trace_async": "api",
    "unload_ipython_extension": "magic",
}
"""Public name -> room. A name that is a room itself (`plots`, `sim`) is the room.

The two that IPython calls for ``%load_ext trippy_nb`` are not in `__all__`: no person asks for them.
"""

__all__ = [
    "Comparison",
    "Run",
    "RunSet",
    "__version__",
    "compare",
    "compare_many",
    "discover",
    "doctor",
    "handles",
    "lens",
    "live",
    "matchers",
    "play",
    "plots",
    "pmtu",
    "read",
    "rounds",
    "sessions",
    "settings",
    "sim",
    "stop_all",
    "testing",
    "trace",
    "trace_async",
]


def __getattr__(name: str) -> object:
    room = _DOOR.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{room}", __name__)
    value = module if room == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
