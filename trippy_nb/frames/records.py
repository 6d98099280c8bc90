"""The two records that the recorder packs: one a probe sent, one a packet that came back.

A record is written by one `struct.pack_into` call, which nothing can interrupt half-way (it is one
byte code under the interpreter lock), and read in bulk as a numpy structured array. Fields that may be
missing are wider than their values and hold -1, so that no second write has to say what is there.
"""

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

CHUNK_SHIFT: Final = 10
CHUNK_RECORDS: Final = 1 << CHUNK_SHIFT
CHUNK_MASK: Final = CHUNK_RECORDS - 1

NO_TIME: Final = -(2**63)
"""A missing time: what numpy and pandas read as NaT."""
NO_PROBE: Final = 2**32 - 1
NO_MATCH: Final = 255
NO_EXTENSION: Final = 0

EMPTY: Final = 0
SENT: Final = 1
FAILED: Final = 2

Records = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PROBE_FIELDS: Final = (
    ("before_ns", "<i8"),
    ("round", "<u4"),
    ("flow", "<u2"),
    ("seq", "<u2"),
    ("sport", "<u2"),
    ("dport", "<u2"),
    ("errno", "<u2"),
    ("ttl", "u1"),
    ("attempt", "u1"),
    ("state", "u1"),
    ("checksum", "<u2"),
    ("size", "<u2"),
    ("tx_ns", "<i8"),
)
REPLY_FIELDS: Final = (
    ("read_ns", "<i8"),
    ("kernel_ns", "<i8"),
    ("rtt_ns", "<i8"),
    ("key", "<u4"),
    ("responder", "<u4"),
    ("extension", "<u4"),
    ("size", "<i4"),
    ("ip_id", "<i4"),
    ("q_len", "<i4"),
    ("q_checksum", "<i4"),
    ("mtu", "<i4"),
    ("icmp_type", "<i2"),
    ("icmp_code", "<i2"),
    ("tcp_flags", "<i2"),
    ("ttl", "<i2"),
    ("tos", "<i2"),
    ("q_ttl", "<i2"),
    ("q_tos", "<i2"),
    ("kind", "u1"),
    ("match", "u1"),
    ("from_target", "u1"),
)
PROBE_DTYPE: Final = np.dtype(list(PROBE_FIELDS))
REPLY_DTYPE: Final = np.dtype(list(REPLY_FIELDS))

# The transmit stamp is not part of the first write: it may be here already, or come much later.
PROBE: Final = struct.Struct("<qIHHHHHBBBHH")
STAMP: Final = struct.Struct("<q")
STAMP_OFFSET: Final = PROBE.size
PROBE_SIZE: Final = PROBE.size + STAMP.size
REPLY: Final = struct.Struct("<qqqIIIiiiiihhhhhhhBBB")
REPLY_SIZE: Final = REPLY.size

BLANK_PROBES: Final = (bytes(PROBE.size) + STAMP.pack(NO_TIME)) * CHUNK_RECORDS


# What a look at few needs of a record; the rest is skipped.
_PROBE_FEW: Final = struct.Struct("<qIH8xBBB2xHq")
_REPLY_FEW: Final = struct.Struct("<qqqII24xh12xBxB")

ProbeFacts = tuple[int, int, int, int, int, int, int, int]
"""`before_ns`, `round`, `flow`, `ttl`, `attempt`, `state`, `size`, `tx_ns`."""
ReplyFacts = tuple[int, int, int, int, int, int, int, int]
"""`read_ns`, `kernel_ns`, `rtt_ns`, `key`, `responder`, `icmp_type`, `kind`, `from_target`."""
_STATE_AT: Final = struct.calcsize("<qIHHHHHBB")  # what stands before it in PROBE


def read_probes(chunks: list[tuple[int, bytearray]], since: int) -> dict[int, ProbeFacts]:
    """Copy the few newest probes, by key; as `read_chunks`, but tuples."""
    found: dict[int, ProbeFacts] = {}
    for number, chunk in chunks:
        first = number << CHUNK_SHIFT
        start = max(0, since - first)
        states = chunk[start * PROBE_SIZE + _STATE_AT :: PROBE_SIZE].rstrip(b"\0")
        records = chunk[start * PROBE_SIZE : (start + len(states)) * PROBE_SIZE]
        found |= enumerate(_PROBE_FEW.iter_unpack(records), first + start)
        if EMPTY in states:
            for at, state in enumerate(states, first + start):
                if state == EMPTY:
                    del found[at]
    return found


def read_replies(chunks: list[tuple[int, bytearray]], since: int, until: int) -> list[tuple[int, ReplyFacts]]:
    """Copy the few newest replies, with their numbers; as `read_chunks`, but tuples."""
    found: list[tuple[int, ReplyFacts]] = []
    for number, chunk in chunks:
        first = number << CHUNK_SHIFT
        start, end = max(0, since - first), min(CHUNK_RECORDS, until - first)
        if end > start:
            records = _REPLY_FEW.iter_unpack(chunk[start * REPLY_SIZE : end * REPLY_SIZE])
            found.extend(enumerate(records, first + start))
    return found


def read_chunks(
    chunks: list[tuple[int, bytearray]], dtype: np.dtype[np.void], since: int = 0
) -> tuple[Ints, Records]:
    """Copy chunks that another thread may be writing to.

    Parameters
    ----------
    chunks
        Chunk numbers and buffers, in order.
    dtype
        `PROBE_DTYPE` or `REPLY_DTYPE`.
    since
        Number of the first record wanted.

    Returns
    -------
    numbers
        Number of each record: the probe's key, or the reply's place in the order of arrival.
    records
        The records, as long as `numbers`.
    """
    chunks = [(number, chunk) for number, chunk in chunks if number >= since >> CHUNK_SHIFT]
    if not chunks:
        return np.empty(0, np.int64), np.empty(0, dtype)
    if len(chunks) == 1:  # a look at what is new: no more is copied than it needs
        number, chunk = chunks[0]
        skipped = max(0, since - (number << CHUNK_SHIFT))
        records = np.frombuffer(chunk[skipped * dtype.itemsize :], dtype)
        return np.arange(skipped, CHUNK_RECORDS) + (number << CHUNK_SHIFT), records
    within = np.arange(CHUNK_RECORDS, dtype=np.int64)
    numbers = np.concatenate([(number << CHUNK_SHIFT) + within for number, _ in chunks])
    # One copy a chunk holds the interpreter lock; bytes.join lets go of it over 1 MiB (stringlib/join.h).
    records = np.concatenate([np.frombuffer(bytes(chunk), dtype) for _, chunk in chunks])
    skipped = max(0, since - int(numbers[0]))
    return numbers[skipped:], records[skipped:]
