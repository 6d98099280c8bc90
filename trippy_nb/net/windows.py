"""What Windows has for a trace."""

import sys
from collections.abc import Callable, Mapping
from typing import Final

from trippy_nb.lifetimes import Vault
from trippy_nb.model import Plan, SocketMode
from trippy_nb.net.windows_raw import WindowsRawChannel
from trippy_nb.net.windows_tcp import WindowsTcpChannel
from trippy_nb.tracing import Channel, Clock

assert sys.platform == "win32"  # mypy reads on only where this holds

from trippy_nb.net.windows_icmp import IcmpApiChannel  # noqa: E402 - empty for mypy elsewhere

CHANNELS: Final[Mapping[SocketMode, Callable[[Plan, Vault, Clock], Channel]]] = {
    SocketMode.RAW: WindowsRawChannel,
    SocketMode.ICMP_API: IcmpApiChannel,
    SocketMode.CONNECT: WindowsTcpChannel,
}
