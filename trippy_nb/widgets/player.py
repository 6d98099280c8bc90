"""The scenario player: a built-in internet to look at, change, break and trace; truth beside belief.

The browser asks by messages; nothing in them is trusted. What cannot be is one line in the status, what makes
no sense is counted in `refused`. Who made the widget says what a trace is.
"""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import traitlets

from trippy_nb.analysis import Belief
from trippy_nb.display import esm, stylesheet
from trippy_nb.errors import ConfigError, ScenarioError, StoppedError, TrippyError
from trippy_nb.model import NS_PER_S
from trippy_nb.sim import (
    Part,
    Scenario,
    SimNetwork,
    broken,
    catalogue,
    changed,
    load,
    parse_scenario,
    scenario_toml,
)
from trippy_nb.widgets.base import CardWidget
from trippy_nb.widgets.beside import belief_view, believed, ways_between
from trippy_nb.widgets.knobs import GAP, KNOBS, asked_knobs
from trippy_nb.widgets.netview import net_view, parts_of
from trippy_nb.widgets.playing import check_form, check_seconds, understood

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_log = logging.getLogger(__name__)

_MOST_TEXT = 200_000  # characters of a file
_UNDONE = 100


class Traced(Protocol):
    """What a trace gives."""

    @property
    def tables(self) -> "Tables":
        """Its tables."""


_Run = TypeVar("_Run", bound=Traced)
Trace = Callable[[SimNetwork, str, str, str, int], _Run]
"""Traces: network, target, how (of `HOW`), protocol, rounds."""


class Player(CardWidget, Generic[_Run]):
    """A network to play with.

    Parameters
    ----------
    network
        Where to begin; the player has its own and leaves it as it is.
    trace
        Traces a network.
    """

    _esm = esm("player")
    _css = stylesheet()

    knobs = traitlets.Dict().tag(sync=True)
    """What can be turned, by kind of part; constant."""
    scenario = traitlets.Unicode(read_only=True).tag(sync=True)
    """The network as the text of a scenario file."""
    view = traitlets.Dict(read_only=True).tag(sync=True)
    """The picture."""
    belief_shown = traitlets.Dict(read_only=True).tag(sync=True)
    """The last trace beside the truth; empty after a change."""
    asked = traitlets.Dict(read_only=True).tag(sync=True)
    """The form: `name`, `target`, `protocol`, `how`, `rounds`, `at`."""
    status = traitlets.Dict(read_only=True).tag(sync=True)
    """`busy`, `words`, `error`, and `undo`: how many changes can be taken back."""
    selected = traitlets.Unicode("scenario").tag(sync=True)
    """What is selected: a node's id, ``near → far``, ``tunnel 1``, or ``scenario``. Two-way."""

    def __init__(self, network: SimNetwork, *, trace: Trace[_Run]) -> None:
        self._trace = trace
        self._lock = Lock()
        self._past: list[Scenario] = []
        self._now = network.scenario
        self._run: _Run | None = None
        self._belief: Belief | None = None
        self._parts: dict[str, Part] = {}
        self.refused = 0
        kinds = KNOBS | {"ask": asked_knobs(catalogue()), "gap": GAP}
        super().__init__(knobs={kind: [knob.spelled() for knob in knobs] for kind, knobs in kinds.items()})
        at_s = network.clock.now_ns() / NS_PER_S
        first = network.scenario.targets[0].name
        form = {"target": first, "protocol": "udp", "how": "classic", "rounds": 10, "at": at_s}
        self._set(asked=form, status=_status())
        self._show()
        self.on_msg(self._heard)

    # --- in Python ---

    @property
    def network(self) -> SimNetwork:
        """The network as it is now, at the time that is shown; a new one each time, pass it to any trace."""
        return SimNetwork(self._now).at(self.asked["at"])

    @property
    def run(self) -> _Run:
        """The last run.

        Raises
        ------
        StoppedError
            If nothing was traced yet.
        """
        if self._run is None:
            raise StoppedError("nothing was traced yet: press Trace, or call trace()")
        return self._run

    @property
    def belief(self) -> Belief | None:
        """The last run beside the truth; None before one, after a change, and of too many ways to list."""
        return self._belief

    def pick(self, name: str) -> None:
        """Take another scenario: a name of ``tn.sim.scenarios()``, or the path of a file."""
        self._become(load(name).scenario)

    def change(self, part: Part = None, **values: object) -> None:
        """Change a part, as `SimNetwork.changed` does."""
        self._become(changed(self._now, part, values))

    def break_link(
        self,
        near: str,
        far: str,
        *,
        at: float = 0.0,
        until: float | None = None,
        reroute: float | None = None,
    ) -> None:
        """Take a link down, as `SimNetwork.broken` does.

        Parameters
        ----------
        near, far
            Ends of the link, nearer and farther from the source.
        at, until
            Virtual time (s) at which it goes down, and is mended; None is never.
        reroute
            Seconds until routing has found the ways round it; None is never.

        Raises
        ------
        ScenarioError
            If there is no such link, no such time, or no way round.
        """
        self._become(broken(self._now, near, far, at_s=at, until_s=until, reroute_s=reroute))

    def write(self, text: str) -> None:
        """Take the text of a scenario file.

        Raises
        ------
        ScenarioError
            If it is none: line and key.
        """
        if len(text) > _MOST_TEXT:
            raise ScenarioError(f"{len(text):,} characters are too many for a scenario")
        self._become(parse_scenario(text, path="the file"))

    def undo(self) -> None:
        """Take the last change back; without one nothing happens."""
        if self._past:
            self._now = self._past.pop()
            self._show()

    def look_at(self, at: float) -> None:
        """Show the network at a moment of virtual time, in seconds; traces begin then."""
        self._set(asked=self.asked | {"at": check_seconds(at)})
        self._show()

    def ask(
        self,
        *,
        target: str | None = None,
        protocol: str | None = None,
        how: str | None = None,
        rounds: int | None = None,
    ) -> None:
        """Fill in the form, of which `trace` takes what it is not told; None leaves a field as it is.

        Parameters
        ----------
        target
            Name of a target of the network.
        protocol, how, rounds
            As for `trace`.

        Raises
        ------
        ConfigError
            If something is not one of these; the form stays as it was.
        """
        form = self._filled(target=target, protocol=protocol, how=how, rounds=rounds)
        targets = self._targets()
        if form["target"] not in targets:
            raise ConfigError(f"target is one of {', '.join(targets)}, not {form['target']!r}")
        self._set(asked=form)
        self._show(keep=target is None)

    def trace(
        self,
        target: str | None = None,
        *,
        how: str | None = None,
        protocol: str | None = None,
        rounds: int | None = None,
    ) -> _Run:
        """Trace the network, and lay what comes out beside the truth.

        Parameters
        ----------
        target
            Name or address; by default that of the form, as all that follows.
        how
            ``classic`` (each UDP or TCP probe is a flow of its own), ``paris`` (each round is one), or
            ``discover`` (as many flows as it takes to find every path).
        protocol
            ``icmp``, ``udp`` or ``tcp``.
        rounds
            From 1 to 1,000; a discovery decides by itself.

        Raises
        ------
        ConfigError, ResolveError
            If something is not one of these.
        """
        form = self._filled(target=target, how=how, protocol=protocol, rounds=rounds)
        shown = form if form["target"] in self._targets() else form | {"target": self.asked["target"]}
        self._set(asked=shown, status=_status("tracing", busy=True, undo=len(self._past)))
        network = self.network
        try:
            self._run = self._trace(network, form["target"], form["how"], form["protocol"], form["rounds"])
            words = self._lay_beside(network, self._run.tables)
        finally:
            self._set(status=_status(undo=len(self._past)))
        self._show(keep=True)
        self._set(status=_status(words, undo=len(self._past)))
        return self._run

    # --- how it goes ---

    def _filled(self, **given: object) -> dict[str, Any]:
        form = self.asked | {name: value for name, value in given.items() if value is not None}
        check_form(form)
        return form

    def _lay_beside(self, network: SimNetwork, tables: "Tables") -> str:
        began_s, ended_s = self.asked["at"], network.clock.now_ns() / NS_PER_S
        words = f"{len(tables.probes):,} probes in {ended_s - began_s:.3g} s of virtual time"
        self._belief = None
        try:
            ways = ways_between(network, str(tables.runs["dst_addr"].iloc[0]), began_s, ended_s)
        except ConfigError:
            self._set(belief_shown={})
            return f"{words}; there are too many ways to lay beside it"
        self._belief = believed(tables, ways, network.scenario)
        self._set(belief_shown=belief_view(self._belief, tables, ways))
        return words

    def _become(self, scenario: Scenario) -> None:
        self._past = [*self._past[1 - _UNDONE :], self._now]
        self._now = scenario
        self._show()

    def _show(self, *, keep: bool = False) -> None:
        """Bring everything up to date that follows from the network."""
        form = dict(self.asked)
        if form["target"] not in self._targets():
            form["target"] = self._targets()[0]
        self._parts = parts_of(self._now)
        with self.hold_sync():
            if self.selected not in self._parts:
                self.selected = "scenario"
            if not keep:
                self._belief = None
                self._set(belief_shown={})
            self._set(
                asked=form | {"name": self._now.name},
                view=net_view(SimNetwork(self._now), form["target"], form["at"]),
                scenario=scenario_toml(self._now),
                status=_status(undo=len(self._past)),
            )

    def _targets(self) -> list[str]:
        return [target.name for target in self._now.targets]

    def _set(self, **state: object) -> None:
        for name, value in state.items():
            self.set_trait(name, value)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Mapping[str, Any]) -> str:
        name: str = proposal["value"]
        if name not in self._parts:
            raise traitlets.TraitError(f"there is no {name!r} here, only {', '.join(self._parts)}")
        return name

    # --- what the browser says ---

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the browser set: the selection, if there is such a part; the rest is not its business."""
        if set(sync_data) - {"selected"} or sync_data.get("selected") not in self._parts:
            self._refuse(sync_data)
            self.send_state([name for name in sync_data if self.has_trait(name)])
            return
        super().set_state(sync_data)

    def _heard(self, _widget: object, content: object, _buffers: object) -> None:
        if not self._lock.acquire(blocking=False):
            return  # a button that is pressed twice
        try:
            method, arguments = understood(content, self._parts)
            getattr(self, method)(**arguments)
        except TrippyError as error:
            self._set(status=_status(error=" ".join(str(error).split()), undo=len(self._past)))
        except (LookupError, TypeError, ValueError):
            self._refuse(content)
        finally:
            self._lock.release()

    def _refuse(self, content: object) -> None:
        self.refused += 1
        _log.debug("the browser said what is not understood: %r", content)

    # --- where no widget can be shown ---

    def _summary(self) -> str:
        return f"{self._now.name}, {len(self._now.routers)} routers"

    def _card_text(self) -> str:
        says = "" if self._belief is None else f"\n{self._belief.says}"
        return f"{self._now.name}: {self._now.description}{says}"

    def _card_html(self) -> str:
        return self.network._repr_html_()


def _status(words: str = "", *, busy: bool = False, error: str = "", undo: int = 0) -> dict[str, Any]:
    return {"words": words, "busy": busy, "error": error, "undo": undo}
