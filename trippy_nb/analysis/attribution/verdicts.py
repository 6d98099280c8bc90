"""From chances to verdicts: what is sure enough to be said, and how many more probes would make it so."""

from dataclasses import dataclass

from trippy_nb.analysis.attribution.lanes import Reading, Tally
from trippy_nb.frames.answers import LOSS_VERDICTS

SURE = 0.95
"""Chance from which something is said: alpha of 0.05 (design)."""

(
    NONE,
    RATE_LIMIT,
    LINK_LOSS,
    RETURN_LOSS,
    POLICY,
    UPSTREAM,
    LOCAL,
    CANNOT_TELL,
) = LOSS_VERDICTS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a link and the hop it leads to."""

    word: str
    confidence: float
    """Chance that it is true; of ``cannot tell``, the chance of what is likeliest. NaN where nothing was
    sent."""


def verdict_of(count: Tally, reading: Reading | None, *, is_tail: bool) -> Verdict:
    """Say what the silences are due to, if it is sure enough.

    Parameters
    ----------
    count
        Probes of this hop that came by this link.
    reading
        What they, and all others, say; None if none was answered or timed out.
    is_tail
        Nothing was ever heard from here, nor from beyond.

    Notes
    -----
    What loses packets goes before what merely does not answer, and what begins here before what began nearer.
    Of a silent end silence and outage have the same likelihood: no number of probes decides between them.
    """
    if reading is None or not count.unanswered:
        return Verdict(LOCAL, 1.0) if count.local else Verdict(NONE, 1.0 if count.n else float("nan"))
    causes = reading.causes
    chances = {
        LINK_LOSS: reading.link.chance,
        RETURN_LOSS: causes.returns,
        RATE_LIMIT: causes.limits,
        POLICY: causes.never,
        UPSTREAM: causes.before,
    }
    if is_tail:
        return Verdict(CANNOT_TELL, max(chances.values()))
    for word, chance in chances.items():
        if chance >= SURE and (word != UPSTREAM or causes.shares[3] >= SURE):
            return Verdict(word, min(chance, 1.0))
    return Verdict(CANNOT_TELL, max(chances.values()))
