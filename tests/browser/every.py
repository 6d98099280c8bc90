"""One of every widget, for what must hold of all of them: `EVERY` names them, `write_pages` writes them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import trippy_nb as tn
from tests.analysis.handmade import TARGET, a, rounds, tables
from tests.analysis.test_holdings import EPOCH_NS
from tests.browser.bare import bare_page
from tests.display.made import NAMES, explored, made_tables
from tests.plots.test_handles import SEVEN
from trippy_nb.widgets import Explorer, HandlesView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from trippy_nb.widgets import CompareExplorer, LiveView, PacketLens, Player, RunsExplorer, SettingsPanel
    from trippy_nb.widgets.base import CardWidget


@contextmanager
def _explorer() -> Iterator[Explorer]:
    yield Explorer(explored(made_tables(), names=NAMES))


@contextmanager
def _compared() -> Iterator[CompareExplorer]:
    """Hop 2 takes turns, in other shares after; hop 3 is another one then."""
    one, two = (
        tables(rounds(*[[a(1), a(20 + "xy".index(who)), a(third), TARGET] for who in shares]))
        for shares, third in (("xy" * 20, 3), ("xyyyyy" * 6, 4))
    )
    widget = tn.compare(one, two).explore(asns={a(1): 64500, TARGET: 64511})
    widget.masked = [0]
    yield widget


@contextmanager
def _lens() -> Iterator[PacketLens]:
    network = tn.sim.load("case-15-nat-kept")
    yield tn.lens(tn.trace("target.example", network=network, rounds=1, protocol="udp"), ttl=4)


@contextmanager
def _live() -> Iterator[LiveView]:
    network = tn.sim.load("first-steps").paced(1000)
    with tn.live("target.example", network=network, rounds=3) as live:
        live.wait(30)
        yield live.widget


@contextmanager
def _runs() -> Iterator[RunsExplorer]:
    network = tn.sim.load("first-steps")
    runs = [tn.trace("target.example", network=network.at(when), rounds=3) for when in (0, 70)]
    yield tn.RunSet(runs).explore()


@contextmanager
def _player() -> Iterator[Player[tn.Run]]:
    player = tn.play("nested-diamonds")
    player.trace(rounds=2)
    yield player


@contextmanager
def _settings() -> Iterator[SettingsPanel]:
    yield tn.settings()


@contextmanager
def _handles() -> Iterator[HandlesView]:
    yield HandlesView(lambda: SEVEN, now_ns=lambda: EPOCH_NS + 2_500_000_000)


EVERY: dict[str, Callable[[], AbstractContextManager[CardWidget]]] = {
    "explorer": _explorer,
    "compare": _compared,
    "lens": _lens,
    "live": _live,
    "runs": _runs,
    "player": _player,
    "settings": _settings,
    "handles": _handles,
}


SELECTING = [name for name in EVERY if name not in ("player", "settings", "handles")]
"""Those with rows to select."""


def write_pages(folder: Path) -> dict[str, type[CardWidget]]:
    """Write a page of each, and tell of which kind they are."""
    kinds = {}
    for name, making in EVERY.items():
        with making() as widget:
            (folder / f"{name}.html").write_text(bare_page(widget), encoding="utf-8")
            kinds[name] = type(widget)
            widget.close()
    return kinds
