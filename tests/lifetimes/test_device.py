"""A TUN device of the vault: one descriptor, one page in the ledger, and gone with its close."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.lifetimes.descriptors import last_handle, open_handles
from tests.net.kernel_net import kernel_net
from trippy_nb.errors import HandleClosedError
from trippy_nb.lifetimes import Vault, records
from trippy_nb.wire import UDP, decode_ip, encode_ip, encode_udp, pack_address

pytestmark = [pytest.mark.netns, pytest.mark.needs("tun"), pytest.mark.slow]

HERE, THERE = "192.0.2.10", "198.51.100.80"


@pytest.fixture(scope="module")
def net():
    with kernel_net("tntd", routers=-1, meet=False) as it:
        yield it


def tuns() -> int:
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += str(entry.readlink()) == "/dev/net/tun"
        except FileNotFoundError:  # the descriptor that lists the folder
            continue
    return found


def up(net, name):
    net.inside("ip", "address", "add", f"{HERE}/32", "dev", name)
    net.inside("ip", "link", "set", "dev", name, "up")
    net.inside("ip", "route", "add", f"{THERE}/32", "dev", name)


def probe(net):
    words = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'here', ('{THERE}', 9))"
    net.inside("python3", "-W", "ignore", "-c", words)


def test_it_is_one_descriptor_carries_packets_both_ways_and_is_gone_afterwards(net):
    from trippy_nb.lifetimes.device import open_device

    def work():
        before = last_handle()
        with Vault() as vault:
            device = open_device(vault, "tund0", purpose="carrying a packet")
            assert tuns() == 1
            assert device.read_many() == []  # it never blocks
            assert not device.wait(0)
            up(net, "tund0")
            probe(net)
            packets: list[bytes] = []  # the kernel's own may lie among them
            while device.wait(0):
                packets += device.read_many()
            (packet,) = (ip for data in packets if (ip := decode_ip(data)).dst == THERE)
            assert packet.payload[8:] == b"here"
            datagram = encode_udp(
                b"back", source=pack_address(THERE), target=pack_address(HERE), sport=9, dport=9
            )
            answer = encode_ip(datagram, source=pack_address(THERE), target=pack_address(HERE), protocol=UDP)
            assert device.write(answer)
            assert not device.write(bytes(20))  # of no IP version
        assert tuns() == 0
        assert open_handles(before) == []
        with pytest.raises(HandleClosedError):
            device.read_many()
        return records()[-1]

    page = net.call(work)
    assert (page.kind, page.sent) == ("device", 1)
    assert page.received >= 1
    assert "tund0" not in net.inside("ip", "-br", "link")


def test_a_name_that_is_taken_leaves_nothing_open(net):
    from trippy_nb.lifetimes.device import open_device

    net.inside("ip", "tuntap", "add", "dev", "stays0", "mode", "tun")

    def work():
        before = last_handle()
        with Vault() as vault:
            with pytest.raises(OSError, match="busy") as caught:
                open_device(vault, "stays0", purpose="none")
            assert caught.value.errno == errno.EBUSY
            assert tuns() == 0
            assert open_handles(before) == []

    net.call(work)
