"""What a user may ask: Trippy's limits, and one line that says what to do when they are passed."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.errors import ConfigError, TrippyError
from trippy_nb.model import (
    BY_NAME,
    OPTIONS,
    AddrFamily,
    Multipath,
    Option,
    Protocol,
    ResolveMethod,
    SocketMode,
    TraceConfig,
    TraceOptions,
    check_family,
)

NUMBERS = [option for option in OPTIONS if option.kind in ("int", "duration")]
# A limit can be reached only with what goes with it.
COMPANIONS: dict[str, dict[str, Any]] = {
    "target_port": {"protocol": "tcp"},
    "source_port": {"protocol": "udp"},
    "first_ttl": {"max_ttl": 254},
    "min_round_duration": {"max_round_duration": 3600.0},
    "max_round_duration": {"min_round_duration": 0.0},
}
_STEP = {"int": 1, "duration": 1e-9}


def config(**options: Any) -> TraceConfig:
    return TraceConfig.from_options(**options)


def names(option: Option) -> str:
    return option.name


# --- the table and its mirrors ----------------------------------------------------------------------------


def test_every_option_is_a_field_and_every_field_an_option():
    assert [field.name for field in fields(TraceConfig)] == [option.name for option in OPTIONS]
    assert list(BY_NAME) == [option.name for option in OPTIONS]


def test_every_option_and_alias_is_a_keyword_for_type_checkers():
    words = {option.name for option in OPTIONS} | {alias for option in OPTIONS for alias in option.aliases}
    assert set(get_type_hints(TraceOptions)) == words


@pytest.mark.parametrize("option", OPTIONS, ids=names)
def test_the_default_of_the_table_is_the_default(option):
    assert getattr(config(), option.name) == option.default


def test_trippys_defaults_are_ours():
    """`trippy-core/src/config.rs`, by its own names; `report-cycles` is our `rounds`."""
    expected = {
        "first-ttl": 1,
        "max-ttl": 64,
        "max-inflight": 24,
        "initial-sequence": 33434,
        "packet-size": 84,
        "payload-pattern": 0,
        "tos": 0,
        "min-round-duration": 1.0,
        "max-round-duration": 1.0,
        "grace-duration": 0.1,
        "read-timeout": 0.01,
        "report-cycles": 10,
        "multipath-strategy": "classic",
        "addr-family": "system",
        "dns-timeout": 5.0,
        "dns-ttl": 300.0,
        "dns-resolve-method": "system",
        "icmp-extensions": False,
        "unprivileged": False,
        "dns-resolve-all": False,
    }
    ours = {option.trippy: option.default for option in OPTIONS if option.trippy in expected}
    assert ours == expected


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("first_ttl", 1, 254),
        ("max_ttl", 1, 254),
        ("max_inflight", 1, 255),
        ("initial_sequence", 0, 64_511),
        ("packet_size", 28, 1024),
        ("source_port", 1024, 65_535),
        ("grace_duration", 0.01, 1.0),
        ("read_timeout", 0.01, 0.1),
    ],
)
def test_trippys_limits_are_ours(name, low, high):
    assert (BY_NAME[name].low, BY_NAME[name].high) == (low, high)


def test_no_flag_and_no_name_means_two_things():
    flags = [flag for option in OPTIONS for spelling in option.flags for flag in spelling.split("/")]
    assert len(flags) == len(set(flags))
    words = [option.name for option in OPTIONS] + [alias for option in OPTIONS for alias in option.aliases]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("option", OPTIONS, ids=names)
def test_the_table_is_complete(option):
    assert option.help.endswith(".")
    assert option.flags
    assert any(flag.startswith("--") for flag in option.flags)
    assert (option.low is None) == (option.high is None)
    assert bool(option.choices) == (option.kind == "choice")
    assert (option.unit == "s") == (option.kind == "duration")
    if option.default is None:
        assert option.auto, "None must stand for something"


# --- each option alone ------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", NUMBERS, ids=names)
def test_the_limits_are_allowed_and_what_is_beyond_is_not(option):
    companions = COMPANIONS.get(option.name, {})
    assert option.low is not None
    assert option.high is not None
    step = _STEP[option.kind] * max(1, abs(option.high) if option.kind == "duration" else 1)
    for limit, beyond in ((option.low, option.low - step), (option.high, option.high + step)):
        value = int(limit) if option.kind == "int" else limit
        assert getattr(config(**companions, **{option.name: value}), option.name) == value
        outside = int(beyond) if option.kind == "int" else beyond
        with pytest.raises(ConfigError, match=rf"^{option.name} is .*, but must be from .* to "):
            config(**companions, **{option.name: outside})


@pytest.mark.parametrize("option", NUMBERS, ids=names)
@pytest.mark.parametrize("wrong", ["5", True, pytest.param(object(), id="object"), [1], 1j, b"1"], ids=repr)
def test_a_number_is_a_number(option, wrong):
    with pytest.raises(ConfigError, match=rf"^{option.name} is a number"):
        config(**{option.name: wrong})


@pytest.mark.parametrize("option", NUMBERS, ids=names)
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf], ids=repr)
def test_a_number_is_finite(option, wrong):
    with pytest.raises(ConfigError, match=option.name):
        config(**{option.name: wrong})


@pytest.mark.parametrize("option", [option for option in NUMBERS if option.kind == "int"], ids=names)
def test_whole_numbers_are_whole(option):
    with pytest.raises(ConfigError, match=f"{option.name} is a whole number"):
        config(**{option.name: option.low + 0.5})


def test_whole_floats_and_numpy_integers_are_whole_numbers():
    numpy = pytest.importorskip("numpy")
    made = config(max_ttl=numpy.int64(30), first_ttl=2.0, min_round_duration=numpy.float32(0.5))
    assert (made.max_ttl, made.first_ttl, made.min_round_duration) == (30, 2, 0.5)
    assert type(made.max_ttl) is type(made.first_ttl) is int
    assert type(made.min_round_duration) is float


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("protocol", "UDP", Protocol.UDP),
        ("protocol", Protocol.TCP, Protocol.TCP),
        ("multipath_strategy", "Classic", Multipath.CLASSIC),
        ("addr_family", "IPv6", AddrFamily.IPV6),
        ("addr_family", "ipv4-then-ipv6", AddrFamily.IPV4_THEN_IPV6),
        ("mode", "raw", SocketMode.RAW),
        ("dns_resolve_method", "resolv", ResolveMethod.RESOLV),
    ],
)
def test_words_are_understood_in_any_case(name, word, value):
    assert getattr(config(**{name: word}), name) is value


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.kind == "choice"], ids=names)
def test_an_unknown_word_is_answered_with_those_that_are_known(option):
    with pytest.raises(ConfigError) as caught:
        config(**{option.name: "sctp"})
    assert all(choice in str(caught.value) for choice in option.choices)


def test_the_simulators_kind_of_socket_is_not_for_users():
    with pytest.raises(ConfigError, match="mode is one of raw, error-queue, datagram"):
        config(mode="sim")


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.kind == "bool"], ids=names)
@pytest.mark.parametrize("wrong", [1, 0, "yes", "False"])
def test_a_flag_is_true_or_false(option, wrong):
    with pytest.raises(ConfigError, match=f"{option.name} is True or False"):
        config(**{option.name: wrong})


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.kind == "text"], ids=names)
@pytest.mark.parametrize("wrong", [7, "", "   "], ids=repr)
def test_a_text_is_a_text(option, wrong):
    with pytest.raises(ConfigError, match=f"{option.name} is a text"):
        config(**{option.name: wrong})


def test_a_text_is_stripped():
    assert config(interface=" eth0 ").interface == "eth0"


@pytest.mark.parametrize(
    ("given_", "made"), [([16, 11, 12, 11], (11, 12, 16)), (range(3, 6), (3, 4, 5)), ({7.0}, (7,))]
)
def test_ttls_are_sorted_and_single(given_, made):
    assert config(ttls=given_).ttls == made


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("11,12", "list of whole numbers"),
        (5, "list of whole numbers"),
        ([], "ttls is empty"),
        ([0], "must be from 1 to 254"),
        ([255], "must be from 1 to 254"),
        (["1"], "is a number"),
        ([1.5], "is a whole number"),
    ],
)
def test_ttls_that_are_none(wrong, message):
    with pytest.raises(ConfigError, match=message):
        config(ttls=wrong)


@pytest.mark.parametrize("option", OPTIONS, ids=names)
def test_none_is_allowed_where_it_stands_for_something(option):
    if option.default is None or option.name == "rounds":
        assert getattr(config(**{option.name: None}), option.name) is None
    else:
        with pytest.raises(ConfigError, match=f"{option.name} needs a value"):
            config(**{option.name: None})


# --- keywords ---------------------------------------------------------------------------------------------


def test_aliases_mean_the_same():
    assert config(multipath="paris", protocol="udp") == config(multipath_strategy="paris", protocol="udp")
    assert config(report_cycles=3) == config(rounds=3)


def test_a_name_given_twice_is_refused():
    with pytest.raises(ConfigError, match="rounds is given twice"):
        config(rounds=3, report_cycles=4)


@pytest.mark.parametrize(
    ("word", "hint"), [("max_tll", "did you mean 'max_ttl'"), ("xyzzy", "trippy-nb trace --help")]
)
def test_an_unknown_keyword_is_refused_with_a_hint(word, hint):
    with pytest.raises(ConfigError, match=hint):
        config(**{word: 1})


# --- combinations -----------------------------------------------------------------------------------------

FINE: list[dict[str, Any]] = [
    {"protocol": "udp", "multipath": "paris", "source_port": 5000, "target_port": 53},
    {"protocol": "udp", "multipath": "dublin", "source_port": 5000, "target_port": 53},
    {"protocol": "udp", "source_port": 5000},
    {"protocol": "udp", "target_port": 53},
    {"protocol": "tcp", "target_port": 443},
    {"protocol": "tcp", "source_port": 5000},
    {"protocol": "icmp", "unprivileged": True},
    {"protocol": "icmp", "mode": "datagram"},
    {"protocol": "udp", "mode": "error-queue"},
    {"protocol": "tcp", "mode": "connect"},
    {"protocol": "udp", "mode": "error-queue", "multipath": "paris"},
    {"protocol": "udp", "unprivileged": True, "multipath": "dublin"},
    *({"protocol": word, "mode": "mtr-packet"} for word in ("icmp", "udp", "tcp")),
    {"first_ttl": 5, "max_ttl": 5},
    {"min_round_duration": 0.5, "max_round_duration": 0.5},
    {"rounds": None, "duration": 3.0},
    {"source_address": "192.0.2.1"},
    {"source_address": "2001:db8::1"},
    {"interface": "eth0"},
]
NUMBERED: list[tuple[dict[str, Any], str]] = [
    ({}, "needs a protocol: add protocol='udp'"),
    ({"protocol": "udp", "mode": "mtr-packet"}, "for raw sockets and the error queue, not mode mtr-packet"),
    ({"protocol": "udp", "initial_sequence": 0}, "initial_sequence must be at least 1"),
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"first_ttl": 6, "max_ttl": 5}, "first_ttl 6 is greater than max_ttl 5"),
    ({"min_round_duration": 2.0}, "min_round_duration 2 s is longer than max_round_duration 1 s"),
    ({"max_round_duration": 0.5}, "longer than"),
    ({"source_address": "192.0.2.1", "interface": "eth0"}, "give one of them"),
    ({"source_address": "here"}, "is not an IP address"),
    ({"protocol": "tcp", "source_port": 5000, "target_port": 80}, "only one of source_port and target_port"),
    ({"protocol": "udp", "source_port": 5000, "target_port": 80}, "paris or dublin"),
    ({"protocol": "icmp", "target_port": 80}, "ICMP has no ports"),
    ({"protocol": "icmp", "source_port": 5000}, "ICMP has no ports"),
    ({"target_port": 80}, "a port needs a protocol"),
    ({"source_port": 5000}, "a port needs a protocol"),
    *[({"multipath": word, **more}, message) for word in ("paris", "dublin") for more, message in NUMBERED],
    ({"multipath": "dublin", "protocol": "icmp"}, "dublin is for UDP, not icmp: use paris"),
    ({"multipath": "dublin", "protocol": "tcp"}, "dublin is for UDP, not tcp: use paris"),
    ({"multipath": "paris", "protocol": "tcp", "mode": "connect"}, "for raw sockets, not mode connect"),
    ({"multipath": "paris", "protocol": "icmp", "mode": "mtr-packet"}, "for raw and datagram sockets, not"),
    ({"unprivileged": True, "mode": "raw"}, "mode 'raw' needs privilege"),
    ({"protocol": "icmp", "mode": "error-queue"}, "mode 'error-queue' is for UDP"),
    ({"protocol": "tcp", "mode": "error-queue"}, "is for UDP; TCP without privilege is mode 'connect'"),
    ({"protocol": "udp", "mode": "connect"}, "is for TCP; UDP without privilege is mode 'error-queue'"),
    ({"protocol": "tcp", "mode": "icmp-api"}, "is for ICMP; TCP without privilege is mode 'connect'"),
    ({"protocol": "tcp", "mode": "mtr-packet", "source_port": 5000}, "mtr-packet chooses the source ports"),
    ({"protocol": "udp", "mode": "datagram"}, "mode 'datagram' is for ICMP"),
    ({"protocol": "tcp", "mode": "datagram"}, "mode 'datagram' is for ICMP"),
]


@pytest.mark.parametrize("options", FINE, ids=repr)
def test_what_fits_together_is_allowed(options):
    assert isinstance(config(**options), TraceConfig)


@pytest.mark.parametrize(("options", "message"), WRONG, ids=repr)
def test_what_does_not_fit_is_refused_in_one_line(options, message):
    with pytest.raises(ConfigError, match=message) as caught:
        config(**options)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, (TrippyError, ValueError))


def test_the_constructor_checks_as_well():
    with pytest.raises(ConfigError):
        TraceConfig(max_ttl=255)
    with pytest.raises(ConfigError):
        replace(TraceConfig(), protocol=Protocol.TCP, multipath_strategy=Multipath.DUBLIN)


def test_a_configuration_does_not_change():
    with pytest.raises(FrozenInstanceError):
        TraceConfig().max_ttl = 3  # type: ignore[misc]  # that is what is tested


@pytest.mark.parametrize(
    ("options", "af", "smallest"),
    [
        ({}, 4, 28),
        ({}, 6, 48),
        ({"protocol": "udp"}, 4, 28),
        ({"protocol": "udp", "multipath": "paris"}, 4, 30),
        ({"protocol": "udp", "multipath": "paris"}, 6, 50),
        ({"protocol": "udp", "multipath": "dublin"}, 4, 28),
    ],
)
def test_the_smallest_packet_depends_on_family_and_strategy(options, af, smallest):
    check_family(config(packet_size=smallest, **options), af)
    if smallest > 28:
        with pytest.raises(ConfigError, match=f"at least {smallest} bytes"):
            check_family(config(packet_size=smallest - 1, **options), af)


@pytest.mark.parametrize(
    ("addr", "af", "fits"),
    [("192.0.2.1", 4, True), ("192.0.2.1", 6, False), ("2001:db8::1", 6, True), ("2001:db8::1", 4, False)],
)
def test_the_source_address_is_of_the_targets_family(addr, af, fits):
    made = config(source_address=addr)
    if fits:
        check_family(made, af)
    else:
        with pytest.raises(ConfigError, match=f"but the target is IPv{af}"):
            check_family(made, af)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=3),
)


@given(options=st.dictionaries(st.sampled_from([*BY_NAME, "multipath", "nonsense"]), VALUES, max_size=4))
def test_no_value_whatever_raises_anything_but_configerror(options):
    try:
        made = config(**options)
    except ConfigError as error:
        assert "\n" not in str(error) or any("\n" in str(value) for value in options.values())  # noqa: PT017 - the error is data here
    else:
        assert config(**{field.name: getattr(made, field.name) for field in fields(made)}) == made
