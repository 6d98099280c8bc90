"""From looks at a recorder to rows for the browser, and whether the picture of the path is out of date."""

from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis import Sightings, few_in_view, rows_in_view, target_ends
from trippy_nb.frames import BEGINNING, Few, Mark, Recent
from trippy_nb.model import NS_PER_S, Status
from trippy_nb.widgets.feed import BLANK, NOBODY, ROW, Delta, Feed, Places, Row, Rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    import numpy.typing as npt


_NAN, _TIMEOUT, _NOT_SENT = float("nan"), int(Status.TIMEOUT), int(Status.NOT_SENT)
_FIRST = -2
"""Before the first of its path: nobody."""
Link = tuple[int, int, int]
"""TTL, who was seen before it, and who there."""


class Watch:
    """Follows one run.

    Parameters
    ----------
    look
        Looks at the probes from a mark on.
    """

    def __init__(self, look: "Callable[[Mark], Recent | Few]") -> None:
        self._look = look
        self._feed = Feed()
        self._next = BEGINNING
        self._before: Sightings | None = None
        self._links: AbstractSet[Link] = frozenset()
        self._ends: dict[int, int] = {}
        self.origin_ns: int | None = None
        """When the first probe was sent, ns since 1970: time 0 in the browser."""
        self.addresses: list[str] = []
        """Responders, as rows number them."""
        self.has_news = False
        """A responder, a link or a silent hop was seen that was not there at the last look at everything."""
        self.is_behind = False
        """A probe was answered whose fate was settled: only a look at everything shows it."""

    @property
    def span(self) -> tuple[float, float] | None:
        """Time of the first and of the last row, in seconds."""
        return self._feed.span

    def forget(self) -> None:
        """Make the next look at everything one that tells everything: a browser has come that has nothing."""
        self._feed.whole()

    def look(self, *, at_all: bool = False) -> Delta | None:
        """Look at what is new, or at all there is; None if the browser has it already."""
        at_all = at_all or self._before is None
        seen = self._look(BEGINNING if at_all else self._next)
        self._next, self.addresses = seen.next, seen.addresses
        few = None if isinstance(seen, Recent) else self._few(seen)
        if few is not None:
            return self._feed.few(few, keep=seen.keep)
        recent = seen.arrays()
        shown = rows_in_view(recent, None if at_all else self._before)
        if self.origin_ns is None and len(recent.sent_ns):
            self.origin_ns = int(recent.sent_ns.min())
        links = _links_of(recent, shown)
        if at_all:
            self._before, self._links = Sightings.of(recent), links
            self._ends = target_ends(self._before)
            self.has_news = self.is_behind = False
        else:
            self._noted(links, was_settled=recent.was_settled)
        return self._feed.delta(recent.key, self._rows(recent, shown), keep=recent.keep)

    def _noted(self, links: "AbstractSet[Link]", *, was_settled: bool) -> None:
        self.has_news |= not links <= self._links
        self.is_behind |= was_settled

    def _few(self, seen: Few) -> list[tuple[int, Row]] | None:
        """Make rows of few probes, one by one; None if that does not tell which of them are in view."""
        shown, origin_ns = few_in_view(seen.fates, self._ends), self.origin_ns
        if shown is None or origin_ns is None:
            return None
        numbers = _numbers(seen.addresses)
        rows: list[tuple[int, Row]] = []
        links: set[Link] = set()
        path, above, before = (-1, -1), 0, _FIRST
        for fate, is_shown in zip(seen.fates, shown, strict=True):
            if not is_shown:
                rows.append((fate.key, (_NAN, _NAN, fate.round, NOBODY, fate.flow, fate.ttl, _NOT_SENT)))
                continue
            who = NOBODY if fate.responder < 0 else numbers[seen.addresses[fate.responder]]
            at = (fate.sent_ns - origin_ns) / NS_PER_S
            rows.append((fate.key, (fate.rtt_ms, at, fate.round, who, fate.flow, fate.ttl, fate.status)))
            if fate.status <= _TIMEOUT:
                if path != fate[:2] or fate.ttl - above > 1:
                    before = _FIRST
                links.add((fate.ttl, before, fate.responder))
                path, above, before = fate[:2], fate.ttl, fate.responder
        self._noted(links, was_settled=seen.was_settled)
        return rows

    def _rows(self, recent: Recent, shown: "npt.NDArray[np.bool_]") -> Rows:
        rows = np.full(len(recent.key), BLANK, dtype=ROW)
        for name in ("round", "flow", "ttl"):
            rows[name] = getattr(recent, name)
        rows["status"] = np.where(shown, recent.status, Status.NOT_SENT)
        rows["addr"] = np.where(shown & (recent.responder >= 0), _one_each(recent), NOBODY)
        rows["rtt"] = np.where(shown, recent.rtt_ms, np.nan)
        rows["at"] = np.where(shown, (recent.sent_ns - (self.origin_ns or 0)) / NS_PER_S, np.nan)
        return rows


def _numbers(addresses: list[str]) -> dict[str, int]:
    """Number the responders so that an address has one number, whatever its zones."""
    return {addr: i for i, addr in reversed(list(enumerate(addresses)))}


def _one_each(recent: Recent) -> Places:
    """Give each probe the number of who answered it."""
    numbers = _numbers(recent.addresses)
    if len(numbers) == len(recent.addresses):
        return recent.responder
    table = np.array([numbers[addr] for addr in recent.addresses], dtype=np.int64)
    return table[recent.responder]


def _links_of(recent: Recent, shown: "npt.NDArray[np.bool_]") -> set[Link]:
    """Say who is seen at each TTL, and after whom: what the hop graph is drawn of."""
    known = np.flatnonzero(shown & (recent.status <= Status.TIMEOUT))
    if not len(known):
        return set()
    round_, flow, ttl, who = (getattr(recent, name)[known] for name in ("round", "flow", "ttl", "responder"))
    before = np.full(len(known), _FIRST)
    same = (round_[1:] == round_[:-1]) & (flow[1:] == flow[:-1]) & (ttl[1:] - ttl[:-1] <= 1)
    before[1:][same] = who[:-1][same]
    return set(zip(ttl.tolist(), before.tolist(), who.tolist(), strict=True))
