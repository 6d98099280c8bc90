"""Searches for the largest packet that a path carries, by packets that must not be fragmented.

Small probes at every TTL find the hops, and how many probes are lost anyway. Large ones go to the target, or
as far as anybody answers. A router that says what would fit is believed if that size gets through and one
more byte does not; one that says nothing useful (0, as before RFC 1191; or nonsense) sends us to the next
plateau, or to a search. What nobody answers is searched too, several sizes at once: a black hole (RFC 2923
section 2.1) looks like that, and so does chance: how many small probes are lost tells how many large ones
must be. In the end probes one byte too large, at every TTL, show where they stop.
"""

import errno
from collections.abc import Iterable, Iterator
from math import ceil, log
from typing import Final, NamedTuple

from trippy_nb.model import SMALLEST_MTU, Plan, PmtuOptions, Reply, plateau_below
from trippy_nb.tracing.asking import Asker, Header

_AT_ONCE: Final = 7  # sizes that divide an interval into eight
_TTLS_AT_ONCE: Final = 12
_GAP_LIMIT: Final = 5  # as scamper's
_GAUGES: Final = 8  # small probes that show how many are lost anyway
_RARELY: Final = 1_000  # of one size, all lost by chance
_ALMOST_NEVER: Final = 10_000  # of the size that decides
_MOST_ATTEMPTS: Final = 12


class Question(NamedTuple):
    """A probe's TTL, and its size in bytes; those with a number are sent once, to be counted."""

    ttl: int
    size: int
    number: int = 0


class PmtuSearch(Asker[Question]):
    """A `Sender` that finds the path MTU.

    Parameters
    ----------
    plan
        The trace, decided; all probes are of its first flow.
    options
        How large a packet to try.
    """

    def __init__(self, plan: Plan, options: PmtuOptions) -> None:
        super().__init__(plan, most_probes=options.max_probes, probe_rate=options.probe_rate)
        config = plan.config
        self.options = options
        self._small = config.packet_size
        self._far = self._aim = config.max_ttl
        self._hops = _Hops(config.first_ttl, config.max_ttl, config.gap_limit or _GAP_LIMIT)
        self.sizes = Sizes(self._small, options.max_size, SMALLEST_MTU[plan.af])
        self._whole_way: bool | None = None  # whether small probes are answered from the far end
        self._open: set[Question] = set()
        self._answers: set[Question] = set()
        self._queue: list[Question] = [Question(self._far, self._small)]
        if options.max_size > self._small:
            self._queue.append(Question(self._far, options.max_size))
        self._open.update(self._queue)
        self._dirty = True  # something was learnt since questions were made
        self._gauged = 0  # TTL at which losses are counted
        self._located = False

    @property
    def _has_news(self) -> bool:
        return self._dirty or bool(self._queue)

    def _wanted(self, most: int) -> Iterable[Question]:
        if self._dirty:
            self._dirty = False
            asked = [question for question in self._next_questions() if question not in self._open]
            self._open.update(asked)
            self._queue += asked
        now, self._queue = self._queue[:most], self._queue[most:]
        return now

    def _header(self, place: Question) -> Header:
        return Header(0, place.ttl, 0 if place.size == self._small else place.size)

    def _answered(self, place: Question, reply: Reply, *, from_target: bool) -> None:
        self._settle(place)
        self._answers.add(place)
        if self._matcher.says_too_big(reply):
            self.sizes.refused(place.size, reply.mtu)
            return
        if place.ttl == self._far:
            self._whole_way = True
        if place.ttl >= self._aim:
            self.sizes.pass_(place.size)
        elif place.size == self._small:
            self._hops.answered(place.ttl, ends=from_target or self._matcher.refuses(reply))

    def _lost(self, place: Question, errno_: int) -> None:
        if errno_ == errno.EMSGSIZE:
            self._settle(place)
            self.sizes.stop(place.size)
        elif place.number:
            self._settle(place)
        elif self._tries[place] < self._enough(place):
            self._repeat[place] = None
            self._dirty = True
        else:
            self._settle(place)
            if (place.ttl, place.size) == (self._far, self._small):
                self._whole_way = self._whole_way or False
            if place.ttl == self._aim:
                self.sizes.stop(place.size)
            elif place.size == self._small:
                self._hops.lost(place.ttl)

    def _settle(self, place: Question) -> None:
        self._open.discard(place)
        self._dirty = True

    def _enough(self, place: Question) -> int:
        """Tell after how many lost probes in a row a size is called lost: more where small ones are, too."""
        if place.size == self._small:
            return self.options.attempts
        return max(self.options.attempts, min(self._until(_RARELY), _MOST_ATTEMPTS))

    def _until(self, rarely: int) -> int:
        """Tell how many probes are all lost by chance once in so many times."""
        small = [
            question
            for question in self._tries
            if question.ttl == self._aim and question.size <= self.sizes.low and question not in self._open
        ]
        tries = sum(self._tries[question] for question in small)
        lost = tries - sum(question in self._answers for question in small)
        return ceil(log(rarely) / -log((lost + 1) / (tries + 2)))

    @property
    def _is_losing(self) -> bool:
        """Whether a large probe was lost where small ones are answered."""
        return self.sizes.low > 0 and any(
            question.ttl == self._aim and question.size > self._small and tries > 1
            for question, tries in self._tries.items()
        )

    def _confirming(self) -> list[Question]:
        """Name what is still to be asked of the size that decides, if it is lost and nobody says so."""
        size = self.sizes.high
        if not self.sizes.is_silent(size):
            return []
        asked = [question for question in self._tries if question.ttl == self._aim and question.size == size]
        tries = sum(self._tries[question] for question in asked)
        missing = self._until(_ALMOST_NEVER) - tries
        return [Question(self._aim, size, tries + place) for place in range(missing)]

    def _next_questions(self) -> Iterator[Question]:
        yield from (Question(ttl, self._small) for ttl in self._hops.next_ttls())
        if self._gauged != self._aim and self._is_losing:
            self._gauged = self._aim
            yield from (Question(self._aim, self._small, number) for number in range(1, _GAUGES + 1))
        if any(question.ttl == self._aim for question in self._open):
            return
        if self._whole_way is False and self._aim == self._far:  # the target is silent
            if not self._hops.are_known:
                return
            self._aim = max(self._hops.heard, default=0)
            self.sizes.begin_again(heard=self._aim > 0)
        sizes = self.sizes.next_sizes()
        questions = [Question(self._aim, size) for size in sizes] or self._confirming()
        yield from questions
        if not questions and self._hops.are_known and not self._located:
            self._located = True
            if self.sizes.low and self.sizes.high <= self.options.max_size:
                heard = sorted(ttl for ttl in self._hops.heard if ttl != self._aim)
                yield from (Question(ttl, self.sizes.high) for ttl in heard)


class Sizes:
    """What is known of sizes: which got through, which did not, and which to try next."""

    def __init__(self, small: int, most: int, least_mtu: int) -> None:
        self._small, self._most, self._least_mtu = small, most, least_mtu
        self._passed: set[int] = set()
        self._silent: set[int] = set()
        self._refused: set[int] = set()
        self._hints: set[int] = set()

    @property
    def low(self) -> int:
        """Largest size that got as far as any did; 0 if none did."""
        return max(self._passed, default=0)

    @property
    def high(self) -> int:
        """Smallest size above it that did not."""
        low = self.low
        return min((size for size in self._silent | self._refused if size > low), default=self._most + 1)

    def pass_(self, size: int) -> None:
        """Note that a size got through."""
        self._passed.add(size)

    def stop(self, size: int) -> None:
        """Note that nobody answered, or that the system would not send it."""
        self._silent.add(size)

    def refused(self, size: int, mtu: int | None) -> None:
        """Note that a router refused it, and what it said would fit, if it said that."""
        self._refused.add(size)
        if mtu is None:
            self._hints.add(plateau_below(size))
        elif self._least_mtu <= mtu < size:
            self._hints.add(mtu)

    def is_silent(self, size: int) -> bool:
        """Whether a size was lost, and nobody said why."""
        return self.low > 0 and size in self._silent - self._refused

    def begin_again(self, *, heard: bool) -> None:
        """Forget what was silent: probes went farther than anybody answers from."""
        self._silent.clear()
        if heard:
            self._passed.add(self._small)

    def next_sizes(self) -> list[int]:
        """Name sizes to try at once; none if the answer is known, or nothing gets through at all."""
        low, high = self.low, self.high
        if not low or high - low <= 1:
            return []
        hints = [size for mtu in self._hints for size in (mtu, mtu + 1) if low < size < high]
        if hints:
            return sorted(set(hints))
        count = min(_AT_ONCE, high - low - 1)
        return sorted({low + (high - low) * (place + 1) // (count + 1) for place in range(count)})


class _Hops:
    """Which TTLs answer small probes, and where the path ends."""

    def __init__(self, first_ttl: int, far: int, gap_limit: int) -> None:
        self._first, self._far, self._gap_limit = first_ttl, far, gap_limit
        self._next = first_ttl
        self._end = far
        self.heard: set[int] = set()
        self._silent: set[int] = set()

    def answered(self, ttl: int, *, ends: bool) -> None:
        self.heard.add(ttl)
        if ends:
            self._end = min(self._end, ttl)
            self.heard = {heard for heard in self.heard if heard <= self._end}

    def lost(self, ttl: int) -> None:
        self._silent.add(ttl)

    @property
    def _settled(self) -> set[int]:
        return self.heard | self._silent

    @property
    def are_known(self) -> bool:
        """Nothing more is to be found out."""
        return self._is_gap or all(ttl in self._settled for ttl in range(self._first, self._end))

    @property
    def _is_gap(self) -> bool:
        """So many in a row are silent that nobody is expected behind them."""
        behind = max(self.heard, default=self._first - 1)
        return all(ttl in self._silent for ttl in range(behind + 1, behind + 1 + self._gap_limit))

    def next_ttls(self) -> list[int]:
        """Name TTLs to ask, each once."""
        if self._is_gap:
            return []
        waiting = sum(ttl not in self._settled for ttl in range(self._first, self._next))
        last = min(self._end, self._next + max(0, _TTLS_AT_ONCE - waiting))
        ttls = list(range(self._next, last))
        self._next = max(self._next, last)
        return ttls
