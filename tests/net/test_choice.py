"""Which protocol and sockets a trace gets: every case, and what is said where it gets none."""

from __future__ import annotations

import pytest

from trippy_nb.errors import ConfigError, PrivilegeError
from trippy_nb.model import TraceConfig
from trippy_nb.net.choice import Abilities, decide

ROOT, PING, NOBODY = (True, True), (False, True), (False, False)

CASES = [
    # who, options, protocol and mode
    (ROOT, {}, ("icmp", "raw")),
    (PING, {}, ("icmp", "datagram")),
    (NOBODY, {}, ("udp", "error-queue")),
    (ROOT, {"protocol": "udp"}, ("udp", "raw")),
    (PING, {"protocol": "udp"}, ("udp", "error-queue")),
    (NOBODY, {"protocol": "udp"}, ("udp", "error-queue")),
    (ROOT, {"protocol": "tcp"}, ("tcp", "raw")),
    (ROOT, {"protocol": "icmp"}, ("icmp", "raw")),
    (PING, {"protocol": "icmp"}, ("icmp", "datagram")),
    (ROOT, {"unprivileged": True}, ("icmp", "datagram")),
    (NOBODY, {"unprivileged": True}, ("udp", "error-queue")),
    (ROOT, {"unprivileged": True, "protocol": "udp"}, ("udp", "error-queue")),
    (ROOT, {"mode": "raw"}, ("icmp", "raw")),
    (ROOT, {"mode": "error-queue"}, ("udp", "error-queue")),
    (PING, {"mode": "datagram"}, ("icmp", "datagram")),
    (ROOT, {"mode": "error-queue", "protocol": "udp"}, ("udp", "error-queue")),
    (ROOT, {"protocol": "udp", "multipath": "paris"}, ("udp", "raw")),
    (ROOT, {"protocol": "udp", "multipath": "dublin"}, ("udp", "raw")),
]
REFUSED = [
    (PING, {"protocol": "tcp"}, "TCP needs raw sockets.*CAP_NET_RAW.*protocol='udp'"),
    (ROOT, {"protocol": "tcp", "unprivileged": True}, "not allowed with unprivileged"),
    (ROOT, {"protocol": "tcp", "mode": "error-queue"}, "not what mode error-queue means"),
    (NOBODY, {"protocol": "icmp"}, "CAP_NET_RAW.*ping_group_range.*protocol='udp'"),
    (NOBODY, {"mode": "datagram"}, "ping_group_range"),
    (PING, {"mode": "raw"}, "mode raw needs raw sockets.*leave out mode"),
    (PING, {"protocol": "udp", "mode": "raw"}, "mode raw needs raw sockets"),
    (PING, {"protocol": "udp", "multipath": "paris"}, "paris needs raw sockets.*classic"),
]


def asking(who: tuple[bool, bool]) -> Abilities:
    return Abilities(raw=lambda: who[0], datagram=lambda: who[1])


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
