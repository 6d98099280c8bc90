"""The way back: where answers came over more routers than the way there has, or over fewer."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

from trippy_nb.analysis.evidence.hops import hops_of
from trippy_nb.analysis.evidence.statement import FIRST, HINT, OneRun, Statement, any_of, between, hops_text

_NOTABLE = 2  # one router more or less may be one that does not lower the TTL of its own answers


def return_statements(run: OneRun) -> Iterator[Statement]:
    """Say where the way back is longer or shorter than the way there."""
    found: dict[tuple[int, int, tuple[str, ...], tuple[int, ...]], list[int]] = defaultdict(list)
    for flow, hops in hops_of(run).items():
        known = [hop for hop in hops if hop.back is not None and not hop.labels]
        odd = [(hop, (hop.back or 0) - hop.ttl) for hop in known]
        for longer, part in groupby(odd, lambda pair: (pair[1] >= _NOTABLE) - (pair[1] <= -_NOTABLE)):
            rows = list(part)
            if longer:
                addrs = tuple(dict.fromkeys(hop.addr for hop, _ in rows))
                steps = tuple(sorted({step for _, step in rows}))
                found[rows[0][0].ttl, rows[-1][0].ttl, addrs, steps].append(flow)
    for (ttl, last_ttl, addrs, steps), flows in found.items():
        low, high = min(map(abs, steps)), max(map(abs, steps))
        many = str(low) if low == high else f"{low} to {high}"
        word = "longer" if steps[0] > 0 else "shorter"
        yield Statement(
            kind="asymmetry",
            strength=HINT,
            says=f"Answers of {hops_text(ttl, last_ttl)} come back over a way {many} hops {word} than the "
            "way there, "
            "give or take one, if they started with a TTL of 32, 64, 128 or 255.",
            where=f"{FIRST} and {between(ttl, last_ttl)} and {any_of('addr', addrs)}",
            flows=tuple(flows),
            ttl=ttl,
            last_ttl=last_ttl,
            addrs=addrs,
        )
