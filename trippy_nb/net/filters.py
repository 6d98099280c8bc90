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
from trippy_nb.net.question import Question

_INSTRUCTION = struct.Struct("@HBBI")  # sock_filter, linux/filter.h: code, jump if true, if false, operand
_PROGRAM = struct.Struct("@HP")  # sock_fprog: how many, where
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _HEADER_LENGTH = 0x20, 0x28, 0x30, 0xB1
_BEHIND_HEADER = (
    0x60  # exclusive or with a load: BPF_IND for BPF_ABS, counted from the end of the IPv4 header
)
_EQUALS, _ANY_BIT, _RETURN = 0x15, 0x45, 0x06
_NETWORK = 0xFFF00000  # SKF_NET_OFF: counted from the network header, wherever the packet begins
_SOURCE_V4, _SOURCE_V6 = 12, 8
_FRAGMENT_AT, _LATER_FRAGMENT = 6, 0x1FFF
_WHOLE = 0x40000
_ECHO_ID, _QUOTE = 4, 8  # offsets into an ICMP message: RFC 792

_Instruction = tuple[int, int, int, int]
_Condition = tuple[int, int, int, int]  # load, where, test, operand

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
    conditions: list[_Condition] = []
    packed = pack(target)
    header_first = len(packed) == 4  # noqa: PLR2004 - bytes of an IPv4 address
    first = _SOURCE_V4 if header_first else _SOURCE_V6
    for i in range(0, len(packed), 4):
        word = int.from_bytes(packed[i : i + 4], "big")
        conditions.append((_LOAD_WORD, _NETWORK + first + i, _EQUALS, word))
    load = _LOAD_HALF
    if header_first:
        conditions.append((_LOAD_HALF, _FRAGMENT_AT, _ANY_BIT, _LATER_FRAGMENT))
        load ^= _BEHIND_HEADER
    conditions += [
        (load, at, _EQUALS, number) for at, number in ((0, dport), (2, sport)) if number is not None
    ]
    _attach(port, _all_of(conditions), header_first=header_first)


def pass_own_answers_only(port: Port, asked: Question) -> None:
    """Have a raw ICMP socket pass on what may answer a probe of one trace, by the rules of `Question`.

    Parameters
    ----------
    port
        A raw ICMP socket, see `pass_target_only`.
    asked
        What the trace asked.
    """
    header_first = len(asked.target) == 4  # noqa: PLR2004 - bytes of an IPv4 address
    mode = _BEHIND_HEADER if header_first else 0
    errors: list[_Condition] = [(_LOAD_BYTE ^ mode, _QUOTE + asked.protocol_at, _EQUALS, asked.protocol)]
    for i in range(0, len(asked.target), 4):
        word = int.from_bytes(asked.target[i : i + 4], "big")
        errors.append((_LOAD_WORD ^ mode, _QUOTE + asked.target_at + i, _EQUALS, word))
    echoes: list[_Instruction] = [(_RETURN, 0, 0, 0)]
    if asked.identifier is not None:
        identifier = int.from_bytes(asked.identifier, "big")
        echoes = _all_of([(_LOAD_HALF ^ mode, _ECHO_ID, _EQUALS, identifier)])
    program = [
        (_LOAD_BYTE ^ mode, 0, 0, 0),
        (_EQUALS, 0, len(echoes), asked.echo_reply),
        *echoes,
        *_all_of(errors),
    ]
    _attach(port, program, header_first=header_first)


def _all_of(conditions: list[_Condition]) -> list[_Instruction]:
    """Turn conditions into instructions that return at the first that fails, or that ends too far away."""
    program: list[_Instruction] = []
    refuse = 2 * len(conditions) + 1
    for load, where, test, operand in conditions:
        program.append((load, 0, 0, where))
        off = refuse - len(program) - 1
        good, bad = (0, off) if test == _EQUALS else (off, 0)
        program.append((test, good, bad, operand))
    return [*program, (_RETURN, 0, 0, _WHOLE), (_RETURN, 0, 0, 0)]


def _attach(port: Port, program: list[_Instruction], *, header_first: bool) -> None:
    if header_first:
        program = [(_HEADER_LENGTH, 0, 0, 0), *program]
    code = b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(code, len(code))  # the kernel copies it during the call
    pointer = _PROGRAM.pack(len(program), ctypes.addressof(instructions))
    port.setsockopt(socket.SOL_SOCKET, linux.SO_ATTACH_FILTER, pointer)
