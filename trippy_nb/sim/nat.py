"""Address and port translation of a NAT (IPv4), on bytes.

What passes outwards gets the NAT's address and a port, or echo identifier, out of its block: one for
each inside address, number and protocol, whatever the destination (endpoint-independent mapping, RFC 4787
section 4.1). What comes back is translated back, and so is the packet that an ICMP error quotes (RFC 5508
section 4.2), as well as the NAT is able to: see `Translator.back`.
"""

import hashlib
from collections import OrderedDict

from trippy_nb.sim.scenario import Nat
from trippy_nb.wire import (
    ICMP,
    decode_icmp,
    find_checksum,
    find_number,
    internet_checksum,
    pack_address,
    with_source,
    with_target,
)

_IPV4 = 4
_SOURCE, _TARGET = slice(12, 16), slice(16, 20)
_PROTOCOL = 9

_Inside = tuple[bytes, int, int]  # packed address, port or identifier, protocol


class Translator:
    """What one NAT does to packets, and the table of its mappings.

    A mapping starts at a port that follows from seed, address, number and protocol; where that is taken, at
    the next free one, so it may depend on what was sent before. When all are taken, the mapping that was
    used least recently gives its port away: as if it had timed out, which virtual time does not do.

    Parameters
    ----------
    nat
        What the scenario says of it.
    seed
        Of the scenario, or of the place in it: other seeds give other ports.
    """

    def __init__(self, nat: Nat, seed: int) -> None:
        self._nat = nat
        self._address = pack_address(nat.v4)
        self._low, high = nat.ports
        self._size = high - self._low + 1
        self._key = repr(seed).encode()
        self._taken: dict[int, OrderedDict[int, _Inside]] = {}
        """By protocol: who has which number, least recently used first."""
        self._given: dict[_Inside, int] = {}

    def outwards(self, packet: bytes) -> bytes:
        """Translate a packet that passes from inside to outside.

        Parameters
        ----------
        packet
            A whole packet. IPv6 passes untouched; of IPv4 without a port or identifier (other protocols,
            ICMP that is no echo, later fragments) the address alone is translated.
        """
        if packet[0] >> 4 != _IPV4:
            return packet
        number, protocol = find_number(packet), packet[_PROTOCOL]
        if number is not None and (protocol != ICMP or self._nat.ids):
            number = self._number((packet[_SOURCE], number, protocol))
        return with_source(packet, self._address, number)

    def back(self, answer: bytes, *, before: bytes, after: bytes) -> bytes:
        """Translate an answer that passes from outside to inside.

        Destination address and port, or the identifier of an echo reply, become those of the probe. Of an
        error they become so in the quote as well, by the scenario's ``quote``:

        ``restored``
            The quote's checksums follow: it is as the source sent it, as by Linux (conntrack:
            nf_nat_icmp_reply_translation in net/netfilter/nf_nat_proto.c).
        ``addresses``
            Its transport checksum is left as the translated packet had it: the mark by which Dublin
            traceroute finds a NAT. That of the quoted IP header follows.
        ``kept``
            It stays as it went on from here.

        What else was rewritten farther on (TTL, TOS, identification) stays as it was quoted, and what
        follows the quote as it came. A quote that does not come from this NAT's own address and port,
        because another one farther on kept it translated, is left alone: nothing here knows it.

        Parameters
        ----------
        answer
            A whole packet on its way back. One that does not go to the NAT passes untouched.
        before, after
            The probe that it answers, as it reached the NAT and as it went on.
        """
        if answer[0] >> 4 != _IPV4 or answer[_TARGET] != after[_SOURCE]:
            return answer
        inside, number = before[_SOURCE], find_number(before)
        if answer[_PROTOCOL] == ICMP and find_number(answer) is None:
            answer = self._with_quote_back(answer, inside, number, after)
        return with_target(answer, inside, number)

    def _with_quote_back(self, error: bytes, inside: bytes, number: int | None, after: bytes) -> bytes:
        begin = (error[0] & 0xF) * 4
        head, quote = error[begin : begin + 8], error[begin + 8 :]
        # What follows the quote, an extension structure too, lies behind every field that changes.
        if self._nat.quote == "kept" or not _is_error(head) or not _is_quote_of(quote, after):
            return error
        keep = self._nat.quote == "addresses" or _is_checksum_cut(quote, after)
        quote = with_source(quote, inside, number, keep_checksum=keep)
        total = internet_checksum(head[:2] + b"\0\0" + head[4:] + quote)
        return error[:begin] + head[:2] + total.to_bytes(2, "big") + head[4:] + quote

    def _number(self, inside: _Inside) -> int:
        taken = self._taken.setdefault(inside[2], OrderedDict())
        number = self._given.get(inside)
        if number is not None:
            taken.move_to_end(number)
            return number
        if len(taken) >= self._size:
            number, forgotten = taken.popitem(last=False)
            del self._given[forgotten]
        else:
            number = self._low + self._first_choice(inside) % self._size
            while number in taken:
                number = self._low + (number - self._low + 1) % self._size
        taken[number] = inside
        self._given[inside] = number
        return number

    def _first_choice(self, inside: _Inside) -> int:
        hashed = hashlib.blake2b(repr(inside).encode(), digest_size=8, key=self._key)
        return int.from_bytes(hashed.digest(), "big")


def _is_error(head: bytes) -> bool:
    return len(head) == 8 and decode_icmp(head, af=_IPV4).is_error  # noqa: PLR2004 - an ICMP header


def _is_quote_of(quote: bytes, packet: bytes) -> bool:
    """Tell whether a quote comes from where a packet came from: address, protocol, port or identifier."""
    if len(quote) < 20 or quote[_SOURCE] != packet[_SOURCE] or quote[_PROTOCOL] != packet[_PROTOCOL]:  # noqa: PLR2004 - an IPv4 header
        return False
    return find_number(quote) in (None, find_number(packet))


def _is_checksum_cut(quote: bytes, packet: bytes) -> bool:
    """Tell whether zeros stand where a checksum was: a short quote is padded with them before extensions."""
    return find_checksum(quote) == 0 and find_checksum(packet) not in (0, None)
