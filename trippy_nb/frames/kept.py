"""What a recorder keeps beside its records: packets up to a limit, and clock samples thinned."""

from typing import Final

from trippy_nb.model import ClockSampled

PACKET_BYTES: Final = 16 * 1024 * 1024
"""Bytes of packets kept in a run, at most."""
STRAY_BYTES: Final = 1024 * 1024
"""Of these, bytes of packets that no probe of ours asked for, at most: a flood does not crowd out answers."""
STEADY_NS: Final = 1_000
"""Clock offsets that differ by less (beyond their reading errors) are one and the same."""


class KeptPackets:
    """Packets in the order of events, each after a reference to its record.

    Parameters
    ----------
    wanted
        Whether to keep any.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._room = PACKET_BYTES if wanted else -1
        self._stray_room = STRAY_BYTES if wanted else -1
        self._dropped = 0
        # One list, so that one operation changes it: another thread may copy it at any time.
        self._items: list[int | bytes] = []

    @property
    def dropped(self) -> int:
        """Packets that were wanted, but not kept."""
        return self._dropped

    def items(self) -> list[int | bytes]:
        """Copy: a reference, its packet, the next reference, ..."""
        return self._items.copy()

    def keep(self, reference: int, packet: bytes) -> None:
        """Keep a packet; the reference is 2 * key of its probe, or 2 * number of its reply + 1."""
        if len(packet) <= self._room:
            self._room -= len(packet)
            self._items += (reference, packet)
        elif self._wanted:
            self._room = -1  # full: a smaller one later on would hide the gap
            self._dropped += 1

    def keep_stray(self, reference: int, packet: bytes) -> None:
        """Keep a packet that came unasked: a duplicate, or one that answers no probe."""
        if len(packet) <= self._stray_room:
            self._stray_room -= len(packet)
            self.keep(reference, packet)
        else:
            self._stray_room = -1
            self.drop()

    def drop(self) -> None:
        """Count a packet whose row is not kept either."""
        self._dropped += self._wanted

    def let_go(self, first_key: int, first_reply: int) -> None:
        """Drop the oldest, as far as their records are gone."""
        gone = freed = 0
        for reference, packet in zip(self._items[::2], self._items[1::2], strict=True):
            assert isinstance(reference, int)
            assert isinstance(packet, bytes)
            if reference >> 1 >= (first_reply if reference & 1 else first_key):
                break
            gone += 1
            freed += len(packet)
        del self._items[: 2 * gone]
        self._dropped += gone
        if gone:
            self._room = max(self._room, 0) + freed


class KeptSamples:
    """Clock samples: the first and the last of each stretch in which the offset stood still."""

    def __init__(self, first: ClockSampled) -> None:
        self._samples = [_triple(first)]

    def items(self) -> list[tuple[int, int, int]]:
        """Copy: (monotonic time, offset, error), all in ns."""
        return self._samples.copy()

    def keep(self, event: ClockSampled) -> None:
        """Take a sample."""
        sample, samples = _triple(event), self._samples
        if len(samples) > 1 and _is_same(samples[-2], samples[-1]) and _is_same(samples[-2], sample):
            samples[-1] = sample
        else:
            samples.append(sample)

    def let_go(self, before_ns: int) -> None:
        """Drop what no time from `before_ns` on needs: all but the last sample up to it."""
        old = sum(1 for mono_ns, _, _ in self._samples if mono_ns <= before_ns)
        del self._samples[: max(old - 1, 0)]


def _triple(event: ClockSampled) -> tuple[int, int, int]:
    return event.mono_ns, event.offset_ns, event.error_ns


def _is_same(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return abs(one[1] - other[1]) <= STEADY_NS + one[2] + other[2]
