"""What this machine and this process may do, why, and what would widen it: asked, not guessed.

Each question is answered by trying it: sockets are opened and closed through a vault, none of them
sends. A question that cannot be answered is a finding with the state ``unknown``, never an exception.
"""

import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from trippy_nb.errors import ConfigError, PrivilegeError
from trippy_nb.lifetimes import Port, Vault
from trippy_nb.model import Multipath, Protocol, SocketMode, TraceConfig
from trippy_nb.net import advice
from trippy_nb.net.addresses import socket_address
from trippy_nb.net.choice import ORDER, decide, preview
from trippy_nb.net.facts import (
    CAPABILITY_SETS,
    NET_ADMIN,
    NET_RAW,
    Helper,
    Process,
    find_helper,
    read_process,
    system_words,
    under_wine,
)
from trippy_nb.net.findings import LOOPBACK, Finding, Opened, said, yes_or_no
from trippy_nb.net.live import abilities_of
from trippy_nb.net.privilege import may_open_datagram_icmp, may_open_raw
from trippy_nb.net.queued import queue_errors
from trippy_nb.net.stamps import TransmitStamps, stamp_received
from trippy_nb.net.steering import bind_to, steer

_FAR: Final = {4: "192.0.2.1", 6: "2001:db8::1"}  # for documentation; only the routing table is asked
_FAMILIES: Final = (4, 6)
_LINES: Final = 256  # sockets a trace may hold at a time (net.errqueue)


def examine(vault: Vault) -> list[Finding]:
    """Ask everything but the self-test; on the thread of the vault, whose capabilities count.

    Returns
    -------
    findings
        By topic: machine, process, sockets, choice.
    """
    process = read_process()
    helper = find_helper()
    families = [af for af in _FAMILIES if _has_loopback(vault, af)]
    found: list[Finding] = []
    for topic, ask in (
        ("machine", lambda: _machine(vault, process)),
        ("process", lambda: _process(process)),
        ("sockets", lambda: _sockets(vault, process, helper, families)),
        ("choice", lambda: _choices(vault, families)),
    ):
        found += _answers(topic, ask)
    return found


def ways() -> tuple[tuple[Protocol, SocketMode, int], ...]:
    """All that this platform has for tracing: protocol, kind of socket and address family."""
    order = ORDER.get(sys.platform, {})
    return tuple(
        (protocol, mode, af) for protocol, modes in order.items() for mode in modes for af in _FAMILIES
    )


def _answers(topic: str, ask: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from ask()
    except Exception as error:  # noqa: BLE001 - a doctor who faints helps nobody; what it was is the answer
        yield Finding(topic, "the rest", "unknown", f"cannot be told: {error!r}")


# --- machine ----------------------------------------------------------------------------------------------


def _machine(vault: Vault, process: Process) -> Iterator[Finding]:
    yield Finding("machine", "operating system", "yes" if sys.platform in ORDER else "no", system_words())
    wine = under_wine()
    if wine is not None:
        yield Finding(
            "machine", "wine", yes_or_no(wine), "Windows calls answered by wine" if wine else "Windows itself"
        )
        yield Finding("machine", "firewall", "unknown", advice.FIREWALL_DETAIL, advice.FIREWALL)
    yield Finding(
        "machine",
        "container",
        "yes" if process.container else "unknown",
        process.container or "nothing shows that this is one",
    )
    for af in _FAMILIES:
        yield _family(vault, af)


def _family(vault: Vault, af: int) -> Finding:
    item = f"IPv{af}"
    if not _has_loopback(vault, af):
        return Finding("machine", item, "no", f"{LOOPBACK[af]} cannot be used", advice.no_family(af))
    try:
        with Opened(vault, af, socket.SOCK_DGRAM) as port:
            port.connect(socket_address(_FAR[af], 9))  # sends nothing
            source = str(port.local_address()[0])
    except OSError as error:
        return Finding("machine", item, "partly", f"loopback only: {said(error)}", advice.no_route(af))
    return Finding("machine", item, "yes", f"loopback, and a route to the world from {source}")


def _has_loopback(vault: Vault, af: int) -> bool:
    try:
        with Opened(vault, af, socket.SOCK_DGRAM) as port:
            port.bind(socket_address(LOOPBACK[af]))
    except OSError:
        return False
    return True


# --- process ----------------------------------------------------------------------------------------------


def _process(process: Process) -> Iterator[Finding]:
    if process.user is not None:
        groups = ", ".join(str(group) for group in sorted(process.groups))
        yield Finding(
            "process", "root", yes_or_no(process.user == 0), f"user {process.user}, groups {groups}"
        )
    for name, number in (("CAP_NET_RAW", NET_RAW), ("CAP_NET_ADMIN", NET_ADMIN)):
        if process.capabilities:
            yield _capability(process, name, number)
    if process.capabilities:
        yield _least_privilege(process)
    if process.no_new_privs is not None:
        detail = "setuid, sudo and file capabilities " + (
            "do nothing here" if process.no_new_privs else "work"
        )
        yield Finding("process", "no-new-privs", yes_or_no(process.no_new_privs), detail)
    yield from _namespaces(process)
    if process.seccomp is not None:
        words = {0: "system calls are not filtered", 1: "strict mode", 2: "some system calls may be refused"}
        yield Finding(
            "process", "seccomp", yes_or_no(process.seccomp > 0), words.get(process.seccomp, "unknown mode")
        )
    if process.most_files is not None or process.open_files is not None:
        yield _files(process)


def _capability(process: Process, name: str, number: int) -> Finding:
    there = [which for which in CAPABILITY_SETS if process.holds(number, which)]
    missing = [which for which in CAPABILITY_SETS if which not in there]
    words = [f"{', '.join(there)}" if there else "in no set"]
    if there and missing:
        words.append(f"not {', '.join(missing)}")
    held = process.holds(number, "permitted")
    remedy = advice.raw(process) if number == NET_RAW and not held else ""  # the other is for marks only
    return Finding("process", name, yes_or_no(held), "; ".join(words), remedy)


def _least_privilege(process: Process) -> Finding:
    item = "least privilege"
    if not process.holds(NET_RAW, "permitted") and not process.holds(NET_ADMIN, "permitted"):
        return Finding("process", item, "yes", "there is nothing to give up")
    if process.user == 0:
        return Finding("process", item, "no", "plain root: nothing is given up", advice.AMBIENT)
    detail = "CAP_NET_RAW and CAP_NET_ADMIN are effective on a trace's thread only while it opens sockets"
    return Finding("process", item, "yes", detail)


def _namespaces(process: Process) -> Iterator[Finding]:
    for kind, own in (("user", process.own_user_namespace), ("network", process.own_network_namespace)):
        if own is not None or sys.platform == "linux":
            words = {True: "its own", False: "the machine's", None: "process 1 is not ours to look at"}
            yield Finding("process", f"own {kind} namespace", yes_or_no(own), words[own])


def _files(process: Process) -> Finding:
    most, now = process.most_files, process.open_files or 0
    detail = f"{now} open, {'any number' if most is None else most} allowed"
    if most is None or most - now >= 2 * _LINES:
        return Finding("process", "open files", "yes", detail)
    short = f"{detail}; a trace whose source port varies may hold {_LINES} sockets"
    return Finding("process", "open files", "partly", short, "ulimit -n 4096")


# --- sockets ----------------------------------------------------------------------------------------------


def _sockets(vault: Vault, process: Process, helper: Helper, families: list[int]) -> Iterator[Finding]:
    for af in families:
        yield _asked("raw", af, partial(may_open_raw, vault, af), advice.raw(process))
        if any(SocketMode.DATAGRAM in modes for modes in ORDER.get(sys.platform, {}).values()):
            remedy = advice.ping_groups(process)
            yield _asked("datagram ICMP", af, partial(may_open_datagram_icmp, vault, af), remedy)
        if sys.platform == "linux":
            yield _set_up(vault, af, "error queue", partial(queue_errors, af=af, tos=0))
    if sys.platform == "linux":
        yield _ping_groups(process)
        for af in families[:1]:
            yield _stamps(vault, af)
            yield _set_up(vault, af, "fwmark", _mark, advice.mark(process))
            yield _set_up(
                vault, af, "bind to interface", lambda port: bind_to(port, "lo"), advice.raw(process)
            )
        yield _helper(process, helper)


def _asked(what: str, af: int, ask: Callable[[], bool], remedy: str) -> Finding:
    item = f"{what}, IPv{af}"
    try:
        allowed = ask()
    except OSError as error:
        return Finding("sockets", item, "unknown", said(error))
    if allowed:
        return Finding("sockets", item, "yes", "opened and closed")
    return Finding("sockets", item, "no", "refused by the operating system", remedy)


def _set_up(vault: Vault, af: int, what: str, setup: Callable[[Port], None], remedy: str = "") -> Finding:
    item = f"{what}, IPv{af}" if what == "error queue" else what
    try:
        with Opened(vault, af, socket.SOCK_DGRAM, setup):
            pass
    except (OSError, ConfigError) as error:
        return Finding("sockets", item, "no", said(error).partition(": ")[0], remedy)
    return Finding("sockets", item, "yes", "set on a socket")


def _mark(port: Port) -> None:
    steer(port, TraceConfig(fwmark=1))


def _ping_groups(process: Process) -> Finding:
    item = "ping_group_range"
    if process.ping_groups is None:
        return Finding("sockets", item, "unknown", "net.ipv4.ping_group_range cannot be read")
    low, high = process.ping_groups
    inside = any(low <= group <= high for group in process.groups)
    words = "a group of this process is in it" if inside else "no group of this process is in it"
    return Finding(
        "sockets",
        item,
        yes_or_no(inside),
        f"{low} to {high}: {words}",
        "" if inside else advice.ping_groups(process),
    )


def _stamps(vault: Vault, af: int) -> Finding:
    with Opened(vault, af, socket.SOCK_DGRAM) as port:
        sent, received = TransmitStamps(port).enabled, stamp_received(port)
    if sent:
        return Finding("sockets", "kernel time stamps", "yes", "of sending and of receiving")
    if received:
        return Finding("sockets", "kernel time stamps", "partly", "of receiving only")
    return Finding("sockets", "kernel time stamps", "no", "round-trip times are taken in user space")


def _helper(process: Process, helper: Helper) -> Finding:
    item = "mtr-packet"
    if helper.path is None:
        return Finding("sockets", item, "no", "not installed; an optional last resort", advice.HELPER)
    if process.user == 0:
        return Finding("sockets", item, "yes", f"{helper.path}, started by root")
    if not helper.privileged:
        return Finding(
            "sockets",
            item,
            "partly",
            f"{helper.path} has no privilege of its own",
            advice.helper_caps(helper.path),
        )
    if process.no_new_privs:
        return Finding("sockets", item, "partly", f"{helper.path}, but no-new-privs takes its privilege away")
    return Finding("sockets", item, "yes", f"{helper.path} has a privilege of its own")


# --- choice -----------------------------------------------------------------------------------------------


def _choices(vault: Vault, families: list[int]) -> Iterator[Finding]:
    for af in _FAMILIES:
        if af not in families:
            yield Finding(
                "choice", f"anything, IPv{af}", "no", f"this machine has no IPv{af}", advice.no_family(af)
            )
            continue
        yield _default(vault, af)
        for protocol in Protocol:
            yield _choice(vault, af, protocol, Multipath.CLASSIC)
        for multipath in (Multipath.PARIS, Multipath.DUBLIN):
            yield _choice(vault, af, Protocol.UDP, multipath)


def _default(vault: Vault, af: int) -> Finding:
    item = f"the default, IPv{af}"
    try:
        protocol, mode, reason = decide(TraceConfig(), abilities_of(vault, af))
    except (OSError, ConfigError, PrivilegeError) as error:
        return Finding("choice", item, "no", said(error))
    return Finding("choice", item, "yes", f"{protocol.upper()}, mode {mode}: {reason}")


def _choice(vault: Vault, af: int, protocol: Protocol, multipath: Multipath) -> Finding:
    item = (
        f"{protocol.upper()} {multipath}, IPv{af}"
        if protocol is Protocol.UDP
        else f"{protocol.upper()}, IPv{af}"
    )
    try:
        config = TraceConfig(protocol=protocol, multipath_strategy=multipath)
        mode, reason = preview(protocol, abilities_of(vault, af), config)
    except (OSError, ConfigError) as error:
        return Finding("choice", item, "unknown", said(error))
    if mode is None:
        refusal, _, remedy = reason.partition(": ")
        return Finding("choice", item, "no", refusal, remedy)
    return Finding("choice", item, "yes", f"mode {mode}: {reason}")
