"""What quotes and extensions tell beyond who answered: address translation, MPLS label stacks."""

from typing import Final

import numpy as np

from trippy_nb.errors import BadPacketError
from trippy_nb.frames.records import Ints, Records
from trippy_nb.frames.snapshot import Rows
from trippy_nb.model import Multipath, Plan, Probe, Protocol
from trippy_nb.wire import decode_extensions, encode_probe, mpls_text

NAT_WORDS: Final = ("no", "yes", "unknown")
_NO, _YES, _UNKNOWN = range(3)
_UDP_CHECKSUM_AT: Final = 26  # IPv4 header of 20 bytes without options (RFC 791), then RFC 768
_IPV4: Final = 4


def find_nat(plan: Plan, rows: Rows) -> Ints:
    """Find for each reply whether its quote shows an address translation (codes of `NAT_WORDS`).

    As Trippy does (its `nat_status`), for UDP dublin on IPv4 only, whose checksum is the same in all probes
    of a flow: the first responder of a round saw a translation if the checksum it quotes is not the one
    sent, a later one if it is not the one that the responder before it quoted. Blind to translators
    that restore the quote, as Linux's does.
    """
    nat = np.full(len(rows.replies), _UNKNOWN)
    if plan.protocol is not Protocol.UDP or plan.multipath is not Multipath.DUBLIN or plan.af != _IPV4:
        return nat
    checksum = rows.replies["q_checksum"]
    places = np.flatnonzero(rows.matched & (checksum >= 0))
    # Rows are sorted by (round, flow, ttl, attempt), replies of one probe by arrival.
    places = places[np.argsort(rows.row[places], kind="stable")]
    probes = rows.probes[rows.row[places]]
    group = (probes["round"].astype(np.int64) << 16) | probes["flow"]
    begins = np.ones(len(places), bool)
    begins[1:] = group[1:] != group[:-1]
    quoted = checksum[places].astype(np.int64)
    previous = np.empty_like(quoted)
    previous[1:] = quoted[:-1]
    previous[begins] = _sent_checksums(plan, probes[begins])
    nat[places] = np.where(quoted == previous, _NO, _YES)
    return nat


def _sent_checksums(plan: Plan, probes: Records) -> Ints:
    known: dict[tuple[int, int, int], int] = {}
    for record in probes:
        flow, sport, dport = int(record["flow"]), int(record["sport"]), int(record["dport"])
        if (flow, sport, dport) not in known:
            probe = Probe(
                key=0,
                round=int(record["round"]),
                flow=flow,
                ttl=int(record["ttl"]),
                attempt=int(record["attempt"]),
                seq=int(record["seq"]),
                sport=sport,
                dport=dport,
                size=int(record["size"]),
            )
            packet = encode_probe(plan, probe)
            known[flow, sport, dport] = int.from_bytes(packet[_UDP_CHECKSUM_AT : _UDP_CHECKSUM_AT + 2], "big")
    return np.array(
        [
            known[int(flow), int(sport), int(dport)]
            for flow, sport, dport in probes[["flow", "sport", "dport"]]
        ],
        np.int64,
    )


def read_extensions(extensions: list[bytes | None]) -> tuple[list[str | None], list[bytes | None]]:
    """Read each distinct extension structure once.

    Returns
    -------
    mpls
        The label stack of each as text; None where there is none, or the structure is malformed.
    rest
        The other objects as received; of a malformed structure all of it; None where there is nothing.
    """
    mpls: list[str | None] = []
    rest: list[bytes | None] = []
    for extension in extensions:
        if extension is None:
            mpls.append(None)
            rest.append(None)
            continue
        try:
            decoded = decode_extensions(extension)
        except BadPacketError:
            mpls.append(None)
            rest.append(extension)
            continue
        mpls.append(mpls_text(decoded.mpls) or None)
        rest.append(decoded.others or None)
    return mpls, rest
