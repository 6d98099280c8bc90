"""Parts of runs: the probes that were sent in a window, or that have something in common, and all of theirs.

What is chosen is probes; replies and packets follow their probe, flows and runs follow what is left. Nothing
is numbered anew, so a key means the same in the part and in the whole.

A part has an identity of its own, made of that of the whole run and of what was chosen, in words: the same
choice is the same part. `runs.part_of` and `runs.selection` say both. A choice that leaves nothing out of a
run is that run.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from trippy_nb.errors import ConfigError
from trippy_nb.frames.columns import NO_TIME, moments, nanoseconds
from trippy_nb.frames.conditions import Condition, Numbers, Responders, Words, conditions
from trippy_nb.frames.keys import probe_rows
from trippy_nb.frames.notes import Note, notes_kept, run_starts
from trippy_nb.frames.tables import Tables
from trippy_nb.frames.when import Nanoseconds, When, instants, iso
from trippy_nb.model import Outcome, Status

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_NAMESPACE: Final = uuid.UUID("0f6a3f0e-5b0c-5d6e-9a55-0a2f5f3a1c77")  # ours; any constant would do
_LAST: Final = np.iinfo(np.int64).max
_ANSWERED: Final = (Status.REPLY.word, Status.LATE.word, Status.BEYOND_TARGET.word)
_REFUSAL: Final = {4: (3,), 6: (1,)}
"""Types of ICMP messages that say a target cannot be reached, by family: RFC 792, RFC 4443 section 3.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What is kept, and how it is told."""

    probes: Bools
    replies: Bools
    """Of the replies to no probe in the table; the others follow their probe."""
    packets: Bools
    words: list[str]
    """What was chosen, for each run."""
    keeps_note: Callable[[int, Note], bool]
    judges: bool
    """Whole paths are kept, so that what became of the path can be told of the part."""


def between(tables: Tables, start: When | None, end: When | None) -> Tables:
    """Keep what was sent from `start` on and before `end`.

    Parameters
    ----------
    tables
        Of any number of runs. Those of which nothing is left are left off.
    start, end
        As `frames.when.instants` reads them (seconds count from each run's own begin); None for no bound.

    Returns
    -------
    part
        Probes by their time of sending; one that was never sent goes with its round. A reply follows its
        probe, whenever it came; one to no probe of ours, and its packet, goes by its own time. Of `runs`:
        `started_at` and `ended_at` are those of the window, as far as the run was there; `rounds` counts
        what is left; `target_ttl` and `outcome` are those of the part. Counters of what cannot be told by
        time (`foreign`, `unmatched`, ...) and `handles` stay those of the whole.

    Raises
    ------
    ConfigError
        If a bound is no time, the window is empty, nothing was sent in it, or a run does not know when its
        probes were sent.
    """
    at, starts = _sent_ns(tables), run_starts(tables)
    low = np.full(len(starts), NO_TIME) if start is None else instants(start, starts)
    high = np.full(len(starts), _LAST) if end is None else instants(end, starts)
    if (low >= high).any():
        raise ConfigError(
            f"the window from {start!r} to {end!r} has no time in it: the end comes after the start"
        )
    run = _places(tables.runs, tables.probes)
    kept = (at >= low[run]) & (at < high[run])
    if not kept.any() and len(kept):
        raise ConfigError(
            f"nothing was sent from {start!r} to {end!r}: probes went from {iso(at.min())} to {iso(at.max())}"
        )

    def inside(frame: pd.DataFrame, column: str) -> Bools:
        when, place = nanoseconds(frame[column]), _places(tables.runs, frame)
        result: Bools = (when >= low[place]) & (when < high[place]) & (when != NO_TIME)
        return result

    def keeps_note(row: int, note: Note) -> bool:
        return "at" not in note or low[row] <= pd.Timestamp(note["at"]).value < high[row]

    bounds = [
        (None if start is None else a, None if end is None else b) for a, b in zip(low, high, strict=True)
    ]
    choice = _Choice(
        probes=kept,
        replies=inside(tables.replies, "received_at"),
        packets=inside(tables.packets, "at"),
        words=[f"from {iso(a)} to {iso(b)}" for a, b in bounds],
        keeps_note=keeps_note,
        judges=True,
    )
    return _windowed(tables, _part(tables, choice), low, high)


def where(
    tables: Tables,
    *,
    flow: Numbers | None = None,
    ttl: Numbers | None = None,
    responder: Responders | None = None,
    round: Numbers | None = None,  # noqa: A002 - the column is called round
    status: Words | None = None,
) -> Tables:
    """Keep the probes that fulfil all conditions.

    Parameters
    ----------
    tables
        Of any number of runs. Those of which nothing is left are left off.
    flow, ttl, round
        A number, several, a `range`, or a `slice` (both without their end).
    responder
        An address, a network (``"192.0.2.0/24"``), or several: who gave the first answer.
    status
        A word of `probes.status`, or several.

    Returns
    -------
    part
        As of `between`, but times stay those of the whole, unless rounds were chosen: then they are those of
        the first and the last probe. If only part of each path is left (by `ttl`, `responder`, `status`),
        `target_ttl` and `outcome` stay those of the whole; else they are those of the part.

    Raises
    ------
    ConfigError
        If a condition is not of its kind, or nothing is left: the message says what there is.

    Notes
    -----
    A choice by `responder` or `status` is one by what came back: shares of what was lost mean nothing then.
    """
    asked = conditions(flow=flow, ttl=ttl, responder=responder, round=round, status=status)
    partial = {"ttl", "responder", "status"} & {condition.column for condition in asked}
    of_ttl = [condition for condition in asked if condition.column == "ttl"]

    def keeps_note(_row: int, note: Note) -> bool:
        return "ttl" not in note or all(condition.has(note["ttl"]) for condition in of_ttl)

    choice = _Choice(
        probes=_fulfilling(tables.probes, asked),
        replies=np.zeros(len(tables.replies), dtype=np.bool_),
        packets=np.zeros(len(tables.packets), dtype=np.bool_),
        words=[_words(asked)] * len(tables.runs),
        keeps_note=keeps_note,
        judges=not partial,
    )
    part = _part(tables, choice)
    if round is not None and part is not tables:
        part = _timed_by_probes(part, tables)
    return part


def _fulfilling(probes: pd.DataFrame, asked: tuple[Condition, ...]) -> Bools:
    kept = np.ones(len(probes), dtype=np.bool_)
    for condition in asked:
        fits = condition.fits(probes)
        if not fits.any():
            raise ConfigError(condition.none_of(probes))
        kept &= fits
    if not kept.any() and len(kept):
        raise ConfigError(f"no probe fulfils all of {_words(asked)}, though each of them some")
    return kept


def _part(tables: Tables, choice: _Choice) -> Tables:
    if choice.probes.all():
        return tables
    run = _places(tables.runs, tables.probes)
    of_reply, of_packet = (probe_rows(frame, tables.probes) for frame in (tables.replies, tables.packets))
    replies = _following(of_reply, choice.probes, choice.replies)
    packets = _following(of_packet, choice.probes, choice.packets)
    count = len(tables.runs)
    cut = np.bincount(run[~choice.probes], minlength=count) > 0
    left = np.bincount(run[choice.probes], minlength=count) > 0
    stays = left[_places(tables.runs, tables.replies)] & (
        replies | ~cut[_places(tables.runs, tables.replies)]
    )
    probes = _rows(tables.probes, choice.probes)
    runs = _named(tables.runs, cut, choice)
    identity = dict(zip(tables.runs["run_uuid"], runs["run_uuid"], strict=True))
    there = set(runs["run_uuid"][left])
    handles = tables.handles.assign(
        run_uuid=tables.handles["run_uuid"].map(lambda name: identity.get(name, name))
    )
    kept_packets = left[_places(tables.runs, tables.packets)]
    kept_packets &= packets | ~cut[_places(tables.runs, tables.packets)]
    part = Tables(
        runs=_counted(_rows(runs, left), probes, cut[left]),
        probes=probes,
        replies=_rows(tables.replies, stays),
        flows=_rows(tables.flows, _has_probes(tables.flows, probes)),
        packets=_rows(tables.packets, kept_packets),
        handles=_rows(handles.astype({"run_uuid": "str"}), handles["run_uuid"].isin(there).to_numpy()),
    )
    return _judged(part, cut[left]) if choice.judges else part


def _following(row: Ints, kept: Bools, strays: Bools) -> Bools:
    result: Bools = np.where(row >= 0, np.append(kept, False)[row], strays)
    return result


def _named(runs: pd.DataFrame, cut: Bools, choice: _Choice) -> pd.DataFrame:
    """Give the runs that lost something a new identity, and say whose part they are."""
    runs = runs.reset_index(drop=True)
    rows = zip(runs["run_uuid"], runs["part_of"], runs["selection"], choice.words, cut, strict=True)
    told = [_identity(*row) for row in rows]
    texts = {
        name: pd.Series([row[place] for row in told], dtype="str")
        for place, name in enumerate(("run_uuid", "part_of", "selection"))
    }
    notes = notes_kept(runs, lambda row, note: not cut[row] or choice.keeps_note(row, note))
    return runs.assign(**texts, notes=notes)


def _identity(
    name: str,
    part_of: object,
    selection: object,
    words: str,
    cut: bool,  # noqa: FBT001 - a row of a frame
) -> tuple[str, str | None, str | None]:
    whole = part_of if isinstance(part_of, str) else None
    chosen = selection if isinstance(selection, str) else None
    if not cut:
        return name, whole, chosen
    whole, chosen = whole or name, f"{chosen}; {words}" if chosen else words
    return str(uuid.uuid5(_NAMESPACE, f"{whole} {chosen}")), whole, chosen


def _counted(runs: pd.DataFrame, probes: pd.DataFrame, cut: Bools) -> pd.DataFrame:
    found = probes.groupby("run_id")["round"].nunique().reindex(runs["run_id"]).to_numpy()
    rounds = runs["rounds"].mask(cut, pd.Series(found, dtype="UInt32"))
    return runs.assign(rounds=rounds)


def _judged(part: Tables, cut: Bools) -> Tables:
    """Say what became of the path in this part: where the target answered, or else who did."""
    runs = part.runs
    ids = runs["run_id"]
    shows = part.replies["from_target"].fillna(value=False).to_numpy(dtype=bool)
    shows &= part.replies["ttl"].notna().to_numpy()
    nearest = part.replies[shows].groupby("run_id")["ttl"].min().reindex(ids).reset_index(drop=True)
    answers = part.probes[part.probes["status"].isin(_ANSWERED) & part.probes["addr"].notna()]
    family = runs.set_index("run_id")["af"].reindex(answers["run_id"]).to_numpy(np.int64, na_value=0)
    kind = answers["icmp_type"].to_numpy(np.int64, na_value=-1)
    refused = np.zeros(len(answers), dtype=np.bool_)
    for af, kinds in _REFUSAL.items():
        refused |= (family == af) & np.isin(kind, kinds)
    n_answers = answers.groupby("run_id").size().reindex(ids, fill_value=0).to_numpy()
    refusers = set(answers["run_id"][refused])
    outcomes = list(runs["outcome"].astype(object))
    for row in np.flatnonzero(cut & runs["outcome"].notna().to_numpy()):
        if pd.notna(nearest[row]):
            outcomes[row] = Outcome.REACHED
        elif not n_answers[row]:
            outcomes[row] = Outcome.NOTHING
        elif outcomes[row] in (Outcome.REACHED, Outcome.NOTHING):
            outcomes[row] = Outcome.FILTERED if ids[row] in refusers else Outcome.DESTINATION_SILENT
    outcome = pd.Series(outcomes, dtype="str").astype(runs["outcome"].dtype)
    target_ttl = runs["target_ttl"].mask(cut, nearest.astype("UInt8"))
    return replace(part, runs=runs.assign(outcome=outcome, target_ttl=target_ttl))


def _windowed(whole: Tables, part: Tables, low: Nanoseconds, high: Nanoseconds) -> Tables:
    """Narrow the times of the runs to the window."""
    if part is whole:
        return part
    place = pd.Index(whole.runs["run_id"]).get_indexer(part.runs["run_id"])
    changed = part.runs["run_uuid"].to_numpy() != whole.runs["run_uuid"].to_numpy()[place]
    began, ended = nanoseconds(part.runs["started_at"]), nanoseconds(part.runs["ended_at"])
    began = np.where(changed & (began != NO_TIME), np.maximum(began, low[place]), began)
    # A run that goes on has no end yet; its part has one if something was sent after it.
    last = pd.Series(_sent_ns(whole)).groupby(whole.probes["run_id"].to_numpy()).max()
    over = (ended != NO_TIME) | (last.reindex(part.runs["run_id"]).to_numpy() >= high[place])
    ended = np.where(changed & over, np.minimum(np.where(ended == NO_TIME, _LAST, ended), high[place]), ended)
    return replace(part, runs=part.runs.assign(started_at=moments(began), ended_at=moments(ended)))


def _timed_by_probes(part: Tables, whole: Tables) -> Tables:
    place = pd.Index(whole.runs["run_id"]).get_indexer(part.runs["run_id"])
    changed = pd.Series(part.runs["run_uuid"].to_numpy() != whole.runs["run_uuid"].to_numpy()[place])
    sent = part.probes.groupby("run_id")["sent_at"]
    runs = part.runs
    for name, times in (("started_at", sent.min()), ("ended_at", sent.max())):
        found = times.reindex(runs["run_id"]).reset_index(drop=True)
        runs = runs.assign(**{name: runs[name].mask(changed & found.notna(), found)})
    return replace(part, runs=runs)


def _sent_ns(tables: Tables) -> Nanoseconds:
    """Return when each probe was sent; for one that was not, when its round was begun."""
    probes = tables.probes
    at = nanoseconds(probes["sent_at"])
    unsent = at == NO_TIME
    if unsent.any():
        begun = probes.groupby(["run_id", "round"])["sent_at"].transform("min")
        at = np.where(unsent, nanoseconds(begun), at)
    lost = np.flatnonzero(at == NO_TIME)
    if len(lost):
        run_id, round_ = probes["run_id"].iloc[lost[0]], probes["round"].iloc[lost[0]]
        raise ConfigError(
            f"nobody knows when the probes of round {round_} of run {run_id} were sent, so they cannot be "
            "chosen by time: choose rounds, where(round=...)"
        )
    return at


def _places(runs: pd.DataFrame, frame: pd.DataFrame) -> Ints:
    if len(runs) == 1:
        return np.zeros(len(frame), dtype=np.int64)
    places: Ints = pd.Index(runs["run_id"]).get_indexer(frame["run_id"]).astype(np.int64)
    return places


def _has_probes(flows: pd.DataFrame, probes: pd.DataFrame) -> Bools:
    seen = pd.MultiIndex.from_frame(probes[["run_id", "flow"]].drop_duplicates())
    result: Bools = pd.MultiIndex.from_frame(flows[["run_id", "flow"]]).isin(seen)
    return result


def _rows(frame: pd.DataFrame, kept: Any) -> pd.DataFrame:  # noqa: ANN401 - a mask of any kind
    return frame[np.asarray(kept, dtype=bool)].reset_index(drop=True)


def _words(asked: tuple[Condition, ...]) -> str:
    return ", ".join(condition.words for condition in asked)
