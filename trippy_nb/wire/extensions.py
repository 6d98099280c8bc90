"""What routers append to ICMP errors: RFC 4884 (structure), RFC 4950 (MPLS), RFC 5837 (interfaces).

A structure is a header and objects; an object is a class, a type within it, and bytes. Objects of
classes or shapes that we do not know are kept as they came. Reading and writing a structure is lossless:
`Extensions.objects` holds every object in order, the other fields are what we understand of them.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from trippy_nb.errors import BadPacketError
from trippy_nb.wire.checksum import internet_checksum, verify_checksum
from trippy_nb.wire.packet import address_text, pack_address

# Header, RFC 4884 section 7
# offset  size  field
#      0     1  version 2 (4 bits), reserved
#      1     1  reserved
#      2     2  checksum of the structure; 0 = none
# Object, RFC 4884 section 8
#      0     2  length in bytes, of these 4 and the payload
#      2     1  class
#      3     1  type within the class (C-Type)
#      4     -  payload
_HEADER = struct.Struct("!BBH")
_OBJECT = struct.Struct("!HBB")
_HEADER_SIZE = _OBJECT_SIZE = 4
_VERSION = 2

MPLS_CLASS, MPLS_INCOMING = 1, 1
"""RFC 4950 section 5: the label stack as it arrived."""
INTERFACE_CLASS = 2
"""RFC 5837 section 4.1."""

_INDEX, _ADDRESS, _NAME, _MTU = 0x08, 0x04, 0x02, 0x01
_AFI_SIZE = {1: 4, 2: 16}  # address family numbers of IPv4 and IPv6
_MAX_NAME = 63


@dataclass(frozen=True, slots=True)
class MplsEntry:
    """One entry of an MPLS label stack: RFC 3032 section 2.1, with EXP as RFC 5462 renames it."""

    label: int
    """20 bits."""
    exp: int
    """Traffic class, 3 bits."""
    bottom: bool
    """Bottom of the stack."""
    ttl: int


class InterfaceRole(IntEnum):
    """What an interface is to the packet: RFC 5837 section 4.1."""

    INCOMING = 0
    SUB_IP = 1  # a component of the incoming IP interface
    OUTGOING = 2
    NEXT_HOP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceInfo:
    """An interface, as far as the router tells. None means that it does not."""

    role: InterfaceRole
    index: int | None = None
    """ifIndex of the router's MIB."""
    addr: str | None = None
    """Normalised address."""
    name: str | None = None
    """Up to 63 bytes of UTF-8."""
    mtu: int | None = None
    """In bytes."""


@dataclass(frozen=True, slots=True)
class ExtensionObject:
    """One object as it was received."""

    class_num: int
    c_type: int
    payload: bytes

    def encode(self) -> bytes:
        """Encode with its header."""
        return _OBJECT.pack(_OBJECT_SIZE + len(self.payload), self.class_num, self.c_type) + self.payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """An extension structure, read."""

    objects: tuple[ExtensionObject, ...] = ()
    """Everything, in order."""
    mpls: tuple[MplsEntry, ...] = ()
    """Label stack, outermost first."""
    interfaces: tuple[InterfaceInfo, ...] = ()
    unknown: tuple[ExtensionObject, ...] = ()
    """Objects of a class or shape that is not understood."""

    @property
    def others(self) -> bytes:
        """All objects that are not a label stack, as received: what `replies.ext` holds."""
        return b"".join(item.encode() for item in self.objects if not _is_mpls(item))


def decode_extensions(ext: bytes) -> Extensions:
    """Read an extension structure, header included.

    The checksum is not verified here: `decode_reply` attaches only structures with a right one, or
    none, and whatever it attaches can be read.

    Raises
    ------
    BadPacketError
        If the version is not 2 or an object does not fit. No other exception, whatever the bytes.
    """
    if len(ext) < _HEADER_SIZE or ext[0] >> 4 != _VERSION or not _objects_fit(ext):
        raise BadPacketError(f"{len(ext)} bytes are no ICMP extension structure")
    objects = tuple(_split_objects(ext))
    mpls: list[MplsEntry] = []
    interfaces: list[InterfaceInfo] = []
    unknown: list[ExtensionObject] = []
    for item in objects:
        if _is_mpls(item):
            mpls.extend(_read_entries(item.payload))
        elif item.class_num == INTERFACE_CLASS and (info := _read_interface(item)) is not None:
            interfaces.append(info)
        else:
            unknown.append(item)
    return Extensions(objects=objects, mpls=tuple(mpls), interfaces=tuple(interfaces), unknown=tuple(unknown))


def is_extension_structure(octets: bytes, *, need_checksum: bool = False) -> bool:
    """Tell whether bytes are a whole structure: version 2, a right checksum or none, objects that fit.

    Parameters
    ----------
    octets
        From the structure's header to the end of the message. Untrusted.
    need_checksum
        Refuse a structure without a checksum too.
    """
    if len(octets) < _HEADER_SIZE or octets[0] >> 4 != _VERSION:
        return False
    stated = octets[2] << 8 | octets[3]
    if stated == 0:
        return not need_checksum and _objects_fit(octets)
    return verify_checksum(octets) and _objects_fit(octets)


def encode_extensions(objects: Iterable[ExtensionObject], *, with_checksum: bool = True) -> bytes:
    """Encode a structure; `with_checksum` False leaves the checksum 0, as RFC 4884 section 7 allows."""
    body = b"".join(item.encode() for item in objects)
    header = _HEADER.pack(_VERSION << 4, 0, 0)
    if with_checksum:
        header = _HEADER.pack(_VERSION << 4, 0, internet_checksum(header + body))
    return header + body


def mpls_object(entries: Iterable[MplsEntry]) -> ExtensionObject:
    """Make the object of a label stack, outermost first: RFC 4950 section 5."""
    words = (
        (entry.label << 12 | entry.exp << 9 | entry.bottom << 8 | entry.ttl).to_bytes(4, "big")
        for entry in entries
    )
    return ExtensionObject(MPLS_CLASS, MPLS_INCOMING, b"".join(words))


def mpls_text(entries: Iterable[MplsEntry]) -> str:
    """Spell a label stack as `replies.mpls` does: ``label/exp/s/ttl;...``, outermost first."""
    return ";".join(f"{entry.label}/{entry.exp}/{entry.bottom:d}/{entry.ttl}" for entry in entries)


def interface_object(info: InterfaceInfo) -> ExtensionObject:
    """Make the object of an interface: RFC 5837 section 4.

    Raises
    ------
    ValueError
        If the name is longer than 63 bytes of UTF-8.
    """
    present, parts = info.role << 6, b""
    if info.index is not None:
        present |= _INDEX
        parts += info.index.to_bytes(4, "big")
    if info.addr is not None:
        present |= _ADDRESS
        packed = pack_address(info.addr)
        parts += struct.pack("!HH", 1 if len(packed) == 4 else 2, 0) + packed  # noqa: PLR2004 - IPv4 or IPv6
    if info.name is not None:
        present |= _NAME
        name = info.name.encode()
        if len(name) > _MAX_NAME:
            raise ValueError(f"interface name {info.name!r} is longer than {_MAX_NAME} bytes")
        length = (len(name) + 4) & ~3  # its own byte counts, and the whole is padded to words
        parts += bytes((length,)) + name.ljust(length - 1, b"\0")
    if info.mtu is not None:
        present |= _MTU
        parts += info.mtu.to_bytes(4, "big")
    return ExtensionObject(INTERFACE_CLASS, present, parts)


def _objects_fit(ext: bytes) -> bool:
    """Tell whether objects fill a structure to its end. Cannot fail; each step is at least 4 bytes."""
    offset, end = _HEADER_SIZE, len(ext)
    while offset + _OBJECT_SIZE <= end:
        length = ext[offset] << 8 | ext[offset + 1]
        if length < _OBJECT_SIZE:
            return False
        offset += length
    return offset == end


def _split_objects(ext: bytes) -> Iterator[ExtensionObject]:
    """Split a structure whose objects fit."""
    offset = _HEADER_SIZE
    while offset < len(ext):
        length, class_num, c_type = _OBJECT.unpack_from(ext, offset)
        yield ExtensionObject(class_num, c_type, ext[offset + _OBJECT_SIZE : offset + length])
        offset += length


def _is_mpls(item: ExtensionObject) -> bool:
    return item.class_num == MPLS_CLASS and item.c_type == MPLS_INCOMING and len(item.payload) % 4 == 0


def _read_entries(payload: bytes) -> Iterable[MplsEntry]:
    for (word,) in struct.iter_unpack("!I", payload):
        yield MplsEntry(word >> 12, word >> 9 & 7, bool(word >> 8 & 1), word & 0xFF)


def _read_interface(item: ExtensionObject) -> InterfaceInfo | None:
    """Read the sub-objects, in the order of RFC 5837 section 4.1; None if they do not fill the object."""
    present, rest = item.c_type, item.payload
    index = addr = name = mtu = None
    try:
        if present & _INDEX:
            index, rest = _take_number(rest)
        if present & _ADDRESS:
            addr, rest = _take_address(rest)
        if present & _NAME:
            name, rest = _take_name(rest)
        if present & _MTU:
            mtu, rest = _take_number(rest)
    except BadPacketError:
        return None
    role = InterfaceRole(present >> 6)
    return None if rest else InterfaceInfo(role=role, index=index, addr=addr, name=name, mtu=mtu)


def _take_number(rest: bytes) -> tuple[int, bytes]:
    if len(rest) < 4:  # noqa: PLR2004 - bytes of the number
        raise BadPacketError("a sub-object of an interface is cut short")
    return int.from_bytes(rest[:4], "big"), rest[4:]


def _take_address(rest: bytes) -> tuple[str, bytes]:
    """RFC 5837 section 4.2: address family (2 bytes), reserved (2 bytes), address."""
    size = _AFI_SIZE.get(int.from_bytes(rest[:2], "big"), len(rest))
    if len(rest) < 4 + size:
        raise BadPacketError("the address of an interface is cut short, or of an unknown family")
    return address_text(rest[4 : 4 + size]), rest[4 + size :]


def _take_name(rest: bytes) -> tuple[str, bytes]:
    """RFC 5837 section 4.3: length of the sub-object (1 byte, itself counted), UTF-8, zeros."""
    length = rest[0] if rest else 0
    if not 0 < length <= len(rest) or length > _MAX_NAME + 1:
        raise BadPacketError("the name of an interface is cut short, or too long")
    return rest[1:length].rstrip(b"\0").decode(errors="replace"), rest[length:]
