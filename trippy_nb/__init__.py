"""trippy_nb: a trace is data.

The front door: lazy public names and nothing else (PEP 562), so that importing costs nothing.
Rooms inside never import from here.
"""

from importlib import import_module

__version__ = "0.1.0"

_DOOR: dict[str, str] = {
    "Comparison": "run",
    "Run": "run",
    "RunSet": "run",
    "compare": "api",
    "handles": "api",
    "read": "api",
    "sim": "sim",
    "trace": "api",
    "trace_async": "api",
}
"""Public name -> room. A name that is a room itself (`sim`) is the room."""

__all__ = sorted([*_DOOR, "__version__"])


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
