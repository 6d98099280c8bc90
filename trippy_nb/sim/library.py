"""The scenarios that come with the package: `data/scenarios` of a checkout, or inside the wheel."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from trippy_nb.errors import ConfigError, ScenarioError
from trippy_nb.sim.network import SimNetwork
from trippy_nb.sim.reading import parse_scenario, read_scenario
from trippy_nb.sim.scenario import Scenario

_SUFFIX = ".toml"
_NAMED = 3  # more names than that are no help any more


def _folder() -> Traversable:
    wheel = files("trippy_nb") / "_data" / "scenarios"
    return wheel if wheel.is_dir() else Path(__file__).parents[2] / "data" / "scenarios"


@cache
def _packaged(name: str) -> Scenario:
    file = _folder() / f"{name}{_SUFFIX}"
    return parse_scenario(file.read_text(encoding="utf-8"), path=str(file))


def scenarios() -> tuple[str, ...]:
    """Name the scenarios that `load` knows, in alphabetical order; `describe` says what each is about."""
    folder = _folder()
    found = [item.name for item in folder.iterdir()] if folder.is_dir() else []
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))


@cache
def catalogue() -> Mapping[str, str]:
    """Say of every packaged scenario what it is about, by name; none is checked, as `load` would."""
    folder = _folder()
    texts = {name: (folder / f"{name}{_SUFFIX}").read_text(encoding="utf-8") for name in scenarios()}
    return {name: str(tomllib.loads(text)["scenario"]["description"]) for name, text in texts.items()}


def describe(name: str) -> str:
    """Say in a sentence or two what a scenario is about.

    Raises
    ------
    ScenarioError
        If there is no such scenario.
    """
    return find_scenario(name).description


def find_scenario(name_or_path: str | Path) -> Scenario:
    """Find a packaged scenario by its name, or read a file: a `Path`, or a text with a slash or ``.toml``.

    Raises
    ------
    ScenarioError
        If there is none of that name, or the file is wrong: its path, line and key.
    """
    if not isinstance(name_or_path, str | Path):
        raise ScenarioError(f"a scenario is a name or a path, not {name_or_path!r}")
    if isinstance(name_or_path, Path) or "/" in name_or_path or name_or_path.endswith(_SUFFIX):
        return read_scenario(name_or_path)
    known = scenarios()
    if name_or_path in known:
        return _packaged(name_or_path)
    close = [name for name in known if name.startswith(name_or_path)] if name_or_path else []
    close = close or difflib.get_close_matches(name_or_path, known, n=3)
    hint = f"did you mean {' or '.join(map(repr, close[:_NAMED]))}? " if close else ""
    where = f"tn.sim.scenarios() names all {len(known)}, and so does trippy-nb sim list"
    raise ScenarioError(f"no scenario {name_or_path!r}: {hint}{where}")


def load(name_or_path: str | Path, *, seed: int | None = None) -> SimNetwork:
    """Load a built-in internet, at virtual time 0.

    Parameters
    ----------
    name_or_path
        A name of `scenarios()`, or the path of a scenario file.
    seed
        Another seed than the scenario's own: the same network, other luck.

    Returns
    -------
    network
        Pass it as `network=` to a trace.

    Raises
    ------
    ScenarioError
        If there is none of that name, or the file is wrong: its path, line and key.
    ConfigError
        If the seed is not a whole number from 0.
    """
    scenario = find_scenario(name_or_path)
    if seed is None:
        return SimNetwork(scenario)
    if type(seed) is not int or seed < 0:
        raise ConfigError(f"seed is a whole number from 0, not {seed!r}")
    return SimNetwork(replace(scenario, seed=seed))
