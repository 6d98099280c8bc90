"""The operating system's own network."""

import errno
import os
import socket
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence

from trippy_nb.errors import ChannelBrokenError, ConfigError, PrivilegeError
from trippy_nb.lifetimes import Vault
from trippy_nb.model import Choice, Plan, SocketMode, Target, TraceConfig, check_family
from trippy_nb.net.choice import Abilities, decide
from trippy_nb.net.connect import ConnectChannel
from trippy_nb.net.datagram import DatagramChannel
from trippy_nb.net.errqueue import ErrorQueueChannel
from trippy_nb.net.helper import HelperChannel, may_use_helper
from trippy_nb.net.privilege import may_open_datagram_icmp, may_open_raw
from trippy_nb.net.raw import RawChannel
from trippy_nb.net.resolve import resolve, reverse_name
from trippy_nb.net.steering import check_steering
from trippy_nb.tracing import Channel, Clock, MonotonicClock

if sys.platform == "win32":
    from trippy_nb.net.windows_source import choose_source
else:
    from trippy_nb.net.source import choose_source

_CHANNELS: dict[SocketMode, Callable[[Plan, Vault, Clock], Channel]] = {
    SocketMode.RAW: RawChannel,
    SocketMode.ERROR_QUEUE: ErrorQueueChannel,
    SocketMode.DATAGRAM: DatagramChannel,
    SocketMode.CONNECT: ConnectChannel,
    SocketMode.MTR_PACKET: HelperChannel,
}


def _channels() -> Mapping[SocketMode, Callable[[Plan, Vault, Clock], Channel]]:
    if sys.platform == "win32":
        from trippy_nb.net.windows import CHANNELS

        return CHANNELS
    if sys.platform == "darwin":
        from trippy_nb.net.macos import CHANNELS

        return CHANNELS
    return _CHANNELS


class LiveNetwork:
    """The real world, as far as this process may reach it."""

    def __init__(self) -> None:
        self._clock = MonotonicClock()

    @property
    def clock(self) -> Clock:
        """The operating system's clocks."""
        return self._clock

    @property
    def name(self) -> str:
        """Name of this host."""
        return socket.gethostname()

    @property
    def parallel(self) -> bool:
        """Traces may run side by side."""
        return True

    def resolve(self, name: str, config: TraceConfig) -> Sequence[Target]:
        """Find the addresses of a name, best first, see `Network`."""
        return resolve(name, config)

    def reverse(self, addr: str, config: TraceConfig) -> str | None:
        """Host name of an address, see `Network`."""
        return reverse_name(addr, config.dns_resolve_method, config.dns_timeout)

    def run_uuid(self, target: Target, config: TraceConfig, purpose: object = None) -> str:  # noqa: ARG002 - no two live runs are alike
        """Name the next run, at random."""
        return str(uuid.uuid4())

    def choose(self, target: Target, config: TraceConfig) -> Choice:
        """Decide on protocol, kind of socket and source address, see `Network`."""
        check_family(config, target.af)
        with Vault() as vault:
            try:
                protocol, mode, reason = decide(config, abilities_of(vault, target.af))
                check_steering(config, mode)
                source = choose_source(vault, target, config)
            except PrivilegeError:  # an OSError, too
                raise
            except OSError as error:
                if error.errno == errno.EAFNOSUPPORT:
                    raise ConfigError(
                        f"this machine has no IPv{target.af}: {target.addr} is out of reach"
                    ) from None
                raise ChannelBrokenError(f"sockets cannot be opened: {_said(error)}") from error
        return Choice(protocol=protocol, mode=mode, reason=reason, source=source)

    def open(self, plan: Plan, vault: Vault) -> Channel:
        """Open a channel whose handles belong to `vault`, see `Network`."""
        make = _channels().get(plan.mode)
        if make is None:
            raise ConfigError(f"mode {plan.mode} is not a way into the live network")
        try:
            return make(plan, vault, self._clock)
        except OSError as error:
            raise ChannelBrokenError(f"the {plan.mode} channel cannot be opened: {_said(error)}") from error


def abilities_of(vault: Vault, af: int) -> Abilities:
    """Tell what this process may open towards targets of a family; asked by opening and closing."""
    may: dict[SocketMode, Callable[[], bool]] = {
        SocketMode.RAW: lambda: may_open_raw(vault, af),
        SocketMode.DATAGRAM: lambda: may_open_datagram_icmp(vault, af),
        SocketMode.MTR_PACKET: lambda: may_use_helper(vault, MonotonicClock(), af),
    }
    return Abilities(may, af)


def _said(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
