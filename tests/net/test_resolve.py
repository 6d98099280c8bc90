"""Names to addresses: families, order, failure, and waiting that always ends."""

from __future__ import annotations

import signal
import socket
import threading
from time import monotonic

import dns.message
import dns.resolver
import dns.rrset
import pytest

from trippy_nb.errors import ResolveError
from trippy_nb.model import ResolveMethod, TraceConfig
from trippy_nb.net import LiveNetwork, resolve, reverse_name

V4, V6 = ("192.0.2.1", 0), ("2001:db8::1", 0, 0, 0)
ROWS = [
    (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", V6),
    (socket.AF_INET, socket.SOCK_DGRAM, 17, "", V4),
    (socket.AF_INET, socket.SOCK_DGRAM, 17, "", V4),
    (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.2", 0)),
]


def config(**options) -> TraceConfig:
    return TraceConfig.from_options(**options)


def addresses(name: str, **options) -> list[str]:
    return [target.addr for target in resolve.resolve(name, config(**options))]


@pytest.mark.parametrize(
    ("name", "addr", "zone"),
    [
        ("192.0.2.1", "192.0.2.1", None),
        (" 192.0.2.1 ", "192.0.2.1", None),
        ("2001:DB8:0::1", "2001:db8::1", None),
        ("::ffff:192.0.2.1", "192.0.2.1", None),
        ("fe80::1%eth0", "fe80::1", "eth0"),
        ("fe80::1%3", "fe80::1", "3"),
    ],
)
def test_an_address_is_its_own_and_nobody_is_asked(monkeypatch, name, addr, zone):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    (target,) = resolve.resolve(name, config())
    assert (target.name, target.addr, target.zone) == (name.strip(), addr, zone)


@pytest.mark.parametrize(("name", "family"), [("192.0.2.1", "ipv6"), ("2001:db8::1", "ipv4")])
def test_an_address_of_the_other_family_is_refused(name, family):
    with pytest.raises(ResolveError, match=f"addr_family is {family}"):
        resolve.resolve(name, config(addr_family=family))


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("system", ["2001:db8::1", "192.0.2.1", "192.0.2.2"]),
        ("ipv4", ["192.0.2.1", "192.0.2.2"]),
        ("ipv6", ["2001:db8::1"]),
        ("ipv4-then-ipv6", ["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
        ("ipv6-then-ipv4", ["2001:db8::1", "192.0.2.1", "192.0.2.2"]),
    ],
)
def test_families_and_their_order_and_nothing_twice(monkeypatch, family, expected):
    def answer(_name, _service, asked, _kind):
        return [row for row in ROWS if asked in (socket.AF_UNSPEC, row[0])]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert addresses("host.example", addr_family=family) == expected


def test_localhost_by_the_real_resolver():
    assert addresses("localhost", addr_family="ipv4") == ["127.0.0.1"]


@pytest.mark.parametrize("name", ["no-such-name.invalid", "a..b", "", "x" * 70, "with space", "nul\0byte"])
def test_what_is_no_name_is_said_in_one_line(name):
    with pytest.raises(ResolveError) as caught:
        resolve.resolve(name, config(dns_timeout=10.0))
    assert "\n" not in str(caught.value)
    assert repr(name) in str(caught.value)


def test_a_resolver_that_hangs_is_left_behind(monkeypatch):
    end = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: end.wait(30))
    begun = monotonic()
    with pytest.raises(ResolveError, match=r"within 0\.1 s"):
        resolve.resolve("slow.example", config(dns_timeout=0.1))
    assert monotonic() - begun < 1
    monkeypatch.setattr(socket, "getnameinfo", lambda *_: end.wait(30))
    assert reverse_name("192.0.2.1", ResolveMethod.SYSTEM, 0.1) is None
    end.set()


def test_an_interrupt_gets_through_a_resolver_that_hangs(monkeypatch):
    end = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: end.wait(30))
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    begun = monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            resolve.resolve("slow.example", config(dns_timeout=20))
    finally:
        signal.signal(signal.SIGALRM, previous)
        end.set()
    assert monotonic() - begun < 1


@pytest.fixture
def server(monkeypatch):
    """A name server of our own; `host.example` has both families, `bare.example` exists without any."""
    zone = {
        ("host.example.", "A"): ["192.0.2.1", "192.0.2.2"],
        ("host.example.", "AAAA"): ["2001:db8::1"],
        ("1.2.0.192.in-addr.arpa.", "PTR"): ["host.example."],
    }
    known = {name for name, _kind in zone} | {"bare.example."}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    question, who = sock.recvfrom(2000)
                except TimeoutError:
                    continue
                query = dns.message.from_wire(question)
                answer = dns.message.make_response(query)
                name, kind = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
                if (name, kind) in zone:
                    answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *zone[name, kind]))
                elif name not in known:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                sock.sendto(answer.to_wire(), who)

        def resolver() -> dns.resolver.Resolver:
            made = real(configure=False)
            made.nameservers, made.port = ["127.0.0.1"], sock.getsockname()[1]
            return made

        real = dns.resolver.Resolver
        monkeypatch.setattr(dns.resolver, "Resolver", resolver)
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("ipv4", [{"192.0.2.1", "192.0.2.2"}]),
        ("ipv6", [{"2001:db8::1"}]),
        ("ipv6-then-ipv4", [{"2001:db8::1"}, {"192.0.2.1", "192.0.2.2"}]),
        ("system", [{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1"}]),
    ],
)
def test_servers_are_asked_directly_with_resolv(server, family, expected):
    found = addresses("host.example", dns_resolve_method="resolv", addr_family=family)
    parts = []
    for part in expected:  # a set of records comes in any order
        parts.append(set(found[: len(part)]))
        found = found[len(part) :]
    assert (parts, found) == (expected, [])


@pytest.mark.parametrize("name", ["bare.example", "missing.example"])
def test_servers_that_know_nothing(server, name):
    with pytest.raises(ResolveError, match=name):
        addresses(name, dns_resolve_method="resolv")


def test_names_of_addresses(server):
    assert reverse_name("192.0.2.1", ResolveMethod.RESOLV, 5) == "host.example"
    assert reverse_name("192.0.2.9", ResolveMethod.RESOLV, 5) is None
    assert LiveNetwork().reverse("192.0.2.1", config(dns_resolve_method="resolv")) == "host.example"


def test_names_of_addresses_by_the_system():
    assert reverse_name("127.0.0.1", ResolveMethod.SYSTEM, 5) == "localhost"
