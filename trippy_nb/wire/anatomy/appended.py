"""What routers append to an error: RFC 4884 (structure), RFC 4950 (MPLS), RFC 5837 (interfaces)."""

from trippy_nb.wire.anatomy.scribe import Cut, Scribe, Spec
from trippy_nb.wire.anatomy.sums import sum_words
from trippy_nb.wire.anatomy.words import named, reserved_words, size_words
from trippy_nb.wire.extensions import INTERFACE_CLASS, MPLS_CLASS, MPLS_INCOMING, InterfaceRole
from trippy_nb.wire.packet import address_text

_OBJECT_SIZE = 4
_HEADER = "RFC 4884 section 7"
_OBJECT = "RFC 4884 section 8"
_MPLS = "RFC 3032 section 2.1"
_INTERFACE = "RFC 5837 section 4.1"
_CLASSES = {MPLS_CLASS: "MPLS label stack", INTERFACE_CLASS: "interface information"}
_ROLES = {
    InterfaceRole.INCOMING: "it came in here",
    InterfaceRole.SUB_IP: "part of the interface it came in by",
    InterfaceRole.OUTGOING: "it would have gone out here",
    InterfaceRole.NEXT_HOP: "the next hop",
}
_PARTS = ((0x08, "index"), (0x04, "address"), (0x02, "name"), (0x01, "MTU"))
_FAMILIES = {1: (4, "1 (IPv4)"), 2: (16, "2 (IPv6)")}
_MPLS_ENTRY = (
    Spec("mpls.label", "Label", 20, _MPLS, "what the packet is switched by inside the tunnel"),
    Spec("mpls.exp", "Traffic class", 3, "RFC 5462", "the DSCP of the tunnel"),
    Spec("mpls.bottom", "Bottom of stack", 1, _MPLS, "set in the innermost label",
         lambda number: "1 (the last)" if number else "0 (another follows)"),
    Spec("mpls.ttl", "TTL", 8, _MPLS, "lowered within the tunnel, as that of IP outside"),
)  # fmt: skip
_CLASS = Spec("ext.class", "Class", 8, _OBJECT, "says what the object is about", named(_CLASSES))
_C_TYPE = Spec("ext.c_type", "Type within the class", 8, _OBJECT, "says how to read what follows")


def read_extensions(scribe: Scribe, size: int) -> None:
    """Take a whole extension structure, which `split_body` found to be one.

    Raises
    ------
    Cut
        If an object does not hold what its class demands.
    """
    octets = scribe.bytes_ahead(size)
    end = scribe.at + size
    scribe.layer("ext", "Extensions")
    scribe.take(Spec("ext.version", "Version", 4, _HEADER, "2: all others are something else"))
    scribe.take(Spec("ext.reserved", "Reserved", 12, _HEADER, "not used", reserved_words))
    words = sum_words(octets, 2, whole=True) if any(octets[2:4]) else "0, none was made"
    scribe.take(Spec("ext.checksum", "Checksum", 16, _HEADER, "tells extensions from padding"), words)
    while scribe.at < end:
        length, kind, c_type = int.from_bytes(scribe.bytes_ahead(2), "big"), *scribe.bytes_ahead(4)[2:]
        stop = scribe.at + length
        names = {MPLS_CLASS: "MPLS", INTERFACE_CLASS: "Interface"}
        scribe.layer("ext.object", names.get(kind, "Object"))
        purpose = "of this object, header and content"
        scribe.take(Spec("ext.length", "Length", 16, _OBJECT, purpose, size_words))
        scribe.take(_CLASS)
        if kind == INTERFACE_CLASS:
            _read_interface(scribe, c_type, stop)
        else:
            is_stack = (kind, c_type) == (MPLS_CLASS, MPLS_INCOMING)
            scribe.take(_C_TYPE, "1 (as it came in)" if is_stack else None)
            if is_stack and length % _OBJECT_SIZE == 0:
                while scribe.at < stop:
                    scribe.take_all(_MPLS_ENTRY)
        left = stop - scribe.at
        scribe.take_bytes("ext.data", "Content", left, _OBJECT, "of a class or shape we do not know")


def _read_interface(scribe: Scribe, c_type: int, stop: int) -> None:
    """Take what an object tells of an interface, in the order of RFC 5837 section 4.1."""
    role = _ROLES[InterfaceRole(c_type >> 6)]
    scribe.take(Spec("if.role", "Role", 2, _INTERFACE, "which interface it is"), f"{c_type >> 6} ({role})")
    scribe.take(Spec("if.reserved", "Reserved", 2, _INTERFACE, "not used", reserved_words))
    told = ", ".join(name for bit, name in _PARTS if c_type & bit) or "nothing"
    scribe.take(Spec("if.parts", "Told", 4, _INTERFACE, "says which parts follow"), told)
    end, scribe.end = scribe.end, stop
    try:
        if c_type & 0x08:
            scribe.take(Spec("if.index", "Interface index", 32, _INTERFACE, "its number on the router"))
        if c_type & 0x04:
            _read_address(scribe)
        if c_type & 0x02:
            _read_name(scribe)
        if c_type & 0x01:
            scribe.take(Spec("if.mtu", "MTU", 32, _INTERFACE, "the largest packet it takes", size_words))
    except Cut:
        scribe.not_understood("shorter than the object says")
    finally:
        scribe.end = end


def _read_address(scribe: Scribe) -> None:
    rfc = "RFC 5837 section 4.2"
    family = int.from_bytes(scribe.bytes_ahead(2), "big")
    size, words = _FAMILIES.get(family, (0, f"{family}, unknown"))
    scribe.take(Spec("if.afi", "Address family", 16, rfc, "IPv4 or IPv6"), words)
    scribe.take(Spec("if.reserved", "Reserved", 16, rfc, "not used", reserved_words))
    if not size:
        raise Cut
    address = address_text(scribe.bytes_ahead(size))
    scribe.take_bytes("if.addr", "Address", size, rfc, "of the interface", address)


def _read_name(scribe: Scribe) -> None:
    rfc = "RFC 5837 section 4.3"
    length = scribe.bytes_ahead(1)[0]
    if not length:
        raise Cut
    name = scribe.bytes_ahead(length)[1:].rstrip(b"\0").decode(errors="replace")
    purpose = "of the name, its own byte counted"
    scribe.take(Spec("if.name_length", "Length of the name", 8, rfc, purpose, size_words))
    scribe.take_bytes("if.name", "Name", length - 1, rfc, "as the router's manager gave it", repr(name))
