"""The front door is light, complete, and never mistaken for a room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import trippy_nb

_HEAVY = "pandas numpy pyarrow matplotlib scapy networkx ipywidgets anywidget IPython click rich dns asyncio"
_ROOMS = {
    path.stem for path in Path(trippy_nb.__path__[0]).iterdir() if path.suffix == ".py" or path.is_dir()
}


def test_importing_the_package_loads_nothing_heavy():
    program = f"import sys, trippy_nb; print(sorted(set({_HEAVY.split()}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", trippy_nb.__all__)
def test_every_public_name_resolves(name):
    assert getattr(trippy_nb, name) is not None


@pytest.mark.parametrize("name", sorted(_ROOMS & set(trippy_nb.__all__)))
def test_a_public_name_that_is_also_a_room_is_the_room(name):
    # Importing trippy_nb.<room>.x sets the attribute to the room, whatever the door said before.
    assert isinstance(getattr(trippy_nb, name), ModuleType)


def test_public_names_are_sorted_and_listed():
    assert trippy_nb.__all__ == sorted(set(trippy_nb.__all__))
    assert set(trippy_nb.__all__) <= set(dir(trippy_nb))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tracert'"):
        _ = trippy_nb.tracert
