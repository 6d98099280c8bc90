"""Filters in the kernel: which packets a raw socket is given at all.

Without them a raw socket gets every packet of its protocol that reaches this machine.
"""

import ctypes
import socket
import struct
from collections.abc import Iterable

from trippy_nb.lifetimes import Port
from trippy_nb.net import linux
from trippy_nb.net.addresses import pack

_INSTRUCTION = struct.Struct("@HBBI")  # sock_filter, linux/filter.h: code, jump if true, if false, operand
_PROGRAM = struct.Struct("@HP")  # sock_fprog: how many, where
_LOAD_WORD, _LOAD_HALF, _LOAD_HALF_X, _HEADER_LENGTH = 0x20, 0x28, 0x48, 0xB1
_EQUALS, _ANY_BIT, _RETURN = 0x15, 0x45, 0x06
_NETWORK = 0xFFF00000  # SKF_NET_OFF: counted from the network header, wherever the packet begins
_SOURCE_V4, _SOURCE_V6 = 12, 8
_FRAGMENT_AT, _LATER_FRAGMENT = 6, 0x1FFF
_WHOLE = 0x40000

_ICMP_WANTED = (0, 3, 4, 11, 12)  # echo reply, and the errors; RFC 792
_ICMPV6_WANTED = (1, 2, 3, 4, 129)  # RFC 4443


def pass_answers_only(port: Port, af: int) -> None:
    """Have a raw ICMP socket pass on errors and echo replies only."""
    if af == 4:  # noqa: PLR2004 - the IP version
        blocked = 0xFFFFFFFF & ~_bits(_ICMP_WANTED)
        port.setsockopt(linux.SOL_RAW, linux.ICMP_FILTER, struct.pack("@I", blocked))
        return
    blocked = (1 << 256) - 1 & ~_bits(_ICMPV6_WANTED)
    words = [blocked >> 32 * i & 0xFFFFFFFF for i in range(8)]  # icmp6_filter: a set bit blocks
    port.setsockopt(linux.SOL_ICMPV6, linux.ICMP6_FILTER, struct.pack("@8I", *words))


def _bits(types: Iterable[int]) -> int:
    return sum(1 << kind for kind in types)


def pass_target_only(port: Port, target: str, *, sport: int | None, dport: int | None) -> None:
    """Have a raw TCP or UDP socket pass on segments of the target's that may answer a probe.

    Parameters
    ----------
    port
        A raw socket. IPv4 ones see packets from the IP header on, IPv6 ones from the transport header.
    target
        Address they come from.
    sport, dport
        Ports of our probes, where they are fixed; answers have them swapped.
    """
    conditions: list[tuple[int, int, int, int]] = []
    packed = pack(target)
    header_first = len(packed) == 4  # noqa: PLR2004 - bytes of an IPv4 address
    first = _SOURCE_V4 if header_first else _SOURCE_V6
    for i in range(0, len(packed), 4):
        word = int.from_bytes(packed[i : i + 4], "big")
        conditions.append((_LOAD_WORD, _NETWORK + first + i, _EQUALS, word))
    load = _LOAD_HALF
    if header_first:
        conditions.append((_LOAD_HALF, _FRAGMENT_AT, _ANY_BIT, _LATER_FRAGMENT))
        load = _LOAD_HALF_X
    conditions += [
        (load, at, _EQUALS, number) for at, number in ((0, dport), (2, sport)) if number is not None
    ]
    _attach(port, _compile(conditions, header_first=header_first))


def _compile(conditions: list[tuple[int, int, int, int]], *, header_first: bool) -> bytes:
    """Turn conditions (load, where, test, operand) into a program that returns at the first that fails."""
    program: list[tuple[int, int, int, int]] = []
    if header_first:
        program.append((_HEADER_LENGTH, 0, 0, 0))
    refuse = len(program) + 2 * len(conditions) + 1
    for load, where, test, operand in conditions:
        program.append((load, 0, 0, where))
        off = refuse - len(program) - 1
        good, bad = (0, off) if test == _EQUALS else (off, 0)
        program.append((test, good, bad, operand))
    program += [(_RETURN, 0, 0, _WHOLE), (_RETURN, 0, 0, 0)]
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)


def _attach(port: Port, code: bytes) -> None:
    instructions = ctypes.create_string_buffer(code, len(code))  # the kernel copies it during the call
    program = _PROGRAM.pack(len(code) // _INSTRUCTION.size, ctypes.addressof(instructions))
    port.setsockopt(socket.SOL_SOCKET, linux.SO_ATTACH_FILTER, program)
