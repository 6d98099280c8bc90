"""Fields of a packet as a flat list, and who writes it: one cursor that never passes the end.

A field is a name, a place in bits and its value in words. Whoever reads bytes takes field after field; where
the bytes end, or say what cannot be, `Cut` ends that layer and the rest is one field "not understood".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

BYTE = 8
NOT_UNDERSTOOD = "rest"
"""Key of a field that holds what could not be read."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A header, or what follows one."""

    key: str
    """What it is in every packet: ``ipv4``, ``udp``, ``payload``, ..."""
    title: str
    quoted: bool = False
    """Whether it belongs to the packet that an ICMP error quotes."""


@dataclass(frozen=True, slots=True)
class Field:
    """Some bits that mean one thing."""

    layer: int
    """Place of its layer in `Anatomy.layers`."""
    key: str
    """What it is in every packet: ``ipv4.ttl``."""
    name: str
    value: str
    """In words."""
    bit: int
    """Where it begins, in bits from the beginning of the packet."""
    bits: int
    rfc: str
    """Where it is defined; empty where no RFC does."""
    purpose: str
    """What it is for, in half a sentence."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A packet taken apart: its fields lie one behind the other, without gaps."""

    octets: bytes
    layers: tuple[Layer, ...]
    fields: tuple[Field, ...]

    def number(self, field: Field) -> int:
        """Return the bits of a field as a number."""
        return bits_at(self.octets, field.bit, field.bits)

    def of(self, *, quoted: bool) -> list[Field]:
        """List the fields of the packet itself, or of the packet that it quotes."""
        return [field for field in self.fields if self.layers[field.layer].quoted is quoted]


class Spec(NamedTuple):
    """What is known of a field before its packet is seen."""

    key: str
    name: str
    bits: int
    rfc: str
    purpose: str
    spell: Callable[[int], str] = str


class Cut(Exception):  # noqa: N818 - an event, not an error: it never leaves the room
    """The bytes end before the layer does, or do not make sense."""


def bits_at(octets: bytes, bit: int, bits: int) -> int:
    """Return some bits as a number."""
    end = bit + bits
    last = -(-end // BYTE)
    number = int.from_bytes(octets[bit // BYTE : last], "big")
    return number >> last * BYTE - end & (1 << bits) - 1


class Scribe:
    """Takes field after field from a packet.

    Parameters
    ----------
    octets
        The packet. Untrusted.
    """

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.bit = 0
        self.end = len(octets)
        """Where the reader has to stop, in bytes: the end of a quote, or of a datagram."""
        self.layers: list[Layer] = []
        self.fields: list[Field] = []
        self.quoted = False

    @property
    def at(self) -> int:
        """Whole bytes that were read."""
        return self.bit // BYTE

    @property
    def left(self) -> int:
        """Bytes before the end."""
        return self.end - self.at

    def layer(self, key: str, title: str) -> None:
        """Begin a layer."""
        self._drop_empty_layer()
        self.layers.append(Layer(key, title, self.quoted))

    def take(self, spec: Spec, words: str | None = None) -> int:
        """Take a field, and return it as a number.

        Raises
        ------
        Cut
            If the end comes before the field's.
        """
        if self.bit + spec.bits > self.end * BYTE:
            raise Cut
        number = bits_at(self.octets, self.bit, spec.bits)
        value = spec.spell(number) if words is None else words
        self._write(spec.key, spec.name, value, spec.bits, spec.rfc, spec.purpose)
        return number

    def take_all(self, specs: Iterable[Spec]) -> dict[str, int]:
        """Take one field after the other."""
        return {spec.key: self.take(spec) for spec in specs}

    def bytes_ahead(self, size: int) -> bytes:
        """Look at the next bytes.

        Raises
        ------
        Cut
            If there are not so many.
        """
        if size > self.left:
            raise Cut
        return self.octets[self.at : self.at + size]

    def take_bytes(self, key: str, name: str, size: int, rfc: str, purpose: str, words: str = "") -> bytes:
        """Take bytes that are no number."""
        octets = self.bytes_ahead(size)
        if size:
            self._write(key, name, words or bytes_words(octets), size * BYTE, rfc, purpose)
        return octets

    def not_understood(self, why: str) -> None:
        """Take what is left before the end as one field."""
        bits = self.end * BYTE - self.bit
        if bits > 0:
            if not self.layers or self.layers[-1].quoted is not self.quoted:
                self.layer("rest", "Not understood")
            self._write(NOT_UNDERSTOOD, "Not understood", why, bits, "", "could not be read as a field")

    def _write(self, key: str, name: str, value: str, bits: int, rfc: str, purpose: str) -> None:
        self.fields.append(Field(len(self.layers) - 1, key, name, value, self.bit, bits, rfc, purpose))
        self.bit += bits

    def _drop_empty_layer(self) -> None:
        """Forget a layer that began where the bytes end."""
        last = self.fields[-1].layer if self.fields else -1
        del self.layers[last + 1 :]

    def anatomy(self) -> Anatomy:
        """Return what was written."""
        self._drop_empty_layer()
        return Anatomy(self.octets, tuple(self.layers), tuple(self.fields))


_MOST_SHOWN = 12


def bytes_words(octets: bytes) -> str:
    """Spell bytes: all of a few, the first of many."""
    shown = octets[:_MOST_SHOWN].hex(" ")
    if len(octets) <= _MOST_SHOWN:
        return shown
    if octets.count(octets[0]) == len(octets):
        return f"{len(octets):,} bytes, all {octets[:1].hex()}"
    return f"{len(octets):,} bytes: {shown} ..."
