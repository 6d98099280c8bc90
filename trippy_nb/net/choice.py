"""Which protocol and which kind of socket a trace gets, and why.

One table has the order of preference per platform. Without a protocol, ICMP if this process may, else UDP
without privilege. A protocol or mode that was asked for is never swapped. The helper `mtr-packet` is
taken only where it was asked for, or where a protocol was and nothing else is open to it.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from trippy_nb.errors import ConfigError, PrivilegeError
from trippy_nb.model import Multipath, Protocol, SocketMode, TraceConfig
from trippy_nb.net.privilege import HELPER_HELPS, datagram_icmp_helps, raw_helps

_ICMP, _UDP, _TCP = Protocol.ICMP, Protocol.UDP, Protocol.TCP
_RAW, _HELPER = SocketMode.RAW, SocketMode.MTR_PACKET

ORDER: Final[Mapping[str, Mapping[Protocol, tuple[SocketMode, ...]]]] = {
    "linux": {
        _ICMP: (_RAW, SocketMode.DATAGRAM, _HELPER),
        _UDP: (_RAW, SocketMode.ERROR_QUEUE, _HELPER),
        _TCP: (_RAW, SocketMode.CONNECT, _HELPER),
    },
    "darwin": {
        _ICMP: (SocketMode.DATAGRAM,),
        _UDP: (),
        _TCP: (),
    },
    "win32": {
        _ICMP: (_RAW, SocketMode.ICMP_API),
        _UDP: (_RAW,),
        _TCP: (SocketMode.CONNECT,),
    },
}
"""Kinds of sockets by `sys.platform` and protocol, best first."""

_BY: Final = {
    _RAW: "raw sockets",
    SocketMode.DATAGRAM: "a datagram socket",
    SocketMode.ERROR_QUEUE: "the error queue",
    SocketMode.CONNECT: "connecting and the error queue",
    SocketMode.ICMP_API: "the echo of the operating system",
    _HELPER: "the helper mtr-packet",
}
_WHY: Final = {
    ("win32", SocketMode.ICMP_API): "raw sockets need an administrator",
    ("win32", SocketMode.CONNECT): "Windows lets no raw socket send TCP",
    (
        "darwin",
        SocketMode.DATAGRAM,
    ): "on macOS everybody may (from documentation, not run on a Mac)",
}
"""Why not raw sockets, where CAP_NET_RAW is not the reason."""
_IPV6: Final = 6


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this process may open; asked when, and only if, it matters."""

    may: Mapping[SocketMode, Callable[[], bool]]
    """Kinds of sockets that not everybody may open."""
    af: int = 4
    """Address family of the target: 4 or 6."""
    platform: str = sys.platform

    def allows(self, mode: SocketMode) -> bool:
        """Whether sockets of this kind may be opened."""
        asks = self.may.get(mode)
        return asks is None or asks()

    def order(self, protocol: Protocol) -> tuple[SocketMode, ...]:
        """Kinds of sockets that this platform has for a protocol, best first."""
        modes = ORDER.get(self.platform, {}).get(protocol, ())
        if self.platform == "win32" and self.af == _IPV6:  # it has no IPV6_HDRINCL
            return tuple(mode for mode in modes if mode is not _RAW)
        return modes


def decide(config: TraceConfig, abilities: Abilities) -> tuple[Protocol, SocketMode, str]:
    """Decide on protocol and kind of socket; the third value says why, in one line.

    Raises
    ------
    ConfigError
        If this platform does not have the mode that was asked for.
    PrivilegeError
        If this process may not do what was asked; the message says what would help.
    """
    if config.mode is not None:
        _check_platform(config.mode, abilities)
    if config.protocol is not None:
        mode = _first_allowed(config, config.protocol, abilities)
        if mode is None:
            raise PrivilegeError(_refusal(config, config.protocol, abilities))
        return config.protocol, mode, _reason(config, config.protocol, mode, abilities)
    tried = [
        protocol for protocol in (_ICMP, _UDP, _TCP) if config.mode in (None, *abilities.order(protocol))
    ]
    for protocol in tried:
        mode = _first_allowed(config, protocol, abilities)
        if mode is not None and not (config.mode is None and protocol is _TCP):
            return protocol, mode, _reason(config, protocol, mode, abilities)
    raise PrivilegeError(_refusal(config, tried[0], abilities))


def preview(
    protocol: Protocol, abilities: Abilities, config: TraceConfig | None = None
) -> tuple[SocketMode | None, str]:
    """Tell which kind of socket a trace by this protocol would get, and why; or None, and why none.

    Parameters
    ----------
    protocol
        As if it had been asked for.
    abilities
        What this process may open, for one address family.
    config
        Other options that were asked for; by default none.
    """
    asked = replace(config or TraceConfig(), protocol=protocol)
    try:
        _protocol, mode, reason = decide(asked, abilities)
    except (ConfigError, PrivilegeError) as error:
        return None, str(error)
    return mode, reason


def _check_platform(mode: SocketMode, abilities: Abilities) -> None:
    here = {mode for protocol in Protocol for mode in abilities.order(protocol)}
    if mode not in here:
        known = ", ".join(str(one) for one in SocketMode if one in here) or "none"
        raise ConfigError(
            f"mode {mode} is not to be had on this platform ({abilities.platform}) for IPv{abilities.af}, "
            f"only {known}"
        )


def _candidates(config: TraceConfig, protocol: Protocol, abilities: Abilities) -> list[SocketMode]:
    modes = [mode for mode in abilities.order(protocol) if config.mode in (None, mode)]
    if config.protocol is None and config.mode is None:
        # Where raw UDP was possible, raw ICMP was too; and a helper is not for those who did not ask.
        unasked = {_HELPER} if protocol is _ICMP else {_HELPER, _RAW}
        modes = [mode for mode in modes if mode not in unasked]
    if config.unprivileged:
        modes = [mode for mode in modes if mode is not _RAW]
    able = _writers(config.multipath_strategy, protocol, abilities)
    return modes if able is None else [mode for mode in modes if mode in able]


def _writers(multipath: Multipath, protocol: Protocol, abilities: Abilities) -> frozenset[SocketMode] | None:
    """Tell what can number probes in this manner, and read the number back; None is everything.

    An error queue gives back the quoted payload, not the headers before it: the word of payload that
    solves for paris' checksum and the length that is dublin's number on IPv6, but never an
    identification, which only raw sockets choose. Nor do others choose TCP's sequence number. Linux
    computes the checksum of ICMP from the payload that we give it, so a flow may be any that we want.
    """
    if multipath is Multipath.CLASSIC:
        return None
    if protocol is _TCP:
        return frozenset({_RAW})
    if protocol is _ICMP:
        return frozenset({_RAW, SocketMode.DATAGRAM} if abilities.platform == "linux" else {_RAW})
    if multipath is Multipath.DUBLIN and abilities.af != _IPV6:
        return frozenset({_RAW})
    return frozenset({_RAW, SocketMode.ERROR_QUEUE})


def _first_allowed(config: TraceConfig, protocol: Protocol, abilities: Abilities) -> SocketMode | None:
    return next(
        (mode for mode in _candidates(config, protocol, abilities) if abilities.allows(mode)),
        None,
    )


def _reason(config: TraceConfig, protocol: Protocol, mode: SocketMode, abilities: Abilities) -> str:
    name = protocol.upper()
    if mode is _RAW:
        return f"{name} by {_BY[mode]}, as this process may open them"
    why = _WHY.get((abilities.platform, mode), "raw sockets need CAP_NET_RAW")
    if abilities.platform == "win32" and mode is SocketMode.ICMP_API and abilities.af == _IPV6:
        why = "raw sockets are for IPv4 there"
    if config.mode is mode:
        why = f"mode {mode} was asked for"
    elif config.unprivileged:
        why = "unprivileged was asked for"
    if protocol is _UDP and config.protocol is None and config.mode is None:
        return f"UDP by {_BY[mode]}, not ICMP: {why}, and ICMP needs privilege here"
    if mode is _HELPER and config.mode is None:
        why += ", and nothing else is open here"
    by = "connecting" if abilities.platform == "win32" and mode is SocketMode.CONNECT else _BY[mode]
    return f"{name} by {by}: {why}"


def _refusal(config: TraceConfig, protocol: Protocol, abilities: Abilities) -> str:
    name = protocol.upper()
    if not abilities.order(protocol):
        return (
            f"{name} over IPv{abilities.af} is not built for this platform ({abilities.platform}): "
            "protocol='icmp' is"
        )
    if config.multipath_strategy is not Multipath.CLASSIC:
        return _multipath_refusal(config, name, abilities)
    modes = _candidates(config, protocol, abilities)
    if not modes:  # unprivileged, where this platform knows only raw sockets
        return (
            f"{name} needs raw sockets on this platform ({abilities.platform}), "
            "which are not allowed with unprivileged: leave it out, or protocol='icmp'"
        )
    helps = [_help(mode, abilities.platform) for mode in modes]
    if config.mode is not None:
        helps.append("leave out mode")
    if protocol is not _UDP and SocketMode.ERROR_QUEUE in abilities.order(_UDP):
        helps.append("protocol='udp', which needs no privilege")
    needed = " or ".join(_BY[mode] for mode in modes)
    subject = f"mode {config.mode}" if config.mode is not None else name
    return f"{subject} needs {needed}, which this process may not open: {'; or '.join(helps)}"


def _multipath_refusal(config: TraceConfig, name: str, abilities: Abilities) -> str:
    multipath, af = config.multipath_strategy, abilities.af
    why = ""
    others = "multipath_strategy='classic', which needs no privilege"
    if multipath is Multipath.DUBLIN and af != _IPV6 and SocketMode.ERROR_QUEUE in abilities.order(_UDP):
        why = " (its number is the IP identification, which no other socket chooses or reads back)"
        others = "multipath_strategy='paris' or 'classic', which need no privilege"
    asked = "were not asked for" if config.unprivileged or config.mode else "this process may not open"
    return (
        f"{name} {multipath} on IPv{af} needs raw sockets{why}, which {asked}: "
        f"{raw_helps(abilities.platform)}; or {others}"
    )


def _help(mode: SocketMode, platform: str) -> str:
    if mode is SocketMode.DATAGRAM:
        return datagram_icmp_helps()
    return HELPER_HELPS if mode is _HELPER else raw_helps(platform)
