"""Names to addresses and back, on a daemon thread that can be left behind.

libc's resolver cannot be cancelled: only the thread that waits for it can give up. It runs before any
handle of ours is open, so nothing of ours is held by a thread that was left behind; the sockets it
has are libc's, or dnspython's, and not in the ledger.
"""

import socket
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from trippy_nb.errors import ResolveError
from trippy_nb.lifetimes import TICK_S
from trippy_nb.model import (
    AddrFamily,
    ResolveMethod,
    Target,
    TraceConfig,
    normalise_address,
    split_zone,
)
from trippy_nb.net.addresses import zone_of

T = TypeVar("T")

_IPV4, _IPV6 = 4, 6
_FAMILIES = {AddrFamily.IPV4: (_IPV4,), AddrFamily.IPV6: (_IPV6,)}
_ORDER = {AddrFamily.IPV4_THEN_IPV6: (_IPV4, _IPV6), AddrFamily.IPV6_THEN_IPV4: (_IPV6, _IPV4)}
_SOCKET_FAMILY = {AddrFamily.IPV4: socket.AF_INET, AddrFamily.IPV6: socket.AF_INET6}
_RECORD = {_IPV4: "A", _IPV6: "AAAA"}


def resolve(name: str, config: TraceConfig) -> list[Target]:
    """Find the addresses of a name, the best first; an address is its own.

    Parameters
    ----------
    name
        Host name, or an address, with a zone if it is scoped (``fe80::1%eth0``).
    config
        Says which family, who is asked, and how long to wait.

    Raises
    ------
    ResolveError
        If there is none of the family that is wanted, or no answer in time.
    """
    name = name.strip()
    literal = _literal(name)
    if literal is not None:
        _check_family(literal, config.addr_family)
        return [literal]
    ask = _ask_servers if config.dns_resolve_method is ResolveMethod.RESOLV else _ask_system
    try:
        found = abandonable(lambda: ask(name, config), config.dns_timeout)
    except TimeoutError:
        raise ResolveError(
            f"no answer for {name!r} within {config.dns_timeout:g} s: give an address, or more dns_timeout"
        ) from None
    targets = _distinct(_in_order(found, config.addr_family))
    if not targets:
        raise ResolveError(f"{name!r} has no address of family {config.addr_family}")
    return targets


def reverse_name(addr: str, method: ResolveMethod, timeout_s: float) -> str | None:
    """Find the host name of an address; None if it has none, or none in time.

    Parameters
    ----------
    addr
        Normalised address.
    method
        Who is asked.
    timeout_s
        Longest wait.
    """
    ask = _ask_servers_reverse if method is ResolveMethod.RESOLV else _ask_system_reverse
    try:
        return abandonable(lambda: ask(addr, timeout_s), timeout_s)
    except TimeoutError:
        return None


def abandonable(work: Callable[[], T], timeout_s: float) -> T:
    """Do something that cannot be cancelled, on a thread that is left behind when it takes too long.

    An interrupt of the waiting thread passes through at once.

    Raises
    ------
    TimeoutError
        If it is not done in time.
    Exception
        What `work` raised.
    """
    results: list[T] = []
    errors: list[Exception] = []
    done = threading.Lock()
    done.acquire()

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            errors.append(error)
        finally:
            done.release()

    threading.Thread(target=run, name="trippy_nb resolver", daemon=True).start()
    left = timeout_s
    while not done.acquire(timeout=min(TICK_S, max(left, 0))):  # short: see Session.wait
        left -= TICK_S
        if left <= 0:
            raise TimeoutError(f"not done within {timeout_s:g} s")
    if errors:
        raise errors[0]
    return results[0]


def _literal(name: str) -> Target | None:
    bare, zone = split_zone(name)
    try:
        addr = normalise_address(bare)
    except ValueError:
        return None
    return Target(name, addr, zone if ":" in addr else None)


def _check_family(target: Target, family: AddrFamily) -> None:
    if target.af not in _FAMILIES.get(family, (_IPV4, _IPV6)):
        raise ResolveError(f"{target.name} is an IPv{target.af} address, but addr_family is {family}")


def _in_order(targets: Iterable[Target], family: AddrFamily) -> list[Target]:
    wanted = [target for target in targets if target.af in _FAMILIES.get(family, (_IPV4, _IPV6))]
    order = _ORDER.get(family)
    return wanted if order is None else sorted(wanted, key=lambda target: order.index(target.af))


def _distinct(targets: Iterable[Target]) -> list[Target]:
    return list({(target.addr, target.zone): target for target in targets}.values())


def _ask_system(name: str, config: TraceConfig) -> list[Target]:
    family = _SOCKET_FAMILY.get(config.addr_family, socket.AF_UNSPEC)
    if "\0" in name:  # libc would look up what is before it
        raise ResolveError(f"{name!r} is not a host name")
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_DGRAM)
    except UnicodeError:
        raise ResolveError(f"{name!r} is not a host name") from None
    except ValueError as error:  # an embedded null character
        raise ResolveError(f"{name!r} is not a host name: {error}") from None
    except OSError as error:
        raise ResolveError(f"{name!r} has no address: {error.strerror or error}") from None
    return [
        Target(name, normalise_address(str(where[0])), zone_of(int([*where, 0, 0][3])))  # IPv4 has no scope
        for _family, _kind, _proto, _canonical, where in found
    ]


def _ask_servers(name: str, config: TraceConfig) -> list[Target]:
    import dns.exception  # 60 ms, and only for who wants it
    import dns.resolver

    targets: list[Target] = []
    last: Exception | None = None
    try:
        resolver = dns.resolver.Resolver()
        for af in _FAMILIES.get(config.addr_family, _ORDER.get(config.addr_family, (_IPV4, _IPV6))):
            try:
                answer = resolver.resolve(name, _RECORD[af], lifetime=config.dns_timeout, search=True)
                targets += [Target(name, normalise_address(record.address)) for record in answer]
            except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN) as error:
                last = error
    except dns.exception.DNSException as error:
        raise ResolveError(f"{name!r} has no address: {error}") from None
    if not targets:
        raise ResolveError(f"{name!r} has no address of family {config.addr_family}: {last}") from None
    return targets


def _ask_system_reverse(addr: str, _timeout_s: float) -> str | None:
    try:
        host, _service = socket.getnameinfo((addr, 0), socket.NI_NAMEREQD)
    except OSError:
        return None
    return host


def _ask_servers_reverse(addr: str, timeout_s: float) -> str | None:
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.Resolver().resolve_address(addr, lifetime=timeout_s)
    except dns.exception.DNSException:
        return None
    return next((str(record.target).rstrip(".") for record in answer), None)
