"""Rate limiters: against Linux's C written again in jiffies, and through whole networks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sim.world import MS, ask, plan_for, probe_at, small
from trippy_nb.model import NS_PER_S
from trippy_nb.sim.limits import make_limiter
from trippy_nb.sim.nodes import BucketLimit, LinuxLimit, WindowLimit

HOST, OTHER = b"\xc0\0\2\x0a", b"\xc0\0\2\x0b"
moments = st.lists(st.integers(0, 40), min_size=1, max_size=120).map(
    lambda gaps: [sum(gaps[: place + 1]) for place in range(len(gaps))]
)  # in jiffies of 10 ms


class Kernel:
    """icmp_global_allow and inet_peer_xrlim_allow of Linux 6.1, HZ = 100, without the random part."""

    HZ = 100

    def __init__(self, ratelimit: int, per_sec: int, burst: int, factor: int = 6) -> None:
        self.timeout, self.per_sec, self.burst, self.factor = ratelimit, per_sec, burst, factor
        self.credit, self.stamp = burst, -self.HZ
        self.peers: dict[bytes, list[int]] = {}

    def allow(self, now: int, host: bytes) -> bool:
        return self._global(now) and self._peer(now, host)

    def _global(self, now: int) -> bool:
        delta = min(now - self.stamp, self.HZ)
        if not self.credit and delta < self.HZ // 50:
            return False
        incr = 0
        if delta >= self.HZ // 50:
            incr = self.per_sec * delta // self.HZ
            if incr:
                self.stamp = now
        credit = min(self.credit + incr, self.burst)
        self.credit = credit - 1 if credit else 0
        return credit > 0

    def _peer(self, now: int, host: bytes) -> bool:
        peer = self.peers.setdefault(host, [0, now - 60 * self.HZ])
        token = min(peer[0] + now - peer[1], self.factor * self.timeout)
        peer[1] = now
        allowed = token >= self.timeout
        peer[0] = token - self.timeout if allowed else token
        return allowed


@given(moments, st.sampled_from([1, 10, 100]), st.sampled_from([5, 100]), st.sampled_from([1, 3, 50]))
def test_linuxs_limiter_is_linuxs(at, ratelimit, per_sec, burst):
    ours = make_limiter(LinuxLimit(interval_ns=ratelimit * 10 * MS, msgs_per_sec=per_sec, msgs_burst=burst))
    kernel = Kernel(ratelimit, per_sec, burst)
    for place, jiffies in enumerate(at):
        host = HOST if place % 3 else OTHER
        assert ours.allow(jiffies * 10 * MS, host) == kernel.allow(jiffies, host), jiffies


@given(moments, st.sampled_from([0.5, 10, 1000]), st.integers(1, 5))
def test_a_bucket_never_lets_more_pass_than_it_gained(at, rate, burst):
    limiter = make_limiter(BucketLimit(rate=rate, burst=burst))
    passed = [jiffies for jiffies in at if limiter.allow(jiffies * 10 * MS, HOST)]
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            gained = burst + (passed[last] - passed[first]) / 100 * rate
            assert last - first + 1 <= gained + 1e-6


def test_a_bucket_lets_everything_pass_that_comes_at_its_rate():
    limiter = make_limiter(BucketLimit(rate=3, burst=1))
    assert all(limiter.allow(number * NS_PER_S // 3 + 1, HOST) for number in range(3000))


def test_a_bucket_for_each_source_knows_them_apart_and_a_global_one_does_not():
    for passes in (True, False):
        limiter = make_limiter(BucketLimit(rate=1, burst=1, scope="source" if passes else "global"))
        assert limiter.allow(0, HOST)
        assert not limiter.allow(0, HOST)
        assert limiter.allow(0, OTHER) is passes


def test_a_window_counts_anew_at_its_beginning():
    limiter = make_limiter(WindowLimit(count=2, every_ns=100 * MS))
    passed = [ms for ms in range(0, 300, 10) if limiter.allow(ms * MS, HOST)]
    assert passed == [0, 10, 100, 110, 200, 210]


def limited(limit: str, *changes: tuple[str, str]):
    return small(('id = "r1"', f'id = "r1"\nlimit = {limit}'), *changes)


def test_a_limiter_is_silent_about_what_it_refuses_and_forwards_all_the_same():
    net = limited('{ kind = "bucket", rate = 1, burst = 3 }')
    plan = plan_for(net)
    replies = ask(net, plan, [probe_at(plan, key, 1 + key % 2) for key in range(20)])
    assert sorted(key for key in replies if key % 2 == 0) == [0, 2, 4]
    assert sorted(key for key in replies if key % 2) == list(range(1, 20, 2))


def test_answers_are_counted_in_the_order_in_which_packets_arrive():
    # The first probe is delayed on the link, so the second is there first and gets the only token.
    jitter = ('delay = "2ms"', 'delay = { kind = "uniform", min = "0ms", max = "50ms" }')
    net = limited('{ kind = "bucket", rate = 0.001, burst = 1 }', jitter)
    plan = plan_for(net)
    free = small(jitter)
    probes = [probe_at(plan, key, 1) for key in range(12)]
    there_ns = {}
    for probe in probes:
        packet = free.open(plan).send([probe])[0].packet or b""
        (_, outcome) = free._forwarder._find(packet, 0, bits := free._dice.packet(packet, 0)) or (None, None)
        assert outcome is not None
        there_ns[probe.key] = outcome.out.arrivals(bits, 0)[0][0]
    earliest = min(there_ns, key=lambda key: there_ns[key])
    assert earliest != 0
    assert list(ask(net, plan, probes)) == [earliest]


def test_a_fresh_network_has_full_buckets():
    net = limited('{ kind = "bucket", rate = 0.001, burst = 2 }')
    plan = plan_for(net)
    probes = [probe_at(plan, key, 1) for key in range(5)]
    for _ in range(2):
        assert sorted(ask(net.fresh(), plan, probes)) == [0, 1]
    assert sorted(ask(net, plan, probes)) == [0, 1]
    assert not ask(net, plan, probes)


@pytest.mark.parametrize("protocol", ["udp", "tcp", "icmp"])
def test_refusals_are_limited_like_other_errors(protocol):
    net = small(
        (
            'id = "r1"',
            'id = "r1"\nfilter = "prohibited"\nlimit = { kind = "window", count = 1, every = "60s" }',
        )
    )
    plan = plan_for(net, protocol=protocol)
    assert sorted(ask(net, plan, [probe_at(plan, key, 3) for key in range(4)])) == [0]
