"""The Internet checksum against the RFCs' own numbers, a word-by-word sum, and scapy."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trippy_nb.wire.checksum import (
    internet_checksum,
    pseudo_header,
    solve,
    update_checksum,
    update_checksum_span,
    verify_checksum,
)

words = st.integers(0, 0xFFFF) | st.sampled_from([0, 0xFFFF])  # zero has two spellings


def sum_word_by_word(octets: bytes, initial: int = 0) -> int:
    """RFC 1071 section 4.1, as written there."""
    total = initial
    for i in range(0, len(octets), 2):
        total += int.from_bytes(octets[i : i + 2].ljust(2, b"\0"), "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("0001f203f4f5f6f7", 0x220D),  # RFC 1071 section 3: the sum is 0xddf2
        ("450000730000400040110000c0a80001c0a800c7", 0xB861),  # an IPv4 header
        ("", 0xFFFF),
        ("0000", 0xFFFF),
        ("ffff", 0),
        ("01", 0xFEFF),  # padded on the right
        ("fffe0001", 0),
    ],
)
def test_known_sums_come_out(octets, expected):
    assert internet_checksum(bytes.fromhex(octets)) == expected


@given(st.binary(max_size=200), st.integers(0, 0xFFFFFF))
def test_one_long_number_sums_as_word_by_word_does(octets, initial):
    assert internet_checksum(octets, initial) == sum_word_by_word(octets, initial)


@given(st.binary(min_size=2, max_size=100).filter(any), st.data())
def test_a_message_with_its_checksum_verifies_and_with_one_flipped_bit_does_not(octets, data):
    octets = octets[: len(octets) // 2 * 2]
    assume(any(octets))
    whole = octets + internet_checksum(octets).to_bytes(2, "big")
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    assert verify_checksum(whole)
    assert not verify_checksum(bytes(flipped))


def test_a_changed_word_follows_rfc_1624():
    # RFC 1624 section 4: the case that equation 2 gets wrong.
    assert update_checksum(0xDD2F, 0x5555, 0x3285) == 0x0000


@given(st.lists(words, min_size=2, max_size=20), st.data())
def test_an_update_equals_a_fresh_sum(numbers, data):
    place = data.draw(st.integers(0, len(numbers) - 1))
    changed = numbers.copy()
    changed[place] = data.draw(words)
    assume(any(numbers))
    assume(any(changed))
    before = internet_checksum(b"".join(n.to_bytes(2, "big") for n in numbers))
    after = internet_checksum(b"".join(n.to_bytes(2, "big") for n in changed))
    assert update_checksum(before, numbers[place], changed[place]) == after


@given(st.binary(min_size=4, max_size=100), st.integers(0, 0xFFFE), st.integers(0, 0xFFFFFF), st.data())
def test_a_solved_word_makes_the_checksum_come_out(octets, wanted, initial, data):
    offset = 2 * data.draw(st.integers(0, len(octets) // 2 - 1))
    solved = solve(octets, offset, wanted, initial)
    assert internet_checksum(solved, initial) == wanted
    assert (solved[:offset], solved[offset + 2 :]) == (octets[:offset], octets[offset + 2 :])


@pytest.mark.parametrize("wanted", [0, 1, 0x8000, 0xFFFE])
def test_even_a_message_of_zeros_can_be_solved(wanted):
    assert internet_checksum(solve(bytes(6), 2, wanted)) == wanted


@given(st.binary(min_size=8, max_size=40).filter(lambda octets: any(octets[2:])))
def test_a_message_solved_for_all_ones_verifies_with_them(octets):
    solved = solve(b"\0\0" + octets[2:], 2, 0xFFFF)
    assert verify_checksum(b"\xff\xff" + solved[2:])


@pytest.mark.parametrize("offset", [-2, 1, 3, 4, 5, 6])
def test_a_word_that_would_not_lie_inside_is_refused(offset):
    with pytest.raises(ValueError, match=f"offset {offset} "):
        solve(bytes(5), offset, 1)


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4), words)
def test_a_pseudo_header_sums_as_rfc_768_lays_it_out(source, target, length):
    laid_out = source + target + b"\0\x11" + length.to_bytes(2, "big")
    assert internet_checksum(b"", pseudo_header(source, target, 17, length)) == internet_checksum(laid_out)


@given(words, st.lists(st.tuples(words, words), max_size=9))
def test_a_span_is_updated_as_its_words_are_one_by_one(old, changes):
    step_by_step = old
    for before, after in changes:
        step_by_step = update_checksum(step_by_step, before, after)
    at_once = update_checksum_span(
        old,
        b"".join(before.to_bytes(2, "big") for before, _ in changes),
        b"".join(after.to_bytes(2, "big") for _, after in changes),
    )
    assert at_once == step_by_step
