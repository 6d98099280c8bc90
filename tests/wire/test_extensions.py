"""ICMP extensions: hex made by hand from the RFCs' diagrams, read and written, and scapy's reading."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import SOURCE, TARGET, stack
from trippy_nb import wire
from trippy_nb.errors import BadPacketError
from trippy_nb.wire import (
    Extensions,
    InterfaceInfo,
    InterfaceRole,
    MplsEntry,
    decode_extensions,
    encode_extensions,
    interface_object,
    mpls_object,
    mpls_text,
)

number = st.integers(0, 0xFFFFFFFF)
entries = st.builds(MplsEntry, st.integers(0, 0xFFFFF), st.integers(0, 7), st.booleans(), st.integers(0, 255))
names = st.text(max_size=30).filter(lambda name: len(name.encode()) <= 63 and not name.endswith("\0"))
addresses = st.ip_addresses().map(lambda addr: wire.address_text(addr.packed))
interfaces = st.builds(
    InterfaceInfo,
    role=st.sampled_from(InterfaceRole),
    index=st.none() | number,
    addr=st.none() | addresses,
    name=st.none() | names,
    mtu=st.none() | number,
)
strangers = st.builds(wire.ExtensionObject, st.integers(3, 255), st.integers(0, 255), st.binary(max_size=40))

# Objects by hand: header (length, class, type), payload, and what they mean.
LABEL = MplsEntry(label=24001, exp=1, bottom=True, ttl=7)
TWO_LABELS = (
    MplsEntry(label=16, exp=0, bottom=False, ttl=255),
    MplsEntry(label=17, exp=2, bottom=True, ttl=2),
)
INTERFACE = InterfaceInfo(role=InterfaceRole.INCOMING, index=15)
TABLE = [
    # 24001 = 0x05dc1; 0x05dc1 << 12 | 1 << 9 | 1 << 8 | 7
    ("one label", "0008 01 01  05dc1307", Extensions(mpls=(LABEL,))),
    (
        "two labels",
        "000c 01 01  000100ff 00011502",
        Extensions(mpls=TWO_LABELS),
    ),
    ("ifIndex", "0008 02 08  0000000f", Extensions(interfaces=(INTERFACE,))),
    (
        "all of an interface",  # 0x8f: role 2, then ifIndex, address, name, MTU
        "001c 02 8f  00000003 0001 0000 c6336401 08 65746830 000000 000005dc",
        Extensions(
            interfaces=(
                InterfaceInfo(
                    role=InterfaceRole.OUTGOING, index=3, addr="198.51.100.1", name="eth0", mtu=1500
                ),
            )
        ),
    ),
    (
        "IPv6 next hop",
        "0018 02 c4  0002 0000 20010db8000000000000000000000001",
        Extensions(interfaces=(InterfaceInfo(role=InterfaceRole.NEXT_HOP, addr="2001:db8::1"),)),
    ),
    (
        "nothing known of an interface",
        "0004 02 40",
        Extensions(interfaces=(InterfaceInfo(role=InterfaceRole.SUB_IP),)),
    ),
    ("class of RFC 8335", "0008 03 02  00000005", None),
    ("MPLS of an unknown type", "0008 01 02  05dc1307", None),
    ("a label cut short", "0007 01 01  05dc13", None),
    ("ifIndex cut short", "0007 02 08  000000", None),
    ("address of an unknown family", "0010 02 04  0003 0000 0000000000000000", None),
    ("address cut short", "000a 02 04  0001 0000 c633", None),
    ("address without even a family", "0004 02 04", None),
    ("name without a length", "0004 02 02", None),
    ("name of length 0", "0008 02 02  00 657468", None),
    ("name longer than the object", "0008 02 02  08 657468", None),
    ("name over 63 bytes", "0048 02 02 " + "44" + "61" * 67, None),
    ("MTU cut short", "0006 02 01  05dc", None),
    ("bytes left over", "000c 02 08  0000000f 00000000", None),
]
HEADER = "2000 0000"


@pytest.mark.parametrize(("octets", "meaning"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_an_object_made_by_hand_reads_as_it_means(octets, meaning):
    read = decode_extensions(bytes.fromhex(HEADER + octets))
    (item,) = read.objects
    assert item.encode() == bytes.fromhex(octets)
    expected = meaning or Extensions(unknown=(item,))
    assert (read.mpls, read.interfaces, read.unknown) == (
        expected.mpls,
        expected.interfaces,
        expected.unknown,
    )


@pytest.mark.parametrize(("octets", "meaning"), [row[1:] for row in TABLE if row[2]])
def test_a_meaning_is_written_as_made_by_hand(octets, meaning):
    made = [mpls_object(meaning.mpls)] if meaning.mpls else [interface_object(i) for i in meaning.interfaces]
    written = encode_extensions(made, with_checksum=False)
    assert written == bytes.fromhex(HEADER + octets)
    assert wire.verify_checksum(encode_extensions(made))


def test_a_structure_with_its_checksum_by_hand():
    # 2000 + 0008 + 0101 + 05dc + 1307 = 39ec, complement c613
    assert stack(24001) == bytes.fromhex("2000 c613 0008 0101 05dc 1307")


@given(
    st.lists(
        st.one_of(entries.map(lambda e: mpls_object([e])), interfaces.map(interface_object), strangers),
        max_size=6,
    )
)
def test_writing_and_reading_loses_nothing(objects):
    written = encode_extensions(objects)
    read = decode_extensions(written)
    assert wire.is_extension_structure(written, need_checksum=True)
    assert list(read.objects) == objects
    assert encode_extensions(read.objects) == written
    assert read.others == b"".join(item.encode() for item in objects if item.class_num != 1)


@given(st.lists(entries, max_size=10))
def test_a_label_stack_reads_back(stack_entries):
    assert decode_extensions(encode_extensions([mpls_object(stack_entries)])).mpls == tuple(stack_entries)


@given(interfaces)
def test_an_interface_reads_back(info):
    read = decode_extensions(encode_extensions([interface_object(info)]))
    assert (read.interfaces, read.unknown) == ((info,), ())


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 59, 60, 62, 63])
def test_a_name_fills_whole_words(size):
    item = interface_object(InterfaceInfo(role=InterfaceRole.INCOMING, name="x" * size))
    assert (len(item.payload) % 4, item.payload[0]) == (0, len(item.payload))
    assert len(item.payload) <= 64


def test_a_name_over_63_bytes_is_refused():
    with pytest.raises(ValueError, match="longer than 63 bytes"):
        interface_object(InterfaceInfo(role=InterfaceRole.INCOMING, name="ä" * 32))


def test_a_name_that_is_no_utf8_is_still_read():
    read = decode_extensions(bytes.fromhex(HEADER + "0008 02 02  04 ff6161"))
    assert read.interfaces[0].name == "\ufffdaa"


def test_a_stack_is_spelled_outermost_first():
    assert mpls_text(TWO_LABELS) == "16/0/0/255;17/2/1/2"
    assert mpls_text([]) == ""


BROKEN = {
    "nothing": "",
    "header cut": "200000",
    "version 1": "1000 0000",
    "object header cut": "2000 0000 0008",
    "object of length 3": "2000 0000 0003 0101",
    "object of length 0": "2000 0000 0000 0101",
    "object of length 2, and one within it that fits": "2000 0000 0002 0006 00000000",
    "object past the end": "2000 0000 0009 0101 05dc1307",
    "bytes after the objects": "2000 0000 0004 0101 00",
}


@pytest.mark.parametrize("octets", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_structure_is_refused(octets):
    broken = bytes.fromhex(octets)
    assert not wire.is_extension_structure(broken)
    with pytest.raises(BadPacketError, match="no ICMP extension structure"):
        decode_extensions(broken)


def test_a_right_checksum_or_none_makes_a_structure_and_a_wrong_one_does_not():
    right = stack(24001)
    none = right[:2] + b"\0\0" + right[4:]
    wrong = right[:2] + b"\0\1" + right[4:]
    assert [wire.is_extension_structure(ext) for ext in (right, none, wrong)] == [True, True, False]
    found = [wire.is_extension_structure(ext, need_checksum=True) for ext in (right, none, wrong)]
    assert found == [True, False, False]


def test_a_right_checksum_over_objects_that_do_not_fit_makes_no_structure():
    body = bytes.fromhex("2000 0000 0009 0101 05dc1307")
    summed = body[:2] + wire.internet_checksum(body).to_bytes(2, "big") + body[4:]
    assert wire.verify_checksum(summed)
    assert not wire.is_extension_structure(summed)


# --- where a message keeps its extensions: RFC 4884 sections 4 and 5 ----------------------------------------


def message(af, ext, quote_size=60, *, state_length=True, kind=None):
    """Encode a Time Exceeded, or a message of another type."""
    return wire.encode_error(
        bytes(range(1, 256))[:quote_size],
        source=wire.pack_address(SOURCE[af]),
        target=wire.pack_address(TARGET[af]),
        kind=kind or wire.ICMP_TYPES[af].time_exceeded,
        code=0,
        extensions=ext,
        state_length=state_length,
    )


@pytest.mark.parametrize(
    ("af", "quote_size", "length_at", "words"),
    [(4, 60, 5, 32), (4, 128, 5, 32), (4, 129, 5, 33), (4, 255, 5, 64),
     (6, 60, 4, 16), (6, 128, 4, 16), (6, 129, 4, 17), (6, 255, 4, 32)],
)  # fmt: skip
def test_the_quote_is_padded_to_128_bytes_and_whole_words_and_the_length_stated(
    af, quote_size, length_at, words
):
    octets = message(af, stack(24001), quote_size)
    assert octets[length_at] == words
    read = wire.decode_icmp(octets, af=af)
    assert read.extensions == stack(24001)
    assert len(read.quote) == words * (4 if af == 4 else 8)
    assert read.quote.rstrip(b"\0") == bytes(range(1, 256))[:quote_size]


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("quote_size", [28, 128, 200])
def test_a_router_of_before_rfc_4884_is_understood(af, quote_size):
    octets = message(af, stack(24001), quote_size, state_length=False)
    assert octets[4:8] == bytes(4)
    read = wire.decode_icmp(octets, af=af)
    assert (len(read.quote), read.extensions) == (128, stack(24001))


@pytest.mark.parametrize("af", [4, 6])
def test_without_a_length_a_structure_needs_a_checksum(af):
    unsummed = encode_extensions([mpls_object([LABEL])], with_checksum=False)
    octets = message(af, unsummed, state_length=False)
    assert wire.decode_icmp(octets, af=af).extensions is None
    assert wire.decode_icmp(octets, af=af).quote == octets[8:]
    stated = message(af, unsummed)
    assert wire.decode_icmp(stated, af=af).extensions == unsummed


@pytest.mark.parametrize("af", [4, 6])
def test_extensions_with_a_wrong_checksum_are_not_believed_and_the_quote_still_ends_where_stated(af):
    wrong = stack(24001)[:2] + b"\0\1" + stack(24001)[4:]
    read = wire.decode_icmp(message(af, wrong), af=af)
    assert (read.extensions, len(read.quote)) == (None, 128)


def test_a_length_that_lies_is_not_followed_past_128_bytes():
    octets = message(4, stack(24001))
    lying = octets[:5] + b"\xff" + octets[6:]
    assert wire.decode_icmp(lying, af=4).extensions == stack(24001)


@pytest.mark.parametrize(("af", "kind"), [(4, 0), (4, 5), (4, 8), (6, 2), (6, 4), (6, 128)])
def test_only_the_types_of_rfc_4884_section_4_6_carry_extensions(af, kind):
    with pytest.raises(ValueError, match="carries no extensions"):
        message(af, stack(24001), kind=kind or 8)
    sneaked = bytes((kind,)) + message(af, stack(24001))[1:]
    assert wire.decode_icmp(sneaked, af=af).extensions is None


def test_a_quote_too_long_for_the_length_field_is_refused():
    with pytest.raises(ValueError, match="too long"):
        wire.encode_error(bytes(1021), source=bytes(4), target=bytes(4), kind=11, code=0, extensions=stack(1))


# --- scapy's reading ----------------------------------------------------------------------------------------


@given(st.lists(entries, min_size=1, max_size=5))
def test_scapy_reads_the_same_labels(stack_entries):
    from scapy.contrib.mpls import MPLS

    payload = mpls_object(stack_entries).payload
    found = [MPLS(payload[i : i + 4]) for i in range(0, len(payload), 4)]
    assert [(e.label, e.cos, e.s, e.ttl) for e in found] == [
        (e.label, e.exp, e.bottom, e.ttl) for e in stack_entries
    ]


@given(st.lists(strangers, max_size=4))
def test_scapy_finds_the_structure_whole_and_its_checksum_right(objects):
    from scapy.layers import inet

    if not hasattr(inet, "ICMPExtension_Header"):
        pytest.skip("this scapy has no extensions in scapy.layers.inet")
    written = encode_extensions(objects)
    header = inet.ICMPExtension_Header(written)
    assert header.version == 2
    del header.chksum
    assert bytes(header) == written


def test_scapy_reads_the_same_interface():
    from scapy.layers import inet

    if not hasattr(inet, "ICMPExtension_InterfaceInformation"):
        pytest.skip("this scapy has no extensions in scapy.layers.inet")
    # Without a name: scapy 2.8 does not count the length byte of a name; RFC 5837 section 4.3 does.
    info = InterfaceInfo(role=InterfaceRole.OUTGOING, index=3, addr="198.51.100.1", mtu=1500)
    found = inet.ICMPExtension_InterfaceInformation(interface_object(info).encode())
    assert (found.classtype, found.ifindex, found.ip4, found.mtu) == (2, 3, "198.51.100.1", 1500)
    assert found.len == struct.unpack_from("!H", interface_object(info).encode())[0]
