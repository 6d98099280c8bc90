"""What routers say beside their names reaches the tables in every mode without privilege."""

from __future__ import annotations

import pytest

from tests.faults.tunnel import ROUTER, tunnel
from trippy_nb.wire import (
    ICMP_TYPES,
    MplsEntry,
    encode_extensions,
    encode_icmp_error,
    mpls_object,
)

pytestmark = [pytest.mark.netns, pytest.mark.needs("tun", "raw_socket"), pytest.mark.slow]
LABELS = encode_extensions([mpls_object([MplsEntry(label=24001, exp=1, bottom=True, ttl=7)])])
PARIS = {
    "protocol": "udp",
    "mode": "error-queue",
    "multipath": "paris",
    "source_port": 5000,
    "target_port": 33500,
}
MODES = [
    {"protocol": "udp", "mode": "error-queue"},
    PARIS,
    {"protocol": "tcp", "mode": "connect"},
    {"protocol": "icmp", "mode": "datagram"},
    pytest.param({"protocol": "tcp", "mode": "mtr-packet"}, marks=pytest.mark.needs("mtr")),
]


@pytest.fixture(scope="module")
def path():
    with tunnel() as it:
        yield it


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("options", MODES, ids=lambda options: f"{options['mode']}-{len(options)}")
def test_labels_reply_ttl_type_and_code_are_in_the_table(path, af, options):
    def answer(packet, _ip):
        yield encode_icmp_error(
            packet,
            source=ROUTER[af],
            icmp_type=ICMP_TYPES[af].time_exceeded,
            icmp_code=0,
            extensions=LABELS,
            ttl=61,
        )

    run = path.trace(answer, af, ttls=[4], **options)
    (reply,) = run.replies.to_dict("records")
    assert reply["addr"] == ROUTER[af]
    assert (reply["icmp_type"], reply["icmp_code"]) == (ICMP_TYPES[af].time_exceeded, 0)
    assert "24001" in str(reply["mpls"])
    if options["mode"] != "mtr-packet":
        assert reply["reply_ttl"] == 61


@pytest.mark.parametrize(("size", "status"), [(28, "timeout"), (46, "reply")])
def test_a_paris_probe_without_privilege_needs_some_payload_quoted(path, size, status):
    def answer(packet, _ip):
        yield encode_icmp_error(packet, source=ROUTER[4], icmp_type=11, icmp_code=0, quote_size=size)

    run = path.trace(answer, 4, ttls=[4], **PARIS)
    assert run.probes["status"].tolist() == [status]
    assert run.runs["unmatched"].iloc[0] == (status == "timeout")


def test_dublin_over_ipv6_is_told_by_its_payload(path):
    def answer(packet, ip):
        source = f"fd77:201::{ip.ttl:x}"
        yield encode_icmp_error(packet, source=source, icmp_type=3, icmp_code=0, quote_size=70)

    options = {"protocol": "udp", "mode": "error-queue", "multipath": "dublin", "source_port": 5000}
    run = path.trace(answer, 6, ttls=range(1, 30), target_port=33500, **options)
    found = run.probes[["ttl", "addr", "match"]].to_numpy().tolist()
    assert found == [[ttl, f"fd77:201::{ttl:x}", "token"] for ttl in range(1, 30)]
