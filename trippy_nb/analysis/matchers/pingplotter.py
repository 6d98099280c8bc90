"""PingPlotter's alert conditions (its manual, "Alert Conditions"), over the latest samples.

Its own windows count pings; ours count samples, of which each is a round (or a step of time).
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from trippy_nb.analysis.arrays import Bools, Floats, Ints
from trippy_nb.analysis.matchers.base import Judged, Matcher, share_text, window_sums
from trippy_nb.analysis.matchers.series import Samples
from trippy_nb.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyOver(Matcher):
    """At least `samples` of the latest `of` had an RTT above a limit, or no answer at all.

    "This would operate like a mean average of latency over 300ms while also firing with lost packets"
    (PingPlotter's manual); `lost_counts=False` leaves lost ones out.
    """

    rtt_ms: float
    samples: int
    of: int
    lost_counts: bool = True

    _unit: ClassVar[str] = "samples"

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        self._check("rtt_ms")
        self._check("of", low=1, whole=True)
        self._check("samples", low=1, high=self.of, whole=True)

    @property
    def says(self) -> str:
        """The condition, in words."""
        lost = " or lost" if self.lost_counts else ""
        return f"{self.samples} or more of the latest {self.of} samples over {self.rtt_ms:g} ms{lost}"

    def judge(self, samples: Samples) -> Judged:
        """Count those over the limit."""
        over = samples.rtt_ms > self.rtt_ms
        if self.lost_counts:
            over |= samples.known & np.isnan(samples.rtt_ms)
        count = window_sums(over.astype(np.int64), self.of)
        return Judged.of(count >= self.samples, count, known=samples.known)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOver(Matcher):
    """Of all probes of the latest `of` samples, this share or more was lost."""

    loss_ratio: float
    of: int

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        self._check("loss_ratio", high=1, above=True)
        self._check("of", low=1, whole=True)

    @property
    def says(self) -> str:
        """The condition, in words."""
        return f"loss of {share_text(self.loss_ratio)} or more over the latest {self.of} samples"

    def judge(self, samples: Samples) -> Judged:
        """Compare the loss of the window, once it is full."""
        value = _Window(samples, self.of).loss_ratio
        return Judged.of(value >= self.loss_ratio, value, known=~np.isnan(value) & samples.known)


@dataclass(frozen=True, slots=True, kw_only=True)
class JitterOver(Matcher):
    """The mean difference of successive RTTs, over the latest `of` samples, is above a limit."""

    jitter_ms: float
    of: int

    _unit: ClassVar[str] = "ms"

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        self._check("jitter_ms")
        self._check("of", low=2, whole=True)

    @property
    def says(self) -> str:
        """The condition, in words."""
        return f"jitter over {self.jitter_ms:g} ms in the latest {self.of} samples"

    def judge(self, samples: Samples) -> Judged:
        """Compare the jitter of the window, once it is full."""
        value = _Window(samples, self.of).jitter_ms
        return Judged.of(value > self.jitter_ms, value, known=~np.isnan(value) & samples.known)


@dataclass(frozen=True, slots=True, kw_only=True)
class MosBelow(Matcher):
    """The mean opinion score, estimated over the latest `of` samples as `mos` does, is below a limit."""

    score: float
    of: int

    _unit: ClassVar[str] = "MOS"

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        self._check("score", low=1, high=5)
        self._check("of", low=2, whole=True)

    @property
    def says(self) -> str:
        """The condition, in words."""
        return f"MOS below {self.score:g} over the latest {self.of} samples"

    @property
    def smallest_is_worst(self) -> bool:
        """The smaller the score, the worse."""
        return True

    def judge(self, samples: Samples) -> Judged:
        """Estimate the score of the window, once it is full; if all was lost, it is 1."""
        window = _Window(samples, self.of)
        value = mos(window.mean_ms, np.nan_to_num(window.jitter_ms), window.loss_ratio)
        value = np.where(window.loss_ratio == 1, 1.0, value)
        return Judged.of(value < self.score, value, known=~np.isnan(value) & samples.known)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChanged(Matcher):
    """A path changed: `alerts` is given the frame of changes."""

    _unit: ClassVar[str] = "changes"

    @property
    def says(self) -> str:
        """The condition, in words."""
        return "the route changed"

    def judge(self, samples: Samples) -> Judged:
        """Raise in the sample that showed it; the next one clears, or as many as `clear_after` says."""
        return Judged.of(samples.changed, samples.changed.astype(np.float64), known=samples.routed)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressInRoute(Matcher):
    """Somebody of this address, or of this network, answered on the way."""

    network: str
    """An address, or a network in CIDR notation."""

    _unit: ClassVar[str] = "responders"

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        try:
            ip_network(self.network)
        except (ValueError, TypeError) as exc:
            raise ConfigError(
                f"AddressInRoute: {self.network!r} is neither an address nor a network: {exc}"
            ) from exc

    @property
    def says(self) -> str:
        """The condition, in words."""
        return f"{self.network} answered on the way"

    def judge(self, samples: Samples) -> Judged:
        """Count responders in the network; a sample without any answer says nothing."""
        net = ip_network(self.network)
        inside = np.array([_is_inside(name, net) for name in samples.names] + [False])
        found = np.bincount(samples.seen_sample[inside[samples.seen_addr]], minlength=samples.count)
        return Judged.of(found > 0, found.astype(np.float64), known=samples.routed)


def mos(latency_ms: ArrayLike, jitter_ms: ArrayLike, loss_ratio: ArrayLike) -> Floats:
    """Estimate the mean opinion score of a call over such a line.

    Parameters
    ----------
    latency_ms
        Mean RTT.
    jitter_ms
        Mean absolute difference of successive RTTs.
    loss_ratio
        Share of the packets that is lost.

    Returns
    -------
    score
        From 1 (bad) to 4.4 (as good as it gets); NaN where something is.

    Notes
    -----
    PingPlotter's rough estimate ("How is MOS calculated in PingPlotter Pro?"; of that article the formula was
    read where public code quotes it, not in the article itself). The effective latency is latency +
    2 jitter + 10 ms; R = 93.2 - it / 40 below 160 ms, and 93.2 - (it - 120) / 10 from there on; less 2.5 for
    each percent of loss. MOS = 1 + 0.035 R + 7e-6 R (R - 60) (100 - R); it is 1 where R is below 0, or the
    cubic dips under 1. Both ways are taken together: an RTT cannot tell which of them is slow.
    """
    latency, jitter = np.asarray(latency_ms, np.float64), np.asarray(jitter_ms, np.float64)
    effective = latency + 2 * jitter + 10
    r = 93.2 - np.where(effective < 160, effective / 40, (effective - 120) / 10)  # noqa: PLR2004 - see Notes
    r = np.maximum(r - 250 * np.asarray(loss_ratio, np.float64), 0)
    score: Floats = np.maximum(1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r), 1)
    return score


class _Window:
    """Statistics of the latest samples, up to each; NaN while there are fewer than the window holds."""

    def __init__(self, samples: Samples, width: int) -> None:
        self._samples = samples
        self._width = width
        self._full = np.arange(samples.count) >= width - 1

    @property
    def loss_ratio(self) -> Floats:
        sent, lost = (window_sums(column, self._width) for column in (self._samples.sent, self._samples.lost))
        return self._quotient(lost, sent)

    @property
    def mean_ms(self) -> Floats:
        rtt = self._samples.rtt_ms
        n = window_sums((~np.isnan(rtt)).astype(np.int64), self._width)
        return self._quotient(window_sums(np.nan_to_num(rtt), self._width), n)

    @property
    def jitter_ms(self) -> Floats:
        """Mean absolute difference of successive known RTTs that are both in the window."""
        rtt = self._samples.rtt_ms
        known = np.flatnonzero(~np.isnan(rtt))
        steps = np.cumsum(np.abs(np.diff(rtt[known], prepend=rtt[known[:1]])))
        last: Ints = np.searchsorted(known, np.arange(len(rtt)), side="right") - 1
        first = np.searchsorted(known, np.arange(len(rtt)) - self._width + 1)
        several = last > first
        total = np.zeros(len(rtt))
        total[several] = steps[last[several]] - steps[first[several]]
        return self._quotient(total, (last - first).astype(np.float64), where=several)

    def _quotient(self, top: Floats, below: Floats, *, where: Bools | None = None) -> Floats:
        usable = self._full & (below > 0 if where is None else where)
        quotient: Floats = np.divide(top, below, out=np.full(len(top), np.nan), where=usable)
        return quotient


def _is_inside(text: str, net: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(text) in net
    except ValueError:
        return False  # an import may have names
