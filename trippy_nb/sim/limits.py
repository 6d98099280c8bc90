"""ICMP rate limiters: state of a router that sees its answers in the order of what they answer.

Linux's is two buckets (net/ipv4/icmp.c). `icmp_global_allow` refills at most every 20 ms (HZ / 50), with
`icmp_msgs_per_sec` for the time since, of which no more than a second counts, up to `icmp_msgs_burst`. What
it lets pass goes to `inet_peer_xrlim_allow`: a bucket for each host, which fills with time, up to six times
`icmp_ratelimit` (XRLIM_BURST_FACTOR), and of which an answer takes one. Two things of Linux are left out:
jiffies (time here is exact), and the random 0 to 2 that newer kernels take from the global credit to hide it.
"""

from typing import Protocol

from trippy_nb.model import NS_PER_S
from trippy_nb.sim.nodes import BucketLimit, Limit, LinuxLimit, WindowLimit

_LINUX_STEP_NS = NS_PER_S // 50
_ROUNDING = 1e-9  # of a token


class Limiter(Protocol):
    """Decides whether an answer may be written."""

    def allow(self, at_ns: int, to: bytes) -> bool:
        """Ask for one answer to a host; moments never go back.

        Parameters
        ----------
        at_ns
            Virtual time.
        to
            Packed address of the host.
        """


def make_limiter(limit: Limit) -> Limiter:
    """Make a limiter in its initial state: as if nothing had been asked of it for long."""
    match limit:
        case BucketLimit():
            return _Buckets(limit)
        case LinuxLimit():
            return _Linux(limit)
        case WindowLimit():
            return _Window(limit)


class _Bucket:
    """Holds up to `size` tokens and gains `per_ns` of them in a nanosecond."""

    __slots__ = ("per_ns", "since_ns", "size", "tokens")

    def __init__(self, size: float, per_ns: float) -> None:
        self.size = self.tokens = size
        self.per_ns = per_ns
        self.since_ns = 0

    def take(self, at_ns: int) -> bool:
        self.tokens = min(self.size, self.tokens + (at_ns - self.since_ns) * self.per_ns)
        self.since_ns = at_ns
        if self.tokens + 2 * self.per_ns + _ROUNDING < 1:  # moments are whole nanoseconds
            return False
        self.tokens -= 1
        return True


class _Buckets:
    def __init__(self, limit: BucketLimit) -> None:
        self._limit = limit
        self._by_host: dict[bytes, _Bucket] = {}

    def allow(self, at_ns: int, to: bytes) -> bool:
        key = to if self._limit.scope == "source" else b""
        bucket = self._by_host.get(key)
        if bucket is None:
            bucket = self._by_host[key] = _Bucket(self._limit.burst, self._limit.rate / NS_PER_S)
            bucket.since_ns = at_ns
        return bucket.take(at_ns)


class _Linux:
    def __init__(self, limit: LinuxLimit) -> None:
        self._limit = limit
        self._credit = float(limit.msgs_burst)
        self._since_ns: int | None = None
        self._by_host: dict[bytes, tuple[int, int]] = {}
        """Tokens, in nanoseconds of time saved up, and when they were counted."""

    def allow(self, at_ns: int, to: bytes) -> bool:
        return self._global(at_ns) and self._peer(at_ns, to)

    def _global(self, at_ns: int) -> bool:
        since_ns = at_ns - NS_PER_S if self._since_ns is None else self._since_ns
        passed_ns = min(at_ns - since_ns, NS_PER_S)
        if passed_ns >= _LINUX_STEP_NS:
            more = self._limit.msgs_per_sec * passed_ns // NS_PER_S
            if more:
                self._since_ns = at_ns
            self._credit = min(self._credit + more, self._limit.msgs_burst)
        if self._credit < 1:
            return False
        self._credit -= 1
        return True

    def _peer(self, at_ns: int, to: bytes) -> bool:
        interval_ns = self._limit.interval_ns
        full_ns = self._limit.peer_burst * interval_ns
        saved_ns, since_ns = self._by_host.get(to, (full_ns, at_ns))
        saved_ns = min(saved_ns + at_ns - since_ns, full_ns)
        allowed = saved_ns >= interval_ns
        self._by_host[to] = (saved_ns - interval_ns if allowed else saved_ns, at_ns)
        return allowed


class _Window:
    def __init__(self, limit: WindowLimit) -> None:
        self._limit = limit
        self._number = -1
        self._left = 0

    def allow(self, at_ns: int, to: bytes) -> bool:  # noqa: ARG002 - one signature for all limiters
        number = at_ns // self._limit.every_ns
        if number != self._number:
            self._number, self._left = number, self._limit.count
        if not self._left:
            return False
        self._left -= 1
        return True
