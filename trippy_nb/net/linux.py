"""Numbers of the Linux socket interface that Python's `socket` lacks.

From include/uapi/asm-generic/socket.h and include/uapi/linux/{in,in6,icmp,icmpv6,errqueue,net_tstamp}.h.
"""

import errno

SO_BINDTODEVICE = 25
SO_MARK = 36
SO_RCVBUFFORCE = 33
SO_ATTACH_FILTER = 26
SO_TIMESTAMPNS = 35
SO_TIMESTAMPING = 37
SCM_TS_OPT_ID = 81  # Linux 6.13: the number of a transmit stamp, chosen by the sender

SOF_TX_SOFTWARE = 1 << 1
SOF_RX_SOFTWARE = 1 << 3
SOF_SOFTWARE = 1 << 4
SOF_OPT_ID = 1 << 7
SOF_OPT_CMSG = 1 << 10
SOF_OPT_TSONLY = 1 << 11

SOL_IP, SOL_IPV6, SOL_RAW, SOL_ICMPV6 = 0, 41, 255, 58
IP_TOS, IP_TTL, IP_RECVERR, IP_RECVTTL, IP_RECVTOS, IP_RECVERR_RFC4884 = 1, 2, 11, 12, 13, 26
IPV6_RECVERR, IPV6_RECVERR_RFC4884, IPV6_HDRINCL = 25, 31, 36
IPV6_UNICAST_HOPS = 16
IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT, IPV6_RECVTCLASS, IPV6_TCLASS = 51, 52, 66, 67
ICMP_FILTER, ICMP6_FILTER = 1, 1

EE_LOCAL, EE_ICMP, EE_ICMP6, EE_STAMP = 1, 2, 3, 4  # sock_extended_err.ee_origin
EE_RFC4884_INVALID = 1

_QUEUED = (
    "ECONNREFUSED",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "EHOSTDOWN",
    "ENONET",
    "ENOPROTOOPT",
    "EOPNOTSUPP",
    "EMSGSIZE",
    "EPROTO",
    "EACCES",
    "EREMOTEIO",
)
QUEUED_ICMP = frozenset(getattr(errno, name) for name in _QUEUED if hasattr(errno, name))
"""What net/ipv4/icmp.c (`icmp_err_convert`) and net/ipv6/icmp.c make of ICMP errors, and net/ipv4/ping.c of a
source quench (EREMOTEIO): a socket with IP_RECVERR reports each once more as the result of the next call,
whatever that call does."""

IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_PROBE = 10, 23, 3  # DF set, path MTU ignored
