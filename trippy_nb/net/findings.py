"""The doctor's words: a finding, and what is made of a trial on the loopback."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from typing import Protocol as Protocol_

from trippy_nb.errors import ConfigError, PrivilegeError
from trippy_nb.lifetimes import Port, Vault
from trippy_nb.model import Protocol, SocketMode
from trippy_nb.net.addresses import family_of

State = Literal["yes", "no", "partly", "unknown"]
_Told = bool | None

LOOPBACK: Final = {4: "127.0.0.1", 6: "::1"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer; the columns of the DOCTOR table."""

    topic: str
    item: str
    state: State
    detail: str
    remedy: str = ""


def yes_or_no(answer: _Told) -> State:
    """Spell an answer; None is unknown."""
    return "unknown" if answer is None else "yes" if answer else "no"


class Tried(Protocol_):
    """What the doctor has to know of a trace of one probe to the loopback; see `capture.Trial`."""

    @property
    def error(self) -> Exception | None:
        """Why there was no trace."""

    @property
    def rtt_ms(self) -> float | None:
        """Round-trip time; None without an answer."""

    @property
    def rtt_source(self) -> str | None:
        """Which clocks it was taken from."""

    @property
    def handles(self) -> int:
        """Opened for it."""

    @property
    def left_open(self) -> int:
        """Still open after it, as the ledger says."""


def judge(protocol: Protocol, mode: SocketMode, af: int, tried: Tried) -> Finding:
    """Make a finding of a trial: ``unknown`` is a way that this process may not go, ``no`` is a fault."""
    item = f"{protocol.upper()} {mode}, IPv{af}"
    held = f"{tried.handles} handles opened, "
    held += f"{tried.left_open} still open" if tried.left_open else "all closed"
    if tried.left_open:
        return Finding("self-test", item, "no", held, "please report this, with tn.handles()")
    if isinstance(tried.error, PrivilegeError | ConfigError):
        return Finding(
            "self-test", item, "unknown", f"not tried: {str(tried.error).partition(': ')[0]}; {held}"
        )
    if tried.error is not None:
        return Finding("self-test", item, "no", f"{tried.error}; {held}")
    if tried.rtt_ms is None:
        return Finding(
            "self-test", item, "no", f"no answer from {LOOPBACK[af]}; {held}", "is a firewall in the way?"
        )
    rtt = f"{LOOPBACK[af]} answered in {tried.rtt_ms:.3f} ms ({tried.rtt_source})"
    return Finding("self-test", item, "yes", f"{rtt}; {held}")


class Opened:
    """A socket for a moment, to be set up and never to send."""

    def __init__(self, vault: Vault, af: int, kind: int, setup: Callable[[Port], None] | None = None) -> None:
        self._vault = vault
        self._port = vault.open_socket(family_of(af), kind, purpose="the doctor asks", setup=setup)

    def __enter__(self) -> Port:
        return self._port

    def __exit__(self, *_error: object) -> None:
        self._vault.release(self._port)


def said(error: Exception) -> str:
    """Say what went wrong, in the operating system's words if they are its own."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EAFNOSUPPORT:
        return "this kernel has no such address family"
    return os.strerror(number) if number else str(error)
