"""Which protocol and which kind of socket a trace gets, and why.

ICMP: raw, else datagram. UDP: raw, else error queue. TCP: raw. Without a protocol, ICMP if this process
may, else UDP by the error queue. A protocol or mode that was asked for is never swapped.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trippy_nb.errors import PrivilegeError
from trippy_nb.model import Multipath, Protocol, SocketMode, TraceConfig
from trippy_nb.net.privilege import RAW_HELPS, datagram_icmp_helps

_ORDER = {
    Protocol.ICMP: (SocketMode.RAW, SocketMode.DATAGRAM),
    Protocol.UDP: (SocketMode.RAW, SocketMode.ERROR_QUEUE),
    Protocol.TCP: (SocketMode.RAW,),
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this process may open; asked when, and only if, it matters."""

    raw: Callable[[], bool]
    datagram: Callable[[], bool]

    def allows(self, mode: SocketMode) -> bool:
        """Whether sockets of this kind may be opened."""
        if mode is SocketMode.RAW:
            return self.raw()
        return self.datagram() if mode is SocketMode.DATAGRAM else True


def decide(config: TraceConfig, abilities: Abilities) -> tuple[Protocol, SocketMode, str]:
    """Decide on protocol and kind of socket; the third value says why, in one line.

    Raises
    ------
    PrivilegeError
        If this process may not do what was asked; the message says what would help.
    """
    if config.protocol is not None:
        mode = _first_allowed(config, config.protocol, abilities)
        if mode is None:
            raise PrivilegeError(_refusal(config, config.protocol))
        return config.protocol, mode, _reason(config, config.protocol, mode)
    for protocol in (Protocol.ICMP, Protocol.UDP):
        mode = None if _is_raw_udp(config, protocol) else _first_allowed(config, protocol, abilities)
        if mode is not None:
            return protocol, mode, _reason(config, protocol, mode)
    raise PrivilegeError(_refusal(config, Protocol.ICMP))


def _is_raw_udp(config: TraceConfig, protocol: Protocol) -> bool:
    """Where raw UDP was possible, raw ICMP was too, and was refused or not wanted."""
    return protocol is Protocol.UDP and config.mode is SocketMode.RAW


def _candidates(config: TraceConfig, protocol: Protocol) -> list[SocketMode]:
    modes = [mode for mode in _ORDER[protocol] if config.mode in (None, mode)]
    if config.unprivileged or (config.protocol is None and protocol is Protocol.UDP):
        modes = [mode for mode in modes if mode is not SocketMode.RAW]
    if config.multipath_strategy is not Multipath.CLASSIC:
        modes = [mode for mode in modes if mode is SocketMode.RAW]
    return modes


def _first_allowed(config: TraceConfig, protocol: Protocol, abilities: Abilities) -> SocketMode | None:
    return next((mode for mode in _candidates(config, protocol) if abilities.allows(mode)), None)


def _reason(config: TraceConfig, protocol: Protocol, mode: SocketMode) -> str:
    name = protocol.upper()
    if mode is SocketMode.RAW:
        return f"{name} by raw sockets, as this process may open them"
    why = "raw sockets need CAP_NET_RAW"
    if config.mode is mode:
        why = f"mode {mode} was asked for"
    elif config.unprivileged:
        why = "unprivileged was asked for"
    if mode is SocketMode.DATAGRAM:
        return f"ICMP by a datagram socket: {why}"
    if config.protocol is None and config.mode is None:
        return f"UDP by the error queue, not ICMP: {why}, and ICMP needs privilege here"
    return f"UDP by the error queue: {why}"


def _refusal(config: TraceConfig, protocol: Protocol) -> str:
    name = protocol.upper()
    if config.multipath_strategy is not Multipath.CLASSIC:
        return (
            f"{name} {config.multipath_strategy} needs raw sockets, which this process may not open: "
            f"{RAW_HELPS}; or multipath_strategy='classic', which needs no privilege"
        )
    if protocol is Protocol.TCP:
        asked = "are not allowed with unprivileged" if config.unprivileged else "this process may not open"
        if config.mode not in (None, SocketMode.RAW):
            asked = f"are not what mode {config.mode} means"
        return (
            f"TCP needs raw sockets, which {asked} (tracing by connecting is not built yet): "
            f"{RAW_HELPS}; or protocol='udp', which needs no privilege"
        )
    if config.mode is SocketMode.RAW:
        return f"mode raw needs raw sockets, which this process may not open: {RAW_HELPS}; or leave out mode"
    if protocol is Protocol.ICMP:
        way = "a datagram socket" if config.unprivileged or config.mode else "a raw or a datagram socket"
        raw = "" if config.unprivileged or config.mode else f"{RAW_HELPS}; or "
        return (
            f"ICMP needs {way}, which this process may not open: {raw}{datagram_icmp_helps()}; "
            "or protocol='udp', which needs no privilege"
        )
    return f"{name} needs sockets that this process may not open: {RAW_HELPS}"
