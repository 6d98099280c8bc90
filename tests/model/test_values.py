"""Durations, addresses, vocabularies, plans: small values that every room relies on."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracing.world import make_plan
from trippy_nb.errors import ConfigError
from trippy_nb.model import (
    NS_PER_MS,
    NS_PER_S,
    Match,
    ReplyKind,
    RttSource,
    SocketMode,
    Status,
    Target,
    derive_secret,
    format_duration,
    normalise_address,
    parse_duration,
    seconds_to_ns,
    split_zone,
    unpack_address,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10ms", 0.01),
        ("1s", 1.0),
        ("1m30s", 90.0),
        (" 2.5 s ", 2.5),
        ("100us", 1e-4),
        ("7ns", 7e-9),
        ("1h", 3600.0),
        ("1h 1m 1s", 3661.0),
        ("0s", 0.0),
    ],
)
def test_durations_are_read_as_people_write_them(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize("text", ["", "10", "s", "1.5", "-1s", "1s?", "1 fortnight", "1,5s", "nan s", "1s2"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ConfigError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.0, "1s"), (0.01, "10ms"), (0.1, "100ms"), (0.0, "0s"), (90.0, "90s"), (2.5, "2.5s"), (1e-4, "100us")],
)
def test_durations_are_written_as_the_command_line_takes_them(seconds, text):
    assert format_duration(seconds) == text


@given(st.integers(1, 3_600_000).map(lambda ms: ms / 1000))
def test_what_is_written_is_read_again(seconds):
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-5)


def test_seconds_are_whole_nanoseconds():
    assert seconds_to_ns(0.1) == 100 * NS_PER_MS
    assert seconds_to_ns(3600.0) == 3600 * NS_PER_S
    assert seconds_to_ns(1e-9) == 1


@pytest.mark.parametrize(
    ("addr", "normal"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
    ],
)
def test_addresses_have_one_spelling(addr, normal):
    assert normalise_address(addr) == normal


@pytest.mark.parametrize("wrong", ["", "example.com", "192.0.2.256", "192.0.2.1/24", "::g"])
def test_what_is_no_address_is_refused(wrong):
    with pytest.raises(ValueError, match="address"):
        normalise_address(wrong)


@pytest.mark.parametrize(
    ("addr", "parts"),
    [("fe80::1%eth0", ("fe80::1", "eth0")), ("::1", ("::1", None)), ("fe80::1%", ("fe80::1", ""))],
)
def test_zones_are_split_off(addr, parts):
    assert split_zone(addr) == parts


@given(st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)))
def test_packed_addresses_are_spelled_the_same(packed):
    assert unpack_address(packed) == normalise_address(str(ipaddress.ip_address(packed)))


@pytest.mark.parametrize("words", [Status, ReplyKind, Match, RttSource])
def test_words_are_coded_from_zero_without_a_gap(words):
    assert [member.value for member in words] == list(range(len(words)))
    assert len(set(words.words())) == len(words)
    assert words.words()[0] == words(0).word


def test_words_are_spelled_as_tables_do():
    assert Status.BEYOND_TARGET.word == "beyond_target"
    assert RttSource.KERNEL_RX.word == "kernel-rx"
    assert RttSource.words() == (
        "kernel",
        "kernel-rx",
        "kernel-tcp",
        "user",
        "simulated",
        "imported",
        "helper",
    )


@pytest.mark.parametrize(("addr", "af"), [("192.0.2.1", 4), ("2001:db8::1", 6)])
def test_a_target_knows_its_family(addr, af):
    assert Target("a name", addr).af == af


@pytest.mark.parametrize(
    ("af", "options", "size"),
    [
        (4, {}, 84 - 28),
        (6, {}, 84 - 48),
        (4, {"protocol": "udp", "packet_size": 28}, 0),
        (4, {"protocol": "tcp", "packet_size": 1024}, 0),
    ],
)
def test_the_payload_is_what_headers_leave(af, options, size):
    assert make_plan(af, **options).payload_size == size


@pytest.mark.parametrize(
    ("options", "stable"),
    [
        ({}, True),
        ({"protocol": "udp"}, False),
        ({"protocol": "udp", "multipath": "paris"}, True),
        ({"protocol": "udp", "multipath": "dublin"}, True),
        ({"protocol": "tcp"}, False),
    ],
)
def test_a_flow_is_stable_if_every_probe_looks_the_same_to_a_balancer(options, stable):
    assert make_plan(**options).flow_stable is stable


def test_icmp_without_a_constant_checksum_has_no_stable_flow():
    assert make_plan(mode=SocketMode.DATAGRAM).flow_stable is False
    assert replace(make_plan(), icmp_checksum=None).flow_stable is False


def test_secrets_are_the_same_for_the_same_words_and_eight_bytes():
    assert derive_secret("a", 1) == derive_secret("a", 1)
    assert derive_secret("a", 1) != derive_secret("a1")
    assert derive_secret("a", 1) != derive_secret("a", "1")
    assert len(derive_secret()) == 8
    assert derive_secret("a", 1).hex() == "9a7f386fd1afb2ac"  # on every machine
