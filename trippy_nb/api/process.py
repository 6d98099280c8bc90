"""What this process holds, runs, and may do."""

from typing import TYPE_CHECKING, Literal, overload

from trippy_nb.api.tracing import live_network
from trippy_nb.capture import try_out
from trippy_nb.lifetimes import STOP_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from trippy_nb.lifetimes import SessionRecord
    from trippy_nb.widgets import HandlesView


@overload
def handles(*, live: Literal[False] = False) -> "pd.DataFrame": ...
@overload
def handles(*, live: Literal[True]) -> "HandlesView": ...
def handles(*, live: bool = False) -> "pd.DataFrame | HandlesView":
    """List every socket this process holds or held, newest last: `frames.schema.HANDLES`.

    It shows itself as a card that says why something is open; all rows are in the frame.

    Parameters
    ----------
    live
        Return a widget instead that follows them, once a second, until it is closed.
    """
    if live:
        from trippy_nb.lifetimes import records
        from trippy_nb.widgets import HandlesView

        return HandlesView(records)
    from trippy_nb.display import CardFrame, handles_sheet
    from trippy_nb.frames import handles_frame
    from trippy_nb.lifetimes import records

    return CardFrame(handles_frame(records()), handles_sheet)


def sessions() -> "pd.DataFrame":
    """List every trace of this process that waits, runs or has ended: `frames.schema.SESSIONS`.

    Of those that have ended, the latest 1,000. It shows itself as a card.
    """
    from trippy_nb.lifetimes import session_records

    return _sessions_card(session_records())


def stop_all(timeout: float = STOP_TIMEOUT_S) -> "pd.DataFrame":
    """Stop every trace of this process, in whichever cell, task or thread it was begun.

    Each one ends as if it had been interrupted: whoever waits for it gets what was collected so far.

    Parameters
    ----------
    timeout
        Longest wait in seconds, for all together; a trace listens within 50 ms.

    Returns
    -------
    stopped
        The sessions that were stopped, as `sessions` lists them. One that did not listen in time is
        still ``stopping``.
    """
    from trippy_nb.lifetimes import stop_all as stop_sessions

    return _sessions_card(stop_sessions(timeout))


def _sessions_card(records: "Sequence[SessionRecord]") -> "pd.DataFrame":
    from trippy_nb.display import CardFrame, sessions_sheet
    from trippy_nb.frames import sessions_frame

    return CardFrame(sessions_frame(records), sessions_sheet)


def doctor(*, self_test: bool = True) -> "pd.DataFrame":
    """Find out what this machine and this process may do, why, and what would widen it.

    Nothing is sent but to the loopback, nothing is changed, and whatever is not allowed is an answer.

    Parameters
    ----------
    self_test
        Trace the loopback by every kind of socket, one probe each, and ask the ledger whether all was closed.

    Returns
    -------
    findings
        One row a question: `frames.schema.DOCTOR`. It shows itself as a card.
    """
    from trippy_nb.display import CardFrame, doctor_sheet
    from trippy_nb.frames import doctor_frame
    from trippy_nb.lifetimes import Session
    from trippy_nb.net import LOOPBACK, examine, judge, ways

    with Session(lambda vault, _stop: examine(vault), name="trippy_nb doctor") as session:
        findings = session.wait()
    network = live_network()
    for protocol, mode, af in ways() if self_test else ():
        findings.append(judge(protocol, mode, af, try_out(network, LOOPBACK[af], protocol, mode)))
    return CardFrame(doctor_frame(findings), doctor_sheet)
