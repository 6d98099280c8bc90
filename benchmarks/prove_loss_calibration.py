"""Whether the chances of loss attribution are as often true as they say.

Run: python benchmarks/prove_loss_calibration.py [networks] [--picture docs/pictures/loss-calibration.png]

Networks are drawn, and in each the fate of every probe: limiters of the built-in internet decide what they
answer, links and ways back lose at random. Of each hop one probe without an answer is picked at random; its
cause is known. The chances that the analysis gives for it are sorted into bins, and compared with how often
they were true. "As assumed" draws as the priors say, limiters one by one; "otherwise" has three times as many
lossy links, of another distribution and in bursts, twice as many limiters and silent hops, five times as
many ways back: the world is not as we bet.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from prove_loss import HOST, Chance, any_limit

from trippy_nb.analysis.attribution import priors
from trippy_nb.analysis.attribution.chain import Spot, weigh
from trippy_nb.analysis.attribution.places import pattern_of
from trippy_nb.model import NS_PER_S
from trippy_nb.sim.limits import make_limiter

CAUSES = ("rate limit", "policy", "this link", "nearer link", "way back")
LIMIT, POLICY, LINK, BEFORE, RETURN = range(5)
BINS = np.array([0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0])


@dataclass(frozen=True)
class World:
    """How often what happens."""

    name: str
    lossy: float = priors.LOSSY_LINK
    limits: float = priors.LIMITS
    never: float = priors.NEVER_ANSWERS
    returns: float = priors.RETURN_BEGINS
    as_assumed: bool = True


WORLDS = (World("as assumed"), World("otherwise", 0.06, 0.3, 0.1, 0.005, as_assumed=False))


def weather(chance: Chance, ratio: float, n: int, world: World) -> np.ndarray:
    """The share that a link loses in each of n rounds: always the same, or 80 % in bursts of five rounds."""
    if world.as_assumed or not 0 < ratio < 0.5:
        return np.full(n, ratio)
    bad, ends = ratio / 0.8, 1 / 5
    begins = ends * bad / (1 - bad)
    now, share = bool(chance.random() < bad), np.zeros(n)
    for i in range(n):
        now = bool(chance.random() < (1 - ends if now else begins))
        share[i] = 0.8 * now
    return share


def link_ratio(chance: Chance, world: World) -> float:
    """The share that a link loses."""
    if chance.random() >= world.lossy:
        return 0.0
    if chance.random() < 0.05:
        return 1.0
    return float(chance.beta(0.6, 3)) if world.as_assumed else float(10 ** chance.uniform(-2.3, -0.5))


def own(chance: Chance, arrived: np.ndarray, world: World) -> np.ndarray:
    """Which probes get no answer though they arrived: -1 where they do, else the cause."""
    kind = chance.random()
    silent = np.full(len(arrived), -1)
    if kind < world.never:
        silent[:] = POLICY
    elif kind < world.never + world.limits:
        text, limit = any_limit(chance, 1.0)
        if limit is None:
            silent[chance.random(len(arrived)) > float(text.split("=")[1])] = LIMIT
        else:
            limiter = make_limiter(limit)
            for i in np.flatnonzero(arrived):
                if not limiter.allow(int(i) * NS_PER_S, HOST):
                    silent[i] = LIMIT
    return silent


def drawn(chance: Chance, world: World) -> tuple[list[list[Spot]], list[np.ndarray]]:
    """Draw a network: what is counted at each hop, and the cause of each silence."""
    hops, n = int(chance.integers(4, 16)), int(chance.choice([10, 30, 100, 300]))
    survival, back = np.ones(n), 0.0
    levels, causes = [], []
    for hop in range(hops):
        nearer = chance.random(n) >= survival
        share = weather(chance, link_ratio(chance, world), n, world)
        here = chance.random(n) < share
        survival *= 1 - share
        if back == 0 and chance.random() < world.returns:
            back = float(chance.random())
        elif back and chance.random() < priors.RETURN_ENDS:
            back = 0.0
        mine = own(chance, ~nearer & ~here, world)
        returning = chance.random(n) < (back if hop < hops - 1 else 0.0)
        cause = np.select([nearer, here, mine >= 0, returning], [BEFORE, LINK, mine, RETURN], -1)
        answered = cause < 0
        levels.append([Spot(n, int(answered.sum()), pattern_of(answered))])
        causes.append(cause)
    heard = [t for t, (spot,) in enumerate(levels) if spot.answered]
    # A path ends at the place after the farthest answer.
    end = min(heard[-1] + 2 if heard else 1, hops)
    return levels[:end], causes[:end]


def pairs(networks: int, world: World, seed: int) -> np.ndarray:
    """For each hop with a silence, and each cause: the chance given, whether it was true, and which it is."""
    chance = np.random.default_rng(seed)
    rows = []
    for _ in range(networks):
        levels, causes = drawn(chance, world)
        if all(spot.answered == spot.n for (spot,) in levels):
            continue
        for (spot,), cause in zip(weigh(levels).spots, causes, strict=True):
            silent = cause[cause >= 0]
            if len(silent):
                true = int(chance.choice(silent))
                rows += [(share, number == true, number) for number, share in enumerate(spot.shares)]
    return np.array(rows, float)


def binned(found: np.ndarray) -> list[tuple[float, float, int]]:
    """Mean chance, how often true, and how many, bin by bin."""
    number = np.clip(np.digitize(found[:, 0], BINS) - 1, 0, len(BINS) - 2)
    return [
        (float(part[:, 0].mean()), float(part[:, 1].mean()), len(part))
        for part in (found[number == i] for i in range(len(BINS) - 1))
        if len(part)
    ]


def draw(found: dict[str, np.ndarray], path: Path) -> None:
    """Draw chances against frequencies."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), dpi=110, layout="constrained")
    for place, (name, rows) in enumerate(found.items(), start=1):
        axes = figure.add_subplot(1, len(found), place)
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for number, cause in enumerate(CAUSES):
            bins = [one for one in binned(rows[rows[:, 2] == number]) if one[2] >= 10]
            if bins:
                given, true, count = zip(*bins, strict=True)
                axes.scatter(given, true, s=[8 + 20 * np.log10(n) for n in count], alpha=0.6, label=cause)
        given, true, _ = zip(*binned(rows), strict=True)
        axes.plot(given, true, color="black", marker=".", label="all")
        axes.set(title=f"World {name}", xlabel="chance that was given", ylabel="how often it was true")
        axes.legend(loc="upper left", fontsize="small")
    figure.savefig(path)


def main() -> int:
    """Print the bins, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="?", type=int, default=4000)
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    found = {world.name: pairs(asked.networks, world, seed=1) for world in WORLDS}
    for name, rows in found.items():
        brier = np.mean((rows[:, 0] - rows[:, 1]) ** 2)
        print(f"{name}: {len(rows) // len(CAUSES)} silences, Brier score {brier:.4f}")
        for given, true, count in binned(rows):
            print(f"   given {given:.3f}  true {true:.3f}  of {count}")
        sure = rows[rows[:, 0] >= 0.95]
        for number, cause in enumerate(CAUSES):
            part = sure[sure[:, 2] == number]
            if len(part):
                print(f"   at 0.95 or more, {cause}: true {part[:, 1].mean():.4f} of {len(part)}")
    if asked.picture:
        draw(found, asked.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
