"""Which protocol and sockets a trace gets: every case, and what is said where it gets none."""

from __future__ import annotations

from functools import partial

import pytest

from trippy_nb.errors import ConfigError, PrivilegeError
from trippy_nb.model import Protocol, SocketMode, TraceConfig
from trippy_nb.net.choice import ORDER, Abilities, decide, preview

NOBODY: set[str] = set()
ROOT, PING, HELPED = (
    {"raw", "datagram"},
    {"datagram"},
    {"mtr-packet"},
)

CASES = [
    # who, options, protocol and mode
    (ROOT, {}, ("icmp", "raw")),
    (PING, {}, ("icmp", "datagram")),
    (NOBODY, {}, ("udp", "error-queue")),
    (HELPED, {}, ("udp", "error-queue")),  # a helper is not for those who did not ask
    (ROOT, {"protocol": "udp"}, ("udp", "raw")),
    (PING, {"protocol": "udp"}, ("udp", "error-queue")),
    (NOBODY, {"protocol": "udp"}, ("udp", "error-queue")),
    (ROOT, {"protocol": "tcp"}, ("tcp", "raw")),
    (NOBODY, {"protocol": "tcp"}, ("tcp", "connect")),
    (HELPED, {"protocol": "tcp"}, ("tcp", "connect")),
    (ROOT, {"protocol": "icmp"}, ("icmp", "raw")),
    (PING, {"protocol": "icmp"}, ("icmp", "datagram")),
    (HELPED, {"protocol": "icmp"}, ("icmp", "mtr-packet")),  # nothing else is open to ICMP
    (ROOT, {"unprivileged": True}, ("icmp", "datagram")),
    (NOBODY, {"unprivileged": True}, ("udp", "error-queue")),
    (ROOT, {"unprivileged": True, "protocol": "udp"}, ("udp", "error-queue")),
    (ROOT, {"unprivileged": True, "protocol": "tcp"}, ("tcp", "connect")),
    (ROOT, {"mode": "raw"}, ("icmp", "raw")),
    (ROOT, {"mode": "error-queue"}, ("udp", "error-queue")),
    (ROOT, {"mode": "connect"}, ("tcp", "connect")),
    (PING, {"mode": "datagram"}, ("icmp", "datagram")),
    (ROOT, {"mode": "error-queue", "protocol": "udp"}, ("udp", "error-queue")),
    (HELPED, {"mode": "mtr-packet"}, ("icmp", "mtr-packet")),
    (HELPED, {"mode": "mtr-packet", "protocol": "udp"}, ("udp", "mtr-packet")),
    (ROOT, {"protocol": "udp", "multipath": "paris"}, ("udp", "raw")),
    (ROOT, {"protocol": "udp", "multipath": "dublin"}, ("udp", "raw")),
    (NOBODY, {"protocol": "udp", "multipath": "paris"}, ("udp", "error-queue")),
    (ROOT, {"protocol": "udp", "multipath": "paris", "unprivileged": True}, ("udp", "error-queue")),
]
REFUSED = [
    (NOBODY, {"protocol": "icmp"}, "CAP_NET_RAW.*ping_group_range.*mtr-packet.*protocol='udp'"),
    (NOBODY, {"protocol": "icmp", "unprivileged": True}, "a datagram socket or the helper.*ping_group_range"),
    (NOBODY, {"mode": "datagram"}, "ping_group_range"),
    (PING, {"mode": "raw"}, "mode raw needs raw sockets.*leave out mode"),
    (PING, {"protocol": "udp", "mode": "raw"}, "mode raw needs raw sockets"),
    (PING, {"mode": "mtr-packet"}, "mode mtr-packet needs the helper.*install mtr-packet"),
    (PING, {"protocol": "udp", "multipath": "dublin"}, "identification.*CAP_NET_RAW.*'paris'"),
    (ROOT, {"protocol": "udp", "multipath": "dublin", "unprivileged": True}, "which were not asked for"),
    (PING, {"protocol": "udp", "multipath": "paris", "mode": "raw"}, "paris on IPv4 needs raw sockets"),
]


def asking(who: set[str], *, af: int = 4, platform: str = "linux") -> Abilities:
    guarded = (SocketMode.RAW, SocketMode.DATAGRAM, SocketMode.MTR_PACKET)
    return Abilities({mode: partial(who.__contains__, mode) for mode in guarded}, af, platform)


@pytest.mark.parametrize(("who", "options", "expected"), CASES)
def test_the_first_that_is_allowed_is_taken(who, options, expected):
    protocol, mode, reason = decide(TraceConfig.from_options(**options), asking(who))
    assert (protocol, mode) == expected
    assert reason
    assert "\n" not in reason


@pytest.mark.parametrize(("who", "options", "message"), REFUSED)
def test_what_was_asked_for_is_never_swapped(who, options, message):
    with pytest.raises(PrivilegeError, match=message) as caught:
        decide(TraceConfig.from_options(**options), asking(who))
    assert "\n" not in str(caught.value)


def test_dublin_needs_no_privilege_over_ipv6_where_its_number_is_a_length():
    config = TraceConfig.from_options(protocol="udp", multipath="dublin")
    assert decide(config, asking(NOBODY, af=6))[:2] == ("udp", "error-queue")


@pytest.mark.parametrize(
    ("platform", "mode"), [("win32", "error-queue"), ("linux", "icmp-api"), ("plan9", "raw")]
)
def test_a_mode_that_the_platform_lacks_is_refused_by_name(platform, mode):
    with pytest.raises(ConfigError, match=f"mode {mode} is not to be had on this platform .{platform}"):
        decide(TraceConfig.from_options(mode=mode), asking(ROOT, platform=platform))


@pytest.mark.parametrize("platform", ORDER)
@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize("who", [ROOT, PING, NOBODY, HELPED], ids=sorted)
def test_a_preview_is_what_a_trace_would_get(who, protocol, platform):
    abilities = asking(who, platform=platform)
    mode, why = preview(protocol, abilities)
    assert why
    assert "\n" not in why
    try:
        expected: tuple[SocketMode | None, str] = decide(
            TraceConfig.from_options(protocol=protocol), abilities
        )[1:]
    except PrivilegeError as error:
        expected = (None, str(error))
    assert (mode, why) == expected


@pytest.mark.parametrize(
    "options", [{"protocol": "icmp", "mode": "error-queue"}, {"unprivileged": True, "mode": "raw"}]
)
def test_what_makes_no_sense_never_gets_here(options):
    with pytest.raises(ConfigError):
        TraceConfig.from_options(**options)


def test_a_swapped_protocol_is_said_in_the_reason():
    _protocol, _mode, reason = decide(TraceConfig(), asking(NOBODY))
    assert "not ICMP" in reason
    assert "CAP_NET_RAW" in reason
