"""Host names of responders, looked up behind the scenes: no trace ever waits for one.

One daemon thread looks names up while there are any to look up, and ends when there are none. The C
library's look-up cannot be cancelled, so at the end of the program a thread that hangs in one is left
behind; it holds nothing but the book.
"""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trippy_nb.model import seconds_to_ns
from trippy_nb.tracing.clock import Clock, MonotonicClock

_log = logging.getLogger(__name__)

TTL_S = 300.0  # trippy's default, dns-ttl
MAX_NAMES = 65_536


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str | None
    """None: the address has no name, or nobody would tell it."""
    expires_ns: int


class NameBook:
    """Names by address.

    Parameters
    ----------
    lookup
        Tells the name of an address, or None. May block; is called from one thread at a time. What it
        raises is logged and counts as no name.
    ttl_s
        Seconds after which an address that is wanted again is looked up again.
    dns
        False: nothing is ever looked up.
    max_names
        So many addresses are remembered; those learnt longest ago are forgotten first.
    clock
        For the age of entries.
    """

    def __init__(
        self,
        lookup: Callable[[str], str | None],
        *,
        ttl_s: float = TTL_S,
        dns: bool = True,
        max_names: int = MAX_NAMES,
        clock: Clock | None = None,
    ) -> None:
        self._lookup = lookup
        self._ttl_ns = seconds_to_ns(ttl_s)
        self._dns = dns
        self._max_names = max_names
        self._clock = MonotonicClock() if clock is None else clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._waiting: deque[str] = deque()
        self._open: set[str] = set()  # waiting, or being looked up
        self._changed = threading.Condition()
        self._working = False

    def peek(self, addr: str) -> str | None:
        """Return the name, if it is known by now (an old one, while it is looked up again). Never blocks."""
        entry = self._entries.get(addr)
        return None if entry is None else entry.name

    def want(self, addrs: Iterable[str]) -> None:
        """Ask for names; returns at once. Those known, or asked for already, cost nothing."""
        if not self._dns:
            return
        now_ns = self._clock.now_ns()
        with self._changed:
            for addr in addrs:
                entry = self._entries.get(addr)
                if addr not in self._open and (entry is None or entry.expires_ns <= now_ns):
                    self._open.add(addr)
                    self._waiting.append(addr)
            if self._waiting and not self._working:
                self._working = True
                threading.Thread(target=self._work, name="trippy_nb names", daemon=True).start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until everything wanted has been looked up; tell whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout_s)

    def __len__(self) -> int:
        """Count the addresses remembered, with a name or without."""
        return len(self._entries)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._working = False
                    return
                addr = self._waiting.popleft()
            name = self._ask(addr)
            with self._changed:
                self._remember(addr, name)
                self._open.discard(addr)
                self._changed.notify_all()

    def _ask(self, addr: str) -> str | None:
        try:
            return self._lookup(addr)
        except Exception:  # noqa: BLE001 - lookup is not ours, and a name is never worth a trace
            _log.debug("looking up the name of %s failed", addr, exc_info=True)
            return None

    def _remember(self, addr: str, name: str | None) -> None:
        self._entries.pop(addr, None)
        self._entries[addr] = _Entry(name, self._clock.now_ns() + self._ttl_ns)
        while len(self._entries) > self._max_names:
            self._entries.popitem(last=False)
