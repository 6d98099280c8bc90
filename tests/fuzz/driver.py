"""A driver without atheris: mutates the corpus at random, repeatably, unguided. Any Python runs it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")
_INTERESTING = (0, 1, 2, 4, 5, 8, 11, 20, 40, 64, 127, 128, 129, 254, 255)


def corpus() -> list[bytes]:
    return [path.read_bytes() for path in sorted(CORPUS.iterdir())]


def mutated(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """One input: a seed with a few bytes changed, cut, doubled, or the tail of another."""
    octets = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((0, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(octets) + 1)
        match rng.randrange(6):
            case 0 if at < len(octets):
                octets[at] = rng.randrange(256)
            case 1 if at < len(octets):
                octets[at] = rng.choice(_INTERESTING)
            case 2 if at < len(octets):
                octets[at] ^= 1 << rng.randrange(8)
            case 3:
                del octets[at:]
            case 4:
                octets[at:at] = rng.randbytes(rng.choice((1, 2, 4, 20, 200)))
            case _:
                octets[at:] = rng.choice(seeds)[at:]
    return bytes(octets)


def inputs(count: int, seed: int) -> Iterator[bytes]:
    """Yield so many inputs; the same seed gives the same ones."""
    seeds, rng = corpus(), random.Random(seed)
    for _ in range(count):
        yield mutated(seeds, rng)
