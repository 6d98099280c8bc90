"""TCP without privilege: what leaves this machine, and what the program behind the port gets to know."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.needs import find_tool
from tests.net.driving import Driver, drive
from trippy_nb.capture import open_channel
from trippy_nb.errors import PortInUseError
from trippy_nb.lifetimes import Vault, records
from trippy_nb.model import SocketMode

pytestmark = [pytest.mark.netns, pytest.mark.needs("tcpdump", "nft"), pytest.mark.slow]


@contextmanager
def flags_seen(net) -> Iterator[list[str]]:
    """Collect the flags of all TCP segments that pass the source's device meanwhile."""
    words = [find_tool("tcpdump") or "tcpdump", "-i", "right", "-n", "-l", "--immediate-mode", "tcp"]
    seen: list[str] = []
    with subprocess.Popen(
        ["ip", "netns", "exec", net.source, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as dump:
        assert dump.stderr is not None
        while "listening" not in dump.stderr.readline():
            pass
        try:
            yield seen
        finally:
            dump.send_signal(signal.SIGINT)
            seen += re.findall(r"Flags \[([^]]+)\]", dump.communicate(timeout=10)[0])


@pytest.mark.parametrize("af", [4, 6])
def test_an_open_port_is_left_half_open_and_its_program_is_never_told(veth, af):
    def listen() -> socket.socket:
        family = socket.AF_INET6 if af == 6 else socket.AF_INET
        return socket.create_server((veth.target_addr(af), 80), family=family)

    def steps(it: Driver) -> Driver:
        it.send([3])
        return it.collect(lambda it: bool(it.replies))

    with veth.call(listen, where=veth.target) as server, flags_seen(veth) as seen:
        server.settimeout(0.2)
        it = drive(veth.target_addr(af), steps, enter=veth.enter, protocol="tcp", mode="connect")
        with pytest.raises(TimeoutError):
            server.accept()
    (reply,) = it.replies
    assert reply.tcp_flags == 0x12
    assert reply.rtt_ns is not None
    assert seen == ["S", "S.", "R."]


def test_no_syn_is_sent_twice(own_veth):
    """Nobody answers, so the kernel would send each again after a second."""
    own_veth.inside(
        "nft",
        "add table inet q; add chain inet q i { type filter hook input priority 0; }; "
        "add rule inet q i meta l4proto tcp drop",
        where=own_veth.target,
    )

    def steps(it: Driver) -> Driver:
        it.send([1, 2, 3])
        return it.collect(lambda it: False, within_ms=1500)

    with flags_seen(own_veth) as seen:
        it = drive(own_veth.target_addr(4), steps, enter=own_veth.enter, protocol="tcp", mode="connect")
    assert it.replies == []
    assert seen == ["S"] * 3


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_port_that_was_given_and_is_taken_is_refused_by_name(own_veth, protocol):
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM

    def occupy() -> socket.socket:
        sock = socket.socket(socket.AF_INET, kind)
        sock.bind((own_veth.source_addr(4), 5000))
        return sock

    with own_veth.call(occupy), pytest.raises(PortInUseError, match="source port 5000"):
        drive(
            own_veth.target_addr(4),
            lambda it: it,
            enter=own_veth.enter,
            protocol=protocol,
            unprivileged=True,
            source_port=5000,
        )


def test_a_port_that_we_chose_and_is_taken_is_followed_by_the_next(own_veth):
    def occupy() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((own_veth.source_addr(4), 47_200))
        return sock

    def steps(it: Driver) -> int | None:
        assert it.plan.mode is SocketMode.ERROR_QUEUE
        with Vault() as vault:
            plan, _channel = open_channel(it.network, replace(it.plan, sport=47_200), vault)
            return plan.sport

    with own_veth.call(occupy):
        options: dict[str, Any] = {"protocol": "udp", "unprivileged": True}
        assert drive(own_veth.target_addr(4), steps, enter=own_veth.enter, **options) == 47_201
    assert all(record.closed_at for record in records())
