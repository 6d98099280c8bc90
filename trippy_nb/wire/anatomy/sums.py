"""Whether a checksum is right, in words."""

from trippy_nb.wire.checksum import internet_checksum, verify_checksum


def sum_words(octets: bytes, at: int, *, whole: bool, initial: int = 0) -> str:
    """Spell a checksum and whether it is right.

    Parameters
    ----------
    octets
        What it covers, itself included.
    at
        Where it is in them, in bytes; even.
    whole
        Whether all that it covers is there.
    initial
        Sum of what is covered too but not among the bytes: see `pseudo_header`.
    """
    stated = int.from_bytes(octets[at : at + 2], "big")
    words = f"0x{stated:04x}"
    if not whole:
        return f"{words}, not checked: it covers more than is here"
    if verify_checksum(octets, initial):
        return f"{words}, right"
    right = internet_checksum(octets[:at] + b"\0\0" + octets[at + 2 :], initial)
    return f"{words}, wrong: 0x{right:04x} would be right"
